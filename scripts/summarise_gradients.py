from dataclasses import asdict

import pandas as pd

from barren import columns
from barren.analysis.statistics import summarise
from barren.analysis.tables import (
    ensemble_keys,
    points_of,
    read_table,
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

    points = ensemble_keys(points_of(found.ensembles, exact), keys)
    groups = read_table(gradients).groupby(keys, dropna=False, sort=False)
    summaries = [
        dict(zip(keys, key, strict=True))
        | asdict(summarise(rows[columns.GRADIENT], found.config["seed"]))
        for key, rows in groups
    ]
    sampled = pd.DataFrame(summaries, columns=[*keys, *columns.STATISTICS])
    sampled = sampled.astype(points.dtypes.to_dict())
    beside = exact[[*keys, columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]]
    table = points.merge(sampled, on=keys, how="left")
    table = table.merge(beside, on=keys, how="left")
    table[columns.SAMPLES] = table[columns.SAMPLES].fillna(0).astype(int)
    write_table(table, statistics)


if __name__ == "__main__":
    step.run(summarise_gradients)
