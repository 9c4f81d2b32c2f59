"""The Slurm profile on a real one-node cluster of Debian's Slurm."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT

SNAKEMAKE = ROOT / ".venvs" / "slurm" / "bin" / "snakemake"
SMALL = ("--configfile", "config/small.yaml")
TABLES = ("gradients", "statistics", "theory", "fits", "claims")
#: The one place: the plugin hides SLURM_CONF from the jobs.
SLURM_CONF = Path("/etc/slurm/slurm.conf")
#: Longer than the cluster takes to answer on a busy machine.
PATIENCE = 120
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=300
SlurmdTimeout=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}
PartitionName=all Nodes={host} Default=YES State=UP
"""

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("slurmctld") and shutil.which("slurmd")),
        reason="no slurmctld and slurmd: install Debian's slurmctld and slurmd",
    ),
    pytest.mark.skipif(SLURM_CONF.exists(), reason=f"{SLURM_CONF} is there already"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a cluster without munge takes root"),
    pytest.mark.skipif(
        not SNAKEMAKE.exists(), reason="run make .venvs/slurm/environment.json"
    ),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of this machine."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    SLURM_CONF.parent.mkdir(exist_ok=True)
    SLURM_CONF.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            controller=free_port(),
            daemon=free_port(),
            folder=folder,
            cpus=os.cpu_count(),
            memory=total * 9 // 10,
        )
    )
    daemons = [
        subprocess.Popen(
            [name, "-D"],
            stdout=(folder / f"{name}.log").open("w"),
            stderr=subprocess.STDOUT,
        )
        for name in ("slurmctld", "slurmd")
    ]
    try:
        deadline = time.monotonic() + PATIENCE
        while "idle" not in state():
            assert time.monotonic() < deadline, "\n".join(
                log.read_text()[-2000:] for log in folder.glob("*.log")
            )
            time.sleep(0.5)
        yield
    finally:
        subprocess.run(["scancel", "--user=root"])
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(PATIENCE)
        SLURM_CONF.unlink()


def state() -> str:
    """What the cluster says of its node."""
    return subprocess.run(
        ["sinfo", "-h", "-o", "%T"], capture_output=True, text=True
    ).stdout


Submit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def submit(cluster: None, project: Path) -> Submit:
    """A function that runs Snakemake in a fresh project by the Slurm profile."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                SNAKEMAKE,
                "results/small/verdict.md",
                *("--profile", "workflow/profiles/slurm"),
                *("--slurm-status-command", "squeue"),
                *("--slurm-init-seconds-before-status-checks", "2"),
                *("--group-components", f"sampling={os.cpu_count()}"),
                *arguments,
            ],
            cwd=project,
            capture_output=True,
            text=True,
        )

    return run


def test_tables_are_those_of_a_local_run(
    submit: Submit, project: Path, small: Path
) -> None:
    done = submit(*SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SLURM jobid" in done.stderr + done.stdout
    for name in TABLES:
        path = Path("results", "small", "tables", f"{name}.csv")
        assert (project / path).read_bytes() == (small / path).read_bytes(), name
