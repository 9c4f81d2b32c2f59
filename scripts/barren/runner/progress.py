"""What a run says of itself: the time left, a bar on a terminal, how to continue.

It listens to the events that Snakemake logs, and needs the standard library alone.
Nothing here may end a run: a fault ends only the messages.
"""

import logging
import os
import re
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from barren.runner import cost

BAR = 12
REFRESH = 1.0  # seconds
GRACE = 0.2  # seconds that an error waits for the signal behind it
TAIL = 400  # bytes of a log, enough for its last line
CLEAR = "\r\x1b[K"
COUNT = re.compile(r"\d+ of \d+ .*left$")
INTERRUPTED = "Interrupted. Run the same command again to continue."


class Job(NamedTuple):
    """What is known of a job: predicted seconds, by themselves and to the run's end.

    Without a prediction it may print by itself.
    """

    label: str
    seconds: float | None
    chain: float
    log: Path | None

    def spent(self, taken: float) -> float:
        """Its predicted seconds that are over; nearly all, if it takes longer."""
        return min(taken, 0.95 * (self.seconds or 0.0))


class Watch(logging.Handler):
    """Follows the jobs of a run; a handler of Snakemake's logger."""

    def __init__(self, jobs: dict[int, Job], cores: int) -> None:
        super().__init__()
        self.jobs, self.cores = jobs, cores  # those that are not over
        self.total = self.left
        self.running: dict[int, float] = {}  # since when
        self.predicted = self.taken = 0.0
        self.terminal: Terminal | None = None
        self.signals, self.wakeup = os.pipe()

    def attach(self, logger: logging.Logger, stop: Callable[[], None]) -> None:
        """Add the time left to what is logged, a bar to a terminal, a word to Ctrl-C.

        stop: ends the run with the jobs that are running.
        """
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.formatter:
                handler.setFormatter(TimeLeft(handler.formatter, self.time_left))
                handler.addFilter(self.is_news)
                if handler.stream.isatty() and os.environ.get("TERM") != "dumb":
                    self.terminal = Terminal(handler.stream, self.line)
                    handler.setStream(self.terminal)
        logger.addHandler(self)

        def await_interrupt() -> None:
            select.select([self.signals], [], [])
            self.close()
            logger.info(INTERRUPTED)
            stop()

        def interrupt(*_: object) -> None:
            # No more than this: the main thread may hold any lock here.
            signal.signal(signal.SIGINT, signal.default_int_handler)

        threading.Thread(target=await_interrupt, daemon=True).start()
        # Written as Ctrl-C or a termination arrives: a handler waits for the main
        # thread, and jobs that die of the same signal may be told of before.
        os.set_blocking(self.wakeup, False)
        signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, interrupt)

    def is_news(self, record: logging.LogRecord) -> bool:
        """Whether to show a record; jobs stopped with the run are no errors."""
        # The system may run the job that dies before it tells this process.
        patience = GRACE if record.levelno >= logging.ERROR else 0.0
        interrupted, _, _ = select.select([self.signals], [], [], patience)
        return record.msg == INTERRUPTED or not interrupted

    def emit(self, record: logging.LogRecord) -> None:
        """Follow jobs as they start and end."""
        known = record.__dict__
        with suppress(Exception):
            match known.get("event"):
                case "job_info":
                    self.running[known["jobid"]] = time.monotonic()
                case "job_error":
                    self.running.pop(known["jobid"], None)
                case "job_finished":
                    start = self.running.pop(known["job_id"], None)
                    seconds = self.jobs.pop(known["job_id"]).seconds
                    if seconds is not None and start is not None:
                        self.predicted += seconds
                        self.taken += time.monotonic() - start

    @property
    def left(self) -> float:
        """Predicted seconds of all jobs that are not over."""
        return sum(job.seconds or 0.0 for job in [*self.jobs.values()])

    def spent(self) -> dict[int, float]:
        """Predicted seconds of the running jobs that are over."""
        now, running = time.monotonic(), [*self.running.items()]
        return {job: self.jobs[job].spent(now - start) for job, start in running}

    def time_left(self) -> float:
        """Seconds until the run ends."""
        spent = self.spent()
        chains = (of.chain - spent.get(job, 0.0) for job, of in [*self.jobs.items()])
        left, chain = self.left - sum(spent.values()), max(chains, default=0.0)
        return cost.time_left(left, chain, self.cores, self.predicted, self.taken)

    def line(self) -> str:
        """The line of the bar; nothing where jobs speak for themselves."""
        running = {number: self.jobs[number] for number in [*self.running]}
        if not running or any(job.seconds is None for job in running.values()):
            return ""
        over = self.total - self.left + sum(self.spent().values())
        share = min(over / self.total, 1.0)
        bar = "#" * round(share * BAR)
        first = min(running, key=lambda number: self.running[number])
        left = cost.duration(self.time_left())
        return f"[{bar:.<{BAR}}] {share:4.0%}  {left} left  {describe(running[first])}"

    def close(self) -> None:
        """Leave the terminal clean; logging calls it in the end, however that comes."""
        if self.terminal:
            self.terminal.end()
        super().close()


def describe(job: Job) -> str:
    """A job, and how far it is by the last line of its log."""
    with suppress(OSError):
        end = job.log.read_bytes()[-TAIL:] if job.log else b""
        lines = end.decode(errors="replace").splitlines()
        if lines and (count := COUNT.search(lines[-1])):
            return f"{job.label}: {count.group()}"
    return job.label


class TimeLeft(logging.Formatter):
    """Another formatter; after "N of M steps done" comes the time left.

    Steps differ in length: Snakemake's share of them would contradict the bar.
    """

    def __init__(self, plain: logging.Formatter, left: Callable[[], float]) -> None:
        super().__init__()
        self.plain, self.left = plain, left

    def format(self, record: logging.LogRecord) -> str:
        """What the other one says, and the time left."""
        text = self.plain.format(record)
        with suppress(Exception):
            known = record.__dict__
            if known.get("event") == "progress":
                text = re.sub(r" \(\d+%\)", "", text)
                if known["done"] < known["total"]:
                    text += f", {cost.duration(self.left())} left"
        return text


class Terminal:
    """A terminal with a line at its bottom that stays below what is written."""

    def __init__(self, stream: TextIO, line: Callable[[], str]) -> None:
        self.stream, self.line = stream, line
        self.lock = threading.RLock()
        self.whole = True  # the cursor is at the start of a line
        self.drawn = False
        self.ended = threading.Event()
        threading.Thread(target=self.refresh, daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write above the line."""
        with self.lock:
            self.show("")
            written = self.stream.write(text)
            self.whole = text.endswith("\n")
            self.draw()
        return written

    def refresh(self) -> None:
        """Draw the line again and again."""
        while not self.ended.wait(REFRESH):
            with self.lock:
                self.draw()

    def draw(self) -> None:
        """Draw the line where nothing else stands."""
        with suppress(Exception):
            self.show(self.line() if self.whole and not self.ended.is_set() else "")

    def show(self, line: str) -> None:
        """Put a line, cut to the terminal, in place of what is drawn."""
        if line or self.drawn:
            self.drawn = True  # first: Ctrl-C may come at any point
            with suppress(Exception):
                columns = os.get_terminal_size(self.stream.fileno()).columns or 80
                self.stream.write(f"{CLEAR}{line[: columns - 1]}")
                self.stream.flush()
                self.drawn = bool(line)

    def end(self) -> None:
        """Remove the line for good."""
        self.ended.set()
        with self.lock:
            self.show("")
