"""Print the exact moments of the gradient as CSV, with the columns of theory.csv.

Each key of a family is an option that takes a list; the lists are crossed.
"""

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

# The matrices are small: threads would wait for each other ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren import columns
from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.families import FAMILIES, predict
from barren.physics.moments import require_known
from barren.runner.experiment import Experiment


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict what the command line names; exit code 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, default=next(iter(FAMILIES)))
    families = FAMILIES.values()
    kinds = {field.name: field.type for of in families for field in fields(of)}
    keys = dict.fromkeys(key for of in families for key in of.circuit_keys())
    for key in keys:
        kind = _count if kinds[key] is int else float
        parser.add_argument(option(key), type=kind, nargs="+", dest=key)
    for name, default, names in (
        ("observable", [0, 1], ("A", "B")),
        ("symbol", [0, 0], ("LAYER", "QUBIT")),
    ):
        parser.add_argument(
            f"--{name}", type=_count, nargs=2, default=default, metavar=names
        )
    options = parser.parse_args(arguments)
    family = FAMILIES[options.family]
    lists = ((key, getattr(options, key)) for key in (*family.circuit_keys(), *keys))
    given = {key: values for key, values in lists if values}
    try:
        check(family, given)
        layer, qubit = options.symbol
        config = {
            "observable": options.observable,
            "symbol": {"layer": layer, "qubit": qubit},
            "ensembles": [{"family": options.family} | given],
        }
        ensembles = Experiment(config).ensembles
        predicted = predict(ensembles)
        require_known((of, predicted[of]) for of in ensembles)
    except BadInput as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*given, *columns.THEORY))
    for of in ensembles:
        writer.writerow([*(getattr(of, key) for key in given), *predicted[of]])


def check(family: type[Ensemble], given: dict[str, list[Any]]) -> None:
    """Raise BadInput for a key that the family lacks or needs, or a bad number."""
    for key in given:
        if key not in family.circuit_keys():
            raise BadInput(f"{option(key)}: the family {family.family} has no such key")
    for field in fields(family):
        if field.default is MISSING and field.name not in given:
            raise BadInput(f"{option(field.name)}: the family {family.family} needs it")
    for key, values in given.items():
        least = 2 if key == columns.WIDTH else 1
        if key != columns.SIGMA and min(values) < least:
            raise BadInput(f"{option(key)}: {min(values)} is less than {least}")
        if not all(0 < value < float("inf") for value in values):
            raise BadInput(f"{option(key)}: takes numbers above 0")


def option(key: str) -> str:
    """The option of a key."""
    return f"--{key.replace('_', '-')}"


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return int(text)


if __name__ == "__main__":
    main()
