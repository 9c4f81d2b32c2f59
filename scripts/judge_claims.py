from barren.analysis import statements
from barren.analysis.claims import judge
from barren.analysis.evidence import join_draws, read_points, reduce_draws
from barren.analysis.fits import fits_table
from barren.analysis.tables import read_table, write_table
from barren.physics.batches import read_batch
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
    seed = found.config["seed"]
    batches = {
        ensemble: [
            experiment.parent / layout.batch(ensemble.name, *batch)
            for batch in found.batches
        ]
        for ensemble in found.sampled
    }
    draws = {
        ensemble: join_draws(
            reduce_draws(ensemble, read_batch(path, ensemble, seed)[1])
            for path in paths
        )
        for ensemble, paths in batches.items()
    }
    points = read_points(
        found.ensembles,
        found.key_columns,
        read_table(theory),
        read_table(statistics),
        read_table(gradients),
        draws,
    )
    findings = judge(points)
    write_table(fits_table(points, found.key_columns), fits)
    write_table(statements.table(findings), claims)
    verdict.write_text(statements.render(findings))
    return {"batches": [path for paths in batches.values() for path in paths]}


if __name__ == "__main__":
    step.run(judge_claims)
