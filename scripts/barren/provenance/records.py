"""Records, and the files that they name.

Every job leaves a record (see `runner.step`) with the hashes of what it read, what it
wrote and the code that did so. Files of the results are named by their path from the
working directory, files of the project by theirs from its root. Standard library alone.

Results may come from a stranger: they are read with limits, no link is followed, and
no path that a record names is ever opened.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barren.physics.ensembles import BadInput
from barren.runner.sources import workflow_files
from barren.runner.step import ROOT, describe, shown

#: Bytes of a record, or of the crate, which lists all of them.
MOST_BYTES = 64 * 2**20
#: Files of an experiment; the largest ones have some ten thousand.
MOST_FILES = 200_000


@dataclass(frozen=True)
class File:
    """A file as it is listed; `option` is that of the step that named it."""

    path: str
    sha256: str
    bytes: int
    option: str = ""


@dataclass(frozen=True)
class Record:
    """What one job left about itself; `file` is the record's own file."""

    file: File
    step: str
    command: str
    parameters: Mapping[str, Any]
    inputs: tuple[File, ...]
    outputs: tuple[File, ...]
    code: tuple[File, ...]
    environment: Mapping[str, Any]
    source: Mapping[str, Any] | None
    threads: int
    processor: str
    start: str
    end: str
    processor_seconds: float


# Reading, with limits.


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; BadInput if it is a link or larger than `most`."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > most:
        raise BadInput(f"{shown(path)}: no file of at most {most} bytes")
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """What a JSON file holds; BadInput if it is none."""
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)}: not JSON ({error})") from None


def read_record(path: Path) -> Record:
    """Read a record; BadInput if the file is none."""
    values = read_json(path)
    try:
        for key in ("inputs", "outputs", "code"):
            values[key] = tuple(File(**file) for file in values[key])
        return Record(file=described(path), **values)
    except (KeyError, TypeError) as error:
        raise BadInput(f"{shown(path)}: not a record ({error})") from None


def described(path: Path) -> File:
    """A file as records list it."""
    return File(**describe("", path, path))


def inventory(
    folder: Path, most: int = MOST_FILES, most_bytes: int | None = None
) -> list[str]:
    """Every file of an experiment, by name; BadInput for what a run does not leave.

    Those are links, devices and the like, names that a terminal would obey, more files
    than `most` and larger ones than `most_bytes`.
    """
    names = []
    for number, path in enumerate(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if number >= most:
            raise BadInput(f"{shown(folder)}: more than {most} files")
        if not name.isprintable():
            raise BadInput(f"{shown(folder)}: a file has the name {name!a}")
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise BadInput(f"{shown(path)}: a link, or no regular file")
        if path.is_file() and not path.name.startswith(".snakemake"):
            if most_bytes and path.stat().st_size > most_bytes:
                raise BadInput(f"{shown(path)}: larger than {most_bytes} bytes")
            names.append(name)
    return sorted(names)


# The project's files behind records.


def located(path: str) -> Path:
    """A file of the project, or of who uses it, who may have a workflow too."""
    first, second = ROOT / path, Path(path)
    if path.startswith("config/"):
        first, second = second, first
    return first if first.is_file() else second


def behind(records: Collection[Record]) -> list[File]:
    """The workflow, and scripts, modules, locks and other files behind some records."""
    made = {file.path for of in records for file in (of.file, *of.outputs)}
    found = set(workflow_files())
    for record in records:
        found |= {file.path for file in (*record.code, *record.inputs)} - made
        name = str(record.environment["name"])
        found |= {path for path in (lock(name), pins(name)) if (ROOT / path).exists()}
    return [described(located(path)) for path in sorted(found)]


def lock(name: str) -> str:
    """The lock of an environment."""
    return f"envs/{name}.requirements.txt"


def pins(name: str) -> str:
    """The pins of an environment's conda packages."""
    return f"envs/{name}.linux-64.pin.txt"
