"""The workflow's jobs done again in a folder of their own, by the checkout alone.

What the jobs are follows from the checkout and the configuration: Snakemake is asked
for their commands, and nothing of the results is run. Each job is done in a fork of
this process, which has imported what they need.
"""

import csv
import ctypes
import io
import json
import math
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from graphlib import TopologicalSorter
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from barren.physics.ensembles import BadInput
from barren.provenance.records import Record, difference, read_record
from barren.runner import layout
from barren.runner.experiment import Experiment
from barren.runner.step import ROOT

#: The checkout's workflow as a module, wherever who uses it keeps results.
MODULE = f"""\
module barren:
    snakefile: {str(ROOT / "workflow" / "Snakefile")!r}
    config: config
    pathvars: results={{!r}}

use rule * from barren
"""
#: What a processor may round otherwise: one in the last of the digits, relative.
ROUNDING = (2e-9, 0.0)
#: Linux's prctl option of that name (prctl.h).
PR_SET_PDEATHSIG = 1
OTHERWISE = "comes out otherwise when it is made again"


@dataclass(frozen=True)
class Job:
    """A job of the workflow: a script, in an environment, with its command line."""

    environment: str
    script: str
    arguments: tuple[str, ...]

    @property
    def step(self) -> str:
        return Path(self.script).stem

    def option(self, name: str) -> str:
        """The value of an option that takes one, as a path."""
        return self.arguments[self.arguments.index(f"--{name}") + 1]

    @property
    def record(self) -> str:
        """The path of its record."""
        return self.option("record")

    def paths(self, folder: Path) -> list[str]:
        """The files of the experiment that it names."""
        return [word for word in self.arguments if word.startswith(f"{folder}/")]

    @property
    def runs_once(self) -> bool:
        """Whether its step has this job alone."""
        return self.record.endswith(layout.record(self.step))


def ask_jobs(
    snakemake: Sequence[str], config: Mapping[str, Any], folder: Path
) -> list[Job]:
    """Every job of an experiment, each after those that it rests on.

    folder: where the experiment's results are, from the working directory.
    """
    with TemporaryDirectory() as place:
        prepare(Path(place), config)
        Path(place, "config.json").write_text(json.dumps(config))
        Path(place, "Snakefile").write_text(MODULE.format(str(folder)))
        profile = str(ROOT / "workflow" / "profiles" / "default")
        command = [*snakemake, "--workflow-profile", profile, "--cores", "1"]
        command += ["--configfile", "config.json", "--dry-run", "--printshellcmds"]
        asked = subprocess.run(
            command,
            cwd=place,
            # By venvs, a command names its environment.
            env=os.environ | {"DEPLOYER": "venv"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    jobs = []
    # A dry run, too, starts no job before those that it rests on.
    for line in re.findall(r"(?m)^Shell command: (.*--record.*) 2> ", asked.stdout):
        python, _, _, script, *arguments = shlex.split(line)
        environment = Path(python).parts[-3].rpartition("-")[0]
        jobs.append(Job(environment, script, tuple(arguments)))
    if not jobs:
        said = asked.stdout[-200:].strip()
        raise BadInput(f"the workflow cannot be run here: {said}")
    return jobs


def prepare(place: Path, config: Mapping[str, Any]) -> None:
    """Make a folder in which jobs find the sources of circuits of one's own."""
    place.mkdir(exist_ok=True)
    for name in Experiment(config).functions:
        link = place / name
        if ".." not in link.parts and Path(name).exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(name).resolve())


def copy(paths: Iterable[str], place: Path) -> None:
    """Put some of the results in such a folder."""
    for path in paths:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / path, follow_symlinks=False)


def do_again(
    jobs: Sequence[Job],
    folder: Path,
    do: Callable[[Job], Any],
    is_last: Callable[[Job], bool] = lambda job: False,
    cores: int = 2,
) -> Iterator[tuple[Job, Any]]:
    """Do jobs, each in a fork as soon as those are done that it rests on.

    With each comes what `do` returns, or the BadInput that says why it cannot be done;
    then what rests on it is not done either. is_last: what can wait for others.
    """
    sorter = TopologicalSorter(links(jobs, folder))
    sorter.prepare()
    ready: list[Job] = []
    running: dict[Future[Any], Job] = {}
    with ProcessPoolExecutor(cores, get_context("fork"), set_apart) as pool:
        while True:
            ready = sorted([*ready, *sorter.get_ready()], key=is_last)
            while ready and len(running) < cores:
                job = ready.pop(0)
                running[pool.submit(do, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    yield job, future.result()
                    sorter.done(job)
                except BadInput as error:
                    yield job, error
                except BrokenProcessPool:
                    raise BadInput(f"{job.record}: its job was killed") from None


def files_of(jobs: Iterable[Job], folder: Path) -> dict[str, Job]:
    """Every file of an experiment, and the job that makes it: who names it first."""
    makes: dict[str, Job] = {}
    for job in jobs:
        for path in job.paths(folder):
            makes.setdefault(path, job)
    return makes


def links(jobs: Sequence[Job], folder: Path) -> dict[Job, set[Job]]:
    """The jobs that each job rests on."""
    makes = files_of(jobs, folder)
    rests: dict[Job, set[Job]] = {}
    for job in jobs:
        rests[job] = {makes[path] for path in job.paths(folder)} - {job}
        # What runs once finds by itself what many left, and what steps it names.
        if job.runs_once:
            steps = {*job.arguments}
            rests[job] |= {of for of in rests if not of.runs_once or of.step in steps}
    return rests


def set_apart() -> None:
    """Let a fork print nothing, and end with the process that it is of."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run_again(place: Path, job: Job, step: Callable[[], Any] | None = None) -> None:
    """Do a job in a folder, or another step by its command line."""
    os.chdir(place)
    sys.argv = [job.script, *job.arguments]
    try:
        step() if step else runpy.run_path(job.script, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise BadInput(str(end.code)) from None
    except Exception as error:
        raise BadInput(f"{type(error).__name__}: {error}") from None


def differs(path: str, place: Path) -> str:
    """What of a file is not as it was made again in a folder; empty if nothing."""
    theirs, ours = Path(path), place / path
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
