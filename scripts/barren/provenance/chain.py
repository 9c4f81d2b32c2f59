"""The chain that records form, and a verdict on every file of an experiment.

A file is a link of the chain: it is verified if its bytes are those that all records
and the crate list for it, if it was made by the code and in the environment that are
checked out, and if everything it rests on is verified too. Standard library alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from barren.provenance.records import Record, lock, pins
from barren.runner import layout

#: The files that everything else is made for.
ENDS = (layout.CRATE, layout.AGREEMENT, layout.REPORT)
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
class Finding:
    """What an audit says of a file; `upstream` are the files that it rests on."""

    path: str
    verdict: str
    reason: str = ""
    upstream: tuple[str, ...] = ()


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
    copies = (path for path in crate if path.startswith(f"{folder}/{layout.SOURCES}/"))
    known = {*upstream, *(record.file.path for record in ordered), *copies}
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
    deployer, conda = environment.get("deployer"), pins(name)
    if deployer not in DEPLOYERS:
        return f"its environment was deployed by {deployer!r}"
    if environment.get("lock_sha256") != present.get(lock(name), ""):
        return f"{lock(name)} is another now"
    # A venv takes nothing from conda.
    pinned = present.get(conda, "") if deployer == "conda" else None
    return "" if environment.get("pins_sha256") == pinned else f"{conda} is another now"


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
