"""Audit the results of an experiment, from the configuration to every figure.

Prints a line for every file and exits with code 0 only if all of it holds:

verified    the bytes that every record and the crate list, and that come out when the
            file is made again; and so is all that it rests on
changed     other bytes than a record or the crate lists, or than come out again
missing     listed by a record, by the crate or by the workflow, but not there
unrecorded  no record of this experiment says what made it
downstream  rests on a file that is not verified

If the hashes hold, every circuit is drawn again from the seed, the gradients are
computed again by another engine, and all else is made again. Nothing of the results is
run.
"""

import argparse
import importlib
import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import read_batch
from barren.physics.ensembles import TFQ, BadInput, Ensemble
from barren.provenance import recompute, records, remake
from barren.provenance.chain import BROKEN, CHANGED, DOWNSTREAM, Verdicts, judge
from barren.provenance.recompute import Check, Choice
from barren.provenance.records import File, Record, plain
from barren.provenance.remake import Job
from barren.runner import cost, jobs, layout, step
from barren.runner.experiment import Experiment, widths
from barren.runner.sources import code_files, sources
from compute_gradients import compute

COMPUTE = "compute_gradients"


@dataclass(frozen=True)
class Recomputed(Job):
    """A job of which the gradients of one width are computed again."""

    width: int


class Audit:
    """The results of an experiment, and what is wrong with them.

    jobs: what the workflow does; present: every file of the results, and of the code,
    by path.
    """

    def __init__(
        self, folder: Path, jobs: Sequence[Job], present: Mapping[str, File]
    ) -> None:
        self.folder, self.jobs, self.present = folder, jobs, present
        self.faults: Verdicts = {}
        self.notes = ["nothing made again, because the chain is broken"]
        self.found = ""
        self.records = [*self.read_records()]
        self.crate = records.read_crate(folder / layout.CRATE)

    def fault(self, path: str, reason: str) -> None:
        """Note what is wrong with a file, if anything; the first reason stays."""
        if reason:
            self.faults.setdefault(path, (CHANGED, reason))

    def read_records(self) -> Iterator[Record]:
        """The records, as far as they are some."""
        for job in self.jobs:
            if job.record in self.present:
                try:
                    record = records.read_record(Path(job.record))
                    self.fault(job.record, unlike(record, job))
                    yield record
                except BadInput as error:
                    self.fault(job.record, str(error))

    def judged(self) -> Verdicts:
        """A verdict on every file, as far as is known."""
        needed = remake.files_of(self.jobs, self.folder)
        folder, known = str(self.folder), self.faults
        return judge(folder, self.records, self.crate, self.present, needed, known)

    def make_again(self, choice: Choice) -> None:
        """Make all but the gradients again, and compute those by the other engine."""
        checks = [
            Recomputed(of.environment, of.script, of.arguments, width)
            for of in self.jobs
            if of.step == COMPUTE
            for width in reversed(widths(computed(of)))
        ]
        done: list[Check] = []
        with TemporaryDirectory() as temporary:
            place = Path(temporary)
            remake.prepare(place, choice.experiment.config)
            do = partial(job_again, choice, Path.cwd(), place)
            again = remake.do_again([*self.jobs, *checks], self.folder, do, is_check)
            for job, outcome in again:
                path = job.option("gradients" if is_check(job) else "record")
                if isinstance(outcome, Check):
                    done.append(outcome)
                    outcome = outcome.reason
                self.fault(path, str(outcome))
            names = records.inventory(place / self.folder)
            made = {f"{self.folder}/{name}" for name in names}
            for path in made - {job.record for job in self.jobs}:
                self.fault(path, remake.differs(path, place))
        theirs = {path for path in self.present if path.startswith(f"{self.folder}/")}
        if not self.faults:  # after some, not all is made
            for path in theirs - made:
                self.fault(path, "the workflow does not make it again")
        worst = max((check.worst for check in done), default=0.0)
        self.notes = [
            f"{len(made)} files made again",
            f"{sum(check.count for check in done)} gradients computed again by "
            f"{recompute.other(choice.experiment)} (largest difference for a unit of "
            f"the norm and a gate of the symbol {worst:.1e}, allowed "
            f"{recompute.GRADIENT_TOLERANCE:.0e}; again: --seed {choice.seed})",
        ]
        self.found = (
            "; a forgery of 1 % of the gradients would have been found with "
            f"probability {choice.power(done):.3g}"
        )

    def report(self) -> bool:
        """Print a line for every file, what was made again and whether all holds."""
        verdicts = self.judged()
        for path, (verdict, reason) in verdicts.items():
            print(plain(f"{verdict:10} {path}{': ' * bool(reason)}{reason}"))
        for note in self.notes:
            print(f"audit: {note}")
        broken = [path for path, (verdict, _) in verdicts.items() if verdict in BROKEN]
        after = sum(verdict == DOWNSTREAM for verdict, _ in verdicts.values())
        outcome = f"everything holds: {len(verdicts)} files{self.found}"
        if broken:
            outcome = f"{len(broken)} broken, the first {broken[0]}; {after} downstream"
        print(plain(f"audit: {outcome}"))
        return not broken


def is_check(job: Job) -> bool:
    return isinstance(job, Recomputed)


def computed(job: Job) -> Sequence[Ensemble]:
    """The ensembles whose gradients a job computes."""
    return Experiment(json.loads(job.option("ensembles"))).ensembles


def job_again(choice: Choice, results: Path, place: Path, job: Job) -> Check | str:
    """Do a job again, and say how its record differs; or check its gradients.

    The job that computes gradients takes the recorded ones, and what reads records is
    to tell of the recorded jobs.
    """
    if isinstance(job, Recomputed):
        return check(choice, results, place, job)

    def take(gradients: Path, **_: Any) -> None:
        shutil.copyfile(results / job.option("gradients"), gradients)

    taken = partial(step.run, wraps(compute)(take))
    remake.run_again(place, job, taken if job.step == COMPUTE else None)
    os.chdir(results)
    reason = remake.differs(job.record, place)
    remake.copy([job.record], place)
    return reason


def check(choice: Choice, results: Path, place: Path, job: Recomputed) -> Check:
    """Check the gradients of one width, of circuits that are drawn again."""
    args = step.command_line(compute)[0].parse_args(job.arguments)
    ensembles = computed(job)
    paths = dict(zip(widths(ensembles), args.batches, strict=True))
    programs = recompute.other(choice.experiment) == TFQ
    batches = {
        of.program: read_batch(
            place / paths[of.width], of, args.seed, programs=programs
        )
        for of in ensembles
    }
    text = recompute.read_gradients(results / args.gradients, ensembles, batches)
    own = [of for of in ensembles if of.width == job.width]
    return recompute.check_gradients(choice, own, batches, text)


def unlike(record: Record, job: Job) -> str:
    """What a record says otherwise than a job of the workflow would."""
    name = record.environment["name"]
    if name != job.environment:
        return f"environment was {name!r}, is {job.environment!r}"
    code = {file.path for file in record.code}
    lacking = (path for path in map(step.shown, sources(job.step)) if path not in code)
    told = (f"code lacks {path}" for path in lacking)
    return records.unlocked(record.environment) or next(told, "")


def present_files(folder: Path, experiment: Experiment) -> dict[str, File]:
    """The files of an experiment, as far as it has such, and those of the code."""
    several, config = jobs.records(experiment), experiment.config
    size = min(config["batch_size"], config["samples"])
    rates = cost.RATES[config["engine"]]
    batches = cost.sampling(experiment.programs.values(), size, rates).disk
    circuits = config["samples"] * len(experiment.ensembles)
    biggest = int(records.MOST_BYTES + 500 * circuits + 4 * batches)
    names = records.inventory(folder, 1000 + 16 * len(several), biggest)
    paths = [folder / name for name in names]
    paths += [*code_files(), *map(Path, experiment.functions)]
    found = [records.described(path) for path in paths if path.is_file()]
    return {file.path: file for file in found}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    parser.add_argument("--config", type=json.loads, required=True, help="as JSON")
    parser.add_argument("--snakemake", type=shlex.split, required=True, help="command")
    parser.add_argument("--steps", nargs="*", default=[], help="to import meanwhile")
    parser.add_argument("--budget", type=float, help="seconds for gradients")
    parser.add_argument(
        "--seed",
        type=int,
        default=secrets.randbits(64),
        help="of the choice of gradients",
    )
    args = parser.parse_args(argv)
    described_as = args.folder / layout.EXPERIMENT
    if reason := records.difference(records.read_json(described_as), args.config):
        raise BadInput(f"{described_as} is of another configuration: {reason}")
    experiment = Experiment(args.config)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(remake.ask_jobs, args.snakemake, args.config, args.folder)
        present = present_files(args.folder, experiment)
        for name in args.steps:  # once for all forks
            importlib.import_module(name)
            sources(name)
    audit = Audit(args.folder, asked.result(), present)
    choice = Choice.within(args.budget, experiment, args.seed)
    if not any(verdict in BROKEN for verdict, _ in audit.judged().values()):
        audit.make_again(choice)
    return int(not audit.report())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {plain(str(error))}")
