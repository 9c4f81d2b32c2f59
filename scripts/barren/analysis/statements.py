"""The verdict in words: statements, evidence, the answer, verdict.md."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from barren import columns
from barren.analysis.agreement import AGREEMENT
from barren.analysis.claims import (
    CONVERGED,
    FEWEST_COMPARED,
    LARGE_MEAN,
    MCCLEAN_SLOPE,
    SLOW,
    TOLERANCE,
)
from barren.analysis.evidence import FEWEST, LEVEL, SAME_GRADIENT, Finding, Verdict

#: Settings that verdict.md lists of a claim, worst first; claims.csv has them all.
SHOWN = 12
#: Settings that a sentence names.
NAMED = 3
WORST_FIRST: tuple[Verdict, ...] = (
    "contradicted",
    "undecided",
    "supported",
    "not judged",
)

TUTORIAL = "TensorFlow Quantum tutorial, Barren plateaus"
MCCLEAN = "McClean et al. 2018, arXiv:1803.11173"
GRANT = "Grant et al. 2019, arXiv:1903.05076"
Numbers = Any


class Text(NamedTuple):
    """A claim in words.

    holds, fails: the claim and its opposite, as parts of a sentence. error_rate: the
    chance that a true claim is called contradicted, 0 where chance plays no part.
    evidence: puts a finding's numbers into words.
    """

    statement: str
    holds: str
    fails: str
    source: str
    test: str
    error_rate: float
    evidence: Callable[[Numbers], str]


def table(findings: Sequence[Finding]) -> pd.DataFrame:
    """The findings as claims.csv, a row for each claim and setting."""
    rows = []
    for finding in findings:
        text = TEXTS[finding.claim]
        evidence, rate = _evidence(finding), text.error_rate
        row = (finding.claim, finding.setting, text.statement, text.source)
        rows.append((*row, evidence, text.test, rate, finding.verdict))
    return pd.DataFrame(rows, columns=list(columns.CLAIMS))


def render(findings: Sequence[Finding]) -> str:
    """The verdict as Markdown: the answer, a row for each claim, then its settings."""
    claims = _by_claim(findings)
    lines = ["# Verdict", "", answer(findings), "", "| Claim | Verdict |", "| --- | --- |"]
    for claim, of in claims.items():
        lines.append(f"| {TEXTS[claim].statement} | {summary(of)} |")
    for claim, of in claims.items():
        text = TEXTS[claim]
        rate = (
            f"A true claim is called contradicted with a chance of at most "
            f"{text.error_rate:.0%}, all settings together."
            if text.error_rate
            else "Chance plays no part in the test."
        )
        lines += ["", f"## {text.statement}", "", *_settings(of), ""]
        lines += [f"- Source: {text.source}.", f"- Test: {text.test} {rate}"]
    return "\n".join(lines) + "\n"


def _settings(findings: Sequence[Finding]) -> list[str]:
    """The findings of a claim: a paragraph for one, else a table, and who is left out."""
    judged, reasons = [], dict[str, list[Finding]]()
    for finding in findings:
        if finding.verdict == "not judged":
            reasons.setdefault(finding.numbers["why"], []).append(finding)
        else:
            judged.append(finding)
    lines = []
    if len(judged) == 1:
        (only,) = judged
        of = "" if len(findings) == 1 and only.claim == AGREEMENT else f" ({only.setting})"
        lines = [f"**{only.verdict.capitalize()}**{of}. {_evidence(only)}"]
    elif judged:
        shown = judged
        if len(judged) > SHOWN:
            shown = sorted(judged, key=lambda f: WORST_FIRST.index(f.verdict))[:SHOWN]
        lines = ["| Setting | Verdict | Evidence |", "| --- | --- | --- |"]
        lines += [f"| {f.setting} | {f.verdict} | {_evidence(f)} |" for f in shown]
        if len(judged) > SHOWN:
            lines += [
                "",
                f"{SHOWN} of {len(judged)} settings, contradicted and undecided ones "
                f"first; `{columns.CLAIM}s.csv` has all of them.",
            ]
    for why, of in reasons.items():
        every = len(of) == len(findings)
        who = "" if every else f" for {_named(f.setting for f in of)}"
        lines += ["", f"Not judged{who}: {why}."]
    return lines if judged else lines[1:]


def summary(findings: Sequence[Finding]) -> str:
    """The verdict on a claim: "supported in 5 of 6, contradicted in 1 (depth 10)"."""
    parts = {v: [f for f in findings if f.verdict == v] for v in WORST_FIRST}
    judged = len(findings) - len(parts["not judged"])
    if not judged:
        return f"not judged: {findings[0].numbers['why']}"
    found = [v for v in ("supported", "contradicted", "undecided") if parts[v]]
    if len(found) == 1:
        every = "" if judged == 1 else f" in all {judged} settings"
        return f"**{found[0]}**{every}"
    counts = [f"{v} in {len(parts[v])}" for v in found]
    counts[0] += f" of {judged}"
    named = [
        count if v == "supported" else f"{count} ({_named(f.setting for f in parts[v])})"
        for v, count in zip(found, counts, strict=True)
    ]
    return ", ".join(named)


def answer(findings: Sequence[Finding]) -> str:
    """What was reproduced, what was not, and what the difference means."""
    if not findings:
        return "There is nothing to judge."
    agreement, *rest = findings
    holds, parts, fails, opens = [], [], [], []
    for claim, of in _by_claim(rest).items():
        text = TEXTS[claim]
        judged = [f for f in of if f.verdict != "not judged"]
        against = [f for f in judged if f.verdict == "contradicted"]
        found = {f.verdict for f in judged}
        if found == {"supported"}:
            holds.append(text.holds)
        elif "supported" in found:
            parts.append(f"{text.holds} ({summary(of)})")
        elif against:
            fails.append(f"{text.fails} ({_named(f.setting for f in against)})")
        elif judged:
            opens.append(text.holds)
    said = [AGREED[agreement.verdict].format(**agreement.numbers)]
    for word, items in (
        ("Reproduced", holds),
        ("Reproduced in part", parts),
        ("Not reproduced", fails),
        ("Undecided", opens),
    ):
        if items:
            said.append(f"**{word}:** {'; '.join(items)}.")
    against = [f for f in rest if f.verdict == "contradicted"]
    if against and agreement.verdict != "contradicted":
        said += _meaning(against)
    return "\n\n".join(said)


def _meaning(against: Sequence[Finding]) -> list[str]:
    """Why claims are contradicted, from the exact theory beside the samples."""
    far = [f for f in against if f.numbers.get("far")]
    other = [f for f in against if f not in far and f.claim != PLOTTED]
    said = []
    if far:
        worst = max(far, key=lambda f: max(f.numbers["far"].values()))
        ratios, fits = worst.numbers["far"], worst.numbers["fits"]
        width = max(ratios, key=lambda n: ratios[n])
        small = any(f.numbers["small"] for f in far)
        limit = fits["asymptotic"].slope if "asymptotic" in fits else None
        why = "too shallow, or their angles too small," if small else "too shallow"
        said.append(
            f"Where exponential decay fails, the circuits are {why} for a plateau: the "
            f"exact variance is up to {ratios[width]:.3g} times that of deep circuits "
            f"({worst.setting}, n = {width}). The plateau itself is real: for deep "
            "circuits the exact variance "
            + (f"falls by {-limit:.3f} per qubit." if limit else "is known.")
        )
    if other and all(f.numbers["explained"] for f in other):
        said.append(
            "Where another claim is contradicted, the exact theory contradicts it too: "
            "it does not hold for these circuits, however well they are sampled."
        )
    elif other:
        said.append(
            "Not every contradiction is explained by the exact theory: "
            f"{_named(f.setting for f in other if not f.numbers['explained'])}."
        )
    return said


def _by_claim(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    claims: dict[str, list[Finding]] = {}
    for finding in findings:
        claims.setdefault(finding.claim, []).append(finding)
    return claims


def _evidence(finding: Finding) -> str:
    numbers = finding.numbers
    if finding.verdict == "not judged":
        return f"Not judged: {numbers['why']}."
    text = TEXTS[finding.claim].evidence(numbers)
    if "few" in numbers:
        text += f" Only {numbers['few']} circuits; a verdict needs {FEWEST}."
    return text


def _named(items: Iterable[Any], most: int = NAMED) -> str:
    """The first few items: "depth 10; depth 20; depth 50 and 3 more"."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


# Evidence: the numbers of a finding in words.


def _slopes(numbers: Numbers) -> str:
    parts = []
    names = {"asymptotic": "limit of deep circuits"}
    for name, fit in numbers["fits"].items():
        text = f"{names.get(name, name)} {fit.slope:z.3f}"
        if fit.slope_low != fit.slope_high and np.isfinite(fit.slope_high):
            text += f" [{fit.slope_low:z.3f}, {fit.slope_high:z.3f}]"
        parts.append(text)
    return f"Slope of log variance per qubit: {', '.join(parts)}."


def _slopes_and_depth(numbers: Numbers) -> str:
    far = [f"{ratio:.3g} (n = {n})" for n, ratio in sorted(numbers["far"].items())]
    if not far:
        return _slopes(numbers)
    return (
        f"{_slopes(numbers)} Not those of deep circuits: the exact variance over its "
        f"limit is {_named(far, 6)}."
    )


def _straight(numbers: Numbers) -> str:
    steps = [f"{slope:z.2f} (n = {a} to {b})" for a, b, slope in numbers["steps"]]
    return (
        f"Chi-square of {numbers['widths']} widths about a straight line: "
        f"{numbers['chi_square']:.1f} with {numbers['freedom']} degrees of freedom "
        f"(p = {numbers['p_value']:.2g}). Slope from width to width: "
        f"{_named(steps, 12)}. {_slopes_and_depth(numbers)}"
    )


def _agreement(numbers: Numbers) -> str:
    if numbers["failed"]:
        return _named(numbers["failed"], 6) + "."
    text = (
        f"The exact second moment is known for {numbers['exact']} of "
        f"{numbers['sampled']} sampled ensembles. Smallest p-value of "
        f"{numbers['tests']} tests: {numbers['smallest']:.2g}; one below "
        f"{numbers['level']:.2g} would contradict."
    )
    if numbers["least"] < FEWEST:
        text += (
            f" With {numbers['least']} circuits of an ensemble a variance wrong by a "
            "factor of two may pass."
        )
    return text


def _mean(numbers: Numbers) -> str:
    text = (
        f"Largest mean of {numbers['count']} widths: {numbers['largest']:.2g} standard "
        f"deviations of the gradient; chance allows {numbers['allowed']:.2g}."
    )
    if numbers["off"]:
        text += f" Beyond chance: n = {', '.join(map(str, numbers['off']))}."
    if numbers["exact"]:
        exact = [f"{mean:.3g}" for mean in numbers["exact"]]
        text += f" The exact mean there is {', '.join(exact)}."
    return text


def _convergence(numbers: Numbers) -> str:
    last = [f"{r:.3g} (n = {n}, depth {d})" for n, (d, r) in numbers["last"].items()]
    text = f"Exact variance over its limit at the largest depth: {', '.join(last)}."
    first = [f"{d} (n = {n})" for n, d in numbers["first"].items() if d]
    if first:
        text += f" First depth here that has converged: {', '.join(first)}."
    if numbers["short"]:
        text += f" Not converged yet for n = {', '.join(map(str, numbers['short']))}."
    if numbers["away"]:
        text += (
            " Farther from the limit than at the first depth for "
            f"n = {', '.join(map(str, numbers['away']))}."
        )
    return text


def _profile(numbers: Numbers) -> str:
    parts = []
    for width, start, middle, layers in numbers["pairs"]:
        (first, exact_first), (last, exact_last) = layers
        text = f"n = {width}: {start:.3g} on layer {first}, {middle:.3g} on layer {last}"
        if exact_first and exact_last:
            text += f" (exact {exact_first:.3g}, {exact_last:.3g})"
        parts.append(text)
    return f"Variance with the symbol at {_named(parts, 6)}."


def _isolated(numbers: Numbers) -> str:
    return (
        f"The gradients of {numbers['known']} circuits differ from those of the first "
        f"block alone by at most {numbers['largest']:.1g}."
    )


def _plotted(numbers: Numbers) -> str:
    s = numbers["example"].summary
    exact = numbers["example"].prediction.variance
    known = f", exact variance {exact:.4g}" if exact else ""
    return (
        f"At n = {numbers['example'].ensemble.width} the plotted number is {s.std:.4g}, "
        f"the variance {s.variance:.4g} [{s.variance_low:.4g}, {s.variance_high:.4g}]"
        f"{known}. The plotted number is the variance within its error at "
        f"{numbers['plotted']} of {numbers['count']} widths, its square at "
        f"{numbers['squared']}."
    )


PLOTTED = "plotted_curve_is_a_variance"
AGREED: dict[Verdict, str] = {
    "supported": "The samples agree with the exact theory, which is known for {exact} "
    "of {sampled} sampled ensembles.",
    "undecided": "Whether the samples agree with the exact theory is undecided: it is "
    "known for {exact} of {sampled} sampled ensembles, with {least} circuits or more.",
    "contradicted": "**Samples and exact theory disagree**, so that no other verdict "
    "here can be relied on before the cause is found.",
    "not judged": "Nothing was sampled: the verdicts rest on the exact theory alone.",
}
SETTINGS = "simultaneous for all widths and settings (Bonferroni)."
CURVES = "simultaneous for all settings (Bonferroni), is used;"

TEXTS = {
    AGREEMENT: Text(
        "The sampled circuits and gradients agree with the exact theory.",
        "samples and theory agree",
        "samples and theory disagree",
        "This project, workflow/docs/theory.md",
        "E-value tests of the mean and the second moment of every ensemble and of each "
        "family as a whole; chi-square tests of axes, angles and theta; a search for "
        "circuits that occur twice; the gradients of a few circuits computed again. "
        f"Simultaneous for all tests (Bonferroni); supported from {FEWEST} circuits on.",
        LEVEL,
        _agreement,
    ),
    "mean_is_zero": Text(
        "The mean gradient of random circuits is zero.",
        "the mean gradient is zero",
        "the mean gradient is not zero",
        f"{TUTORIAL}; {MCCLEAN}",
        f"Student's test of each mean, {SETTINGS} Supported if a mean of "
        f"{LARGE_MEAN:.2f} standard deviations of the gradient would be beyond chance.",
        LEVEL,
        _mean,
    ),
    "variance_falls_with_width": Text(
        "The variance of the gradient falls with the width.",
        "the variance falls with width",
        "the variance does not fall with width",
        f"{TUTORIAL}; {MCCLEAN}",
        f"The slope of log variance against width is below 0. Its {1 - LEVEL:.0%} "
        f"interval, {CURVES} {FEWEST} circuits are needed.",
        LEVEL,
        _slopes,
    ),
    "variance_falls_exponentially": Text(
        "The fall of the variance with width is exponential.",
        "the fall is exponential",
        "the fall with width is not exponential",
        f"{TUTORIAL}; {MCCLEAN}",
        "Chi-square of log variance about a straight line, simultaneous for all "
        "settings (Bonferroni). Supported needs a slope below 0 that is known to "
        f"{SLOW:.2f} per qubit, four widths and {FEWEST} circuits.",
        LEVEL,
        _straight,
    ),
    "slope_of_mcclean": Text(
        f"The log variance falls by {-MCCLEAN_SLOPE} per qubit, as in McClean's fit.",
        "its rate is McClean's",
        f"its rate is not McClean's {-MCCLEAN_SLOPE} per qubit",
        f"{MCCLEAN}, figure 3",
        f"The published slope is a fit to a finite sample over their widths, given "
        f"without an error: within {TOLERANCE:.0%} of it counts as the same. Supported "
        f"if the {1 - LEVEL:.0%} interval of the sampled slope lies within this range, "
        f"contradicted if outside; the interval, {CURVES} {FEWEST} circuits are "
        "needed. McClean et al. speak of deep circuits.",
        LEVEL,
        _slopes_and_depth,
    ),
    "converges_with_depth": Text(
        "With depth the variance converges to that of a 2-design.",
        "with depth the variance comes to its limit",
        "with depth the variance does not come to its limit",
        MCCLEAN,
        f"Exact variance within a factor {CONVERGED} of the limit at the largest depth; "
        "undecided if it is on its way, contradicted if farther off than at first.",
        0.0,
        _convergence,
    ),
    "identity_blocks_keep_variance": Text(
        "Identity blocks keep the variance from vanishing with width.",
        "identity blocks keep the variance",
        "identity blocks do not keep the variance",
        f"{TUTORIAL}; {GRANT}",
        f"The slope of log variance against width is above {-SLOW:.2f}, a quarter of "
        f"the plateau's. Its {1 - LEVEL:.0%} interval, {CURVES} {FEWEST} circuits are "
        "needed.",
        LEVEL,
        _slopes,
    ),
    "deeper_in_block_is_smaller": Text(
        "The deeper in its block the symbol stands, the smaller the variance.",
        "the variance is smaller deep in a block than at its start",
        "the variance is not smaller deep in a block",
        f"{TUTORIAL}; {GRANT}; exact law in workflow/docs/theory.md",
        "Normal test of the difference in log variance between the first and the "
        f"deepest layer at each width, {SETTINGS} {FEWEST} circuits are needed.",
        LEVEL,
        _profile,
    ),
    "other_blocks_are_identity": Text(
        "Changing one parameter leaves every other block the identity.",
        "the other blocks stay the identity",
        "the other blocks do not stay the identity",
        f"{TUTORIAL}; {GRANT}",
        f"Each gradient is within {SAME_GRADIENT:g} of that of the first block alone, "
        "by a closed form or computed in numpy; supported from "
        f"{FEWEST_COMPARED} circuits on.",
        0.0,
        _isolated,
    ),
    PLOTTED: Text(
        'The curve that the tutorial plots as "variance" is the variance.',
        "what the tutorial plots is the variance",
        "what the tutorial plots as the variance is the standard deviation",
        f"{TUTORIAL}, helper of section 3.1 (reduce_std)",
        "The plotted number (supported) or its square (contradicted) is the variance "
        f"within its interval at every width, {SETTINGS} {FEWEST} circuits are needed.",
        LEVEL,
        _plotted,
    ),
}
