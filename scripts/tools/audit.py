"""Audit the results of an experiment, from the configuration to every figure.

Prints a line for every file and exits with code 0 only if all of it holds:

verified     the bytes that every record and the crate list, made by the code that is
             checked out, from files that are verified too
changed      other bytes than a record or the crate lists, or than come out when the
             file is made again
missing      listed by a record, by the crate or by the workflow, but not there
other code   made by other code, or in another environment, than is checked out
other config made from another configuration than the one that is given
unrecorded   no record says what made it
downstream   rests on a file that is not verified
left over    made with another configuration; nothing in this experiment needs it

If hashes, code and environments hold, every circuit is drawn again from the seed, the
gradients are computed again by another engine, and all else is made again. Nothing of
the results is run.
"""

import argparse
import json
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

from barren.physics.circuits import Circuits
from barren.physics.ensembles import BadInput
from barren.provenance import chain, records
from barren.provenance.chain import BROKEN, CHANGED, VERIFIED, Faults, Finding
from barren.provenance.redraw import (
    GRADIENT_TOLERANCE,
    Batch,
    Choice,
    check_gradients,
    other,
    read_gradients,
)
from barren.provenance.remake import Remake, expected_records, misstated
from barren.runner import cost, layout
from barren.runner.experiment import Experiment


class Audit:
    """The results of an experiment, and what is wrong with them."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any], targets: Sequence[str]
    ) -> None:
        self.folder, self.targets = folder, targets
        self.experiment = Experiment(config)
        self.batches = [
            Batch(self.experiment, ensemble, *batch)
            for ensemble in self.experiment.sampled
            for batch in self.experiment.batches
        ]
        self.expected = expected_records(self.experiment, self.batches, str(folder))
        most = 1000 + 8 * (len(self.batches) + len(self.experiment.records))
        self.names = records.inventory(folder, most, biggest(self.experiment))
        self.records = records.read_records(folder, self.names)
        self.present = records.hashes(folder, self.names)
        self.crate = records.read_crate(folder / layout.CRATE)
        self.sizes = {self.path(n): (folder / n).stat().st_size for n in self.names}
        self.faults: Faults = {}
        self.notes: list[str] = []

    def path(self, name: str) -> str:
        """A file of the experiment as records name it."""
        return f"{self.folder}/{name}"

    def judged(self) -> list[Finding]:
        """A verdict on every file, as far as is known."""
        return chain.judge(
            str(self.folder),
            self.records,
            self.present,
            self.crate,
            self.faults,
            self.targets,
        )

    @property
    def holds(self) -> bool:
        """Whether nothing is broken yet."""
        return not any(finding.verdict in BROKEN for finding in self.judged())

    def check_claims(self) -> None:
        """What records and configuration say, against the configuration at hand."""
        described = self.folder / layout.EXPERIMENT
        if described.is_file():
            found = records.read_json(described)
            reason = records.difference("", found, self.experiment.config)
            if reason:
                self.faults[str(described)] = (chain.OTHER_CONFIGURATION, reason)
        expected = {self.path(name): of for name, of in self.expected.items()}
        for record in self.records:
            path, reason = record.file.path, ""
            if records.lock(str(record.environment.get("name"))) in self.present:
                reason = records.unlocked(record.environment)
            if path in expected and not reason:
                reason = misstated(record, expected[path])
            for file in (*record.inputs, *record.outputs):
                same = self.present.get(file.path) == file.sha256
                if same and file.bytes != self.sizes.get(file.path, file.bytes):
                    reason = f"{file.path} has not {file.bytes} bytes"
            if reason:
                self.faults[path] = (CHANGED, reason)

    def redraw(self, choice: Choice) -> dict[str, tuple[list[int], Circuits, Any]]:
        """Draw all circuits again; returns chosen rows, circuits and programs."""
        chosen = {}
        thetas = {}
        for batch in self.batches:
            circuits, programs = batch.draw()
            path = self.folder / batch.name
            if reason := batch.difference(path, circuits, programs):
                self.faults[self.path(batch.name)] = (CHANGED, reason)
            rows = choice.rows(batch)
            chosen[batch.name] = rows, circuits[rows], programs[rows]
            thetas[batch.name] = circuits.theta
        self.text: dict[str, list[str]] = {}
        for job in self.experiment.jobs:
            path = self.folder / layout.gradients(*job)
            try:
                self.text |= read_gradients(path, self.of_job(job), thetas)
            except BadInput as error:
                self.faults[str(path)] = (CHANGED, str(error))
        self.notes.append(f"{sum(map(len, thetas.values()))} circuits drawn again")
        return chosen

    def of_job(self, job: tuple[int, int, int]) -> list[Batch]:
        """The batches whose gradients one job computes."""
        return [b for b in self.batches if (b.ensemble.width, b.first, b.last) == job]

    def recompute(self, chosen: Mapping[str, tuple[list[int], Circuits, Any]]) -> None:
        """Compute gradients again by the other engine."""
        worst, count = 0.0, 0
        for job in self.experiment.jobs:
            for batch in self.of_job(job):
                rows = chosen[batch.name][0]
                text = self.text[batch.name]
                reason, off = check_gradients(batch, *chosen[batch.name], text)
                worst, count = max(worst, off), count + len(rows)
                if reason:
                    path = self.path(layout.gradients(*job))
                    self.faults.setdefault(path, (CHANGED, reason))
        engine = other(self.experiment.config["engine"])
        self.notes.append(
            f"{count} gradients computed again by {engine} (largest difference "
            f"{worst:.1e}, allowed {GRADIENT_TOLERANCE:.0e})"
        )

    def make_again(self, snakemake: Sequence[str], choice: Choice) -> None:
        """Make everything again, each file from what is recorded upstream."""
        chosen = self.redraw(choice)
        if not self.holds:
            return
        last = [self.path(layout.CRATE), self.path(layout.PAGE.format(page="verdict"))]
        of_records = (
            *(layout.CRATE, layout.PAGE.partition("{")[0], f"{layout.SOURCES}/"),
            *map(layout.record, ("write_pages", "assemble_crate")),
        )
        drawn = {batch.name for batch in self.batches}
        computed = {layout.gradients(*job) for job in self.experiment.jobs}
        first = drawn | computed | {*self.expected}
        rest = {name for name in self.names if not name.startswith(of_records)}
        made = {f.path for f in self.judged() if f.verdict != chain.LEFT_OVER}
        made = {name for name in self.names if self.path(name) in made}
        config, command = self.experiment.config, snakemake
        with TemporaryDirectory() as one, TemporaryDirectory() as two:
            targets = [*self.targets, self.path(layout.AGREEMENT)]
            remakes = (
                Remake(command, config, self.folder, rest - drawn, last, Path(two)),
                Remake(command, config, self.folder, first, targets, Path(one)),
            )
            self.recompute(chosen)
            same = close = 0
            for remake, names in zip(remakes, (made - rest, rest & made), strict=True):
                faults, *counts = remake.compare(names)
                self.faults = faults | self.faults
                same, close = same + counts[0], close + counts[1]
        self.notes.append(f"{same} files made again, the same to the byte")
        if close:
            self.notes[-1] += f", {close} tables within 1e-9"


def biggest(experiment: Experiment) -> int:
    """More bytes than any file of an experiment has."""
    config, rates = experiment.config, cost.RATES[experiment.config["engine"]]
    size = min(config["batch_size"], config["samples"])
    batches = (cost.sampling(e, size, rates).disk for e in experiment.sampled)
    circuits = config["samples"] * len(experiment.ensembles)
    return int(records.MOST_BYTES + 500 * circuits + 4 * max(batches, default=0))


def report(findings: Sequence[Finding], notes: Sequence[str]) -> bool:
    """Print a line for every file, what was made again and the outcome; if it holds."""
    lines = [
        f"{f.verdict:12} {f.path}{': ' * bool(f.reason)}{f.reason}" for f in findings
    ]
    lines += [f"audit: {note}" for note in notes]
    count = Counter(finding.verdict for finding in findings)
    broken = [finding for finding in findings if finding.verdict in BROKEN]
    if broken:
        first = broken[0]
        lines += [
            f"audit: {len(broken)} broken, {count[chain.DOWNSTREAM]} downstream",
            f"audit: first broken link: {first.path} ({first.verdict})",
        ]
        after = chain.downstream(findings, first.path)
        lines += [f"audit: downstream of it: {path}" for path in after]
    else:
        left = count[chain.LEFT_OVER]
        more = f", {left} left over" if left else ""
        lines.append(f"audit: everything holds: {count[VERIFIED]} files{more}")
    print("\n".join(map(records.plain, lines)))
    return not broken


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    parser.add_argument("--config", type=json.loads, required=True, help="as JSON")
    parser.add_argument("--targets", nargs="+", default=[], help="what must be there")
    parser.add_argument("--snakemake", type=shlex.split, help="its command")
    parser.add_argument("--budget", type=float, help="seconds for gradients")
    parser.add_argument("--seed", type=int, help="of the choice of gradients")
    args = parser.parse_args(argv)
    audit = Audit(args.folder, args.config, args.targets)
    audit.check_claims()
    seed = secrets.randbits(64) if args.seed is None else args.seed
    choice = Choice.within(args.budget, audit.experiment, seed)
    if not audit.holds:
        audit.notes.append("nothing made again, because the chain is broken")
    elif args.snakemake:
        audit.make_again(args.snakemake, choice)
        audit.notes.append(
            f"forgeries of 1 % of the gradients would have been found with probability "
            f"{choice.power:.3g} (again: --seed {seed})"
        )
    return int(not report(audit.judged(), audit.notes))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {records.plain(str(error))}")
