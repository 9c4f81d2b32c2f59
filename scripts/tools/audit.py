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
import re
import secrets
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import read_batch
from barren.physics.ensembles import BadInput
from barren.provenance.chain import BROKEN, CHANGED, DOWNSTREAM, Verdicts, judge
from barren.provenance.crate import describe_run
from barren.provenance.recompute import (
    GRADIENT_TOLERANCE,
    Choice,
    check_gradients,
    other,
    read_gradients,
)
from barren.provenance.records import (
    MOST_BYTES,
    Record,
    code_files,
    described,
    difference,
    inventory,
    plain,
    read_crate,
    read_json,
    read_record,
    sources,
    unlocked,
)
from barren.provenance.remake import OTHERWISE, Scratch
from barren.runner import cost, jobs, layout
from barren.runner.experiment import Experiment
from barren.runner.sources import sources as modules
from barren.runner.step import shown

CRATED = layout.record("assemble_crate")
REPORTED = layout.record("write_report")
AGREED = layout.record("confirm_agreement")
#: What is asked for all commands, what makes the page, and what makes the rest.
SCRATCHES = {
    "commands": "* from barren",
    "page": "write_report from barren",
    "rest": "* from barren exclude compute_gradients",
}


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
        self.folder, self.targets = folder, targets
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
        config = self.experiment.config
        every = jobs.gradient_jobs(self.experiment)
        names = [layout.gradients(*job) for job in every]
        gradients = self.inside(*names)
        computed = self.inside(*(layout.record("compute_gradients", n) for n in names))
        page, reported, agreement, crate, crated = self.inside(
            layout.REPORT, REPORTED, layout.AGREEMENT, layout.CRATE, CRATED
        )
        apart = {*gradients, *computed, page, reported, crate, crated}
        folder, copies = self.inside("", f"{layout.SOURCES}/")
        theirs = {path for path in self.present if path.startswith(folder)}
        with TemporaryDirectory() as place:
            asking, reporting, making = (
                Scratch(Path(place, of), snakemake, config, self.folder, rules)
                for of, rules in SCRATCHES.items()
            )
            making.keep([*gradients, *computed])
            targets = {*self.targets, *self.recorded, agreement} - apart
            making.start_making(targets)
            asking.start_asking()
            # The page tells of the recorded jobs, not of those made again.
            reporting.keep(theirs - {page, reported, crate, crated})
            reporting.start_making([page])
            self.recompute(choice, making)
            said = making.end().rpartition("\n")[2]
            made = {*making.made(self.folder)}
            for path in made:
                self.fault(path, making.differs(path))
            apart |= {path for path in theirs if path.startswith(copies)}
            for path in (theirs | targets) - made - apart:
                self.fault(path, f"the workflow does not make it again: {said}")
            reporting.end()
            for path in (page, reported):
                self.fault(path, reporting.differs(path))
            commands = asking.commands()
        engines = dict.fromkeys(computed, config["engine"]) | {crated: "circuits"}
        for record in self.records:
            path = record.file.path
            if path in engines:
                told = misstated(record, commands.get(path, ""), engines[path])
                self.fault(path, told)
        if self.crate_again() != Path(crate).read_text():
            self.fault(crate, OTHERWISE)
        self.notes.append(f"{len(made) + 3} files made again")

    def crate_again(self) -> str:
        """The text of the crate; empty if records do not belong together."""
        last = self.inside(CRATED, AGREED)
        behind = [record for record in self.records if record.file.path not in last]
        told = (r.parameters for r in self.records if r.file.path == last[0])
        targets = [*self.targets, *self.inside(layout.REPORT)]
        folder, code = str(self.folder), sources(behind)
        try:
            return describe_run(folder, behind, targets, code, next(told)["snakemake"])
        except (KeyError, TypeError):
            return ""

    def recompute(self, choice: Choice, making: Scratch) -> None:
        """Compute gradients again, of the circuits that are drawn again."""
        experiment, seed = self.experiment, self.experiment.config["seed"]
        worst, count, total, most = 0.0, 0, 0, 1
        shared = jobs.gradient_widths(experiment)
        for job in jobs.gradient_jobs(experiment):
            widths, *samples = job
            (path,) = self.inside(layout.gradients(*job))
            try:
                batches = {}
                for program, of in experiment.programs.items():
                    if of.width in shared[widths]:
                        (batch,) = self.inside(layout.batch(of.width, *samples))
                        drawn = making.place / batch
                        while making.is_at_work() and not drawn.exists():
                            time.sleep(0.05)
                        batches[program] = read_batch(drawn, of, seed)
                text = read_gradients(Path(path), experiment, batches)
            except BadInput as error:
                self.fault(path, str(error))
                continue
            reason, off, number = check_gradients(choice, batches, text)
            self.fault(path, reason)
            worst, count = max(worst, off), count + number
            total += sum(map(len, text.values()))
            most = max(most, *Counter(ensemble for ensemble, _ in text).values())
        self.notes.append(
            f"{count} gradients computed again by {other(experiment)} (largest "
            f"difference for a unit of the norm and a gate of the symbol {worst:.1e}, "
            f"allowed {GRADIENT_TOLERANCE:.0e}; again: --seed {choice.seed})"
        )
        self.found = (
            "; a forgery of 1 % of the gradients would have been found with "
            f"probability {choice.power(total, most):.3g}"
        )


def misstated(record: Record, command: str, environment: str) -> str:
    """What the record of a job that is not run again says otherwise than it must.

    command: the workflow's for that job.
    """
    # A run may have had more threads.
    old, new = (re.sub(r" --threads \d+$", "", of) for of in (record.command, command))
    if old != new:
        return f"command is {record.command!r}"
    if not command.startswith(f"python scripts/{record.step}.py "):
        return f"step is {record.step!r}"
    if record.environment["name"] != environment:
        return f"environment was {record.environment['name']!r}, is {environment!r}"
    for name, value in record.parameters.items():
        values = value if isinstance(value, list) else [value]
        words = [of if isinstance(of, str) else json.dumps(of) for of in values]
        if shlex.join([f"--{name}", *words]) not in record.command:
            return f"parameters.{name} is {value!r}"
    code = {file.path for file in record.code}
    lacking = (path for path in map(shown, modules(record.step)) if path not in code)
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
