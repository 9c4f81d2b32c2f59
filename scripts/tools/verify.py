import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.runner import hashes

if __name__ == "__main__":
    hashes.fix()

import audit
from barren import columns
from barren.physics.ensembles import QSIM, BadInput
from barren.provenance.compare import Tolerance, deviates, most_of, require_same
from barren.provenance.records import inventory, read_bytes
from barren.runner import layout, step
from barren.runner.experiment import Experiment
from barren.runner.step import plain

#: What a gradient by qsim may differ by, for a norm of 1; and numbers made of them.
ROUNDING, SHARE = 1e-5, 1e-2
#: What a reader sees, and what of it is made of tables of numbers.
SHOWN = (layout.VERDICT, "tables/", "figures/", "paper/")
OF_NUMBERS = (layout.VERDICT, layout.CLAIMS, layout.FITS, "figures/", "paper/")

SAME = "the same to the byte"
WITHIN = "within tolerance"
DIFFERS = "differs"
MISSING = "missing"
EXTRA = "not in the reference"
Outcomes = dict[str, tuple[str, str]]


def tolerances_of(config: Mapping[str, Any]) -> dict[str, dict[str, Tolerance]]:
    """Relative and absolute ones of numbers, by table and column; else rounding's."""
    found: dict[str, dict[str, Tolerance]] = {layout.THEORY: {}, layout.STATISTICS: {}}
    if config["engine"] == QSIM:
        rounding = ROUNDING * min(of.norm for of in Experiment(config).ensembles)
        found[layout.GRADIENTS] = {columns.GRADIENT: (0.0, rounding)}
        squares = dict.fromkeys(columns.STATISTICS, (SHARE, rounding**2))
        roots = dict.fromkeys((columns.MEAN, columns.STD), (SHARE, rounding))
        found[layout.STATISTICS] = squares | roots
    return found


def compare(
    folder: Path, there: Sequence[str], reference: Path, config: Mapping[str, Any]
) -> Outcomes:
    """Outcome for each file of the reference or shown among those that are there."""
    expected = {*inventory(reference)} - {layout.EXPERIMENT, "README.md"}
    found = {name for name in there if name.startswith(SHOWN)}
    outcomes = dict.fromkeys(expected - found, (MISSING, ""))
    outcomes |= dict.fromkeys(found - expected, (EXTRA, ""))
    tolerances = tolerances_of(config)
    for name in expected & found:
        old = read_bytes(reference / name)
        try:
            new = read_bytes(folder / name, most_of(len(old)))
        except BadInput as error:
            outcomes[name] = DIFFERS, str(error)
            continue
        outcomes[name] = SAME if old == new else DIFFERS, ""
        if old != new and name in tolerances:
            reason = deviates(old, new, tolerances[name])
            outcomes[name] = DIFFERS if reason else WITHIN, reason
    return outcomes


def make_again(
    outcomes: Outcomes, folder: Path, config: Mapping[str, Any], snakemake: str
) -> None:
    """Mend the outcomes of what follows from numbers within tolerance, as audited."""
    numbers = {name for name in outcomes if not name.startswith(OF_NUMBERS)}
    others = [name for name in {*outcomes} - numbers if outcomes[name][0] == DIFFERS]
    found = {outcomes[name][0] for name in numbers}
    if not others or WITHIN not in found or not found <= {SAME, WITHIN, EXTRA}:
        return
    verdicts, _ = audit.make_again(folder, Experiment(config), snakemake)
    for name in others:
        verdict, reason = verdicts[f"{folder}/{name}"]
        outcomes[name] = DIFFERS, reason
        if verdict == audit.VERIFIED:
            outcomes[name] = WITHIN, "made again from the numbers at hand, the same"


def verify(
    folder: Path, config: step.Json, reference: step.Input, snakemake: str
) -> None:
    """Compare the results of an experiment with those of the reference, file by file.

    Files must be the same to the byte. Only the tables that numbers are computed for
    may differ by what those owe to the processor (workflow/docs/provenance.md); what is
    then made of them, further tables, figures and texts, is made again from the numbers
    at hand and must be the same to the byte. The page, batches, records and crate are
    not compared, and named. The last line says whether the reference is reproduced; if
    not, the exit code is 1.

    folder: the experiment's, results/NAME. reference: the experiment.json that is kept.
    snakemake: a command.
    """
    require_same(reference, config)
    there = inventory(folder)
    outcomes = compare(folder, there, reference.parent, config)
    make_again(outcomes, folder, config, snakemake)
    length = max(map(len, outcomes))
    for name, (outcome, detail) in sorted(outcomes.items()):
        print(plain(f"{name:{length}}  {outcome}{': ' * bool(detail)}{detail}"))
    tops, compared = (
        {name.partition("/")[0] for name in names} for names in (there, outcomes)
    )
    print(plain(f"not compared, for the audit: {', '.join(sorted(tops - compared))}"))
    count = Counter(outcome for outcome, _ in outcomes.values())
    words = (SAME, WITHIN, DIFFERS, MISSING, EXTRA)
    summary = ", ".join(f"{count[word]} {word}" for word in words if count[word])
    failed = bool(count[DIFFERS] + count[MISSING])
    print(f"{'NOT ' * failed}REPRODUCED: {len(outcomes)} files: {summary}")
    sys.exit(failed)


if __name__ == "__main__":
    step.run(verify)
