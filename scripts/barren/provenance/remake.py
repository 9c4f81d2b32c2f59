"""What the checkout's workflow makes of recorded files, in a folder of its own.

Nothing of the results is run: the jobs, their arguments and their environments follow
from the checkout and the configuration alone.
"""

import csv
import io
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from barren.physics.ensembles import BadInput
from barren.provenance.records import Record, difference, inventory, read_record
from barren.runner import layout
from barren.runner.experiment import Experiment
from barren.runner.step import ROOT

#: The checkout's workflow as a module, of which some rules are taken.
MODULE = f"""\
module barren:
    snakefile: {str(ROOT / "workflow" / "Snakefile")!r}
    config: config
    pathvars: results={{results!r}}

use rule {{rules}}
"""
#: What a processor may round otherwise: one in the last of the digits, relative.
ROUNDING = (2e-9, 0.0)
OTHERWISE = "comes out otherwise when it is made again"


class Scratch:
    """A folder in which some rules of the workflow make files again.

    Files are named by their path from the working directory, and from this folder;
    results: where those of the experiment are.
    """

    def __init__(
        self,
        place: Path,
        snakemake: Sequence[str],
        config: Mapping[str, Any],
        results: Path,
        rules: str = "* from barren",
    ) -> None:
        place.mkdir(exist_ok=True)
        self.place = place
        self.kept: set[str] = set()
        # Environments, and files of who uses the workflow: the sources of circuits.
        for name in (".venvs", ".snakemake/conda", *Experiment(config).functions):
            link = place / name
            if ".." not in link.parts and Path(name).exists() and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(Path(name).resolve())
        (place / "config.json").write_text(json.dumps(config))
        (place / "Snakefile").write_text(
            MODULE.format(results=str(results), rules=rules)
        )
        profile = str(ROOT / "workflow" / "profiles" / "default")
        self.command = [*snakemake, "--workflow-profile", profile, "--cores", "2"]
        self.command += ["--configfile", "config.json", "--rerun-triggers", "mtime"]

    def keep(self, paths: Iterable[str]) -> None:
        """Start from some of the results' files, all of one age: nothing is old."""
        now = time.time()
        for path in paths:
            self.kept.add(path)
            (self.place / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.place / path, follow_symlinks=False)
            os.utime(self.place / path, (now, now))

    def start(self, *options: str) -> None:
        """Start Snakemake here."""
        with (self.place / "said").open("w") as said:
            self.process = subprocess.Popen(
                [*self.command, *options],
                cwd=self.place,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def start_making(self, paths: Iterable[str]) -> None:
        """Start to make some files of the experiment; each appears when it is whole."""
        self.start("--keep-going", "--quiet", "all", "--", *paths)

    def start_asking(self) -> None:
        """Start to ask for the commands of all jobs."""
        self.start("--dry-run", "--printshellcmds")

    def is_at_work(self) -> bool:
        return self.process.poll() is None

    def end(self) -> str:
        """Wait until Snakemake ends; what it printed."""
        self.process.wait()
        return (self.place / "said").read_text().strip()

    def commands(self) -> dict[str, str]:
        """The command of every job, by the path of its record, once asked for."""
        said = self.end()
        found = {}
        for line in re.findall(r"(?m)^Shell command: (.*--record.*) 2> ", said):
            words = [word.removeprefix(f"{ROOT}/") for word in shlex.split(line)]
            record = words[words.index("--record") + 1]
            found[record] = shlex.join(["python", *words[3:]])  # without -s -E
        if not found:
            raise BadInput(f"the workflow cannot be run here: {said[-200:]}")
        return found

    def made(self, folder: Path) -> list[str]:
        """The files of an experiment that were made here."""
        names = inventory(self.place / folder)
        return [path for name in names if (path := f"{folder}/{name}") not in self.kept]

    def differs(self, path: str) -> str:
        """What of a file is not as it was made again; empty if nothing."""
        theirs, ours = Path(path), self.place / path
        if not theirs.is_file():
            return "is not among the results, but the workflow makes it"
        if not ours.is_file():
            return "cannot be made again"
        if f"/{layout.RECORDS}/" in path:
            return difference(*map(comparable, map(read_record, (theirs, ours))))
        old, new = ours.read_bytes(), theirs.read_bytes()
        if old == new or (theirs.suffix == ".npz" and same_arrays(theirs, ours)):
            return ""
        return deviates(old, new, *ROUNDING) if theirs.suffix == ".csv" else OTHERWISE


def comparable(record: Record) -> dict[str, Any]:
    """What of a record follows from the configuration and the checkout.

    Hashes of data are not here: they are compared with the files themselves.
    """
    return {
        "step": record.step,
        "command": record.command,
        "parameters": record.parameters,
        "inputs": [[file.option, file.path] for file in record.inputs],
        "outputs": [[file.option, file.path] for file in record.outputs],
        "made with": [[file.path, file.sha256] for file in record.made_with],
    }


def same_arrays(path: Path, again: Path) -> bool:
    """Whether archives hold the same, packed by two versions of a library."""
    try:
        with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(again) as ours:
            return theirs.namelist() == ours.namelist() and all(
                # Of theirs no more is unpacked than there must be.
                theirs.open(name).read(len(known) + 1) == known
                for name in ours.namelist()
                for known in [ours.read(name)]
            )
    except (ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def deviates(old: bytes, new: bytes, relative: float, absolute: float) -> str:
    """Why tables differ by more than the tolerance of a number; empty if they do not.

    What is no number, or a whole one, must be equal.
    """
    try:
        rows, others = ([*csv.reader(io.StringIO(of.decode()))] for of in (old, new))
    except (ValueError, csv.Error):
        return OTHERWISE
    if [*map(len, rows)] != [*map(len, others)]:
        return f"{OTHERWISE}: other rows or columns"
    for number, pair in enumerate(zip(rows, others, strict=True)):
        for column, a, b in zip(rows[0], *pair, strict=True):
            if a != b and not is_close(a, b, relative, absolute):
                return f"{OTHERWISE}: row {number}: {column} is {b!r}, was {a!r}"
    return ""


def is_close(a: str, b: str, relative: float, absolute: float) -> bool:
    """Whether texts are numbers, none of them whole, within a tolerance."""
    try:
        whole = a.lstrip("-").isdecimal() or b.lstrip("-").isdecimal()
        near = math.isclose(float(a), float(b), rel_tol=relative, abs_tol=absolute)
    except ValueError:
        return False
    return near and not whole
