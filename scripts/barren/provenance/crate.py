"""A run of the workflow as a research object crate, in JSON-LD.

The crate follows Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5):
a step of the workflow is a script, a job a CreateAction that the script is the
instrument of, and the workflow engine's part an OrganizeAction. It is made from the
records alone, so the same records give the same bytes. Standard library alone.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from barren.provenance.records import File, Record, lock
from barren.runner.layout import CRATE, RECORDS, SOURCES

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
SNAKEFILE = "workflow/Snakefile"
BIOSCHEMAS = "https://bioschemas.org/profiles"
SNAKEMAKE = "https://snakemake.github.io"
#: The word is not in the context of RO-Crate 1.1.
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
]
Ref = dict[str, str]


def describe_run(
    folder: str,
    records: Sequence[Record],
    targets: Sequence[str],
    sources: Sequence[File],
    snakemake: str,
) -> str:
    """The text of the crate's metadata file.

    folder: the experiment's, the crate's root. records: every job, upstream first.
    targets: the tables and figures. sources: the workflow's files; the crate has copies
    of them under `sources/`. snakemake: the version of Snakemake.
    """
    crate = _Crate(folder)
    for file in sources:
        crate.file(file, f"{SOURCES}/{file.path}")
    for record in records:
        for file in (record.file, *record.outputs):
            crate.file(file, str(PurePosixPath(file.path).relative_to(folder)))
    workflow = crate.workflow(records)
    actions, controls = zip(*map(crate.job, records), strict=True)
    times = min(r.start for r in records), max(r.end for r in records)
    name = PurePosixPath(folder).name
    value = next(e for e in crate.graph if e.startswith("#value-describe_experiment"))
    results = [crate.files[path] for path in targets]
    run = crate.action(
        "#run",
        "CreateAction",
        f"Run of experiment {name}",
        workflow,
        times,
        description="All jobs from the configuration to tables and figures.",
        object=[{"@id": value}],
        result=results,
    )
    crate.graph[workflow["@id"]]["input"] = crate.graph[value]["exampleOfWork"]
    crate.graph[workflow["@id"]]["output"] = _unique(
        crate.graph[result["@id"]]["exampleOfWork"][0] for result in results
    )
    engine = crate.add(
        SNAKEMAKE,
        "SoftwareApplication",
        name="Snakemake",
        softwareVersion=snakemake,
        url={"@id": SNAKEMAKE},
    )
    crate.action(
        "#organise",
        "OrganizeAction",
        f"Snakemake {snakemake} running experiment {name}",
        engine,
        times,
        object=[*controls],
        result=run,
    )
    crate.root(name, times[1], workflow, [run, *actions])
    order = sorted(crate.graph, key=lambda key: (key != CRATE, key != "./", key))
    graph = [_flat(crate.graph[key]) for key in order]
    text = {"@context": CONTEXT, "@graph": graph}
    return json.dumps(text, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Crate:
    """The crate as it grows: entities that several others refer to are made once."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.graph: dict[str, dict[str, Any]] = {}
        self.files: dict[str, Ref] = {}

    def add(self, identifier: str, kind: str, /, **properties: Any) -> Ref:
        """An entity, unless it is there."""
        entity = {"@id": identifier, "@type": kind, **properties}
        self.graph.setdefault(identifier, entity)
        return {"@id": identifier}

    def link(self, of: Ref, key: str, other: Any) -> None:
        """Append a reference to an entity's, unless it is there."""
        found = self.graph[of["@id"]].setdefault(key, [])
        if other not in found:
            found.append(other)

    def file(self, file: File, place: str) -> None:
        """A file, at its place in the crate."""
        path = PurePosixPath(place)
        self.files[file.path] = self.add(
            place,
            "File",
            name=path.name,
            encodingFormat=FORMATS.get(path.suffix, "text/plain"),
            contentSize=str(file.bytes),
            sha256=file.sha256,
        )

    def root(self, name: str, date: str, workflow: Ref, actions: list[Ref]) -> None:
        """The experiment's folder, and the metadata file that describes it."""
        profiles = [
            self.add(url, "CreativeWork", name=title, version=url.rsplit("/", 1)[1])
            for url, title in PROFILES.items()
        ]
        papers = [
            self.add(url, "ScholarlyArticle", name=title)
            for url, title in PAPERS.items()
        ]
        self.add(
            "./",
            "Dataset",
            name=f"Barren plateaus, experiment {name}",
            description="Gradients of random quantum circuits, sampled, beside exact "
            "theory: circuits, gradients, tables and figures, with the record of every "
            "job that made them.",
            author={"@id": "#maintainers"},
            publisher={"@id": "#maintainers"},
            license={"@id": LICENCE},
            keywords="barren plateaus, variational quantum circuits, provenance",
            citation=papers,
            conformsTo=profiles,
            datePublished=date,
            mainEntity=workflow,
            mentions=actions,
            hasPart=[*self.files.values()],
        )
        conforms = [{"@id": "https://w3id.org/ro/crate/1.1"}, profiles[-1]]
        self.add(CRATE, "CreativeWork", about={"@id": "./"}, conformsTo=conforms)

    def workflow(self, records: Sequence[Record]) -> Ref:
        """The workflow, its steps and the scripts that they run."""
        code = ["File", "SoftwareSourceCode"]
        first = {record.step: record for record in reversed(records)}
        steps = [*dict.fromkeys(record.step for record in records)]
        for position, step in enumerate(steps):
            script = self.files[f"scripts/{step}.py"]
            modules = [self.files[file.path] for file in first[step].code]
            environment = self._environment(first[step])
            self.graph[script["@id"]] |= {
                "@type": code,
                "name": step,
                "version": _version(first[step]),
                "softwareRequirements": [
                    *(file for file in modules if file != script),
                    environment,
                ],
            }
            self.add(
                f"#step-{step}",
                "HowToStep",
                name=step,
                position=str(position),
                workExample=script,
            )
        workflow = self.files[SNAKEFILE]
        self.graph[workflow["@id"]] |= {
            "@type": [*code, "ComputationalWorkflow", "HowTo"],
            "name": "Barren plateaus",
            "version": _version(records[0]),
            "author": self.add("#maintainers", "Organization", name=AUTHOR),
            "license": self.add(
                LICENCE,
                "CreativeWork",
                name="Apache License 2.0",
                description="The Apache License, version 2.0.",
                url={"@id": LICENCE},
            ),
            "conformsTo": self._bioschema("ComputationalWorkflow"),
            "programmingLanguage": self.add(
                "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
                "ComputerLanguage",
                name="Snakemake",
                identifier={"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
                url={"@id": SNAKEMAKE},
            ),
            "hasPart": [self.files[f"scripts/{step}.py"] for step in steps],
            "step": [{"@id": f"#step-{step}"} for step in steps],
        }
        return workflow

    def _bioschema(self, name: str) -> Ref:
        identifier = f"{BIOSCHEMAS}/{name}/1.0-RELEASE"
        return self.add(identifier, "CreativeWork", name=name, version="1.0")

    def _environment(self, record: Record) -> Ref:
        """The environment of a job: deployer, Python and, by its lock, its packages."""
        of = record.environment
        return self.add(
            f"#environment-{of['name']}-{of['deployer']}",
            "SoftwareApplication",
            name=f"environment {of['name']}, deployed by {of['deployer']}",
            softwareVersion=f"lock {of['lock_sha256']}",
            runtimePlatform=f"Python {of['python']}",
            softwareRequirements=self.files[lock(of["name"])],
        )

    def action(
        self,
        identifier: str,
        kind: str,
        name: str,
        instrument: Ref,
        times: tuple[str, str],
        **properties: Any,
    ) -> Ref:
        """Something that was done, from a start to an end."""
        return self.add(
            identifier,
            kind,
            name=name,
            instrument=instrument,
            startTime=times[0],
            endTime=times[1],
            actionStatus="http://schema.org/CompletedActionStatus",
            **properties,
        )

    def job(self, record: Record) -> tuple[Ref, Ref]:
        """What a job did, and Snakemake's part in it."""
        path = PurePosixPath(record.file.path).relative_to(self.folder, RECORDS)
        name = str(path.with_suffix("")).replace("/", "-")
        script = self.files[f"scripts/{record.step}.py"]
        for files, role in ((record.inputs, "input"), (record.outputs, "output")):
            for file in files:
                formal = self._formal(record.step, file.option, "File")
                self.link(self.files[file.path], "exampleOfWork", formal)
                self.link(script, role, formal)
        values = []
        for option, value in sorted(record.parameters.items()):
            if value is not None:
                kind = "Integer" if isinstance(value, int) else "Text"
                plain = value if isinstance(value, int | str) else json.dumps(value)
                formal = self._formal(record.step, option, kind)
                self.link(script, "input", formal)
                values.append(
                    self.add(
                        f"#value-{name}-{option}",
                        "PropertyValue",
                        name=option,
                        value=plain,
                        exampleOfWork=formal,
                    )
                )
        times = record.start, record.end
        action = self.action(
            f"#job-{name}",
            "CreateAction",
            f"{record.step}: {name}",
            script,
            times,
            description=record.command,
            subjectOf=self.files[record.file.path],
            object=_unique([*(self.files[f.path] for f in record.inputs), *values]),
            result=[self.files[file.path] for file in record.outputs],
        )
        control = self.action(
            f"#control-{name}",
            "ControlAction",
            f"Snakemake running {name}",
            {"@id": f"#step-{record.step}"},
            times,
            object=action,
        )
        return action, control

    def _formal(self, step: str, option: str, kind: str) -> Ref:
        """The formal parameter that an option of a script is."""
        return self.add(
            f"#parameter-{step}-{option}",
            "FormalParameter",
            name=option,
            additionalType=kind,
            conformsTo=self._bioschema("FormalParameter"),
        )


def _version(record: Record) -> str:
    """The commit that a job was run from."""
    if record.source is None:
        return "not in a checkout"
    changes = "" if record.source["clean"] else ", with changes"
    return f"commit {record.source['commit']}{changes}"


def _unique(references: Iterable[Ref]) -> list[Ref]:
    return [*{reference["@id"]: reference for reference in references}.values()]


def _flat(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the only element of a list in the list's place."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }
