"""Figures for the paper: one style, drawn from tables, the same to the byte.

Sizes are inches at a journal's column widths. Colours are those of Okabe and Ito, told
apart by the colour-blind; markers and dashes tell the series apart in grey too.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from barren import columns
from barren.circuits import AXES, Circuits
from barren.ensembles import RANDOM, Ensemble
from barren.tables import key_columns

COLUMN_WIDTH = 3.4
PAGE_WIDTH = 7.0
FORMATS = ("pdf", "svg", "png", "csv")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
NAMES = {
    "random": "random",
    "identity": "identity blocks (Grant)",
    "identity_tutorial": "identity blocks (tutorial)",
}
AXES_LABELS = {
    columns.WIDTH: "width (qubits)",
    columns.DEPTH: "depth (layers)",
    columns.SYMBOL_LAYER: "layer of the symbol",
    columns.SYMBOL_QUBIT: "qubit of the symbol",
    columns.OBSERVABLE_A: "qubit a",
    columns.OBSERVABLE_B: "qubit b",
    columns.SIGMA: r"$\sigma$ of the angles (radians)",
}
#: A heat map's colours: lightness rises evenly, for the colour-blind and in grey.
COLOUR_MAP = "cividis"
QUANTITIES = {
    columns.VARIANCE: "variance of",
    columns.STD: "population standard deviation of",
}

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


def variance_by_width(
    statistics: pd.DataFrame, quantity: str, fits: pd.DataFrame | None = None
) -> tuple[Figure, pd.DataFrame]:
    """Gradient variance (or population standard deviation) against width.

    A colour for each family and depth: samples as points with 95 % intervals, the exact
    ensemble values as lines, the random family's limit of infinite depth dotted. With
    `fits` (fits.csv) the line fitted to the samples is dashed, with its slope (natural
    logarithm, per qubit) in the label.
    """
    source = _source(statistics, quantity)
    if fits is not None:
        source = _with_fits(source, fits)
    groups = _series(source, columns.WIDTH)
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(COLUMN_WIDTH, 2.6 + 0.05 * len(groups))
        one_family = source[columns.FAMILY].nunique() == 1
        for number, group in enumerate(groups):
            label = _label(group)
            if one_family:
                label = label.partition(", ")[2]
            style = _Style(number, len(groups), label)
            if fits is not None and group["fit"].notna().any():
                fit = group.dropna(subset="fit")
                slope = f"{fit[columns.SLOPE].iloc[0]:.3f}"
                style.label += f", slope {slope}".replace("-", "\N{MINUS SIGN}")
                axes.plot(
                    fit[columns.WIDTH], fit["fit"], "--", color=style.colour, lw=0.8
                )
            _plot_series(axes, group, columns.WIDTH, style)
        if fits is not None and source["fit"].notna().any():
            axes.plot([], [], "--", color="0.3", lw=0.8, label="fit of the samples")
        _finish(figure, axes, source, columns.WIDTH, quantity)
    return figure, source


def variance_by_depth(
    statistics: pd.DataFrame, theory: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Variance of the random family against depth, a colour for each width.

    Lines are exact at every depth, dotted ones the limit of infinite depth; points are
    samples with 95 % intervals.
    """
    random = theory[theory[columns.FAMILY] == RANDOM]
    keys = key_columns(theory)
    sampled = statistics.drop(
        columns=[columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]
    )
    source = _source(random.merge(sampled, on=keys, how="left"), columns.VARIANCE)
    with matplotlib.rc_context(STYLE):
        groups = _series(source, columns.DEPTH)
        many = len(groups) > len(COLOURS)
        figure, axes = _axes(COLUMN_WIDTH, 3.6 if many else 2.8)
        for number, group in enumerate(groups):
            label = f"{group[columns.WIDTH].iloc[0]} qubits"
            style = _Style(number, len(groups), "" if many else label)
            _plot_series(axes, group, columns.DEPTH, style)
            if many:  # a legend would be taller than the axes
                last = group.iloc[-1]
                place = last[columns.DEPTH], last["exact"]
                axes.annotate(
                    label,
                    place,
                    (5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=6,
                )
        if many and source[columns.SAMPLES].notna().any():
            axes.plot([], [], "o", color="0.3", mfc="white", label="sampled")
        _finish(figure, axes, source, columns.DEPTH, columns.VARIANCE)
    return figure, source


def variance_by_sigma(statistics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Variance against the standard deviation of normal angles, a colour a width.

    Lines are exact; dashed ones mark uniform angles, where the experiment has them.
    """
    source = _source(statistics, columns.VARIANCE)
    uniform = source[columns.SIGMA].isna()
    groups = _series(source[~uniform], columns.SIGMA)
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(COLUMN_WIDTH, 2.9)
        for number, group in enumerate(groups):
            row = group.iloc[0]
            style = _Style(number, len(groups), f"{row[columns.WIDTH]} qubits")
            group = group.assign(asymptotic=np.nan)
            _plot_series(axes, group, columns.SIGMA, style)
            same = source[columns.WIDTH].eq(row[columns.WIDTH]) & uniform
            for exact in source.loc[same, "exact"]:
                axes.axhline(exact, ls="--", lw=0.8, color=style.colour)
        axes.set_xscale("log")
        if uniform.any():
            axes.plot([], [], "--", color="0.3", lw=0.8, label="exact, uniform angles")
        shown = source[~uniform].assign(asymptotic=np.nan)
        _finish(figure, axes, shown, columns.SIGMA, columns.VARIANCE)
    return figure, source


def variance_by_layer(statistics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Variance against the layer of the symbol, a panel for each width.

    Colours tell the families, markers the depths. Lines are exact; samples without an
    exact form are joined by dashes.
    """
    source = _source(statistics, columns.VARIANCE).assign(asymptotic=np.nan)
    sizes = sorted(source[columns.WIDTH].unique())
    families = list(source[columns.FAMILY].unique())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE_WIDTH, 3.4), layout="constrained")
        panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
        for axes, width in zip(panels, sizes, strict=True):
            groups = _series(
                source[source[columns.WIDTH] == width], columns.SYMBOL_LAYER
            )
            seen = dict.fromkeys(families, 0)
            for group in groups:
                family = group[columns.FAMILY].iloc[0]
                style = _Style(families.index(family), len(families), _label(group))
                style.marker = MARKERS[seen[family] % len(MARKERS)]
                style.dashes = bool(group["exact"].isna().any())
                seen[family] += 1
                _plot_series(axes, group, columns.SYMBOL_LAYER, style)
            axes.set_title(f"{width} qubits", fontsize=8)
        _finish(figure, panels[0], source, columns.SYMBOL_LAYER, columns.VARIANCE)
        for axes in panels[1:]:
            axes.set_xlabel(AXES_LABELS[columns.SYMBOL_LAYER])
    return figure, source


def variance_map(
    statistics: pd.DataFrame, x: str, y: str
) -> tuple[Figure, pd.DataFrame]:
    """Variance over two keys as heat maps, sampled and exact, of one colour scale.

    White is a variance of 0: the symbol lies outside the observable's light cone.
    """
    source = _source(statistics, columns.VARIANCE)
    wide = source[x].nunique() > 1.5 * source[y].nunique()
    exact = source["exact"][source["exact"] > 0]
    low = float(exact.min())
    norm = LogNorm(low, float(exact.max()))
    colours = matplotlib.colormaps[COLOUR_MAP].with_extremes(under="white")
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(COLUMN_WIDTH, 3.4 if wide else 2.0), layout="constrained"
        )
        rows, cols = (2, 1) if wide else (1, 2)
        panels = figure.subplots(rows, cols, sharex=True, sharey=True)
        for axes, (title, key) in zip(
            panels, {"samples": "sampled", "exact": "exact"}.items(), strict=True
        ):
            grid = source.pivot(index=y, columns=x, values=key)
            # Rounding alone is left of a gradient of 0.
            cells = np.where(grid < low * 1e-3, 0, grid.to_numpy(float))
            mesh = axes.pcolormesh(
                grid.columns.to_numpy(float),
                grid.index.to_numpy(float),
                np.where(cells == 0, low * 1e-3, np.maximum(cells, low)),
                norm=norm,
                cmap=colours,
                shading="nearest",
                linewidth=0,
                rasterized=True,
            )
            axes.set_title(title, fontsize=8)
            axes.label_outer()
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            if not wide:
                axes.set_aspect("equal")
        for axes in panels if not wide else panels[1:]:
            axes.set_xlabel(AXES_LABELS[x])
        for axes in panels if wide else panels[:1]:
            axes.set_ylabel(AXES_LABELS[y])
        bar = figure.colorbar(
            mesh, ax=list(panels), extend="min" if wide else "neither", shrink=0.9
        )
        bar.set_label(_quantity(columns.VARIANCE))
    return figure, source


class Gate(NamedTuple):
    """A gate in a drawing; a CZ joins its qubit with the next."""

    column: int
    gate: str
    qubit: int
    angle: float = np.nan
    symbol: str = ""


def draw_circuit(ensemble: Ensemble, circuits: Circuits) -> tuple[Figure, pd.DataFrame]:
    """Draw the first circuit: rotations as boxes, CZ gates as dots joined by a line.

    The source data lists the gates in order: column, gate, qubit and angle (radians).
    """
    gates = _gates(ensemble, circuits)
    last = gates[-1].column
    size = (min(PAGE_WIDTH, 0.9 + 0.32 * last), 0.3 + 0.42 * ensemble.width)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-1.6, last + 0.7)
        axes.set_ylim(ensemble.width - 0.4, -0.6)
        for qubit in range(ensemble.width):
            axes.plot([-0.7, last + 0.6], [qubit] * 2, color="0.4", lw=0.6)
            ket = rf"$|0\rangle_{qubit}$"
            axes.text(-0.85, qubit, ket, ha="right", va="center", fontsize=7)
        for gate in gates:
            if gate.gate == "CZ":
                ends = [gate.qubit, gate.qubit + 1]
                axes.plot([gate.column] * 2, ends, "k.-", ms=5, lw=0.9)
            else:
                _draw_rotation(axes, gate)
    return figure, pd.DataFrame(gates)


def _draw_rotation(axes: Axes, gate: Gate) -> None:
    names = {"theta": r"\theta", "-phi": r"-\varphi", "pi/4": r"\pi/4"}
    axes.text(
        gate.column,
        gate.qubit,
        f"$R_{gate.gate[1]}$\n${names.get(gate.symbol, f'{gate.angle:.2f}')}$",
        ha="center",
        va="center",
        fontsize=5,
        linespacing=1.1,
        bbox={
            "boxstyle": "square,pad=0.25",
            "fc": "#FBE3B5" if gate.symbol else "white",
            "ec": "black",
            "lw": 0.5,
        },
    )


def _gates(ensemble: Ensemble, circuits: Circuits) -> list[Gate]:
    gates = [Gate(0, "RY", q, np.pi / 4, "pi/4") for q in range(ensemble.width)]

    def rotations(layer: int, dagger: bool) -> None:
        column = gates[-1].column + 1
        for qubit in range(ensemble.width):
            angle = circuits.angles[0, layer, qubit]
            symbol = ""
            if (layer, qubit) == ensemble.symbol:
                symbol = "-phi" if dagger else "theta"
                angle = angle if circuits.phi is None or not dagger else circuits.phi[0]
            axis = AXES[circuits.axes[0, layer, qubit]]
            gates.append(
                Gate(column, f"R{axis}", qubit, -angle if dagger else angle, symbol)
            )

    def ladder(pairs: Iterable[int]) -> None:
        for qubit in pairs:
            gates.append(Gate(gates[-1].column + 1, "CZ", qubit))

    pairs = range(ensemble.width - 1)
    for block in np.split(np.arange(ensemble.layers), ensemble.blocks or 1):
        for layer in block:
            rotations(layer, dagger=False)
            ladder(pairs)
        if ensemble.family != RANDOM:
            for layer in reversed(block):
                ladder(reversed(pairs))
                rotations(layer, dagger=True)
    return gates


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


class _Style:
    """Colour, marker and label of one of a number of series."""

    def __init__(self, number: int, of: int, label: str) -> None:
        if of > len(COLOURS):  # then in order from dark to light
            shade = 0.95 * number / (of - 1)
            self.colour = to_hex(matplotlib.colormaps[COLOUR_MAP](shade))
        else:
            self.colour = COLOURS[number]
        self.marker = MARKERS[number % len(MARKERS)]
        self.label = label
        self.dashes = False


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


def _series(source: pd.DataFrame, x: str) -> list[pd.DataFrame]:
    """The rows that differ along x alone, a table each, in the order of x."""
    keys = [key for key in key_columns(source) if key != x]
    groups = source.groupby(keys, dropna=False, sort=False)
    return [group.sort_values(x) for _, group in groups]


def _label(group: pd.DataFrame) -> str:
    """Family and depth of a series, and sigma where it has one."""
    row = group.iloc[0]
    family = NAMES[row[columns.FAMILY]]
    if row[columns.FAMILY] != RANDOM:
        return (
            f"{family}, {row[columns.BLOCKS]} × 2 × {row[columns.BLOCK_DEPTH]} layers"
        )
    label = f"{family}, depth {row[columns.DEPTH]}"
    sigma = row.get(columns.SIGMA, np.nan)
    return label if pd.isna(sigma) else rf"{label}, $\sigma$ = {sigma:g}"


def _with_fits(source: pd.DataFrame, fits: pd.DataFrame) -> pd.DataFrame:
    """The source with slope and line of the fit to the samples, where there is one."""
    keys = [key for key in key_columns(source) if key != columns.WIDTH]
    fitted = fits[fits[columns.CURVE] == "sampled"]
    lines = source.merge(fitted, on=keys, how="left")
    slope = lines[columns.SLOPE].where(lines[columns.SAMPLES] > 0).to_numpy(float)
    width = lines[columns.WIDTH].to_numpy(float)
    fit = np.exp(lines[columns.INTERCEPT].to_numpy(float) + slope * width)
    return source.assign(**{"fit": fit, columns.SLOPE: slope})


def _plot_series(axes: Axes, group: pd.DataFrame, x: str, style: _Style) -> None:
    """Exact values as a line, the asymptote dotted, samples with intervals."""
    along = group[x].to_numpy(float)
    axes.plot(along, group["exact"], "-", color=style.colour)
    axes.plot(along, group["asymptotic"], ":", color=style.colour, lw=0.8)
    points = group[group[columns.SAMPLES] > 0]
    value, low, high = (
        points[key].to_numpy(float) for key in ("sampled", "low", "high")
    )
    axes.errorbar(
        points[x].to_numpy(float),
        value,
        yerr=[value - low, high - value],
        fmt=style.marker + "--" * style.dashes,
        color=style.colour,
        mfc="white",
        elinewidth=0.8,
        lw=0.6,
        label=style.label,
    )


def _finish(
    figure: Figure, axes: Axes, source: pd.DataFrame, x: str, quantity: str
) -> None:
    """Scales, labels and a legend that says what lines and points are."""
    axes.set_yscale("log")
    if x == columns.WIDTH:
        axes.set_xticks(sorted(source[x].unique()))
    axes.set_xlabel(AXES_LABELS[x])
    axes.set_ylabel(_quantity(quantity))
    if source["exact"].notna().any():
        alone = (source[columns.SAMPLES].fillna(0) == 0).any()
        label = "exact (bare: theory alone)" if alone else "exact"
        axes.plot([], [], "-", color="0.3", label=label)
    if source["asymptotic"].notna().any():
        axes.plot([], [], ":", color="0.3", lw=0.8, label="depth to infinity")
    handles, labels = axes.get_legend_handles_labels()
    # Outside the axes it never hides data.
    room = figure.get_figwidth() / 0.05  # letters on a line
    cols = max(1, min(3, int(room / (max(map(len, labels)) + 6))))
    figure.legend(handles, labels, loc="outside upper left", ncols=cols)


def _quantity(quantity: str) -> str:
    return rf"{QUANTITIES[quantity]} $\partial_\theta\langle Z_a Z_b\rangle$"
