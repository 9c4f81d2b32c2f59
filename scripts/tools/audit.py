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
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import Batch, read_batch
from barren.physics.ensembles import BadInput
from barren.provenance import chain, records
from barren.provenance.chain import BROKEN, CHANGED, Faults, Finding
from barren.provenance.crate import describe_run
from barren.provenance.recompute import (
    GRADIENT_TOLERANCE,
    Choice,
    check_gradients,
    other,
    read_gradients,
)
from barren.provenance.records import Record
from barren.provenance.remake import OTHERWISE, Scratch
from barren.runner import cost, layout
from barren.runner.experiment import Experiment
from barren.runner.sources import sources
from barren.runner.step import shown

CRATED = layout.record("assemble_crate")
REPORTED = layout.record("write_report")
AGREED = layout.record("confirm_agreement")


class Audit:
    """The results of an experiment, and what is wrong with them."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        targets: Sequence[str],
        steps: Sequence[str],
    ) -> None:
        self.folder, self.targets = folder, targets
        self.experiment = Experiment(config)
        self.faults: Faults = {}
        self.notes: list[str] = []
        self.found = ""
        most = 1000 + 16 * len(self.experiment.records)
        self.names = records.inventory(folder, most, biggest(self.experiment))
        self.record_names = [
            *(layout.record(step) for step in steps),
            *(*self.experiment.records, REPORTED, CRATED, AGREED),
        ]
        self.records = self.read_records()
        functions = [Path(name) for name in self.experiment.functions]
        results = [folder / name for name in self.names]
        paths = [*records.code_files(), *filter(Path.is_file, functions), *results]
        self.present = {shown(path): records.described(path) for path in paths}
        self.crate = records.read_crate(folder / layout.CRATE)

    def path(self, name: str) -> str:
        """A file of the experiment as records name it."""
        return f"{self.folder}/{name}"

    def fault(self, name: str, reason: str) -> None:
        """Note what is wrong with a file, if anything; the first reason stays."""
        if reason:
            self.faults.setdefault(self.path(name), (CHANGED, reason))

    def read_records(self) -> list[Record]:
        """The records, as far as they are some."""
        found = []
        for name in self.record_names:
            if name in self.names:
                try:
                    found.append(records.read_record(self.folder / name))
                except BadInput as error:
                    self.fault(name, str(error))
        return sorted(found, key=lambda record: record.start)

    def judged(self) -> list[Finding]:
        """A verdict on every file, as far as is known."""
        needed = [layout.EXPERIMENT, layout.REPORT, layout.AGREEMENT, layout.CRATE]
        needed = [self.path(name) for name in (*self.record_names, *needed)]
        return chain.judge(
            str(self.folder),
            self.records,
            self.crate,
            self.present,
            [*needed, *self.targets],
            self.faults,
        )

    @property
    def holds(self) -> bool:
        """Whether nothing is broken yet."""
        return not any(finding.verdict in BROKEN for finding in self.judged())

    def check_claims(self) -> None:
        """What configuration and records say, against what is at hand."""
        if layout.EXPERIMENT in self.names:
            said = records.read_json(self.folder / layout.EXPERIMENT)
            reason = records.difference(said, self.experiment.config)
            self.fault(layout.EXPERIMENT, reason)
        for record in self.records:
            if records.lock(record.environment["name"]) in self.present:
                reason = records.unlocked(record.environment)
                self.fault(record.file.path.removeprefix(self.path("")), reason)

    def make_again(self, snakemake: Sequence[str], choice: Choice) -> None:
        """Make all but the gradients again, and compute those by the other engine."""
        config, jobs = self.experiment.config, self.experiment.jobs
        gradients = [layout.gradients(*job) for job in jobs]
        computed = [layout.record("compute_gradients", name) for name in gradients]
        with TemporaryDirectory() as place:
            scratch = Scratch(Path(place), snakemake, config, self.folder)
            commands = scratch.commands()
            engines = dict.fromkeys(map(self.path, computed), config["engine"])
            engines[self.path(CRATED)] = "circuits"
            for record in self.records:
                if environment := engines.get(path := record.file.path):
                    said = misstated(record, commands.get(path, ""), environment)
                    self.fault(path.removeprefix(self.path("")), said)
            scratch.keep([*gradients, *computed])
            apart = {*gradients, *computed, REPORTED, CRATED}
            targets = [target.removeprefix(self.path("")) for target in self.targets]
            targets += [*({*self.record_names} - apart), layout.AGREEMENT]
            said = scratch.make("* exclude compute_gradients", targets)
            made = scratch.results()
            for name in made:
                self.fault(name, scratch.differs(name))
            copies = (
                f"{layout.SOURCES}/{file.path}"
                for file in records.sources(self.records)
            )
            apart |= {*made, *copies, layout.REPORT, layout.CRATE}
            for name in {*self.names, *targets} - apart:
                self.fault(name, f"the workflow does not make it again: {said}")
            self.recompute(choice, scratch.made)
            # The page and the crate tell of the recorded jobs, not of those made again.
            scratch.keep(name for name in self.record_names if name != REPORTED)
            scratch.make("write_report", [layout.REPORT])
            for name in (layout.REPORT, REPORTED):
                self.fault(name, scratch.differs(name))
        self.check_crate()
        self.notes.append(f"{len(made) + 3} files made again")

    def recompute(self, choice: Choice, made: Path) -> None:
        """Compute gradients of the circuits that were drawn again."""
        experiment, seed = self.experiment, self.experiment.config["seed"]
        worst, count, total, most = 0.0, 0, 0, 1
        for job in experiment.jobs:
            width, *batch = job
            name = layout.gradients(*job)
            try:
                batches: dict[str, Batch] = {
                    program: read_batch(made / layout.batch(program, *batch), of, seed)
                    for program, of in experiment.programs.items()
                    if of.width == width
                }
                text = read_gradients(self.folder / name, experiment, batches)
            except BadInput as error:
                self.fault(name, str(error))
                continue
            reason, off, number = check_gradients(choice, batches, text)
            self.fault(name, reason)
            worst, count = max(worst, off), count + number
            total += sum(map(len, text.values()))
            most = max(most, *Counter(ensemble for ensemble, _ in text).values())
        self.notes.append(
            f"{count} gradients computed again by {other(experiment)} (largest "
            f"difference {worst:.1e}, allowed {GRADIENT_TOLERANCE:.0e}; again: --seed "
            f"{choice.seed})"
        )
        self.found = (
            "; a forgery of 1 % of the gradients would have been found with "
            f"probability {choice.power(total, most):.3g}"
        )

    def check_crate(self) -> None:
        """Write the crate again."""
        last = {self.path(CRATED), self.path(AGREED)}
        behind = [record for record in self.records if record.file.path not in last]
        crated = next(r for r in self.records if r.file.path == self.path(CRATED))
        version = str(crated.parameters.get("snakemake"))
        targets = [*self.targets, self.path(layout.REPORT)]
        try:
            text = describe_run(
                str(self.folder), behind, targets, records.sources(behind), version
            )
        except (KeyError, TypeError) as error:
            return self.fault(layout.CRATE, f"cannot be made again ({error!r})")
        if text.encode() != (self.folder / layout.CRATE).read_bytes():
            self.fault(layout.CRATE, OTHERWISE)
        return None


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
    lacking = (path for path in map(shown, sources(record.step)) if path not in code)
    return next((f"code lacks {path}" for path in lacking), "")


def biggest(experiment: Experiment) -> int:
    """More bytes than any file of an experiment has."""
    config, rates = experiment.config, cost.RATES[experiment.config["engine"]]
    size = min(config["batch_size"], config["samples"])
    batches = (cost.sampling(e, size, rates).disk for e in experiment.sampled)
    circuits = config["samples"] * len(experiment.ensembles)
    return int(records.MOST_BYTES + 500 * circuits + 4 * max(batches, default=0))


def report(audit: Audit) -> bool:
    """Print a line for every file, what was made again and the outcome; if it holds."""
    findings = audit.judged()
    lines = [
        f"{f.verdict:10} {f.path}{': ' * bool(f.reason)}{f.reason}" for f in findings
    ]
    lines += [f"audit: {note}" for note in audit.notes]
    broken = [finding for finding in findings if finding.verdict in BROKEN]
    if broken:
        first = broken[0]
        after = chain.downstream(findings, first.path)
        lines += [
            f"audit: {len(broken)} broken",
            f"audit: first broken link: {first.path} ({first.verdict})",
            *(f"audit: downstream of it: {path}" for path in after),
        ]
    else:
        lines.append(f"audit: everything holds: {len(findings)} files{audit.found}")
    print("\n".join(map(records.plain, lines)))
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
    audit.check_claims()
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
        sys.exit(f"audit: {records.plain(str(error))}")
