"""The verdict in words: statements, evidence, the answer, verdict.md."""

from collections.abc import Iterable, Sequence
from string import Formatter
from typing import NamedTuple

import pandas as pd

from barren import columns
from barren.analysis.agreement import AGREEMENT
from barren.analysis.claims import (
    CONVERGED,
    FEWEST_COMPARED,
    LARGE_MEAN,
    MCCLEAN_SLOPE,
    TOLERANCE,
)
from barren.analysis.costs import COSTS
from barren.analysis.evidence import FEWEST, LEVEL, SAME_GRADIENT, Finding, Verdict
from barren.analysis.fits import SLOW

#: Settings that verdict.md lists of a claim, worst first; claims.csv has them all.
SHOWN = 12
#: Settings that a sentence names; of more it gives the number.
NAMED = 4
WORST_FIRST: tuple[Verdict, ...] = ("contradicted", "undecided", "supported")


class Text(NamedTuple):
    """A claim in words.

    holds, fails: the claim and its opposite, as parts of a sentence. error_rate: the
    chance that a true claim is called contradicted, 0 where chance plays no part.
    evidence: sentences for the numbers of a finding; one is left out where a number
    that it names is missing.
    """

    statement: str
    holds: str
    fails: str
    source: str
    test: str
    error_rate: float
    evidence: tuple[str, ...]


def table(findings: Iterable[Finding]) -> pd.DataFrame:
    """The findings as claims.csv, a row for each claim and setting."""
    rows = [
        (
            finding.claim,
            finding.setting,
            (text := TEXTS[finding.claim]).statement,
            text.source,
            evidence(finding),
            text.test,
            text.error_rate,
            finding.verdict,
        )
        for finding in findings
    ]
    return pd.DataFrame(rows, columns=list(columns.CLAIMS))


def evidence(finding: Finding) -> str:
    """What the verdict of a finding rests on."""
    said = []
    for sentence in (*TEXTS[finding.claim].evidence, *ALWAYS):
        names = [name for _, name, _, _ in Formatter().parse(sentence) if name]
        values = [
            finding.numbers.get(name.partition("[")[0].partition(".")[0])
            for name in names
        ]
        if not any(value is None or value == {} for value in values):
            said.append(sentence.format_map(finding.numbers))
    return " ".join(said)


def render(findings: Sequence[Finding]) -> str:
    """The verdict as Markdown: the answer, a row for each claim, then its settings."""
    claims = _by_claim(findings)
    lines = [
        "# Verdict",
        "",
        answer(findings),
        "",
        "| Claim | Verdict |",
        "| --- | --- |",
    ]
    lines += [
        f"| {TEXTS[name].statement} | {summary(of)} |" for name, of in claims.items()
    ]
    for name, of in claims.items():
        text = TEXTS[name]
        rate = (
            "A true claim is called contradicted with a chance of at most "
            f"{100 * text.error_rate:g} %, all settings together."
            if text.error_rate
            else "Chance plays no part in the test."
        )
        lines += ["", f"## {text.statement}", "", *_settings(of), ""]
        lines += [f"- Source: {text.source}.", f"- Test: {text.test} {rate}"]
    return "\n".join(lines) + "\n"


def _settings(findings: Sequence[Finding]) -> list[str]:
    """The findings of a claim: a paragraph or a table; and what is not judged."""
    judged = [f for f in findings if f.verdict in WORST_FIRST]
    lines = []
    if len(judged) == 1:
        (only,) = judged
        lines = [
            f"**{only.verdict.capitalize()}** ({only.setting}). {evidence(only)}",
            "",
        ]
    elif judged:
        worst = sorted(judged, key=lambda f: WORST_FIRST.index(f.verdict))[:SHOWN]
        lines = ["| Setting | Verdict | Evidence |", "| --- | --- | --- |"]
        lines += [
            f"| {f.setting} | {f.verdict} | {evidence(f)} |"
            for f in (worst if len(judged) > SHOWN else judged)
        ]
        lines.append("")
        if len(judged) > SHOWN:
            lines += [
                f"{SHOWN} of {len(judged)} settings, contradicted and undecided ones "
                "first; `tables/claims.csv` has all.",
                "",
            ]
    reasons: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding not in judged:
            reasons.setdefault(finding.numbers["why"], []).append(finding)
    for why, of in reasons.items():
        lines += [f"Not judged{'' if of == findings else _named(of)}: {why}.", ""]
    return lines[:-1]


def summary(findings: Sequence[Finding]) -> str:
    """The verdict on a claim: "supported in 5 of 6, contradicted in 1 (depth 10)"."""
    judged = [f for f in findings if f.verdict in WORST_FIRST]
    if not judged:
        return f"not judged: {findings[0].numbers['why']}"
    of = {v: [f for f in judged if f.verdict == v] for v in reversed(WORST_FIRST)}
    found = [v for v in of if of[v]]
    if len(found) == 1:
        return f"**{found[0]}**" + (f" in all {len(judged)}" if len(judged) > 1 else "")
    parts = [f"**{v}** in {len(of[v])}" for v in found]
    parts[0] += f" of {len(judged)}"
    for n, verdict in enumerate(found):
        if verdict != "supported" and len(of[verdict]) <= NAMED:
            parts[n] += _named(of[verdict])
    return ", ".join(parts)


def answer(findings: Sequence[Finding]) -> str:
    """What was reproduced, what was not, and what the difference means."""
    if not findings:
        return "There is nothing to judge."
    agreement, *rest = findings
    items: dict[str, list[str]] = {
        word: [] for word in ("Reproduced", "In part", "Not reproduced", "Undecided")
    }
    for name, of in _by_claim(rest).items():
        text = TEXTS[name]
        judged = [f for f in of if f.verdict in WORST_FIRST]
        against = [f for f in judged if f.verdict == "contradicted"]
        found = {f.verdict for f in judged}
        if found == {"supported"}:
            items["Reproduced"].append(text.holds)
        elif "supported" in found:
            items["In part"].append(f"{text.holds} ({summary(of).replace('**', '')})")
        elif against:
            items["Not reproduced"].append(text.fails + _named(against))
        elif judged:
            items["Undecided"].append(text.holds)
    said = [AGREED[agreement.verdict].format(**agreement.numbers)]
    said += [f"**{word}:** {'; '.join(of)}." for word, of in items.items() if of]
    against = [f for f in rest if f.verdict == "contradicted" and f.claim != PLOTTED]
    if against and agreement.verdict != "contradicted":
        said += _meaning(against, agreement.verdict == "supported")
    return "\n\n".join(said)


def _meaning(against: Sequence[Finding], agreed: bool) -> list[str]:
    """Why claims are contradicted."""
    far = [f for f in against if f.numbers.get("far")]
    said = []
    if far:
        worst = max(far, key=lambda f: max(f.numbers["far"].values()))
        ratios, limit = worst.numbers["far"], worst.numbers["limit"]
        where = max(ratios, key=lambda n: ratios[n])
        small = any(f.numbers["small_angles"] for f in far)
        said.append(
            "Where the exponential fall fails, the circuits are too shallow"
            f"{', or their angles too small,' if small else ''} for a plateau: the "
            f"exact variance is up to {ratios[where]:.3g} times that of deep circuits "
            f"({worst.setting}, {where}). The plateau itself is real: for deep "
            f"circuits the exact log variance falls by {-limit:.3f} per qubit."
        )
    if len(far) < len(against) and agreed:
        said.append(
            f"{'Other contradictions' if far else 'The contradictions'} come from the "
            "circuits, not from the sampling, which agrees with the exact theory."
        )
    return said


def _by_claim(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    claims: dict[str, list[Finding]] = {}
    for finding in findings:
        claims.setdefault(finding.claim, []).append(finding)
    return claims


def _named(findings: Sequence[Finding]) -> str:
    """Settings in brackets: " (depth 10; depth 20)", or " (16 settings)"."""
    if len(findings) > NAMED:
        return f" ({len(findings)} settings)"
    return f" ({'; '.join(finding.setting for finding in findings)})"


PLOTTED = "plotted_curve_is_a_variance"
AGREED: dict[Verdict, str] = {
    "supported": "The samples agree with the exact theory, which is known for {exact} "
    "of {sampled} sampled ensembles.",
    "undecided": "Whether the samples agree with the exact theory is undecided: it is "
    "known for {exact} of {sampled} sampled ensembles, each of {least} circuits.",
    "contradicted": "**Samples and exact theory disagree**: no other verdict here can "
    "be relied on before the cause is found.",
    "not judged": "Nothing was sampled: the verdicts rest on the exact theory alone.",
}
TUTORIAL = "TensorFlow Quantum tutorial, Barren plateaus"
MCCLEAN = "McClean et al. 2018, arXiv:1803.11173"
GRANT = "Grant et al. 2019, arXiv:1903.05076"
SETTINGS = "simultaneous for all widths and settings (Bonferroni)."
CURVES = (
    f"The interval, at {100 * (1 - LEVEL):g} % and simultaneous for all settings "
    f"(Bonferroni), decides; with fewer than {FEWEST} circuits nothing is decided."
)
#: Evidence of every claim.
ALWAYS = (
    "Only {few} circuits of each ensemble.",
    "Not judged: {why}.",
)
SLOPES = (
    "Sampled slope of log variance per qubit: {sampled:z.3f}.",
    "95 % interval: [{interval[0]:z.3f}, {interval[1]:z.3f}].",
    "Exact: {exact:z.3f}.",
    "Deep circuits: {limit:z.3f}.",
)
FAR = "Exact variance over that of deep circuits: {far:.3g}."

TEXTS = {
    AGREEMENT: Text(
        "The sampled circuits and gradients agree with the exact theory.",
        "samples and theory agree",
        "samples and theory disagree",
        "This project, workflow/docs/theory.md",
        "E-value tests of the mean and the second moment of every ensemble and of each "
        "family as a whole; chi-square tests of axes, angles and theta; a search for "
        "circuits that occur twice; the gradients of a few circuits computed again. "
        "Simultaneous for all tests (Bonferroni); supported from "
        f"{FEWEST} circuits on.",
        LEVEL,
        (
            "{failed}.",
            "The exact second moment is known for {exact} of {sampled} sampled "
            "ensembles. The smallest of {tests} p-values is {smallest:.2g}; one below "
            "{level:.2g} contradicts.",
        ),
    ),
    "mean_is_zero": Text(
        "The mean gradient of random circuits is zero.",
        "the mean gradient is zero",
        "the mean gradient is not zero",
        f"{TUTORIAL}; {MCCLEAN}",
        f"Student's test of each mean, {SETTINGS} Supported if a mean of "
        f"{LARGE_MEAN:.2f} standard deviations of the gradient would be beyond chance.",
        LEVEL,
        (
            "Largest mean: {largest:.2g} standard deviations of the gradient, where "
            "chance allows {allowed:.2g}.",
            "Means beyond chance: {off:.3g}.",
            "Exact means: {exact:.3g}.",
        ),
    ),
    "variance_falls_with_width": Text(
        "The variance of the gradient falls with the width.",
        "the variance falls with width",
        "the variance does not fall with width",
        f"{TUTORIAL}; {MCCLEAN}",
        f"The slope of log variance against width is below 0. {CURVES}",
        LEVEL,
        SLOPES,
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
        (
            "Chi-square about a straight line: {fit.chi_square:.1f} with {fit.freedom} "
            "degrees of freedom (p = {p_value:.2g}).",
            "Slopes from width to width: {steps:z.2f}.",
            FAR,
        ),
    ),
    "slope_of_mcclean": Text(
        f"The log variance falls by {-MCCLEAN_SLOPE} per qubit, as in McClean's fit.",
        "its rate is McClean's",
        f"its rate is not McClean's {-MCCLEAN_SLOPE} per qubit",
        f"{MCCLEAN}, figure 3",
        "McClean et al. fit deep circuits, a finite sample of them, and give no error: "
        f"a slope within {100 * TOLERANCE:g} % of theirs counts as the same. Supported "
        "if the interval of the sampled slope lies within this range, contradicted if "
        f"outside. {CURVES}",
        LEVEL,
        (*SLOPES, FAR),
    ),
    "converges_with_depth": Text(
        "With depth the variance converges to that of a 2-design.",
        "with depth the variance comes to its limit",
        "with depth the variance does not come to its limit",
        MCCLEAN,
        f"Exact variance within a factor {CONVERGED} of its limit at the largest "
        "depth; undecided if it is on its way there, contradicted if farther off than "
        "at the first depth.",
        0.0,
        (
            "Largest depth: {depth}.",
            "First depth here that has converged: {reached}.",
            "Not converged at the largest depth, exact variance over its limit: "
            "{short:.3g}.",
            "Farther from the limit than at the first depth: {away:.3g}.",
        ),
    ),
    "identity_blocks_keep_variance": Text(
        "Identity blocks keep the variance from vanishing with width.",
        "identity blocks keep the variance",
        "identity blocks do not keep the variance",
        f"{TUTORIAL}; {GRANT}",
        f"The slope of log variance against width is above {-SLOW:.2f}, a quarter of "
        f"that of a barren plateau. {CURVES}",
        LEVEL,
        SLOPES,
    ),
    "deeper_in_block_is_smaller": Text(
        "The deeper in its block the symbol stands, the smaller the variance.",
        "the variance is smaller deep in a block than at its start",
        "the variance is not smaller deep in a block",
        f"{TUTORIAL}; {GRANT}; exact law in workflow/docs/theory.md",
        "Normal test of the difference in log variance between the first and the "
        f"deepest layer at each width, {SETTINGS} {FEWEST} circuits are needed.",
        LEVEL,
        ("Sampled variance: {seen:.3g}.", "Exact variance: {exact:.3g}."),
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
        (
            "The gradients of {known} circuits differ from those of the first block "
            "alone by at most {largest:.1g}.",
        ),
    ),
    PLOTTED: Text(
        'The curve that the tutorial plots as "variance" is the variance.',
        "what the tutorial plots is the variance",
        "what the tutorial plots as the variance is the standard deviation",
        f"{TUTORIAL}, helper of section 3.1 (reduce_std)",
        "The plotted number (supported) or its square (contradicted) is the variance "
        f"within its interval at every width, {SETTINGS} {FEWEST} circuits are needed.",
        LEVEL,
        (
            "Plotted at {at}: {summary.std:.4g}; the variance: {summary.variance:.4g} "
            "[{summary.variance_low:.4g}, {summary.variance_high:.4g}].",
            "Exact variance: {exact:.4g}.",
        ),
    ),
    COSTS: Text(
        "A global cost falls exponentially at any depth, a local one in deep circuits.",
        "a global cost falls exponentially at any depth, a local one in deep circuits",
        "the cost does not decide where the variance falls exponentially",
        "Cerezo et al. 2021, arXiv:2001.00550",
        "Slopes of the exact log variance against width, per qubit; that of the local "
        "cost times the width squared, because it averages its terms. Supported if the "
        f"global cost's are all below {-2 * SLOW:.2f}, half a plateau's, and the local "
        f"cost's is above {-SLOW:.2f} at the least depth and below it at the largest.",
        0.0,
        ("Global: {global:z.3f}.", "Local: {local:z.3f}."),
    ),
}
