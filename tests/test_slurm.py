"""The Slurm profile on a real one-node cluster of Debian's Slurm."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from test_faults import GRADIENTS, check_gradients

SNAKEMAKE = ROOT / ".venvs" / "slurm" / "bin" / "snakemake"
STATISTICS = "results/small/tables/statistics.csv"
TABLES = ("gradients", "statistics", "theory", "fits", "claims")
#: The one place: the plugin hides SLURM_CONF from the jobs.
SLURM_CONF = Path("/etc/slurm/slurm.conf")
#: Longer than the cluster takes to answer on a busy machine.
PATIENCE = 120
#: A node: when its first process is killed all end at once, as without power.
NODE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
NODE_STATE = ("sinfo", "-h", "-o", "%T")
OURS = "ClusterName=barren-test\n"
CONFIGURATION = """\
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
JobRequeue=0
SlurmdTimeout=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}
PartitionName=all Nodes={host} Default=YES State=UP
"""


def in_use() -> bool:
    """Whether there is a cluster here; what a killed test left over is none."""
    return SLURM_CONF.exists() and not SLURM_CONF.read_text().startswith(OURS)


pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("slurmctld") and shutil.which("slurmd")),
        reason="no slurmctld and slurmd: install Debian's slurmctld and slurmd",
    ),
    pytest.mark.skipif(in_use(), reason=f"{SLURM_CONF} is there already"),
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


def ask(*command: str) -> str:
    """What a command of Slurm prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout


def can_vanish() -> bool:
    """Whether namespaces may be made here."""
    return not subprocess.run([*NODE, "true"], capture_output=True).returncode


class Cluster:
    """Slurm's controller, and one node, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                [*command, name, "-D"], stdout=log, stderr=subprocess.STDOUT
            )

    def start_node(self) -> None:
        """Start the node, and wait until it takes jobs."""
        self.start("slurmd", *(NODE if can_vanish() else ()))
        self.wait_for("idle\n", *NODE_STATE)

    def stop(self, name: str) -> None:
        self.daemons[name].kill()
        self.daemons[name].wait(PATIENCE)

    def wait_for(self, answer: str, *command: str) -> None:
        """Wait until a command of Slurm prints some text."""
        deadline = time.monotonic() + PATIENCE
        while answer not in (now := ask(*command)):
            assert time.monotonic() < deadline, "\n".join(
                [now, *(log.read_text()[-2000:] for log in self.folder.glob("*.log"))]
            )
            time.sleep(0.5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of this machine."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    SLURM_CONF.parent.mkdir(exist_ok=True)
    SLURM_CONF.write_text(
        (OURS + CONFIGURATION).format(
            host=socket.gethostname().partition(".")[0],
            controller=free_port(),
            daemon=free_port(),
            folder=folder,
            cpus=os.cpu_count(),
            memory=total * 9 // 10,
        )
    )
    cluster = Cluster(folder)
    try:
        cluster.start("slurmctld")
        cluster.start_node()
        yield cluster
    finally:
        for name in reversed(cluster.daemons):
            cluster.stop(name)
        SLURM_CONF.unlink()


Submit = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def submit(cluster: Cluster, project: Path) -> Iterator[Submit]:
    """A function that starts Snakemake in a fresh project by the Slurm profile."""
    started = []

    def start(target: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (project / "said").open("w") as said:
            process = subprocess.Popen(
                [
                    *(SNAKEMAKE, target, "--configfile", "config/small.yaml"),
                    *("--profile", "workflow/profiles/slurm"),
                    *("--slurm-status-command", "squeue"),
                    *("--slurm-init-seconds-before-status-checks", "2"),
                    *("--group-components", f"sampling={os.cpu_count()}"),
                    *arguments,
                ],
                cwd=project,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
    ask("scancel", "--user=root")
    if cluster.daemons["slurmd"].poll() is not None:
        cluster.start_node()


@pytest.fixture
def one_left(project: Path, small: Path) -> Path:
    """A project in which all is done but one gradient job and the tables."""
    shutil.copytree(small / "results", project / "results", dirs_exist_ok=True)
    shutil.rmtree(project / "results" / "small" / "tables")
    (project / GRADIENTS).unlink()
    return project


def said(project: Path) -> str:
    """What Snakemake has printed."""
    return (project / "said").read_text()


def gradient_jobs(project: Path) -> list[list[str]]:
    """Id, state and memory of each gradient job, in the order of their submission."""
    jobs = ask("squeue", "-h", "--states=all", "--sort=i", "-o", "%i %T %m %k %Z")
    return [
        job.split()[:3]
        for job in jobs.splitlines()
        if "compute_gradients" in job and str(project) in job
    ]


def check_tables(project: Path, undisturbed: Path, *names: str) -> None:
    """The tables are the undisturbed run's to the byte."""
    for name in names:
        path = Path("results", "small", "tables", f"{name}.csv")
        assert (project / path).read_bytes() == (undisturbed / path).read_bytes(), name


def test_tables_are_those_of_a_local_run(
    submit: Submit, project: Path, small: Path
) -> None:
    assert submit("results/small/verdict.md").wait() == 0, said(project)
    # None was killed for its memory, for one: each job was submitted with enough.
    assert "Error" not in said(project), said(project)
    check_tables(project, small, *TABLES)


def test_a_node_that_vanishes(
    cluster: Cluster, submit: Submit, one_left: Path, small: Path
) -> None:
    """Slurm starts its job again, as the profile asks; Snakemake waits for it."""
    if not can_vanish():
        pytest.skip("a node that vanishes takes the right to make namespaces")
    process = submit(STATISTICS)
    target = one_left / GRADIENTS
    while not list(target.parent.glob(f".{target.name}.*/*")):  # it computes
        assert process.poll() is None, said(one_left)
        time.sleep(0.02)
    cluster.stop("slurmd")
    cluster.wait_for("down", *NODE_STATE)
    cluster.start_node()
    ((job, state, _),) = gradient_jobs(one_left)
    assert state == "PENDING"
    # Slurm would wait two minutes, lest its order to end the job, on the way since the
    # node vanished, end the new one; if that happens here, Snakemake submits it again.
    ask("scontrol", "update", f"jobid={job}", "StartTime=now+20")
    assert process.wait() == 0, said(one_left)
    assert "Restarts=1" in ask("scontrol", "show", "job", job)
    check_gradients(one_left, small)
    check_tables(one_left, small, "gradients", "statistics")


def test_a_job_that_exceeds_its_memory(
    submit: Submit, one_left: Path, small: Path
) -> None:
    """It is killed, and submitted again with more."""
    with (one_left / "workflow" / "rules" / "common.smk").open("a") as rules:
        # Too little for TensorFlow Quantum; twice that is enough.
        rules.write("cost_of = lambda *_: cost.Cost(1, 400 - SNAKEMAKE_MIB, 0)\n")
    with (one_left / "scripts" / "compute_gradients.py").open("a") as step:
        # Slurm looks once a second or so.
        step.write("    import time\n\n    time.sleep(5)\n")
    assert submit(STATISTICS).wait() == 0, said(one_left)
    assert "exceeded memory limit" in said(one_left)
    found = {(state, memory) for _, state, memory in gradient_jobs(one_left)}
    assert found == {("FAILED", "400M"), ("COMPLETED", "800M")}
    check_gradients(one_left, small)
    check_tables(one_left, small, "gradients", "statistics")
