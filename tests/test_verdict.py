"""The verdict: what is true is not contradicted, and planted faults are."""

from dataclasses import replace

import numpy as np
import pytest

from barren import columns
from barren.agreement import agreement
from barren.ensembles import IDENTITY, IDENTITY_TUTORIAL, RANDOM, Ensemble
from barren.evidence import (
    Claim,
    Point,
    join_draws,
    one_rotation_gradients,
    reduce_draws,
)
from barren.sampler import draw_circuits, gradients
from barren.statistics import summarise
from barren.theory import Prediction, predict
from barren.verdict import deepest, fit_curves, judge, render
from measure_coverage import DEFAULT, FAULTS, SHALLOW, SMALL, experiment

#: The tutorial's experiment to n = 8, which the tests can afford.
TUTORIAL = tuple(ensemble for ensemble in DEFAULT if ensemble.width <= 8)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([2018, seed])


def by_name(claims: list[Claim]) -> dict[str, Claim]:
    return {claim.claim: claim for claim in claims}


def bare(points: list[Point]) -> list[Point]:
    """Points of which the tables are left, without the recorded circuits."""
    return [replace(point, draws=None) for point in points]


@pytest.fixture(scope="module")
def tutorial() -> list[Point]:
    return experiment(TUTORIAL, 200, rng(0))


def test_tutorial_experiment_gets_its_verdicts(tutorial: list[Point]) -> None:
    claims = by_name(judge(tutorial))
    assert {name: claim.verdict for name, claim in claims.items()} == {
        "samples_agree_with_theory": "supported",
        "mean_is_zero": "supported",
        "variance_falls_with_width": "supported",
        "variance_falls_exponentially": claims["variance_falls_exponentially"].verdict,
        "slope_of_mcclean": "contradicted",
        "converged_at_depth": "contradicted",
        "identity_blocks_keep_variance": "supported",
        "other_blocks_are_identity": "supported",
        "plotted_curve_is_a_variance": "contradicted",
    }
    assert "not converged for n >= 8" in claims["converged_at_depth"].evidence
    assert claims["converged_at_depth"].points == ("random_width-8_depth-50",)
    assert "standard deviation" in claims["plotted_curve_is_a_variance"].evidence


def test_few_circuits_are_undecided() -> None:
    claims = by_name(judge(experiment(TUTORIAL, 8, rng(1))))
    # The exact values decide.
    assert claims.pop("converged_at_depth").verdict == "contradicted"
    assert {claim.verdict for claim in claims.values()} == {"undecided"}


def test_a_factor_of_two_may_hide_among_forty_circuits() -> None:
    claims = by_name(judge(experiment(TUTORIAL, 40, rng(1))))
    assert claims["samples_agree_with_theory"].verdict == "undecided"
    assert claims["mean_is_zero"].verdict == "undecided"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault])
def test_each_fault_is_contradicted(fault: str) -> None:
    points = experiment(SMALL, 300, rng(2), fault)
    claim = agreement(points)[0]
    assert claim.verdict == "contradicted"
    assert claim.points
    assert set(claim.points) <= {point.ensemble.name for point in points}


@pytest.mark.parametrize("fault", ["ladder", "preparation", "doubled", "axes"])
def test_gradients_alone_tell_of_a_fault(fault: str) -> None:
    points = bare(experiment(TUTORIAL, 200, rng(3), fault))
    assert agreement(points)[0].verdict == "contradicted"


def test_gradients_alone_tell_of_a_moved_symbol() -> None:
    """At depth 50 the position is nearly forgotten; at depth 10 it is not."""
    points = bare(experiment(SHALLOW, 1500, rng(4), "symbol"))
    claim = agreement(points)[0]
    assert claim.verdict == "contradicted"
    assert "second moment" in claim.evidence


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("axes", "axes"),
        ("angles", "angles"),
        ("theta", "theta"),
        ("batch", "second time"),
        ("symbol", "recomputed"),
    ],
)
def test_the_recorded_circuits_tell_of_a_fault(fault: str, word: str) -> None:
    points = experiment(TUTORIAL[:3], 200, rng(5), fault)
    assert word in agreement(points)[0].evidence


def test_fault_in_one_ensemble_is_named() -> None:
    points = experiment(SMALL, 300, rng(6))
    wrong = points[3]
    points[3] = replace(wrong, gradients=3 * wrong.gradients, draws=None)
    claim = agreement(points)[0]
    assert claim.verdict == "contradicted"
    assert f"{wrong.ensemble.name}, second moment" in claim.evidence


def test_a_width_in_place_of_another_is_contradicted() -> None:
    points = experiment(SMALL, 300, rng(7))
    points[1] = replace(
        points[1], gradients=points[0].gradients, theta=points[0].theta, draws=None
    )
    claim = agreement(points)[0]
    assert claim.points == (points[1].ensemble.name,)
    assert "300 occur a second time" in claim.evidence


def test_ensembles_may_share_circuits() -> None:
    """A moved observable looks at the same circuits, which then are no repetition."""
    first = Ensemble(IDENTITY, 3, block_depth=2, blocks=2)
    second = replace(first, observable_a=1, observable_b=0)
    circuits = draw_circuits(first, 200, rng(8))
    points = []
    for ensemble, prediction in zip(
        (first, second), predict([first, second]), strict=True
    ):
        values = gradients(ensemble, circuits)
        draws = reduce_draws(ensemble, circuits)
        summary = summarise(values)
        point = Point(ensemble, prediction, circuits.theta, values, summary, draws)
        points.append(point)
    assert agreement(points)[0].verdict == "supported"


def test_agreement_seldom_alarms_without_cause() -> None:
    """At 1 % per experiment, three alarms in 30 have a chance of 0.3 %.

    The whole study is `measure_coverage.py false-alarms`.
    """
    ensembles = tuple(e for e in SMALL if e.depth != 50)
    alarms = [
        agreement(experiment(ensembles, 200, rng(100 + seed)))[0].verdict
        for seed in range(30)
    ]
    assert alarms.count("contradicted") < 3


def test_broken_block_is_contradicted(tutorial: list[Point]) -> None:
    point = tutorial[-1]
    values = point.gradients.copy()
    values[17] += 0.01
    claims = judge([*tutorial[:-1], replace(point, gradients=values)])
    claim = by_name(claims)["other_blocks_are_identity"]
    assert claim.verdict == "contradicted"
    assert claim.points == (point.ensemble.name,)


@pytest.mark.parametrize("family", [IDENTITY, IDENTITY_TUTORIAL])
@pytest.mark.parametrize("qubit", [0, 1, 2])
def test_one_rotation_is_all_that_is_left(family: str, qubit: int) -> None:
    ensemble = Ensemble(family, 3, block_depth=3, blocks=2, symbol_qubit=qubit)
    circuits = draw_circuits(ensemble, 40, rng(9))
    np.testing.assert_allclose(
        one_rotation_gradients(ensemble, circuits),
        gradients(ensemble, circuits),
        atol=1e-12,
    )


def test_draws_of_batches_join_to_those_of_the_whole() -> None:
    ensemble = Ensemble(IDENTITY_TUTORIAL, 3, block_depth=2, blocks=2)
    whole = draw_circuits(ensemble, 10, rng(10))
    assert whole.phi is not None
    halves = [
        type(whole)(whole.axes[p], whole.angles[p], whole.theta[p], whole.phi[p])
        for p in (slice(6), slice(6, None))
    ]
    joined = join_draws(reduce_draws(ensemble, half, recompute=10) for half in halves)
    expected = reduce_draws(ensemble, whole, recompute=10)
    for name, value in vars(expected).items():
        np.testing.assert_allclose(getattr(joined, name), value, atol=1e-12)


def predicted(
    widths: tuple[int, ...], depths: tuple[int, ...], slope: float
) -> list[Point]:
    """Points whose exact variance reaches a falling asymptote at depth 100."""
    points = []
    for width in widths:
        for depth in depths:
            limit = float(np.exp(slope * width - 3))
            variance = limit * max(1.0, 100 / depth)
            prediction = Prediction(0.0, variance, variance, limit, 0.0)
            points.append(Point(Ensemble(RANDOM, width, depth=depth), prediction))
    return points


def sampled(points: list[Point], samples: int, seed: int) -> list[Point]:
    """Normal gradients with the exact variance of each point."""
    stream = rng(seed)
    full = []
    for point in points:
        variance = point.prediction.variance
        assert variance
        values = stream.normal(0, np.sqrt(variance), samples)
        theta = stream.uniform(0, 2 * np.pi, samples)
        full.append(
            replace(point, gradients=values, theta=theta, summary=summarise(values))
        )
    return full


def test_a_true_plateau_is_supported() -> None:
    points = sampled(predicted((4, 6, 8, 10, 12), (100,), -0.69), 400, 11)
    claims = by_name(judge(points))
    for name in (
        "samples_agree_with_theory",
        "variance_falls_with_width",
        "variance_falls_exponentially",
        "slope_of_mcclean",
        "converged_at_depth",
    ):
        assert claims[name].verdict == "supported", claims[name]


def test_a_flattening_curve_is_not_exponential() -> None:
    points = predicted((4, 6, 8, 10), (100,), -0.69)
    floor = [
        replace(p, prediction=p.prediction._replace(variance=max(v, 5e-4)))
        for p in points
        if (v := p.prediction.variance)
    ]
    claims = by_name(judge(sampled(floor, 400, 12)))
    assert claims["variance_falls_exponentially"].verdict == "contradicted"
    assert claims["slope_of_mcclean"].verdict == "contradicted"


def test_a_growing_variance_is_contradicted() -> None:
    points = sampled(predicted((4, 6, 8), (100,), 0.2), 400, 13)
    claims = by_name(judge(points))
    assert claims["variance_falls_with_width"].verdict == "contradicted"


def test_convergence_with_depth() -> None:
    claims = by_name(judge(predicted((4, 6), (10, 50, 100), -0.69)))
    assert claims["converges_with_depth"].verdict == "supported"
    assert "100 (n = 4)" in claims["converges_with_depth"].evidence
    claims = by_name(judge(predicted((4, 6), (10, 50), -0.69)))
    assert claims["converges_with_depth"].verdict == "undecided"
    assert claims["converged_at_depth"].verdict == "contradicted"


def test_claims_on_width_and_depth_are_made_of_the_first_setting() -> None:
    """Nothing is repeated for each place of the symbol, which the papers keep."""
    points = predicted((4, 6), (10, 50, 100), -0.69)
    moved = [
        replace(p, ensemble=replace(p.ensemble, symbol_qubit=qubit))
        for qubit in (1, 2)
        for p in predicted((4, 6), (10, 50, 100), 0.5)
    ]
    assert judge(points + moved) == judge(points)


def test_variance_deep_in_the_block_is_smaller() -> None:
    """Grant's law, by its exact values for n = 8 and layers 0 and 60: 38 times."""
    ensembles = [
        Ensemble(IDENTITY, 6, block_depth=40, blocks=1, symbol_layer=layer)
        for layer in (0, 39)
    ]
    points = experiment(ensembles, 200, rng(14))
    claim = by_name(judge(points))["deeper_in_block_is_smaller"]
    assert claim.verdict == "supported"
    turned = [
        replace(a, ensemble=b.ensemble, draws=None)
        for a, b in zip(points, points[::-1], strict=True)
    ]
    claim = by_name(judge(turned))["deeper_in_block_is_smaller"]
    assert claim.verdict == "contradicted"


def test_vanishing_identity_blocks_are_contradicted(tutorial: list[Point]) -> None:
    points = [
        replace(p, summary=summarise(p.gradients * 0.7**p.ensemble.width))
        for p in tutorial
    ]
    claims = by_name(judge(points))
    assert claims["identity_blocks_keep_variance"].verdict == "contradicted"


def test_slopes_stand_side_by_side(tutorial: list[Point]) -> None:
    fits = fit_curves(deepest(tutorial)[0])
    assert list(fits) == ["sampled", "exact", "asymptotic"]
    assert fits["asymptotic"].slope == pytest.approx(-np.log(2), abs=2e-3)
    sampled, exact = fits["sampled"], fits["exact"]
    # Two half-lengths of a 95 % interval are four standard errors.
    assert abs(sampled.slope - exact.slope) < sampled.slope_high - sampled.slope_low


@pytest.mark.parametrize("ensembles", [TUTORIAL[:1], TUTORIAL[3:5], TUTORIAL[:2]])
def test_parts_of_the_experiment_are_judged(ensembles: tuple[Ensemble, ...]) -> None:
    claims = judge(experiment(ensembles, 100, rng(15)))
    assert claims
    assert "# Verdict" in render(claims)


def test_nothing_is_judged_from_nothing() -> None:
    assert judge([]) == []


def test_rows_have_the_columns_of_the_table(tutorial: list[Point]) -> None:
    claims = judge(tutorial)
    text = render(claims)
    for claim in claims:
        assert tuple(claim.row()) == columns.CLAIMS
        assert claim.statement in text
        assert claim.evidence in text
