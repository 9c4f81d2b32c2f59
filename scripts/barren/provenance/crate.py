"""A run of the workflow as a research object crate, in JSON-LD.

The crate follows Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5):
a step of the workflow is a script, a job a CreateAction that the script is the
instrument of, and the workflow engine's part an OrganizeAction. What is told of each
stands in a template; it is filled from the records alone, so the same records give the
same bytes.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment, StrictUndefined

from barren.provenance.records import lock
from barren.runner.layout import CRATE, SOURCES
from barren.runner.step import ROOT, Described, Record

AUTHOR = "Barren plateaus artefact maintainers"
PAPERS = {
    "https://arxiv.org/abs/1803.11173": "Barren plateaus in quantum neural network "
    "training landscapes (McClean et al. 2018)",
    "https://arxiv.org/abs/1903.05076": "An initialization strategy for addressing "
    "barren plateaus in parametrized quantum circuits (Grant et al. 2019)",
}
TEMPLATE = ROOT / "workflow" / "crate.json.j2"
#: Python's own list of file types, whatever the machine's is.
TYPES = MimeTypes()
TYPES.add_type("application/zip", ".npz")
TYPES.add_type("application/yaml", ".yaml")


def describe_run(
    folder: str,
    records: Collection[Record],
    targets: Sequence[str],
    sources: Sequence[Described],
    snakemake: str,
) -> str:
    """The text of the crate's metadata file.

    folder: the experiment's, the crate's root. records: those of every job, each with
    its own `file`. targets: the tables and figures. sources: the workflow's files;
    the crate has copies of them under `sources/`. snakemake: the version of Snakemake.
    """
    # Upstream first; jobs may start in the same millisecond.
    records = sorted(records, key=lambda of: (of["start"], of["file"]["path"]))
    made = [file for of in records for file in (of["file"], *of["outputs"])]
    at = {file["path"]: f"{SOURCES}/{file['path']}" for file in sources}
    at |= {f["path"]: str(PurePosixPath(f["path"]).relative_to(folder)) for f in made}
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record["step"], record)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True)
    environment.filters["tojson"] = json.dumps  # jinja's own is for HTML
    text = environment.from_string(TEMPLATE.read_text()).render(
        name=PurePosixPath(folder).name,
        records=records,
        first=first,
        targets=targets,
        files=[*sources, *made],
        at=at,
        lock=lock,
        version=_version,
        type_of=lambda place: TYPES.guess_type(place)[0] or "text/plain",
        snakemake=snakemake,
        author=AUTHOR,
        papers=PAPERS,
    )
    crate = json.loads(text)
    crate["@graph"] = _merged(crate["@graph"])
    return json.dumps(crate, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _version(record: Record) -> str:
    """The commit that a job was run from."""
    if record["source"] is None:
        return "not in a checkout"
    changes = "" if record["source"]["clean"] else ", with changes"
    return f"commit {record['source']['commit']}{changes}"


def _merged(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities: of lists all that is told, once; of all else what is told first."""
    graph: dict[str, dict[str, Any]] = {}
    for part in told:
        entity = graph.setdefault(part["@id"], {})
        for key, value in part.items():
            known = entity.setdefault(key, [] if isinstance(value, list) else value)
            if isinstance(known, list) and isinstance(value, list):
                known += value
    for entity in graph.values():
        for key, value in entity.items():
            if isinstance(value, list):
                once = [*{str(of): of for of in value}.values()]
                entity[key] = once[0] if len(once) == 1 else once
    order = sorted(graph, key=lambda key: (key != CRATE, key != "./", key))
    return [graph[key] for key in order]
