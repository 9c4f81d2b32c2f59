"""Straight lines of log variance against width: fits.csv."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from barren import columns
from barren.analysis.evidence import NotJudged, Point, listed, quantile, sampled_of
from barren.analysis.statistics import NORMAL_975, Fit, fit_slope
from barren.analysis.tables import with_integers
from barren.physics.ensembles import Ensemble, grouped

#: Per qubit, a quarter of the barren plateau's -ln 2.
SLOW = np.log(2) / 4
#: "Converged": within what 200 circuits resolve.
CONVERGED = 1.25
SAMPLED, EXACT, ASYMPTOTIC = "sampled", "exact", "asymptotic"


def curves(points: Sequence[Point]) -> dict[Ensemble, list[Point]]:
    """Points by what they share but the width, in ascending width.

    Keys are ensembles of width 0. Curves of a single width are left out.
    """
    ordered = sorted(points, key=lambda point: point.ensemble.width)
    found = grouped(ordered, lambda point: replace(point.ensemble, width=0))
    return {key: curve for key, curve in found.items() if len(curve) > 1}


def fit_curves(points: Sequence[Point]) -> dict[str, Fit]:
    """Slopes of the sampled, exact and asymptotic log variance of one curve.

    A slope is there if at least two points have a variance that is not 0; the exact
    and the asymptotic one use the widths that were sampled, if any were.
    """
    sampled = [point for point in points if point.varies]
    fits = {}
    if len(sampled) > 1:
        fits[SAMPLED] = fit_sampled(sampled)
    of = sampled if SAMPLED in fits else points
    for name, attribute in ((EXACT, "variance"), (ASYMPTOTIC, "asymptotic_variance")):
        every = ((p.ensemble.width, getattr(p.prediction, attribute)) for p in of)
        known = [(width, variance) for width, variance in every if variance]
        if len(known) > 1:
            fits[name] = fit_slope(*zip(*known, strict=True))
    return fits


def fit_sampled(
    points: Sequence[Point], slack: float = 0.0, against: Any = float
) -> Fit:
    """The line of log variance against a function of the width (see `fit_slope`)."""
    widths = [against(point.ensemble.width) for point in points]
    names = (columns.VARIANCE, *columns.INTERVAL)
    values = ([getattr(point.summary, of) for point in points] for of in names)
    return fit_slope(widths, *values, slack=slack)


def fits_table(points: Sequence[Point], keys: Sequence[str]) -> pd.DataFrame:
    """Every slope of every curve, a row each; `keys` are the key columns."""
    apart = [key for key in keys if key != columns.WIDTH]
    rows = []
    for curve, of in curves(points).items():
        for name, fit in fit_curves(of).items():
            rows.append(curve.keys() | {columns.CURVE: name} | asdict(fit))
    return with_integers(pd.DataFrame(rows, columns=[*apart, *columns.FITS]))


class Slopes(NamedTuple):
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


def slopes_of(points: Sequence[Point], level: float) -> Slopes:
    """The sampled slope of a curve, and what is beside it."""
    sampled = sampled_of(points)
    if len(sampled) < 2:
        raise NotJudged("a slope needs two widths with a sampled variance")
    fits = fit_curves(sampled)
    fit = fits[SAMPLED]
    reach = (fit.slope_high - fit.slope) / NORMAL_975 * quantile(level)
    said = [f"Sampled slope of log variance per qubit: {fit.slope:z.3f}."]
    if np.isfinite(reach):
        said.append(f"95 % interval: [{fit.slope_low:z.3f}, {fit.slope_high:z.3f}].")
    for name, curve in (("Exact", EXACT), ("Infinite depth", ASYMPTOTIC)):
        if curve in fits:
            said.append(f"{name}: {fits[curve].slope:z.3f}.")
    ratios = {point.n: point.over_limit for point in sampled}
    far = {n: of for n, of in ratios.items() if of and not is_converged(of)}
    limit = fits[ASYMPTOTIC].slope if ASYMPTOTIC in fits else None
    small = any(point.ensemble.sigma is not None for point in sampled)
    numbers = {"far": far, "limit": limit, "small_angles": small}
    text = listed("Exact variance over that at infinite depth", far, ".3g")
    return Slopes(fit, fit.slope - reach, fit.slope + reach, said, text, numbers)


def is_converged(ratio: float) -> bool:
    """Whether a variance is that of deep circuits, over which it is the ratio."""
    return 1 / CONVERGED <= ratio <= CONVERGED
