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
from matplotlib.figure import Figure

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
    statistics: pd.DataFrame, quantity: str
) -> tuple[Figure, pd.DataFrame]:
    """Gradient variance (or population standard deviation) against width.

    A colour for each family and depth: samples as points with 95 % intervals, the exact
    ensemble values as lines, the random family's limit of infinite depth dotted.
    """
    source = _source(statistics, quantity)
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(COLUMN_WIDTH, 2.6)
        for number, group in enumerate(_series(source, columns.WIDTH)):
            style = _Style(number, _label(group))
            _plot_series(axes, group.sort_values(columns.WIDTH), columns.WIDTH, style)
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
        figure, axes = _axes(COLUMN_WIDTH, 2.8)
        for number, group in enumerate(_series(source, columns.DEPTH)):
            style = _Style(number, f"{group[columns.WIDTH].iloc[0]} qubits")
            _plot_series(axes, group.sort_values(columns.DEPTH), columns.DEPTH, style)
        _finish(figure, axes, source, columns.DEPTH, columns.VARIANCE)
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
    """Colour, marker and label of the series with a given number."""

    def __init__(self, number: int, label: str) -> None:
        self.colour = COLOURS[number % len(COLOURS)]
        self.marker = MARKERS[number % len(MARKERS)]
        self.label = label


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
    """The rows that differ along x alone, a table each."""
    keys = [key for key in key_columns(source) if key != x]
    return [group for _, group in source.groupby(keys, dropna=False, sort=False)]


def _label(group: pd.DataFrame) -> str:
    """Family and depth of a series."""
    row = group.iloc[0]
    family = NAMES[row[columns.FAMILY]]
    if row[columns.FAMILY] == RANDOM:
        return f"{family}, depth {row[columns.DEPTH]}"
    return f"{family}, {row[columns.BLOCKS]} × 2 × {row[columns.BLOCK_DEPTH]} layers"


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
        fmt=style.marker,
        color=style.colour,
        mfc="white",
        elinewidth=0.8,
        label=style.label,
    )


def _finish(
    figure: Figure, axes: Axes, source: pd.DataFrame, x: str, quantity: str
) -> None:
    """Scales, labels and a legend that says what lines and points are."""
    axes.set_yscale("log")
    if x == columns.WIDTH:
        axes.set_xticks(sorted(source[x].unique()))
    axes.set_xlabel(
        {columns.WIDTH: "width (qubits)", columns.DEPTH: "depth (layers)"}[x]
    )
    axes.set_ylabel(rf"{QUANTITIES[quantity]} $\partial_\theta\langle Z_a Z_b\rangle$")
    if source["exact"].notna().any():
        axes.plot([], [], "-", color="0.3", label="exact")
    if source["asymptotic"].notna().any():
        axes.plot([], [], ":", color="0.3", lw=0.8, label="depth to infinity")
    handles, labels = axes.get_legend_handles_labels()
    # Outside the axes it never hides data.
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
