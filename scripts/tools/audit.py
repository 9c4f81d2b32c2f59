"""Audit the results of an experiment, from the configuration to every figure.

The steps of this checkout make everything again from the configuration, every circuit
from the seed; the gradients alone are taken, and computed again by another engine.
Nothing of the results is run. Prints a line for every file, and exits with code 0 only
if all of it holds:

verified    comes out the same; a record says what the job that it is of does
changed     does not
missing     the workflow makes it, but it is not there
extra       the workflow does not make it
downstream  comes out the same, as far as it can be made, of files that are not verified
"""

import argparse
import importlib
import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.analysis.tables import read_table
from barren.physics.batches import read_batch
from barren.physics.ensembles import TFQ, BadInput, Ensemble
from barren.provenance import recompute, records, remake
from barren.provenance.compare import difference, differs, misstated
from barren.provenance.recompute import Check, Choice, recorded
from barren.provenance.records import plain
from barren.provenance.remake import Job
from barren.runner import cost, jobs, layout, step
from barren.runner.experiment import Experiment, widths
from barren.runner.sources import sources
from compute_gradients import compute, parts, write

VERIFIED = "verified"
CHANGED = "changed"
MISSING = "missing"
EXTRA = "extra"
DOWNSTREAM = "downstream"
#: Verdict and reason, by path.
Verdicts = dict[str, tuple[str, str]]
COMPUTE = "compute_gradients"


@dataclass(frozen=True)
class Recomputed(Job):
    """A job of which the gradients of one width are computed again."""

    width: int
    choice: Choice = field(compare=False)


class Audit:
    """The results of an experiment, and what is wrong with them.

    jobs: what the workflow does, each after those that it rests on; present: every file
    of the results.
    """

    def __init__(self, folder: Path, jobs: Sequence[Job], present: Iterable[str]):
        self.folder, self.jobs, self.present = folder, jobs, {*present}
        self.makes = remake.files_of(jobs, folder)
        self.rests = remake.inputs_of(jobs, folder)
        self.faults: Verdicts = {}
        self.lacks({*self.makes})

    def lacks(self, paths: set[str]) -> None:
        """Note what the workflow makes and is not there."""
        for path in paths - self.present:
            self.faults[path] = MISSING, "the workflow makes it"

    def fault(self, path: str, reason: str) -> None:
        """Note what is wrong with a file, if anything; the first reason stays."""
        if reason:
            self.faults.setdefault(path, (CHANGED, reason))

    def make_again(
        self, experiment: Experiment, choice: Choice | None = None
    ) -> list[Check]:
        """Make all but the gradients again.

        choice: those of them that are computed again, by the other engine.
        """
        checks = [
            Recomputed(of.environment, of.script, of.arguments, width, choice)
            for of in self.jobs
            if of.step == COMPUTE and choice
            for width in reversed(widths(computed(of)))
        ]
        done: list[Check] = []
        left = {*self.jobs}
        with TemporaryDirectory() as temporary:
            place = Path(temporary)
            remake.prepare(place, experiment.config)
            do = partial(job_again, Path.cwd(), place)
            again = remake.do_again([*self.jobs, *checks], self.folder, do, is_check)
            for job, outcome in again:
                if not isinstance(outcome, BadInput):
                    left.discard(job)
                if isinstance(outcome, Check):
                    done.append(outcome)
                    outcome = outcome.reason
                path = job.option("gradients" if is_check(job) else "record")
                self.fault(path, str(outcome))
            names = records.inventory(place / self.folder)
            made = {f"{self.folder}/{name}" for name in names}
            self.lacks(made)
            for path in made & self.present - {job.record for job in self.jobs}:
                self.fault(path, differs(path, place))
            for job in {*self.jobs} - left:  # by their records, not by their commands
                read = records.read_record(place / job.record).inputs
                self.rests[job] = [of.path for of in read if of.path in self.makes]
        beside = EXTRA, "the workflow does not make it"
        if left:
            beside = DOWNSTREAM, "not everything can be made again"
        for job in left:
            self.faults.setdefault(job.record, beside)
        for path in self.present - made - {*self.makes}:
            self.faults[path] = beside
        return done

    def verdicts(self) -> Verdicts:
        """A verdict on every file, each after those that it rests on."""
        sound = VERIFIED, ""
        found = {job.record: self.faults.get(job.record, sound) for job in self.jobs}
        for path, job in self.makes.items():
            links = (job.record, *self.rests[job])
            unsound = [link for link in links if found[link][0] != VERIFIED]
            rest = (DOWNSTREAM, f"rests on {unsound[0]}") if unsound else sound
            found.setdefault(path, self.faults.get(path, rest))
        for path in sorted({*self.present, *self.faults}):
            found.setdefault(path, self.faults.get(path, sound))
        return found


def report(verdicts: Verdicts, choice: Choice, done: Sequence[Check]) -> bool:
    """Print a line for every file, what was done again and whether all holds."""
    for path, (verdict, reason) in verdicts.items():
        print(plain(f"{verdict:10} {path}{': ' * bool(reason)}{reason}"))
    worst = max((check.worst for check in done), default=0.0)
    print(
        f"audit: {sum(check.count for check in done)} gradients computed again by "
        f"{recompute.other(choice.experiment)} (largest difference for a unit of the "
        f"norm and a gate of the symbol {worst:.1e}, allowed "
        f"{recompute.GRADIENT_TOLERANCE:.0e}; again: --seed {choice.seed})"
    )
    outcome = (
        f"everything holds: {len(verdicts)} files; a forgery of 1 % of the gradients "
        f"would have been found with probability {choice.power(done):.3g}"
    )
    broken = [p for p, (of, _) in verdicts.items() if of not in {VERIFIED, DOWNSTREAM}]
    if broken:
        after = sum(of == DOWNSTREAM for of, _ in verdicts.values())
        outcome = f"{len(broken)} broken, the first {broken[0]}; {after} downstream"
    print(plain(f"audit: {outcome}"))
    return not broken


def is_check(job: Job) -> bool:
    return isinstance(job, Recomputed)


def computed(job: Job) -> Sequence[Ensemble]:
    """The ensembles whose gradients a job computes."""
    return Experiment(json.loads(job.option("ensembles"))).ensembles


def job_again(results: Path, place: Path, job: Job) -> Check | str:
    """Do a job again, and say how its record differs; or check its gradients.

    The job that computes gradients writes the recorded ones instead, as they come, and
    what reads records is to tell of the recorded jobs.
    """
    if isinstance(job, Recomputed):
        return check(place, job)

    def take(gradients: Path, threads: int = 1, **of: Any) -> None:
        known = of["batches"], of["seed"], of["engine"], threads
        circuits = [*parts(computed(job), *known, programs=False)]
        theirs = recorded(results / job.option("gradients"), circuits)
        write(gradients, circuits, theirs)

    taken = partial(step.run, wraps(compute)(take))
    remake.run_again(place, job, taken if job.step == COMPUTE else None)
    os.chdir(results)
    reason = misstated(job.record, place, job.environment)
    if not reason:
        shutil.copyfile(job.record, place / job.record, follow_symlinks=False)
    return reason


def check(place: Path, job: Recomputed) -> Check:
    """Check the gradients of one width, of circuits that are drawn again."""
    args = step.command_line(compute)[0].parse_args(job.arguments)
    every = computed(job)
    path = place / args.batches[widths(every).index(job.width)]
    ensembles = [of for of in every if of.width == job.width]
    programs = recompute.other(job.choice.experiment) == TFQ
    batches = {
        of.program: read_batch(path, of, args.seed, programs=programs)
        for of in ensembles
    }
    table = read_table(place / args.gradients)
    return recompute.check_gradients(job.choice, ensembles, batches, table)


def present_files(folder: Path, experiment: Experiment) -> list[str]:
    """The files of an experiment, if they are no more and no larger than it has."""
    several, config = jobs.records(experiment), experiment.config
    size = min(config["batch_size"], config["samples"])
    rates = cost.RATES[config["engine"]]
    batches = cost.sampling(experiment.programs.values(), size, rates).disk
    circuits = config["samples"] * len(experiment.ensembles)
    biggest = int(records.MOST_BYTES + 500 * circuits + 4 * batches)
    names = records.inventory(folder, 1000 + 16 * len(several), biggest)
    return [f"{folder}/{name}" for name in names]


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
    if reason := difference(records.read_json(described_as), args.config):
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
    done = audit.make_again(experiment, choice)
    return int(not report(audit.verdicts(), choice, done))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {plain(str(error))}")
