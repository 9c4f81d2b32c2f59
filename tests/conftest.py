"""What the tests share: a copy of the project, and Snakemake to run it."""

import os

# Small matrices only wait for BLAS threads; numpy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Whoever has conda on PATH would build every environment in every copy of the project.
os.environ.setdefault("DEPLOYER", "venv")

import fcntl
import gc
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.stats  # noqa: F401 (whole, before parts of it are imported)
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from barren.runner.step import collect_seldom

collect_seldom()
# Every run of the tests draws the same examples, whatever else the machine does.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).parents[1]
PARTS = ("workflow", "scripts", "config", "envs")
#: A small experiment with every family, in seconds.
SMALL = """\
experiment: small
seed: 7
samples: 12
batch_size: 8
ensembles:
  - {family: random, width: [2, 3], depth: [4]}
  - {family: identity, width: [2, 3], block_depth: [2], blocks: [2]}
  - {family: identity_tutorial, width: [2, 3], block_depth: [2], blocks: [2]}
"""


def snakemake_program() -> str:
    """The runner's Snakemake, or else the one on PATH."""
    runner = ROOT / ".venv" / "bin" / "snakemake"
    found = str(runner) if runner.exists() else shutil.which("snakemake")
    assert found, "no Snakemake: run `make test`"
    return found


Run = Callable[..., subprocess.CompletedProcess[str]]


def run_in(folder: Path, program: str | Path | None = None) -> Run:
    """A function that runs Snakemake in a folder and captures what it prints."""

    def run(
        *arguments: str | Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program or snakemake_program(), "--cores", "2", *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ | environment,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def copy_project(folder: Path, source: Path = ROOT) -> Path:
    """A copy of the project, or of a copy, that shares the environments.

    And what is compiled, but for what is just being written.
    """
    for part in PARTS:
        unfinished = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(source / part, folder / part, ignore=unfinished)
    (ROOT / ".venvs").mkdir(exist_ok=True)
    (folder / ".venvs").symlink_to(ROOT / ".venvs")
    (folder / "config" / "small.yaml").write_text(SMALL)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a cluster, which mostly wait, start first, beside the others."""
    items.sort(key=lambda item: item.path.stem != "test_slurm")
    gc.freeze()  # what is imported by now is no garbage


class ByFile(LoadScopeScheduling):
    """The tests of a file share a worker, for its fixtures; random experiments none."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if Path(file).stem == "test_any_experiment" else file


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadScopeScheduling:
    return ByFile(config, log)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of the project."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A copy of the project in which the small experiment has run; read only.

    It runs once, for all workers.
    """
    own = tmp_path_factory.mktemp("small") / "project"
    beside = own.parents[1 if worker_id == "master" else 2]
    run, done = beside / "small-run", beside / "small-done"
    with (beside / "small-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            run_in(copy_project(run))("--configfile", "config/small.yaml")
            done.touch()
    return Path(shutil.copytree(run, own, symlinks=True))


@pytest.fixture(scope="session")
def tutorial() -> list[Any]:
    """The points of the tutorial's experiment, drawn by the oracle."""
    from coverage import experiment  # which most tests do without
    from points import TUTORIAL, rng

    return experiment(TUTORIAL, 200, rng(0))
