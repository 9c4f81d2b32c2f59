"""Statistics of sampled gradients, and fits of their variance against width."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NORMAL_975 = 1.959963984540054
RESAMPLES = 999
FLAT = 1e-12  # a slope below it is the rounding of 0
TURNS = 500  # of a line and what may lie off it: with errors tenfold apart, to 1e-8
FEWEST = 10  # samples for an interval; with fewer it is all that is possible


@dataclass(frozen=True)
class Summary:
    """Statistics of the gradients of one ensemble; the names are column names.

    `variance` is unbiased (divisor samples - 1). `std` is the population standard
    deviation (divisor samples), which is what the tutorial's `reduce_std` computes.
    `kurtosis` is plain: 3 for a normal distribution. Without samples all are nan.
    """

    samples: int = 0
    mean: float = np.nan
    variance: float = np.nan
    variance_low: float = np.nan
    variance_high: float = np.nan
    second_moment: float = np.nan
    std: float = np.nan
    kurtosis: float = np.nan


@dataclass(frozen=True)
class Fit:
    """The line log(variance) = intercept + slope * width (natural logarithm, qubits).

    `chi_square` measures, in the points' own errors, how far they lie from a straight
    line; it has `freedom` degrees of freedom. It is nan for a curve without errors.
    """

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    chi_square: float
    freedom: int


def summarise(gradients: ArrayLike, seed: int = 0, bound: float = 1.0) -> Summary:
    """Summarise the gradients of one ensemble.

    gradients (samples,), at least one, all finite. The interval resamples with a
    stream that depends on the seed and the number of samples alone. Where a number is
    not defined (variance of one sample, kurtosis of equal samples) it is nan.
    """
    values = np.asarray(gradients, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("gradients: expected a non-empty row of finite numbers")
    samples = values.size
    mean = _mean(values)
    centred = values - mean
    population = float(np.mean(centred**2))
    low, high = variance_interval(values, seed, bound)
    return Summary(
        samples=samples,
        mean=mean,
        variance=population * samples / (samples - 1) if samples > 1 else np.nan,
        variance_low=low,
        variance_high=high,
        second_moment=float(np.mean(values**2)),
        std=float(np.sqrt(population)),
        kurtosis=float(np.mean(centred**4)) / population**2 if population else np.nan,
    )


def variance_interval(
    gradients: Floats, seed: int = 0, bound: float = 1.0
) -> tuple[float, float]:
    """A 95 % interval for the variance that allows for heavy tails.

    Bootstrap-t on the log variance (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, section 12.5), studentised by the kurtosis of each resample; its
    coverage is the nearest to 95 % of ten methods (workflow/docs/statistics.md). Where
    the samples cannot tell, an end is that of the possible range, [0, bound^2]: no
    gradient exceeds `bound`.
    """
    samples = gradients.size
    centred = gradients - _mean(gradients)
    scale = np.sqrt(np.mean(centred**2))
    if samples < FEWEST or scale == 0:
        return 0.0, bound**2
    values = centred / scale
    unbiased = samples / (samples - 1)
    rng = np.random.default_rng(seed)
    chunk = max(1, 2**20 // samples)
    counts = (min(chunk, RESAMPLES - n) for n in range(0, RESAMPLES, chunk))
    draws = (rng.integers(samples, size=(count, samples)) for count in counts)
    ratios, errors = np.hstack([_variance_and_error(values[drawn]) for drawn in draws])
    with np.errstate(divide="ignore"):
        studentised = np.sort(np.log(ratios * unbiased) / errors)
    rank = round(0.025 * (RESAMPLES + 1))
    error = float(_variance_and_error(values[None])[1][0])
    variance = scale**2 * unbiased
    low = variance * np.exp(-error * studentised[-rank])
    high = variance * np.exp(-error * studentised[rank - 1])
    return float(low), float(min(high, bound**2))


def fit_slope(
    widths: ArrayLike,
    variances: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    slack: float = 0.0,
) -> Fit:
    """Fit log variance against width by plain least squares.

    widths, variances and the ends of the variances' 95 % intervals: (points,), at
    least two different widths. The slope's 95 % interval follows from the points' own
    intervals; without them the variances are exact and it has no width. The points
    have equal weights, so that the slopes of a sampled and an exact curve are the same
    functional of the curve even where it is no straight line. slack: how far off the
    line a log variance may lie, at no cost in chi-square.
    """
    x = np.asarray(widths, dtype=np.float64)
    y = np.log(np.asarray(variances, dtype=np.float64))
    centred = x - x.mean()
    share = centred / np.sum(centred**2)
    slope = float(np.sum(share * y))
    if abs(slope) < FLAT:
        slope = 0.0
    intercept = float(y.mean() - slope * x.mean())
    reach, chi_square = 0.0, np.nan
    if low is not None and high is not None:
        errors = log_errors(low, high)
        known = np.isfinite(errors).all()
        error = float(np.sqrt(np.sum((share * errors) ** 2))) if known else np.inf
        reach, chi_square = NORMAL_975 * error, _distance_from_line(x, y, errors, slack)
    return Fit(slope, slope - reach, slope + reach, intercept, chi_square, x.size - 2)


def log_errors(low: ArrayLike, high: ArrayLike) -> Floats:
    """Standard errors of log variances, from their 95 % intervals."""
    with np.errstate(divide="ignore"):
        lengths = np.log(np.asarray(high, float)) - np.log(np.asarray(low, float))
    return np.asarray(lengths / (2 * NORMAL_975))


def _distance_from_line(x: Floats, y: Floats, errors: Floats, slack: float) -> float:
    """Chi-square of the points about their best straight line, (points,) each.

    With slack it is the distance from the convex set of what lies within it of some
    line: no larger than chi-square where the truth does, because the truth's own
    deviations from its line are among those that are allowed. By turns, the line is
    fitted to the points less what is allowed them, and that to the line: projected
    gradients, with Nesterov's momentum.
    """
    design = np.stack([np.ones_like(x), x], axis=1)
    fitted = design @ np.linalg.pinv(design / errors[:, None]) / errors
    moved = ahead = np.zeros_like(y)
    for turn in range(TURNS if slack else 0):
        before = moved
        moved = np.clip(y - fitted @ (y - ahead), -slack, slack)
        ahead = moved + turn / (turn + 3) * (moved - before)
    off = y - fitted @ (y - moved)
    return float(np.sum(((off - np.clip(off, -slack, slack)) / errors) ** 2))


def _mean(values: Floats) -> float:
    """The mean, of equal numbers exactly theirs, which rounding may miss."""
    return float(np.clip(values.mean(), values.min(), values.max()))


def _variance_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Population variance, and standard error of its logarithm, of each row.

    The error is sqrt((kurtosis - (n - 3) / (n - 1)) / n); never 0, also where all
    deviations are equal in size.
    """
    n = values.shape[1]
    centred = values - values.mean(axis=1, keepdims=True)
    centred *= centred
    variance = centred.mean(axis=1)
    centred *= centred
    fourth = centred.mean(axis=1)
    equal = np.ones_like(fourth)
    kurtosis = np.divide(fourth, variance**2, out=equal, where=variance > 0)
    return variance, np.sqrt((kurtosis - (n - 3) / (n - 1)) / n)
