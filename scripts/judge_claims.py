from barren.analysis import statements
from barren.analysis.claims import judge
from barren.analysis.evidence import join_draws, read_points, reduce_draws
from barren.analysis.fits import fits_table
from barren.analysis.tables import points_of, read_table, write_table
from barren.physics.batches import Batch, read_batch
from barren.runner import layout, step
from barren.runner.experiment import Experiment


def judge_claims(
    experiment: step.Input,
    gradients: step.Input,
    statistics: step.Input,
    theory: step.Input,
    claims: step.Output,
    fits: step.Output,
    verdict: step.Output,
) -> step.Found:
    """Judge the claims of the tutorial and the papers from an experiment's numbers."""
    found = Experiment.read(experiment)
    exact = read_table(theory)
    ensembles = points_of(found.ensembles, exact)
    read: dict[str, list[Batch]] = {}
    paths = []
    for program, ensemble in found.programs.items():
        batches = [layout.batch(program, *batch) for batch in found.batches]
        paths += [experiment.parent / name for name in batches]
        read[program] = [
            read_batch(experiment.parent / name, ensemble, found.config["seed"])
            for name in batches
        ]
    draws = {
        ensemble: join_draws(
            reduce_draws(ensemble, of) for of in read[ensemble.program]
        )
        for ensemble in ensembles
        if ensemble.program in read
    }
    tables = exact, read_table(statistics), read_table(gradients)
    points = read_points(ensembles, found.key_columns, *tables, draws)
    findings = judge(points)
    write_table(fits_table(points, found.key_columns), fits)
    write_table(statements.table(findings), claims)
    verdict.write_text(statements.render(findings))
    return {"batches": paths}


if __name__ == "__main__":
    step.run(judge_claims)
