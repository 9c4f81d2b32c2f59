"""A run of the workflow as a research object crate, in JSON-LD.

The crate follows Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5):
a step of the workflow is a script, a job a CreateAction that the script is the
instrument of, and the workflow engine's part an OrganizeAction. What is the same for
every run stands in `workflow/crate.json`; the rest is made from the records alone, so
the same records give the same bytes. Standard library alone.
"""

import json
from collections.abc import Collection, Sequence
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
#: Entities of every run, which what is known of a run is added to.
COMMON = ROOT / "workflow" / "crate.json"
WORKFLOW = f"{SOURCES}/workflow/Snakefile"
SNAKEMAKE = "https://snakemake.github.io"
FORMAL = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
#: The word is not in the context of RO-Crate 1.1.
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
]
#: Python's own list of file types, whatever the machine's is.
TYPES = MimeTypes()
TYPES.add_type("application/zip", ".npz")
TYPES.add_type("application/yaml", ".yaml")
Ref = dict[str, str]


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
    crate = _Crate()
    for file in sources:
        crate.file(file, f"{SOURCES}/{file['path']}")
    for record in records:
        for file in (record["file"], *record["outputs"]):
            crate.file(file, str(PurePosixPath(file["path"]).relative_to(folder)))
    name = PurePosixPath(folder).name
    jobs, controls = zip(*map(crate.job, records), strict=True)
    value = next(e for e in crate.graph if e.startswith("#value-describe_experiment"))
    run = crate.action(
        "#run",
        "CreateAction",
        f"Run of experiment {name}",
        records,
        instrument={"@id": WORKFLOW},
        description="All jobs from the configuration to tables and figures.",
        object={"@id": value},
        result=[crate.files[path] for path in targets],
    )
    crate.action(
        "#organise",
        "OrganizeAction",
        f"Snakemake {snakemake} running experiment {name}",
        records,
        instrument={"@id": SNAKEMAKE},
        object=[*controls],
        result=run,
    )
    for path in targets:
        made = crate.graph[crate.files[path]["@id"]]
        crate.link({"@id": WORKFLOW}, "output", made["exampleOfWork"][0])
    crate.graph[SNAKEMAKE]["softwareVersion"] = snakemake
    crate.graph[WORKFLOW]["version"] = _version(records[0])
    crate.graph[WORKFLOW]["input"] = crate.graph[value]["exampleOfWork"]
    crate.add("#maintainers", "Organization", name=AUTHOR)
    crate.graph["./"] |= {
        "name": f"Barren plateaus, experiment {name}",
        "citation": [
            crate.add(url, "ScholarlyArticle", name=of) for url, of in PAPERS.items()
        ],
        "datePublished": crate.graph["#run"]["endTime"],
        "mentions": [run, *jobs],
        "hasPart": [*crate.files.values()],
    }
    order = sorted(crate.graph, key=lambda key: (key != CRATE, key != "./", key))
    text = {"@context": CONTEXT, "@graph": [_flat(crate.graph[key]) for key in order]}
    return json.dumps(text, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Crate:
    """The crate as it grows: an entity that several others refer to is made once."""

    def __init__(self) -> None:
        self.graph = {of["@id"]: of for of in json.loads(COMMON.read_text())}
        self.files: dict[str, Ref] = {}

    def add(self, identifier: str, kind: str, /, **properties: Any) -> Ref:
        """An entity; what is known of it already stays."""
        properties |= self.graph.get(identifier, {})
        self.graph[identifier] = {"@id": identifier, "@type": kind} | properties
        return {"@id": identifier}

    def link(self, of: Ref, key: str, other: Ref) -> None:
        """Append a reference to an entity's, unless it is there."""
        found = self.graph[of["@id"]].setdefault(key, [])
        if other not in found:
            found.append(other)

    def file(self, file: Described, place: str) -> None:
        """A file, at its place in the crate."""
        self.files[file["path"]] = self.add(
            place,
            "File",
            name=PurePosixPath(place).name,
            encodingFormat=TYPES.guess_type(place)[0] or "text/plain",
            contentSize=str(file["bytes"]),
            sha256=file["sha256"],
        )

    def job(self, record: Record) -> tuple[Ref, Ref]:
        """What a job did, and Snakemake's part in it."""
        path = PurePosixPath(self.files[record["file"]["path"]]["@id"])
        name = str(path.relative_to(RECORDS).with_suffix("")).replace("/", "-")
        script, step = self.script(record)
        listed = ("input", record["inputs"]), ("output", record["outputs"])
        for role, files in listed:
            for file in files:
                option = file["option"]
                formal = self.formal(script, role, record["step"], option, "File")
                self.link(self.files[file["path"]], "exampleOfWork", formal)
        read = [self.files[file["path"]] for file in record["inputs"]]
        for option, value in sorted(record["parameters"].items()):
            if value is not None:
                kind = "Integer" if isinstance(value, int) else "Text"
                text = value if isinstance(value, int | str) else json.dumps(value)
                formal = self.formal(script, "input", record["step"], option, kind)
                told = {"name": option, "value": text, "exampleOfWork": formal}
                read.append(
                    self.add(f"#value-{name}-{option}", "PropertyValue", **told)
                )
        job = self.action(
            f"#job-{name}",
            "CreateAction",
            f"{record['step']}: {name}",
            [record],
            instrument=script,
            description=record["command"],
            subjectOf=self.files[record["file"]["path"]],
            object=read,
            result=[self.files[file["path"]] for file in record["outputs"]],
        )
        told = {"instrument": step, "object": job}
        title = f"Snakemake running {name}"
        return job, self.action(
            f"#control-{name}", "ControlAction", title, [record], **told
        )

    def script(self, record: Record) -> tuple[Ref, Ref]:
        """The script that a job ran, with its needs, and its step of the workflow."""
        name, of = record["step"], record["environment"]
        script = self.files[f"scripts/{name}.py"]
        environment = self.add(
            f"#environment-{of['name']}-{of['deployer']}",
            "SoftwareApplication",
            name=f"environment {of['name']}, deployed by {of['deployer']}",
            softwareVersion=f"lock {of['lock_sha256']}",
            runtimePlatform=f"Python {of['python']}",
            softwareRequirements=self.files[lock(of["name"])],
        )
        entity = self.graph[script["@id"]]
        if "version" not in entity:
            needs = [self.files[of["path"]] for of in record["code"]] + [environment]
            needs = [file for file in needs if file != script]
            entity |= {"@type": ["File", "SoftwareSourceCode"], "name": name}
            entity |= {"version": _version(record), "softwareRequirements": needs}
            self.link({"@id": WORKFLOW}, "hasPart", script)
        position = self.graph[WORKFLOW]["hasPart"].index(script)
        told = {"name": name, "position": str(position), "workExample": script}
        step = self.add(f"#step-{name}", "HowToStep", **told)
        self.link({"@id": WORKFLOW}, "step", step)
        return script, step

    def formal(self, script: Ref, role: str, step: str, option: str, kind: str) -> Ref:
        """The formal parameter that an option of a script is."""
        told = {"name": option, "additionalType": kind, "conformsTo": {"@id": FORMAL}}
        formal = self.add(f"#parameter-{step}-{option}", "FormalParameter", **told)
        self.link(script, role, formal)
        return formal

    def action(
        self, at: str, kind: str, name: str, records: Sequence[Record], **more: Any
    ) -> Ref:
        """Something that was done while some jobs ran."""
        return self.add(
            at,
            kind,
            name=name,
            startTime=min(record["start"] for record in records),
            endTime=max(record["end"] for record in records),
            actionStatus="http://schema.org/CompletedActionStatus",
            **more,
        )


def _version(record: Record) -> str:
    """The commit that a job was run from."""
    if record["source"] is None:
        return "not in a checkout"
    changes = "" if record["source"]["clean"] else ", with changes"
    return f"commit {record['source']['commit']}{changes}"


def _flat(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the only element of a list in the list's place."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }
