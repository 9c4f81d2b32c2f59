import csv
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from barren import columns
from barren.analysis import tables
from barren.analysis.evidence import read_points
from barren.analysis.fits import fits_table
from barren.analysis.statistics import Summary, summarise
from barren.analysis.tables import read_table, rows_by_ensemble, write_table
from barren.physics.ensembles import BadInput
from barren.runner import step
from barren.runner.experiment import Experiment
from barren.runner.jobs import outputs


def summarise_gradients(
    experiment: step.Input,
    predictions: step.Inputs,
    gradients: step.Output,
    statistics: step.Output,
    theory: step.Output,
    fits: step.Output,
) -> step.Found:
    """Gather the gradients of all jobs, and summarise those of each ensemble.

    Each table is computed from the numbers that the tables before it say.
    """
    found = Experiment.read(experiment)
    keys = found.key_columns
    exact = pd.concat([read_table(path) for path in predictions])
    exact = tables.with_integers(exact.reindex(columns=[*keys, *columns.THEORY]))
    write_table(exact, theory)
    paths = [experiment.parent / name for name in outputs(found)["compute_gradients"]]
    write_gradients(found, paths, gradients)

    sampled = read_table(gradients)
    rows, known = (rows_by_ensemble(of, found.ensembles) for of in (sampled, exact))
    summaries, seed = {e: Summary() for e in known}, found.config["seed"]
    for e, of in rows.items():
        (bound,) = known[e][columns.BOUND]
        summaries[e] = summarise(of[columns.GRADIENT], seed, bound)
    values = [e.keys() | asdict(summary) for e, summary in summaries.items()]
    table = pd.DataFrame(values, columns=[*keys, *columns.STATISTICS])
    beside = exact[[*keys, *columns.BESIDE]]
    table = tables.with_integers(table)
    write_table(table.merge(beside, on=keys, how="left"), statistics)

    written = read_table(theory), read_table(statistics), sampled
    write_table(fits_table(read_points(found.ensembles, *written), keys), fits)
    return {"gradients": paths}


def write_gradients(experiment: Experiment, paths: list[Path], gradients: Path) -> None:
    """Write the gradients of all jobs as one table, with the keys as columns."""
    names = [ensemble.name for ensemble in experiment.sampled]
    gathered: dict[str, dict[str, list[list[str]]]] = {name: {} for name in names}
    for path in paths:
        with path.open(newline="") as file:
            for name, parameter, *row in list(csv.reader(file))[1:]:
                if name not in gathered:
                    raise BadInput(f"{path}: {name} is not in the experiment")
                gathered[name].setdefault(parameter, []).append(row)
    every = list(range(experiment.config["samples"]))
    for name, of in gathered.items():
        lists = [[int(row[0]) for row in rows] for rows in of.values()]
        if not lists or any(samples != every for samples in lists):
            raise BadInput(f"gradients: {name} lacks samples or has some twice")
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*experiment.key_columns, *columns.CIRCUIT))
        for ensemble in experiment.sampled:
            for parameter, rows in gathered[ensemble.name].items():
                values = ensemble.keys()
                if columns.PARAMETER in values:
                    values[columns.PARAMETER] = parameter
                keys = map(values.get, experiment.key_columns)
                told = [*map(tables.in_full, keys)]
                writer.writerows([*told, *row] for row in rows)


if __name__ == "__main__":
    step.run(summarise_gradients)
