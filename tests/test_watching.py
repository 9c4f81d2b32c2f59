"""What a run prints by itself."""

import fcntl
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from barren.runner import cost
from barren.runner.progress import INTERRUPTED, Job, Terminal, Watch, describe
from conftest import ROOT, run_in, snakemake_program

EXPERIMENT = "results/tutorial/experiment.json"
COLUMNS = 70
#: A few short jobs, one after another on two cores.
TARGETS = (
    "results/tutorial/batches/width-4_samples-0-199.npz",
    "results/tutorial/batches/width-8_samples-0-199.npz",
    "results/tutorial/batches/width-6_samples-0-199.npz",
)
BAR = re.compile(r"\[#*\.*\] +\d+%  .* left  \w+")


def test_a_run_says_what_happens_and_how_far_it_is(project: Path) -> None:
    said = run_in(project)(EXPERIMENT).stderr
    assert "writing down the configuration of tutorial" in said
    assert "1 of 1 steps done" in said
    # Neither the machine nor pages of reasons.
    assert "Host:" not in said
    assert "Reason:" not in said


def test_a_failed_job_shows_its_log(project: Path) -> None:
    script = project / "scripts" / "describe_experiment.py"
    code = script.read_text()
    script.write_text('raise SystemExit("planted: line 1")\n' + code)
    done = run_in(project)(EXPERIMENT, check=False)
    assert done.returncode != 0
    # The line itself, and the file that has it.
    assert "\nplanted: line 1\n" in done.stderr
    assert "logs/tutorial/describe_experiment.log" in done.stderr
    assert not (project / EXPERIMENT).exists()


def on_a_terminal(
    folder: Path, *arguments: str, interrupt: bool = False, **environment: str
) -> tuple[int, str]:
    """Exit code of Snakemake and all that it writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [snakemake_program(), "--cores", "2", *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"} | environment,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        written += part
        if interrupt and b"% " in written:
            interrupt = False
            os.killpg(process.pid, signal.SIGINT)
    os.close(ours)
    return process.wait(), written.decode()


def screen(written: str) -> list[str]:
    """The lines that stand on a terminal in the end, without colours."""
    lines, column = [""], 0
    for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.", written, re.S):
        if token == "\n":
            lines.append("")
        elif token == "\r":
            column = 0
        elif token == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif not token.startswith("\x1b"):
            lines[-1] = lines[-1][:column] + token + lines[-1][column + 1 :]
            column += 1
    return lines


def test_a_run_says_how_long_it_takes(project: Path) -> None:
    said = run_in(project)(*TARGETS).stderr
    # Three jobs of less than a second.
    assert "3 steps, some seconds on 2 cores; logs in logs/tutorial/" in said
    assert "1 of 3 steps done, some seconds left\n" in said
    assert "3 of 3 steps done\n" in said
    assert not re.search(r"[\r\x1b]", said)


def test_a_terminal_has_a_bar_below_whole_lines(project: Path) -> None:
    code, written = on_a_terminal(project, *TARGETS)
    assert code == 0, written
    bars = [bar.split("\r")[0] for bar in re.split(r"\r\x1b\[K", written)[1:]]
    assert any(BAR.match(bar) for bar in bars)
    assert all(len(bar) < COLUMNS for bar in bars if BAR.match(bar))
    lines = screen(written)
    assert not any(BAR.search(line) for line in lines)
    # The bar's share of the time is the only one.
    assert "%" not in "".join(lines)
    for line in (
        "3 steps, some seconds on 2 cores; logs in logs/tutorial/",
        "1 of 3 steps done, some seconds left",
        "3 of 3 steps done",
    ):
        assert line in lines
    # Nothing is lost or doubled, against a run that has no bar.
    code, plain = on_a_terminal(project, "--force", *TARGETS, TERM="dumb")
    assert code == 0 and "\x1b" not in plain

    def kept(text: list[str]) -> list[str]:
        changing = r"\[.* \d{4}\]|Job \d+|Finished|Complete|Elapsed|Select|Execute"
        return sorted(line for line in text if not re.match(changing, line))

    assert set(kept(lines)) <= set(kept(screen(plain))) | {""}
    assert sum("Finished jobid" in line for line in lines) == 3


def test_an_interrupted_run_says_how_to_go_on(project: Path) -> None:
    # All of the experiment: it is not over before the interrupt arrives.
    code, written = on_a_terminal(project, interrupt=True)
    assert code != 0
    assert BAR.search(written)
    lines = screen(written)
    assert not any(BAR.search(line) for line in lines)
    # The jobs that are stopped with it are not shown as errors.
    assert [line for line in lines if line][-1] == INTERRUPTED
    assert lines.count(INTERRUPTED) == 1
    assert "Traceback" not in written and "Error" not in written


#: A job dies of Ctrl-C and is told of while the main thread computes outside Python.
BUSY = """
import hashlib, logging, os, signal, threading
from barren.runner.progress import Watch

logger = logging.getLogger("run")
logger.addHandler(logging.StreamHandler())
logger.handlers[0].setFormatter(logging.Formatter())
stopped = threading.Event()
Watch({}, 1).attach(logger, stopped.set)

def job():
    logger.error("before")
    os.kill(os.getpid(), signal.SIGINT)
    logger.error("after")

threading.Timer(0.2, job).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000)
assert stopped.wait(10)
"""


def test_a_job_that_dies_before_the_interrupt_is_handled_is_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUSY],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    # The logger's level keeps the word to the user out.
    assert done.stderr.split() == ["before"]


@pytest.mark.parametrize(
    "arguments", [["--quiet", "all"], ["--quiet", "progress"], ["-n"], ["--touch"]]
)
def test_who_asks_for_quiet_has_it(project: Path, arguments: list[str]) -> None:
    (project / EXPERIMENT).parent.mkdir(parents=True)
    for path in (EXPERIMENT, "results/tutorial/records/describe_experiment.json"):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).touch()
    code, written = on_a_terminal(project, EXPERIMENT, "--force", *arguments)
    assert code == 0, written
    assert "\x1b[K" not in written
    assert "some seconds" not in written


def test_a_fault_in_the_progress_does_not_end_a_run(project: Path) -> None:
    module = project / "scripts" / "barren" / "runner" / "progress.py"
    text = module.read_text()
    for place in ("def time_left(self) -> float:", "def line(self) -> str:"):
        assert place in text
        text = text.replace(place, f"{place}\n        raise RuntimeError('planted')")
    module.write_text(text)
    for run in (on_a_terminal(project, *TARGETS), on_a_terminal(project, EXPERIMENT)):
        assert run[0] == 0
        assert "planted" not in run[1]


def test_the_time_left_counts_what_runs_and_what_waits() -> None:
    """Two jobs of 100 s and one of 10 s after them, on two cores."""
    long = [Job("compute gradients", 100, 110, None) for _ in range(2)]
    watch = Watch(dict(enumerate([*long, Job("plot", 10, 10, None)])), cores=2)
    assert watch.time_left() == cost.wall(210, 110, 2)

    def happens(event: str, **known: int) -> None:
        watch.emit(logging.makeLogRecord({"event": event, **known}))

    for job in (0, 1):
        happens("job_info", jobid=job)
        watch.running[job] = time.monotonic() - 60
    assert watch.time_left() == pytest.approx(cost.wall(90, 50, 2), abs=0.1)
    assert "] " in watch.line() and " 57%" in watch.line()  # 120 of 210 s
    happens("job_finished", job_id=0)
    # 60 s for 100: the rest is faster, too.
    pace = (60 + cost.TRIAL) / (100 + cost.TRIAL)
    expected = cost.wall(50, 50, 2) * pace
    assert watch.time_left() == pytest.approx(expected, abs=0.1)
    happens("job_finished", job_id=1)
    happens("job_finished", job_id=2)
    assert watch.time_left() == pytest.approx(0, abs=1e-9)
    assert watch.line() == ""


def test_a_job_that_takes_longer_than_predicted_is_never_over() -> None:
    """The bar names the job that has run for longest, and none that has failed."""
    old, new = (Job(name, 100, 100, None) for name in ("old", "new"))
    watch = Watch({0: new, 1: old}, cores=2)
    watch.running = {0: time.monotonic(), 1: time.monotonic() - 1000}
    assert watch.spent()[1] == 95 and watch.time_left() > 0
    assert " 48%" in watch.line() and watch.line().endswith("left  old")
    watch.emit(logging.makeLogRecord({"event": "job_error", "jobid": 1}))
    assert watch.line().endswith("left  new")


def test_a_bar_is_cut_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last column is left free: there a terminal would go on to the next line."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((20, 9)))
    with (tmp_path / "terminal").open("w+") as stream:
        terminal = Terminal(stream, lambda: 99 * "x")
        terminal.draw()
        terminal.end()
        stream.seek(0)
        assert stream.read().count("x") == 19


def test_a_job_without_prediction_has_the_terminal_to_itself() -> None:
    watch = Watch({0: Job("plan", None, 0, None), 1: Job("plot", 5, 5, None)}, cores=1)
    watch.running = {1: time.monotonic()}
    assert "plot" in watch.line()
    watch.running[0] = time.monotonic()
    assert watch.line() == ""


def test_the_last_line_of_a_log_tells_how_far_a_job_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = Job("compute gradients, width 14", 1, 1, log)
    assert describe(job) == job.label
    log.write_text("x" * 1000 + "\nrandom: 120 of 250 circuits, 30 s left\n")
    assert describe(job) == f"{job.label}: 120 of 250 circuits, 30 s left"
    log.write_text("Traceback\n")
    assert describe(job) == job.label
