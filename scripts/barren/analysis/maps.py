"""Heat maps of variances, sampled and exact, over two keys."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator
from numpy.typing import NDArray

from barren.analysis import figures, selection, style
from barren.analysis.tables import key_columns

#: More pairs of maps than these are not readable: evenly spaced ones are shown.
MOST_MAPS = 4
#: A figure, the rows that it shows, and what it does not.
Drawn = tuple[Figure, pd.DataFrame, list[str]]


def draw_maps(figure: figures.Figure, shown: pd.DataFrame) -> Drawn:
    """Heat maps over two keys, sampled and exact, of one colour scale; 0 is white."""
    x, y = figure.x, figure.y
    across = [key for key in key_columns(shown) if key not in {x, y}]
    notes: list[str] = []
    shown = selection.at_most(shown, across, MOST_MAPS, "settings", notes)
    kinds = [k for k in ("sampled", "exact") if shown[k].notna().any()] or ["exact"]
    groups = selection.groups_by(shown, across)
    ends = [np.sort(shown[key].unique().astype(float)) for key in (x, y)]
    wide = len(ends[0]) > 1.5 * len(ends[1])
    alone = len(groups) == 1
    values = shown[["exact", "sampled"]].to_numpy(float)
    positive = values[values > 0] if (values > 0).any() else np.ones(1)
    low = float(positive.min())
    norm = LogNorm(low, max(float(positive.max()), 1.01 * low))
    colours = matplotlib.colormaps[style.COLOUR_MAP]
    colours = colours.with_extremes(under="white", bad="0.8")
    look: Any = {"norm": norm, "cmap": colours, "linewidth": 0, "rasterized": True}
    shape = (len(groups), len(kinds))
    size = (style.PAGE_WIDTH, 0.6 + 1.7 * len(groups))
    if alone:
        shape = (len(kinds), 1) if wide else (1, len(kinds))
        size = (style.COLUMN_WIDTH, 3.4 if wide else 2.0)
    drawing = Figure(figsize=size, layout="constrained")
    grid = drawing.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    maps = [(group, kind) for group in groups for kind in kinds]
    for axes, (group, kind) in zip(grid.ravel(), maps, strict=True):
        table = group.pivot(index=y, columns=x, values=kind)
        cells = table.reindex(index=ends[1], columns=ends[0]).to_numpy(float)
        values = np.where(cells <= 0, low * 1e-3, np.maximum(cells, low))
        mesh = axes.pcolormesh(*map(_edges, ends), values, **look)
        title = kind if alone else f"{selection.label(group, across, shown)}: {kind}"
        axes.set_title(selection.in_lines(title, 40), fontsize=8)
        axes.label_outer()
        axes.xaxis.set_major_locator(_ticks(ends[0]))
        axes.yaxis.set_major_locator(_ticks(ends[1]))
        if alone and not wide:
            axes.set_aspect("equal")
    for axes in grid[-1]:
        axes.set_xlabel(style.axis_label(x))
    for axes in grid[:, 0]:
        axes.set_ylabel(style.axis_label(y))
    extend = "min" if (shown[kinds] <= 0).any(axis=None) else "neither"
    bar = drawing.colorbar(mesh, ax=list(grid.ravel()), extend=extend, shrink=0.9)
    bar.set_label(style.quantity_label(figure.quantity))
    return drawing, shown, notes


def _ticks(centres: NDArray[np.float64]) -> Locator:
    """Ticks at whole numbers, and where these have gaps at the cells alone."""
    if (np.diff(centres) > 1).any():
        return FixedLocator(centres.tolist(), nbins=9)
    return MaxNLocator(integer=True, min_n_ticks=1)


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of cells about their centres."""
    half = np.diff(centres) / 2 if len(centres) > 1 else np.array([0.5])
    inner = centres[:-1] + half[: len(centres) - 1]
    return np.hstack([centres[0] - half[0], inner, centres[-1] + half[-1]])
