"""Print the exact moments of the gradient as CSV, with the columns of theory.csv.

Each key of a family is an option that takes a list; all combinations are predicted. An
observable that begins with a minus is given as --observable=-Z0. A circuit of your own
needs the environment tfq:

    predict.py --circuit FILE.py:FUNCTION --width 4 6 --set depth=2 depth=8
"""

import argparse
import csv
import json
import math
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

# The matrices are small: threads would wait for each other ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.runner import hashes

if __name__ == "__main__":
    hashes.fix()

import numpy as np

from barren import columns
from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.families import FAMILIES, Ansatz, predict
from barren.physics.layered import Layered
from barren.physics.moments import require_known
from barren.physics.own_circuits import OwnCircuit
from barren.runner.experiment import Experiment
from barren.runner.functions import TAKEN, check_functions

LAYERED = {name: of for name, of in FAMILIES.items() if issubclass(of, Layered)}
KINDS: dict[str, Any] = {
    of.name: of.type for family in LAYERED.values() for of in fields(family)
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict what the command line names; exit code 2 on bad input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", choices=LAYERED, default=next(iter(LAYERED)))
    types: dict[Any, Any] = {int: _count, str: str}
    for key, kind in KINDS.items():
        parser.add_argument(option(key), type=types.get(kind, float), nargs="+")
    own = parser.add_argument_group("a circuit of your own")
    own.add_argument("--circuit", metavar="FILE.py:FUNCTION")
    own.add_argument(
        "--set",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        help="a keyword argument of the function",
    )
    own.add_argument(
        "--parameters",
        metavar="NAME",
        nargs="+",
        help="parameters of the gradient: first [default], all, or their names",
    )
    lists = vars(parser.parse_args(arguments))
    try:
        family = LAYERED[lists.pop("family")]
        rows = of_circuit(lists) if lists["circuit"] else of_family(family, lists)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows(rows)
    except BadInput as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except (ArithmeticError, MemoryError, np.linalg.LinAlgError) as error:
        parser.exit(2, f"{parser.prog}: more than can be computed ({error})\n")


def of_family(family: type[Layered], lists: dict[str, Any]) -> list[list[Any]]:
    """Head and rows of what a family of layers predicts."""
    for key in ("set", "parameters"):
        if lists[key]:
            raise BadInput(f"--{key}: only with --circuit, for a circuit of your own")
    order = dict.fromkeys((*family.circuit_keys(), *family.gradient_keys, *KINDS))
    given = {key: lists[key] for key in order if lists[key]}
    check(family, given)
    ensembles = experiment({"family": family.family} | given).ensembles
    predicted = predict(ensembles)
    require_known((of, predicted[of]) for of in ensembles)
    rows = [[*(getattr(e, key) for key in given), *predicted[e]] for e in ensembles]
    return [[*given, *columns.THEORY], *rows]


def of_circuit(lists: dict[str, Any]) -> list[list[Any]]:
    """Head and rows of a circuit of one's own, one for each parameter."""
    given = {key: lists[key] for key in KINDS if lists[key]}
    keywords: dict[str, list[Any]] = {}
    for text in lists["set"] or ():
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise BadInput(f"--set: {text!r} is not KEY=VALUE")
        if key in TAKEN:
            raise BadInput(f"--set: {key} is no keyword of a function")
        keywords.setdefault(key, []).append(_value(value))
    asked = lists["parameters"] or ["first"]
    entry = {"family": Ansatz.family, "circuit": lists["circuit"], "parameters": asked}
    if not re.fullmatch(r"[^:]+\.py:\w+", lists["circuit"]):
        raise BadInput(f"--circuit: {lists['circuit']!r} is not FILE.py:FUNCTION")
    check(Ansatz, given | {"source": [lists["circuit"]]})
    found = experiment(entry | given | keywords)
    check_functions(found.own_circuits.values())
    built = build(found.own_circuits)
    predicted = predict(found.ensembles, built)
    keys = [key for key in found.key_columns if key not in {"family", "circuit"}]
    rows = [[*(of.keys()[key] for key in keys), *predicted[of]] for of in predicted]
    return [[*keys, *columns.THEORY], *rows]


def build(circuits: Mapping[str, OwnCircuit]) -> dict[str, Any]:
    """Circuits of one's own, built, by program."""
    try:
        from barren.physics import building
    except ImportError as error:
        raise BadInput(f"--circuit: {error}; run it in the environment tfq") from None
    return {name: building.build(of) for name, of in circuits.items()}


def experiment(entry: dict[str, Any]) -> Experiment:
    return Experiment(
        {
            "observable": Ensemble.observable,
            "symbol": {"layer": 0, "qubit": 0},
            "ensembles": [entry],
        }
    )


def check(family: type[Ensemble], given: dict[str, list[Any]]) -> None:
    """Raise BadInput for a key that the family lacks or needs, or a bad number."""
    own = {of.name: of for of in fields(family)}
    for key in given:
        if key not in own:
            raise BadInput(f"{option(key)}: the family {family.family} has no such key")
    for key, of in own.items():
        values, required = given.get(key, []), of.default is MISSING
        least = 2 if key == columns.WIDTH else 1
        if required and not values:
            raise BadInput(f"{option(key)}: the family {family.family} needs it")
        if required and of.type is int and min(values) < least:
            raise BadInput(f"{option(key)}: {min(values)} is less than {least}")
        if of.type not in {int, str} and not all(0 < v < math.inf for v in values):
            raise BadInput(f"{option(key)}: takes numbers above 0")


def option(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _value(text: str) -> Any:
    """A number, a truth value, or text."""
    try:
        # Tables have Python's spelling of the truth.
        value = json.loads({"True": "true", "False": "false"}.get(text, text))
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 0")
    return int(text)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` has read enough
    main()
