"""A run of the workflow as a research object crate, in JSON-LD.

The crate follows Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5):
a step of the workflow is a script, a job a CreateAction that the script is the
instrument of, and the workflow engine's part an OrganizeAction. What is the same for
every run stands in `workflow/crate.json`; the rest is made from the records alone, so
the same records give the same bytes. Standard library alone.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any

from barren.provenance.records import lock
from barren.runner.layout import CRATE, RECORDS, SOURCES
from barren.runner.step import ROOT, Described, Record

AUTHOR = "Barren plateaus artefact maintainers"
PAPERS = {
    "https://arxiv.org/abs/1803.11173": "Barren plateaus in quantum neural network "
    "training landscapes (McClean et al. 2018)",
    "https://arxiv.org/abs/1903.05076": "An initialization strategy for addressing "
    "barren plateaus in parametrized quantum circuits (Grant et al. 2019)",
}
#: The crate of every run, which what is known of a run is added to; its context has
#: besides RO-Crate's the word for a hash.
COMMON = ROOT / "workflow" / "crate.json"
WORKFLOW = f"{SOURCES}/workflow/Snakefile"
SNAKEMAKE = "https://snakemake.github.io"
FORMAL = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
#: Python's own list of file types, whatever the machine's is.
TYPES = MimeTypes()
TYPES.add_type("application/zip", ".npz")
TYPES.add_type("application/yaml", ".yaml")
#: What is told of an entity: the one of its `@id`, and properties.
Told = dict[str, Any]


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
    shown, name = [_of(at[path]) for path in targets], PurePosixPath(folder).name
    steps = dict.fromkeys(record["step"] for record in records)
    run = _action("CreateAction", f"Run of experiment {name}", records)
    title = f"Snakemake {snakemake} running experiment {name}"
    crate = json.loads(COMMON.read_text())
    graph = _merged(
        [
            *crate["@graph"],
            *(told for record in records for told in _job(record, at, shown)),
            *(_file(file, at[file["path"]]) for file in (*sources, *made)),
            *(_of(f"#step-{of}", position=str(n)) for n, of in enumerate(steps)),
            _of("#run", **run, result=shown),
            _of("#organise", **_action("OrganizeAction", title, records)),
            _of(SNAKEMAKE, softwareVersion=snakemake),
            _of(WORKFLOW, version=_version(records[0])),
            _of("#maintainers", name=AUTHOR),
            *(_of(url, name=of) for url, of in PAPERS.items()),
            _of("./", name=f"Barren plateaus, experiment {name}"),
            _of("./", datePublished=run["endTime"], hasPart=[*map(_of, at.values())]),
        ]
    )
    order = sorted(graph, key=lambda key: (key != CRATE, key != "./", key))
    crate["@graph"] = [graph[key] for key in order]
    return json.dumps(crate, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _job(
    record: Record, at: Mapping[str, str], shown: Collection[Told]
) -> Iterator[Told]:
    """What a job did, by its script, as a step of the workflow.

    at: the place of each file in the crate. shown: the tables and figures.
    """
    step, path = record["step"], at[record["file"]["path"]]
    name = path.removeprefix(f"{RECORDS}/").removesuffix(".json").replace("/", "-")
    script = _of(at[f"scripts/{step}.py"])
    read = [(of["option"], "File", _of(at[of["path"]])) for of in record["inputs"]]
    made = [(of["option"], "File", _of(at[of["path"]])) for of in record["outputs"]]
    for option, value in sorted(record["parameters"].items()):
        if value is not None:
            kind = "Integer" if isinstance(value, int) else "Text"
            text = value if isinstance(value, int | str) else json.dumps(value)
            entity = _of(f"#value-{name}-{option}")
            yield entity | {"@type": "PropertyValue", "name": option, "value": text}
            read.append((option, kind, entity))
    for role, used in ("input", read), ("output", made):
        for option, kind, entity in used:
            formal = _of(f"#parameter-{step}-{option}")
            told = {"name": option, "additionalType": kind, "conformsTo": _of(FORMAL)}
            yield formal | {"@type": "FormalParameter"} | told
            yield script | {role: [formal]}
            yield entity | {"exampleOfWork": [formal]}
            if role == "output" and entity in shown:
                yield _of(WORKFLOW, output=[formal])
    job, control = _of(f"#job-{name}"), _of(f"#control-{name}")
    yield job | {
        **_action("CreateAction", f"{step}: {name}", [record]),
        "instrument": script,
        "description": record["command"],
        "subjectOf": _of(path),
        "object": [entity for _, _, entity in read],
        "result": [entity for _, _, entity in made],
    }
    how = _of(f"#step-{step}")
    action = _action("ControlAction", f"Snakemake running {name}", [record])
    yield control | action | {"instrument": how, "object": job}
    yield _of("#organise", object=[control])
    yield _of("./", mentions=[job])
    yield how | {"@type": "HowToStep", "name": step, "workExample": script}
    yield _of(WORKFLOW, hasPart=[script], step=[how])
    of = record["environment"]
    environment = _of(f"#environment-{of['name']}-{of['deployer']}")
    yield environment | {
        "@type": "SoftwareApplication",
        "name": f"environment {of['name']}, deployed by {of['deployer']}",
        "softwareVersion": f"lock {of['lock_sha256']}",
        "runtimePlatform": f"Python {of['python']}",
        "softwareRequirements": _of(at[lock(of["name"])]),
    }
    code = [_of(at[file["path"]]) for file in record["code"]]
    yield script | {
        "@type": ["File", "SoftwareSourceCode"],
        "name": step,
        "version": _version(record),
        "softwareRequirements": [of for of in (*code, environment) if of != script],
    }


def _file(file: Described, place: str) -> Told:
    """A file, at its place in the crate."""
    return {
        "@id": place,
        "@type": "File",
        "name": PurePosixPath(place).name,
        "encodingFormat": TYPES.guess_type(place)[0] or "text/plain",
        "contentSize": str(file["bytes"]),
        "sha256": file["sha256"],
    }


def _action(kind: str, name: str, records: Sequence[Record]) -> Told:
    """Of something that was done while some jobs ran."""
    return {
        "@type": kind,
        "name": name,
        "startTime": min(record["start"] for record in records),
        "endTime": max(record["end"] for record in records),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _version(record: Record) -> str:
    """The commit that a job was run from."""
    if record["source"] is None:
        return "not in a checkout"
    changes = "" if record["source"]["clean"] else ", with changes"
    return f"commit {record['source']['commit']}{changes}"


def _of(at: str, **properties: Any) -> Told:
    """What is told of an entity; nothing more makes a reference to it."""
    return {"@id": at, **properties}


def _merged(told: Iterable[Told]) -> dict[str, Told]:
    """The entities: of lists all that is told, once; of all else what is told first."""
    graph: dict[str, Told] = {}
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
    return graph
