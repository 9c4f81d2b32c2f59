"""What the checkout's workflow makes of recorded files, in a folder of its own.

Nothing of the results is run: the jobs, their arguments and their environments follow
from the checkout and the configuration alone.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from barren.physics.ensembles import BadInput
from barren.provenance.chain import CHANGED, Faults
from barren.provenance.records import Record, difference, inventory, read_record
from barren.provenance.tables import deviation
from barren.runner import layout
from barren.runner.experiment import Experiment
from barren.runner.sources import sources
from barren.runner.step import ROOT, shown

#: Tables made again on another processor may differ in the last digits of a float64.
TOLERANCES = {"": (1e-9, 1e-12)}


class Remake:
    """The workflow in a folder of its own, that makes again what is missing there."""

    def __init__(
        self,
        snakemake: Sequence[str],
        config: Mapping[str, Any],
        folder: Path,
        scratch: Path,
    ) -> None:
        self.folder, self.made, self.scratch = folder, scratch / folder, scratch
        self.kept: set[str] = set()
        for name in (".venvs", ".snakemake/conda"):
            if Path(name).exists():
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                (scratch / name).symlink_to(Path(name).resolve())
        configuration = scratch / "config.json"
        configuration.write_text(json.dumps(config))
        # Files that the workflow reads of who uses it: the sources of circuits.
        for name in Experiment(config).functions:
            place = scratch / name
            if ".." not in place.parts and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(Path(name).resolve())
        self.command = [*snakemake, "--snakefile", str(ROOT / "workflow" / "Snakefile")]
        self.command += [
            "--directory",
            str(scratch),
            "--configfile",
            str(configuration),
        ]
        self.command += ["--rerun-triggers", "mtime", "--keep-going", "--cores", "2"]
        self.command += ["--quiet", "all", "--"]

    def keep(self, names: Iterable[str]) -> None:
        """Start from some of the experiment's files, all of one age: nothing is old."""
        now = time.time()
        for name in names:
            self.kept.add(name)
            (self.made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / name, self.made / name, follow_symlinks=False)
            os.utime(self.made / name, (now, now))

    def start(self, names: Iterable[str]) -> None:
        """Start to make some files of the experiment."""
        self.process = subprocess.Popen(
            [*self.command, *(f"{self.folder}/{name}" for name in names)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def compare(self, names: Iterable[str] = ()) -> tuple[Faults, int, int]:
        """Wait, and hold what came out against the experiment's files.

        names: files that must come out. Returns faults, and how many files are the same
        and how many within the tolerance of tables.
        """
        said = self.process.communicate()[0].strip().splitlines()
        faults, same, close = Faults(), 0, 0
        made = {*inventory(self.made)} - self.kept if self.made.is_dir() else set()
        if self.process.returncode and not made:
            raise BadInput(f"the workflow makes nothing again here: {said[-1:]}")
        for name in made | {*names}:
            path, again = self.folder / name, self.made / name
            reason = ""
            if not path.is_file():
                reason = "is not among the results, but the workflow makes it"
            elif not again.is_file():
                reason = f"cannot be made again: {said[-1] if said else ''}"
            elif name.startswith(f"{layout.RECORDS}/"):
                ours = comparable(read_record(again))
                reason = difference("", comparable(read_record(path)), ours)
            elif path.read_bytes() == again.read_bytes():
                same += 1
            elif not (reason := deviates(path, again)):
                close += 1
            if reason:
                faults[shown(path)] = (CHANGED, reason)
        return faults, same, close


def comparable(record: Record) -> dict[str, Any]:
    """What of a record follows from the configuration and the checkout."""
    environment = record.environment
    return {
        "step": record.step,
        "command": record.command,
        "parameters": record.parameters,
        "inputs": [[file.option, file.path] for file in record.inputs],
        "outputs": [[file.option, file.path] for file in record.outputs],
        "code": [[file.path, file.sha256] for file in record.code],
        "environment": environment.get("name"),
        "lock": environment.get("lock_sha256"),
        "pins": environment.get("pins_sha256"),
    }


def expected_records(experiment: Experiment, folder: str) -> dict[str, dict[str, Any]]:
    """What the records of gradients, which are not made again, must say, by name."""
    config, found = experiment.config, {}
    for job in experiment.jobs:
        made, some = layout.gradients(*job), experiment.gradient_widths[job[0]]
        batches = [layout.batch(width, *job[1:]) for width in some]
        told: dict[str, Any] = {"ensembles": experiment.of_widths(some)}
        told |= {key: config[key] for key in ("seed", "engine", "differentiator")}
        found[layout.record("compute_gradients", made)] = {
            "step": "compute_gradients",
            "environment": config["engine"],
            "parameters": told,
            "inputs": [["batches", f"{folder}/{name}"] for name in batches],
            "outputs": [["gradients", f"{folder}/{made}"]],
        }
    return found


def misstated(record: Record, expected: Mapping[str, Any]) -> str:
    """What a record of a job that is not run again says otherwise than it must."""
    said = {key: comparable(record)[key] for key in expected}
    said["parameters"] = {k: v for k, v in record.parameters.items() if k != "threads"}
    if reason := difference("", said, dict(expected)):
        return reason
    known = {
        name: [v if isinstance(v, str) else json.dumps(v)]
        for name, v in {**record.parameters, "record": record.file.path}.items()
    }
    for name, path in (*expected["inputs"], *expected["outputs"]):
        known.setdefault(name, []).append(path)
    python, script, *words = shlex.split(record.command)
    told: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = told.setdefault(word[2:], [])
        else:
            values.append(word)
    if [python, script] != ["python", f"scripts/{record.step}.py"] or told != known:
        return f"command is {record.command!r}"
    code = {file.path for file in record.code}
    for path in map(shown, sources(record.step)):
        if path not in code:
            return f"code lacks {path}"
    return ""


def deviates(path: Path, again: Path) -> str:
    """Why a file that was made again does not pass for the same; empty if it does."""
    otherwise = "comes out otherwise when it is made again"
    try:
        if path.suffix == ".npz" and same_arrays(path, again):
            return ""
        if path.suffix != ".csv":
            return otherwise
        worst = deviation(again.read_text(), path.read_text(), TOLERANCES)
    except (ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        return f"{otherwise}: {error}"
    return "" if worst.excess <= 1 else f"{otherwise}: {worst}"


def same_arrays(path: Path, again: Path) -> bool:
    """Whether archives hold the same, packed by two versions of a library."""
    with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(again) as ours:
        names = ours.namelist()
        if theirs.namelist() != names:
            return False
        for name in names:
            known = ours.read(name)
            with theirs.open(name) as member:  # reads no more than there must be
                if member.read(len(known) + 1) != known:
                    return False
    return True
