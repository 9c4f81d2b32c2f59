"""What the records of a run say of its files, and whether it still holds.

Every job leaves a record (see `runner.step`) with the hashes of what it read, what it
wrote and the code that did so. Records that name the same file are linked by it, so
that they form one chain from the configuration to every table and figure. Files of the
results are named by their path from the working directory, files of the project by
theirs from its root. Standard library alone.

Results may come from a stranger: they are read with limits, no link is followed, and
no path that a record names is ever opened.
"""

import errno
import json
import os
import re
import stat
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from barren.physics.ensembles import BadInput
from barren.runner import layout
from barren.runner.step import ROOT, sha256, shown

#: Folders of the project, or of who uses it, whose files the records name.
CODE = ("scripts", "workflow", "envs", "config")
#: The files that everything else is made for.
ENDS = (layout.CRATE, layout.AGREEMENT, layout.PAGE.format(page="verdict"))
#: What Snakemake writes on demand: no step makes or reads it.
REPORT = "report.html"
#: What is no part of the project where there is no checkout to ask.
NOT_SOURCES = {".git", ".venv", ".venvs", ".snakemake", "logs", "results"}
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
#: Bytes of a record, or of the crate, which lists all of them.
MOST_BYTES = 64 * 2**20
#: Files of an experiment; the largest ones have some ten thousand.
MOST_FILES = 200_000
DEPLOYERS = ("venv", "conda")

VERIFIED = "verified"
CHANGED = "changed"
MISSING = "missing"
OTHER_CODE = "other code"
OTHER_CONFIGURATION = "other config"
UNRECORDED = "unrecorded"
DOWNSTREAM = "downstream"
LEFT_OVER = "left over"
#: What breaks the chain; what lies downstream of a broken link is named with it.
BROKEN = (CHANGED, MISSING, OTHER_CODE, OTHER_CONFIGURATION, UNRECORDED)
#: Verdict and reason of what is wrong with a file, by path.
Faults = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class File:
    """A file as a record lists it; `option` is the one that named it."""

    path: str
    sha256: str
    bytes: int = 0
    option: str = ""

    def __post_init__(self) -> None:
        place = PurePosixPath(self.path)
        if place.is_absolute() or ".." in place.parts or not self.path.isprintable():
            raise ValueError(f"no path inside the project: {self.path!r}")


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

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} is {getattr(self, name)!r}")
        if not re.fullmatch("[a-z_]+", self.step):
            raise ValueError(f"no step {self.step!r}")


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("step", "command", "processor", "start", "end"), str),
    **dict.fromkeys(("parameters", "environment"), dict),
    "source": (dict, type(None)),
    "threads": int,
    "processor_seconds": (int, float),
}


@dataclass(frozen=True)
class Finding:
    """What an audit says of a file; `upstream` are the files that it rests on."""

    path: str
    verdict: str
    reason: str = ""
    upstream: tuple[str, ...] = ()


# Reading, with limits.


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; BadInput if it is a link or larger than `most`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "a link" if error.errno == errno.ELOOP else error.strerror
        raise BadInput(f"{shown(path)}: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise BadInput(f"{shown(path)}: no file of at most {most} bytes")
        return file.read(most)


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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{shown(path)}: not a record ({error})") from None


def read_records(folder: Path, names: Iterable[str]) -> list[Record]:
    """The records among some files of an experiment; what is none is left out."""
    records = []
    for name in sorted(names):
        if name.startswith(f"{layout.RECORDS}/") and name.endswith(".json"):
            try:
                records.append(read_record(folder / name))
            except BadInput:
                continue
    return records


def described(path: Path) -> File:
    """A file as records list it."""
    return File(shown(path), sha256(path), path.stat().st_size)


def inventory(folder: Path, most: int = MOST_FILES) -> list[str]:
    """Every file of an experiment, by name; BadInput for what a run does not leave.

    Those are links, devices and the like, names that a terminal would obey, and more
    files than `most`.
    """
    names: list[str] = []
    folders = [folder]
    while folders:
        for entry in os.scandir(folders.pop()):
            name = str(Path(entry.path).relative_to(folder))
            if not name.isprintable():
                raise BadInput(f"{shown(folder)}: a file has the name {name!a}")
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                raise BadInput(f"{shown(folder / name)}: a link, or no regular file")
            elif name != REPORT and not entry.name.startswith(".snakemake"):
                names.append(name)
            if len(names) + len(folders) > most:
                raise BadInput(f"{shown(folder)}: more than {most} files")
    return sorted(names)


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of some files of an experiment and of the project's, by path."""
    results = [folder / name for name in names]
    code = [
        path
        for root in {ROOT, Path.cwd()}
        for name in CODE
        for path in (root / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return {shown(path): sha256(path) for path in (*code, *results)}


# The chain.


def rests_on(record: Record, experiment: str) -> list[str]:
    """The files that a job rests on; without inputs it is the configuration."""
    paths = [file.path for file in record.inputs]
    made = {file.path for file in record.outputs}
    return paths or ([] if experiment in made else [experiment])


def chain(
    targets: Iterable[str], records: Iterable[Record], experiment: str
) -> list[Record]:
    """The records behind some files, every one after those it rests on."""
    made_by: dict[str, list[Record]] = {}
    for record in records:
        for file in (record.file, *record.outputs):
            made_by.setdefault(file.path, []).append(record)
    ordered: dict[str, Record] = {}
    visited: set[str] = set()
    waiting = [(path, False) for path in [*targets, experiment][::-1]]
    while waiting:  # not by recursion: a forged chain may be of any length
        path, done = waiting.pop()
        for record in made_by.get(path, []):
            if done:
                ordered[record.file.path] = record
            elif record.file.path not in visited:
                visited.add(record.file.path)
                waiting.append((record.file.path, True))
                waiting += [(p, False) for p in rests_on(record, experiment)[::-1]]
    return list(ordered.values())


def judge(
    folder: str,
    records: Collection[Record],
    present: Mapping[str, str],
    crate: Mapping[str, str],
    faults: Mapping[str, tuple[str, str]],
    targets: Iterable[str] = (),
) -> list[Finding]:
    """Judge every file of an experiment, upstream first.

    folder: the experiment's; present: the sha256 of every file in it and of the
    project's; crate: the sha256 that the crate lists; faults: what is known besides;
    targets: further files that must be there.

    A file is verified if its bytes are those that every record and the crate list for
    it, the code and the environment that made it are those that are checked out, and
    everything it rests on is verified too.
    """
    experiment = f"{folder}/{layout.EXPERIMENT}"
    ends = [f"{folder}/{name}" for name in ENDS]
    ordered = chain([*ends, *targets], records, experiment)
    found = dict(faults)
    for broken in (
        _changed(ordered, present, crate),
        _missing((*ends, *targets, *crate), ordered, present),
        _claimed_twice(ordered),
        _other_code(ordered, present),
        _other_copies(f"{folder}/{layout.SOURCES}/", present, crate),
    ):
        found = dict(broken) | found
    upstream = {
        path: (record.file.path, *rests_on(record, experiment))
        for record in ordered
        for path in (file.path for file in record.outputs)
    }
    left = {f.path for r in records for f in (r.file, *r.outputs)}
    named = [f.path for r in ordered for f in (r.file, *r.inputs, *r.outputs)]
    known = {*upstream, *(record.file.path for record in ordered), *crate}
    findings: dict[str, Finding] = {}
    for path in dict.fromkeys([*named, *ends, *targets, *crate, *present]):
        if not path.startswith(f"{folder}/"):
            if path not in named:
                continue
            known.add(path)  # of the project, or of who uses it
        verdict, reason = found.get(path, (VERIFIED, ""))
        links = upstream.get(path, ())
        if path not in known and path not in found:
            verdict, reason = UNRECORDED, "no record says what made it"
            if path in left:
                verdict, reason = LEFT_OVER, "nothing needs it; it may be deleted"
        elif verdict == VERIFIED:
            for link in links:
                if link in findings and findings[link].verdict != VERIFIED:
                    verdict, reason = DOWNSTREAM, f"rests on {link}"
                    break
        findings[path] = Finding(path, verdict, reason, links)
    return list(findings.values())


Broken = Iterator[tuple[str, tuple[str, str]]]


def _changed(
    records: Iterable[Record], present: Mapping[str, str], crate: Mapping[str, str]
) -> Broken:
    """Files of other bytes than a record or the crate lists."""
    listed = [
        (file.path, file.sha256, record.file.path)
        for record in records
        for file in (*record.inputs, *record.outputs)
    ]
    listed += [(path, digest, "the crate") for path, digest in crate.items()]
    for path, digest, witness in reversed(listed):  # the first witness counts
        if path in present and present[path] != digest:
            yield path, (CHANGED, f"not the bytes that {witness} lists")


def _missing(
    asked: Iterable[str], records: Iterable[Record], present: Mapping[str, str]
) -> Broken:
    """Files that are listed and not there."""
    listed = [f.path for r in records for f in (*r.inputs, *r.outputs)]
    for path in {*listed, *asked}:
        if path not in present:
            yield path, (MISSING, "")


def _claimed_twice(records: Iterable[Record]) -> Broken:
    """Files that two jobs say they made."""
    makers: dict[str, str] = {}
    for record in records:
        for file in record.outputs:
            if file.path in makers:
                both = f"{makers[file.path]} and by {record.file.path}"
                yield file.path, (CHANGED, f"made by {both} too")
            makers[file.path] = record.file.path


def _other_code(records: Iterable[Record], present: Mapping[str, str]) -> Broken:
    """Files made by other code, or in another environment, than is checked out."""
    for record in records:
        if reason := other_code(record, present):
            yield from ((file.path, (OTHER_CODE, reason)) for file in record.outputs)


def other_code(record: Record, present: Mapping[str, str]) -> str:
    """What of a job's code or environment is not what is checked out."""
    for file in record.code:
        if present.get(file.path) != file.sha256:
            return f"{file.path} is another now"
    environment = record.environment
    name = str(environment.get("name"))
    if name == "test":  # that of the tests runs every step, and is no step's own
        return ""
    if environment.get("deployer") not in DEPLOYERS:
        return f"deployed by {environment.get('deployer')!r}"
    for key, path in (("lock_sha256", lock(name)), ("pins_sha256", pins(name))):
        if key in environment and present.get(path) != environment[key]:
            return f"{path} is another now"
    return "" if "lock_sha256" in environment else "the environment has no lock"


def _other_copies(
    sources: str, present: Mapping[str, str], crate: Mapping[str, str]
) -> Broken:
    """Copies of code in the crate that are not what is checked out."""
    for path in crate:
        copy = path.removeprefix(sources)
        if copy != path and path in present and present.get(copy) != present[path]:
            yield path, (OTHER_CODE, f"{copy} is another now")


def downstream(findings: Iterable[Finding], path: str) -> list[str]:
    """The files that rest on a file, directly or not; findings with upstream first."""
    found = {path: None}
    for finding in findings:
        if finding.path not in found and found.keys() & set(finding.upstream):
            found[finding.path] = None
    return list(found)[1:]


def read_crate(path: Path) -> dict[str, str]:
    """The sha256 of every file that a crate lists, by path; empty if it is none."""
    folder = shown(path.parent)
    try:
        return {
            File(f"{folder}/{entity['@id']}", "").path: str(entity["sha256"])
            for entity in read_json(path)["@graph"]
            if "sha256" in entity
        }
    except (BadInput, ValueError, KeyError, TypeError):
        return {}


# The project's own files.


def workflow_files() -> list[str]:
    """The files that say what the workflow does, by path from the project's root."""
    endings = ["Snakefile", "rules/*.smk", "schemas/*.yaml", "report/*"]
    endings += ["profiles/*/*.yaml"]
    found = (path for ending in endings for path in (ROOT / "workflow").glob(ending))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def project_files() -> list[str]:
    """The files that make up the project, by path from its root.

    What git tracks; where there is no checkout to ask, all but results and caches.
    """
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True
    )
    if not listed.returncode and (ROOT / ".git").exists():
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        parts = [path for path in ROOT.iterdir() if path.name not in NOT_SOURCES]
        parts += [ROOT / "results" / name for name in ("README.md", "reference")]
        paths = [path for part in parts for path in (part, *part.rglob("*"))]
        paths = [path for path in paths if not CACHES & {*path.parts}]
        names = [str(path.relative_to(ROOT)) for path in paths]
    return sorted(name for name in set(names) if (ROOT / name).is_file())


def located(path: str) -> Path:
    """A file of who uses the project, or else of the project."""
    return Path(path) if Path(path).is_file() else ROOT / path


def sources(records: Collection[Record]) -> list[str]:
    """The workflow, and scripts, modules, locks and other files behind some records."""
    made = {file.path for record in records for file in record.outputs}
    found = set(workflow_files())
    for record in records:
        found |= {file.path for file in (*record.code, *record.inputs)} - made
        name = str(record.environment["name"])
        found |= {path for path in (lock(name), pins(name)) if (ROOT / path).exists()}
    return sorted(found)


def lock(name: str) -> str:
    """The lock of an environment."""
    return f"envs/{name}.requirements.txt"


def pins(name: str) -> str:
    """The pins of an environment's conda packages."""
    return f"envs/{name}.linux-64.pin.txt"


def difference(path: str, first: Any, second: Any) -> str:
    """The first place where two JSON values differ, with both; empty if none."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in dict.fromkeys([*first, *second]):
            place = f"{path}.{key}" if path else str(key)
            if found := difference(place, first.get(key), second.get(key)):
                return found
        return ""
    lists = isinstance(first, list) and isinstance(second, list)
    if lists and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        parts = (difference(f"{path}[{i}]", *pair) for i, pair in pairs)
        return next(filter(None, parts), "")
    return "" if first == second else f"{path} was {first!r}, is {second!r}"
