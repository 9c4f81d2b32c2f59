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
import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import read_batch
from barren.physics.ensembles import TFQ, BadInput
from barren.provenance.chain import BROKEN, CHANGED, DOWNSTREAM, Verdicts, judge
from barren.provenance.recompute import (
    GRADIENT_TOLERANCE,
    Check,
    Choice,
    check_gradients,
    other,
    read_gradients,
)
from barren.provenance.records import (
    MOST_BYTES,
    Record,
    described,
    difference,
    inventory,
    plain,
    read_crate,
    read_json,
    read_record,
    unlocked,
)
from barren.provenance.remake import (
    Job,
    ask_jobs,
    copy,
    differs,
    do_again,
    prepare,
    run_again,
)
from barren.runner import cost, jobs, layout, step
from barren.runner.experiment import Experiment, widths
from barren.runner.sources import code_files, sources
from barren.runner.step import shown
from compute_gradients import compute

CRATED = layout.record("assemble_crate")
REPORTED = layout.record("write_report")
AGREED = layout.record("confirm_agreement")
COMPUTE = "compute_gradients"
#: In place of its environment: a job whose gradients are computed again.
CHECK = "check"


class Audit:
    """The results of an experiment, and what is wrong with them."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        targets: Sequence[str],
        steps: Sequence[str],
    ) -> None:
        described_as = folder / layout.EXPERIMENT
        if reason := difference(read_json(described_as), config):
            raise BadInput(f"{described_as} is of another configuration: {reason}")
        self.folder, self.targets, self.steps = folder, targets, steps
        self.experiment = Experiment(config)
        self.faults: Verdicts = {}
        self.notes: list[str] = []
        self.found = ""
        several = jobs.records(self.experiment)
        most = 1000 + 16 * len(several)
        names = inventory(folder, most, biggest(self.experiment))
        paths = [folder / name for name in names]
        paths += [*code_files(), *map(Path, self.experiment.functions)]
        found = [described(path) for path in paths if path.is_file()]
        self.present = {file.path: file for file in found}
        names = [*map(layout.record, steps), *several]
        self.recorded = self.inside(*names, REPORTED, CRATED, AGREED)
        self.records = sorted(self.read_records(), key=lambda record: record.start)
        self.crate = read_crate(folder / layout.CRATE)

    def inside(self, *names: str) -> list[str]:
        """Files of the experiment as records name them."""
        return [f"{self.folder}/{name}" for name in names]

    def fault(self, path: str, reason: str) -> None:
        """Note what is wrong with a file, if anything; the first reason stays."""
        if reason:
            self.faults.setdefault(path, (CHANGED, reason))

    def read_records(self) -> Iterator[Record]:
        """The records, as far as they are some."""
        for path in self.recorded:
            if path in self.present:
                try:
                    record = read_record(Path(path))
                    self.fault(path, unlocked(record.environment))
                    yield record
                except BadInput as error:
                    self.fault(path, str(error))

    def judged(self) -> Verdicts:
        """A verdict on every file, as far as is known."""
        ends = layout.EXPERIMENT, layout.REPORT, layout.AGREEMENT, layout.CRATE
        needed = [*self.targets, *self.recorded, *self.inside(*ends)]
        folder, known = str(self.folder), self.faults
        return judge(folder, self.records, self.crate, self.present, needed, known)

    @property
    def holds(self) -> bool:
        """Whether nothing is broken yet."""
        return not any(verdict in BROKEN for verdict, _ in self.judged().values())

    def make_again(self, snakemake: Sequence[str], choice: Choice) -> None:
        """Make all but the gradients again, and compute those by the other engine."""
        config, folder = self.experiment.config, self.folder
        every = ask_jobs(snakemake, config, folder, self.steps)
        checks = [replace(of, environment=CHECK) for of in every if of.step == COMPUTE]
        done: list[Check] = []
        with TemporaryDirectory() as temporary:
            place = Path(temporary)
            prepare(place, config)
            do = partial(job_again, choice, Path.cwd(), place)
            for job, outcome in do_again([*every, *checks], folder, do, is_check):
                path = job.option("gradients" if is_check(job) else "record")
                if isinstance(outcome, Check):
                    done.append(outcome)
                    outcome = outcome.reason
                self.fault(path, str(outcome))
            made = {*self.inside(*inventory(place / folder))}
            for path in made - {*self.recorded}:
                self.fault(path, differs(path, place))
        of_jobs = {job.record: job for job in every}
        for record in self.records:
            self.fault(record.file.path, unlike(record, of_jobs[record.file.path]))
        theirs = {path for path in self.present if path.startswith(f"{folder}/")}
        if not self.faults:  # after some, not all is made
            for path in (theirs | {*self.targets}) - made:
                self.fault(path, "the workflow does not make it again")
        worst = max((check.worst for check in done), default=0.0)
        self.notes += [
            f"{len(made)} files made again",
            f"{sum(check.count for check in done)} gradients computed again by "
            f"{other(self.experiment)} (largest difference for a unit of the norm and "
            f"a gate of the symbol {worst:.1e}, allowed {GRADIENT_TOLERANCE:.0e}; "
            f"again: --seed {choice.seed})",
        ]
        self.found = (
            "; a forgery of 1 % of the gradients would have been found with "
            f"probability {choice.power(done):.3g}"
        )


def is_check(job: Job) -> bool:
    return job.environment == CHECK


def job_again(choice: Choice, results: Path, place: Path, job: Job) -> Check | str:
    """Do a job again, and say how its record differs; or check its gradients.

    The job that computes gradients takes the recorded ones, and what reads records is
    to tell of the recorded jobs.
    """
    if not is_check(job):

        def take(gradients: Path, **_: Any) -> None:
            shutil.copyfile(results / job.option("gradients"), gradients)

        taken = partial(step.run, wraps(compute)(take))
        run_again(place, job, taken if job.step == COMPUTE else None)
        os.chdir(results)
        reason = differs(job.record, place)
        copy([job.record], place)
        return reason
    args = step.command_line(compute)[0].parse_args(job.arguments)
    ensembles = Experiment(args.ensembles).ensembles
    paths = dict(zip(widths(ensembles), args.batches, strict=True))
    programs = other(choice.experiment) == TFQ
    batches = {
        of.program: read_batch(
            place / paths[of.width], of, args.seed, programs=programs
        )
        for of in ensembles
    }
    text = read_gradients(results / args.gradients, ensembles, batches)
    return check_gradients(choice, ensembles, batches, text)


def unlike(record: Record, job: Job) -> str:
    """What a record says otherwise than a job of the workflow would."""
    name = record.environment["name"]
    if name != job.environment:
        return f"environment was {name!r}, is {job.environment!r}"
    code = {file.path for file in record.code}
    lacking = (path for path in map(shown, sources(job.step)) if path not in code)
    return next((f"code lacks {path}" for path in lacking), "")


def biggest(experiment: Experiment) -> int:
    """More bytes than any file of an experiment has."""
    config, rates = experiment.config, cost.RATES[experiment.config["engine"]]
    size = min(config["batch_size"], config["samples"])
    batches = cost.sampling(experiment.programs.values(), size, rates).disk
    circuits = config["samples"] * len(experiment.ensembles)
    return int(MOST_BYTES + 500 * circuits + 4 * batches)


def report(audit: Audit) -> bool:
    """Print a line for every file, what was made again and the outcome; if it holds."""
    verdicts = audit.judged()
    for path, (verdict, reason) in verdicts.items():
        print(plain(f"{verdict:10} {path}{': ' * bool(reason)}{reason}"))
    for note in audit.notes:
        print(f"audit: {note}")
    broken = [path for path, (verdict, _) in verdicts.items() if verdict in BROKEN]
    after = sum(verdict == DOWNSTREAM for verdict, _ in verdicts.values())
    outcome = f"everything holds: {len(verdicts)} files{audit.found}"
    if broken:
        outcome = f"{len(broken)} broken, the first {broken[0]}; {after} downstream"
    print(plain(f"audit: {outcome}"))
    return not broken


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    parser.add_argument("--config", type=json.loads, required=True, help="as JSON")
    parser.add_argument("--targets", nargs="+", default=[], help="what must be there")
    parser.add_argument("--steps", nargs="+", default=[], help="that run once")
    parser.add_argument("--snakemake", type=shlex.split, help="its command")
    parser.add_argument("--budget", type=float, help="seconds for gradients")
    parser.add_argument("--seed", type=int, help="of the choice of gradients")
    args = parser.parse_args(argv)
    audit = Audit(args.folder, args.config, args.targets, args.steps)
    seed = secrets.randbits(64) if args.seed is None else args.seed
    choice = Choice.within(args.budget, audit.experiment, seed)
    if not audit.holds:
        audit.notes.append("nothing made again, because the chain is broken")
    elif args.snakemake:
        audit.make_again(args.snakemake, choice)
    return int(not report(audit))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {plain(str(error))}")
