"""The claims of the tutorial and of the papers, each tested in every setting.

A *setting* holds the ensembles that differ in nothing but what the claim is about, as
the width. A family names the claims that are made of it (`Ensemble.claims`). The tests
give verdicts and numbers; `statements` has the words. workflow/docs/statistics.md says
how far the tests were tried.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from barren import columns
from barren.analysis import words
from barren.analysis.agreement import agreement
from barren.analysis.evidence import (
    FEWEST,
    LEVEL,
    SAME_GRADIENT,
    Finding,
    Point,
    Verdict,
)
from barren.analysis.fits import SAMPLED, fit_curves
from barren.analysis.statistics import NORMAL_975, Fit, log_errors
from barren.physics.ensembles import Ensemble

#: "Converged": within what 200 circuits resolve.
CONVERGED = 1.25
#: McClean et al. 2018, figure 3: fitted slope of log variance per qubit.
MCCLEAN_SLOPE = -0.685
#: Share of it that counts as the same. The paper gives no error: a fit of 200 circuits
#: at each of its widths has two standard errors of 2 %, and over other widths the slope
#: of the exact limit differs by as much (-0.693 to -0.709).
TOLERANCE = 0.05
#: Per qubit, a quarter of the barren plateau's -ln 2.
SLOW = np.log(2) / 4
#: Means that must be seen, in standard deviations of the gradient.
LARGE_MEAN = 1 / 3
#: Circuits compared with their first block alone; a wrong block changes almost each.
FEWEST_COMPARED = 10

Numbers = dict[str, Any]
#: Verdict, what it rests on, and the points that contradict the claim.
Outcome = tuple[Verdict, Numbers, list[Point]]


class NotJudged(Exception):
    """The setting says nothing about the claim; the message is why."""


def judge(points: Sequence[Point]) -> list[Finding]:
    """Judge every claim in every setting of an experiment.

    The chance that a true claim is called contradicted is at most `LEVEL` for each
    claim: each of its settings is tested at that level over their number (Bonferroni).
    """
    if not points:
        return []
    findings = [agreement(points)]
    for claim, (test, own) in TESTS.items():
        made_of = [point for point in points if claim in point.ensemble.claims]
        settings = by_setting(made_of, own)
        for setting, of in settings.items():
            try:
                verdict, numbers, against = test(of, LEVEL / len(settings))
            except NotJudged as why:
                verdict, numbers, against = "not judged", {"why": str(why)}, []
            few = min((p.summary.samples for p in of if p.summary), default=FEWEST)
            if verdict == "undecided" and few < FEWEST:
                numbers["few"] = few
            names = tuple(point.ensemble.name for point in against)
            findings.append(Finding(claim, setting, verdict, numbers, names))
    return findings


def by_setting(points: Sequence[Point], own: Iterable[str]) -> dict[str, list[Point]]:
    """Points by the words for what they share but the keys `own`, in ascending width."""
    found: dict[tuple[Any, ...], list[Point]] = {}
    for point in sorted(points, key=lambda point: point.ensemble.width):
        shared = {k: v for k, v in point.ensemble.keys().items() if k not in own}
        found.setdefault(tuple(shared.items()), []).append(point)
    ensembles = [point.ensemble for point in points]
    several = len({ensemble.family for ensemble in ensembles}) > 1
    keys = words.varied(ensembles) - set(own)
    names = [_in_words(of[0].ensemble, keys, own, several) for of in found.values()]
    count = Counter(names)
    return {
        # Rounded words may be those of two settings.
        name if count[name] == 1 else f"{name} ({of[0].ensemble.name})": of
        for name, of in zip(names, found.values(), strict=True)
    }


def _in_words(
    ensemble: Ensemble, keys: set[str], own: Iterable[str], several: bool
) -> str:
    """A setting in words; `several`: its family is not the only one."""
    structure = set(ensemble.circuit_keys()) - {columns.WIDTH, columns.SIGMA}
    if structure.isdisjoint(own):
        keys = keys | structure
    else:
        keys = keys - structure
    title = ensemble.title if several else ""
    parts = [title, words.setting(ensemble, keys)]
    parts += [
        words.text(key, ensemble.keys())
        for key in ensemble.circuit_keys()
        if key in structure.difference(own, keys)
    ]
    return ", ".join(part for part in parts if part) or ensemble.title


# The tests: points of one setting in ascending width, and the chance of a false alarm.


def mean_is_zero(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 1: Student's test of every mean, simultaneous."""
    sampled = _sampled(points)
    off, largest, allowed = [], 0.0, 0.0
    for point in sampled:
        assert point.summary
        samples, mean = point.summary.samples, point.summary.mean
        quantile = stats.t.isf(level / len(sampled) / 2, samples - 1)
        reach = float(quantile / np.sqrt(samples))
        deviation = np.sqrt(point.summary.variance)
        off += [point] if abs(mean) > reach * deviation else []
        largest = max(largest, abs(mean) / deviation if deviation else 0.0)
        allowed = max(allowed, reach)
    verdict: Verdict = "supported" if allowed <= LARGE_MEAN else "undecided"
    exact = [p.prediction.mean for p in off if p.prediction.mean]
    numbers = {
        "largest": largest,
        "allowed": allowed,
        "count": len(sampled),
        "off": [point.ensemble.width for point in off],
        "exact": exact,
        "explained": len(exact) == len(off),
    }
    return "contradicted" if off else verdict, numbers, off


def falls_with_width(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: the interval of the slope lies below 0."""
    fits, low, high, numbers = _slopes(points, level)
    numbers["explained"] = _exact(fits) >= 0
    return _side(points, high < 0, low > 0), numbers, []


def falls_exponentially(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: chi-square of log variance about a straight line."""
    fits, low, high, numbers = _slopes(points, level)
    fit = fits[SAMPLED]
    if fit.freedom < 1:
        raise NotJudged("two widths are always on a straight line")
    p_value = float(stats.chi2.sf(fit.chi_square, fit.freedom))
    known = (high - low) / 2 <= SLOW and fit.freedom > 1
    verdict = _side(points, high < 0 and known and p_value >= level, p_value < level)
    numbers |= {
        "widths": fit.freedom + 2,
        "chi_square": fit.chi_square,
        "freedom": fit.freedom,
        "p_value": p_value,
        "steps": [
            (a.ensemble.width, b.ensemble.width, fit_curves([a, b])[SAMPLED].slope)
            for a, b in pairwise(_sampled(points))
        ],
    }
    return verdict, numbers, []


def slope_of_mcclean(points: list[Point], level: float) -> Outcome:
    """McClean et al., figure 3: the slope is -0.685 per qubit, within a tolerance."""
    fits, low, high, numbers = _slopes(points, level)
    reach = TOLERANCE * abs(MCCLEAN_SLOPE)
    numbers["explained"] = abs(_exact(fits) - MCCLEAN_SLOPE) > reach
    inside = MCCLEAN_SLOPE - reach <= low and high <= MCCLEAN_SLOPE + reach
    outside = high < MCCLEAN_SLOPE - reach or low > MCCLEAN_SLOPE + reach
    return _side(points, inside, outside), numbers, []


def converges_with_depth(points: list[Point], level: float) -> Outcome:
    """McClean et al.: with depth the exact variance comes to that of a 2-design."""
    known: dict[int, dict[int, tuple[float, Point]]] = {}
    for point in points:
        exact, limit = point.prediction.variance, point.prediction.asymptotic_variance
        if exact and limit:
            depths = known.setdefault(point.ensemble.width, {})
            depths[point.ensemble.symbol_layers] = exact / limit, point
    if not known:
        raise NotJudged("no exact variance with a limit is known")
    near, short, away, against = {}, [], [], []
    for width, depths in known.items():
        ratios = {depth: depths[depth][0] for depth in sorted(depths)}
        first, last = ratios[min(ratios)], ratios[max(ratios)]
        near[width] = [d for d, ratio in ratios.items() if _converged(ratio)]
        if not _converged(last):
            approaching = len(ratios) < 2 or abs(np.log(last)) < abs(np.log(first))
            (short if approaching else away).append(width)
            against.append(depths[max(depths)][1])
    verdict: Verdict = "undecided" if short else "supported"
    numbers = {
        "first": {width: depths[0] if depths else None for width, depths in near.items()},
        "last": {w: (max(d), d[max(d)][0]) for w, d in known.items()},
        "short": short,
        "away": away,
        "explained": True,
    }
    return "contradicted" if away else verdict, numbers, against


def keeps_variance(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 3: the slope is less than a quarter of the plateau's."""
    fits, low, high, numbers = _slopes(points, level)
    numbers["explained"] = _exact(fits) < -SLOW
    return _side(points, low > -SLOW, high < -SLOW), numbers, []


def deeper_is_smaller(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 4: less variance deep in the block than at its start.

    A block is U U^dagger, so its start is layer 0 of U and its middle the last layer.
    Normal test of the difference in log variance, simultaneous for the widths.
    """
    if len({point.ensemble.symbol_layer for point in points}) < 2:
        raise NotJudged("the symbol stays on one layer")
    sampled = _sampled(points)
    pairs = []
    for width in dict.fromkeys(point.ensemble.width for point in sampled):
        of = [point for point in sampled if point.ensemble.width == width]
        of.sort(key=lambda point: point.ensemble.symbol_layer)
        pairs += [(of[0], of[-1])] if len(of) > 1 else []
    if not pairs:
        raise NotJudged("no width has two layers with gradients other than 0")
    quantile = _quantile(level / len(pairs))
    falls, numbers = [], []
    for pair in pairs:
        a, b = (point.summary for point in pair)
        assert a and b
        errors = log_errors(
            [a.variance_low, b.variance_low], [a.variance_high, b.variance_high]
        )
        fall = np.log(a.variance / b.variance)
        falls.append(np.sign(fall) * (abs(fall) > quantile * np.hypot(*errors)))
        layers = [(p.ensemble.symbol_layer, p.prediction.variance) for p in pair]
        numbers.append((pair[0].ensemble.width, a.variance, b.variance, layers))
    wrong = [pair[1] for pair, fall in zip(pairs, falls, strict=True) if fall < 0]
    exact = [(p.prediction.variance, q.prediction.variance) for p, q in pairs]
    explained = any(a and b and b > a for a, b in exact)
    enough = [point for pair in pairs for point in pair]
    verdict = _side(enough, min(falls) > 0, bool(wrong))
    return verdict, {"pairs": numbers, "explained": explained}, wrong


def other_blocks_are_identity(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 5: gradients are those of the first block alone."""
    known, largest, wrong = 0, 0.0, []
    for point in points:
        if point.draws:
            difference = np.abs(point.gradients - point.draws.isolated)
            difference = difference[np.isfinite(difference)]
            known += difference.size
            largest = max(largest, float(difference.max(initial=0.0)))
            wrong += [point] if (difference > SAME_GRADIENT).any() else []
    if not known:
        raise NotJudged("no gradient of the first of several blocks alone was computed")
    numbers = {"known": known, "largest": largest, "explained": False}
    verdict: Verdict = "supported" if known >= FEWEST_COMPARED else "undecided"
    return "contradicted" if wrong else verdict, numbers, wrong


def plotted_is_variance(points: list[Point], level: float) -> Outcome:
    """Is the number that the tutorial plots as "variance" one?

    It plots `reduce_std`, which is the column `std`: it, or its square, lies in the
    interval of the variance.
    """
    sampled = _sampled(points)
    quantile = _quantile(level / len(sampled))
    inside = []
    for point in sampled:
        s = point.summary
        assert s
        reach = quantile * log_errors(s.variance_low, s.variance_high)
        distances = np.log(np.array([s.std, s.std**2]) / s.variance)
        inside.append(np.abs(distances) <= reach)
    plotted, squared = (int(count) for count in np.sum(inside, axis=0))
    # The largest exact variance: the tutorial's 1/8, if it is there.
    example = max(sampled, key=lambda point: point.prediction.variance or 0.0)
    numbers = {
        "plotted": plotted,
        "squared": squared,
        "count": len(sampled),
        "example": example,
        "explained": True,
    }
    supported = plotted == len(sampled) and squared == 0
    denied = plotted == 0 and squared == len(sampled)
    return _side(sampled, supported, denied), numbers, sampled if denied else []


#: Test of each claim, and the keys that its settings do not hold apart.
TESTS: dict[str, tuple[Callable[[list[Point], float], Outcome], tuple[str, ...]]] = {
    "mean_is_zero": (mean_is_zero, (columns.WIDTH,)),
    "variance_falls_with_width": (falls_with_width, (columns.WIDTH,)),
    "variance_falls_exponentially": (falls_exponentially, (columns.WIDTH,)),
    "slope_of_mcclean": (slope_of_mcclean, (columns.WIDTH,)),
    "converges_with_depth": (converges_with_depth, (columns.WIDTH, columns.DEPTH)),
    "identity_blocks_keep_variance": (keeps_variance, (columns.WIDTH,)),
    "deeper_in_block_is_smaller": (
        deeper_is_smaller,
        (columns.WIDTH, columns.SYMBOL_LAYER),
    ),
    "other_blocks_are_identity": (other_blocks_are_identity, (columns.WIDTH,)),
    "plotted_curve_is_a_variance": (plotted_is_variance, (columns.WIDTH,)),
}


# What the tests share.


def _sampled(points: Iterable[Point]) -> list[Point]:
    """The points with a sampled variance; NotJudged where there is none."""
    sampled = [point for point in points if point.summary]
    if not sampled:
        raise NotJudged("nothing was sampled")
    several = [p for p in sampled if p.summary and not np.isnan(p.summary.variance)]
    if not several:
        raise NotJudged("one circuit has no variance")
    moving = [point for point in several if not point.vanishes]
    if not moving:
        raise NotJudged("every gradient is 0")
    spread = [point for point in moving if point.summary and point.summary.variance > 0]
    if not spread:
        raise NotJudged("the sampled gradients of each width are all the same")
    return spread


def _slopes(
    points: Sequence[Point], level: float
) -> tuple[dict[str, Fit], float, float, Numbers]:
    """The fits of a curve, ends of the sampled slope's interval, and both as numbers."""
    sampled = _sampled(points)
    if len(sampled) < 2:
        raise NotJudged("a slope needs two widths that were sampled")
    fits = fit_curves(sampled)
    if SAMPLED not in fits:
        raise NotJudged("the sampled variance is 0 but at one width")
    fit = fits[SAMPLED]
    reach = (fit.slope_high - fit.slope) / NORMAL_975 * _quantile(level)
    ratios = {
        point.ensemble.width: exact / limit
        for point in sampled
        if (exact := point.prediction.variance)
        and (limit := point.prediction.asymptotic_variance)
    }
    far = {width: ratio for width, ratio in ratios.items() if not _converged(ratio)}
    small = any(point.ensemble.sigma is not None for point in sampled)
    numbers = {"fits": fits, "far": far, "small": small, "explained": bool(far)}
    return fits, fit.slope - reach, fit.slope + reach, numbers


def _exact(fits: dict[str, Fit]) -> float:
    """The slope of the exact variance; nan where it is not known."""
    return fits["exact"].slope if "exact" in fits else np.nan


def _side(points: Iterable[Point], supported: bool, contradicted: bool) -> Verdict:
    """The verdict of a test that holds, fails or neither.

    Undecided with few circuits, where the intervals' coverage is not known.
    """
    if min(p.summary.samples for p in points if p.summary) < FEWEST:
        return "undecided"
    return "supported" if supported else "contradicted" if contradicted else "undecided"


def _converged(ratio: float) -> bool:
    return 1 / CONVERGED <= ratio <= CONVERGED


def _quantile(level: float) -> float:
    """Of the normal distribution, for a two-sided test."""
    return float(stats.norm.isf(level / 2))
