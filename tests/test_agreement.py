"""Samples against exact theory: planted faults are found, and nothing else is."""

import itertools
import re
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from barren.analysis import agreement as bettor
from barren.analysis.agreement import (
    EVEN,
    FOURTH_MOMENT,
    UPWARD,
    agreement,
    count_wealth,
    draw_tests,
    misrecorded,
    moment_tests,
    repeated,
    second_moment_wealth,
)
from barren.analysis.claims import judge
from barren.analysis.evidence import Point, join_draws, reduce_draws
from barren.analysis.statistics import summarise
from barren.physics.ensembles import Prediction
from barren.physics.families import Ansatz, Identity, IdentityTutorial, Random, predict
from coverage import FAULTS, SHALLOW, SMALL, as_batch, experiment
from oracle import draw_circuits, gradients
from points import TUTORIAL, Ring, bare, by_name, rng, seen


def test_a_factor_of_two_may_hide_among_forty_circuits() -> None:
    findings = by_name(judge(experiment(TUTORIAL, 40, rng(1))))
    assert findings["samples_agree_with_theory"].verdict == "undecided"
    assert findings["mean_is_zero"].verdict == "undecided"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault])
def test_each_fault_is_contradicted(fault: str) -> None:
    points = experiment(SMALL, 300, rng(2), fault)
    finding = agreement(points)
    assert finding.verdict == "contradicted"
    assert re.match(
        "family|" + "|".join(p.ensemble.name for p in points), finding.evidence
    )


@pytest.mark.parametrize("fault", ["ladder", "preparation", "doubled", "axes"])
def test_gradients_alone_tell_of_a_fault(fault: str) -> None:
    points = bare(experiment(TUTORIAL, 200, rng(3), fault))
    assert agreement(points).verdict == "contradicted"


def test_gradients_alone_tell_of_a_moved_symbol() -> None:
    """At depth 50 the position is nearly forgotten; at depth 10 it is not."""
    points = bare(experiment(SHALLOW, 1500, rng(4), "symbol"))
    finding = agreement(points)
    assert finding.verdict == "contradicted"
    failed, _, _ = finding.evidence.partition("The exact second moment")
    assert "second moment" in failed


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
    assert word in agreement(points).evidence


@given(st.floats(1e-3, 0.99), st.floats(1.01, FOURTH_MOMENT) | st.just(FOURTH_MOMENT))
def test_the_bets_on_a_second_moment_are_fair(small: float, fourth: float) -> None:
    """For g^2 / m of two values with mean 1, whatever rounding does to g.

    Of one circuit, as if it showed all tails.
    """
    large = 1 + (fourth - 1) / (1 - small)
    share = (1 - small) / (large - small)
    point = Point(Random(width=4, depth=5), Prediction(0.0, 0.04, 0.04))
    values, bets = np.sqrt([small, large]), []
    for both in (
        values * (0.2 + point.rounding),
        values * 0.2,
        values * 0.2 + point.rounding,
        values * 0.2 - point.rounding,
    ):
        with patch.object(bettor, "CIRCUITS", 0.5):
            low, high = (
                second_moment_wealth(replace(point, gradients=np.array([gradient])))
                for gradient in both
            )
        assert low is not None and high is not None
        assert np.all(low[4:] != 0) and np.all(high[4:] != 0)
        bets.append(np.split((1 - share) * np.exp(low) + share * np.exp(high), 2))
    upward, downward = np.swapaxes(bets, 0, 1)
    assert upward[0] == pytest.approx(1)
    assert np.all(upward <= 1 + 1e-9)
    # In the first the larger value is off by more than rounding.
    assert np.all(downward[1:] <= 1 + 1e-9)
    if fourth == FOURTH_MOMENT:
        assert downward[1] == pytest.approx(1, rel=0.01)


def test_four_hundred_circuits_tell_of_a_quarter_of_the_variance() -> None:
    """Of one ensemble alone; normal gradients, p = 1e-6 in the median."""
    gradients = rng(9).normal(scale=0.1, size=400)
    theta = np.arange(400.0)
    prediction = Prediction(0.0, 0.04, 0.04)
    ensemble = Random(width=4, depth=5)
    point = Point(ensemble, prediction, theta, gradients, summarise(gradients))
    assert agreement([point]).verdict == "contradicted"


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_a_sample_that_misses_the_rare_circuits_is_no_fault(seen: int) -> None:
    """At the edge of a light cone few axes let it pass; the others leave rounding."""
    gradients = rng(seen).normal(scale=1e-8, size=200)
    gradients[:seen] = 0.01
    prediction = Prediction(0.0, 1e-4, 1e-4)  # of 1 % at 0.1
    ensemble = Random(width=12, depth=11, symbol_qubit=11)
    point = Point(ensemble, prediction, np.arange(200.0), gradients)
    wealth = second_moment_wealth(point)
    assert wealth is not None and np.all(wealth < 1)


def test_fault_in_one_ensemble_is_named() -> None:
    points = experiment(SMALL, 300, rng(6))
    wrong = points[3]
    points[3] = replace(wrong, gradients=3 * wrong.gradients, draws=None)
    finding = agreement(points)
    assert finding.verdict == "contradicted"
    assert f"{wrong.ensemble.name}, second moment" in finding.evidence


def test_a_width_in_place_of_another_is_contradicted() -> None:
    points = experiment(SMALL, 300, rng(7))
    points[1] = replace(
        points[1], gradients=points[0].gradients, theta=points[0].theta, draws=None
    )
    finding = agreement(points)
    name = points[1].ensemble.name
    assert f"{name}, circuits: 300 occur a second time" in finding.evidence


def test_ensembles_may_share_circuits() -> None:
    """A moved observable looks at the same circuits, which then are no repetition."""
    first = Identity(width=3, block_depth=2, blocks=2)
    second = replace(first, observable="Z0 Z1 Z2")
    circuits = draw_circuits(first, 200, rng(8))
    points = []
    for ensemble, prediction in predict([first, second]).items():
        values = gradients(ensemble, circuits)
        draws, theta = reduce_draws(ensemble, as_batch(circuits)), circuits.values[:, 0]
        summary = summarise(values)
        points.append(Point(ensemble, prediction, theta, values, summary, draws))
    assert agreement(points).verdict == "supported"


def test_agreement_seldom_alarms_without_cause() -> None:
    """At 0.1 % per experiment, two alarms in 30 have a chance of 0.04 %.

    The whole study is `coverage.py false-alarms`.
    """
    ensembles = tuple(e for e in SMALL if e.keys().get("depth") != 50)
    alarms = [
        agreement(experiment(ensembles, 200, rng(100 + seed))).verdict
        for seed in range(30)
    ]
    assert alarms.count("contradicted") < 2


def test_an_alarm_is_shared_among_the_tests(tutorial: list[Point]) -> None:
    """What the evidence says of its level is the experiment's over their number."""
    numbers = r"smallest of (\d+) p-values is (\S+); one below (\S+) contradicts"
    (told,) = re.findall(numbers, agreement(tutorial).evidence)
    assert float(told[2]) == pytest.approx(0.001 / int(told[0]), rel=0.05)
    p_values = [p for p, _ in [*moment_tests(tutorial), *draw_tests(tutorial)]]
    assert int(told[0]) == len(p_values)
    assert float(told[1]) == pytest.approx(min(p_values), rel=0.05)


def test_nothing_exact_supports_no_agreement() -> None:
    values = rng(30).normal(size=200) / 10
    finding = agreement([seen(Ring(width=3, depth=2), Prediction(), values)])
    assert finding.verdict == "undecided"


def test_few_circuits_are_enough_for_a_fault_and_said_to_be_few() -> None:
    ensemble, known = Random(width=4, depth=5), Prediction(0.0, 0.04, 0.04)
    values = rng(31).normal(0, 0.2, 40)
    few = agreement([seen(ensemble, known, values)])
    assert few.verdict == "undecided" and few.evidence.endswith(
        "Only 40 circuits of each ensemble."
    )
    assert few.numbers["needs"] == ": that takes 100 circuits each"
    unknown = agreement([seen(ensemble, Prediction(), values)])
    assert unknown.numbers["needs"] == ""  # more circuits would not decide it
    wrong = seen(ensemble, known, 5 * values)
    assert agreement([wrong]).verdict == "contradicted"


def test_ensembles_of_the_same_circuits_do_not_count_twice() -> None:
    """Nor their gradients, nor what is drawn."""
    ensemble, known = Random(width=4, depth=5), Prediction(0.0, 0.04, 0.04)
    batch = as_batch(draw_circuits(ensemble, 200, rng(32)))
    values = rng(33).normal(0.08, 0.28, 200)
    points = [
        seen(of, known, values, draws=reduce_draws(of, batch))
        for of in (ensemble, replace(ensemble, observable="Z1 Z2"))
    ]
    tests = {text.partition(":")[0]: p for p, text in moment_tests(points)}
    for title in ("mean", "second moment"):
        alone, together = f"{ensemble.name}, {title}", f"family random, {title}"
        assert tests[together] == pytest.approx(tests[alone]) and tests[alone] < 0.1
    titles = [text.partition(":")[0].split(", ")[1] for _, text in draw_tests(points)]
    assert sorted(titles) == ["angles", "axes", "theta", "theta"]


def test_heavy_tails_do_not_contradict_the_theory() -> None:
    """A product circuit: E g^4 / (E g^2)^2 = 1.5^n = 58, more than is assumed.

    At 0.1 % each none is expected of twenty.
    """
    ensemble, known = Random(width=10, depth=1), Prediction(0.0, 2.0**-10, 2.0**-10)
    for seed in range(20):
        angles = rng(400 + seed).uniform(0, 2 * np.pi, (1000, 10))
        values = np.sin(angles[:, 0]) * np.cos(angles[:, 1:]).prod(axis=1)
        assert agreement([seen(ensemble, known, values)]).verdict == "supported"


def test_a_mean_of_which_nothing_is_known_is_no_fault() -> None:
    """A symbol of several gates has one, as in identity blocks."""
    ensemble = Ansatz(width=3, source="f.py:f", parameter="a")
    values = rng(34).normal(0.3, 0.1, 200)
    assert agreement([seen(ensemble, Prediction(), values)]).verdict == "undecided"
    # That of one rotation has none.
    layered = seen(Ring(width=3, depth=2), Prediction(), values)
    assert agreement([layered]).verdict == "contradicted"


def test_counts_are_tested_however_few() -> None:
    ensemble = Random(width=3, depth=2)
    circuits = draw_circuits(ensemble, 200, rng(35))
    point = seen(ensemble, Prediction(), np.zeros(200))
    for count in (200, 1):
        draws = reduce_draws(ensemble, as_batch(circuits[:count]))
        tests = draw_tests([replace(point, draws=draws)])
        titles = [text.partition(":")[0].split(", ")[1] for _, text in tests]
        assert titles == ["theta", "axes", "angles"]
        assert all(p > 0.01 for p, _ in tests)


@pytest.mark.parametrize(("bins", "draws"), [(2, 1), (2, 40), (3, 12), (12, 3)])
def test_bets_on_counts_are_fair(bins: int, draws: int) -> None:
    """Over all outcomes, with the probabilities of equal bins, their mean is 1.

    Logarithms of up to 2e8 leave 4e-8 of it.
    """
    outcomes = [
        np.bincount(of, minlength=bins)
        for of in itertools.combinations_with_replacement(range(bins), draws)
    ]
    fair = scipy.stats.multinomial(draws, np.full(bins, 1 / bins))
    means = sum(fair.pmf(of) * np.exp(count_wealth(of)) for of in outcomes)
    assert means == pytest.approx(np.ones(len(EVEN)), rel=1e-7)


def test_bets_on_counts_pay_for_unequal_bins() -> None:
    """As large a deviation as chi-square sees at 1e-9 is one here at 1e-6."""
    for bins, draws in ((3, 1_000), (3, 100_000), (12, 1_000), (12, 2_400_000)):
        quantile = scipy.stats.chi2.isf(1e-9, bins - 1)
        off = np.sqrt(quantile * draws / bins / 2)
        count = np.full(bins, draws / bins)
        count[:2] += off, -off
        assert float(np.mean(np.exp(count_wealth(count.round().astype(int))))) > 1e6


def test_no_bet_on_less_where_an_observable_hides_its_tails() -> None:
    """Its heavy string may be the one that few circuits show."""
    values, known = rng(36).normal(0, 0.1, 400), Prediction(0.0, 0.04, 0.04)
    for text, bets in (("Z0 + 10 Z1", 4), ("Z0 + 10.1 Z1", 0), ("Z0", 4)):
        ensemble = Random(width=4, depth=5, observable=text)
        wealth = second_moment_wealth(seen(ensemble, known, values))
        assert wealth is not None and np.count_nonzero(wealth[len(UPWARD) :]) == bets


def test_gradients_of_0_are_no_repetition() -> None:
    """Angles have few digits: among many circuits some are the same."""
    points = [
        seen(Random(width=width, depth=2), Prediction(), np.array([0.0, value]))
        for width, value in ((2, 0.1), (3, 0.2), (4, 0.2))
    ]
    name = points[2].ensemble.name
    assert repeated(points) == [f"{name}, circuits: 1 occur a second time"]


def test_what_a_table_says_of_a_circuit_is_held_against_it(
    tutorial: list[Point],
) -> None:
    """A theta, or a gradient that must be 0."""
    point = tutorial[0]
    name, theta = point.ensemble.name, point.theta.copy()
    theta[17] += 1e-5
    assert misrecorded([replace(point, theta=theta)]) == [
        f"{name}, theta differs from the circuit's angle: 1 of 200"
    ]
    known = Prediction(0.0, 0.0, 0.0)
    for unit in (1e-6, 1.0, 1e6):
        of = replace(point.ensemble, observable=f"{unit} Z0 Z1")
        values = np.array([1e-5, -1e-2, 0.0]) * unit
        (said,) = misrecorded([seen(of, known, values)])
        assert said.endswith(", gradients that must be 0: 1 of 3")


def test_a_small_variance_that_is_known_is_not_0() -> None:
    """Without an exact form it is what single precision leaves of a 0."""
    values = rng(36).normal(0, 3e-6, 200)
    ensemble = Random(width=4, depth=5)
    assert not seen(ensemble, Prediction(0.0, 9e-12, 9e-12), values).vanishes
    assert seen(ensemble, Prediction(), values).vanishes
    assert moment_tests([seen(ensemble, Prediction(), values)]) == []
    # A symbol of several gates has larger gradients, and more of them is rounding.
    assert not seen(ensemble, Prediction(), 10 * values).vanishes
    assert seen(ensemble, Prediction(bound=10.0), 10 * values).vanishes


def test_angles_are_counted_modulo_a_turn() -> None:
    ensemble = Random(width=3, depth=2)
    circuits = draw_circuits(ensemble, 60, rng(37))
    circuits.angles[:2] = 0
    turned = circuits.angles + 2 * np.pi * rng(38).integers(
        -2, 3, circuits.angles.shape
    )
    turned[:2] = 2 * np.pi
    counts, others = (
        reduce_draws(ensemble, as_batch(replace(circuits, angles=angles))).angle_counts
        for angles in (circuits.angles, turned)
    )
    assert counts.tolist() == others.tolist()
    turned[0] = -1e-20  # of which the remainder is rounded to a whole turn
    last = reduce_draws(ensemble, as_batch(replace(circuits, angles=turned)))
    assert last.angle_counts.shape == counts.shape


def test_of_many_faults_some_are_named_and_all_are_counted() -> None:
    points = [
        seen(
            Random(width=4, depth=depth), Prediction(0.0, 0.0, 0.0), np.ones(1) * depth
        )
        for depth in range(1, 10)
    ]
    evidence = agreement(points).evidence
    assert evidence.count("must be 0") == 6 and "; and 3 more. The exact" in evidence


@pytest.mark.parametrize("rms", [1.05e-5, 1.5e-5, 3e-5])
def test_gradients_near_rounding_are_no_fault(rms: float) -> None:
    """The bets are fair whatever rounding did, however small the theory's moment."""
    known = Prediction(0.0, rms**2, rms**2)
    for seed in range(20):
        values = rng(500 + seed).normal(0, rms, 200)
        point = seen(Random(width=4, depth=5), known, values)
        assert agreement([point]).verdict != "contradicted"


def test_tails_that_no_sample_shows_do_not_add_up() -> None:
    """Product circuits, of many ensembles ten each."""
    points = []
    for width in range(10, 23):
        for depth in range(1, 9):
            angles = rng(10 * width + depth).uniform(0, 2 * np.pi, (10, width))
            values = np.sin(angles[:, 0]) * np.cos(angles[:, 1:]).prod(axis=1)
            known = Prediction(0.0, 2.0**-width, 2.0**-width)
            theta = angles[:, 0]
            of = Random(width=width, depth=depth)
            points.append(seen(of, known, values, theta=theta))
    assert agreement(points).verdict == "undecided"


def test_tails_that_some_samples_show_do_not_add_up() -> None:
    """Product circuits: one in five seems to show its tails, as it lacks the rare."""
    stream, known = rng(0), Prediction(0.0, 2.0**-12, 2.0**-12)
    points = []
    for depth in range(1, 101):
        angles = stream.uniform(0, 2 * np.pi, (1000, 12))
        values = np.sin(angles[:, 0]) * np.cos(angles[:, 1:]).prod(axis=1)
        points.append(Point(Random(width=12, depth=depth), known, angles[:, 0], values))
    assert min(p for p, _ in moment_tests(points)) > 0.001 / 202


@pytest.mark.parametrize("family", [Identity, IdentityTutorial])
@pytest.mark.parametrize("qubit", [0, 1, 2])
def test_one_rotation_is_all_that_is_left(family: type[Identity], qubit: int) -> None:
    ensemble = family(width=3, block_depth=3, blocks=2, symbol_qubit=qubit)
    circuits = draw_circuits(ensemble, 40, rng(9))
    expected = gradients(ensemble, circuits)
    closed = ensemble.closed_form(circuits)
    np.testing.assert_allclose(closed, expected, atol=1e-12)
    block = ensemble.first_block(circuits)
    assert block is not None
    np.testing.assert_allclose(gradients(*block), expected, atol=1e-12)


def test_draws_of_batches_join_to_those_of_the_whole() -> None:
    ensemble = IdentityTutorial(width=3, block_depth=2, blocks=2)
    whole = as_batch(draw_circuits(ensemble, 25, rng(10)))
    parts = [whole[:4], whole[4:7], whole[7:16], whole[16:]]
    joined = join_draws(reduce_draws(ensemble, part) for part in parts)
    expected = reduce_draws(ensemble, whole)
    for name, value in expected._asdict().items():
        np.testing.assert_allclose(getattr(joined, name), value, atol=1e-12)
