"""Pauli rotations and Clifford gates, and what they do to Pauli strings.

A string has one digit for each qubit, 0 to 3 for I, Z, X, Y: products are XOR. Of a
gate's few qubits the digits make up one number, a *code*, the first qubit's first.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.moments import Floats
from barren.physics.observables import String

Codes = NDArray[np.int64]

LETTERS = "IZXY"
_LOW = 0x5555555555555555


class Rotation(NamedTuple):
    """exp(-i multiple theta A / 2), A a Pauli string, theta = parameters[parameter]."""

    axis: String
    parameter: int
    multiple: float = 1.0


class Clifford(NamedTuple):
    """A gate C by what it makes of X and Z on each of its qubits in turn.

    images: signed letters of C^dagger P C on the qubits, for X_0, Z_0, X_1, Z_1, ...
        A CNOT has ("+XX", "+ZI", "+IX", "+ZZ").
    """

    qubits: tuple[int, ...]
    images: tuple[str, ...]


class Unknown(NamedTuple):
    """A gate that is neither, and why: a light cone with it has no exact form."""

    qubits: tuple[int, ...]
    reason: str


Gate = Rotation | Clifford | Unknown


class Circuit(NamedTuple):
    """bloch: (width, 3), <X>, <Y>, <Z> of each qubit before the gates.

    symbols: the names of the parameters.
    """

    bloch: Floats
    gates: tuple[Gate, ...]
    symbols: Sequence[str]

    def as_data(self) -> dict[str, Any]:
        """The state and the gates for JSON."""
        gates = [gate._asdict() for gate in self.gates]
        return {"bloch": self.bloch.tolist(), "gates": gates}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], symbols: Sequence[str]) -> "Circuit":
        """The inverse of `as_data`."""
        kinds = {frozenset(of._fields): of for of in (Rotation, Clifford, Unknown)}
        gates = (kinds[frozenset(of)](**of) for of in data["gates"])
        return cls(np.array(data["bloch"]), tuple(gates), symbols)


class Action(NamedTuple):
    """What a gate does, on the 4^k strings of its qubits, seen from the observable.

    A string for which `moves` holds has the partner `sign` times `partner`: the whole
    image of a Clifford gate, iAP of a rotation. wave, cos2, sin2: E cos, E cos^2 and
    E sin^2 of the angle; a Clifford gate is as a rotation with sin = 1.
    """

    qubits: tuple[int, ...]
    partner: Codes
    sign: Floats
    moves: NDArray[np.bool_]
    parameter: int | None = None
    multiple: float = 0.0
    wave: float = 0.0
    cos2: float = 0.0
    sin2: float = 1.0


class Table(NamedTuple):
    """A map on f over local strings: keep[p] f[p] + move[p] f[source[p]].

    It is used like the matrix that it is, of which most is 0.
    """

    source: Codes
    keep: Floats
    move: Floats

    @property
    def T(self) -> "Table":
        """The transposed map."""
        back = np.argsort(self.source)
        return Table(back, self.keep, self.move[back])

    def __matmul__(self, f: Floats) -> Floats:
        """The map on the second last axis of an array."""
        moved: Floats = self.move[:, np.newaxis] * f.take(self.source, axis=-2)
        return moved + self.keep[:, np.newaxis] * f if np.any(self.keep) else moved

    @property
    def matrix(self) -> Floats:
        """The matrix itself."""
        return self @ np.eye(len(self.source))


def _ys(code: Codes) -> Codes:
    """The number of Ys: P = i^ys X^x Z^z, Z the low bit of a digit and X the high."""
    ones: Codes = np.bitwise_count(code & code >> 1 & _LOW).astype(np.int64)
    return ones


def _product(a: Codes, b: Codes) -> tuple[Codes, Codes]:
    """ab and the power of i before it."""
    swaps = np.bitwise_count(a & b >> 1 & _LOW).astype(np.int64)
    return a ^ b, (_ys(a) + _ys(b) - _ys(a ^ b) + 2 * swaps) % 4


def digits_of(string: String, width: int, letters: str = LETTERS) -> tuple[int, ...]:
    """The digit of each qubit, the place of its letter among `letters`."""
    at = dict(string)
    return tuple(letters.index(at.get(qubit, "I")) for qubit in range(width))


def _code(letters: str) -> Codes:
    """The number that the digits of letters make up."""
    return np.array(code_of([LETTERS.index(letter) for letter in letters]))


def code_of(digits: Sequence[int]) -> int:
    """The number that the digits make up."""
    code = 0
    for digit in digits:
        code = 4 * code + digit
    return code


def mean_cosine(sigma: float | None) -> float:
    """E cos of an angle, normal (sigma in radians) or uniform (None)."""
    return 0.0 if sigma is None else math.exp(-(sigma**2) / 2)


def mean_squares(sigma: float | None) -> tuple[float, float]:
    """E cos^2 and E sin^2 of an angle, normal or uniform."""
    sin2 = 0.5 if sigma is None else -math.expm1(-2 * sigma**2) / 2
    return 1 - sin2, sin2


def action_of(gate: Gate, sigma: float | None) -> Action | Unknown:
    """Tabulate a gate, if it has a table.

    sigma (radians): standard deviation of a normal parameter, None for a uniform one.
    """
    if isinstance(gate, Unknown):
        return gate
    if isinstance(gate, Clifford):
        action = _clifford_action(tuple(gate.images))
        return action._replace(qubits=tuple(gate.qubits))
    qubits = tuple(qubit for qubit, _ in gate.axis)
    if sigma is None and not gate.multiple == round(gate.multiple) != 0:
        told = f"an angle of {gate.multiple:g} times a uniform parameter"
        return Unknown(qubits, told)
    letters = "".join(letter for _, letter in gate.axis)
    action = _rotation_action(letters, gate.multiple, sigma)
    return action._replace(qubits=qubits, parameter=gate.parameter)


@cache  # gates of few kinds make up a circuit
def _rotation_action(letters: str, multiple: float, sigma: float | None) -> Action:
    """What rotations about an axis do, whichever qubits it is on."""
    codes = np.arange(4 ** len(letters))
    partner, power = _product(_code(letters), codes)
    # iAP is real, so A and P anticommute, where AP has an odd power of i.
    moves = power % 2 == 1
    sign = np.where(moves, power - 2.0, 0.0)
    partner = np.where(moves, partner, codes)
    spread = None if sigma is None else multiple * sigma
    means = mean_cosine(spread), *mean_squares(spread)
    return Action((), partner, sign, moves, None, multiple, *means)


@cache
def _clifford_action(images: tuple[str, ...]) -> Action:
    """The products of the generators' images."""
    size = len(images) // 2
    codes = np.arange(4**size)
    image, power = np.zeros_like(codes), _ys(codes)
    for qubit in range(size):
        for bit, text in ((1, images[2 * qubit]), (0, images[2 * qubit + 1])):
            has = codes >> 2 * (size - 1 - qubit) + bit & 1 == 1
            product, extra = _product(image, _code(text[1:]))
            image = np.where(has, product, image)
            power = power + np.where(has, extra + 2 * (text[0] == "-"), 0)
    return Action((), image, 1.0 - power % 4, np.ones(len(codes), dtype=bool))


def tables(action: Action, r: int) -> tuple[Table, Table]:
    """The maps of a gate and of its derivative on pairs P and Q = Pr."""
    codes = np.arange(len(action.sign))
    if action.parameter is not None and action.moves[r]:
        # Of P and Q just one anticommutes with the axis.
        zero = np.zeros(len(codes))
        return Table(codes, zero + action.wave, zero), Table(codes, zero, zero)
    signs = action.sign * action.sign[codes ^ r]
    keep = np.where(action.moves, action.cos2, 1.0)
    slope = np.where(action.moves, action.sin2, 0.0)
    square = action.multiple**2
    return (
        Table(action.partner, keep, action.sin2 * signs),
        Table(action.partner, square * slope, square * action.cos2 * signs),
    )
