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
from barren.runner.experiment import Experiment
from barren.runner.step import FULL, ROOT

#: The checkout's workflow, which tells its jobs.
WORKFLOW = ROOT / "workflow" / "jobs.smk"
#: Linux's prctl option of that name (prctl.h).
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Job:
    """A job of the workflow: a script, in an environment, with its command line.

    inputs, outputs: the files of the experiment that it reads and writes.
    """

    environment: str
    script: str
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def step(self) -> str:
        return Path(self.script).stem

    @property
    def record(self) -> str:
        return self.option("record")

    def option(self, name: str) -> str:
        """The value of an option that takes one, as a path."""
        return self.arguments[self.arguments.index(f"--{name}") + 1]


#: A job that is done again; or, with a width, the check of gradients that it takes.
Task = tuple[Job, int]


def ask_jobs(
    snakemake: Sequence[str], config: Mapping[str, Any], folder: Path
) -> list[Job]:
    """Every job of an experiment, each after those that it rests on.

    folder: where the experiment's results are, from the working directory.
    """
    with TemporaryDirectory() as place:
        prepare(Path(place), config)
        told = {"experiment": config, "results": str(folder)}
        Path(place, "config.json").write_text(json.dumps(told))
        command = [*snakemake, "--dry-run", "--snakefile", str(WORKFLOW)]
        # Without our profile by venvs: a command then names its environment.
        command += ["--workflow-profile", "none", "--configfile", "config.json"]
        asked = subprocess.run(command, cwd=place, capture_output=True, text=True)
    jobs: list[Job] = []
    made: set[str] = set()
    # A dry run, too, starts no job before those that it rests on.
    for line in re.findall(r"(?m)^\[\[.*--record .*", asked.stdout):
        inputs, outputs, call = json.loads(line)
        python, _, _, script, *arguments = shlex.split(call.rpartition(" 2> ")[0])
        environment = Path(python).parts[-3].rpartition("-")[0]
        read = [path for path in inputs if path in made]
        jobs.append(Job(environment, script, *map(tuple, (arguments, read, outputs))))
        made.update(outputs)
    if not jobs:
        said = (asked.stdout + asked.stderr)[-200:].strip()
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
    tasks: Mapping[Task, Iterable[Task]],
    do: Callable[[Task], Any],
    rank: Callable[[Task], Any],
    cores: int = 2,
) -> Iterator[tuple[Task, Any]]:
    """Do tasks, each in a fork as soon as those are done that it rests on.

    With each comes what `do` returns, or the BadInput that says why it cannot be done;
    then what rests on it is not done either. rank: of tasks that can be done, those
    of the lowest are first.
    """
    sorter = TopologicalSorter(tasks)
    sorter.prepare()
    ready: list[Task] = []
    running: dict[Future[Any], Task] = {}
    with ProcessPoolExecutor(cores, get_context("fork"), set_apart) as pool:
        while True:
            ready = sorted([*ready, *sorter.get_ready()], key=rank)
            while ready and len(running) < cores:
                task = ready.pop(0)
                running[pool.submit(do, task)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                try:
                    yield task, future.result()
                    sorter.done(task)
                except BadInput as error:
                    yield task, error
                except BrokenProcessPool:
                    raise BadInput(f"{task[0].record}: its job was killed") from None


def set_apart() -> None:
    """Let a fork print nothing, and end with the process that it is of."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for stream in filter(None, (sys.stdout, sys.stderr)):  # either may be closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run_again(place: Path, job: Job, step: Callable[[], Any] | None = None) -> None:
    """Do a job in a folder, or another step by its command line."""
    os.chdir(place)
    sys.argv = [job.script, *job.arguments]
    try:
        step() if step else runpy.run_path(job.script, run_name="__main__")
    except SystemExit as end:
        cause = end.__context__
        if isinstance(cause, OSError) and cause.errno in FULL:
            raise cause from None  # not the job's fault
        if end.code:
            raise BadInput(str(end.code)) from None
    except Exception as error:
        raise BadInput(f"{type(error).__name__}: {error}") from None
