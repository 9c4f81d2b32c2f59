"""Gather the gradients of all batches into one table, a row per circuit."""

import csv
import json
from pathlib import Path
from typing import Any

from barren import columns, step
from barren.ensembles import (
    BadInput,
    Ensemble,
    batches,
    further_keys,
    gradients_file,
    sampled,
    widths,
)

parser = step.parser(__doc__)
parser.add_argument("--experiment", type=Path, required=True)
parser.add_argument(
    "--gradients", type=Path, required=True, help="folder of the batches' gradients"
)
parser.add_argument("--table", type=Path, required=True, help="the file to write")


def rows(config: dict[str, Any], paths: list[Path]) -> dict[str, list[list[str]]]:
    """Sample, theta and gradient of every circuit, as text, by ensemble."""
    gathered: dict[str, list[list[str]]] = {e.name: [] for e in sampled(config)}
    for path in paths:
        with path.open(newline="") as file:
            for name, *row in list(csv.reader(file))[1:]:
                if name not in gathered:
                    raise BadInput(f"{path}: {name} is not in the experiment")
                gathered[name].append(row)
    for name, found in gathered.items():
        if [int(row[0]) for row in found] != list(range(config["samples"])):
            raise BadInput(f"gradients: {name} lacks samples or has some twice")
    return gathered


with step.run(parser, inputs=["experiment"], outputs=["table"]) as args:
    config = json.loads(args.experiment.read_text())
    paths = [
        args.gradients / gradients_file(width, first, last)
        for width in widths(sampled(config))
        for first, last in batches(config["samples"], config["batch_size"])
    ]
    args.read["gradients"] = paths
    keys = (*columns.KEYS, *further_keys(config))
    with args.table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*keys, *columns.CIRCUIT))
        for name, found in rows(config, paths).items():
            values = Ensemble.parse(name).keys()
            writer.writerows([*(values[key] for key in keys), *row] for row in found)
