"""Whether what is there is what comes out when it is made again."""

import csv
import json
import math
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from barren import columns
from barren.physics.ensembles import BadInput
from barren.provenance.records import LISTS, lock, pins, read_bytes, read_json
from barren.runner import layout
from barren.runner.sources import sources
from barren.runner.step import (
    ROOT,
    Described,
    describe,
    plain,
    sha256,
    shown,
    write_json,
)

#: Relative and absolute tolerance of a number.
Tolerance = tuple[float, float]

#: What a processor may round otherwise: one in the last of the digits.
ROUNDING: Tolerance = (2e-9, 0.0)
#: A conda package's name and version, in the address of its file.
BUILD = re.compile(r"(?m)/([\w.-]+)-([^-\s]+)-[^-\s]+$")
PYTHON = re.compile(r"3\.\d+\.\w{1,9}\+?", re.ASCII)
TIME = r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"'
#: What a record says of its run, which does not come out again, as JSON.
TOLD = {
    "source": r'null|{"commit": "[0-9a-f]{40,64}", "clean": (true|false)}',
    "threads": r"[1-9]\d{0,9}",
    "processor": '".*"',
    "start": TIME,
    "end": TIME,
    "processor_seconds": r"\d{1,12}\.\d{1,3}",
}
#: Characters of a processor's name.
LONGEST = 100
#: What raises a record that is none.
MISSHAPEN = LookupError, TypeError, ValueError, AttributeError, OverflowError
OTHERWISE = "comes out otherwise when it is made again"


def require_same(kept: Path, config: Mapping[str, Any]) -> None:
    """Raise BadInput for an experiment.json of another configuration."""
    # How circuits are spread over files changes no result.
    spread = {"batch_size": config["batch_size"]}
    if reason := difference(read_json(kept) | spread, config):
        told = f"{shown(kept.parent)} is of another experiment"
        raise BadInput(f"{told}: {plain(reason)}")


def most_of(made: int) -> int:
    """Bytes that a file may have, of which so many come out again."""
    return 2 * made + 1000


def differs(path: str, place: Path) -> str:
    """What of a file is not as it was made again in a folder; empty if nothing."""
    theirs, ours = Path(path), place / path
    old = ours.read_bytes()
    try:
        new = read_bytes(theirs, most_of(len(old)))
    except BadInput as error:
        return str(error)
    if old == new or (theirs.suffix == ".npz" and same_arrays(new, old)):
        return ""
    if theirs.parent.name == layout.COMPUTED:  # no number is computed again here
        return deviates(old, new, default=(0, 0)) or OTHERWISE
    return deviates(old, new) if theirs.suffix == ".csv" else OTHERWISE


def same_arrays(new: bytes, old: bytes) -> bool:
    """Whether archives hold the same, packed by two versions of a library."""
    try:
        return _packed_again(old, new) == new
    except Exception:  # what a damaged archive raises is of many kinds
        return False


def _packed_again(old: bytes, new: bytes) -> bytearray:
    """An archive with the members of another, which hold the same, in their place.

    Of each no more is unpacked than it should hold.
    """
    archive = zipfile.ZipFile(BytesIO(old))
    made, listed, at = bytearray(), bytearray(old[archive.start_dir :]), 0
    for member in archive.infolist():
        begin, place = member.header_offset, len(made)
        name_and_extra = struct.unpack_from("<HH", old, begin + 26)
        made += old[begin : begin + 30 + sum(name_and_extra)]
        (size,) = struct.unpack_from("<I", new, place + 18)
        packed = new[len(made) : len(made) + size]
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        held = inflater.decompress(packed, member.file_size + 1)
        if not inflater.eof or inflater.unused_data or held != archive.read(member):
            raise ValueError(member.filename)
        made += packed
        struct.pack_into("<I", made, place + 18, size)
        struct.pack_into("<I", listed, at + 20, size)
        struct.pack_into("<I", listed, at + 42, place)
        at += 46 + sum(struct.unpack_from("<HHH", listed, at + 28))
    struct.pack_into("<I", listed, at + 16, len(made))  # the directory's place
    return made + listed


def deviates(
    old: bytes,
    new: bytes,
    tolerances: Mapping[str, Tolerance] | None = None,
    default: Tolerance = ROUNDING,
) -> str:
    """Why tables differ by more than the tolerance of a number; empty if they do not.

    What is no number, or a whole one, and keys must be equal. tolerances: by column.
    """
    try:
        rows, others = ([*csv.reader(StringIO(of.decode()))] for of in (old, new))
    except (ValueError, csv.Error):
        return OTHERWISE
    if [*map(len, rows)] != [*map(len, others)]:
        return f"{OTHERWISE}: other rows or columns"
    for number, pair in enumerate(zip(rows, others, strict=True)):
        for column, a, b in zip(rows[0], *pair, strict=True):
            of = (tolerances or {}).get(column, default)
            if a != b and not (column in columns.VALUES and is_close(a, b, *of)):
                return f"{OTHERWISE}: row {number}: {column} is {b!r}, was {a!r}"
    again = StringIO()
    csv.writer(again, lineterminator="\n").writerows(others)
    same = again.getvalue().encode() == new
    return "" if same else f"{OTHERWISE}: other quotes or ends of lines"


def is_close(a: str, b: str, relative: float, absolute: float) -> bool:
    """Whether texts are numbers as tables have them, none whole, within a tolerance."""
    try:
        one, other = float(a), float(b)
    except ValueError:
        return False
    spelled = f"{other:.{columns.DIGITS}g}" == b
    whole = a.lstrip("-").isdecimal() or b.lstrip("-").isdecimal()
    near = math.isclose(one, other, rel_tol=relative, abs_tol=absolute)
    return near and spelled and not whole


def misstated(path: str, place: Path, environment: str) -> str:
    """What a record says otherwise than that of its job done again in a folder.

    environment: the name of the job's. Code and locks must be those that are here, and
    files those that are made again; what is the same all but in its bytes may be listed
    as it is. The record in the folder becomes what this one should be, to the byte.
    """
    again = place / path
    ours = read_json(again)
    theirs = read_json(Path(path), most_of(again.stat().st_size))
    folder = path.partition(f"{layout.RECORDS}/")[0]
    try:
        for file in ours["inputs"] + ours["outputs"]:
            name = file["path"]
            known = name.startswith(folder) and Path(name).is_file()
            if known and not differs(name, place):
                found = describe("", Path(name), Path(name))
                if found["sha256"] != file["sha256"]:
                    shutil.copyfile(name, place / name)
                file |= found
        ours["code"] = _code(ours["step"])
        ours["environment"] = _as_locked(theirs["environment"], environment)
        ours |= _told(theirs)
        write_json(again, ours)
        reason = difference(*map(_by_path, (theirs, ours)))
    except MISSHAPEN as error:
        raise BadInput(f"not a record ({error!r})") from None
    if not reason and read_bytes(Path(path)) != again.read_bytes():
        return "it is written otherwise"
    return reason


@cache  # of the many jobs that a process checks
def _code(step: str) -> list[Described]:
    """A step's script and modules, as its record lists them."""
    return [describe("", path, path) for path in sources(step)]


def _told(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of its run, if it is spelled as jobs spell it."""
    for key, pattern in TOLD.items():
        if not re.fullmatch(pattern, json.dumps(theirs[key])):
            raise ValueError(key)
    start, end = (datetime.fromisoformat(theirs[key]) for key in ("start", "end"))
    if start > end or plain(theirs["processor"], LONGEST) != theirs["processor"]:
        raise ValueError("end or processor")
    return {key: theirs[key] for key in TOLD}


def _as_locked(theirs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An environment with what its lock, as it is here, says of it."""
    conda, python = theirs["deployer"] == "conda", str(theirs["python"])
    if not PYTHON.fullmatch(python):
        raise ValueError("python")
    packages = re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / lock(name)).read_text())
    if conda:  # what Python finds of its own packages
        builds = BUILD.findall((ROOT / pins(name)).read_text())
        packages += [build for build in builds if build[0] in theirs["packages"]]
    return {
        "name": name,
        "lock_sha256": sha256(ROOT / lock(name)),
        "deployer": "conda" if conda else "venv",
        "pins_sha256": sha256(ROOT / pins(name)) if conda else None,
        "python": python,
        "packages": dict(sorted(packages)),
    }


def _by_path(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the files that it lists by option and path."""
    by_path = dict(record)
    for key in LISTS:
        named = ((f"{of.get('option', '')} {of['path']}", of) for of in record[key])
        by_path[key] = {name.strip(): of for name, of in named}
    return by_path


def difference(first: Any, second: Any) -> str:
    """The first place where two JSON values differ, with both; empty if none."""
    try:
        old, new = flat(first), flat(second)
    except RecursionError:
        return "it is nested too deep"
    for place in {**old, **new}:
        if old.get(place) != new.get(place):
            return f"{place} was {old.get(place)!r}, is {new.get(place)!r}"
    return ""


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """The values in a JSON value by their places, as in `ensembles.0.width`."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {place[1:]: value}
    parts = [flat(part, f"{place}.{key}") for key, part in value.items()]
    return {place: leaf for part in parts for place, leaf in part.items()}
