"""A run of the workflow as a research object crate.

The crate follows Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5):
a step of the workflow is a script, a job a CreateAction that the script is the
instrument of, and the workflow engine's part an OrganizeAction. It is made from the
records alone, so the same records give the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from rocrate.model import ContextEntity
from rocrate.model import File as CrateFile
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from barren.provenance.records import File, Record, lock
from barren.runner.layout import RECORDS, SOURCES

AUTHOR = "Barren plateaus artefact maintainers"
LICENCE = "https://spdx.org/licenses/Apache-2.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
PAPERS = {
    "https://arxiv.org/abs/1803.11173": "Barren plateaus in quantum neural network "
    "training landscapes (McClean et al. 2018)",
    "https://arxiv.org/abs/1903.05076": "An initialization strategy for addressing "
    "barren plateaus in parametrized quantum circuits (Grant et al. 2019)",
}
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".npz": "application/zip",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".sh": "text/x-shellscript",
    ".yaml": "application/yaml",
}
PLAIN = "text/plain"
SNAKEFILE = "workflow/Snakefile"
FORMAL = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
COMPLETED = "http://schema.org/CompletedActionStatus"


def describe_run(
    folder: str,
    records: Sequence[Record],
    targets: Sequence[str],
    sources: Sequence[File],
    snakemake: str,
) -> dict[str, Any]:
    """The crate's metadata, as JSON-LD.

    folder: the experiment's, the crate's root. records: every job, upstream first.
    targets: the tables and figures. sources: the workflow's files; the crate has copies
    of them under `sources/`. snakemake: the version of Snakemake.
    """
    builder = _Builder(folder, records[0].end)
    crate = builder.crate
    experiment = PurePosixPath(folder).name
    end = max(record.end for record in records)
    start = min(record.start for record in records)

    builder.sources(sources, {record.step for record in records})
    for record in records:
        for file in (record.file, *record.outputs):
            builder.file(file)
    workflow = builder.main_workflow(records)
    run = crate.add(
        ContextEntity(
            crate,
            "#run",
            {
                "@type": "CreateAction",
                "name": f"Run of experiment {experiment}",
                "description": "All jobs from the configuration to tables and figures.",
                "instrument": {"@id": workflow.id},
                "startTime": start,
                "endTime": end,
                "actionStatus": COMPLETED,
            },
        )
    )
    configuration = next(r for r in records if r.step == "describe_experiment")
    value = builder.parameter(configuration, "config")
    run["object"] = [value]
    workflow["input"] = value["exampleOfWork"]
    run["result"] = [builder.files[path] for path in targets]
    options = {
        file.path: builder.formal(record.step, file.option, "File")
        for record in records
        for file in record.outputs
    }
    workflow["output"] = _unique(options[path] for path in targets)

    jobs = [builder.job(record) for record in records]
    engine = crate.add(
        ContextEntity(
            crate,
            "https://snakemake.github.io",
            {
                "@type": "SoftwareApplication",
                "name": "Snakemake",
                "softwareVersion": snakemake,
                "url": {"@id": "https://snakemake.github.io"},
            },
        )
    )
    crate.add(
        ContextEntity(
            crate,
            "#organise",
            {
                "@type": "OrganizeAction",
                "name": f"Snakemake {snakemake} running experiment {experiment}",
                "instrument": {"@id": engine.id},
                "object": [{"@id": control.id} for _, control in jobs],
                "result": {"@id": run.id},
                "startTime": start,
                "endTime": end,
                "actionStatus": COMPLETED,
            },
        )
    )
    root = crate.root_dataset
    root["name"] = f"Barren plateaus, experiment {experiment}"
    root["description"] = (
        "Gradients of random quantum circuits, sampled, beside exact theory: circuits, "
        "gradients, tables and figures, with the record of every job that made them."
    )
    root["datePublished"] = end
    root["mentions"] = [run, *(action for action, _ in jobs)]
    graph = crate.metadata.generate()
    entities = sorted(graph["@graph"], key=lambda entity: _order(entity["@id"]))
    return {"@context": graph["@context"], "@graph": [_flat(e) for e in entities]}


def write(metadata: Mapping[str, Any]) -> str:
    """The text of the metadata file."""
    return json.dumps(metadata, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Builder:
    """The crate as it grows: entities that several others refer to are made once."""

    def __init__(self, folder: str, date: str) -> None:
        self.folder = folder
        self.crate = ROCrate(version="1.1")
        self.files: dict[str, Entity] = {}
        # The context of RO-Crate 1.1 lacks the word.
        self.crate.metadata.extra_terms["sha256"] = (
            "https://w3id.org/ro/terms/workflow-run#sha256"
        )
        self.crate.metadata["conformsTo"] = [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ]
        root = self.crate.root_dataset
        root["conformsTo"] = [
            self._context(
                url, {"@type": "CreativeWork", "name": name, "version": version}
            )
            for url, name in PROFILES.items()
            for version in [url.rsplit("/", 1)[1]]
        ]
        root["author"] = self._context(
            "#maintainers", {"@type": "Organization", "name": AUTHOR}
        )
        root["publisher"] = root["author"]
        root["license"] = self._context(
            LICENCE,
            {
                "@type": "CreativeWork",
                "name": "Apache License 2.0",
                "description": "The Apache License, version 2.0.",
                "url": {"@id": LICENCE},
            },
        )
        root["keywords"] = "barren plateaus, variational quantum circuits, provenance"
        root["citation"] = [
            self._context(url, {"@type": "ScholarlyArticle", "name": name})
            for url, name in PAPERS.items()
        ]

    def _context(self, identifier: str, properties: dict[str, Any]) -> Entity:
        return self.crate.add(ContextEntity(self.crate, identifier, properties))

    def file(self, file: File, **properties: Any) -> Entity:
        """A file of the experiment's folder."""
        if file.path not in self.files:
            place = str(PurePosixPath(file.path).relative_to(self.folder))
            self.files[file.path] = self._file(place, file, properties)
        return self.files[file.path]

    def _file(self, place: str, file: File, properties: dict[str, Any]) -> Entity:
        form = FORMATS.get(PurePosixPath(place).suffix, PLAIN)
        return self.crate.add(
            CrateFile(
                self.crate,
                dest_path=place,
                properties={
                    "name": PurePosixPath(place).name,
                    "encodingFormat": form,
                    "contentSize": str(file.bytes),
                    "sha256": file.sha256,
                    **properties,
                },
            )
        )

    def sources(self, sources: Sequence[File], steps: set[str]) -> None:
        """The copies of the workflow's files."""
        code = ["File", "SoftwareSourceCode"]
        types = {f"scripts/{step}.py": code for step in steps}
        types[SNAKEFILE] = [*code, "ComputationalWorkflow", "HowTo"]
        for file in sources:
            properties = {"@type": types.get(file.path, "File")}
            place = f"{SOURCES}/{file.path}"
            self.files[file.path] = self._file(place, file, properties)

    def main_workflow(self, records: Sequence[Record]) -> Entity:
        """The workflow, its steps and the scripts that they run."""
        workflow = self.files[SNAKEFILE]
        workflow["name"] = "Barren plateaus"
        workflow["conformsTo"] = self._context(
            "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE",
            {
                "@type": "CreativeWork",
                "name": "ComputationalWorkflow",
                "version": "1.0",
            },
        )
        workflow["programmingLanguage"] = self._context(
            "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
            {
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
                "url": {"@id": "https://snakemake.github.io"},
            },
        )
        workflow["version"] = _version(records[0])
        workflow["author"] = self.crate.root_dataset["author"]
        workflow["license"] = self.crate.root_dataset["license"]
        self.crate.mainEntity = workflow
        scripts, steps = [], []
        for position, step in enumerate(dict.fromkeys(r.step for r in records)):
            record = next(r for r in records if r.step == step)
            script = self._script(step)
            scripts.append(script)
            script["name"] = step
            script["version"] = _version(record)
            script["softwareRequirements"] = [
                self.files[file.path]
                for file in record.code
                if file.path != f"scripts/{step}.py"
            ]
            script.append_to("softwareRequirements", self._environment(record))
            properties = {
                "@type": "HowToStep",
                "name": step,
                "position": str(position),
                "workExample": {"@id": script.id},
            }
            steps.append(self._context(f"#step-{step}", properties))
        workflow["hasPart"] = scripts
        workflow["step"] = steps
        return workflow

    def _script(self, step: str) -> Entity:
        return self.files[f"scripts/{step}.py"]

    def _environment(self, record: Record) -> Entity:
        """The environment of a job: deployer, Python and, by its lock, its packages."""
        name, deployer = record.environment["name"], record.environment["deployer"]
        properties: dict[str, Any] = {
            "@type": "SoftwareApplication",
            "name": f"environment {name}, deployed by {deployer}",
            "softwareVersion": f"lock {record.environment['lock_sha256']}",
            "runtimePlatform": f"Python {record.environment['python']}",
        }
        if entity := self.files.get(lock(name)):
            properties["softwareRequirements"] = {"@id": entity.id}
        return self._context(f"#environment-{name}-{deployer}", properties)

    def formal(self, step: str, option: str, kind: str) -> Entity:
        """The formal parameter that an option of a script is."""
        identifier = f"#parameter-{step}-{option}"
        properties = {
            "@type": "FormalParameter",
            "name": option,
            "additionalType": kind,
            "conformsTo": {"@id": FORMAL},
        }
        self._context(
            FORMAL,
            {"@type": "CreativeWork", "name": "FormalParameter", "version": "1.0"},
        )
        return self.crate.get(identifier) or self._context(identifier, properties)

    def parameter(self, record: Record, name: str) -> Entity:
        """A value on a job's command line."""
        value = record.parameters[name]
        kind = "Integer" if isinstance(value, int) else "Text"
        identifier = f"#value-{self._job(record)}-{name}"
        formal = self.formal(record.step, name, kind)
        properties = {
            "@type": "PropertyValue",
            "name": name,
            "value": value if isinstance(value, int | str) else json.dumps(value),
            "exampleOfWork": {"@id": formal.id},
        }
        return self.crate.get(identifier) or self._context(identifier, properties)

    def _job(self, record: Record) -> str:
        """A job's name: its record's path below `records`."""
        path = PurePosixPath(record.file.path).relative_to(self.folder, RECORDS)
        return str(path.with_suffix("")).replace("/", "-")

    def job(self, record: Record) -> tuple[Entity, Entity]:
        """What a job did, and Snakemake's part in it."""
        tool = self._script(record.step)
        for file, role in [
            *((file, "input") for file in record.inputs),
            *((file, "output") for file in record.outputs),
        ]:
            formal = self.formal(record.step, file.option, "File")
            entity = self.files[file.path]
            _link(entity, "exampleOfWork", formal)
            _link(tool, role, formal)
        values = [
            self.parameter(record, name)
            for name, value in sorted(record.parameters.items())
            if value is not None
        ]
        for value in values:
            _link(tool, "input", value["exampleOfWork"])
        name = self._job(record)
        action = self._context(
            f"#job-{name}",
            {
                "@type": "CreateAction",
                "name": f"{record.step}: {name}",
                "description": record.command,
                "instrument": {"@id": tool.id},
                "startTime": record.start,
                "endTime": record.end,
                "actionStatus": COMPLETED,
                "subjectOf": {"@id": self.files[record.file.path].id},
            },
        )
        action["object"] = _unique(
            [*(self.files[file.path] for file in record.inputs), *values]
        )
        action["result"] = [self.files[file.path] for file in record.outputs]
        control = self._context(
            f"#control-{name}",
            {
                "@type": "ControlAction",
                "name": f"Snakemake running {name}",
                "instrument": {"@id": f"#step-{record.step}"},
                "object": {"@id": action.id},
                "startTime": record.start,
                "endTime": record.end,
                "actionStatus": COMPLETED,
            },
        )
        return action, control


def _version(record: Record) -> str:
    """The commit that a job was run from."""
    if record.source is None:
        return "not in a checkout"
    changes = "" if record.source["clean"] else ", with changes"
    return f"commit {record.source['commit']}{changes}"


def _link(entity: Entity, key: str, other: Entity) -> None:
    """Append a reference unless it is there."""
    found = entity.get(key) or []
    found = found if isinstance(found, list) else [found]
    if other.id not in [e.id for e in found]:
        entity[key] = [*found, other]


def _unique(entities: Any) -> list[Entity]:
    return list({entity.id: entity for entity in entities}.values())


def _flat(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the only element of a list in the list's place."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }


def _order(identifier: str) -> tuple[bool, bool, str]:
    return identifier != "ro-crate-metadata.json", identifier != "./", identifier
