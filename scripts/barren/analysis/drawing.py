"""Drawings of circuits, from the one order of gates."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from barren.analysis.style import PAGE_WIDTH, STYLE
from barren.physics import layered
from barren.physics.circuits import AXES, Circuits
from barren.physics.ensembles import Ensemble
from barren.physics.layered import Gate, Layered, Moment

CZ = "CZ"
#: Letters that a gate has room for, and as many as fit in smaller ones.
LETTERS, MOST_LETTERS = 7, 12
#: The colour of the symbol.
SHADED = "#FBE3B5"
#: Angles that have a name; where the symbol was drawn it is -theta_0.
NAMES = {layered.PREPARATION: "pi/4", layered.THETA: "theta", layered.PHI: "-phi"}


def draw_circuit(ensemble: Layered, circuits: Circuits) -> tuple[Figure, pd.DataFrame]:
    """Draw the first circuit: rotations as boxes, CZ gates as dots joined by a line.

    The source data lists the gates in order: column, gate, qubit, angle (radians) and
    symbol; and the other qubit where a gate joins any but a qubit with the next by CZ.
    """
    columns = enumerate(_columns(ensemble))
    gates = [(n, gate) for n, column in columns for gate in column]
    last = gates[-1][0]
    source = []
    with matplotlib.rc_context(STYLE):
        figure, axes = _wires(0.36 * last, ensemble.width, last)
        size = min(7.0, 20 * figure.get_figwidth() / (last + 3.5))
        for column, gate in gates:
            places = dict(zip(("qubit", "other"), gate.qubits, strict=False))
            row = {"column": column, "gate": gate.name, **places}
            ends, colour = "@@" if gate.name == CZ else "@X", "white"
            shown = dict(zip(gate.qubits, ends, strict=False))
            if "other" not in row:
                axis = AXES[circuits.axis(gate)[0]]
                angle = float(circuits.angle(gate)[0])
                opposite = (gate.angle, gate.place) == (layered.ANGLES, ensemble.symbol)
                symbol = NAMES.get(gate.angle, "-theta_0" * opposite)
                formula = re.sub("[a-z]+", r"\\\g<0>", symbol.replace("phi", "varphi"))
                # Formulas take time: a number is none.
                number = f"{angle:.2f}".replace("-", "\N{MINUS SIGN}")
                label = f"$R_{axis}$\n" + (f"${formula}$" if formula else number)
                shown = dict.fromkeys(gate.qubits, label)
                colour = SHADED if symbol and symbol != "pi/4" else "white"
                row |= {"gate": f"R{axis}", "angle": angle, "symbol": symbol}
            _draw_gate(axes, column, shown, colour, size)
            source.append(row)
        _draw_blocks(axes, gates)
        _draw_observable(axes, ensemble, last + 1)
    names = ["column", "gate", "qubit", "angle", "symbol", "other"]
    table = pd.DataFrame(source, columns=names).astype({"other": "Int64"})
    nearest = (table["gate"] == CZ) & (table["other"] == table["qubit"] + 1)
    if (nearest | table["other"].isna()).all():
        del table["other"]
    return figure, table


def _wires(length: float, width: int, last: int) -> tuple[Figure, Axes]:
    """An empty drawing of `last` + 1 columns, which take some inches."""
    figure = Figure(figsize=(min(PAGE_WIDTH, 1.2 + length), 0.5 + 0.42 * width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-1.6, last + 1.9)
    axes.set_ylim(width - 0.4, -1.0)
    for qubit in range(width):
        axes.plot([-0.7, last + 1.4], [qubit] * 2, color="0.4", lw=0.6, zorder=0)
        ket = rf"$|0\rangle_{{{qubit}}}$"
        axes.text(-0.85, qubit, ket, ha="right", va="center", fontsize=7)
    return figure, axes


def _columns(ensemble: Layered) -> Iterator[Moment]:
    """The gates in columns: rotations of a moment share one, others have their own.

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


def _draw_blocks(axes: Axes, gates: Sequence[tuple[int, Gate]]) -> None:
    """Where the circuits have inverses: U and its inverse of each block, told apart."""
    if all(gate.sign > 0 for _, gate in gates):
        return
    prepared = max(n for n, gate in gates if gate.angle == layered.PREPARATION)
    signs = {n: gate.sign for n, gate in gates if n > prepared}
    runs = [list(run) for _, run in groupby(signs, signs.__getitem__)]
    for number, run in enumerate(runs):
        axes.axvline(run[0] - 0.5, color="0.5", lw=0.6, ls=":")
        name = f"U_{number // 2 + 1}" + r"^\dagger" * (signs[run[0]] < 0)
        middle = (run[0] + run[-1]) / 2
        axes.text(middle, -0.75, f"${name}$", ha="center", va="center", fontsize=7)


def _draw_observable(axes: Axes, ensemble: Ensemble, column: int) -> None:
    """The Pauli matrices that are measured; O on the qubits of several strings."""
    letters = dict(pauli for _, string in ensemble.terms for pauli in string)
    if len(ensemble.terms) > 1:
        letters = dict.fromkeys(letters, "O")
    for qubit, letter in letters.items():
        _draw_gate(axes, column, {qubit: letter}, "0.85", 7.0)


def draw_built(
    built: Mapping[str, Any], ensemble: Ensemble
) -> tuple[Figure, pd.DataFrame]:
    """Draw a circuit of one's own from its built form, as far as the page is wide.

    The source data lists the gates: column, label and qubit, a row for each qubit.
    """
    columns = [column for moment in built["drawing"] for column in _apart(moment)]
    most = min(len(columns), round((PAGE_WIDTH - 1.2) / 0.45))
    source = []
    with matplotlib.rc_context(STYLE):
        figure, axes = _wires(0.45 * len(columns), ensemble.width, most - 1)
        for number, column in enumerate(columns):
            for qubits, labels in column:
                for qubit, label in zip(qubits, labels, strict=True):
                    source.append({"column": number, "gate": label, "qubit": qubit})
                if number < most:
                    gate = dict(zip(qubits, map(_fitting, labels), strict=True))
                    longest = max(map(len, "\n".join(gate.values()).split("\n")))
                    size = 6.0 * min(1.0, LETTERS / longest)
                    _draw_gate(axes, number, gate, "white", size)
        if most < len(columns):
            note = f"{most} of {len(columns)} columns"
            axes.text(most - 0.3, -0.95, note, ha="right", va="top", fontsize=6)
        else:
            _draw_observable(axes, ensemble, most)
    return figure, pd.DataFrame(source)


def _apart(moment: list[Any]) -> list[list[Any]]:
    """The gates of a moment in columns, in which no line crosses another gate."""
    columns: list[tuple[set[int], list[Any]]] = []
    for qubits, labels in moment:
        covered = set(range(min(qubits), max(qubits) + 1))
        for taken, gates in columns:
            if taken.isdisjoint(covered):
                taken |= covered
                gates.append((qubits, labels))
                break
        else:
            columns.append((covered, [(qubits, labels)]))
    return [gates for _, gates in columns]


def _draw_gate(
    axes: Axes, column: int, gate: Mapping[int, str], colour: str, size: float
) -> None:
    """A gate by Cirq's label on each qubit: @ is a dot, X beside it a circled cross."""
    if len(gate) > 1:
        axes.plot([column] * 2, [min(gate), max(gate)], "k-", lw=0.9, zorder=1)
    box = {"boxstyle": "square,pad=0.25", "fc": colour, "ec": "black", "lw": 0.5}
    boxed: dict[str, Any] = {"bbox": box, "ha": "center", "va": "center"}
    boxed |= {"fontsize": size, "linespacing": 1.1}
    for qubit, label in gate.items():
        if label == "@":
            axes.plot(column, qubit, "k.", ms=5)
        elif label == "X" and "@" in gate.values():
            axes.plot(column, qubit, "ko", ms=6, mfc="white", mew=0.9)
            axes.plot(column, qubit, "k+", ms=6, mew=0.9)
        else:
            axes.text(column, qubit, label, **boxed)


def _fitting(label: str) -> str:
    """A label in lines, of each its ends alone where it is too long for a gate."""
    broken = re.sub(r"(?<=.)([(^])", r"\n\1", label.replace("$", ""), count=1)
    broken = re.sub(r"(?<=\))(?=\^)|(?<=,) ", "\n", broken)
    kept = MOST_LETTERS // 2
    ends = rf"(?m)^(.{{{kept}}}).+(.{{{kept}}})$"
    return re.sub(ends, "\\1\N{HORIZONTAL ELLIPSIS}\\2", broken)
