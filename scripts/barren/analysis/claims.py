"""The claims of the tutorial and of the papers, each tested in every setting.

A *setting* holds the ensembles that differ in nothing but what the claim is about, as
the width. A family names the claims that are made of it (`Ensemble.claims`). The tests
give a verdict and what it rests on; `texts` has the claims in words.
workflow/docs/statistics.md says how far the tests were tried.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import special  # not stats, which imports for longer than the verdict takes

from barren import columns
from barren.analysis.agreement import agreement
from barren.analysis.evidence import (
    FEW,
    FEWEST,
    LEVEL,
    SAME_GRADIENT,
    Finding,
    NotJudged,
    Outcome,
    Point,
    Verdict,
    by_setting,
    listed,
)
from barren.analysis.fits import ASYMPTOTIC, EXACT, SAMPLED, SLOW, fit_curves
from barren.analysis.statistics import NORMAL_975, Fit, fit_slope, log_errors
from barren.physics.layered import Layered
from barren.physics.observables import GLOBAL, LOCAL, NAMES

COSTS = "cost_decides"

#: "Converged": within what 200 circuits resolve.
CONVERGED = 1.25
#: McClean et al. 2018, figure 3: fitted slope of log variance per qubit.
MCCLEAN_SLOPE = -0.685
#: Share of it that counts as the same. The paper gives no error: a fit of 200 circuits
#: at each of its widths has two standard errors of 2 %, and over other widths the slope
#: of the exact limit differs by as much (-0.693 to -0.709).
TOLERANCE = 0.05
#: Means that must be seen, in standard deviations of the gradient.
LARGE_MEAN = 1 / 3
#: Circuits compared with their first block alone; a wrong block changes almost each.
FEWEST_COMPARED = 10


def judge(points: Sequence[Point]) -> list[Finding]:
    """Judge every claim in every setting of an experiment.

    The chance that a true claim is called contradicted is at most `LEVEL` for each
    claim: each of its settings is tested at that level over their number (Bonferroni).
    """
    if not points:
        return []
    findings = [agreement(points)]
    for claim, test in TESTS.items():
        made_of = [point for point in points if claim in point.ensemble.claims]
        if claim == COSTS:  # of two observables, where they are there
            made_of = [p for p in made_of if p.ensemble.observable in NAMES]
        settings = by_setting(made_of, {columns.WIDTH, *OWN.get(claim, ())})
        for setting, of in settings.items():
            try:
                verdict, said, numbers = test(of, LEVEL / len(settings))
            except NotJudged as why:
                verdict, said, numbers = "not judged", [str(why)], {}
            if verdict == "undecided" and (few := _fewest(of)) < FEWEST:
                said.append(FEW.format(few))
            evidence = " ".join(filter(None, said))
            findings.append(Finding(claim, setting, verdict, evidence, numbers))
    return findings


# The tests: points of one setting in ascending width, and the chance of a false alarm.


def mean_is_zero(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 1: Student's test of every mean, simultaneous."""
    sampled = _sampled(points)
    summaries = [point.summary for point in sampled]
    means = np.array([abs(s.mean) / np.sqrt(s.variance) for s in summaries])
    samples = np.array([s.samples for s in summaries])
    reach = -special.stdtrit(samples - 1, level / len(sampled) / 2) / np.sqrt(samples)
    off = [p for p, beyond in zip(sampled, means > reach, strict=True) if beyond]
    verdict: Verdict = "supported" if reach.max() <= LARGE_MEAN else "undecided"
    known = {_n(p): m for p in off if (m := p.prediction.mean) is not None}
    said = [
        f"Largest mean: {means.max():.2g} standard deviations of the gradient, where "
        f"chance allows {reach.max():.2g}.",
        listed("Means beyond chance", {_n(p): p.summary.mean for p in off}, ".3g"),
        listed("Exact means", known, ".3g"),
    ]
    return "contradicted" if off else verdict, said, {}


def falls_with_width(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: the interval of the slope lies below 0."""
    of = _slopes(points, level)
    return _side(points, of.high < 0, of.low > 0), of.said, of.numbers


def falls_exponentially(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: chi-square of log variance about a straight line."""
    of = _slopes(points, level)
    fit = of.fit
    if fit.freedom < 1:
        raise NotJudged("two widths are always on a straight line")
    p_value = float(special.chdtrc(fit.freedom, fit.chi_square))
    known = (of.high - of.low) / 2 <= SLOW and fit.freedom > 1
    steps = {
        f"{_n(a)} to {b.ensemble.width}": fit_curves([a, b])[SAMPLED].slope
        for a, b in pairwise(_sampled(points))
    }
    said = [
        f"Chi-square about a straight line: {fit.chi_square:.1f} with {fit.freedom} "
        f"degrees of freedom (p = {p_value:.2g}).",
        listed("Slopes from width to width", steps, "z.2f"),
        of.far,
    ]
    straight = of.high < 0 and known and p_value >= level
    return _side(points, straight, p_value < level), said, of.numbers


def slope_of_mcclean(points: list[Point], level: float) -> Outcome:
    """McClean et al., figure 3: the slope is -0.685 per qubit, within a tolerance."""
    of = _slopes(points, level)
    first, last = MCCLEAN_SLOPE * (1 + TOLERANCE), MCCLEAN_SLOPE * (1 - TOLERANCE)
    inside = first <= of.low and of.high <= last
    outside = of.high < first or of.low > last
    return _side(points, inside, outside), [*of.said, of.far], of.numbers


def converges_with_depth(points: list[Point], level: float) -> Outcome:
    """McClean et al.: with depth the exact variance comes to that of a 2-design."""
    known: dict[str, dict[int, float]] = {}
    for point in points:
        if ratio := _ratio(point):
            known.setdefault(_n(point), {})[point.ensemble.layers] = ratio
    if not known:
        raise NotJudged("no exact variance is known beside its limit for deep circuits")
    reached: dict[str, float] = {}
    short: dict[str, float] = {}
    away: dict[str, float] = {}
    for width, of in known.items():
        if near := [depth for depth, ratio in of.items() if _converged(ratio)]:
            reached[width] = min(near)
        first, last = of[min(of)], of[max(of)]
        if not _converged(last):
            approaches = len(of) == 1 or abs(np.log(last)) < abs(np.log(first))
            (short if approaches else away)[width] = last
    beyond = "exact variance over its limit"
    said = [
        f"Largest depth: {max(depth for of in known.values() for depth in of)}.",
        listed("First depth here that has converged", reached),
        listed(f"Not converged at the largest depth, {beyond}", short, ".3g"),
        listed("Farther from the limit than at the first depth", away, ".3g"),
    ]
    if away:
        return "contradicted", said, {}
    return "undecided" if short else "supported", said, {}


def keeps_variance(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 3: the slope is less than a quarter of the plateau's."""
    of = _slopes(points, level)
    return _side(points, of.low > -SLOW, of.high < -SLOW), of.said, {}


def deeper_is_smaller(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 4: less variance deep in the block than at its start.

    A block is U U^dagger, so its start is layer 0 of U and its middle the last layer.
    Normal test of the difference in log variance, simultaneous for the widths.
    """
    if len({_layer(point) for point in points}) < 2:
        raise NotJudged("the symbol stays on one layer")
    ordered = sorted(_sampled(points), key=lambda p: (p.ensemble.width, _layer(p)))
    widths = [[*of] for _, of in groupby(ordered, lambda p: p.ensemble.width)]
    pairs = [(of[0], of[-1]) for of in widths if len(of) > 1]
    if not pairs:
        raise NotJudged("no width has two layers with gradients other than 0")
    ends = [point for pair in pairs for point in pair]
    label = {f"{_n(p)}, layer {_layer(p)}": p for p in ends}
    falls: list[float] = []
    for a, b in ((p.summary, q.summary) for p, q in pairs):
        errors = log_errors(
            [a.variance_low, b.variance_low], [a.variance_high, b.variance_high]
        )
        fall = np.log(a.variance / b.variance)
        allowed = _quantile(level / len(pairs)) * np.hypot(*errors)
        falls.append(np.sign(fall) * (abs(fall) > allowed))
    seen = {k: p.summary.variance for k, p in label.items()}
    exact = {k: v for k, p in label.items() if (v := p.prediction.variance)}
    said = [
        listed("Sampled variance", seen, ".3g"),
        listed("Exact variance", exact, ".3g"),
    ]
    return _side(ends, min(falls) > 0, min(falls) < 0), said, {}


def other_blocks_are_identity(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 5: gradients are those of the first block alone."""
    differences = [
        np.abs(p.gradients - p.draws.isolated) / p.ensemble.norm
        for p in points
        if p.draws
    ]
    difference = np.concatenate([*differences, np.empty(0)])
    difference = difference[np.isfinite(difference)]
    known, largest = difference.size, float(difference.max(initial=0.0))
    if not known:
        raise NotJudged("no gradient of the first of several blocks alone was computed")
    verdict: Verdict = "supported" if known >= FEWEST_COMPARED else "undecided"
    said = [
        f"The gradients of {known} circuits differ from those of the first block alone "
        f"by at most {largest:.1g} ‖O‖."
    ]
    return "contradicted" if largest > SAME_GRADIENT else verdict, said, {}


def plotted_is_variance(points: list[Point], level: float) -> Outcome:
    """Is the number that the tutorial plots as "variance" one?

    It plots `reduce_std`, which is the column `std`: it, or its square, lies in the
    interval of the variance.
    """
    sampled = _sampled(points)
    inside = []
    for s in (point.summary for point in sampled):
        reach = _quantile(level / len(sampled)) * log_errors(
            s.variance_low, s.variance_high
        )
        distances = np.log(np.array([s.std, s.std**2]) / s.variance)
        inside.append(np.abs(distances) <= reach)
    plotted, squared = np.all(inside, axis=0)
    never, squared_never = ~np.any(inside, axis=0)
    # The largest exact variance: the tutorial's 1/8, if it is there.
    example = max(sampled, key=lambda point: point.prediction.variance or 0.0)
    s, exact = example.summary, example.prediction.variance
    said = [
        f"Plotted at {_n(example)}: {s.std:.4g}; the variance: {s.variance:.4g} "
        f"[{s.variance_low:.4g}, {s.variance_high:.4g}].",
        "" if exact is None else f"Exact variance: {exact:.4g}.",
    ]
    supported, contradicted = plotted and squared_never, never and squared
    return _side(sampled, supported, contradicted), said, {}


def cost_decides(points: list[Point], level: float) -> Outcome:
    """Cerezo et al. 2021: a global cost falls at any depth, a local one when deep.

    Slopes of the exact log variance against width, of the local cost times n^2: that
    its terms are averaged is no plateau. Of the widths that were sampled, if any.
    """
    sampled = [point for point in points if point.summary.samples] or points
    slopes: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    for name, found in slopes.items():
        own = [p for p in sampled if p.ensemble.observable == name]
        for depth in sorted({p.ensemble.layers for p in own}):
            curve = [
                (p.ensemble.width, variance * p.ensemble.width ** (2 * (name == LOCAL)))
                for p in own
                if p.ensemble.layers == depth and (variance := p.prediction.variance)
            ]
            if len(curve) > 1:
                found[depth] = fit_slope(*zip(*curve, strict=True)).slope
    local, global_ = slopes[LOCAL], slopes[GLOBAL]
    if len(local) < 2 or not global_:
        raise NotJudged("it needs both costs, several widths and two depths")
    shallow, deep = local[min(local)], local[max(local)]
    kept = shallow > -SLOW and max(global_.values()) < -2 * SLOW
    lost = max(global_.values()) > -SLOW or shallow < -2 * SLOW
    said = [
        listed(name, {f"depth {depth}": slope for depth, slope in of.items()}, "z.3f")
        for name, of in (("Global", global_), ("Local", local))
    ]
    if kept and deep < -SLOW:
        return "supported", said, {}
    return "contradicted" if lost else "undecided", said, {}


TESTS: dict[str, Callable[[list[Point], float], Outcome]] = {
    "mean_is_zero": mean_is_zero,
    "variance_falls_with_width": falls_with_width,
    "variance_falls_exponentially": falls_exponentially,
    "slope_of_mcclean": slope_of_mcclean,
    "converges_with_depth": converges_with_depth,
    "identity_blocks_keep_variance": keeps_variance,
    "deeper_in_block_is_smaller": deeper_is_smaller,
    "other_blocks_are_identity": other_blocks_are_identity,
    "plotted_curve_is_a_variance": plotted_is_variance,
    COSTS: cost_decides,
}
#: Keys, besides the width, that the settings of a claim do not hold apart.
OWN = {
    "converges_with_depth": {columns.DEPTH},
    "deeper_in_block_is_smaller": {columns.SYMBOL_LAYER},
    COSTS: {columns.DEPTH, columns.OBSERVABLE},
}


# What the tests share.


def _sampled(points: Iterable[Point]) -> list[Point]:
    """The points with a sampled variance; NotJudged where there is none."""
    needed: dict[str, Callable[[Point], bool]] = {
        "nothing was sampled": lambda p: p.summary.samples > 0,
        "one circuit has no variance": lambda p: p.summary.samples > 1,
        "every gradient is 0": lambda p: not p.vanishes,
        "the sampled gradients of each width are all the same": lambda p: (
            p.summary.variance > 0
        ),
    }
    for why, holds in needed.items():
        points = [point for point in points if holds(point)]
        if not points:
            raise NotJudged(why)
    return list(points)


class _Slopes(NamedTuple):
    """A sampled slope with its interval at a level.

    said, far: the slopes in sentences, and how far the exact variance is from its
    limit. numbers: what the answer says of it.
    """

    fit: Fit
    low: float
    high: float
    said: list[str]
    far: str
    numbers: dict[str, Any]


def _slopes(points: Sequence[Point], level: float) -> _Slopes:
    """The sampled slope of a curve, and what is beside it."""
    sampled = _sampled(points)
    if len(sampled) < 2:
        raise NotJudged("a slope needs two widths with a sampled variance")
    fits = fit_curves(sampled)
    fit = fits[SAMPLED]
    reach = (fit.slope_high - fit.slope) / NORMAL_975 * _quantile(level)
    said = [f"Sampled slope of log variance per qubit: {fit.slope:z.3f}."]
    if np.isfinite(reach):
        said.append(f"95 % interval: [{fit.slope_low:z.3f}, {fit.slope_high:z.3f}].")
    for name, curve in (("Exact", EXACT), ("Infinite depth", ASYMPTOTIC)):
        if curve in fits:
            said.append(f"{name}: {fits[curve].slope:z.3f}.")
    ratios = {_n(point): ratio for point in sampled if (ratio := _ratio(point))}
    far = {n: ratio for n, ratio in ratios.items() if not _converged(ratio)}
    numbers = {
        "far": far,
        "limit": fits[ASYMPTOTIC].slope if ASYMPTOTIC in fits else None,
        "small_angles": any(point.ensemble.sigma is not None for point in sampled),
    }
    text = listed("Exact variance over that at infinite depth", far, ".3g")
    return _Slopes(fit, fit.slope - reach, fit.slope + reach, said, text, numbers)


def _n(point: Point) -> str:
    return f"n = {point.ensemble.width}"


def _layer(point: Point) -> int:
    """The symbol's; a family of which that is claimed is layered."""
    assert isinstance(point.ensemble, Layered)
    return point.ensemble.symbol_layer


def _ratio(point: Point) -> float | None:
    """The exact variance over its limit for deep circuits, where both are known."""
    exact, limit = point.prediction.variance, point.prediction.asymptotic_variance
    return exact / limit if exact and limit else None


def _side(points: Iterable[Point], supported: bool, contradicted: bool) -> Verdict:
    """The verdict of a test that holds, fails or neither.

    Undecided with few circuits, where the intervals' coverage is not known.
    """
    if _fewest(points) < FEWEST:
        return "undecided"
    return "supported" if supported else "contradicted" if contradicted else "undecided"


def _fewest(points: Iterable[Point]) -> int:
    """The samples of the point that has the fewest; `FEWEST` without any."""
    counts = [p.summary.samples for p in points if p.summary.samples]
    return min(counts, default=FEWEST)


def _converged(ratio: float) -> bool:
    return 1 / CONVERGED <= ratio <= CONVERGED


def _quantile(level: float) -> float:
    """Of the normal distribution, for a two-sided test."""
    return -float(special.ndtri(level / 2))
