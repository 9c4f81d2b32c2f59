"""Variance figures for the paper, drawn from tables; curves, and `maps` beside them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from barren import columns
from barren.analysis import figures, selection, style
from barren.analysis.maps import Drawn, draw_maps
from barren.analysis.tables import key_columns, without_rounding
from barren.physics.ensembles import short
from barren.physics.families import FAMILIES

#: More series or panels than these are not readable: evenly spaced ones are shown.
MOST = 12
#: Parameters that have room for their names, and the letters of a name.
MOST_NAMED = 30
#: Points that have room in a column.
ROOM = 15
PLACES = (*columns.SYMBOL, columns.OBSERVABLE, columns.PARAMETER)


def draw_variance(
    figure: figures.Figure,
    statistics: pd.DataFrame,
    theory: pd.DataFrame,
    fits: pd.DataFrame,
    observable: str = "",
) -> tuple[Figure, pd.DataFrame]:
    """A figure of variances and its source data, from the tables of those names.

    observable: that of all ensembles, where it does not vary. The source has a row for
    each ensemble: keys, samples, the value sampled with its 95 % interval, exact and in
    the limit of infinite depth, and the line fitted.
    """
    table = statistics
    if figure.x == columns.DEPTH:  # of which the theory knows more than was sampled
        sampled = statistics.drop(columns=[*columns.BESIDE])
        table = theory.merge(sampled, on=key_columns(theory), how="left")
    families = [of.family for of in figure.families]
    table = table[table[columns.FAMILY].isin(families)].reset_index(drop=True)
    source = selection.source_data(without_rounding(table), figure.quantity)
    if figure.x == columns.QUBITS[0]:
        source = selection.with_qubits(source)
    if figure.fits:
        source = selection.with_fits(source, fits)
    if figure.x in columns.SYMBOL and not figure.y:  # at a depth of its own
        source["asymptotic"] = np.nan
    source = selection.with_positions(source)
    shown = selection.parameters_apart(source, figure.x)
    rest = [key for key in key_columns(shown) if key not in {figure.x, figure.y}]
    several = shown.groupby(rest, dropna=False)[columns.FAMILY].transform("size") > 1
    if several.any():
        source, shown = source[several], shown[several]
    shown = selection.in_order(shown)
    with matplotlib.rc_context(style.STYLE):
        draw = draw_maps if figure.kind == figures.MAP else _draw_curves
        drawing, shown, notes = draw(figure, shown)
        said = selection.below(figure, shown, observable, notes)
        drawing.supxlabel(said, fontsize=6, color="0.3", wrap=True)
        if figure.x == columns.PARAMETER:
            _name_parameters(drawing, source)
        return drawing, source


#: Label, colour and marker of a series.
Look = tuple[str, str, str]


def _looks(groups: Sequence[pd.DataFrame], labels: Sequence[str]) -> list[Look]:
    """Colours tell families apart and markers their series, where there are few enough.

    Else each series has a colour; many have colours from dark to light.
    """
    names = pd.Series([group[columns.FAMILY].iloc[0] for group in groups])
    ranks = names.groupby(names, observed=True).cumcount()
    hues = marks = list(range(len(groups)))
    marked = all((group[columns.SAMPLES] > 0).any() for group in groups)
    if marked and 1 < names.nunique() < len(groups) and max(ranks) < len(style.MARKERS):
        hues, marks = names.factorize()[0].tolist(), ranks.tolist()
    colours = list(style.COLOURS)
    if max(hues) >= len(colours):
        shades = matplotlib.colormaps[style.COLOUR_MAP]
        colours = [*map(to_hex, shades(np.linspace(0, 0.82, max(hues) + 1)))]
    markers = [style.MARKERS[mark % len(style.MARKERS)] for mark in marks]
    return list(zip(labels, [colours[hue] for hue in hues], markers, strict=True))


def _draw_curves(figure: figures.Figure, shown: pd.DataFrame) -> Drawn:
    """The value against a key: series in a panel, and panels, for what else varies."""
    x = figure.x
    keys = [key for key in key_columns(shown) if key != x]
    by = [columns.WIDTH]
    if x in {columns.WIDTH, *PLACES}:
        by = [key for key in keys if key not in {columns.WIDTH, *PLACES}]
    across = [key for key in keys if key not in by]
    notes: list[str] = []
    # A series or panel without any x, as of uniform angles alone, has no points.
    for apart in (by, across):
        placed = [of for of in selection.groups_by(shown, apart) if of[x].notna().any()]
        shown = pd.concat(placed).sort_index()
    shown = selection.at_most(shown, by, MOST, "series", notes)
    shown = selection.at_most(shown, across, MOST, "panels", notes)
    if x not in {columns.WIDTH, columns.DEPTH}:
        shown = shown.assign(asymptotic=np.nan)
    every, panels = selection.groups_by(shown, by), selection.groups_by(shown, across)
    # A series of wide circuits may have neither samples nor an exact form.
    known = [of for of in every if of[["exact", "sampled"]].notna().any(axis=None)]
    groups = known or every
    looks = _looks(groups, [selection.label(group, by, shown) for group in groups])
    ends = x == columns.DEPTH and len(panels) == 1 and _ends_apart(groups)
    deep = 3.6 if ends else 2.8
    heights = {columns.WIDTH: 2.6 + 0.05 * len(groups), columns.DEPTH: deep}
    drawing, grid = _panels(len(panels), heights.get(x, 2.9), figure.quantity)
    legend: dict[str, Any] = {}
    for axes, panel in zip(grid, panels, strict=True):
        for group, look in zip(groups, looks, strict=True):
            rows = group[group.index.isin(panel.index)].sort_values(x)
            if len(rows):
                name, handle = _draw_series(axes, rows, x, look, ends, len(panels) == 1)
                legend.setdefault(name, handle)
        values = panel[["exact", "sampled"]]
        if not (values > 0).any(axis=None):
            said = "all 0" if values.notna().any(axis=None) else "not known"
            axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center")
        if len(panels) > 1:
            title = selection.label(panel, across, shown)
            axes.set_title(selection.in_lines(title, 28), fontsize=8)
    legend |= _explain(grid[0], shown, x, ends)
    _scale(grid, panels, x)
    _make_room(drawing, grid)
    legend.pop("", None)
    _legend(drawing, legend, len(grid))
    return drawing, shown, notes


def _ends_apart(groups: Sequence[pd.DataFrame]) -> bool:
    """Whether many curves end so far apart that each can be named at its end."""
    exact = pd.concat(groups)["exact"]
    if len(groups) <= len(style.COLOURS) or not (exact > 0).all():
        return False
    ends = np.sort(np.log([group["exact"].iloc[-1] for group in groups]))
    return bool(np.diff(ends).min() > 0.04 * np.log(exact.max() / exact.min()))


def _panels(count: int, height: float, quantity: str) -> tuple[Figure, list[Axes]]:
    """One panel as wide as a column, or several as wide as a page.

    Rows are as even as three panels in each at most allow, and labelled once.
    """
    rows = math.ceil(count / 3)
    cols = math.ceil(count / rows)
    several = style.PAGE_WIDTH, 1.5 + 1.9 * rows
    size = several if count > 1 else (style.COLUMN_WIDTH, height)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, cols, sharey=True, squeeze=False)
    for axes in grid[:, 0]:
        axes.set_ylabel(style.quantity_label(quantity))
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, list(grid.flat[:count])


def _draw_series(
    axes: Axes, rows: pd.DataFrame, x: str, look: Look, ends: bool, alone: bool
) -> tuple[str, Any]:
    """Exact values as a line, the limit dotted, a fit dashed, samples with intervals.

    Where no exact form is known dots and dashes join the samples. A value without x, as
    sigma of uniform angles, is a dashed line across. Returns the entry of the legend.
    """
    across, rows = rows[rows[x].isna()], rows[rows[x].notna()]
    along = rows[x].to_numpy(float)
    title, colour, marker = look
    name = "" if ends else title
    fit = rows[rows["fit"].notna()]
    if len(fit):
        if alone:
            slope = f"{fit[columns.SLOPE].iloc[0]:z.3f}".replace("-", "\N{MINUS SIGN}")
            name = f"{name}, {slope}/qubit"
        axes.plot(fit[x], fit["fit"], "--", color=colour, lw=0.8)
    exact = rows["exact"].where(rows["exact"] > 0)
    points = rows[rows[columns.SAMPLES] > 0]
    value = points["sampled"].where(points["sampled"] > 0)
    (handle,) = axes.plot(along, exact, color=colour, **_exact_line(rows, x))
    limit = rows["asymptotic"].where(rows["asymptotic"] > 0)
    axes.plot(along, limit, ":", color=colour, lw=0.8)
    reach = np.maximum([value - points["low"], points["high"] - value], 0)
    joined = bool(rows["exact"].isna().any()) and not len(fit)
    bar: Any = {"color": colour, "mfc": "white", "elinewidth": 0.8, "lw": 0.6}
    at = points[x].to_numpy(float)
    form = marker + "-." * joined
    bars = axes.errorbar(at, value, reach, fmt=form, label=name, **bar)
    for everywhere in across["exact"]:
        axes.axhline(everywhere, ls="--", lw=0.8, color=colour)
    if ends:
        place = along[-1], rows["exact"].iloc[-1]
        beside: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points"}
        axes.annotate(title, place, **beside, va="center", fontsize=6)
    known = rows[["exact", "sampled"]].notna().any(axis=None)
    return name if known else "", bars if len(points) else handle


def _explain(axes: Axes, shown: pd.DataFrame, x: str, ends: bool) -> dict[str, Any]:
    """What the legend says of lines and points."""
    rows = shown[shown[x].notna()]
    dashed, dotted = {"ls": "--", "lw": 0.8}, {"ls": ":", "lw": 0.8}
    circle = {"ls": "", "marker": "o", "mfc": "white"}
    kinds = (
        ("exponential fit", dashed, shown["fit"].notna()),
        ("sampled", circle, (rows[columns.SAMPLES] > 0) & ends),
        ("exact, uniform angles", dashed, shown["exact"][shown[x].isna()].notna()),
        ("exact", _exact_line(rows, x), rows["exact"].notna()),
        ("infinite depth", dotted, rows["asymptotic"].notna()),
    )
    told = {name: look for name, look, is_there in kinds if is_there.any()}
    return {k: axes.plot([], [], color="0.3", label=k, **v)[0] for k, v in told.items()}


def _scale(grid: Sequence[Axes], panels: Sequence[pd.DataFrame], x: str) -> None:
    """Scales and ticks of the axes, and labels of x.

    All panels go as far, but with parameters, of which each circuit has its own.
    """
    shown = pd.concat(panels)
    values = np.sort(shown[x].dropna().unique().astype(float))
    if not values.size:
        return
    whole = bool(np.all(values % 1 == 0))
    labels = [*map(short, values.tolist())]
    room = len(_with_room(values, labels)) == len(values)
    apart = room and (x == columns.WIDTH or not whole)
    powers = np.log(values) if values[0] > 0 else values[:0]
    told = _with_room(powers, labels)
    doubled = not room and len(told) == len(values)
    if not (shown[["exact", "sampled"]] > 0).any(axis=None):
        grid[0].set_ylim(1e-3, 1)
    margin = style.STYLE["axes.xmargin"]
    for axes, panel in zip(grid, panels, strict=True):
        axes.set_yscale("log")
        if x == columns.SIGMA or doubled:
            axes.set_xscale("log")
            axes.set_xticks(values[told], [labels[at] for at in told])
            axes.xaxis.minorticks_off()
            ends = values[[0, -1]]
            wider = (ends[1] / ends[0]) ** margin if ends[1] > ends[0] else 1.2
            axes.set_xlim(ends[0] / wider, ends[1] * wider)
        else:
            axes.locator_params(axis="x", integer=whole, min_n_ticks=1)
            if apart:
                axes.set_xticks(values, labels)
            of = (panel if x == columns.PARAMETER else shown)[x]
            wider = margin * (of.max() - of.min()) or 0.5
            axes.set_xlim(of.min() - wider, of.max() + wider)
        axes.set_xlabel(style.axis_label(x))


def _with_room(places: NDArray[np.float64], labels: Sequence[str]) -> list[int]:
    """The labels that have room beside those before, at places in ascending order."""
    told: list[int] = []
    share = max(0.07, 0.03 * (max(map(len, labels)) - 1))
    for at, place in enumerate(places):
        if not told or place - places[told[-1]] > share * np.ptp(places):
            told.append(at)
    return told


def _make_room(drawing: Figure, grid: Sequence[Axes]) -> None:
    """A wider figure and smaller marks, where many stand side by side."""
    every = [line for axes in grid for line in axes.lines]
    lines = [line for line in every if line.get_marker() != "None"]
    finite = (np.isfinite(np.asarray(line.get_ydata(), float)) for line in lines)
    most = max((of.sum() for of in finite), default=0)
    if most > ROOM:
        drawing.set_figwidth(style.PAGE_WIDTH)
    if most > MOST_NAMED:
        for line in lines:
            line.set_markersize(line.get_markersize() * math.sqrt(MOST_NAMED / most))


def _name_parameters(drawing: Figure, source: pd.DataFrame) -> None:
    """Names in place of numbers, where they are the same everywhere and have room."""
    named = source.drop_duplicates([columns.POSITION, columns.PARAMETER])
    longest = named[columns.PARAMETER].str.len().max()
    axes, *more = drawing.axes
    several = named[columns.POSITION].duplicated().any()
    if more or several or max(len(named), longest) > MOST_NAMED:
        return
    axes.set_xticks(named[columns.POSITION].astype(int), named[columns.PARAMETER])
    axes.tick_params("x", rotation=90)
    drawing.set_figheight(drawing.get_figheight() + max(0, longest - 5) / 17)


def _legend(figure: Figure, entries: Mapping[str, Any], panels: int) -> None:
    """Each label once, outside the axes, where it never hides data; and room for it."""
    longest = max(map(len, entries), default=0)
    for width in (figure.get_figwidth(), style.PAGE_WIDTH):
        figure.set_figwidth(width)
        cols = max(1, min(3, int(width / 0.05 / (longest + 7))))
        if longest <= 52 and len(entries) <= 8 * cols:
            break
    figure.legend(entries.values(), entries, loc="outside upper left", ncols=cols)
    rows = math.ceil(len(entries) / cols)
    needed = 0.17 * rows + 1.9 * math.ceil(panels / 3)
    figure.set_figheight(max(needed, figure.get_figheight()))


def _exact_line(rows: pd.DataFrame, x: str) -> dict[str, Any]:
    """A line where all in between is known; else marks, and a guide to the eye."""
    dense = {FAMILIES[of].predicts_every for of in rows[columns.FAMILY]} == {x}
    if dense and (rows["exact"] > 0).sum() > 1:
        return {}
    return {"lw": 0.4, "marker": "_", "ms": 10, "mew": 1.2}
