"""The verdict in words: the answer, verdict.md and claims.csv."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from barren import columns
from barren.analysis import words
from barren.analysis.evidence import Finding, Verdict
from barren.analysis.texts import PLOTTED, TEXTS
from barren.physics.ensembles import grouped

#: Settings that verdict.md lists of a claim, worst first; claims.csv has them all.
SHOWN = 12
#: Settings that a sentence names; of more it gives the number.
NAMED = 4
#: Letters of a sentence that lists claims; more of them become a list.
LONGEST = 160
WORST_FIRST: tuple[Verdict, ...] = ("contradicted", "undecided", "supported")
#: What Markdown would take for its own.
MARKUP = re.compile(r"[|<>*`\\]")
#: What a claim came to, all its settings together.
RESULTS = ("reproduced", "reproduced in part", "not reproduced", "undecided")


def table(findings: Iterable[Finding]) -> pd.DataFrame:
    """The findings as claims.csv, a row for each claim and setting."""
    rows = []
    for of in findings:
        text = TEXTS[of.claim]
        evidence = of.evidence if of.judged else f"Not judged: {of.evidence}."
        about = text.statement, text.source, evidence, text.test, text.error_rate
        rows.append((of.claim, of.setting, *about, of.verdict))
    return pd.DataFrame(rows, columns=list(columns.CLAIMS))


def render(findings: Sequence[Finding]) -> str:
    """The verdict as Markdown: the answer, a row for each claim, then its settings."""
    # In the values of keywords there may be anything.
    findings = [replace(f, setting=MARKUP.sub(r"\\\g<0>", f.setting)) for f in findings]
    claims = grouped(findings, lambda f: f.claim)
    rows = [(TEXTS[name].statement, summary(of)) for name, of in claims.items()]
    parts = ["# Verdict", answer(findings), _table("Claim Verdict", rows)]
    for name, of in claims.items():
        text = TEXTS[name]
        rate = (
            "A true claim is called contradicted with a chance of at most "
            f"{100 * text.error_rate:g} %, all settings together."
            if text.error_rate
            else "Chance plays no part in the test."
        )
        about = f"- Source: {text.source}.\n- Test: {text.test} {rate}"
        parts += [f"## {text.statement}", *_settings(of), about]
    return "\n\n".join(parts) + "\n"


def _settings(findings: Sequence[Finding]) -> list[str]:
    """The findings of a claim: a paragraph or a table; and what is not judged."""
    judged = [f for f in findings if f.judged]
    parts = []
    if len(judged) == 1:
        (only,) = judged
        about = f"**{only.verdict.capitalize()}** ({only.setting})."
        parts.append(f"{about} {only.evidence}")
    elif judged:
        shown = judged
        if len(judged) > SHOWN:
            shown = sorted(judged, key=lambda f: WORST_FIRST.index(f.verdict))[:SHOWN]
        rows = [(f.setting, f.verdict, f.evidence) for f in shown]
        parts.append(_table("Setting Verdict Evidence", rows))
    if len(judged) > SHOWN:
        parts.append(
            f"{SHOWN} of {len(judged)} settings, contradicted and undecided ones "
            "first; `tables/claims.csv` has all."
        )
    others = (f for f in findings if not f.judged)
    for why, of in grouped(others, lambda f: f.evidence).items():
        parts.append(f"Not judged{'' if of == findings else _named(of)}: {why}.")
    return parts


def _table(header: str, rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    names = header.split()
    lines = (names, ["---"] * len(names), *rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def summary(findings: Sequence[Finding]) -> str:
    """The verdict on a claim: "supported in 5 of 6 settings, contradicted in 1"."""
    counts = Counter(f.verdict for f in findings if f.judged)
    if not counts:
        return f"not judged: {'; '.join(dict.fromkeys(f.evidence for f in findings))}"
    settings = counts.total()
    if len(counts) == 1:
        (verdict,) = counts
        several = "both" if settings == 2 else f"all {settings}"
        return f"**{verdict}**{f' in {several} settings' * (settings > 1)}"
    parts = [f"**{v}** in {counts[v]}" for v in reversed(WORST_FIRST) if counts[v]]
    parts[0] += f" of {settings} settings"
    return ", ".join(parts)


def answer(findings: Sequence[Finding]) -> str:
    """What was reproduced, what was not, and what the difference means.

    The first paragraph is one sentence.
    """
    agreement, *rest = findings
    items: dict[str, list[str]] = {result: [] for result in RESULTS}
    for name, of in grouped(rest, lambda f: f.claim).items():
        text = TEXTS[name]
        found = {f.verdict for f in of if f.judged}
        where = _named([f for f in of if f.verdict == "contradicted"])
        if found == {"supported"}:
            items["reproduced"].append(text.holds)
        elif "supported" in found:
            parts = f"{text.holds}: {summary(of).replace('**', '')}{where}"
            items["reproduced in part"].append(parts)
        elif "contradicted" in found:
            items["not reproduced"].append(text.fails + where)
        elif found:
            items["undecided"].append(text.holds)
    items = {result: of for result, of in items.items() if of}
    said = [_headline({result: len(of) for result, of in items.items()}, agreement)]
    said += [_listed(result.capitalize(), of) for result, of in items.items()]
    against = [f for f in rest if f.verdict == "contradicted" and f.claim != PLOTTED]
    if against and agreement.verdict != "contradicted":
        known = agreement.numbers.get("exact") == agreement.numbers.get("sampled")
        said += _meaning(against, known and agreement.verdict == "supported")
    return "\n\n".join(said)


def _headline(counts: dict[str, int], agreement: Finding) -> str:
    """The answer in a sentence: how many claims, and whether theory agrees."""
    agreed = AGREED[agreement.verdict].format(**agreement.numbers)
    if agreement.verdict == "contradicted":
        return f"{agreed}."
    claims = sum(counts.values())
    if not claims:
        return f"No claim of the papers is about this experiment; {agreed}."
    parts = [f"{n} {'is' if n == 1 else 'are'} {of}" for of, n in counts.items()]
    if claims == 1:
        return f"The one claim tested is {next(iter(counts))}; {agreed}."
    return f"Of {claims} claims tested, {words.listing(parts)}; {agreed}."


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
        places = [(r, n, f) for f in far for n, r in f.numbers["far"].items()]
        ratio, where, worst = max(places, key=lambda place: abs(math.log(place[0])))
        small = any(f.numbers["small_angles"] for f in far)
        said.append(
            "**What the difference means:** where the variance does not fall as that "
            "of deep circuits, the circuits are too shallow"
            f"{', or their angles small,' if small else ''} "
            "for their width. There the exact variance is "
            f"{'up' if ratio > 1 else 'down'} to {ratio:.3g} times that of infinitely "
            "deep circuits "
            f"({worst.setting}, {where}). The plateau itself is real: at infinite "
            f"depth the log variance falls by {-worst.numbers['limit']:.3f} per qubit."
        )
    if len(far) < len(against) and agreed:
        said.append(
            f"{'Other contradictions' if far else 'The contradictions'} come from the "
            "circuits and the observable, not from the sampling, which agrees with the "
            "exact theory."
        )
    return said


def _named(findings: Sequence[Finding]) -> str:
    """Settings in brackets: " (depth 10; depth 20)", or " (16 settings)"."""
    if len(findings) > NAMED:
        return f" ({len(findings)} settings)"
    return f" ({'; '.join(f.setting for f in findings)})" if findings else ""


AGREED: dict[Verdict, str] = {
    "supported": "the samples agree with the exact theory, known for {exact} of "
    "{sampled} variances",
    "undecided": "whether the samples agree with the exact theory, known for {exact} "
    "of {sampled} variances, is not decided{needs}",
    "contradicted": "**Samples and exact theory disagree**: no verdict here can be "
    "relied on before the cause is found",
    "not judged": "nothing was sampled, so that all rests on the exact theory",
}
