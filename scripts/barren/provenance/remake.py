"""The workflow's jobs done again in a folder of their own, by the checkout alone.

What the jobs are follows from the checkout and the configuration: Snakemake is asked
for their commands, and nothing of the results is run. Each job is done in a fork of
this process, which has imported what they need.
"""

import ctypes
import json
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
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
#: Linux's prctl option of that name (prctl.h).
PR_SET_PDEATHSIG = 1


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
    makes = files_of(jobs, folder)
    rests = inputs_of(jobs, folder).items()
    sorter = TopologicalSorter({job: {makes[p] for p in of} for job, of in rests})
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


def inputs_of(jobs: Sequence[Job], folder: Path) -> dict[Job, list[str]]:
    """The files of an experiment that each job rests on."""
    makes = files_of(jobs, folder)
    rests: dict[Job, list[str]] = {}
    for job in jobs:
        found = [path for path in job.paths(folder) if makes[path] != job]
        # What runs once finds by itself what many left, and what steps it names.
        if job.runs_once:
            steps = {*job.arguments}
            known = {of for of in rests if not of.runs_once or of.step in steps}
            found += [path for path, of in makes.items() if of in known]
        rests[job] = found
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
