"""Compare the results of an experiment with those of the reference, file by file.

Tables are compared number by number, within tolerances that are larger than what the
numbers owe to the processor (workflow/docs/provenance.md). Figures must be the same to
the byte, unless the numbers that they show differ within these tolerances. The last
line says whether the reference is reproduced; if not, the exit code is 1.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from barren import columns, step
from barren.ensembles import BadInput
from barren.provenance import compare_tables, difference

#: An adjoint gradient is good to 5e-5 in float32, whatever the processor; statistics of
#: gradients follow. Relative and absolute tolerance by column, "" for all others.
SAMPLED = {"": (1e-2, 1e-4)}
#: What is computed in float64 differs in the last digits; an error bound is no result.
EXACT = {"": (1e-9, 1e-12), columns.RELATIVE_ERROR: (0.0, 1e-9)}
TOLERANCES = {
    "tables/gradients.csv": {columns.GRADIENT: (0.0, 1e-4)},
    "tables/theory.csv": EXACT,
}
#: Cells in words with numbers in them, which may differ in the last digit shown.
WORDS = (columns.EVIDENCE,)

REFERENCES = Path("results/reference")
SAME = "the same to the byte"
WITHIN = "within tolerance"
DIFFERS = "differs"
MISSING = "missing"


def main(argv: Sequence[str] | None = None) -> int:
    parser = step.parser(__doc__)
    parser.add_argument("folder", type=Path, help="the experiment's, results/NAME")
    args = parser.parse_args(argv)
    reference = REFERENCES / args.folder.resolve().name
    files = reference_files(args.folder, reference)
    outcomes = {name: compare(name, args.folder, reference) for name in files}
    length = max(map(len, outcomes))
    for name, (outcome, detail) in outcomes.items():
        print(f"{name:{length}}  {outcome}{f': {detail}' if detail else ''}")
    count = dict.fromkeys((SAME, WITHIN, DIFFERS, MISSING), 0)
    for outcome, _ in outcomes.values():
        count[outcome] += 1
    failed = count[DIFFERS] + count[MISSING]
    summary = ", ".join(f"{number} {word}" for word, number in count.items() if number)
    print(
        f"{'NOT REPRODUCED' if failed else 'REPRODUCED'}: {len(files)} files: {summary}"
    )
    return int(failed > 0)


def reference_files(folder: Path, reference: Path) -> list[str]:
    """The names of the files of the reference, if it is one of this experiment."""
    described = [path / "experiment.json" for path in (reference, folder)]
    for path in described:
        if not path.is_file():
            raise BadInput(f"no file {path}")
    expected, actual = (json.loads(path.read_text()) for path in described)
    # How circuits are spread over files changes no result.
    for config in (expected, actual):
        config.pop("batch_size", None)
    if reason := difference("", expected, actual):
        raise BadInput(f"{reference} is of another experiment: {reason}")
    names = (str(p.relative_to(reference)) for p in reference.rglob("*") if p.is_file())
    return sorted(set(names) - {"experiment.json", "README.md"})


def compare(name: str, folder: Path, reference: Path) -> tuple[str, str]:
    """Outcome for one file, and what it rests on."""
    expected, actual = reference / name, folder / name
    if not actual.is_file():
        return MISSING, ""
    if expected.read_bytes() == actual.read_bytes():
        return SAME, ""
    if actual.suffix == ".csv":
        return compare_numbers(name, expected.read_text(), actual.read_text())
    source = str(Path(name).with_suffix(".csv"))
    if name == "verdict.md":
        source = "tables/claims.csv"
    if (reference / source).is_file() and (folder / source).is_file():
        outcome, _ = compare(source, folder, reference)
        if outcome == WITHIN:
            return WITHIN, f"shows {source}"
    return DIFFERS, ""


def compare_numbers(name: str, expected: str, actual: str) -> tuple[str, str]:
    """Outcome for a table, with the worst column."""
    tolerances = TOLERANCES.get(name, SAMPLED)
    try:
        deviations = compare_tables(expected, actual, tolerances, WORDS)
    except ValueError as error:
        return DIFFERS, str(error)
    worst = max(deviations, key=lambda deviation: deviation.excess)
    detail = f"{worst.column} by at most {worst.absolute:.1e}"
    return (WITHIN if worst.excess <= 1 else DIFFERS), detail


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadInput as error:
        sys.exit(f"verify: {error}")
