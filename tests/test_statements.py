"""The verdict in words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from barren import columns
from barren.analysis import statements
from barren.analysis.claims import judge
from barren.analysis.evidence import Finding, Point
from barren.analysis.fits import curves, fit_curves
from barren.physics.families import Random
from coverage import experiment
from points import TUTORIAL, predicted, rng, sampled


def test_the_answer_comes_first_and_says_what_the_difference_means(
    tutorial: list[Point],
) -> None:
    text = statements.render(judge(tutorial))
    first = text[: text.index("| Claim")]
    assert "agree with the exact theory" in first
    assert "**Reproduced:** the mean gradient is zero; the variance falls" in first
    assert "does not fall by McClean's 0.685 per qubit (depth 50)" in first
    assert "the circuits are too shallow for their width" in first
    assert "(depth 50, n = 8). The plateau itself is real" in first
    assert "is the standard deviation" in first


def test_the_answer_relies_on_no_claim_where_samples_and_theory_disagree() -> None:
    findings = judge(experiment(TUTORIAL[:3], 200, rng(20), "doubled"))
    said = statements.answer(findings)
    assert said.startswith("**Samples and exact theory disagree**")
    assert "plateau itself" not in said


# In words.


def found(
    verdict: Any, setting: str = "depth 1", claim: str = "", **of: Any
) -> Finding:
    claim = claim or "variance_falls_with_width"
    return Finding(claim, setting, verdict, f"evidence of {setting}", of)


def agreed(verdict: Any = "supported", exact: int = 2) -> Finding:
    numbers = {"sampled": 2, "exact": exact, "needs": ""}
    return Finding(columns.AGREEMENT, "all ensembles", verdict, "", numbers)


def test_the_answer_counts_claims() -> None:
    def first(*findings: Finding) -> str:
        return statements.answer([agreed(), *findings]).partition(";")[0]

    assert first(found("supported")) == "The one claim tested is reproduced"
    assert first(found("not judged")).startswith("No claim of the papers is about")
    one = found("contradicted", claim="mean_is_zero")
    both = first(found("supported"), found("undecided", "depth 2"), one)
    assert both == (
        "Of 2 claims tested, 1 is reproduced in part and 1 is not reproduced"
    )


def test_every_reason_not_to_judge_is_said() -> None:
    """Of a claim that no setting decides, each once."""
    settings = [
        replace(found("not judged", f"depth {n}"), evidence=why)
        for n, why in enumerate(("nothing was sampled", "one width", "one width"))
    ]
    assert statements.summary(settings) == "not judged: nothing was sampled; one width"


def test_a_contradiction_is_laid_to_the_circuits_where_all_of_theory_agrees() -> None:
    """And the plotted curve, which is a matter of words, is not explained."""
    against = found("contradicted")
    far = {"far": {"n = 4": 1.5, "n = 8": 3.0, "n = 6": 0.5}, "limit": -0.693}
    shallow = found("contradicted", "depth 2", **far, small_angles=False)
    small = found("contradicted", "depth 3", **far, small_angles=True)

    def said(agreement: Finding, *findings: Finding) -> str:
        return statements.answer([agreement, *findings])

    told = "come from the circuits and the observable"
    assert f"The contradictions {told}" in said(agreed(), against)
    assert told not in said(agreed(exact=1), against)
    assert told not in said(agreed("undecided"), against)
    plotted = found("contradicted", claim="plotted_curve_is_a_variance")
    assert told not in said(agreed(), plotted)
    assert told not in said(agreed(), shallow)
    assert f"Other contradictions {told}" in said(agreed(), shallow, against)
    assert "up to 3 times that" in said(agreed(), shallow)
    assert "(depth 2, n = 8). The plateau itself is real" in said(agreed(), shallow)
    assert "angles small" not in said(agreed(), shallow)
    assert "or their angles small, for their width" in said(agreed(), shallow, small)
    assert "**Not reproduced:** " in said(agreed(), against)
    assert " (depth 1)." in said(agreed(), against)


def test_settings_that_matter_come_first_and_others_say_why() -> None:
    many = [found("supported", f"depth {n}") for n in range(12)]
    last = found("contradicted", "depth 99")
    text = statements.render([agreed(), *many, last])
    assert "| depth 99 | contradicted |" in text and "| depth 11 |" not in text
    assert "12 of 13 settings" in text
    text = statements.render([agreed(), *many])
    assert "of 12 settings" not in text and "| depth 11 |" in text
    nothing = found("not judged", "depth 5")
    assert "\n\nNot judged: evidence of depth 5." in statements.render(
        [agreed(), nothing]
    )
    text = statements.render([agreed(), nothing, last])
    assert "\n\nNot judged (depth 5): evidence of depth 5." in text
    evidence = [*statements.table([nothing, last])[columns.EVIDENCE]]
    assert evidence == ["Not judged: evidence of depth 5.", "evidence of depth 99"]


def test_the_document_stays_readable_with_many_settings() -> None:
    points = sampled(predicted((4, 6), range(100, 228), -0.69), 120, 26)
    findings = judge(points)
    text = statements.render(findings)
    assert len(text) < 20_000
    assert "12 of 128 settings" in text
    assert len(statements.table(findings)) == len(findings) == 4 * 128 + 2


def test_slopes_stand_side_by_side(tutorial: list[Point]) -> None:
    fits = fit_curves(curves(tutorial)[Random(width=0, depth=50)])
    assert list(fits) == ["sampled", "exact", "asymptotic"]
    assert fits["asymptotic"].slope == pytest.approx(-np.log(2), abs=2e-3)
    sampled, exact = fits["sampled"], fits["exact"]
    # Two half-lengths of a 95 % interval are four standard errors.
    assert abs(sampled.slope - exact.slope) < sampled.slope_high - sampled.slope_low
