"""Faults: each ends in the results of an undisturbed run, or in one clear error."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT, run_in, snakemake_program

#: A batch and the gradients that need it, of the small experiment.
GRADIENTS = "results/small/gradients/widths-2-3_samples-8-11.csv"
BATCH = "results/small/batches/width-2_samples-8-11.npz"
SMALL = ("--configfile", "config/small.yaml")
#: A program that runs another one and prints the most memory that it had, KiB.
MEMORY = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
#: Longer than any step takes on a busy machine.
PATIENCE = 240


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Snakemake at work in a folder; at the end whatever is left of it is killed."""
    process = subprocess.Popen(
        [snakemake_program(), "--cores", "2", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in session(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def session(leader: int) -> dict[int, str]:
    """The processes of a session: their ids and command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if os.getsid(pid) == leader:
                found[pid] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended
            continue
    return found


def gradient_job(process: subprocess.Popen[str], folder: Path) -> int:
    """The id of the process that computes gradients, once it writes them."""
    target = folder / GRADIENTS
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if list(target.parent.glob(f".{target.name}.*/*")):
            for pid, command in session(process.pid).items():
                if "scripts/compute_gradients.py" in command.split("2>")[0].split()[:4]:
                    return pid
        time.sleep(0.02)
    raise AssertionError("no gradient job was seen at work")


def check_gradients(folder: Path, undisturbed: Path) -> None:
    """The gradients are the undisturbed run's to the byte, and nothing is left over."""
    target = folder / GRADIENTS
    assert target.read_bytes() == (undisturbed / GRADIENTS).read_bytes()
    assert not list(target.parent.glob(f".{target.name}.*"))


def test_a_killed_gradient_job(project: Path, small: Path) -> None:
    with started(project, GRADIENTS, *SMALL) as process:
        os.kill(gradient_job(process, project), signal.SIGKILL)
        assert process.wait(PATIENCE)
    assert not (project / GRADIENTS).exists()
    run_in(project)(GRADIENTS, *SMALL)
    check_gradients(project, small)


def test_a_killed_snakemake(project: Path, small: Path) -> None:
    """The same command works at once, although the killed run's job is still there."""
    with started(project, GRADIENTS, *SMALL) as process:
        job = gradient_job(process, project)
        os.kill(job, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        run_in(project)(GRADIENTS, *SMALL)
        check_gradients(project, small)
        os.kill(job, signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        while job in session(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
    check_gradients(project, small)


def test_two_runs_at_once(project: Path, small: Path) -> None:
    with started(project, GRADIENTS, *SMALL) as first:
        job = gradient_job(first, project)
        os.kill(job, signal.SIGSTOP)
        second = run_in(project)(GRADIENTS, *SMALL, check=False)
        os.kill(job, signal.SIGCONT)
        assert first.wait(PATIENCE) == 0
    assert second.returncode
    lines = (second.stdout + second.stderr).splitlines()
    assert [line for line in lines if "error" in line.lower()] == [
        "error: another run is at work in this directory; wait until it ends"
    ]
    check_gradients(project, small)


def test_a_full_disk(project: Path) -> None:
    batch = "results/small/batches/width-3_samples-0-1999.npz"
    large = (batch, *SMALL, "--config", "samples=2000", "batch_size=2000")
    results = project / "results"
    run_in(project)(*large)
    undisturbed = (project / batch).read_bytes()
    shutil.rmtree(results)
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", results]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk takes root")
    try:
        failed = run_in(project)(*large, check=False)
        assert failed.returncode
        said = f"sample_circuits: the disk is full, writing {batch}"
        assert said in failed.stdout + failed.stderr
        assert not (project / batch).exists()
        assert not [*results.rglob(".*")]
        more = ["mount", "-o", "remount,size=8M", results]
        subprocess.run(more, check=True, capture_output=True)
        run_in(project)(*large)
        assert (project / batch).read_bytes() == undisturbed
    finally:
        subprocess.run(["umount", results], check=True)


def confirm(folder: Path, claims: str) -> subprocess.CompletedProcess[str]:
    """A step by itself, without Snakemake."""
    script = ROOT / "scripts" / "confirm_agreement.py"
    options = ("--claims", claims, "--agreement", "agreement.txt")
    return subprocess.run(
        [sys.executable, "-s", "-E", script, *options],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And nothing is left of the output."""
    done = confirm(tmp_path, "lost.csv")
    assert done.returncode == 1
    assert done.stderr == "confirm_agreement: --claims: no file lost.csv\n"
    assert not [*tmp_path.iterdir()]


def test_a_step_that_fails_leaves_nothing_and_removes_what_was_left(
    tmp_path: Path,
) -> None:
    """Also what a killed one left beside its output, but no file of another name."""
    (tmp_path / "claims.csv").write_text("claim\n")
    for name in (".agreement.txt.killed", ".agreement.txt2.other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "agreement.txt").touch()
    done = confirm(tmp_path, "claims.csv")
    assert done.returncode == 1 and "KeyError" in done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"claims.csv", ".agreement.txt2.other"}


def test_a_truncated_batch(project: Path, small: Path) -> None:
    """It is told in one line, and made again once it is deleted."""
    run = run_in(project)
    run(BATCH, *SMALL)
    os.truncate(project / BATCH, (project / BATCH).stat().st_size // 2)
    failed = run(GRADIENTS, *SMALL, check=False)
    assert failed.returncode
    said = f"compute_gradients: {BATCH} has other bytes than its job left; delete it"
    assert said in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert not (project / GRADIENTS).exists()
    (project / BATCH).unlink()
    run(GRADIENTS, *SMALL)
    check_gradients(project, small)


@pytest.mark.parametrize("changed", ["scripts/compute_gradients.py", BATCH])
def test_what_changes_while_a_job_reads_it(
    project: Path, small: Path, changed: str
) -> None:
    """A record would name bytes that the job has not read."""
    run_in(project)(BATCH, *SMALL)
    with started(project, GRADIENTS, *SMALL) as process:
        job = gradient_job(process, project)
        os.kill(job, signal.SIGSTOP)
        path = project / changed
        path.write_bytes(path.read_bytes() + b"\n" * (path.suffix == ".py"))
        os.kill(job, signal.SIGCONT)
        assert process.wait(PATIENCE)
    log = project / "logs/small/compute_gradients/widths-2-3_samples-8-11.log"
    said = (
        f"compute_gradients: {changed} changed while this ran; run the workflow again"
    )
    assert log.read_text().splitlines()[-1] == said
    assert not (project / GRADIENTS).exists()
    run_in(project)(GRADIENTS, *SMALL)
    check_gradients(project, small)


def test_what_was_lost_is_made_again(small: Path, project: Path) -> None:
    """Also what no target is made of any more."""
    shutil.copytree(small / "results" / "small", project / "results" / "small")
    lost = (
        BATCH,
        "results/small/experiment.json",
        "results/small/theory/widths-2-3.csv",
        f"results/small/records/compute_gradients/{Path(GRADIENTS).stem}.json",
    )
    for name in lost:
        kept = (project / name).read_bytes()
        (project / name).unlink()
        done = run_in(project)(*SMALL, "--dry-run", "--quiet", "rules")
        assert "Nothing to be done" not in done.stdout + done.stderr, name
        (project / name).write_bytes(kept)


@pytest.mark.parametrize(
    "end",
    [
        "theory/widths-2-3.csv",
        "gradients/widths-2-3_samples-0-7.csv",
        "tables/gradients.csv",
        "tables/fits.csv",
        "figures/circuit_random.svg",
        "paper/fits.tex",
    ],
)
def test_a_truncated_file_is_named(small: Path, project: Path, end: str) -> None:
    """What is to be deleted is told, and then all comes out again."""
    folder = Path("results", "small")
    shutil.copytree(small / folder, project / folder)
    path = project / folder / end
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 30)
    failed = run_in(project)(*SMALL, check=False)
    assert failed.returncode
    told = f"{folder / end} has other bytes than its job left; delete it and run"
    assert told in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    path.unlink()
    run_in(project)(*SMALL)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "end", ["theory/widths-2-3.csv", "gradients/widths-2-3_samples-8-11.csv"]
)
def test_a_file_with_another_digit_is_named(
    small: Path, project: Path, end: str
) -> None:
    """Its size is the same; what was made of it is not to be deleted."""
    folder = Path("results", "small")
    shutil.copytree(small / folder, project / folder)
    path = project / folder / end
    whole = path.read_bytes()
    last = max(whole.rfind(b"%d" % digit) for digit in range(1, 9))
    path.write_bytes(whole[:last] + b"9" + whole[last + 1 :])
    failed = run_in(project)(*SMALL, check=False)
    assert failed.returncode
    told = f"{folder / end} has other bytes than its job left; delete it and run"
    assert told in failed.stdout + failed.stderr
    path.unlink()
    run_in(project)(*SMALL)
    assert path.read_bytes() == whole


def test_the_fault_of_a_step_is_told_beside_a_file_that_was_changed(
    small: Path, project: Path
) -> None:
    folder = Path("results", "small")
    shutil.copytree(small / folder, project / folder)
    script = project / "scripts" / "summarise_gradients.py"
    text = script.read_text()
    script.write_text(text.replace("    found = Exp", "    1 / 0\n    found = Exp"))
    with (project / folder / "verdict.md").open("a") as file:
        file.write("note\n")
    failed = run_in(project)("results/small/tables/fits.csv", *SMALL, check=False)
    said = (project / "logs" / "small" / "summarise_gradients.log").read_text()
    assert failed.returncode and said.count("\n") == 1
    assert "verdict.md has other bytes" in said and "ZeroDivisionError" in said


def test_figures_of_another_configuration_are_told(small: Path, project: Path) -> None:
    """And not kept: they would stand beside new numbers in a manuscript."""
    folder = Path("results", "small")
    shutil.copytree(small / folder, project / folder)
    other = project / folder / "figures" / "gradient_by_{x}\x1b.pdf"
    other.touch()
    (project / folder / "agreement.txt").unlink()
    done = run_in(project)(*SMALL)
    told = "verdict.md; of another configuration, in figures/: gradient_by_{x}\\x1b"
    assert told in done.stdout + done.stderr
    run_in(project)("reference", *SMALL)
    kept = project / "results" / "reference" / "small" / "figures"
    figures = {path.name for path in other.parent.iterdir()}
    assert {path.name for path in kept.iterdir()} == figures - {other.name}
    other.unlink()
    (project / folder / "agreement.txt").unlink()
    done = run_in(project)(*SMALL)
    assert "another configuration" not in done.stdout + done.stderr


def test_a_job_that_fails_once(project: Path, small: Path) -> None:
    """At its second attempt it asks for more memory and time."""
    batches = Path("results", "small", "batches")
    shutil.copytree(small / batches, project / batches)
    rule = project / "workflow" / "rules" / "gradients.smk"
    command = 'command("compute_gradients", config["engine"])'
    fault = '"echo {resources.mem_mb} {resources.runtime} >> asked; grep -c . asked'
    code = rule.read_text()
    assert code.count(command) == 1
    rule.write_text(code.replace(command, f'{fault} | grep 2; " + {command}'))
    run_in(project)(GRADIENTS, *SMALL, "--retries", "1")
    first, second = (project / "asked").read_text().splitlines()
    assert [2 * int(n) for n in first.split()] == [int(n) for n in second.split()]
    check_gradients(project, small)


def test_ten_thousand_batches(project: Path) -> None:
    """Of circuits, and as many jobs: their graph takes half a gigabyte."""
    many = project / "config" / "many.yaml"
    many.write_text(
        "{experiment: many, seed: 1, samples: 5000, batch_size: 1, ensembles: "
        "[{family: random, width: [2], depth: [1, 2]}]}"
    )
    plan = (snakemake_program(), "--dag", "--configfile", many)
    # From a small process, because memory before a program starts counts as its own.
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *plan],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("sample_circuits") == 5000
    assert int(done.stdout.splitlines()[-1]) < 600_000
