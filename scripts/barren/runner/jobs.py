"""The jobs of an experiment: which widths share one, and what each leaves.

Narrow widths share a job until it is worth its start (`cost.SHARED`), by the rates of
the machine we measured on, so that files have the same names everywhere.
"""

from collections.abc import Callable, Sequence

from barren.physics.ensembles import Ensemble
from barren.runner import cost, layout
from barren.runner.experiment import Experiment, widths

#: Widths by the name of the job that takes all their ensembles: "4-10", or "12".
Shared = dict[str, list[int]]


def share(
    ensembles: Sequence[Ensemble], seconds: Callable[[list[Ensemble]], float]
) -> Shared:
    """The jobs of some ensembles, of which `seconds` says what they take."""
    jobs: list[list[int]] = []
    for width in widths(ensembles):
        shared = [*(jobs[-1] if jobs else []), width]
        if seconds([e for e in ensembles if e.width in shared]) > cost.SHARED:
            jobs.append([width])
        else:
            jobs = [*jobs[:-1], shared]
    return {"-".join(map(str, dict.fromkeys((w[0], w[-1])))): w for w in jobs}


def gradient_widths(experiment: Experiment) -> Shared:
    """The widths of each job that computes gradients."""
    config = experiment.config
    size = min(config["batch_size"], config["samples"])
    rates = cost.RATES[config["engine"]]
    return share(experiment.sampled, lambda of: cost.gradient(of, size, rates).seconds)


def theory_widths(experiment: Experiment) -> Shared:
    """The widths of each job that predicts."""
    rates = cost.RATES[experiment.config["engine"]]
    return share(experiment.ensembles, lambda of: cost.theory(of, rates))


def outputs(experiment: Experiment) -> dict[str, list[str]]:
    """What every job leaves, by the steps of which there may be several jobs."""
    sampled, batches = widths(experiment.sampled), experiment.batches
    return {
        "sample_circuits": [
            layout.batch(width, *of) for width in sampled for of in batches
        ],
        "compute_gradients": [
            layout.gradients(name, *of)
            for name in gradient_widths(experiment)
            for of in batches
        ],
        "predict_variance": [layout.theory(name) for name in theory_widths(experiment)],
    }


def records(experiment: Experiment) -> list[str]:
    """The records of those jobs."""
    jobs = outputs(experiment).items()
    return [layout.record(step, output) for step, of in jobs for output in of]
