"""The verdict: every claim that an experiment can speak to, judged from its numbers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special, stats

from barren.agreement import agreement
from barren.ensembles import IDENTITY_FAMILIES, RANDOM, Ensemble
from barren.evidence import FEWEST, LEVEL, SAME_GRADIENT, Claim, Point, Verdict
from barren.statistics import Fit, fit_slope, log_errors

#: "Converged": within what 200 circuits resolve.
CONVERGED = 1.25
#: McClean et al. 2018, figure 3: fitted slope of log variance per qubit.
MCCLEAN_SLOPE = -0.685
#: Per qubit, a quarter of the barren plateau's -ln 2.
SLOW = np.log(2) / 4

TUTORIAL = "TensorFlow Quantum tutorial, Barren plateaus"
MCCLEAN = "McClean et al. 2018, arXiv:1803.11173"
GRANT = "Grant et al. 2019, arXiv:1903.05076"


def judge(points: Sequence[Point]) -> list[Claim]:
    """Judge every claim that the points can speak to."""
    first = [point for point in points if _setting(point) == _setting(points[0])]
    claims = [
        *agreement(points),
        *mean_is_zero(first),
        *variance_falls(first),
        *mcclean_slope(first),
        *converged_with_depth(first),
        *identity_keeps_variance(first),
        *deeper_is_smaller(points),
        *other_blocks_are_identity(points),
        *plotted_is_variance(points),
    ]
    return claims


def _setting(point: Point) -> tuple[object, ...]:
    """What the papers do not vary where they speak of width and depth.

    An experiment that does is judged on those claims by its first setting.
    """
    e = point.ensemble
    return e.sigma, e.symbol, e.observable


def render(claims: Sequence[Claim]) -> str:
    """The verdict as Markdown."""
    lines = ["# Verdict", ""]
    lines += ["| Claim | Verdict |", "| --- | --- |"]
    lines += [f"| {claim.statement} | **{claim.verdict}** |" for claim in claims]
    for claim in claims:
        rate = f"{claim.error_rate:.0%}" if claim.error_rate else "none"
        lines += [
            "",
            f"## {claim.statement}",
            "",
            f"**{claim.verdict.capitalize()}.** {claim.evidence}",
            "",
            f"- Source: {claim.source}.",
            f"- Test: {claim.test}. Error rate: {rate}.",
        ]
    return "\n".join(lines) + "\n"


# The claims of the tutorial and the papers.


def mean_is_zero(points: Sequence[Point]) -> list[Claim]:
    """Tutorial, claim 1: the mean gradient of random circuits is close to 0."""
    sampled = [p for p in points if p.summary and p.ensemble.family == RANDOM]
    if not sampled:
        return []
    quantile = -special.ndtri(LEVEL / (2 * len(sampled)))
    off = []
    short = 0.0
    largest = 0.0
    for point in sampled:
        assert point.summary
        mean, std = point.summary.mean, point.summary.std
        reach = quantile / np.sqrt(point.summary.samples)
        off += [point.ensemble.name] if abs(mean) > reach * std else []
        largest = max(largest, abs(mean) / std) if std else largest
        short = max(short, reach)
    verdict: Verdict = "supported" if short <= 1 / 3 else "undecided"
    evidence = (
        f"Largest mean of {len(sampled)} ensembles: {largest:.2g} standard deviations "
        f"of a gradient, where chance allows {short:.2g}."
    )
    if off:
        verdict = "contradicted"
        evidence += f" Beyond that: {', '.join(off)}."
    return [
        Claim(
            "mean_is_zero",
            "The mean gradient of random circuits is close to 0.",
            f"{TUTORIAL}; {MCCLEAN}",
            evidence,
            "Normal test of every mean, simultaneous (Bonferroni). Supported if it "
            "could see a third of a standard deviation",
            LEVEL,
            verdict,
            tuple(off),
        )
    ]


def curves(points: Sequence[Point]) -> dict[Ensemble, list[Point]]:
    """Points by what they share but the width, in ascending width.

    Keys are ensembles of width 0. Curves of a single width are left out.
    """
    found: dict[Ensemble, list[Point]] = defaultdict(list)
    for point in sorted(points, key=lambda point: point.ensemble.width):
        found[replace(point.ensemble, width=0)].append(point)
    return {key: curve for key, curve in found.items() if len(curve) > 1}


def fit_curves(points: Sequence[Point]) -> dict[str, Fit]:
    """Slopes of the sampled, exact and asymptotic log variance of one curve.

    A slope is there if at least two points have a variance that is not 0; the exact
    and the asymptotic one use the widths that were sampled, if any were.
    """
    sampled = [p for p in points if p.summary and p.summary.variance > 0]
    fits = {}
    if len(sampled) > 1:
        summaries = [p.summary for p in sampled if p.summary]
        fits["sampled"] = fit_slope(
            [p.ensemble.width for p in sampled],
            [s.variance for s in summaries],
            [s.variance_low for s in summaries],
            [s.variance_high for s in summaries],
        )
    of = sampled if "sampled" in fits else points
    for name in ("exact", "asymptotic"):
        attribute = "variance" if name == "exact" else "asymptotic_variance"
        known = [
            (p.ensemble.width, variance)
            for p in of
            if (variance := getattr(p.prediction, attribute))
        ]
        if len(known) > 1:
            fits[name] = fit_slope(*zip(*known, strict=True))
    return fits


def deepest(points: Sequence[Point]) -> list[list[Point]]:
    """Curves of the random family, of each only the one of the largest depth."""
    best: dict[Ensemble, tuple[int, list[Point]]] = {}
    for key, curve in curves(points).items():
        if key.family == RANDOM:
            assert key.depth is not None
            rest = replace(key, depth=0)
            if rest not in best or key.depth > best[rest][0]:
                best[rest] = key.depth, curve
    return [curve for _, curve in best.values()]


def sampled_slopes(
    points: Sequence[Point],
) -> Iterator[tuple[list[Point], dict[str, Fit]]]:
    """The deepest curves that were sampled, each with its slopes."""
    for curve in deepest(points):
        fits = fit_curves(curve)
        if "sampled" in fits:
            yield curve, fits


def _place(curve: Sequence[Point]) -> str:
    """Where a curve stands, in words: 'depth 50' and what is not the default."""
    name = curve[0].ensemble.name.split("_width-")[1].partition("_")[2]
    return " ".join(
        name.replace("_", ", ").replace("block-depth", "block depth").split("-")
    )


def _slopes(fits: Mapping[str, Fit]) -> str:
    parts = []
    for name, fit in fits.items():
        text = f"{name} {fit.slope:z.3f}"
        if fit.slope_low != fit.slope_high:
            text += f" [{fit.slope_low:z.3f}, {fit.slope_high:z.3f}]"
        parts.append(text)
    return ", ".join(parts)


def variance_falls(points: Sequence[Point]) -> list[Claim]:
    """Tutorial, claim 2: the variance falls, and falls exponentially, with width."""
    claims = []
    for curve, fits in sampled_slopes(points):
        fit = fits["sampled"]
        place = _place(curve)
        falls: Verdict = "undecided"
        if fit.slope_high < 0:
            falls = "supported"
        elif fit.slope_low > 0:
            falls = "contradicted"
        claims.append(
            Claim(
                "variance_falls_with_width",
                f"The variance of random circuits falls with width ({place}).",
                f"{TUTORIAL}; {MCCLEAN}",
                f"Slopes of log variance per qubit: {_slopes(fits)}.",
                "The 95 % interval of the slope lies below 0",
                0.05,
                falls,
            )
        )
        if fit.freedom < 1:
            continue
        p_value = float(stats.chi2.sf(fit.chi_square, fit.freedom))
        straight: Verdict = "undecided"
        if p_value < LEVEL:
            straight = "contradicted"
        elif falls == "supported" and fit.slope_high - fit.slope_low <= 2 * SLOW:
            straight = "supported" if fit.freedom > 1 else "undecided"
        evidence = (
            f"Distance of {fit.freedom + 2} widths from a straight line in log "
            f"variance: chi-square {fit.chi_square:.1f} at {fit.freedom} degrees of "
            f"freedom (p = {p_value:.2g})."
        )
        steps = [
            f"{a.ensemble.width} to {b.ensemble.width}: "
            f"{fit_curves([a, b])['sampled'].slope:.2f}"
            for a, b in pairwise(p for p in curve if p.summary and p.summary.variance)
        ]
        evidence += f" Slope per qubit from width {', '.join(steps)}."
        if straight == "contradicted":
            evidence += " At this depth the fall is not exponential over these widths."
        claims.append(
            Claim(
                "variance_falls_exponentially",
                f"The fall is exponential over all widths ({place}).",
                f"{TUTORIAL}; {MCCLEAN}",
                evidence,
                "Chi-square of the points about a straight line of log variance; "
                "supported needs four widths and a slope known to "
                f"{SLOW:.2f} per qubit",
                LEVEL,
                straight,
            )
        )
    return claims


def mcclean_slope(points: Sequence[Point]) -> list[Claim]:
    """McClean et al., figure 3: the slope is -0.685 per qubit."""
    claims = []
    for curve, fits in sampled_slopes(points):
        fit = fits["sampled"]
        verdict: Verdict = "undecided"
        if not fit.slope_low <= MCCLEAN_SLOPE <= fit.slope_high:
            verdict = "contradicted"
        elif fit.slope_high - fit.slope_low <= 2 * SLOW:
            verdict = "supported"
        claims.append(
            Claim(
                "slope_of_mcclean",
                f"Log variance falls by 0.685 per qubit ({_place(curve)}).",
                f"{MCCLEAN}, figure 3",
                f"Slopes per qubit: {_slopes(fits)}, McClean's figure 3 "
                f"{MCCLEAN_SLOPE}, -ln 2 = {-np.log(2):.3f}. McClean et al. mean deep "
                "circuits: where exact and asymptotic slope differ, these are shallow.",
                "The 95 % interval of the sampled slope holds -0.685 and is no wider "
                f"than {2 * SLOW:.2f}",
                0.05,
                verdict,
            )
        )
    return claims


def converged_with_depth(points: Sequence[Point]) -> list[Claim]:
    """McClean et al.: with depth the variance converges to that of a 2-design."""
    exact: dict[Ensemble, dict[int, dict[int, Point]]] = {}
    for point in points:
        e, prediction = point.ensemble, point.prediction
        if (
            e.family == RANDOM
            and prediction.variance
            and prediction.asymptotic_variance
        ):
            assert e.depth is not None
            by_depth = exact.setdefault(replace(e, width=0, depth=0), {})
            by_depth.setdefault(e.depth, {})[e.width] = point

    def ratio(point: Point) -> float:
        variance, limit = (
            point.prediction.variance,
            point.prediction.asymptotic_variance,
        )
        assert variance and limit
        return variance / limit

    claims = []
    for by_depth in exact.values():
        depth = max(by_depth)
        last = dict(sorted(by_depth[depth].items()))
        ratios = {width: ratio(point) for width, point in last.items()}
        far = [w for w, r in ratios.items() if not 1 / CONVERGED <= r <= CONVERGED]
        evidence = "Exact variance over asymptote: " + ", ".join(
            f"{r:.3g} (n = {width})" for width, r in ratios.items()
        )
        seen = [
            width
            for width in far
            if (summary := last[width].summary)
            and summary.variance_low > (last[width].prediction.asymptotic_variance or 0)
        ]
        if far:
            first = min(far)
            beyond = all(width in far for width in ratios if width >= first)
            evidence += f". Depth {depth} has not converged for n " + (
                f">= {first}" if beyond else f"= {', '.join(map(str, far))}"
            )
            evidence += "; a curve that flattens there does so because it is shallow"
        if seen:
            evidence += ". The samples alone exclude the asymptote at n = " + ", ".join(
                map(str, seen)
            )
        claims.append(
            Claim(
                "converged_at_depth",
                f"At depth {depth} the variance is that of deep circuits.",
                MCCLEAN,
                evidence + ".",
                f"Exact variance within a factor {CONVERGED} of the asymptote",
                0.0,
                "contradicted" if far else "supported",
                tuple(last[width].ensemble.name for width in far),
            )
        )
        if len(by_depth) > 1:
            claims.append(_converges(by_depth, ratio))
    return claims


def _converges(by_depth: Mapping[int, Mapping[int, Point]], ratio: Any) -> Claim:
    """Has the exact variance come to the asymptote at the largest depth?"""
    reached: dict[int, str] = {}
    short: list[int] = []
    away: list[int] = []
    limit = np.log(CONVERGED)
    for width in sorted({width for row in by_depth.values() for width in row}):
        distance = {
            depth: abs(np.log(ratio(row[width])))
            for depth, row in sorted(by_depth.items())
            if width in row
        }
        first, last = next(iter(distance.values())), distance[max(distance)]
        if last > limit:
            (short if last < first else away).append(width)
        near = [str(depth) for depth, far in distance.items() if far <= limit]
        reached[width] = near[0] if near else "none"
    evidence = f"First depth here within a factor {CONVERGED}: " + ", ".join(
        f"{depth} (n = {width})" for width, depth in reached.items()
    )
    if short:
        evidence += f". On the way there: n = {', '.join(map(str, short))}"
    if away:
        evidence += f". Farther than at first: n = {', '.join(map(str, away))}"
    verdict: Verdict = "supported"
    if away:
        verdict = "contradicted"
    elif short:
        verdict = "undecided"
    return Claim(
        "converges_with_depth",
        "With depth the variance converges to that of a 2-design.",
        MCCLEAN,
        evidence + ".",
        f"Exact variance within a factor {CONVERGED} of the asymptote at the largest "
        "depth",
        0.0,
        verdict,
    )


def identity_keeps_variance(points: Sequence[Point]) -> list[Claim]:
    """Tutorial, claim 3: identity blocks keep the variance from vanishing."""
    claims = []
    random = [fit_curves(curve).get("sampled") for curve in deepest(points)]
    for key, curve in curves(points).items():
        fit = fit_curves(curve).get("sampled")
        if key.family not in IDENTITY_FAMILIES or key.symbol_layer or fit is None:
            continue
        verdict: Verdict = "undecided"
        steeper = all(
            other is None or other.slope_high < fit.slope_low for other in random
        )
        if fit.slope_high < -SLOW:
            verdict = "contradicted"
        elif fit.slope_low > -SLOW and steeper:
            verdict = "supported"
        evidence = (
            f"Slope of log variance per qubit: {_slopes(fit_curves(curve))}; "
            f"variances {_variances(curve)}"
        )
        for other in random:
            if other is not None:
                evidence += f". Random circuits: {_slopes({'sampled': other})}"
        claims.append(
            Claim(
                "identity_blocks_keep_variance",
                f"Identity blocks ({key.family}, {_place(curve)}) keep the variance "
                "from vanishing with width.",
                f"{TUTORIAL}; {GRANT}",
                evidence + ".",
                f"The 95 % interval of the slope lies above {-SLOW:.2f}, a quarter of "
                "a plateau's, and above that of the random circuits",
                0.05,
                verdict,
            )
        )
    return claims


def _variances(points: Iterable[Point]) -> str:
    return ", ".join(
        f"{p.summary.variance:.3g} (n = {p.ensemble.width})"
        for p in points
        if p.summary
    )


def deeper_is_smaller(points: Sequence[Point]) -> list[Claim]:
    """Tutorial, claim 4: variance is small deep in a block, large at its ends.

    A block is U U^dagger, so its start is layer 0 of U and its middle the last layer.
    """
    profiles: dict[Ensemble, dict[int, dict[int, Point]]] = {}
    for point in points:
        e = point.ensemble
        if point.summary and e.family in IDENTITY_FAMILIES:
            key = replace(e, width=0, block_depth=0, blocks=0, symbol_layer=0)
            layers = profiles.setdefault(key, {}).setdefault(e.width, {})
            layers.setdefault(e.symbol_layer, point)
    claims = []
    for key, by_width in profiles.items():
        pairs = [
            (layers[min(layers)], layers[max(layers)])
            for _, layers in sorted(by_width.items())
            if min(layers) == 0 < max(layers)
        ]
        if not pairs:
            continue
        quantile = -special.ndtri(LEVEL / (2 * len(pairs)))
        signs, texts, wrong = [], [], []
        for start, middle in pairs:
            a, b = start.summary, middle.summary
            assert a and b
            errors = log_errors(
                [a.variance_low, b.variance_low], [a.variance_high, b.variance_high]
            )
            fall = np.log(a.variance) - np.log(b.variance) if b.variance else np.inf
            allowed = quantile * float(np.hypot(*errors))
            signs.append(np.sign(fall) * (abs(fall) > allowed))
            if signs[-1] < 0:
                wrong.append(middle.ensemble.name)
            texts.append(
                f"n = {start.ensemble.width}: {a.variance:.3g} at layer 0, "
                f"{b.variance:.3g} at layer {middle.ensemble.symbol_layer}"
            )
        verdict: Verdict = "undecided"
        if min(signs) < 0:
            verdict = "contradicted"
        elif min(signs) > 0:
            verdict = "supported"
        width = max(by_width)
        law = [
            f"{variance:.3g} (layer {layer})"
            for layer, point in sorted(by_width[width].items())
            if (variance := point.prediction.variance)
        ]
        exact = f" Exact variances at n = {width}: {', '.join(law)}." if law else ""
        claims.append(
            Claim(
                "deeper_in_block_is_smaller",
                f"The deeper in the block ({key.family}), the smaller the variance.",
                f"{TUTORIAL}; {GRANT}; exact law in workflow/docs/theory.md",
                "Variance at the start of the block and in its middle, "
                + "; ".join(texts)
                + "."
                + exact,
                "Normal test of the difference in log variance between the first and "
                "the deepest symbol layer at every width, simultaneous (Bonferroni). "
                "The exact second moments of all layers are tested with the agreement",
                LEVEL,
                verdict,
                tuple(wrong),
            )
        )
    return claims


def other_blocks_are_identity(points: Sequence[Point]) -> list[Claim]:
    """Tutorial, claim 5: changing one parameter leaves other blocks the identity."""
    claims = []
    for family in IDENTITY_FAMILIES:
        of = [p for p in points if p.ensemble.family == family and p.draws]
        of = [p for p in of if p.ensemble.blocks and p.ensemble.blocks > 1]
        known = 0
        largest = 0.0
        wrong = []
        for point in of:
            assert point.draws
            difference = np.abs(point.gradients - point.draws.isolated)
            difference = difference[np.isfinite(difference)]
            known += difference.size
            largest = max(largest, float(difference.max(initial=0.0)))
            if (difference > SAME_GRADIENT).any():
                wrong.append(point.ensemble.name)
        if not of:
            continue
        verdict: Verdict = "undecided"
        if wrong:
            verdict = "contradicted"
        elif known >= FEWEST:
            verdict = "supported"
        claims.append(
            Claim(
                "other_blocks_are_identity",
                "Changing one parameter leaves every other block the identity "
                f"({family}).",
                f"{TUTORIAL}; {GRANT}",
                f"The gradients of {known} circuits differ from those of their first "
                f"block alone by at most {largest:.1g}.",
                "Each gradient within "
                f"{SAME_GRADIENT:g} of the closed form of one rotation (symbol on "
                "layer 0) or of the first block in numpy",
                0.0,
                verdict,
                tuple(wrong),
            )
        )
    return claims


def plotted_is_variance(points: Sequence[Point]) -> list[Claim]:
    """Is the curve that the tutorial plots as "variance" one?

    It plots `reduce_std`, which is the column `std`.
    """
    sampled = [p for p in points if p.summary and p.summary.variance > 0]
    if not sampled:
        return []
    inside = []
    for point in sampled:
        s = point.summary
        assert s
        inside.append(
            (
                s.variance_low <= s.std <= s.variance_high,
                s.variance_low <= s.std**2 <= s.variance_high,
            )
        )
    variance, deviation = np.sum(inside, axis=0)
    verdict: Verdict = "undecided"
    if variance == 0 and deviation == len(sampled):
        verdict = "contradicted"
    elif variance == len(sampled) and deviation == 0:
        verdict = "supported"
    # The largest exact variance: the tutorial's 1/8, if it is there.
    known = [p for p in sampled if p.prediction.variance] or sampled
    example = max(known, key=lambda p: p.prediction.variance or 0.0)
    s = example.summary
    assert s
    evidence = (
        f"{example.ensemble.name}: plotted {s.std:.4g}, variance {s.variance:.4g} "
        f"[{s.variance_low:.4g}, {s.variance_high:.4g}]"
    )
    if exact := example.prediction.variance:
        evidence += f", exact variance {exact:.4g} and its root {np.sqrt(exact):.4g}"
    evidence += (
        f". The plotted number lies in the interval of the variance at {variance} of "
        f"{len(sampled)} ensembles, its square at {deviation}: it is the population "
        "standard deviation."
        if verdict == "contradicted"
        else "."
    )
    return [
        Claim(
            "plotted_curve_is_a_variance",
            'The curve that the tutorial plots as "variance" is the variance.',
            f"{TUTORIAL}, helper of section 3.1 (reduce_std)",
            evidence,
            "The plotted number, or its square, lies in the variance's 95 % interval",
            0.05,
            verdict,
        )
    ]
