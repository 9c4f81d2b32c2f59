"""Print the exact moments of the gradient as CSV, with the columns of theory.csv.

Each key of a family is an option that takes a list; the lists are crossed.
"""

import argparse
import csv
import math
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
from barren.physics.ensembles import BadInput, Ensemble, Layered
from barren.physics.families import FAMILIES, predict
from barren.physics.moments import require_known
from barren.runner.experiment import Experiment

LAYERED = {name: of for name, of in FAMILIES.items() if issubclass(of, Layered)}
KINDS = {of.name: of.type for family in LAYERED.values() for of in fields(family)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict what the command line names; exit code 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=LAYERED, default=next(iter(LAYERED)))
    for key, kind in KINDS.items():
        of: Any = {int: _count, str: str}.get(kind, float)
        parser.add_argument(option(key), type=of, nargs="+", dest=key)
    lists = vars(parser.parse_args(arguments))
    family = LAYERED[lists.pop("family")]
    order = dict.fromkeys((*family.circuit_keys(), *family.gradient_keys, *KINDS))
    given = {key: lists[key] for key in order if lists[key]}
    try:
        check(family, given)
        config = {
            "observable": Ensemble.observable,
            "symbol": {"layer": 0, "qubit": 0},
            "ensembles": [{"family": family.family} | given],
        }
        ensembles = Experiment(config).ensembles
        predicted = predict(ensembles)
        require_known((of, predicted[of]) for of in ensembles)
    except BadInput as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*given, *columns.THEORY))
    for ensemble in ensembles:
        keys = [getattr(ensemble, key) for key in given]
        writer.writerow([*keys, *predicted[ensemble]])


def check(family: type[Ensemble], given: dict[str, list[Any]]) -> None:
    """Raise BadInput for a key that the family lacks or needs, or a bad number."""
    own = {of.name: of for of in fields(family)}
    for key in given:
        if key not in own:
            raise BadInput(f"{option(key)}: the family {family.family} has no such key")
    for key, of in own.items():
        if of.default is not MISSING:
            continue
        if key not in given:
            raise BadInput(f"{option(key)}: the family {family.family} needs it")
        least = 2 if key == columns.WIDTH else 1
        if min(given[key]) < least:
            raise BadInput(f"{option(key)}: {min(given[key])} is less than {least}")
    for key, values in given.items():
        if KINDS[key] not in {int, str} and not all(0 < v < math.inf for v in values):
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
