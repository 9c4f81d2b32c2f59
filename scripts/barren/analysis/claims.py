"""The claims of the tutorial and of the papers, each tested in every setting.

A *setting* holds the ensembles that differ in nothing but what the claim is about, as
the width. A family names the claims that are made of it (`Ensemble.claims`). The tests
give verdicts and numbers; `statements` has the words. workflow/docs/statistics.md says
how far the tests were tried.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special  # not stats, which imports for longer than the verdict takes

from barren import columns
from barren.analysis import words
from barren.analysis.agreement import agreement
from barren.analysis.costs import COSTS, cost_decides
from barren.analysis.evidence import (
    FEWEST,
    LEVEL,
    SAME_GRADIENT,
    Finding,
    Listed,
    NotJudged,
    Numbers,
    Outcome,
    Point,
    Verdict,
)
from barren.analysis.fits import ASYMPTOTIC, EXACT, SAMPLED, SLOW, fit_curves
from barren.analysis.statistics import NORMAL_975, Fit, log_errors
from barren.physics.layered import Layered
from barren.physics.observables import NAMES

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
                verdict, numbers = test(of, LEVEL / len(settings))
            except NotJudged as why:
                verdict, numbers = "not judged", {"why": str(why)}
            few = _fewest(of)
            if verdict == "undecided" and few < FEWEST:
                numbers["few"] = few
            findings.append(Finding(claim, setting, verdict, numbers))
    return findings


def by_setting(points: Sequence[Point], own: set[str]) -> dict[str, list[Point]]:
    """Points by what they share but the keys `own`, in words; in ascending width."""
    ensembles = [point.ensemble for point in points]
    several = len({ensemble.family for ensemble in ensembles}) > 1
    keys = words.varied(ensembles).difference(own)
    found: dict[tuple[Any, ...], list[Point]] = {}
    for point in points:
        shared = {k: v for k, v in point.ensemble.keys().items() if k not in own}
        found.setdefault(tuple(shared.values()), []).append(point)
    settings: dict[str, list[Point]] = {}
    for of in found.values():
        ensemble = of[0].ensemble
        built = [k for k in ensemble.shape_keys if k not in {*own, columns.SIGMA}]
        parts = [ensemble.title] if several else []
        parts += [words.text(key, ensemble.keys()) for key in built]
        parts += (
            [rest] if (rest := words.setting(ensemble, keys.difference(built))) else []
        )
        name = ", ".join(parts) or ensemble.title
        # Rounded words may be those of another setting.
        name = f"{name} ({ensemble.name})" if name in settings else name
        settings[name] = sorted(of, key=lambda point: point.ensemble.width)
    return settings


# The tests: points of one setting in ascending width, and the chance of a false alarm.


def mean_is_zero(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 1: Student's test of every mean, simultaneous."""
    sampled = _sampled(points)
    off, largest, allowed = [], 0.0, 0.0
    for point in sampled:
        samples, mean = point.summary.samples, point.summary.mean
        quantile = -special.stdtrit(samples - 1, level / len(sampled) / 2)
        reach = float(quantile / np.sqrt(samples))
        deviations = abs(mean) / np.sqrt(point.summary.variance)
        off += [point] if deviations > reach else []
        largest, allowed = max(largest, deviations), max(allowed, reach)
    verdict: Verdict = "supported" if allowed <= LARGE_MEAN else "undecided"
    known = [point for point in off if point.prediction.mean is not None]
    numbers = {
        "largest": largest,
        "allowed": allowed,
        "off": Listed({_n(p): p.summary.mean for p in off}),
        "exact": Listed({_n(p): p.prediction.mean or 0.0 for p in known}),
    }
    return "contradicted" if off else verdict, numbers


def falls_with_width(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: the interval of the slope lies below 0."""
    _, (low, high), numbers = _slopes(points, level)
    return _side(points, high < 0, low > 0), numbers


def falls_exponentially(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: chi-square of log variance about a straight line."""
    fit, (low, high), numbers = _slopes(points, level)
    if fit.freedom < 1:
        raise NotJudged("two widths are always on a straight line")
    p_value = float(special.chdtrc(fit.freedom, fit.chi_square))
    known = (high - low) / 2 <= SLOW and fit.freedom > 1
    numbers |= {"fit": fit, "p_value": p_value} | {
        "steps": Listed(
            {
                f"{_n(a)} to {b.ensemble.width}": fit_curves([a, b])[SAMPLED].slope
                for a, b in pairwise(_sampled(points))
            }
        )
    }
    straight = high < 0 and known and p_value >= level
    return _side(points, straight, p_value < level), numbers


def slope_of_mcclean(points: list[Point], level: float) -> Outcome:
    """McClean et al., figure 3: the slope is -0.685 per qubit, within a tolerance."""
    _, (low, high), numbers = _slopes(points, level)
    first, last = MCCLEAN_SLOPE * (1 + TOLERANCE), MCCLEAN_SLOPE * (1 - TOLERANCE)
    inside = first <= low and high <= last
    return _side(points, inside, high < first or low > last), numbers


def converges_with_depth(points: list[Point], level: float) -> Outcome:
    """McClean et al.: with depth the exact variance comes to that of a 2-design."""
    known: dict[str, dict[int, float]] = {}
    for point in points:
        if ratio := _ratio(point):
            known.setdefault(_n(point), {})[point.ensemble.layers] = ratio
    if not known:
        raise NotJudged("no exact variance is known beside its limit for deep circuits")
    reached, short, away = Listed(), Listed(), Listed()
    for width, by_depth in known.items():
        ratios = [by_depth[depth] for depth in sorted(by_depth)]
        near = [depth for depth, ratio in by_depth.items() if _converged(ratio)]
        if near:
            reached[width] = min(near)
        if not _converged(ratios[-1]):
            first, last = (abs(np.log(ratios[i])) for i in (0, -1))
            approaches = len(ratios) == 1 or last < first
            (short if approaches else away)[width] = ratios[-1]
    last_depth = max(depth for depths in known.values() for depth in depths)
    numbers = {"depth": last_depth, "reached": reached, "short": short, "away": away}
    if away:
        return "contradicted", numbers
    return "undecided" if short else "supported", numbers


def keeps_variance(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 3: the slope is less than a quarter of the plateau's."""
    _, (low, high), numbers = _slopes(points, level)
    return _side(points, low > -SLOW, high < -SLOW), numbers | {"far": Listed()}


def deeper_is_smaller(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 4: less variance deep in the block than at its start.

    A block is U U^dagger, so its start is layer 0 of U and its middle the last layer.
    Normal test of the difference in log variance, simultaneous for the widths.
    """
    if len({_layer(point) for point in points}) < 2:
        raise NotJudged("the symbol stays on one layer")
    by_width: dict[int, list[Point]] = {}
    for point in sorted(_sampled(points), key=_layer):
        by_width.setdefault(point.ensemble.width, []).append(point)
    pairs = [(of[0], of[-1]) for _, of in sorted(by_width.items()) if len(of) > 1]
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
    numbers = {
        "seen": Listed({k: p.summary.variance for k, p in label.items()}),
        "exact": Listed(
            {k: v for k, p in label.items() if (v := p.prediction.variance)}
        ),
    }
    return _side(ends, min(falls) > 0, min(falls) < 0), numbers


def other_blocks_are_identity(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 5: gradients are those of the first block alone."""
    differences = [
        np.abs(point.gradients - point.draws.isolated)
        for point in points
        if point.draws
    ]
    difference = np.concatenate([*differences, np.empty(0)])
    difference = difference[np.isfinite(difference)]
    known, largest = difference.size, float(difference.max(initial=0.0))
    if not known:
        raise NotJudged("no gradient of the first of several blocks alone was computed")
    verdict: Verdict = "supported" if known >= FEWEST_COMPARED else "undecided"
    numbers = {"known": known, "largest": largest}
    return "contradicted" if largest > SAME_GRADIENT else verdict, numbers


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
    numbers = {
        "at": _n(example),
        "summary": example.summary,
        "exact": example.prediction.variance,
    }
    denied = bool(never and squared)
    return _side(sampled, bool(plotted and squared_never), denied), numbers


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


def _slopes(
    points: Sequence[Point], level: float
) -> tuple[Fit, tuple[float, float], Numbers]:
    """The sampled slope of a curve, its interval at a level, and what is beside it."""
    sampled = _sampled(points)
    if len(sampled) < 2:
        raise NotJudged("a slope needs two widths with a sampled variance")
    fits = fit_curves(sampled)
    fit = fits[SAMPLED]
    reach = (fit.slope_high - fit.slope) / NORMAL_975 * _quantile(level)
    ratios = {_n(point): ratio for point in sampled if (ratio := _ratio(point))}
    numbers = {
        "sampled": fit.slope,
        "interval": (fit.slope_low, fit.slope_high) if np.isfinite(reach) else None,
        "exact": fits[EXACT].slope if EXACT in fits else None,
        "limit": fits[ASYMPTOTIC].slope if ASYMPTOTIC in fits else None,
        "far": Listed(
            {n: ratio for n, ratio in ratios.items() if not _converged(ratio)}
        ),
        "small_angles": any(point.ensemble.sigma is not None for point in sampled),
    }
    return fit, (fit.slope - reach, fit.slope + reach), numbers


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
