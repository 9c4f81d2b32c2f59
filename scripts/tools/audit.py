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

Beyond the hashes, some circuits are drawn again from their seed and compared axis by
axis, angle by angle, byte by byte; their gradients are computed again with another
differentiator; and what is made of them, tables and figures, is made again.
"""

import csv
import json
import multiprocessing
import os
import random
import runpy
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from barren import provenance, step
from barren.batches import read_batch
from barren.circuits import Circuits, replay_notebook, sample_circuits
from barren.ensembles import NOTEBOOK, BadInput, Ensemble, notebook_skips, sampled
from barren.gradients import ADJOINT, PARAMETER_SHIFT, choose_differentiator, gradients
from barren.programs import serialise
from barren.provenance import BROKEN, CHANGED, OTHER_CONFIGURATION, Finding, Record

#: What two differentiators may differ by. The adjoint derives gates by finite
#: differences: errors to 5e-5 in 2000 gradients (workflow/docs/provenance.md).
GRADIENT_TOLERANCE = 1e-4
#: Tables made again on another processor may differ in the last digits of a float64.
TABLE_TOLERANCES = {"": (1e-9, 1e-12)}
#: Steps whose work is sampled, not repeated; the crate is held against the records.
SAMPLED = ("sample_circuits", "compute_gradients", "assemble_crate")
Faults = dict[str, tuple[str, str]]


def main(argv: Sequence[str] | None = None) -> int:
    parser = step.parser(__doc__)
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    parser.add_argument(
        "--targets", nargs="+", default=[], help="files that must be there"
    )
    parser.add_argument("--config", type=json.loads, help="what it must be made from")
    parser.add_argument("--samples", type=int, default=3, help="circuits per ensemble")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of circuits")
    parser.add_argument(
        "--longest",
        type=float,
        default=30,
        help="make again what took the processor at most so many seconds",
    )
    args = parser.parse_args(argv)
    os.chdir(step.ROOT)
    folder = str(args.folder)

    records = provenance.read_records(args.folder / "records")
    present = provenance.hashes(args.folder)
    crate = provenance.read_crate(args.folder / provenance.CRATE)
    faults = check_configuration(folder, args.config)

    def judged() -> list[Finding]:
        return provenance.judge(folder, args.targets, records, present, crate, faults)

    sound = {f.path for f in judged() if f.verdict == provenance.VERIFIED}
    ordered = [
        record
        for record in provenance.chain(
            [f"{folder}/{provenance.CRATE}", *args.targets],
            records,
            f"{folder}/experiment.json",
        )
        if {file.path for file in record.outputs} <= sound
    ]
    notes = []
    # Meanwhile this process loads TensorFlow.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as other:
        again = other.submit(make_again, ordered, args.longest)
        if args.samples:
            found, note = sample(folder, ordered, args.samples, args.seed)
            faults |= found
            notes.append(note)
        found, note = again.result()
        faults = found | faults
        notes.append(note)
    findings = judged()
    report(findings, notes)
    return any(finding.verdict in BROKEN for finding in findings)


def check_configuration(folder: str, config: dict[str, Any] | None) -> Faults:
    """Hold the experiment's configuration against the one that is given."""
    path = Path(folder, "experiment.json")
    if config is None or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError:
        return {str(path): (CHANGED, "not JSON")}
    reason = provenance.difference("", found, config)
    return {str(path): (OTHER_CONFIGURATION, reason)} if reason else {}


def sample(
    folder: str, records: Sequence[Record], samples: int, seed: int
) -> tuple[Faults, str]:
    """Draw some circuits again and compute their gradients in another way."""
    config_path = Path(folder, "experiment.json")
    if not config_path.is_file():
        return {}, "no circuit drawn again"
    config = json.loads(config_path.read_text())
    faults: Faults = {}
    gradients_of = read_gradients(records)
    drawn = compared = 0
    worst = 0.0
    for record, chosen in choose(records, samples, seed):
        path = record.outputs[0].path
        ensemble = Ensemble.parse(record.parameters["ensemble"])
        circuits = draw(config, ensemble, record, chosen)
        programs = serialise(ensemble, circuits)
        try:
            reason = difference(
                path, ensemble, config["seed"], chosen, circuits, programs
            )
        except BadInput as error:
            reason = str(error)
        drawn += len(chosen)
        if reason:
            faults[path] = (CHANGED, reason)
            continue
        known = [
            (row, *gradients_of[key])
            for row, key in enumerate((ensemble.name, number) for number in chosen)
            if key in gradients_of
        ]
        if not known:
            continue
        rows = [row for row, *_ in known]
        used = choose_differentiator(known[0][3], ensemble.width)
        other = PARAMETER_SHIFT if used == ADJOINT else ADJOINT
        values = gradients(
            programs[rows], circuits.theta[rows], ensemble.observable, other
        )
        for (row, theta, gradient, _, source), value in zip(known, values, strict=True):
            compared += 1
            off = abs(float(gradient) - float(value))
            worst = max(worst, off)
            if theta != str(circuits.theta[row]) or not off <= GRADIENT_TOLERANCE:
                reason = (
                    f"{ensemble.name}, sample {chosen[row]}: gradient {gradient} at "
                    f"theta {theta}; {other} gives {value} at {circuits.theta[row]}"
                )
                faults.setdefault(source, (CHANGED, reason))
    note = (
        f"{drawn} circuits drawn again, {compared} gradients computed again with the "
        f"other differentiator (largest difference {worst:.1e}, "
        f"allowed {GRADIENT_TOLERANCE:.0e})"
    )
    return faults, note


def choose(
    records: Sequence[Record], samples: int, seed: int
) -> Iterator[tuple[Record, list[int]]]:
    """Batches and samples of them: of each ensemble the first, and others at random."""
    batches: dict[str, list[Record]] = {}
    for record in records:
        if record.step == "sample_circuits":
            batches.setdefault(record.parameters["ensemble"], []).append(record)
    for name, found in batches.items():
        numbers = {
            number: record
            for record in found
            for number in range(
                record.parameters["first"], record.parameters["last"] + 1
            )
        }
        first, *others = sorted(numbers)
        rng = random.Random(f"{seed} {name}")
        chosen = {first, *rng.sample(others, min(samples - 1, len(others)))}
        for record in found:
            if mine := sorted(n for n in chosen if numbers[n] is record):
                yield record, mine


def draw(
    config: Mapping[str, Any], ensemble: Ensemble, record: Record, chosen: list[int]
) -> Circuits:
    """The circuits of some samples, from the configuration's seed."""
    if record.parameters["stream"] == NOTEBOOK:
        skip = notebook_skips(config)[ensemble.name]
        # Of the circuits that are displayed there is one each.
        of = config["samples"] if ensemble in sampled(config) else 1
        return replay_notebook(ensemble, config["seed"], skip, of, chosen)
    return sample_circuits(ensemble, config["seed"], chosen)


def difference(
    path: str,
    ensemble: Ensemble,
    seed: int,
    chosen: list[int],
    circuits: Circuits,
    programs: Any,
) -> str:
    """What of a batch is not as it is drawn from its seed; empty if nothing."""
    numbers, found, found_programs = read_batch(Path(path), ensemble, seed)
    rows = np.searchsorted(numbers, chosen)
    expected = vars(circuits) | {"programs": programs}
    actual = vars(found) | {"programs": found_programs}
    for name, values in expected.items():
        if values is None and actual[name] is None:
            continue
        for row, number, value in zip(rows, chosen, values, strict=True):
            if not np.array_equal(actual[name][row], value):
                return f"sample {number}: other {name} than seed {seed} gives"
    return ""


def read_gradients(
    records: Sequence[Record],
) -> dict[tuple[str, int], tuple[str, str, str, str]]:
    """Theta, gradient, differentiator and file by ensemble and sample."""
    found = {}
    for record in records:
        if record.step == "compute_gradients":
            path = record.outputs[0].path
            with Path(path).open(newline="") as file:
                for name, number, theta, gradient in list(csv.reader(file))[1:]:
                    found[name, int(number)] = (
                        theta,
                        gradient,
                        record.parameters["differentiator"],
                        path,
                    )
    return found


def make_again(records: Sequence[Record], longest: float) -> tuple[Faults, str]:
    """Run recorded commands again, into a folder of their own, and compare."""
    faults: Faults = {}
    same = close = 0
    left_out = []
    for record in records:
        if record.step in SAMPLED:
            continue
        if record.processor_seconds > longest:
            left_out.append(f"{record.file.path} ({record.processor_seconds:.0f} s)")
            continue
        with tempfile.TemporaryDirectory() as elsewhere:
            error = repeat(record, Path(elsewhere))
            for file in record.outputs:
                path = Path(elsewhere, file.path)
                if error or not path.is_file():
                    faults[file.path] = (CHANGED, f"cannot be made again: {error}")
                elif path.read_bytes() == Path(file.path).read_bytes():
                    same += 1
                elif reason := deviates(file.path, path):
                    faults[file.path] = (CHANGED, reason)
                else:
                    close += 1
    note = f"{same} tables and figures made again, the same to the byte"
    if close:
        note += f", {close} tables within 1e-9"
    if left_out:
        note += f"; not made again: {', '.join(left_out)}"
    return faults, note


def repeat(record: Record, elsewhere: Path) -> str:
    """Run a recorded command again in this process; what went wrong, if anything."""
    sys.argv = redirected(record, elsewhere)
    try:
        with redirect_stderr(StringIO()):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as stop:
        return str(stop.code or "")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def redirected(record: Record, elsewhere: Path) -> list[str]:
    """A recorded command with outputs that go elsewhere."""
    _, script, *arguments = shlex.split(record.command)
    if script != f"scripts/{record.step}.py":
        raise BadInput(f"{record.file.path}: the command is not that of a step")
    outputs = {file.path for file in record.outputs}
    moved = [str(elsewhere / word) if word in outputs else word for word in arguments]
    if "--record" in moved:
        at = moved.index("--record")
        del moved[at : at + 2]
    return [script, *moved]


def deviates(path: str, again: Path) -> str:
    """Why a file that was made again does not pass for the same."""
    otherwise = "comes out otherwise when it is made again"
    if again.suffix != ".csv":
        return otherwise
    try:
        deviations = provenance.compare_tables(
            Path(path).read_text(), again.read_text(), TABLE_TOLERANCES
        )
    except ValueError as error:
        return f"{otherwise}: {error}"
    worst = max(deviations, key=lambda deviation: deviation.excess)
    if worst.excess <= 1:
        return ""
    return f"{otherwise}: {worst.column} by {worst.absolute:.1e}"


def report(findings: Sequence[Finding], notes: Sequence[str]) -> None:
    """Print a line for every file, what was computed again, and the outcome."""
    copies = 0
    for finding in findings:
        if provenance.SOURCES in Path(finding.path).parts and not finding.reason:
            copies += 1
            continue
        reason = f": {finding.reason}" if finding.reason else ""
        print(f"{finding.verdict:12} {finding.path}{reason}")
    if copies:
        print(f"{provenance.VERIFIED:12} {copies} copies of code, as it is checked out")
    for note in notes:
        print(f"audit: {note}")
    count = {
        v: sum(f.verdict == v for f in findings)
        for v in (provenance.VERIFIED, provenance.DOWNSTREAM, provenance.LEFT_OVER)
    }
    broken = [finding for finding in findings if finding.verdict in BROKEN]
    if not broken:
        left = count[provenance.LEFT_OVER]
        more = f", {left} left over" if left else ""
        print(f"audit: everything holds: {count[provenance.VERIFIED]} files{more}")
        return
    first = broken[0]
    print(f"audit: {len(broken)} broken, {count[provenance.DOWNSTREAM]} downstream")
    print(f"audit: first broken link: {first.path} ({first.verdict})")
    for path in provenance.downstream(findings, first.path):
        print(f"audit: downstream of it: {path}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"audit: {error}")
