"""The verdict in words: statements, evidence, the answer, verdict.md."""

import re
from collections.abc import Iterable, Sequence
from string import Formatter

import pandas as pd

from barren import columns
from barren.analysis import words
from barren.analysis.evidence import Finding, Verdict
from barren.analysis.texts import ALWAYS, PLOTTED, TEXTS

#: Settings that verdict.md lists of a claim, worst first; claims.csv has them all.
SHOWN = 12
#: Settings that a sentence names; of more it gives the number.
NAMED = 4
#: Letters of a sentence that lists claims; more of them become a list.
LONGEST = 160
WORST_FIRST: tuple[Verdict, ...] = ("contradicted", "undecided", "supported")
#: What a claim came to, all its settings together.
RESULTS = ("reproduced", "reproduced in part", "not reproduced", "undecided")


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
        fields = [name or "" for _, name, _, _ in Formatter().parse(sentence)]
        names = {re.split(r"[.[]", field)[0] for field in fields} - {""}
        if all(finding.numbers.get(name) not in (None, {}) for name in names):
            said.append(sentence.format_map(finding.numbers))
    return " ".join(said)


def render(findings: Sequence[Finding]) -> str:
    """The verdict as Markdown: the answer, a row for each claim, then its settings."""
    claims = _by_claim(findings)
    rows = [(TEXTS[name].statement, summary(of)) for name, of in claims.items()]
    lines = ["# Verdict", "", answer(findings), "", *_table("Claim Verdict", rows)]
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
    shown = judged
    lines = []
    if len(judged) > SHOWN:
        shown = sorted(judged, key=lambda f: WORST_FIRST.index(f.verdict))[:SHOWN]
    if len(judged) == 1:
        (only,) = judged
        about = f"**{only.verdict.capitalize()}** ({only.setting})."
        lines = [f"{about} {evidence(only)}", ""]
    elif judged:
        rows = [(f.setting, f.verdict, evidence(f)) for f in shown]
        lines = [*_table("Setting Verdict Evidence", rows), ""]
    if shown != judged:
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


def _table(header: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    names = header.split()
    return [f"| {' | '.join(row)} |" for row in (names, ["---"] * len(names), *rows)]


def summary(findings: Sequence[Finding]) -> str:
    """The verdict on a claim: "supported in 5 of 6 settings, contradicted in 1"."""
    judged = [f for f in findings if f.verdict in WORST_FIRST]
    if not judged:
        return f"not judged: {findings[0].numbers['why']}"
    of = {v: [f for f in judged if f.verdict == v] for v in reversed(WORST_FIRST)}
    found = [v for v in of if of[v]]
    if len(found) == 1:
        several = f" in all {len(judged)} settings" if len(judged) > 1 else ""
        return f"**{found[0]}**{several}"
    parts = [f"**{v}** in {len(of[v])}" for v in found]
    parts[0] += f" of {len(judged)} settings"
    return ", ".join(parts)


def answer(findings: Sequence[Finding]) -> str:
    """What was reproduced, what was not, and what the difference means.

    The first paragraph is one sentence.
    """
    if not findings:
        return "There is nothing to judge."
    agreement, *rest = findings
    items: dict[str, list[str]] = {result: [] for result in RESULTS}
    for name, of in _by_claim(rest).items():
        text = TEXTS[name]
        judged = [f for f in of if f.verdict in WORST_FIRST]
        against = [f for f in judged if f.verdict == "contradicted"]
        found = {f.verdict for f in judged}
        if found == {"supported"}:
            items["reproduced"].append(text.holds)
        elif "supported" in found:
            parts = f"{text.holds}: {summary(of).replace('**', '')}"
            items["reproduced in part"].append(
                parts + (_named(against) if against else "")
            )
        elif against:
            items["not reproduced"].append(text.fails + _named(against))
        elif judged:
            items["undecided"].append(text.holds)
    items = {result: of for result, of in items.items() if of}
    said = [_headline({result: len(of) for result, of in items.items()}, agreement)]
    said += [_listed(result.capitalize(), of) for result, of in items.items()]
    against = [f for f in rest if f.verdict == "contradicted" and f.claim != PLOTTED]
    if against and agreement.verdict != "contradicted":
        said += _meaning(against, agreement.verdict == "supported")
    return "\n\n".join(said)


def _headline(counts: dict[str, int], agreement: Finding) -> str:
    """The answer in a sentence: how many claims, and whether theory agrees."""
    agreed = AGREED[agreement.verdict].format(**agreement.numbers)
    if agreement.verdict == "contradicted":
        return f"{agreed}."
    claims = sum(counts.values())
    if not claims:
        return f"No claim of the papers is about this experiment; {agreed}."
    parts = [
        f"{count} {'is' if count == 1 else 'are'} {result}"
        for result, count in counts.items()
    ]
    about = f"Of {claims} claims tested" if claims > 1 else "Of one claim tested"
    return f"{about}, {words.listing(parts)}; {agreed}."


def _listed(result: str, of: Sequence[str]) -> str:
    """Claims as a sentence, or as a list where it would be long."""
    if len("; ".join(of)) <= LONGEST:
        return f"**{result}:** {'; '.join(of)}."
    return f"**{result}:**\n\n" + "\n".join(f"- {one}" for one in of)


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
            "**What the difference means:** where the fall is not exponential, the "
            f"circuits are too shallow{', or their angles small,' if small else ''} "
            "for their width. There the exact variance is up to "
            f"{ratios[where]:.3g} times that of infinitely deep circuits "
            f"({worst.setting}, {where}). The plateau itself is real: at infinite "
            f"depth the log variance falls by {-limit:.3f} per qubit."
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


AGREED: dict[Verdict, str] = {
    "supported": "the samples agree with the exact theory, known for {exact} of "
    "{sampled} ensembles",
    "undecided": "whether the samples agree with the exact theory, known for {exact} "
    "of {sampled} ensembles, takes more than {least} circuits each to decide",
    "contradicted": "**Samples and exact theory disagree**: no verdict here can be "
    "relied on before the cause is found",
    "not judged": "nothing was sampled, so that all rests on the exact theory",
}
