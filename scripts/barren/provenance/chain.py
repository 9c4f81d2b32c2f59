"""The chain that records form, and a verdict on every file of an experiment.

Records that name the same file are linked by it, so that they form one chain from the
configuration, code and locks to every table and figure. Standard library alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from barren.physics.ensembles import BadInput
from barren.provenance.records import File, Record
from barren.runner import layout

VERIFIED = "verified"
CHANGED = "changed"
MISSING = "missing"
UNRECORDED = "unrecorded"
DOWNSTREAM = "downstream"
#: What breaks the chain; what lies downstream of a broken link is named with it.
BROKEN = (CHANGED, MISSING, UNRECORDED)
NO_RECORD = "no record of this experiment says what made it"
#: Verdict and reason of what is wrong with a file, by path.
Faults = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Finding:
    """What an audit says of a file; `upstream` are the files that it rests on."""

    path: str
    verdict: str
    reason: str
    upstream: tuple[str, ...]


def judge(
    folder: str,
    records: Sequence[Record],
    crate: Iterable[File],
    present: Mapping[str, File],
    needed: Iterable[str],
    known: Faults,
) -> list[Finding]:
    """Judge every file of an experiment, upstream first.

    folder: the experiment's; crate: what the crate lists; present: every file of the
    experiment and the project's code, by path; needed: further files that must be
    there; known: what is wrong besides.

    A file is verified if its bytes are those that every record and the crate list for
    it, and everything it rests on is verified too. Code and locks are files like all
    others: they must be those that are listed.
    """
    copies = f"{folder}/{layout.SOURCES}/"
    listed = [(file, "the crate") for file in crate]
    upstream = links(records, f"{folder}/{layout.EXPERIMENT}")
    for file in crate:
        if (source := file.path.removeprefix(copies)) != file.path:
            upstream[file.path] = (source,)
            listed.append((File(source, file.sha256, file.bytes), "the crate"))
    for record in reversed(records):  # the last witness counts
        files = (*record.inputs, *record.made_with, *record.outputs)
        listed += [(file, record.file.path) for file in files]
    inside = [path for path in present if path.startswith(f"{folder}/")]
    faults = {path: (MISSING, "") for path in needed if path not in present}
    faults |= {path: (UNRECORDED, NO_RECORD) for path in inside if path not in upstream}
    for file, witness in listed:
        if file.path not in present:
            faults[file.path] = MISSING, f"{witness} lists it"
        elif not file.is_same(present[file.path]):
            faults[file.path] = CHANGED, f"not the bytes that {witness} lists"
    faults |= _made_twice(records) | dict(known)
    findings: dict[str, Finding] = {}
    for path in _ordered([*upstream, *faults, *inside], upstream):
        on = upstream.get(path, ())
        unsound = (link for link in on if findings[link].verdict != VERIFIED)
        verdict, reason = faults.get(path, (VERIFIED, ""))
        if verdict == VERIFIED and (link := next(unsound, "")):
            verdict, reason = DOWNSTREAM, f"rests on {link}"
        findings[path] = Finding(path, verdict, reason, on)
    return [*findings.values()]


def links(records: Iterable[Record], experiment: str) -> dict[str, tuple[str, ...]]:
    """The files that each file rests on, by path.

    An output rests on its record and on what the record lists; where that is no data,
    on the configuration.
    """
    found: dict[str, tuple[str, ...]] = {}
    for record in records:
        found[record.file.path] = ()
        paths = [file.path for file in (*record.inputs, *record.made_with)]
        made = {file.path: () for file in record.outputs}
        if not record.inputs and experiment not in made:
            paths.append(experiment)
        found |= dict.fromkeys(made, (record.file.path, *paths))
    return found


def _made_twice(records: Iterable[Record]) -> Faults:
    """Files that two jobs say they made."""
    makers: dict[str, str] = {}
    faults: Faults = {}
    for record in records:
        for file in record.outputs:
            first = makers.setdefault(file.path, record.file.path)
            if first != record.file.path:
                both = f"{first} and by {record.file.path}"
                faults[file.path] = CHANGED, f"made by {both} too"
    return faults


def _ordered(
    paths: Iterable[str], upstream: Mapping[str, Iterable[str]]
) -> Iterator[str]:
    """Files after those that they rest on; BadInput if there is no such order."""
    sorter = TopologicalSorter({path: upstream.get(path, ()) for path in paths})
    try:
        yield from sorter.static_order()
    except CycleError as error:
        raise BadInput(f"files that rest on each other: {error.args[1]}") from None


def downstream(findings: Iterable[Finding], path: str) -> list[str]:
    """The files that rest on a file, directly or not; findings with upstream first."""
    found = {path: None}
    for finding in findings:
        if found.keys() & set(finding.upstream):
            found[finding.path] = None
    return list(found)[1:]
