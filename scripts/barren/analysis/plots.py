"""Variance figures for the paper: one style, drawn from tables, the same to the byte.

Sizes are inches at a journal's column widths. Colours are those of Okabe and Ito, told
apart by the colour-blind; markers and dashes tell the series apart in grey too.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from barren import columns
from barren.analysis import figures
from barren.analysis.tables import key_columns
from barren.analysis.words import SHARED, setting, text
from barren.physics.families import FAMILIES

COLUMN_WIDTH = 3.4
PAGE_WIDTH = 7.0
#: More series or panels, or more pairs of maps, than these are not readable: evenly
#: spaced ones are shown.
MOST = 12
MOST_MAPS = 4
#: A sampled variance below this is what single precision leaves of a gradient of 0,
#: where no exact variance says otherwise.
ROUNDING = 1e-10

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: A heat map's colours: lightness rises evenly, for the colour-blind and in grey.
COLOUR_MAP = "cividis"
QUANTITIES = {
    columns.VARIANCE: "variance of",
    columns.STD: "population standard deviation of",
}
#: Height of a single panel, by the key it stands against.
HEIGHTS = {columns.DEPTH: 2.8}
PLACES = (*figures.SYMBOL, *figures.OBSERVABLE)

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 300,
    # Fonts as outlines a printer accepts; identifiers that do not change.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "barren",
}
_METADATA = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def save(figure: Figure, source: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Write a figure in each format, and its source data as CSV."""
    for path in paths:
        form = path.suffix[1:]
        if form == "csv":
            source.to_csv(path, index=False, lineterminator="\n")
        else:
            with matplotlib.rc_context(STYLE):
                figure.savefig(path, format=form, metadata=_METADATA[form])


def draw_variance(
    figure: figures.Figure,
    statistics: pd.DataFrame,
    theory: pd.DataFrame,
    fits: pd.DataFrame,
) -> tuple[Figure, pd.DataFrame]:
    """A figure of variances and its source data, from the tables of those names.

    The source has a row for each ensemble: keys, samples, the value sampled with its
    95 % interval, exact and in the limit of infinite depth, and the line fitted.
    """
    table = statistics
    if figure.x == columns.DEPTH:  # of which the theory knows more than was sampled
        exact = [columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]
        sampled = statistics.drop(columns=exact)
        table = theory.merge(sampled, on=key_columns(theory), how="left")
    table = table[table[columns.FAMILY].isin(figure.families)].reset_index(drop=True)
    source = _source(table, figure.quantity)
    if figure.fits:
        source = _with_fits(source, fits)
    if figure.x in figures.SYMBOL and not figure.y:  # at a depth of its own
        source["asymptotic"] = np.nan
    rest = [key for key in key_columns(source) if key not in {figure.x, figure.y}]
    several = source.groupby(rest, dropna=False)[columns.FAMILY].transform("size") > 1
    source = source[several] if several.any() else source
    with matplotlib.rc_context(STYLE):
        draw = _draw_maps if figure.kind == figures.MAP else _draw_curves
        root = np.sqrt if figure.quantity == columns.STD else float
        return draw(figure, _shown(source, root(ROUNDING))), source


def _source(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """What a figure shows: keys, the value with its interval, exact and asymptotic."""
    root = np.sqrt if quantity == columns.STD else np.asarray
    return pd.DataFrame(
        {
            **{key: table[key] for key in (*key_columns(table), columns.SAMPLES)},
            "sampled": table[quantity],
            "low": root(table[columns.VARIANCE_LOW]),
            "high": root(table[columns.VARIANCE_HIGH]),
            "exact": root(table[columns.EXACT_VARIANCE]),
            "asymptotic": root(table[columns.ASYMPTOTIC_VARIANCE]),
        }
    )


def _with_fits(source: pd.DataFrame, fits: pd.DataFrame) -> pd.DataFrame:
    """The source with slope and line of the fit to the samples, where there is one."""
    keys = [key for key in key_columns(source) if key != columns.WIDTH]
    fitted = fits[fits[columns.CURVE] == "sampled"].astype(source[keys].dtypes)
    lines = source.merge(fitted, on=keys, how="left")
    slope = lines[columns.SLOPE].where(lines[columns.SAMPLES] > 0).to_numpy(float)
    width = lines[columns.WIDTH].to_numpy(float)
    fit = np.exp(lines[columns.INTERCEPT].to_numpy(float) + slope * width)
    return source.assign(**{"fit": fit, columns.SLOPE: slope})


def _shown(source: pd.DataFrame, rounding: float) -> pd.DataFrame:
    """The source in the order of the families, 0 in place of what is left of a 0."""
    order = pd.CategoricalDtype(source[columns.FAMILY].unique(), ordered=True)
    zero = (source["sampled"] < rounding) & ~(source["exact"] > 0)
    return source.assign(
        family=source[columns.FAMILY].astype(order),
        samples=source[columns.SAMPLES].fillna(0),
        sampled=source["sampled"].mask(zero, 0.0),
    )


def _groups(shown: pd.DataFrame, keys: Sequence[str]) -> list[pd.DataFrame]:
    """The rows that agree in some keys, a table each, in the order of the keys."""
    if not keys:
        return [shown]
    groups = shown.groupby(list(keys), dropna=False, observed=True)
    return [group for _, group in groups]


def _some(
    shown: pd.DataFrame, keys: Sequence[str], most: int, what: str, notes: list[str]
) -> pd.DataFrame:
    """The rows of at most so many groups, evenly spaced; a note of what is left out."""
    groups = _groups(shown, keys)
    if len(groups) <= most:
        return shown
    notes.append(f"{most} of {len(groups)} {what}")
    places = np.linspace(0, len(groups) - 1, most).round().astype(int)
    return pd.concat([groups[place] for place in places]).sort_index()


def _label(group: pd.DataFrame, keys: Sequence[str], shown: pd.DataFrame) -> str:
    """What tells a series or a panel apart from the others of a figure, in words."""
    row = group.iloc[0]
    values = {key: row[key] for key in key_columns(shown) if not pd.isna(row[key])}
    family = FAMILIES[values.pop(columns.FAMILY)]
    ensemble = family(**values)
    varies = {key for key in keys if shown[key].nunique(dropna=False) > 1}
    own = [key for key in family.circuit_keys() if key not in SHARED]
    parts = [family.title] if columns.FAMILY in varies else []
    if columns.WIDTH in keys:
        parts.append(f"{ensemble.width} qubits")
    if not varies.issuperset(own) and not set(own) <= set(keys):
        parts += [text(key, values) for key in own if key in varies]
        varies -= set(own)
    parts.append(setting(ensemble, varies - {columns.WIDTH}))
    return ", ".join(filter(None, parts)) or ensemble.structure


@dataclass(frozen=True)
class _Style:
    """How a series looks."""

    label: str
    colour: str
    marker: str


def _styles(groups: Sequence[pd.DataFrame], labels: Sequence[str]) -> list[_Style]:
    """Colours tell families apart and markers their series, where there are few enough.

    Else each series has a colour; many have colours from dark to light.
    """
    names = [str(group[columns.FAMILY].iloc[0]) for group in groups]
    families = list(dict.fromkeys(names))
    hues = marks = list(range(len(groups)))
    ranks = [names[:number].count(name) for number, name in enumerate(names)]
    if 1 < len(families) < len(groups) and max(ranks) < len(MARKERS):
        hues, marks = [families.index(name) for name in names], ranks
    colours = list(COLOURS)
    if max(hues) >= len(COLOURS):
        shades = matplotlib.colormaps[COLOUR_MAP]
        colours = [to_hex(shades(0.95 * hue / max(hues))) for hue in range(max(hues) + 1)]
    return [
        _Style(label, colours[hue], MARKERS[mark % len(MARKERS)])
        for label, hue, mark in zip(labels, hues, marks, strict=True)
    ]


def _draw_curves(figure: figures.Figure, shown: pd.DataFrame) -> Figure:
    """The value against a key: series in a panel, and panels, for what else varies."""
    x = figure.x
    keys = [key for key in key_columns(shown) if key != x]
    by = [columns.WIDTH]
    if x in {columns.WIDTH, *PLACES}:
        by = [key for key in keys if key not in {columns.WIDTH, *PLACES}]
    across = [key for key in keys if key not in by]
    notes: list[str] = []
    shown = _some(shown, by, MOST, "series", notes)
    shown = _some(shown, across, MOST, "panels", notes)
    if x not in {columns.WIDTH, columns.DEPTH}:
        shown = shown.assign(asymptotic=np.nan)
    groups, panels = _groups(shown, by), _groups(shown, across)
    styles = _styles(groups, [_label(group, by, shown) for group in groups])
    ends = x == columns.DEPTH and len(panels) == 1 and _ends_apart(groups)
    height = 2.6 + 0.05 * len(groups) if x == columns.WIDTH else HEIGHTS.get(x, 2.9)
    drawing, grid = _panels(len(panels), 3.6 if ends else height)
    for axes, panel in zip(grid, panels, strict=True):
        for group, style in zip(groups, styles, strict=True):
            rows = group[group.index.isin(panel.index)].sort_values(x)
            if len(rows):
                _draw_series(axes, rows, x, style, ends, len(panels) == 1)
        if len(panels) > 1:
            title = _label(panel, across, shown)
            axes.set_title(textwrap.fill(title, 34), fontsize=8)
    _explain(grid[0], shown, x, ends)
    _scale(grid, shown, figure)
    _legend(drawing, grid)
    if notes:
        drawing.supxlabel(_note(notes), fontsize=6, color="0.3")
    return drawing


def _ends_apart(groups: Sequence[pd.DataFrame]) -> bool:
    """Whether many curves end so far apart that each can be named at its end."""
    if len(groups) <= len(COLOURS):
        return False
    values = np.log([group["exact"].iloc[-1] for group in groups])
    lowest = np.log(pd.concat(groups)["exact"].min())
    room = np.log(pd.concat(groups)["exact"].max()) - lowest
    return bool(np.all(np.diff(np.sort(values)) > 0.04 * room))


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """One panel as wide as a column, or several as wide as a page, three in a row."""
    rows = math.ceil(count / 3)
    cols = math.ceil(count / rows)
    size = (COLUMN_WIDTH, height) if count == 1 else (PAGE_WIDTH, 1.5 + 1.9 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, cols, sharey=True, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.remove()
    return figure, list(grid[:count])


def _draw_series(
    axes: Axes, rows: pd.DataFrame, x: str, style: _Style, ends: bool, alone: bool
) -> None:
    """Exact values as a line, the limit dotted, a fit dashed, samples with intervals.

    Where no exact form is known dashes join the samples. A value without x, as sigma of
    uniform angles, is a dashed line across.
    """
    across, rows = rows[rows[x].isna()], rows[rows[x].notna()]
    along = rows[x].to_numpy(float)
    label = "" if ends else style.label
    fitted = "fit" in rows and rows["fit"].notna().any()
    if fitted:
        fit = rows.dropna(subset="fit")
        if alone:
            slope = f"{fit[columns.SLOPE].iloc[0]:.3f}".replace("-", "\N{MINUS SIGN}")
            label = f"{label}, slope {slope}"
        axes.plot(fit[x], fit["fit"], "--", color=style.colour, lw=0.8)
    exact = rows["exact"].where(rows["exact"] > 0)
    axes.plot(along, exact, "-", color=style.colour)
    axes.plot(along, rows["asymptotic"], ":", color=style.colour, lw=0.8)
    points = rows[(rows[columns.SAMPLES] > 0) & (rows["sampled"] > 0)]
    value, low, high = (
        points[key].to_numpy(float) for key in ("sampled", "low", "high")
    )
    joined = rows["exact"].isna().any() and not fitted
    axes.errorbar(
        points[x].to_numpy(float),
        value,
        yerr=np.maximum([value - low, high - value], 0),
        fmt=style.marker + "--" * joined,
        color=style.colour,
        mfc="white",
        elinewidth=0.8,
        lw=0.6,
        label=label,
    )
    for exact in across["exact"]:
        axes.axhline(exact, ls="--", lw=0.8, color=style.colour)
    if ends:
        place = along[-1], rows["exact"].iloc[-1]
        axes.annotate(
            style.label, place, (5, 0), textcoords="offset points", va="center", fontsize=6
        )


def _explain(axes: Axes, shown: pd.DataFrame, x: str, ends: bool) -> None:
    """Say in the legend what lines and points are."""
    rows = shown[shown[x].notna()]
    alone = (rows[columns.SAMPLES] == 0).any()
    if "fit" in shown and shown["fit"].notna().any():
        axes.plot([], [], "--", color="0.3", lw=0.8, label="fit of the samples")
    if ends and (rows[columns.SAMPLES] > 0).any():
        axes.plot([], [], "o", color="0.3", mfc="white", label="sampled")
    if len(rows) < len(shown):
        axes.plot([], [], "--", color="0.3", lw=0.8, label="exact, uniform angles")
    if rows["exact"].notna().any():
        label = "exact (bare: theory alone)" if alone else "exact"
        axes.plot([], [], "-", color="0.3", label=label)
    if rows["asymptotic"].notna().any():
        axes.plot([], [], ":", color="0.3", lw=0.8, label="depth to infinity")


def _scale(grid: Sequence[Axes], shown: pd.DataFrame, figure: figures.Figure) -> None:
    """Scales, ticks and labels of the axes."""
    x = figure.x
    values = sorted(shown[x].dropna().unique())
    for axes in grid:
        axes.set_yscale("log")
        if x == columns.SIGMA:
            axes.set_xscale("log")
        elif x == columns.WIDTH and len(values) <= 14:
            axes.set_xticks(values)
        elif values[-1] - values[0] < 10:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(_axis(x))
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(_quantity(figure.quantity))


def _legend(figure: Figure, grid: Sequence[Axes]) -> None:
    """Each label once, outside the axes, where it never hides data; and room for it."""
    entries: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    longest = max(map(len, entries))
    if longest > 52:
        figure.set_figwidth(PAGE_WIDTH)
    room = figure.get_figwidth() / 0.05  # letters on a line
    cols = max(1, min(3, int(room / (longest + 6))))
    figure.legend(entries.values(), entries, loc="outside upper left", ncols=cols)
    rows = math.ceil(len(entries) / cols)
    needed = 0.14 * rows + 1.9 * grid[0].get_subplotspec().get_gridspec().nrows
    figure.set_figheight(max(needed, figure.get_figheight()))


def _draw_maps(figure: figures.Figure, shown: pd.DataFrame) -> Figure:
    """Heat maps over two keys, sampled and exact, of one colour scale; 0 is white."""
    x, y = figure.x, figure.y
    across = [key for key in key_columns(shown) if key not in {x, y}]
    notes: list[str] = []
    shown = _some(shown, across, MOST_MAPS, "pairs of maps", notes)
    kinds = [k for k in ("sampled", "exact") if shown[k].notna().any()] or ["exact"]
    groups = _groups(shown, across)
    ends = [np.sort(shown[key].unique().astype(float)) for key in (x, y)]
    wide = len(ends[0]) > 1.5 * len(ends[1])
    alone = len(groups) == 1
    norm = _norm(shown)
    colours = matplotlib.colormaps[COLOUR_MAP].with_extremes(under="white")
    shape = (len(groups), len(kinds))
    size = (PAGE_WIDTH, 0.6 + 1.7 * len(groups))
    if alone:
        shape = (len(kinds), 1) if wide else (1, len(kinds))
        size = (COLUMN_WIDTH, 3.4 if wide else 2.0)
    drawing = Figure(figsize=size, layout="constrained")
    grid = drawing.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    maps = [(group, kind) for group in groups for kind in kinds]
    for axes, (group, kind) in zip(grid.ravel(), maps, strict=True):
        cells = group.pivot(index=y, columns=x, values=kind)
        cells = cells.reindex(index=ends[1], columns=ends[0]).to_numpy(float)
        mesh = axes.pcolormesh(
            *map(_edges, ends),
            np.where(cells <= 0, norm.vmin * 1e-3, np.maximum(cells, norm.vmin)),
            norm=norm,
            cmap=colours,
            linewidth=0,
            rasterized=True,
        )
        title = kind if alone else f"{_label(group, across, shown)}: {kind}"
        axes.set_title(textwrap.fill(title, 50), fontsize=8)
        axes.label_outer()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        if not wide:
            axes.set_aspect("equal")
    for axes in grid[-1]:
        axes.set_xlabel(_axis(x))
    for axes in grid[:, 0]:
        axes.set_ylabel(_axis(y))
    zeros = (shown[kinds] <= 0).any(axis=None)
    bar = drawing.colorbar(
        mesh, ax=list(grid.ravel()), extend="min" if zeros else "neither", shrink=0.9
    )
    bar.set_label(_quantity(figure.quantity))
    if notes:
        drawing.supxlabel(_note(notes), fontsize=6, color="0.3")
    return drawing


def _norm(shown: pd.DataFrame) -> LogNorm:
    """The colours' scale: the exact variances above 0, or the sampled where none is."""
    values = shown["exact"] if shown["exact"].notna().all() else shown[["exact", "sampled"]]
    values = values.to_numpy(float)
    positive = values[values > 0] if (values > 0).any() else np.ones(1)
    return LogNorm(float(positive.min()), float(max(positive.max(), 1.01 * positive.min())))


def _note(notes: Sequence[str]) -> str:
    return f"Shown: {', '.join(notes)}. The source data has all."


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of cells about their centres."""
    half = np.diff(centres) / 2 if len(centres) > 1 else np.array([0.5])
    inner = centres[:-1] + half if len(centres) > 1 else []
    return np.hstack([centres[0] - half[0], inner, centres[-1] + half[-1]])


def _axis(key: str) -> str:
    return figures.axis(key).replace("sigma", r"$\sigma$")


def _quantity(quantity: str) -> str:
    return rf"{QUANTITIES[quantity]} $\partial_\theta\langle Z_a Z_b\rangle$"
