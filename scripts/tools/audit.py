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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import Batch, read_batch
from barren.physics.ensembles import BadInput
from barren.provenance import chain, records
from barren.provenance.chain import BROKEN, CHANGED, VERIFIED, Faults, Finding
from barren.provenance.recompute import (
    GRADIENT_TOLERANCE,
    Choice,
    Text,
    check_gradients,
    other,
    read_gradients,
)
from barren.provenance.remake import Remake, expected_records, misstated
from barren.runner import cost, layout
from barren.runner.experiment import Experiment, widths


class Audit:
    """The results of an experiment, and what is wrong with them."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any], targets: Sequence[str]
    ) -> None:
        self.folder, self.targets = folder, targets
        self.experiment = Experiment(config)
        self.expected = expected_records(self.experiment, str(folder))
        most = 1000 + 16 * len(self.experiment.records)
        self.names = records.inventory(folder, most, biggest(self.experiment))
        self.records = records.read_records(folder, self.names)
        self.present = records.hashes(folder, self.names, self.experiment.functions)
        self.crate = records.read_crate(folder / layout.CRATE)
        self.sizes = {self.path(n): (folder / n).stat().st_size for n in self.names}
        self.faults: Faults = {}
        self.notes: list[str] = []
        self.same = self.close = 0

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

    def make_again(self, snakemake: Sequence[str], choice: Choice) -> None:
        """Make everything again, each file from what is recorded upstream."""
        config = self.experiment.config
        with TemporaryDirectory() as scratch:
            late = []
            for number, (target, own) in enumerate(OF_RECORDS.items()):
                late.append(
                    Remake(snakemake, config, self.folder, Path(scratch, str(number)))
                )
                late[-1].keep(name for name in self.names if not name.startswith(own))
                late[-1].start([target])
            remake = Remake(snakemake, config, self.folder, Path(scratch, "first"))
            circuits = [
                layout.batch(width, *batch)
                for width in widths(self.experiment.sampled)
                for batch in self.experiment.batches
            ]
            remake.start([layout.EXPERIMENT, *circuits])
            self.hold(remake)
            text = self.texts(remake.made)
            if self.holds:
                remake.kept.update(records.inventory(remake.made))
                jobs = [layout.gradients(*job) for job in self.experiment.jobs]
                remake.keep([*jobs, *self.expected])
                targets = [
                    target.removeprefix(self.path("")) for target in self.targets
                ]
                remake.start([*targets, layout.AGREEMENT])
                self.recompute(choice, remake.made, text)
                own = tuple(name for names in OF_RECORDS.values() for name in names)
                first = remake.kept | {*self.starting(own)}
                left = {f.path for f in self.judged() if f.verdict == chain.LEFT_OVER}
                names = {n for n in self.names if self.path(n) not in left}
                self.hold(remake, names - first)
            for again, own in zip(late, OF_RECORDS.values(), strict=True):
                self.hold(again, self.starting(own))

    def starting(self, own: tuple[str, ...]) -> list[str]:
        """The files whose names start so."""
        return [name for name in self.names if name.startswith(own)]

    def hold(self, remake: Remake, names: Iterable[str] = ()) -> None:
        """Wait for what is made again, and note what is not the same."""
        faults, same, close = remake.compare(names)
        self.faults = faults | self.faults
        self.same, self.close = self.same + same, self.close + close

    def batches(self, made: Path, job: tuple[str, int, int]) -> dict[str, Batch]:
        """The circuits of a job, by program, as they were drawn again."""
        some = self.experiment.gradient_widths[job[0]]
        seed = self.experiment.config["seed"]
        return {
            program: read_batch(
                made / layout.batch(ensemble.width, *job[1:]), ensemble, seed
            )
            for program, ensemble in self.experiment.programs.items()
            if ensemble.width in some
        }

    def texts(self, made: Path) -> list[Text]:
        """The gradients of each job, if they are those of the circuits."""
        found = []
        for job in self.experiment.jobs:
            path = self.folder / layout.gradients(*job)
            try:
                batches = self.batches(made, job)
                found.append(read_gradients(path, self.experiment, batches))
            except BadInput as error:
                self.faults[str(path)] = (CHANGED, str(error))
        return found

    def recompute(self, choice: Choice, made: Path, text: Sequence[Text]) -> None:
        """Compute gradients again by the other engine."""
        worst, count = 0.0, 0
        for job, known in zip(self.experiment.jobs, text, strict=True):
            batches = self.batches(made, job)
            reason, off, number = check_gradients(choice, batches, known)
            worst, count = max(worst, off), count + number
            if reason:
                self.faults[self.path(layout.gradients(*job))] = (CHANGED, reason)
        self.notes.append(
            f"{count} gradients computed again by {other(self.experiment)} (largest "
            f"difference {worst:.1e}, allowed {GRADIENT_TOLERANCE:.0e}); forgeries of "
            f"1 % of all would have been found with probability {choice.power:.3g} "
            f"(again: --seed {choice.seed})"
        )


#: What is made of records, and so again of the recorded ones; with what comes with it.
OF_RECORDS = {
    layout.REPORT: (layout.REPORT, layout.record("write_report")),
    layout.CRATE: (
        layout.CRATE,
        layout.record("assemble_crate"),
        f"{layout.SOURCES}/",
    ),
}


def biggest(experiment: Experiment) -> int:
    """More bytes than any file of an experiment has."""
    config, rates = experiment.config, cost.RATES[experiment.config["engine"]]
    size = min(config["batch_size"], config["samples"])
    batches = cost.sampling(experiment.programs.values(), size, rates).disk
    circuits = config["samples"] * len(experiment.ensembles)
    return int(records.MOST_BYTES + 500 * circuits + 4 * batches)


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
        close = f", {audit.close} tables within 1e-9" if audit.close else ""
        audit.notes.append(f"{audit.same} files made again, the same{close}")
    return int(not report(audit.judged(), audit.notes))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {records.plain(str(error))}")
