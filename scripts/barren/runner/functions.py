"""Functions that make circuits, read without being run: are they there, do they fit?

This module runs in the workflow's own Python, which has no Cirq; what only a call can
tell is told by `building`.
"""

import ast
import difflib
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from barren import columns
from barren.physics.ensembles import BadInput
from barren.physics.families import FAMILIES
from barren.physics.layered import Layered
from barren.physics.own_circuits import OwnCircuit

#: What a keyword argument cannot be called: keys, columns and figures with another
#: meaning.
TAKEN = (
    {of.name for family in (OwnCircuit, Layered) for of in fields(family)}
    | {columns.FAMILY, columns.CIRCUIT_OF, "ensemble", columns.POSITION}
    | {*columns.QUBITS, *columns.VALUES, "layer", "qubit"}
)
#: Up to which a table's column holds whole numbers as they are.
LARGEST = 2**53
#: Bytes of an ensemble's name, which names files.
LONGEST = 200
KINDS = {bool: "booleans", int: "integers", float: "floats", str: "strings"}


def check_functions(circuits: Iterable[OwnCircuit]) -> None:
    """Raise BadInput, one line, for a file, function or keyword that does not fit."""
    files: dict[str, str] = {}
    values: dict[str, list[Any]] = {}
    for ensemble in circuits:
        path, _, name = ensemble.source.rpartition(":")
        outside = Path(path).is_absolute() or ".." in Path(path).parts
        if outside or "{" in path or "}" in path:
            raise BadInput(
                f"circuit: {path}: allowed: a file in the working directory or below, "
                "without braces in its name"
            )
        if name in FAMILIES:
            raise BadInput(f"circuit: {name} is the name of a family; rename it")
        if files.setdefault(name, path) != path:
            raise BadInput(
                f"circuit: {files[name]} and {path} both define {name}; rename one, "
                "because the tables tell circuits by their functions"
            )
        if len(ensemble.name.encode()) > LONGEST:
            raise BadInput(
                f"circuit: {name} has too many or too long keywords for names of files"
            )
        _check_keywords(name, _arguments(path, name), dict(ensemble.keywords))
        for key, value in ensemble.keywords:
            values.setdefault(key, []).append(value)
    for key, of in values.items():
        _check_values(key, of)


def _arguments(path: str, name: str) -> ast.arguments:
    try:
        tree = ast.parse(Path(path).read_bytes(), path)
    except OSError:
        raise BadInput(f"circuit: no file {path}") from None
    except (SyntaxError, ValueError) as error:
        raise BadInput(f"circuit: {path} is not valid Python: {error}") from None
    found = {f.name: f.args for f in tree.body if isinstance(f, ast.FunctionDef)}
    if name not in found:
        raise BadInput(f"circuit: {path} has no function {name}; {hint(name, found)}")
    return found[name]


def _check_keywords(name: str, of: ast.arguments, given: dict[str, Any]) -> None:
    """Whether a function takes qubits and the keywords given, and needs no more."""
    places = [*of.posonlyargs, *of.args]
    if not places and not of.vararg:
        raise BadInput(f"circuit: {name} needs a first argument, the qubits")
    needed = {a.arg for a in places[1 : len(places) - len(of.defaults)]} | {
        a.arg
        for a, value in zip(of.kwonlyargs, of.kw_defaults, strict=True)
        if value is None
    }
    known = [a.arg for a in [*places[1:], *of.kwonlyargs]]
    for key in given:
        if key not in known and (key in TAKEN or not of.kwarg):
            told = f"{key}: {name} has no such keyword argument"
            raise BadInput(f"{told}; {hint(key, known)}")
    for key in sorted(needed.union(given)):
        if key in TAKEN:
            raise BadInput(
                f"{key}: a keyword argument of {name} has the name of a key or column "
                "of the workflow; rename it"
            )
        if key not in given:
            raise BadInput(f"{key}: {name} needs this keyword argument")


def _check_values(key: str, values: list[Any]) -> None:
    """Whether a table's column can hold the values of a keyword."""
    kinds = {type(value) for value in values}
    if len(kinds) > 1:
        words = " and ".join(sorted(KINDS[kind] for kind in kinds))
        raise BadInput(f"{key}: got {words}; allowed: values of one type")
    if key in columns.KEYS and (kinds != {int} or min(values) < 1):
        raise BadInput(f"{key}: allowed: integers, at least 1, as in all families")
    for value in values:
        if not isinstance(value, str) and not abs(value) <= LARGEST:  # nor nan
            raise BadInput(f"{key}: got {value}; allowed: numbers up to {LARGEST}")
        if isinstance(value, str) and not _is_word(value):
            raise BadInput(
                f"{key}: got {value!r}; allowed: one line of text that is not a number "
                f"or boolean{spelled(value)}"
            )


def _is_word(text: str) -> bool:
    """Whether text reads back from a table as the same text."""
    try:
        float(text)
        return False
    except ValueError:
        plain = text.isprintable() and text == text.strip() != ""
        return plain and text.lower() not in {"true", "false"}


def spelled(value: Any, kind: str = "number") -> str:
    """How to write what YAML takes for text or a number, if that may be meant."""
    if isinstance(value, int | float):
        return "; for a text write it in quotes"
    try:
        number = float(value)
    except (TypeError, ValueError):
        return ""
    whole = kind == "integer"
    if not math.isfinite(number) or (whole and number % 1):
        return ""
    text = re.sub(r"^(-?\d+)e", r"\1.0e", repr(number))
    text = str(int(Decimal(value))) if whole else text  # 1.0 would be refused
    if text == value:
        return "; for a number write no quotes, and in --config no brackets around it"
    return f"; for a number write {text}, as YAML takes this for text"


def hint(name: str, known: Collection[str], which: str = "it has ") -> str:
    """The known name that is meant, or else all that there are."""
    close = difflib.get_close_matches(name, known, 1)
    everything = ", ".join(known) or "none"
    return f"did you mean {close[0]}?" if close else which + everything
