import csv
from pathlib import Path

from barren import columns
from barren.physics.ensembles import BadInput
from barren.runner import layout, step
from barren.runner.experiment import Experiment


def gather_gradients(experiment: step.Input, gradients: step.Output) -> step.Found:
    """Gather the gradients of all batches into one table, a row per circuit."""
    found = Experiment.read(experiment)
    paths = [experiment.parent / layout.gradients(*job) for job in found.jobs]
    gathered = read(found, paths)
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*found.key_columns, *columns.CIRCUIT))
        for ensemble in found.sampled:
            for parameter, rows in gathered[ensemble.name].items():
                values = ensemble.keys()
                if columns.PARAMETER in values:
                    values[columns.PARAMETER] = parameter
                keys = [values.get(key) for key in found.key_columns]
                writer.writerows([*keys, *row] for row in rows)
    return {"gradients": paths}


def read(
    experiment: Experiment, paths: list[Path]
) -> dict[str, dict[str, list[list[str]]]]:
    """Sample, theta and gradient of each circuit, by ensemble and parameter."""
    gathered: dict[str, dict[str, list[list[str]]]] = {
        ensemble.name: {} for ensemble in experiment.sampled
    }
    for path in paths:
        with path.open(newline="") as file:
            for name, parameter, *row in list(csv.reader(file))[1:]:
                if name not in gathered:
                    raise BadInput(f"{path}: {name} is not in the experiment")
                gathered[name].setdefault(parameter, []).append(row)
    every = list(range(experiment.config["samples"]))
    for name, found in gathered.items():
        if not found or any(
            [int(row[0]) for row in of] != every for of in found.values()
        ):
            raise BadInput(f"gradients: {name} lacks samples or has some twice")
    return gathered


if __name__ == "__main__":
    step.run(gather_gradients)
