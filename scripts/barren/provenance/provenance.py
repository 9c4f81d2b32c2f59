"""What the records of a run say of its files, and whether it still holds.

Every job leaves a record (see `step`) with the hashes of what it read, what it wrote
and the code that did so. Records that name the same file are linked by it, so that
they form one chain from the configuration to every table and figure. Files are named
by their path from the project's root. Standard library alone.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barren.step import ROOT, sha256, shown

#: Name of the file that describes an experiment's results as a research object crate.
CRATE = "ro-crate-metadata.json"
#: Folder of the copies of the sources in the results, for the crate to be whole.
SOURCES = "sources"
#: What Snakemake writes by itself, run times and report: no step makes or reads it.
OF_SNAKEMAKE = {"benchmarks", "report.html"}

#: Folders of the project whose files the records name.
CODE = ("scripts", "workflow", "envs")
#: Python's and Snakemake's own marks.
IGNORED = {"__pycache__", ".snakemake_timestamp"}

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


@dataclass(frozen=True)
class File:
    """A file as a record lists it; `option` is the one that named it."""

    path: str
    sha256: str
    bytes: int = 0
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
    environment: Mapping[str, Any] | None
    source: Mapping[str, Any] | None
    threads: int
    processor: str
    start: str
    end: str
    processor_seconds: float = 0.0


@dataclass(frozen=True)
class Finding:
    """What an audit says of a file; `upstream` are the files that it rests on."""

    path: str
    verdict: str
    reason: str = ""
    upstream: tuple[str, ...] = ()


def read_record(path: Path) -> Record:
    """Read a record; ValueError if the file is none."""
    try:
        values = json.loads(path.read_text())
        for key in ("inputs", "outputs", "code"):
            values[key] = tuple(File(**file) for file in values[key])
        file = File(shown(path), sha256(path), path.stat().st_size)
        return Record(file=file, **values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a record ({error})") from None


def read_records(folder: Path) -> list[Record]:
    """All records in a folder, by path; files that are none are left out."""
    records = []
    for path in sorted(folder.rglob("*.json")):
        try:
            records.append(read_record(path))
        except ValueError:
            continue
    return records


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every file of an experiment and of the code, by path."""
    results = [
        path
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in OF_SNAKEMAKE
    ]
    code = [path for name in CODE for path in (ROOT / name).rglob("*")]
    return {
        shown(path): sha256(path)
        for path in sorted(results) + code
        if path.is_file() and not IGNORED & {*path.parts}
    }


def makers(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records that list a file as an output, or are that file; by path."""
    found: dict[str, list[Record]] = {}
    for record in records:
        for file in (record.file, *record.outputs):
            found.setdefault(file.path, []).append(record)
    return found


def rests_on(record: Record, experiment: str) -> list[str]:
    """The files that a job rests on; without inputs it is the configuration."""
    paths = [file.path for file in record.inputs]
    made = {file.path for file in record.outputs}
    return paths or ([] if experiment in made else [experiment])


def chain(
    targets: Iterable[str], records: Iterable[Record], experiment: str
) -> list[Record]:
    """The records behind some files, every one after those it rests on."""
    made_by = makers(records)
    ordered: dict[str, Record] = {}
    visited: set[str] = set()

    def visit(path: str) -> None:
        for record in made_by.get(path, []):
            if record.file.path not in visited:
                visited.add(record.file.path)
                for upstream in rests_on(record, experiment):
                    visit(upstream)
                ordered[record.file.path] = record

    for path in (experiment, *targets):
        visit(path)
    return list(ordered.values())


def judge(
    folder: str,
    targets: Sequence[str],
    records: Sequence[Record],
    present: Mapping[str, str],
    crate: Mapping[str, str],
    faults: Mapping[str, tuple[str, str]],
) -> list[Finding]:
    """Judge every file of an experiment, upstream first.

    folder: the experiment's; targets: what the workflow makes in the end; present: the
    sha256 of every file in the folder, of the code and of the locks; crate: the sha256
    that the crate lists; faults: verdict and reason by path, from computing again.

    A file is verified if its bytes are those that every record and the crate list
    for it, the code that made it is the code that is checked out, and everything it
    rests on is verified too.
    """
    experiment = f"{folder}/experiment.json"
    ordered = chain([*targets, f"{folder}/{CRATE}"], records, experiment)
    made_by = makers(ordered)
    witnesses: dict[str, list[tuple[str, str]]] = {}
    for record in ordered:
        for file in (*record.inputs, *record.outputs):
            witnesses.setdefault(file.path, []).append((record.file.path, file.sha256))
    for path, digest in crate.items():
        witnesses.setdefault(path, []).append(("the crate", digest))

    findings: dict[str, Finding] = {}

    def examine(path: str, own: Record | None = None) -> None:
        if path not in findings:
            upstream = (own.file.path, *rests_on(own, experiment)) if own else ()
            verdict, reason = opinion(path, own, upstream)
            findings[path] = Finding(path, verdict, reason, upstream)

    def opinion(
        path: str, own: Record | None, upstream: Sequence[str]
    ) -> tuple[str, str]:
        if path not in present:
            return MISSING, ""
        for witness, digest in witnesses.get(path, []):
            if digest != present[path]:
                return CHANGED, f"not the bytes that {witness} lists"
        claims = [record.file.path for record in made_by.get(path, [])]
        copy = path.removeprefix(f"{folder}/{SOURCES}/")
        if len(claims) > 1:
            return CHANGED, f"made by {claims[0]} and by {claims[1]} too"
        if not claims and not (copy != path and path in crate):
            return UNRECORDED, "no record says what made it"
        if path in faults:
            return faults[path]
        if copy != path and present.get(copy) != present[path]:
            return OTHER_CODE, f"{copy} is another now"
        if own and (reason := _other_code(own, present)):
            return OTHER_CODE, reason
        for link in upstream:
            if findings[link].verdict != VERIFIED:
                return DOWNSTREAM, f"rests on {link}"
        return VERIFIED, ""

    for record in ordered:
        examine(record.file.path)
        for path in rests_on(record, experiment):
            examine(path)
        for file in record.outputs:
            examine(file.path, record)
    for path in (*targets, f"{folder}/{CRATE}", *crate):
        examine(path)

    # What else was made of these files, as they are now.
    def stale(file: File) -> bool:
        found = findings.get(file.path)
        verified = found is not None and found.verdict == VERIFIED
        return found is None or (verified and present[file.path] != file.sha256)

    others = [file.path for record in records for file in record.outputs]
    for record in chain(others, records, experiment):
        if record.inputs and not any(map(stale, record.inputs)):
            made_by.setdefault(record.file.path, [record])
            examine(record.file.path)
            for file in record.outputs:
                made_by.setdefault(file.path, [record])
                witnesses.setdefault(file.path, [(record.file.path, file.sha256)])
                examine(file.path, record)

    unneeded = makers(records)
    for path in sorted(present):
        if path.startswith(f"{folder}/") and path not in findings:
            claims = unneeded.get(path, [])
            listed = {file.path: file.sha256 for r in claims for file in r.outputs}
            if claims and listed.get(path, present[path]) == present[path]:
                reason = "nothing in this experiment needs it; it may be deleted"
                findings[path] = Finding(path, LEFT_OVER, reason)
            else:
                findings[path] = Finding(
                    path, UNRECORDED, "no record says what made it"
                )
    return list(findings.values())


def downstream(findings: Iterable[Finding], path: str) -> list[str]:
    """The files that rest on a file, directly or not; findings with upstream first."""
    found = {path: None}
    for finding in findings:
        if finding.path not in found and found.keys() & set(finding.upstream):
            found[finding.path] = None
    return list(found)[1:]


def workflow_files() -> list[str]:
    """The files that say what the workflow does."""
    endings = ("Snakefile", "rules/*.smk", "schemas/*.yaml", "profiles/*/*.yaml")
    found = (path for ending in endings for path in (ROOT / "workflow").glob(ending))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def sources(records: Iterable[Record]) -> list[str]:
    """The workflow, and the scripts, modules and locks behind some records."""
    found = set(workflow_files())
    for record in records:
        found |= {file.path for file in record.code}
        if record.environment:
            found.add(lock(record.environment["name"]))
    return sorted(found)


def lock(name: str) -> str:
    """The lock of an environment."""
    return f"envs/{name}.requirements.txt"


def _other_code(record: Record, present: Mapping[str, str]) -> str:
    """What of a job's code or environment is not what is checked out."""
    for file in record.code:
        if present.get(file.path) != file.sha256:
            return f"{file.path} is another now"
    environment = record.environment
    # The tests' environment runs every step, and is no step's own.
    if environment and environment["name"] != "test":
        path = lock(environment["name"])
        if present.get(path) != environment["lock_sha256"]:
            return f"{path} is another now"
    return ""


def read_crate(path: Path) -> dict[str, str]:
    """The sha256 of every file that a crate lists, by path from the project's root."""
    folder = shown(path.parent)
    try:
        graph = json.loads(path.read_text())["@graph"]
        return {
            f"{folder}/{entity['@id']}": entity["sha256"]
            for entity in graph
            if "sha256" in entity
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def difference(path: str, first: Any, second: Any) -> str:
    """The first place where two JSON values differ, with both; empty if none."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in dict.fromkeys([*first, *second]):
            place = f"{path}.{key}" if path else str(key)
            if found := difference(place, first.get(key), second.get(key)):
                return found
        return ""
    if (
        isinstance(first, list)
        and isinstance(second, list)
        and len(first) == len(second)
    ):
        pairs = enumerate(zip(first, second, strict=True))
        return next(
            filter(None, (difference(f"{path}[{i}]", *pair) for i, pair in pairs)), ""
        )
    return "" if first == second else f"{path} was {first!r}, is {second!r}"


@dataclass(frozen=True)
class Deviation:
    """How far a table is from another: the largest deviation of a numeric column.

    `excess` is the deviation in units of what is allowed: up to 1 is within.
    """

    column: str
    absolute: float
    excess: float


def compare_tables(
    expected: str,
    actual: str,
    tolerances: Mapping[str, tuple[float, float]],
    ignored: Sequence[str] = (),
) -> list[Deviation]:
    """Compare two tables in CSV, by column; ValueError if they are not comparable.

    tolerances: relative and absolute tolerance of a column; "" stands for all others,
    and where nothing does there is none. ignored: columns that are not compared. Cells
    that are no numbers, and whole numbers, must be equal.
    """
    rows = [list(csv.DictReader(io.StringIO(text))) for text in (expected, actual)]
    if len(rows[0]) != len(rows[1]):
        raise ValueError(f"{len(rows[1])} rows in place of {len(rows[0])}")
    worst: dict[str, Deviation] = {}
    for number, (old, new) in enumerate(zip(*rows, strict=True), 1):
        if list(old) != list(new):
            raise ValueError("other columns")
        for column in (name for name in old if name not in ignored):
            cell = old[column]
            found = _deviation(column, cell, new[column], tolerances)
            if found is None:
                raise ValueError(f"row {number}: {column} is {new[column]}, was {cell}")
            if column not in worst or found.excess > worst[column].excess:
                worst[column] = found
    return list(worst.values())


def _deviation(
    column: str, old: str, new: str, tolerances: Mapping[str, tuple[float, float]]
) -> Deviation | None:
    if old == new:
        return Deviation(column, 0.0, 0.0)
    try:
        int(old), int(new)
        return None
    except ValueError:
        pass
    try:
        a, b = float(old), float(new)
    except ValueError:
        return None
    relative, absolute = tolerances.get(column, tolerances.get("", (0.0, 0.0)))
    allowed = relative * abs(a) + absolute
    excess = abs(a - b) / allowed if allowed else math.inf
    return Deviation(column, abs(a - b), math.inf if math.isnan(excess) else excess)
