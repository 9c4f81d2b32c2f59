from barren.analysis import statements
from barren.analysis.claims import judge
from barren.analysis.evidence import join_draws, read_points, reduce_draws
from barren.analysis.tables import read_table, rows_by_ensemble, write_table
from barren.physics.batches import read_batch
from barren.physics.ensembles import grouped
from barren.runner import layout, step
from barren.runner.experiment import Experiment
from barren.runner.jobs import outputs


def judge_claims(
    experiment: step.Input,
    gradients: step.Input,
    statistics: step.Input,
    theory: step.Input,
    claims: step.Output,
    verdict: step.Output,
) -> step.Found:
    """Judge the claims of the tutorial and the papers from an experiment's numbers."""
    found = Experiment.read(experiment)
    exact, told, sampled = map(read_table, (theory, statistics, gradients))
    seed = found.config["seed"]
    folder = experiment.parent
    every = rows_by_ensemble(told, found.ensembles)
    of_program = grouped(every, lambda ensemble: ensemble.program)
    draws = {}
    for program, e in found.programs.items():  # one at a time: they may be large
        paths = [folder / layout.batch(e.width, *of) for of in found.batches]
        batches = [read_batch(path, e, seed, programs=False) for path in paths]
        for n, ensemble in enumerate(of_program[program]):
            reduced = (reduce_draws(ensemble, of, count=n == 0) for of in batches)
            draws[ensemble] = join_draws(reduced)
    findings = judge(read_points(found.ensembles, exact, told, sampled, draws))
    write_table(statements.table(findings), claims)
    verdict.write_text(statements.render(findings))
    return {"batches": [folder / name for name in outputs(found)["sample_circuits"]]}


if __name__ == "__main__":
    step.run(judge_claims)
