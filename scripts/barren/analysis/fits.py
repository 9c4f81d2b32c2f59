"""Straight lines of log variance against width: fits.csv."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from barren import columns
from barren.analysis.evidence import Point
from barren.analysis.statistics import Fit, fit_slope
from barren.analysis.tables import with_integers
from barren.physics.ensembles import Ensemble, grouped

#: Per qubit, a quarter of the barren plateau's -ln 2.
SLOW = np.log(2) / 4
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
    sampled = [p for p in points if p.summary.variance > 0 and not p.vanishes]
    fits = {}
    if len(sampled) > 1:
        summaries = [p.summary for p in sampled]
        fits[SAMPLED] = fit_slope(
            [p.ensemble.width for p in sampled],
            [s.variance for s in summaries],
            [s.variance_low for s in summaries],
            [s.variance_high for s in summaries],
        )
    of = sampled if SAMPLED in fits else points
    for name, attribute in ((EXACT, "variance"), (ASYMPTOTIC, "asymptotic_variance")):
        known = [
            (p.ensemble.width, variance)
            for p in of
            if (variance := getattr(p.prediction, attribute))
        ]
        if len(known) > 1:
            fits[name] = fit_slope(*zip(*known, strict=True))
    return fits


def fits_table(points: Sequence[Point], keys: Sequence[str]) -> pd.DataFrame:
    """Every slope of every curve, a row each; `keys` are the key columns."""
    apart = [key for key in keys if key != columns.WIDTH]
    rows = [
        curve.keys() | {columns.CURVE: name} | asdict(fit)
        for curve, of in curves(points).items()
        for name, fit in fit_curves(of).items()
    ]
    return with_integers(pd.DataFrame(rows, columns=[*apart, *columns.FITS]))
