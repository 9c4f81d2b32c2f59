"""The chain that records form, and a verdict on every file of an experiment.

Records that name the same file are linked by it, so that they form one chain from the
configuration, code and locks to every table and figure. Standard library alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from barren.physics.ensembles import BadInput
from barren.provenance.records import File, Record
from barren.runner import layout

VERIFIED = "verified"
CHANGED = "changed"
MISSING = "missing"
UNRECORDED = "unrecorded"
DOWNSTREAM = "downstream"
#: What breaks the chain.
BROKEN = (CHANGED, MISSING, UNRECORDED)
NO_RECORD = "no record of this experiment says what made it"
#: Verdict and reason, by path.
Verdicts = dict[str, tuple[str, str]]


def judge(
    folder: str,
    records: Sequence[Record],
    crate: Iterable[File],
    present: Mapping[str, File],
    needed: Iterable[str],
    known: Verdicts,
) -> Verdicts:
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
    faults |= known
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for path in dict.fromkeys([*upstream, *faults, *inside]):
        sorter.add(path, *upstream.get(path, ()))
    verdicts: Verdicts = {}
    try:
        for path in sorter.static_order():
            links_to = upstream.get(path, ())
            unsound = [link for link in links_to if verdicts[link][0] != VERIFIED]
            sound = (
                (DOWNSTREAM, f"rests on {unsound[0]}") if unsound else (VERIFIED, "")
            )
            verdicts[path] = faults.get(path, sound)
    except CycleError as error:
        raise BadInput(f"files that rest on each other: {error.args[1]}") from None
    return verdicts


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
