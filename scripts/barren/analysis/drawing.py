"""Drawings of circuits, from the one order of gates."""

from collections.abc import Iterator
from itertools import groupby

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from barren.analysis.plots import PAGE_WIDTH, STYLE
from barren.physics.circuits import AXES, Circuits
from barren.physics.ensembles import PREPARATION, THETA, Ensemble, Gate, Moment

CZ = "CZ"
#: Angles that have a name, as they are drawn.
SYMBOLS = {
    "theta": r"\theta",
    "-theta": r"-\theta",
    "phi": r"\varphi",
    "-phi": r"-\varphi",
    "pi/4": r"\pi/4",
}


def draw_circuit(ensemble: Ensemble, circuits: Circuits) -> tuple[Figure, pd.DataFrame]:
    """Draw the first circuit: rotations as boxes, CZ gates as dots joined by a line.

    The source data lists the gates in order: column, gate, qubit, angle (radians) and
    symbol; and the other qubit where a gate joins any but a qubit with the next by CZ.
    """
    gates = [(n, gate) for n, column in enumerate(_columns(ensemble)) for gate in column]
    last = gates[-1][0]
    size = (min(PAGE_WIDTH, 0.9 + 0.32 * last), 0.3 + 0.42 * ensemble.width)
    source = []
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
        for column, gate in gates:
            qubit, *other = gate.qubits
            row = {"column": column, "gate": gate.name, "qubit": qubit}
            if other:
                _draw_pair(axes, column, gate)
                row |= {"other": other[0]}
            else:
                axis = AXES[circuits.axis(gate)[0]]
                angle, symbol = float(circuits.angle(gate)[0]), _symbol(ensemble, gate)
                label = SYMBOLS.get(symbol, f"{angle:.2f}")
                _draw_rotation(axes, column, qubit, f"$R_{axis}$\n${label}$", bool(symbol))
                row |= {"gate": f"R{axis}", "angle": angle, "symbol": symbol}
            source.append(row)
    table = pd.DataFrame(source, columns=["column", "gate", "qubit", "angle", "symbol"])
    if any(_reaches(gate) for _, gate in gates):
        table["other"] = pd.array([row.get("other") for row in source], "Int64")
    return figure, table


def _columns(ensemble: Ensemble) -> Iterator[Moment]:
    """The gates in columns: rotations of a moment share one, each other gate has its own.

    CZ gates commute: those that follow each other are drawn as a ladder, or as its
    inverse.
    """

    def of_moment(moment: Moment) -> tuple[bool, int]:
        return all(gate.name == CZ for gate in moment), moment[0].sign

    for (commute, sign), run in groupby(ensemble.moments(), of_moment):
        if commute:
            pairs = [gate for moment in run for gate in moment]
            yield from ([g] for g in sorted(pairs, key=lambda g: sign * g.qubits[0]))
            continue
        for moment in run:
            rotations = [gate for gate in moment if len(gate.qubits) == 1]
            yield from [rotations][: len(rotations)]
            yield from ([gate] for gate in moment if gate not in rotations)


def _reaches(gate: Gate) -> bool:
    """Whether a gate joins others than a qubit with the next by CZ."""
    first, last = gate.qubits[0], gate.qubits[-1]
    return first != last and (gate.name != CZ or last != first + 1)


def _symbol(ensemble: Ensemble, gate: Gate) -> str:
    """The name of a rotation's angle, if it has one."""
    if gate.angle == PREPARATION:
        return "pi/4"
    if isinstance(gate.angle, float) or gate.place != ensemble.symbol:
        return ""
    return "-" * (gate.sign < 0) + ("theta" if gate.angle == THETA else "phi")


def _draw_pair(axes: Axes, column: int, gate: Gate) -> None:
    """A line between two dots, or from a dot to a cross in a circle for CNOT."""
    first, last = gate.qubits
    if gate.name == CZ:
        axes.plot([column] * 2, [first, last], "k.-", ms=5, lw=0.9)
        return
    axes.plot([column] * 2, [first, last], "k-", lw=0.9)
    axes.plot(column, first, "k.", ms=5)
    axes.plot(column, last, "ko", ms=6, mfc="white", mew=0.9)
    axes.plot(column, last, "k+", ms=6, mew=0.9)


def _draw_rotation(axes: Axes, column: int, qubit: int, text: str, shaded: bool) -> None:
    axes.text(
        column,
        qubit,
        text,
        ha="center",
        va="center",
        fontsize=5,
        linespacing=1.1,
        bbox={
            "boxstyle": "square,pad=0.25",
            "fc": "#FBE3B5" if shaded else "white",
            "ec": "black",
            "lw": 0.5,
        },
    )
