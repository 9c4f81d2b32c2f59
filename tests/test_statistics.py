"""Statistics and the oracle, against closed forms and Cirq's simulator."""

import math

import numpy as np
import pytest
import scipy.stats

import coverage
from barren.analysis.statistics import fit_slope, log_errors, summarise
from barren.physics.families import Identity, IdentityTutorial, Random
from barren.physics.layered import Layered
from oracle import draw_circuits, gradients, knows
from strategies import LAYERED
from textbook import cirq_circuit, cirq_gradient


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize(
    ("width", "symbol", "observable"),
    [(2, (0, 0), "Z0 Z1"), (3, (1, 2), "Z0 Z2"), (5, (2, 1), "Z1 Z4 - 0.5 Z0")],
)
def test_oracle_agrees_with_cirq(
    family: type[Layered], width: int, symbol: tuple[int, int], observable: str
) -> None:
    ensemble = family(
        width=width,
        **{family.layer_key: 3},
        **{key: 2 for key in family.circuit_keys() if key == "blocks"},
        symbol_layer=symbol[0],
        symbol_qubit=symbol[1],
        observable=observable,
    )
    if not knows(ensemble):
        pytest.skip("the oracle knows random axes and products of Z alone")
    circuits = draw_circuits(ensemble, 3, np.random.default_rng(width))
    expected = [
        cirq_gradient(cirq_circuit(ensemble, circuits, row), ensemble.terms, theta)
        for row, (theta,) in enumerate(circuits.values)
    ]
    # Cirq normalises to 1e-7 or so.
    np.testing.assert_allclose(gradients(ensemble, circuits), expected, atol=1e-6)
    single = gradients(ensemble, circuits, dtype=np.complex64)
    np.testing.assert_allclose(single, expected, atol=1e-5)


def test_oracle_does_not_depend_on_the_chunk() -> None:
    ensemble = Random(width=4, depth=5)
    circuits = draw_circuits(ensemble, 10, np.random.default_rng(0))
    whole = gradients(ensemble, circuits)
    np.testing.assert_allclose(
        gradients(ensemble, circuits, chunk=3), whole, atol=1e-14
    )


@pytest.mark.parametrize(
    ("family", "mean", "second_moment"),
    [(IdentityTutorial, 0, 1 / 8), (Identity, -1 / 6, 1 / 12)],
)
@pytest.mark.parametrize("width", [2, 5])
def test_identity_blocks_have_their_closed_moments(
    family: type[Identity], mean: float, second_moment: float, width: int
) -> None:
    ensemble = family(width=width, block_depth=4, blocks=2)
    count = 4000
    circuits = draw_circuits(ensemble, count, np.random.default_rng(7))
    summary = summarise(gradients(ensemble, circuits))
    # |g| <= 1 / sqrt(2), so no moment's error exceeds 0.36 / sqrt(count): 5 of them.
    assert summary.mean == pytest.approx(mean, abs=5 * 0.36 / math.sqrt(count))
    assert summary.second_moment == pytest.approx(
        second_moment, abs=5 * 0.18 / math.sqrt(count)
    )
    assert summary.variance_low < second_moment - mean**2 < summary.variance_high


def test_summary_of_known_numbers() -> None:
    summary = summarise([1.0, 2.0, 3.0, 6.0])
    assert summary.samples == 4
    assert summary.mean == 3
    assert summary.variance == pytest.approx(14 / 3)
    assert summary.std == pytest.approx(math.sqrt(14 / 4))
    assert summary.second_moment == 12.5
    assert summary.kurtosis == pytest.approx((16 + 1 + 0 + 81) / 4 / (14 / 4) ** 2)


def test_kurtosis_of_a_normal_distribution_is_three() -> None:
    values = np.random.default_rng(3).normal(0.2, 0.1, 50_000)
    # Standard error sqrt(24 / samples) = 0.022.
    assert summarise(values).kurtosis == pytest.approx(3, abs=0.1)


def test_interval_scales_and_shifts_with_the_gradients() -> None:
    values = np.random.default_rng(5).laplace(0, 0.01, 300)
    plain, moved = summarise(values), summarise(0.3 - 2 * values)
    assert moved.variance_low == pytest.approx(4 * plain.variance_low)
    assert moved.variance_high == pytest.approx(4 * plain.variance_high)
    assert plain.variance_low < plain.variance < plain.variance_high


def test_interval_repeats_and_follows_the_seed() -> None:
    values = np.random.default_rng(5).laplace(0, 0.01, 300)
    assert summarise(values, 1) == summarise(values, 1)
    assert summarise(values, 1).variance_low != summarise(values, 2).variance_low


@pytest.mark.parametrize("values", [[0.1], [0.1, 0.2], [0.0] * 50, [0.3] * 200])
def test_interval_of_too_little_is_all_that_is_possible(values: list[float]) -> None:
    summary = summarise(values)
    assert (summary.variance_low, summary.variance_high) == (0, 1)


def test_equal_gradients_have_no_variance_but_for_rounding() -> None:
    summary = summarise([0.3] * 200)
    assert (summary.mean, summary.variance, summary.std) == (0.3, 0, 0)
    assert math.isnan(summary.kurtosis)


def test_no_interval_exceeds_what_is_possible() -> None:
    """Of ten circuits it is known, and ends where no gradient exceeds the bound."""
    values = np.random.default_rng(1).choice([-0.9, 0.9, 0.1], 10)
    assert summarise(values[:9], bound=3).variance_high == 9
    assert 0 < summarise(values, bound=3).variance_low < 1
    assert 1 < summarise(values, bound=3).variance_high < 9
    assert summarise(values, bound=1).variance_high == 1


def test_interval_is_the_bootstrap_t_of_the_textbook() -> None:
    """A resample at a time, with scipy's moments; ranks 25 and 975 of 999.

    Where resamples are drawn from, the true variance is that of the values, divisor n.
    """
    values = np.random.default_rng(6).laplace(0, 0.1, 40)

    def error(of: np.ndarray) -> float:
        kurtosis = scipy.stats.kurtosis(of, fisher=False)
        return math.sqrt((kurtosis - 37 / 39) / 40)

    resamples = values[np.random.default_rng(3).integers(40, size=(999, 40))]
    ratios = sorted(
        math.log(x.var(ddof=1) / values.var()) / error(x) for x in resamples
    )
    ranks = np.array([ratios[974], ratios[24]])
    ends = values.var(ddof=1) * np.exp(-error(values) * ranks)
    summary = summarise(values, 3)
    assert (summary.variance_low, summary.variance_high) == pytest.approx(tuple(ends))


def test_variance_of_one_sample_is_not_defined() -> None:
    assert math.isnan(summarise([0.1]).variance)
    assert math.isnan(summarise([0.1]).kurtosis)


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [[0.1, 0.2]]])
def test_summary_refuses_what_is_no_row_of_numbers(values: list[float]) -> None:
    with pytest.raises(ValueError, match="gradients"):
        summarise(values)


def test_interval_covers_under_heavy_tails() -> None:
    """Laplace gradients have kurtosis 6, more than was met at depth 50."""
    rng = np.random.default_rng(11)
    experiments = 400
    x = rng.laplace(0, 0.05, (experiments, 200))
    low, high = coverage.bootstrap_t(x)
    covered = np.mean((low <= 2 * 0.05**2) & (high >= 2 * 0.05**2))
    # Binomial error of 95 % is 1.1 %: normal theory would cover 79 %.
    assert 0.90 < covered <= 0.99
    low, high = coverage.normal_theory(x)
    assert np.mean((low <= 2 * 0.05**2) & (high >= 2 * 0.05**2)) < 0.85


def test_fit_recovers_a_planted_slope() -> None:
    widths = np.array([4, 6, 8, 10, 12])
    exact = fit_slope(widths, np.exp(-1 - 0.7 * widths))
    assert exact.slope == pytest.approx(-0.7)
    assert exact.intercept == pytest.approx(-1)
    assert (exact.slope_low, exact.slope_high) == (exact.slope, exact.slope)
    assert math.isnan(exact.chi_square)


def test_fit_interval_covers_and_chi_square_is_calibrated() -> None:
    widths = np.array([4, 6, 8, 10, 12])
    errors = np.array([0.1, 0.1, 0.15, 0.2, 0.2])
    rng = np.random.default_rng(2)
    covered = []
    distances = []
    for _ in range(1000):
        log = -1 - 0.7 * widths + errors * rng.standard_normal(5)
        ends = np.exp(log - 1.96 * errors), np.exp(log + 1.96 * errors)
        fit = fit_slope(widths, np.exp(log), *ends)
        covered.append(fit.slope_low <= -0.7 <= fit.slope_high)
        distances.append(fit.chi_square)
        assert fit.freedom == 3
    # Binomial error 0.7 %; mean of chi-square with 3 degrees 3, error 0.08.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)
    assert np.mean(distances) == pytest.approx(3, abs=0.3)


def test_a_flat_curve_has_no_slope() -> None:
    """Nor the sign of what is left of it by rounding."""
    assert fit_slope([4, 6, 8, 10, 12], [0.1] * 5).slope == 0
    assert fit_slope([4, 6, 8], [1.0, 1 + 1e-9, 1 + 2e-9]).slope != 0


def test_points_within_the_slack_of_a_line_have_no_distance() -> None:
    """Some errors are tenfold others; beyond it the distance is that of the rest."""
    widths = np.array([4.0, 6, 8, 10, 12])
    errors = np.array([0.005, 0.05, 0.005, 0.05, 0.05])
    off = 0.05 * np.array([1, -1, -1, 1, -1])
    ends = -1.96 * errors, 1.96 * errors

    def distance(log: np.ndarray) -> float:
        log = log - 1 - 0.7 * widths
        interval = [np.exp(log + end) for end in ends]
        return fit_slope(widths, np.exp(log), *interval, slack=0.05).chi_square

    assert distance(off) < 1e-6
    assert distance(off + 0.3 * (widths == 8)) > 1


def test_fit_of_a_point_without_an_interval_says_nothing() -> None:
    fit = fit_slope([4, 6, 8], [0.1, 0.05, 0.02], [0.05, 0.0, 0.01], [0.2, 1.0, 0.04])
    assert (fit.slope_low, fit.slope_high) == (-math.inf, math.inf)


def test_log_errors_are_those_of_the_interval() -> None:
    assert log_errors([math.exp(-1.96)], [math.exp(1.96)]) == pytest.approx(1, rel=1e-4)
