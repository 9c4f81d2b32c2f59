"""Compare the results of an experiment with those of the reference, file by file.

Files must be the same to the byte. Numbers may differ by what they owe to the
processor (workflow/docs/provenance.md); what is then made of them, figures and texts,
is made again from the numbers at hand and must be the same to the byte. The last line
says whether the reference is reproduced; if not, the exit code is 1.
"""

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren import columns
from barren.physics.ensembles import QSIM, BadInput
from barren.provenance.records import (
    difference,
    inventory,
    plain,
    read_bytes,
    read_json,
)
from barren.provenance.remake import Remake
from barren.provenance.tables import deviation
from barren.runner import layout
from barren.runner.step import ROOT, shown

#: Relative and absolute tolerance by column, "" for all others. What is computed in
#: float64 differs in the last digits; an error bound is no result. Gradients by
#: TensorFlow Quantum are the same everywhere, those by qsim are good to float32.
EXACT = {"": (1e-9, 1e-12), columns.RELATIVE_ERROR: (0.0, 1e-9)}
EXACT |= {columns.GRADIENT: (0.0, 0.0)}
SAMPLED = {"": (1e-2, 1e-4), columns.GRADIENT: (0.0, 1e-5)}
#: Cells of words with numbers in them: made again from the numbers at hand.
WORDS = (columns.EVIDENCE,)
#: What the workflow makes of the numbers, and the folders of what a reader sees.
OF_NUMBERS = (
    layout.CLAIMS,
    layout.FITS,
    layout.VERDICT,
    "figures/",
    "paper/",
    layout.REPORT,
)
SHOWN = (layout.VERDICT, "tables/", "figures/", "paper/")

SAME = "the same to the byte"
WITHIN = "within tolerance"
DIFFERS = "differs"
MISSING = "missing"
EXTRA = "not in the reference"
Outcomes = dict[str, tuple[str, str]]


def compare(folder: Path, reference: Path, engine: str) -> Outcomes:
    """Outcome for each file of the reference or among the results, and a detail."""
    expected = {*inventory(reference)} - {layout.EXPERIMENT, "README.md"}
    found = {name for name in inventory(folder) if name.startswith(SHOWN)}
    outcomes = dict.fromkeys(expected - found, (MISSING, ""))
    outcomes |= dict.fromkeys(found - expected, (EXTRA, ""))
    for name in expected & found:
        old = read_bytes(reference / name)
        try:
            new = read_bytes(folder / name, 2 * len(old) + 1000)
        except BadInput as error:
            outcomes[name] = DIFFERS, str(error)
            continue
        outcomes[name] = SAME, ""
        if old != new:
            outcomes[name] = compare_numbers(name, old, new, engine)
    return outcomes


def compare_numbers(name: str, old: bytes, new: bytes, engine: str) -> tuple[str, str]:
    """Outcome for a file of other bytes: within tolerance at best if it is a table."""
    if not name.endswith(".csv"):
        return DIFFERS, ""
    tolerances = SAMPLED if engine == QSIM and name != layout.THEORY else EXACT
    try:
        worst = deviation(old.decode(), new.decode(), tolerances, WORDS)
    except ValueError as error:
        return DIFFERS, str(error)
    return (WITHIN if worst.excess <= 1 else DIFFERS), str(worst)


def make_again(
    outcomes: Outcomes, folder: Path, config: Mapping[str, object], command: list[str]
) -> Outcomes:
    """Outcomes for files of other bytes that follow from numbers within tolerance."""
    numbers = [of for of in outcomes if not of.startswith(OF_NUMBERS)]
    allowed = {outcomes[name][0] for name in numbers} <= {SAME, WITHIN, EXTRA}
    others = [
        name
        for name, (outcome, _) in outcomes.items()
        if outcome in {WITHIN, DIFFERS} and name not in numbers
    ]
    if not (others and allowed and any(outcomes[n][0] == WITHIN for n in numbers)):
        return {}
    kept = [name for name in inventory(folder) if not name.startswith(OF_NUMBERS)]
    with TemporaryDirectory() as scratch:
        remake = Remake(command, config, folder, Path(scratch))
        remake.keep(kept)
        remake.start(others)
        faults, _, _ = remake.compare(others)
    again: Outcomes = {}
    for name in others:
        outcome, detail = outcomes[name]
        if fault := faults.get(f"{folder}/{name}"):
            again[name] = DIFFERS, fault[1]
        elif outcome == WITHIN or not name.endswith(".csv"):
            shows = "made again from the numbers at hand, the same"
            again[name] = WITHIN, f"{detail}; {shows}" if detail else shows
    return again


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    parser.add_argument("--snakemake", type=shlex.split, required=True, help="command")
    args = parser.parse_args(argv)
    reference = ROOT / "results" / "reference" / args.folder.resolve().name
    expected, config = (
        read_json(path / layout.EXPERIMENT) for path in (reference, args.folder)
    )
    # How circuits are spread over files changes no result.
    spread = {"batch_size": None}
    if reason := difference("", expected | spread, config | spread):
        raise BadInput(f"{shown(reference)} is of another experiment: {reason}")
    outcomes = compare(args.folder, reference, config["engine"])
    outcomes |= make_again(outcomes, args.folder, config, args.snakemake)
    length = max(map(len, outcomes))
    for name, (outcome, detail) in sorted(outcomes.items()):
        print(plain(f"{name:{length}}  {outcome}{': ' * bool(detail)}{detail}"))
    count = Counter(outcome for outcome, _ in outcomes.values())
    failed = count[DIFFERS] + count[MISSING]
    summary = ", ".join(
        f"{count[word]} {word}"
        for word in (SAME, WITHIN, DIFFERS, MISSING, EXTRA)
        if count[word]
    )
    verdict = "NOT REPRODUCED" if failed else "REPRODUCED"
    print(f"{verdict}: {len(outcomes)} files: {summary}")
    return int(failed > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"verify: {plain(str(error))}")
