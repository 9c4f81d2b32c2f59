"""Records, and the files that they name.

Every job leaves a record (see `runner.step`) with the hashes of what it read, what it
wrote and the code that did so. Files of the results are named by their path from the
working directory, files of the project by theirs from its root. Standard library alone.

Results may come from a stranger: they are read with limits, no link is followed, and
no path that a record names is ever opened.
"""

import json
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

from barren.physics.ensembles import BadInput
from barren.runner.sources import workflow_files
from barren.runner.step import ROOT, Described, Record, describe, shown

#: Bytes of a record, or of the crate, which lists all of them.
MOST_BYTES = 64 * 2**20
#: The fields of a record that list files.
LISTS = ("inputs", "outputs", "code")
#: Files of an experiment; the largest ones have some ten thousand.
MOST_FILES = 200_000


# Reading, with limits.


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; BadInput if it is a link or larger than `most`."""
    found = None
    with suppress(OSError):
        # Asked of what is open, because it might be replaced meanwhile.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if S_ISREG(os.fstat(descriptor).st_mode):
                found = file.read(most + 1)
    if found is None or len(found) > most:
        raise BadInput(f"{shown(path)}: no file of at most {most} bytes")
    return found


def read_json(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The object that a JSON file holds; BadInput if it is none."""
    try:
        values = json.loads(read_bytes(path, most))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)}: not JSON ({error})") from None
    if not isinstance(values, dict):
        raise BadInput(f"{shown(path)}: not JSON (no object)")
    return values


def read_record(path: Path) -> Record:
    """Read a record; BadInput if the file is none."""
    try:
        values = read_json(path)
        whole = values.keys() == Record.__required_keys__ and all(
            file.keys() | {"option"} == Described.__annotations__.keys()
            for key in LISTS
            for file in values[key]
        )
    except (AttributeError, TypeError, BadInput):
        whole = False
    if not whole:
        told = "not a whole record; delete it to have it made again"
        raise BadInput(f"{shown(path)}: {told}")
    record = cast(Record, values)
    record["file"] = describe("", path, path)
    return record


def inventory(
    folder: Path, most: int = MOST_FILES, most_bytes: int | None = None
) -> list[str]:
    """Every file of an experiment, by name; BadInput for what a run does not leave.

    Those are links, devices and the like, names that a terminal would obey, more files
    than `most` and larger ones than `most_bytes`.
    """

    found, names = [folder], []
    try:
        for number, path in enumerate(found):  # which grows
            name = str(path.relative_to(folder))
            if number > most:
                raise BadInput(f"{shown(folder)}: more than {most} files")
            if not name.isprintable():
                raise BadInput(f"{shown(folder)}: a file has the name {name!a}")
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise BadInput(f"{shown(path)}: a link, or no regular file")
            if path.is_dir():
                found += path.iterdir()
                continue
            if most_bytes and path.stat().st_size > most_bytes:
                raise BadInput(f"{shown(path)}: larger than {most_bytes} bytes")
            names.append(name)
    except OSError as error:  # what cannot be listed, or is too deep
        raise BadInput(f"{shown(folder)}: {error}") from None
    return sorted(names)


# The project's files behind records.


def located(path: str) -> Path:
    """A file of the project, or of who uses it, who may have a workflow too."""
    first, second = ROOT / path, Path(path)
    if path.startswith("config/"):
        first, second = second, first
    return first if first.is_file() else second


def behind(records: Collection[Record]) -> list[Described]:
    """The workflow, and scripts, modules, locks and other files behind some records."""
    made = {file["path"] for of in records for file in (of["file"], *of["outputs"])}
    found = set(workflow_files())
    for of in records:
        found |= {file["path"] for file in (*of["code"], *of["inputs"])} - made
        name = str(of["environment"]["name"])
        found |= {path for path in (lock(name), pins(name)) if (ROOT / path).exists()}
    return [describe("", Path(path), located(path)) for path in sorted(found)]


def lock(name: str) -> str:
    return f"envs/{name}.requirements.txt"


def pins(name: str) -> str:
    return f"envs/{name}.linux-64.pin.txt"
