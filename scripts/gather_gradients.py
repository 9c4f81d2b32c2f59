import csv
from pathlib import Path

from barren import columns
from barren.physics.ensembles import BadInput
from barren.runner import layout, step
from barren.runner.experiment import Experiment


def gather_gradients(
    experiment: step.Input, gradients: step.Output
) -> step.Found:
    """Gather the gradients of all batches into one table, a row per circuit."""
    found = Experiment.read(experiment)
    paths = [experiment.parent / layout.gradients(*job) for job in found.jobs]
    gathered = read(found, paths)
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*found.key_columns, *columns.CIRCUIT))
        for ensemble in found.sampled:
            values = ensemble.keys()
            keys = [values.get(key) for key in found.key_columns]
            writer.writerows([*keys, *row] for row in gathered[ensemble.name])
    return {"gradients": paths}


def read(experiment: Experiment, paths: list[Path]) -> dict[str, list[list[str]]]:
    """Sample, theta and gradient of every circuit, as text, by ensemble."""
    gathered: dict[str, list[list[str]]] = {e.name: [] for e in experiment.sampled}
    for path in paths:
        with path.open(newline="") as file:
            for name, *row in list(csv.reader(file))[1:]:
                if name not in gathered:
                    raise BadInput(f"{path}: {name} is not in the experiment")
                gathered[name].append(row)
    for name, rows in gathered.items():
        if [int(row[0]) for row in rows] != list(range(experiment.config["samples"])):
            raise BadInput(f"gradients: {name} lacks samples or has some twice")
    return gathered


if __name__ == "__main__":
    step.run(gather_gradients)
