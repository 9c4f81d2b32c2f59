"""Whether what is there is what comes out when it is made again."""

import csv
import io
import math
import re
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from barren.physics.ensembles import BadInput
from barren.provenance.records import LISTS, lock, pins, read_json
from barren.runner import layout
from barren.runner.sources import SCRIPTS, sources
from barren.runner.step import ROOT, Described, describe, sha256, shown, write_json

#: What a processor may round otherwise: one in the last of the digits, relative.
ROUNDING = (2e-9, 0.0)
OTHERWISE = "comes out otherwise when it is made again"
#: What a record says of its run that does not come out again, and its kind.
TOLD = {
    "source": dict | None,
    "processor": str,
    "start": str,
    "end": str,
    "processor_seconds": int | float,
}


def differs(path: str, place: Path) -> str:
    """What of a file is not as it was made again in a folder; empty if nothing."""
    theirs, ours = Path(path), place / path
    if not ours.is_file():
        return "cannot be made again"
    old, new = ours.read_bytes(), theirs.read_bytes()
    if old == new or (theirs.suffix == ".npz" and same_arrays(theirs, ours)):
        return ""
    if (
        theirs.parent.name == layout.COMPUTED
    ):  # of which no number is computed again here
        return deviates(old, new, 0, 0) or OTHERWISE
    return deviates(old, new, *ROUNDING) if theirs.suffix == ".csv" else OTHERWISE


def same_arrays(path: Path, again: Path) -> bool:
    """Whether archives hold the same, packed by two versions of a library."""
    try:
        with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(again) as ours:
            return theirs.namelist() == ours.namelist() and all(
                # Of theirs no more is unpacked than there must be.
                theirs.open(name).read(len(known) + 1) == known
                for name in ours.namelist()
                for known in [ours.read(name)]
            )
    except (ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def deviates(old: bytes, new: bytes, relative: float, absolute: float) -> str:
    """Why tables differ by more than the tolerance of a number; empty if they do not.

    What is no number, or a whole one, must be equal.
    """
    try:
        rows, others = ([*csv.reader(io.StringIO(of.decode()))] for of in (old, new))
    except (ValueError, csv.Error):
        return OTHERWISE
    if [*map(len, rows)] != [*map(len, others)]:
        return f"{OTHERWISE}: other rows or columns"
    for number, pair in enumerate(zip(rows, others, strict=True)):
        for column, a, b in zip(rows[0], *pair, strict=True):
            if a != b and not is_close(a, b, relative, absolute):
                return f"{OTHERWISE}: row {number}: {column} is {b!r}, was {a!r}"
    return ""


def is_close(a: str, b: str, relative: float, absolute: float) -> bool:
    """Whether texts are numbers, none of them whole, within a tolerance."""
    try:
        whole = a.lstrip("-").isdecimal() or b.lstrip("-").isdecimal()
        near = math.isclose(float(a), float(b), rel_tol=relative, abs_tol=absolute)
    except ValueError:
        return False
    return near and not whole


def misstated(path: str, place: Path, environment: str) -> str:
    """What a record says otherwise than that of its job done again in a folder.

    environment: the name of the job's. Code and locks must be those that are here, and
    files those that are made again; what is the same all but in its bytes may be listed
    as it is. The record in the folder becomes what this one should be.
    """
    theirs, ours = read_json(Path(path)), read_json(place / path)
    folder = path.partition(f"{layout.RECORDS}/")[0]
    try:
        for file in ours["inputs"] + ours["outputs"]:
            name = file["path"]
            known = name.startswith(folder) and Path(name).is_file()
            if known and not differs(name, place):
                file |= describe("", Path(name), Path(name))
        named = {file["path"] for file in theirs["code"]}
        named |= {*map(shown, sources(ours["step"]))}
        ours["code"] = [file for file in _scripts() if file["path"] in named]
        ours["environment"] = _as_locked(theirs["environment"], environment)
        told = {key for key, kind in TOLD.items() if isinstance(theirs[key], kind)}
        ours |= {key: theirs[key] for key in told}
        write_json(place / path, ours)
        return difference(*map(_by_path, (theirs, ours)))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"not a record ({error!r})") from None


@cache  # of the many jobs that a process checks
def _scripts() -> list[Described]:
    """All scripts and modules, as records list them."""
    return [describe("", path, path) for path in sorted(SCRIPTS.rglob("*.py"))]


def _as_locked(theirs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An environment with what its lock, as it is here, says of it."""
    conda = theirs["deployer"] == "conda"
    locked = re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / lock(name)).read_text())
    return {
        **theirs,
        "name": name,
        "deployer": "conda" if conda else "venv",
        "lock_sha256": sha256(ROOT / lock(name)),
        "pins_sha256": sha256(ROOT / pins(name)) if conda else None,
        "packages": {**theirs["packages"], **dict(locked)},
    }


def _by_path(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the files that it lists by option and path."""
    lists = {
        key: {
            " ".join([file.get("option", ""), file["path"]]).strip(): file
            for file in record[key]
        }
        for key in LISTS
    }
    return {**record, **lists}


def difference(first: Any, second: Any) -> str:
    """The first place where two JSON values differ, with both; empty if none."""
    old, new = flat(first), flat(second)
    places = (place for place in {**old, **new} if old.get(place) != new.get(place))
    told = (
        f"{place} was {old.get(place)!r}, is {new.get(place)!r}" for place in places
    )
    return next(told, "")


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """The values in a JSON value by their places, as in `ensembles.0.width`."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {place[1:]: value}
    parts = [flat(part, f"{place}.{key}") for key, part in value.items()]
    return {place: leaf for part in parts for place, leaf in part.items()}
