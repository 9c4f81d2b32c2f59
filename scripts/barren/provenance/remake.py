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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from barren.physics.ensembles import BadInput
from barren.provenance.chain import CHANGED, Faults
from barren.provenance.records import Record, difference, inventory, read_record
from barren.provenance.redraw import Batch
from barren.provenance.tables import deviation
from barren.runner import layout
from barren.runner.experiment import Experiment
from barren.runner.sources import sources
from barren.runner.step import ROOT, shown

#: Tables made again on another processor may differ in the last digits of a float64.
TOLERANCES = {"": (1e-9, 1e-12)}


class Remake:
    """A run of Snakemake that makes again what is missing of an experiment."""

    def __init__(
        self,
        snakemake: Sequence[str],
        config: Mapping[str, Any],
        folder: Path,
        kept: Iterable[str],
        targets: Iterable[str],
        scratch: Path,
    ) -> None:
        """Start it.

        kept: names of the experiment's files that it starts from; targets: files that
        it makes, by path from the working directory, as `folder`.
        """
        self.folder, self.made = folder, scratch / folder
        self.kept = {*kept}
        now = time.time()
        for name in self.kept:
            (self.made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, self.made / name, follow_symlinks=False)
            os.utime(self.made / name, (now, now))  # all of one age: nothing is old
        for name in (".venvs", ".snakemake/conda", "envs"):
            if Path(name).exists():
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                (scratch / name).symlink_to(Path(name).resolve())
        configuration = scratch / "config.json"
        configuration.write_text(json.dumps(config))
        command = [*snakemake, "--snakefile", str(ROOT / "workflow" / "Snakefile")]
        command += ["--directory", str(scratch), "--configfile", str(configuration)]
        command += ["--rerun-triggers", "mtime", "--keep-going", "--cores", "2"]
        command += ["--quiet", "all", "--", *targets]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def compare(self, names: Iterable[str] = ()) -> tuple[Faults, int, int]:
        """Wait, and hold what came out against the experiment's files.

        names: files that must come out. Returns faults, and how many files are the same
        to the byte and how many within the tolerance of tables.
        """
        said = self.process.communicate()[0].strip().splitlines()
        faults, same, close = Faults(), 0, 0
        made = {*inventory(self.made)} - self.kept
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


def expected_records(
    experiment: Experiment, batches: Iterable[Batch], folder: str
) -> dict[str, dict[str, Any]]:
    """What the records of circuits and of gradients must say, by their names."""
    config, found = experiment.config, {}
    for batch in batches:
        found[layout.record("sample_circuits", batch.name)] = {
            "step": "sample_circuits",
            "environment": "circuits",
            "parameters": batch.parameters,
            "inputs": [],
            "outputs": [["batch", f"{folder}/{batch.name}"]],
        }
    for width, *range_ in experiment.jobs:
        names = [e.name for e in experiment.sampled if e.width == width]
        made = layout.gradients(width, *range_)
        told = {"ensembles": names, "results": folder, "seed": config["seed"]}
        told |= dict(zip(("first", "last"), range_, strict=True))
        told |= {key: config[key] for key in ("engine", "differentiator")}
        found[layout.record("compute_gradients", made)] = {
            "step": "compute_gradients",
            "environment": config["engine"],
            "parameters": told,
            "inputs": [
                ["batches", f"{folder}/{layout.batch(name, *range_)}"] for name in names
            ],
            "outputs": [["gradients", f"{folder}/{made}"]],
        }
    return found


def misstated(record: Record, expected: Mapping[str, Any]) -> str:
    """What a record of a job that is not run again says otherwise than it must."""
    said = {key: comparable(record)[key] for key in expected}
    said["parameters"] = {k: v for k, v in record.parameters.items() if k != "threads"}
    if reason := difference("", said, dict(expected)):
        return reason
    python, script, *words = shlex.split(record.command)
    if [python, script] != ["python", f"scripts/{record.step}.py"]:
        return f"command is {record.command!r}"
    known = {**record.parameters, "record": record.file.path}
    known |= dict(expected["outputs"])
    for option in " ".join(words).split("--")[1:]:
        name, *values = option.split()
        value = known.get(name)
        told = value if isinstance(value, list) else [str(value)]
        if values != told:
            return f"command has --{option.strip()!r}, not {told!r}"
    code = {file.path for file in record.code}
    for path in map(shown, sources(record.step)):
        if path not in code:
            return f"code lacks {path}"
    return ""


def deviates(path: Path, again: Path) -> str:
    """Why a file that was made again does not pass for the same; empty if it does."""
    otherwise = "comes out otherwise when it is made again"
    if path.suffix != ".csv":
        return otherwise
    try:
        worst = deviation(again.read_text(), path.read_text(), TOLERANCES)
    except (ValueError, BadInput) as error:
        return f"{otherwise}: {error}"
    return "" if worst.excess <= 1 else f"{otherwise}: {worst}"
