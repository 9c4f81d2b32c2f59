"""Claims on either side of each border."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from barren import columns
from barren.analysis import statements
from barren.analysis.claims import COSTS, MCCLEAN_SLOPE, TESTS, TOLERANCE, judge
from barren.analysis.evidence import Draws, Finding, NotJudged, Point, by_setting
from barren.analysis.fits import SLOW, fit_curves, slopes_of
from barren.analysis.statistics import Summary, summarise
from barren.physics.ensembles import Prediction
from barren.physics.families import Ansatz, Identity, IdentityTutorial, Random
from barren.physics.observables import NAMES
from coverage import SHALLOW, experiment
from points import (
    by_name,
    exact,
    line,
    predicted,
    rng,
    sampled,
    told,
    verdict_of,
    verdicts,
    widths,
)


def test_curves_are_of_one_circuit_and_one_parameter() -> None:
    """The first one is that, whatever its name; and keywords have names."""
    f = Ansatz(width=4, source="f.py:f", keywords=(("a", 1),))
    ensembles = [
        replace(f, parameter="x1"),
        replace(f, width=6, parameter="x2"),
        replace(f, keywords=(("b", 1),), parameter="x"),
        *(replace(f, parameters=("all",), width=8, parameter=of) for of in "xy"),
    ]
    points = [told(of, 0.01) for of in ensembles]
    settings = by_setting(points, {columns.WIDTH})
    assert [len(of) for of in settings.values()] == [2, 1, 1, 1]
    assert [*settings] == [
        "circuit f, a 1",
        "circuit f, b 1, parameter x",
        "circuit f, a 1, parameter x",
        "circuit f, a 1, parameter y",
    ]


def test_a_mean_that_theory_knows_is_not_called_zero() -> None:
    points = line(-0.69)
    assert verdict_of("mean_is_zero", points) == "supported"
    for mean in (1e-3, -1e-3):
        known = [replace(p, prediction=Prediction(mean, None, None)) for p in points]
        assert verdict_of("mean_is_zero", known) == "undecided"


def test_a_mean_of_normal_angles_must_be_known_to_be_zero() -> None:
    """The theory knows none of a sum with X or Y."""
    points = [
        replace(p, ensemble=replace(p.ensemble, sigma=1.0, observable="Z0 + X1"))
        for p in line(-0.69)
    ]
    unknown = [replace(p, prediction=Prediction(bound=1.0)) for p in points]
    zero = [replace(p, prediction=Prediction(0.0, bound=1.0)) for p in points]
    assert verdict_of("mean_is_zero", unknown) == "undecided"
    assert verdict_of("mean_is_zero", zero) == "supported"


def test_start_and_depth_of_a_block_are_what_they_are_called() -> None:
    """Layer 0 with a gradient, and a layer in the second half of U."""
    points = [
        told(Identity(width=4, block_depth=9, blocks=1, symbol_layer=layer), of, 0.01)
        for layer, of in ((0, 0.04), (4, 0.02), (5, 0.01))
    ]
    start, middle, deep = points
    zero = replace(start, prediction=Prediction(0.0, 0.0, 0.0))
    name = "deeper_in_block_is_smaller"
    assert verdict_of(name, points) == verdict_of(name, [start, deep]) == "supported"
    assert verdict_of(name, [start, middle]) == "not judged"
    assert verdict_of(name, [middle, deep]) == "not judged"
    assert verdict_of(name, [zero, middle, deep]) == "not judged"


def test_broken_block_is_contradicted(tutorial: list[Point]) -> None:
    point = tutorial[-1]
    values = point.gradients.copy()
    values[17] -= 0.01
    findings = judge([*tutorial[:-1], replace(point, gradients=values)])
    finding = by_name(findings)["other_blocks_are_identity"]
    assert finding.verdict == "contradicted"
    assert point.draws
    largest = np.nanmax(np.abs(values - point.draws.isolated))
    assert largest == pytest.approx(0.01, abs=1e-3)
    assert "alone by at most 0.01 ‖O‖;" in finding.evidence


def test_a_true_plateau_is_supported() -> None:
    # The slope's error is 0.0035: 0.685 to 5 % is ten of them.
    points = sampled(predicted((4, 6, 8, 10, 12), (100, 200), -0.69), 4000, 11)
    for name, finding in by_name(judge(points)).items():
        assert finding.verdict == "supported", name


def test_a_wide_interval_does_not_support_a_slope() -> None:
    points = sampled(predicted((4, 6, 8), (100,), -0.685), 200, 21)
    assert by_name(judge(points))["slope_of_mcclean"].verdict == "undecided"


def test_a_published_slope_has_a_tolerance_of_its_own() -> None:
    """-0.701 [-0.710, -0.692] at depth 500 does not contradict -0.685."""
    for slope, verdict in ((-0.701, "supported"), (-0.77, "contradicted")):
        points = sampled(predicted(range(2, 16, 2), (100,), slope), 4000, 22)
        assert by_name(judge(points))["slope_of_mcclean"].verdict == verdict


def test_a_flattening_curve_is_not_exponential() -> None:
    points = predicted((4, 6, 8, 10), (100,), -0.69)
    floor = [
        replace(p, prediction=p.prediction._replace(variance=max(v, 5e-4)))
        for p in points
        if (v := p.prediction.variance)
    ]
    findings = by_name(judge(sampled(floor, 400, 12)))
    assert findings["variance_falls_exponentially"].verdict == "contradicted"
    assert findings["slope_of_mcclean"].verdict == "contradicted"


def test_a_growing_variance_is_contradicted() -> None:
    points = sampled(predicted((4, 6, 8), (100,), 0.2), 400, 13)
    findings = by_name(judge(points))
    assert findings["variance_falls_with_width"].verdict == "contradicted"


def test_a_mean_that_is_not_zero_is_contradicted() -> None:
    points = sampled(predicted((4, 6), (100,), -0.69), 400, 23)
    moved = replace(points[1], summary=summarise(points[1].gradients + 0.03))
    finding = by_name(judge([points[0], moved]))["mean_is_zero"]
    assert finding.verdict == "contradicted"
    assert list(widths(finding, "Means beyond chance")) == [
        f"n = {moved.ensemble.width}"
    ]


def test_few_circuits_contradict_no_mean_of_zero() -> None:
    """Of X0 + Y0 + Z0 at depth 2 three did in 1.8 %, ten means at once in 2 %."""
    for samples, verdict in ((99, "undecided"), (100, "contradicted")):
        points = [
            replace(p, summary=replace(p.summary, samples=samples, mean=9.0))
            for p in line(0)
        ]
        assert verdict_of("mean_is_zero", points) == verdict


def test_slopes_of_costs_over_different_widths_are_told_apart() -> None:
    def widths_of(deep: Sequence[int]) -> str:
        grid = [*((n, 1) for n in (4, 5, 6)), *((n, 60) for n in deep)]
        costs = [Random(width=n, depth=d, observable=o) for o in NAMES for n, d in grid]
        return exact(costs)[COSTS].evidence.split(". ")[0]

    assert widths_of((4, 5, 6)) == "Widths: 4, 5, 6"
    first, deep = "4, 5, 6", "5, 6, 7"
    assert widths_of((5, 6, 7)) == (
        f"Widths: {first} (local, depth 1), {deep} (local, depth 60), "
        f"{first} (global, depth 1), {deep} (global, depth 60)"
    )


def test_convergence_with_depth() -> None:
    def convergence(depths: Sequence[int]) -> Finding:
        return by_name(judge(predicted((4, 6), depths, -0.69)))["converges_with_depth"]

    assert convergence((10, 50, 100, 200)).verdict == "supported"
    where = "First depth asked for from which on it has converged"
    assert widths(convergence((10, 50, 100, 200)), where)["n = 4"] == 100
    assert convergence((10, 50)).verdict == "undecided"
    assert convergence((50,)).verdict == "undecided"
    assert convergence((10, 90)).verdict == "undecided"
    assert convergence((10, 100)).verdict == "supported"


def test_each_width_has_a_largest_depth_of_its_own() -> None:
    points = [*predicted((4,), (5, 10), -0.69), *predicted((6,), (100, 200), -0.69)]
    finding = by_name(judge(points))["converges_with_depth"]
    assert finding.evidence.startswith("Largest depth: 10 (n = 4), 200 (n = 6).")
    same = by_name(judge(predicted((4, 6), (10, 50), -0.69)))["converges_with_depth"]
    assert same.evidence.startswith("Largest depth: 50.")


# On either side of each border; numbers in place of samples.

#: Quantile of the normal distribution at 1 %, two-sided; and of two tests at once.
Z, Z2 = 2.5758, 2.8070


@pytest.mark.parametrize(
    ("claim", "border", "below", "above"),
    [
        ("variance_falls_with_width", 0.0, "supported", "contradicted"),
        ("identity_blocks_keep_variance", -SLOW, "contradicted", "supported"),
        (
            "slope_of_mcclean",
            MCCLEAN_SLOPE * (1 + TOLERANCE),
            "contradicted",
            "supported",
        ),
        (
            "slope_of_mcclean",
            MCCLEAN_SLOPE * (1 - TOLERANCE),
            "supported",
            "contradicted",
        ),
    ],
)
def test_a_slope_is_on_one_side_if_all_of_its_interval_is(
    claim: str, border: float, below: str, above: str
) -> None:
    error = 0.01  # of the slope: the points' over the square root of 2
    for distance, verdict in (
        (-Z - 0.02, below),
        (-Z + 0.02, "undecided"),
        (Z - 0.02, "undecided"),
        (Z + 0.02, above),
    ):
        of = border + distance * error
        points = line(of, (4, 5, 6), error * np.sqrt(2))
        assert verdict_of(claim, points) == verdict, distance


def test_means_are_tested_all_at_once() -> None:
    """Student's quantile with 399 degrees of freedom at 1 % of two tests: 2.824."""
    for mean, verdict in ((2.82, "supported"), (2.83, "contradicted")):
        points = [
            told(Random(width=n, depth=5), 0.01, mean=of * 0.1 / 20)
            for n, of in ((4, -mean), (6, 0))
        ]
        assert verdict_of("mean_is_zero", points) == verdict


def test_layers_are_compared_at_all_widths_at_once() -> None:
    """The first with the last of each; errors of 0.03 and 0.04 make one of 0.05."""

    def verdict(*falls: float) -> str:
        points = []
        for width, fall in zip((4, 6), falls, strict=True):
            for layer, height in ((0, 0.0), (1, 9.0), (4, -fall)):
                ensemble = Identity(
                    width=width, block_depth=5, blocks=1, symbol_layer=layer
                )
                error = 0.03 if layer else 0.04
                points.append(told(ensemble, 0.01 * np.exp(0.05 * height), error))
        return verdict_of("deeper_in_block_is_smaller", points)

    assert verdict(Z2 + 0.01, Z2 + 0.01) == "supported"
    assert verdict(Z2 - 0.01, 9) == verdict(0, 9) == verdict(0, 0) == "undecided"
    assert verdict(Z2 - 9, Z2 - 9) == "contradicted"
    assert verdict(-Z2 - 0.01, 9) == "contradicted"
    assert verdict(-Z2 + 0.01, 9) == "undecided"


def test_what_is_plotted_is_a_variance_at_every_width_or_its_root() -> None:
    """It is 1 where it and its square are the same; an error moves the variance."""
    error = 0.05

    def verdict(*ratios: float) -> str:
        """By the variance over the std squared, logarithm, in errors."""
        points = []
        for width, ratio in enumerate(ratios, 4):
            ensemble = IdentityTutorial(width=width, block_depth=2, blocks=1)
            point = told(ensemble, 0.01, error)
            std = np.sqrt(0.01 * np.exp(-ratio * error))
            points.append(replace(point, summary=replace(point.summary, std=std)))
        return verdict_of("plotted_curve_is_a_variance", points)

    root = np.log(0.01) / error  # where the std itself is the variance
    assert verdict(0.0, Z2 - 0.01) == "contradicted"
    assert verdict(0.0, Z2 + 0.01) == "undecided"
    assert verdict(-root, -root + 2 * Z2 - 0.02) == "supported"
    assert verdict(-root, -root + 2 * Z2 + 0.02) == "undecided"
    assert verdict(0.0, -root) == verdict(99.0, 99.0) == "undecided"
    # A variance of 1 is both, and tells neither from the other.
    points = [
        told(IdentityTutorial(width=n, block_depth=2, blocks=1), variance)
        for n, variance in ((4, 1.0), (6, 0.01))
    ]
    assert verdict_of("plotted_curve_is_a_variance", points) == "undecided"


def test_what_tells_an_exponential_from_others() -> None:
    """Four widths, known well enough, that fall, in one line but against log width."""
    name, widths = "variance_falls_exponentially", (2, 4, 6, 8)
    assert verdict_of(name, line(-0.69, widths)) == "supported"
    assert verdict_of(name, line(-0.69, widths[:2])) == "not judged"
    assert verdict_of(name, line(-0.69, widths[:3])) == "undecided"
    assert verdict_of(name, line(0.69, widths)) == "undecided"
    # Its slope is known to more than SLOW, of 400 circuits with tails.
    assert verdict_of(name, line(-1.5, widths, 0.4)) == "undecided"
    power_law = [told(Random(width=n, depth=5), n**-2.0, 0.1) for n in (4, 6, 8, 10)]
    assert verdict_of(name, power_law) == "undecided"
    # Chi-square is ((bend - 0.05) / 0.01)^2; of many settings the level is smaller, but
    # not that of what supports.
    for bend, level, verdict in (
        (0.080, 0.01, "supported"),  # p = 0.011
        (0.085, 0.01, "contradicted"),  # p = 0.002
        (0.085, 0.0001, "undecided"),
        (0.095, 0.0001, "contradicted"),  # p = 0.00004
    ):
        bent = [
            told(p.ensemble, p.summary.variance * np.exp(sign * bend), 0.02)
            for p, sign in zip(line(-0.69, widths), (1, -1, -1, 1), strict=True)
        ]
        assert verdict_of(name, bent, level) == verdict, bend
    for claim in (name, "slope_of_mcclean", "identity_blocks_keep_variance"):
        local = [
            replace(p, ensemble=replace(p.ensemble, observable="local"))
            for p in line(-0.69, widths)
        ]
        assert verdict_of(claim, local) == "not judged"


def test_a_level_is_shared_among_the_settings_that_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of three depths one has a single width, and no slope."""
    name, levels = "variance_falls_with_width", []

    def spy(points: list[Point], level: float) -> Any:
        levels.append(level)
        if len(points) < 2:
            raise NotJudged("a slope needs two widths")
        return "supported", [], {}

    monkeypatch.setitem(TESTS, name, spy)
    points = [
        Point(Random(width=n, depth=depth), Prediction())
        for n, depth in ((4, 1), (6, 1), (4, 2), (6, 2), (4, 3))
    ]
    assert len({*verdicts(judge(points), name).values()}) == 2
    assert levels[3:] == [0.005] * 3


def test_what_leaves_its_limit_again_has_not_converged() -> None:
    points = [
        Point(Random(width=4, depth=d), Prediction(0.0, of, of, 1.0))
        for d, of in ((10, 1.1), (50, 2.0), (100, 1.1))
    ]
    assert verdict_of("converges_with_depth", points) == "undecided"


def cost_points(
    shallow: float,
    deep: float,
    global_: Sequence[float],
    widths: Sequence[int] = (4, 6),
    depths: Sequence[int] = (2, 50),
) -> list[Point]:
    """Exact variances by their slopes, of the local cost times n^2."""
    return [
        Point(
            Random(width=n, depth=depth, observable=name),
            Prediction(0.0, of, of),
            summary=Summary(),
        )
        for n in widths
        for depth, local, whole in zip(depths, (shallow, deep), global_, strict=True)
        for name, of in (
            ("local", np.exp(local * n) / n**2),
            ("global", np.exp(whole * n)),
        )
    ]


@pytest.mark.parametrize(
    ("slopes", "widths", "depths", "verdict"),
    [
        ((0, -0.5, (-0.5, -0.5)), (4, 5, 6), (2, 50), "supported"),
        ((-0.17, -0.18, (-0.35, -0.5)), (4, 5, 6), (2, 50), "supported"),
        ((-0.18, -0.5, (-0.5, -0.5)), (4, 5, 6), (2, 50), "undecided"),
        ((0, -0.17, (-0.5, -0.5)), (4, 5, 6), (2, 50), "undecided"),
        ((0, -0.5, (-0.34, -0.5)), (4, 5, 6), (2, 50), "undecided"),
        ((0, -0.5, (-0.5, -0.34)), (4, 5, 6), (2, 50), "undecided"),
        ((0, -0.5, (-0.5, -0.17)), (4, 5, 6), (2, 50), "contradicted"),
        ((-0.35, -0.5, (-0.5, -0.5)), (4, 5, 6), (3, 50), "contradicted"),
        ((-0.34, -0.5, (-0.5, -0.5)), (4, 5, 6), (3, 50), "undecided"),
        ((-0.35, -0.5, (-0.5, -0.5)), (4, 5, 6), (4, 50), "undecided"),
        ((0, -0.5, (-0.5, -0.5)), (4, 6), (2, 50), "not judged"),
        ((0, -0.5, (-0.5, -0.5)), (4, 5, 6), (50, 50), "not judged"),
    ],
)
def test_what_the_slopes_say_of_the_cost(
    slopes: tuple[Any, ...], widths: Sequence[int], depths: Sequence[int], verdict: str
) -> None:
    """A quarter of ln 2 is 0.173, half of it 0.347."""
    points = cost_points(*slopes, widths=widths, depths=depths)
    assert verdict_of(COSTS, points) == verdict


def test_costs_are_compared_over_the_widths_that_were_sampled() -> None:
    """The widest was not; its exact variance would say otherwise."""
    points = [
        replace(p, summary=replace(p.summary, samples=200 * (p.ensemble.width < 8)))
        for p in cost_points(0, -0.5, (-0.5, -0.5), (4, 5, 6))
        + cost_points(-2, -0.5, (-0.5, -0.5), (8,))
    ]
    assert verdict_of(COSTS, points) == "supported"


def test_a_few_sampled_widths_do_not_hide_what_is_exact() -> None:
    points = [
        replace(p, summary=replace(p.summary, samples=200 * (p.ensemble.width < 6)))
        for p in cost_points(0, -0.5, (-0.5, -0.5), (4, 5, 6))
    ]
    verdict, said, _ = TESTS[COSTS](points, 0.01)
    assert verdict == "supported" and said[0] == "Widths: 4, 5, 6."


@pytest.mark.parametrize(
    ("samples", "kurtosis", "verdict"),
    [
        (99, 3.0, "undecided"),
        (100, 3.0, "supported"),
        (400, 20.1, "undecided"),
        (400, 19.9, "supported"),
    ],
)
def test_few_circuits_decide_nothing_however_clear_it_looks(
    samples: int, kurtosis: float, verdict: str
) -> None:
    points = [
        replace(p, summary=replace(p.summary, samples=samples, kurtosis=kurtosis))
        for p in line(-0.69)
    ]
    assert verdict_of("variance_falls_with_width", points) == verdict


def test_slopes_beside_a_sampled_one_are_over_its_widths() -> None:
    """And what is far from its limit is what is not converged, small angles or not."""
    points = [
        replace(p, prediction=Prediction(0.0, of, of, of / over))
        for p, of, over in zip(
            line(-0.5, (4, 6, 8)), (0.4, 0.1, 0.09), (1.3, 1.2, 0.7), strict=True
        )
    ]
    alone = [*points[:2], Point(points[2].ensemble, points[2].prediction)]
    assert fit_curves(alone)["exact"].slope == pytest.approx(-np.log(2))
    numbers = slopes_of(points, 0.01).numbers
    assert numbers["far"] == pytest.approx({"n = 4": 1.3, "n = 8": 0.7})
    assert not numbers["small_angles"]
    small = [
        replace(p, ensemble=replace(p.ensemble, sigma=0.1)) if n else p
        for n, p in enumerate(points)
    ]
    assert slopes_of(small, 0.01).numbers["small_angles"]


@pytest.mark.parametrize(
    ("width", "qubit", "depths", "verdict"),
    [
        (6, 3, (6, 15), "undecided"),  # it passes the limit, and comes back
        (8, 4, (5, 8), "undecided"),
        (6, 3, (6, 15, 100, 200), "supported"),
    ],
)
def test_what_passes_its_limit_has_not_converged(
    width: int, qubit: int, depths: Sequence[int], verdict: str
) -> None:
    ensembles = [Random(width=width, depth=d, symbol_qubit=qubit) for d in depths]
    assert exact(ensembles)["converges_with_depth"].verdict == verdict


@pytest.mark.parametrize(
    ("depths", "verdict"),
    [((2, 100), "supported"), ((2, 3), "undecided"), ((50, 200), "undecided")],
)
def test_only_shallow_circuits_tell_of_the_cost(
    depths: Sequence[int], verdict: str
) -> None:
    """Deep circuits have plateaus whatever the cost."""
    ensembles = [
        Random(width=width, depth=depth, observable=name)
        for width in (4, 6, 8)
        for depth in depths
        for name in NAMES
    ]
    assert exact(ensembles)["cost_decides"].verdict == verdict


def test_a_power_law_is_not_exponential() -> None:
    """With any number of settings; only what is no power law supports."""
    widths = (4, 6, 8, 10)
    points = [
        replace(p, prediction=p.prediction._replace(variance=p.ensemble.width**-2.0))
        for p in predicted(widths, (100,), -0.69)
    ]
    name = "variance_falls_exponentially"
    for seed in range(10):
        (only,) = [f for f in judge(sampled(points, 200, seed)) if f.claim == name]
        assert only.verdict != "supported"
    depths = range(100, 700, 100)
    many = judge(sampled(predicted((2, *widths, 12), depths, -0.69), 400, 3))
    assert {f.verdict for f in many if f.claim == name} == {"supported"}


@pytest.mark.parametrize("bend", [0.0, 0.15])
def test_the_variance_of_a_2_design_is_exponential(bend: float) -> None:
    """However many circuits show that it is not quite; a bend of 15 % is another one.

    With 10^5 circuits its logarithm is known to 0.0045.
    """
    points = []
    for point in predicted((2, 3, 4, 5, 6), (100,), -0.69):
        n = point.ensemble.width
        variance = 2**n / (4**n - 1) * np.exp(bend * (n in {2, 6}))
        points.append(replace(point, prediction=Prediction(0.0, variance, variance)))
    findings = by_name(judge(sampled(points, 100_000, 5)))
    verdict = "contradicted" if bend else "supported"
    assert findings["variance_falls_exponentially"].verdict == verdict


def test_a_curve_below_that_of_deep_circuits_is_told_by_how_much() -> None:
    points = [
        replace(p, prediction=p.prediction._replace(asymptotic_variance=of))
        for p in sampled(predicted((4, 6, 8), (100,), -0.9), 3000, 2)
        for of in [float(np.exp(-0.693 * p.ensemble.width))]
    ]
    findings = judge(points)
    assert by_name(findings)["slope_of_mcclean"].verdict == "contradicted"
    exact = points[-1].prediction.variance
    assert exact
    ratio = exact / np.exp(-0.693 * 8)
    assert f"is down to {ratio:.3g} times that" in statements.answer(findings)


def test_only_gradients_that_show_a_difference_support_identity_blocks() -> None:
    """Nor are those that must be 0 judged."""
    block = Identity(width=2, block_depth=1, blocks=2)
    nothing = np.zeros(0, int)

    def verdict(size: float, moment: float) -> str:
        values = np.full(50, size)
        draws = Draws(nothing, nothing, nothing, values, values, values)
        prediction = Prediction(0.0, moment, moment)
        point = Point(block, prediction, values, values, summarise(values), draws)
        return by_name(judge([point]))["other_blocks_are_identity"].verdict

    assert verdict(0.1, 0.01) == "supported"
    assert verdict(1e-4, 1e-8) == "undecided"
    assert verdict(0.0, 0.0) == "not judged"


def test_few_circuits_are_no_reason_where_chance_plays_no_part() -> None:
    points = sampled(predicted((2, 4), (5, 10), -0.69), 5, 1)
    findings = by_name(judge(points))
    assert findings["converges_with_depth"].verdict == "undecided"
    assert "circuits" not in findings["converges_with_depth"].evidence
    assert "Only 5 circuits" in findings["slope_of_mcclean"].evidence


def test_heavy_tails_decide_nothing() -> None:
    """A product circuit with a global cost: variance 2^-n, kurtosis 1.5^n."""
    found = []
    for seed in range(40):
        points = []
        for width in (4, 8, 12, 16, 20, 24):
            angles = rng(seed).uniform(0, 2 * np.pi, (200, width))
            values = np.sin(angles[:, 0]) * np.cos(angles[:, 1:]).prod(axis=1)
            variance = 2.0**-width
            prediction = Prediction(0.0, variance, variance)
            ensemble = Random(width=width, depth=1, observable="global")
            summary = summarise(values, seed)
            points.append(Point(ensemble, prediction, angles[:, 0], values, summary))
        (finding,) = [f for f in judge(points) if "exponentially" in f.claim]
        found.append(finding.verdict)
        evidence = finding.evidence
    assert {*found} == {"undecided"}
    assert re.search(r"A kurtosis of [\d.]+ takes \d{4} circuits\.", evidence)


def test_the_circuits_that_a_kurtosis_takes_are_enough() -> None:
    points = [
        replace(p, summary=replace(p.summary, samples=100, kurtosis=5.01))
        for p in line(-0.7)
    ]
    (_, said, _) = TESTS["variance_falls_with_width"](points, 0.01)
    assert said[-1] == "A kurtosis of 5.01 takes 101 circuits."


def test_the_local_cost_is_no_plateau() -> None:
    """Its variance falls as 1 / n^2, as its weights do."""
    ensembles = [
        Identity(width=width, block_depth=2, blocks=1, observable=name)
        for width in (4, 6, 8)
        for name in ("local", "Z0 Z1")
    ]
    findings = judge(experiment(ensembles, 200, rng(15)))
    found = verdicts(findings, "identity_blocks_keep_variance")
    assert found == {
        "block depth 2, blocks 1, observable local": "not judged",
        "block depth 2, blocks 1, observable Z0 Z1": "supported",
    }


def test_every_depth_and_place_is_a_setting() -> None:
    """A fault at one depth, or with the symbol elsewhere, is told of there alone."""
    points = sampled(predicted((4, 6, 8), (50, 100), -0.69), 400, 24)
    moved = [
        replace(p, ensemble=replace(p.ensemble, symbol_qubit=2))
        for p in sampled(predicted((4, 6, 8), (50, 100), 0.2), 400, 25)
    ]
    findings = judge(points + moved)
    assert verdicts(findings, "variance_falls_with_width") == {
        "depth 50, symbol on qubit 0": "supported",
        "depth 100, symbol on qubit 0": "supported",
        "depth 50, symbol on qubit 2": "contradicted",
        "depth 100, symbol on qubit 2": "contradicted",
    }
    text = statements.render(findings)
    assert (
        "supported in 2 of 4 settings, contradicted in 2 (depth 50, symbol on qubit 2; "
        "depth 100, symbol on qubit 2)" in text
    )


def test_a_true_claim_is_seldom_contradicted_in_any_of_many_settings() -> None:
    """At 1 % per claim, two alarms in twelve experiments have a chance of 0.6 %."""
    alarms = dict.fromkeys(TESTS, 0)
    depths = range(100, 120)
    for seed in range(12):
        points = sampled(predicted((4, 6, 8), depths, -0.69), 120, 300 + seed)
        contradicted = {f.claim for f in judge(points) if f.verdict == "contradicted"}
        for claim in contradicted.intersection(alarms):
            alarms[claim] += 1
    assert max(alarms.values()) < 2


def test_variance_deep_in_the_block_is_smaller() -> None:
    """Grant's law, by its exact values for n = 8 and layers 0 and 60: 38 times."""
    ensembles = [
        Identity(width=6, block_depth=40, blocks=1, symbol_layer=layer)
        for layer in (0, 39)
    ]
    points = experiment(ensembles, 200, rng(14))
    finding = by_name(judge(points))["deeper_in_block_is_smaller"]
    assert finding.verdict == "supported" and "(n = 6, layer 39)" in finding.evidence
    turned = [
        replace(a, ensemble=b.ensemble, draws=None)
        for a, b in zip(points, points[::-1], strict=True)
    ]
    finding = by_name(judge(turned))["deeper_in_block_is_smaller"]
    assert finding.verdict == "contradicted"


def test_vanishing_identity_blocks_are_contradicted(tutorial: list[Point]) -> None:
    """Unless the theory says that they fall no more where the widths are largest."""
    name = "identity_blocks_keep_variance"
    points = [
        replace(p, summary=summarise(p.gradients * 0.7**p.ensemble.width))
        for p in tutorial
    ]
    assert by_name(judge(points))[name].verdict == "undecided"
    falling = [
        replace(p, prediction=Prediction(variance=0.49**p.ensemble.width))
        for p in points
    ]
    assert by_name(judge(falling))[name].verdict == "contradicted"
    unknown = [replace(p, prediction=Prediction()) for p in points]
    assert by_name(judge(unknown))[name].verdict == "contradicted"
    widths = {p.ensemble.width for p in points if name in p.ensemble.claims}
    ends = {min(widths), max(widths)}
    two = [p for p in falling if p.ensemble.width in ends]
    assert by_name(judge(two))[name].verdict == "undecided"


def test_widths_that_are_not_sampled_say_nothing(tutorial: list[Point]) -> None:
    wide = Point(replace(tutorial[-1].ensemble, width=20), Prediction(variance=1e-9))
    one, other = (by_name(judge(of)) for of in (tutorial, [*tutorial, wide]))
    for claim in ("identity_blocks_keep_variance", "plotted_curve_is_a_variance"):
        assert one[claim] == other[claim]


def test_claims_of_the_tutorial_are_made_of_its_family_alone() -> None:
    findings = by_name(judge(experiment(SHALLOW[:2], 20, rng(16))))
    assert "plotted_curve_is_a_variance" not in findings
    assert "identity_blocks_keep_variance" not in findings


@pytest.mark.parametrize("observable", ["Z0 Z1", "100 Z0 Z1"])
def test_what_rounding_leaves_of_zeros_says_nothing(observable: str) -> None:
    """Of circuits whose symbol is outside the light cone, where theory has no form."""
    rng, points = np.random.default_rng(1), []
    for width in range(2, 6):
        of = Ansatz(width=width, source="f.py:f", observable=observable, parameter="a")
        left = rng.normal(0, 2e-6, 200) * of.norm
        summary = summarise(pd.Series(left), 1, of.norm)
        points.append(Point(of, Prediction(), np.zeros(200), left, summary))
    found = [finding for finding in judge(points) if "falls" in finding.claim]
    assert {finding.evidence for finding in found} == {"every gradient is 0"}
    assert fit_curves(points) == {}
    few = replace(points[0].ensemble, observable="1e-6 Z0 Z1")
    assert not replace(points[0], ensemble=few).vanishes


def test_an_exact_variance_below_what_rounding_leaves_has_no_slope() -> None:
    """It is not 0, but what is sampled is rounding: every gradient is called 0."""
    rng, points = np.random.default_rng(1), []
    for width in range(2, 6):
        of = Random(width=width, depth=1, sigma=0.001)
        values = rng.normal(0, 10.0**-width * 1e-5, 200)
        exact = Prediction(0.0, 1e-14, 1e-14)
        points.append(Point(of, exact, values, values, summarise(values, 1)))
    assert [*fit_curves(points)] == ["exact"]


def test_a_variance_of_rounding_about_a_large_mean_has_no_slope() -> None:
    """Small angles, symbols of several gates: gradients of -1, all but the same."""
    rng, points = np.random.default_rng(1), []
    for width in range(2, 6):
        of = Ansatz(width=width, source="f.py:f", observable="Z0", parameter="a")
        values = rng.normal(-1, 10.0**-width * 1e-6, 200)
        points.append(Point(of, Prediction(), values, values, summarise(values, 1)))
    found = [finding for finding in judge(points) if "falls" in finding.claim]
    told = "the sampled gradients of each width are all the same"
    assert {finding.evidence for finding in found} == {told}
    assert fit_curves(points) == {}
