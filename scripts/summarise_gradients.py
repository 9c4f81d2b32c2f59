from dataclasses import asdict

import pandas as pd

from barren import columns
from barren.analysis.statistics import summarise
from barren.analysis.tables import (
    ensemble_keys,
    points_of,
    read_table,
    rows_by_ensemble,
    with_integers,
    write_table,
)
from barren.runner import step
from barren.runner.experiment import Experiment


def summarise_gradients(
    experiment: step.Input,
    gradients: step.Input,
    predictions: step.Inputs,
    statistics: step.Output,
    theory: step.Output,
) -> None:
    """Summarise the gradients of each ensemble, with the exact values beside."""
    found = Experiment.read(experiment)
    keys = found.key_columns
    exact = pd.concat([read_table(path) for path in predictions])
    exact = with_integers(exact.reindex(columns=[*keys, *columns.THEORY]))
    write_table(exact, theory)

    ensembles = points_of(found.ensembles, exact)
    points = ensemble_keys(ensembles, keys)
    rows = rows_by_ensemble(read_table(gradients), keys, ensembles)
    summaries = [
        asdict(summarise(rows[e][columns.GRADIENT], found.config["seed"], e.bound))
        if e in rows
        else {columns.SAMPLES: 0}
        for e in ensembles
    ]
    sampled = pd.DataFrame(summaries, columns=columns.STATISTICS)
    beside = exact[[*keys, columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]]
    table = pd.concat([points, sampled], axis=1).merge(beside, on=keys, how="left")
    write_table(table, statistics)


if __name__ == "__main__":
    step.run(summarise_gradients)
