"""The chain that records form, and a verdict on every file of an experiment.

Records that name the same file are linked by it, so that they form one chain from the
configuration, code and locks to every table and figure. Standard library alone.
"""

from collections.abc import Iterable, Mapping
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
#: Verdict and reason of what is wrong with a file, by path.
Faults = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Finding:
    """What an audit says of a file; `upstream` are the files that it rests on."""

    path: str
    verdict: str
    reason: str
    upstream: tuple[str, ...]


def links(records: Iterable[Record], experiment: str) -> dict[str, tuple[str, ...]]:
    """The files that each file rests on, by path.

    An output rests on its record and on what the record lists; where that is no data,
    on the configuration.
    """
    found: dict[str, tuple[str, ...]] = {}
    for record in records:
        found[record.file.path] = ()
        paths = [file.path for file in (*record.inputs, *record.made_with)]
        made = {file.path for file in record.outputs}
        if not record.inputs and experiment not in made:
            paths.append(experiment)
        found |= dict.fromkeys(made, (record.file.path, *paths))
    return found


def judge(
    folder: str,
    records: Iterable[Record],
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
    records = list(records)
    upstream = links(records, f"{folder}/{layout.EXPERIMENT}")
    listed = [
        (file, record.file.path)
        for record in records
        for file in (*record.inputs, *record.made_with, *record.outputs)
    ]
    for file in crate:
        listed.append((file, "the crate"))
        source = file.path.removeprefix(f"{folder}/{layout.SOURCES}/")
        if source != file.path:  # a copy
            upstream[file.path] = (source,)
            listed.append((File(source, file.sha256, file.bytes), "the crate"))
    faults = dict(known)
    makers: dict[str, str] = {}
    for record in records:
        for file in record.outputs:
            if (
                other := makers.setdefault(file.path, record.file.path)
            ) != record.file.path:
                reason = f"made by {other} and by {record.file.path} too"
                faults.setdefault(file.path, (CHANGED, reason))
    for file, witness in listed:
        if file.path not in present:
            faults.setdefault(file.path, (MISSING, f"{witness} lists it"))
        elif not file.is_same(present[file.path]):
            reason = f"not the bytes that {witness} lists"
            faults.setdefault(file.path, (CHANGED, reason))
    for path in needed:
        if path not in present:
            faults.setdefault(path, (MISSING, ""))
    inside = {path for path in present if path.startswith(f"{folder}/")}
    nodes = dict.fromkeys([*upstream, *sorted(inside), *faults])
    try:
        order = [
            *TopologicalSorter({n: upstream.get(n, ()) for n in nodes}).static_order()
        ]
    except CycleError as error:
        raise BadInput(f"files that rest on each other: {error.args[1]}") from None
    for path in order:
        if path in inside and path not in upstream:
            told = "no record of this experiment says what made it"
            faults.setdefault(path, (UNRECORDED, told))
    findings: dict[str, Finding] = {}
    for path in order:
        on = upstream.get(path, ())
        unsound = [link for link in on if findings[link].verdict != VERIFIED]
        verdict, reason = (
            (DOWNSTREAM, f"rests on {unsound[0]}") if unsound else (VERIFIED, "")
        )
        verdict, reason = faults.get(path, (verdict, reason))
        findings[path] = Finding(path, verdict, reason, on)
    return [*findings.values()]


def downstream(findings: Iterable[Finding], path: str) -> list[str]:
    """The files that rest on a file, directly or not; findings with upstream first."""
    found = {path: None}
    for finding in findings:
        if found.keys() & set(finding.upstream):
            found[finding.path] = None
    return list(found)[1:]
