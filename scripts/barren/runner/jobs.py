"""The jobs of an experiment: which widths share one, and what each leaves.

Narrow widths share a job until it is worth its start (`cost.SHARED`), by the rates of
the machine we measured on, so that files have the same names everywhere.
"""

from collections.abc import Callable, Iterable, Sequence

from barren.physics.ensembles import TFQ, Ensemble
from barren.runner import cost, layout
from barren.runner.experiment import Experiment, widths

#: The ensembles of a job by the job's name, their widths: "4-10", or "12".
Shared = dict[str, list[Ensemble]]


def share(
    ensembles: Sequence[Ensemble], seconds: Callable[[list[Ensemble]], float]
) -> Shared:
    """The jobs of some ensembles, of which `seconds` says what they take."""
    jobs: list[list[Ensemble]] = []
    for width in widths(ensembles):
        added = [ensemble for ensemble in ensembles if ensemble.width == width]
        if jobs and seconds(jobs[-1] + added) <= cost.SHARED:
            jobs[-1] += added
        else:
            jobs.append(added)
    ends = [dict.fromkeys((of[0].width, of[-1].width)) for of in jobs]
    return {"-".join(map(str, of)): job for of, job in zip(ends, jobs, strict=True)}


def gradient_jobs(experiment: Experiment) -> Shared:
    config = experiment.config
    size = min(config["batch_size"], config["samples"])
    rates = cost.RATES[config["engine"]]
    return share(experiment.sampled, lambda of: cost.gradient(of, size, rates).seconds)


def theory_jobs(experiment: Experiment) -> Shared:
    return share(experiment.ensembles, lambda of: cost.theory(of, cost.RATES[TFQ]))


def outputs(experiment: Experiment) -> dict[str, list[str]]:
    """What every job leaves, by the steps of which there may be several jobs."""
    sampled, batches = widths(experiment.sampled), experiment.batches
    return {
        "sample_circuits": [
            layout.batch(width, *of) for width in sampled for of in batches
        ],
        "compute_gradients": [
            layout.gradients(name, *of)
            for name in gradient_jobs(experiment)
            for of in batches
        ],
        "predict_variance": [layout.theory(name) for name in theory_jobs(experiment)],
    }


def records(experiment: Experiment, once: Iterable[str] = ()) -> list[str]:
    """The records of steps that run once, and of those jobs."""
    jobs = outputs(experiment).items()
    several = [layout.record(step, output) for step, of in jobs for output in of]
    return [*map(layout.record, once), *several]
