"""The claims of the tutorial and of the papers, each tested in every setting.

A *setting* holds the ensembles that differ in nothing but what the claim is about, as
the width. A family names the claims that are made of it (`Ensemble.claims`). The tests
give a verdict and what it rests on; `texts` has the claims in words.
workflow/docs/statistics.md says how far the tests were tried.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile

import numpy as np

from barren import columns
from barren.analysis import evidence, fits, special
from barren.analysis.agreement import agreement
from barren.analysis.evidence import NotJudged, Outcome, Point, listed, side
from barren.analysis.fits import SLOW, slopes_of
from barren.analysis.statistics import fit_slope, log_errors
from barren.physics.ensembles import grouped
from barren.physics.layered import Layered
from barren.physics.observables import GLOBAL, LOCAL, NAMES

COSTS = "cost_decides"
Test = Callable[[list[Point], float], Outcome]

#: McClean et al. 2018, figure 3: fitted slope of log variance per qubit.
MCCLEAN_SLOPE = -0.685
#: Share of it that counts as the same. The paper gives no error: a fit of 200 circuits
#: at each of its widths has two standard errors of 2 %, and over other widths the slope
#: of the exact limit differs by as much (-0.693 to -0.709).
TOLERANCE = 0.05
#: Of a log variance: how far it may lie off a line that is called straight. That of a
#: 2-design, N / (N^2 - 1), does by 0.04 from 2 qubits on.
NEARLY = 0.05
#: Means that must be seen, in standard deviations of the gradient.
LARGE_MEAN = 1 / 3
#: Of the logarithm of a variance that has reached its limit; another one may pass it.
AT_LIMIT = 0.01
#: Widths of a slope that says whether a fall is exponential.
FEWEST_WIDTHS = 3
#: Circuits compared with their first block alone; a wrong block changes almost each.
FEWEST_COMPARED = 10


def judge(points: Sequence[Point]) -> list[evidence.Finding]:
    """Judge every claim in every setting of an experiment.

    The chance that a true claim is called contradicted is at most `LEVEL` for each
    claim: each of its settings is tested at that level over their number (Bonferroni).
    """
    findings = [agreement(points)]
    for claim, test in TESTS.items():
        made_of = [point for point in points if claim in point.ensemble.claims]
        if claim == COSTS:  # of two observables, where they are there
            made_of = [p for p in made_of if p.ensemble.observable in NAMES]
        settings = evidence.by_setting(made_of, {columns.WIDTH, *OWN.get(claim, ())})
        verdicts = [_outcome(test, of, evidence.LEVEL)[0] for of in settings.values()]
        level = evidence.LEVEL / max(1, len(verdicts) - verdicts.count("not judged"))
        for setting, of in settings.items():
            verdict, said, numbers = _outcome(test, of, level)
            told = " ".join(filter(None, said))
            findings.append(evidence.Finding(claim, setting, verdict, told, numbers))
    return findings


def _outcome(test: Test, points: list[Point], level: float) -> Outcome:
    """What a test says of a setting, or why it says nothing."""
    try:
        return test(points, level)
    except NotJudged as why:
        return "not judged", [str(why)], {}


# The tests: points of one setting in ascending width, and the chance of a false alarm.


def mean_is_zero(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 1: Student's test of every mean, simultaneous."""
    sampled = evidence.sampled_of(points)
    summaries = [point.summary for point in sampled]
    means = np.array([abs(s.mean) / np.sqrt(s.variance) for s in summaries])
    samples = np.array([s.samples for s in summaries])
    reach = -special.stdtrit(samples - 1, level / len(sampled) / 2) / np.sqrt(samples)
    off = [p for p, beyond in zip(sampled, means > reach, strict=True) if beyond]
    known = {p.n: m for p in sampled if (m := p.prediction.mean) is not None}
    # That of uniform angles is 0, as theta is alone.
    exact = [known.get(p.n, math.inf if p.ensemble.sigma else 0.0) for p in sampled]
    zero = all(abs(of) <= p.rounding for of, p in zip(exact, sampled, strict=True))
    small = zero and reach.max() <= LARGE_MEAN
    # Student's test of three gradients near either end is wrong more often.
    few = samples.min() < evidence.FEWEST
    said = [
        f"Largest mean: {means.max():.2g} standard deviations of the gradient, where "
        f"chance allows {reach.max():.2g}.",
        listed("Means beyond chance", {p.n: p.summary.mean for p in off}, ".3g"),
        "" if zero and not off else listed("Exact means", known, ".3g"),
        evidence.FEW.format(samples.min()) if few else "",
    ]
    return evidence.called(small and not off, off and not few), said, {}


def falls_with_width(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: the interval of the slope lies below 0."""
    of = slopes_of(points, level)
    return side(points, of.high < 0, of.low > 0, of.said, **of.numbers)


def falls_exponentially(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 2: chi-square of log variance about a straight line, nearly.

    And about a power law, a straight line against log width, which must not pass.
    """
    _require_fixed_weights(points)
    of = slopes_of(points, level)
    fit = of.fit
    if fit.freedom < 1:
        raise NotJudged("two widths are always on a straight line")
    sampled = evidence.sampled_of(points)
    near = fits.fit_sampled(sampled, slack=NEARLY)
    power = fits.fit_sampled(sampled, against=math.log, slack=NEARLY)
    p_value, p_power = special.chdtrc(fit.freedom, [near.chi_square, power.chi_square])
    known = (of.high - of.low) / 2 <= SLOW and fit.freedom > 1
    steps = {
        f"{a.n} to {b.ensemble.width}": fits.fit_curves([a, b])[fits.SAMPLED].slope
        for a, b in pairwise(sampled)
    }
    said = [
        f"Chi-square, of {fit.freedom} degree{'s' * (fit.freedom > 1)} of freedom, to "
        f"{NEARLY:g} about a straight line: {near.chi_square:.1f} (p = {p_value:.2g}); "
        f"about a power law: {power.chi_square:.1f} (p = {p_power:.2g}).",
        listed("Slopes from width to width", steps, "z.2f"),
        of.far,
    ]
    straight = of.high < 0 and known and p_value >= evidence.LEVEL and p_power < level
    return side(points, straight, p_value < level, said, **of.numbers)


def slope_of_mcclean(points: list[Point], level: float) -> Outcome:
    """McClean et al., figure 3: the slope is -0.685 per qubit, within a tolerance."""
    _require_fixed_weights(points)
    of = slopes_of(points, level)
    first, last = MCCLEAN_SLOPE * (1 + TOLERANCE), MCCLEAN_SLOPE * (1 - TOLERANCE)
    inside = first <= of.low and of.high <= last
    outside = of.high < first or of.low > last
    return side(points, inside, outside, [*of.said, of.far], **of.numbers)


def converges_with_depth(points: list[Point], level: float) -> Outcome:
    """McClean et al.: with depth the exact variance comes to that of a 2-design.

    On its way it may pass the limit, so two depths must be near, or one at it; and no
    depth is the last, so none contradicts.
    """
    known: dict[str, dict[int, float]] = {}
    for point in points:
        if ratio := point.over_limit:
            known.setdefault(point.n, {})[point.ensemble.layers] = ratio
    if not known:
        raise NotJudged("no exact variance is known beside its limit for deep circuits")
    reached: dict[str, float] = {}
    passing: dict[str, float] = {}
    short: dict[str, float] = {}
    for width, of in known.items():
        depths = sorted(of, reverse=True)
        near = len([*takewhile(fits.is_converged, (of[depth] for depth in depths))])
        if near > 1 or abs(math.log(of[depths[0]])) < AT_LIMIT:
            reached[width] = depths[near - 1]
        else:
            (passing if near else short)[width] = of[depths[0]]
    beyond = "exact variance over its limit"
    said = [
        evidence.alike("Largest depth", {n: max(of) for n, of in known.items()}),
        listed("First depth asked for from which on it has converged", reached),
        listed(f"Converged at the largest depth alone, {beyond}", passing, ".3g"),
        listed(f"Not converged at the largest depth, {beyond}", short, ".3g"),
    ]
    return "undecided" if passing or short else "supported", said, {}


def keeps_variance(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 3: the slope is less than a quarter of the plateau's."""
    _require_fixed_weights(points)
    of = slopes_of(points, level)
    *narrow, a, b = evidence.sampled_of(points)
    # From narrow widths on it may fall until the light cone has room.
    last = fits.fit_curves([a, b]).get(fits.EXACT)
    falls = of.high < -SLOW and (last is None or last.slope < -SLOW) and bool(narrow)
    said = last and f"Exact from {a.n} to {b.ensemble.width}: {last.slope:z.3f}."
    return side(points, of.low > -SLOW, falls, [*of.said, said or ""])


def deeper_is_smaller(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 4: less variance deep in the block than at its start.

    A block is U U^dagger, so its start is layer 0 of U, and deep is the other half of
    U. Normal test of the difference in log variance, simultaneous for the widths.
    """
    if len({_layer(point) for point in points}) < 2:
        raise NotJudged("the symbol stays on one layer")
    sampled = evidence.sampled_of(points)
    ordered = sorted(sampled, key=lambda p: (p.ensemble.width, _layer(p)))
    widths = grouped(ordered, lambda p: p.ensemble.width)
    every = [(of[0], of[-1]) for of in widths.values()]
    pairs = [(a, b) for a, b in every if _layer(a) == 0 and _is_deep(b)]
    if not pairs:
        raise NotJudged(
            "no width has gradients other than 0 at the start of the block and deep, "
            "in the second half of U"
        )
    ends = [point for pair in pairs for point in pair]
    label = {f"{p.n}, layer {_layer(p)}": p for p in ends}
    falls: list[float] = []
    for a, b in ((p.summary, q.summary) for p, q in pairs):
        errors = [log_errors(of.variance_low, of.variance_high) for of in (a, b)]
        fall = np.log(a.variance / b.variance)
        allowed = evidence.quantile(level / len(pairs)) * np.hypot(*errors)
        falls.append(np.sign(fall) * (abs(fall) > allowed))
    seen = {k: p.summary.variance for k, p in label.items()}
    exact = {k: v for k, p in label.items() if (v := p.prediction.variance)}
    variances = {"Sampled variance": seen, "Exact variance": exact}
    said = [listed(what, of, ".3g") for what, of in variances.items()]
    return side(ends, min(falls) > 0, min(falls) < 0, said)


def other_blocks_are_identity(points: list[Point], level: float) -> Outcome:
    """Tutorial, claim 5: gradients are those of the first block alone."""
    judged = [(p, p.draws.isolated) for p in points if p.draws and not p.vanishes]
    pairs = [np.stack([p.gradients, of]) / p.ensemble.norm for p, of in judged]
    whole, first = np.concatenate([*pairs, np.empty((2, 0))], axis=1)
    difference = np.abs(whole - first)[known := np.isfinite(first)]
    if not known.any():
        raise NotJudged(
            "no gradient but 0 was computed of the first of several blocks alone"
        )
    largest, large = difference.max(), (np.abs(first) > evidence.SAME_GRADIENT).sum()
    said = [
        f"The gradients of {known.sum()} circuits differ from those of the first block "
        f"alone by at most {largest:.1g} ‖O‖; {large} of these are larger than "
        f"{evidence.SAME_GRADIENT:g} ‖O‖."
    ]
    differ = largest > evidence.SAME_GRADIENT
    return evidence.called(large >= FEWEST_COMPARED, differ), said, {}


def plotted_is_variance(points: list[Point], level: float) -> Outcome:
    """Is what the tutorial plots as "variance", `reduce_std`, our column `std`, one?

    It, or its square, lies in the interval of the variance.
    """
    sampled = evidence.sampled_of(points)
    inside = []
    for s in (point.summary for point in sampled):
        error = log_errors(s.variance_low, s.variance_high)
        reach = evidence.quantile(level / len(sampled)) * error
        distances = np.log(np.array([s.std, s.std**2]) / s.variance)
        inside.append(np.abs(distances) <= reach)
    plotted, squared = np.all(inside, axis=0)
    never, squared_never = ~np.any(inside, axis=0)
    # The largest exact variance: the tutorial's 1/8, if it is there.
    example = max(sampled, key=lambda point: point.prediction.variance or 0.0)
    s, exact = example.summary, example.prediction.variance
    said = [
        f"Plotted at {example.n}: {s.std:.4g}; the variance: {s.variance:.4g} "
        f"[{s.variance_low:.4g}, {s.variance_high:.4g}].",
        "" if exact is None else f"Exact variance: {exact:.4g}.",
    ]
    supported, contradicted = plotted and squared_never, never and squared
    return side(sampled, supported, contradicted, said)


def cost_decides(points: list[Point], level: float) -> Outcome:
    """Cerezo et al. 2021: a global cost falls at any depth, a local one when deep.

    Slopes of the exact log variance against width, of the local cost times n^2: that
    its terms are averaged is no plateau. Of the widths that were sampled, if these are
    three: two are on any line. A depth is shallow if it is less than each width.
    """
    sampled = [point for point in points if point.summary.samples]
    if len({point.ensemble.width for point in sampled}) < FEWEST_WIDTHS:
        sampled = points
    slopes: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    spans: dict[str, str] = {}
    for name, found in slopes.items():
        own = [p for p in sampled if p.ensemble.observable == name]
        for depth in sorted({p.ensemble.layers for p in own}):
            curve = [
                (p.ensemble.width, variance * p.ensemble.width ** (2 * (name == LOCAL)))
                for p in own
                if p.ensemble.layers == depth and (variance := p.prediction.variance)
            ]
            if len(curve) >= FEWEST_WIDTHS:
                widths, variances = zip(*curve, strict=True)
                found[depth] = fit_slope(widths, variances).slope
                spans[f"{name}, depth {depth}"] = ", ".join(map(str, widths))
    local, global_ = slopes[LOCAL], slopes[GLOBAL]
    if len(local) < 2 or not global_:
        raise NotJudged("it needs both costs, three widths and two depths")
    shallow, deep = local[min(local)], local[max(local)]
    kept = shallow > -SLOW and max(global_.values()) < -2 * SLOW
    is_shallow = min(local) < min(p.ensemble.width for p in sampled)
    lost = max(global_.values()) > -SLOW or (is_shallow and shallow < -2 * SLOW)
    said = [evidence.alike("Widths", spans)]
    for name, of in (("Global", global_), ("Local", local)):
        told = {f"depth {depth}": slope for depth, slope in of.items()}
        said.append(listed(name, told, "z.3f"))
    return evidence.called(kept and deep < -SLOW, lost), said, {}


TESTS: dict[str, Test] = {
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


def _require_fixed_weights(points: Sequence[Point]) -> None:
    """Raise NotJudged for an observable whose weights fall with the width."""
    if points[0].ensemble.observable == LOCAL:
        raise NotJudged(
            "the local cost averages its terms: it falls with the width as their "
            "weights do"
        )


def _layer(point: Point) -> int:
    """The symbol's; a family of which layers are claimed is layered."""
    assert isinstance(point.ensemble, Layered)
    return point.ensemble.symbol_layer


def _is_deep(point: Point) -> bool:
    """Whether the symbol is in the half of U that is next to its inverse."""
    assert isinstance(point.ensemble, Layered)
    return 2 * _layer(point) >= point.ensemble.symbol_layers > 1
