"""Serialised TensorFlow Quantum programs, written directly from axes and angles.

All circuits of an ensemble have the same gates on the same qubits; they differ in the
axis letter and the exponent of each rotation alone, and in the wire format both have a
fixed length. So one circuit is serialised as a template, copied for every sample, and
the letters and exponents are written into the copies as arrays.

The message is `tfq.proto.Program` (program.proto of TensorFlow Quantum). A rotation
R_P(angle) is the gate P**(angle / pi) with global shift -1/2. Exponents are float32,
not rounded to six digits as `tfq.convert_to_tensor` rounds them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import AXES, Circuits
from barren.physics.layered import THETA, Gate, Layered, Moment
from barren.physics.observables import Term


class Hole(NamedTuple):
    """A rotation of a template: where its axis letter and its exponent stand."""

    gate: Gate
    letter_at: int
    exponent_at: int


def serialise(ensemble: Layered, circuits: Circuits) -> NDArray[np.bytes_]:
    """One TFQ program per circuit, shape (samples,).

    `tfq.from_tensor` turns them into Cirq circuits on the qubits GridQubit(0, q), with
    the moments of `Ensemble.moments`. The symbol's rotation has the exponent theta / pi
    with theta a symbol.
    """
    text, holes = _template(ensemble)
    programs = np.tile(np.frombuffer(text, np.uint8), (len(circuits), 1))
    letters = np.frombuffer(AXES.encode(), np.uint8)
    drawn = [hole for hole in holes if not hole.gate.axis]
    axes = np.array([circuits.axis(hole.gate) for hole in drawn], np.uint8)
    programs[:, [hole.letter_at for hole in drawn]] = letters[axes].T
    drawn = [hole for hole in holes if hole.gate.angle != THETA]
    angles = np.array([circuits.angle(hole.gate) for hole in drawn]).T
    exponents = (angles / np.pi).astype("<f4", order="C")
    at = np.array([hole.exponent_at for hole in drawn])
    programs[:, (at[:, None] + np.arange(4)).ravel()] = exponents.view(np.uint8)
    return programs.view(f"S{programs.shape[1]}")[:, 0]


def pauli_sum(terms: Sequence[Term]) -> bytes:
    """An observable as a serialised `tfq.proto.PauliSum`."""
    text = b""
    for weight, string in terms:
        paulis = b"".join(
            _message(3, _message(1, _qubit(qubit)) + _message(2, letter.encode()))
            for qubit, letter in string
        )
        text += _message(1, b"\x0d" + np.float32(weight).tobytes() + paulis)
    return text


def _template(ensemble: Layered) -> tuple[bytes, list[Hole]]:
    """The program of one circuit, and its rotations, to be filled in."""
    parts = [b"\x08\x01"]  # strategy: moment by moment
    length, holes = len(parts[0]), []
    for moment in ensemble.moments():
        body, inside = _moment(moment)
        header = _header(2, len(body))
        holes += [_moved(hole, length + len(header)) for hole in inside]
        parts += [header, body]
        length += len(header) + len(body)
    language = _message(1, _message(1, b"tfq_gate_set"))
    header = language + _header(2, length)
    return header + b"".join(parts), [_moved(hole, len(header)) for hole in holes]


def _moment(moment: Moment) -> tuple[bytes, list[Hole]]:
    """A moment's text and its rotations, relative to it."""
    body, holes = b"", []
    for gate in moment:
        operation, hole = _operation(gate)
        header = _header(1, len(operation))
        if hole:
            holes.append(_moved(hole, len(body) + len(header)))
        body += header + operation
    return body, holes


def _moved(hole: Hole, by: int) -> Hole:
    return Hole(hole.gate, hole.letter_at + by, hole.exponent_at + by)


def _operation(gate: Gate) -> tuple[bytes, Hole | None]:
    """A gate's text, and where the rotations have their letters and exponents."""
    if gate.name != "R":
        return _two_qubit(GATES[gate.name], *gate.qubits), None
    symbol = gate.angle == THETA
    operation = _message(1, _message(1, f"{gate.axis or '?'}P".encode()))
    letter_at = len(operation) - 2
    exponent = _message(2, THETA.encode()) if symbol else _number(0)
    operation += _argument("exponent", exponent)
    exponent_at = len(operation) - 4
    operation += (
        _argument("exponent_scalar", _number(1 / np.pi if symbol else 1))
        + _argument("global_shift", _number(-0.5))
        + _UNCONTROLLED
        + _message(3, _message(2, _qubit(gate.qubits[0])))
    )
    return operation, Hole(gate, letter_at, exponent_at)


# The wire format of protocol buffers, as far as these messages need it.


def _header(number: int, length: int) -> bytes:
    """Tag of a length-delimited field, and its length as a varint."""
    varint = b""
    while length > 127:
        varint += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([length])


def _message(number: int, payload: bytes) -> bytes:
    return _header(number, len(payload)) + payload


def _qubit(qubit: int) -> bytes:
    return f"0_{qubit}".encode()


def _number(value: float) -> bytes:
    """An argument that is a float32, its last four bytes."""
    return _message(1, b"\x0d" + np.float32(value).tobytes())


def _argument(name: str, value: bytes) -> bytes:
    return _message(2, _message(1, name.encode()) + _message(2, value))


_UNCONTROLLED = b"".join(
    _argument(name, _message(1, _message(3, b"")))
    for name in ("control_qubits", "control_values")
)

#: Names of the gates in a program.
GATES = {"CZ": b"CZP", "CNOT": b"CNP"}


def _two_qubit(name: bytes, a: int, b: int) -> bytes:
    return (
        _message(1, _message(1, name))
        + _argument("exponent", _number(1))
        + _argument("exponent_scalar", _number(1))
        + _argument("global_shift", _number(0))
        + _UNCONTROLLED
        + _message(3, _message(2, _qubit(a)))
        + _message(3, _message(2, _qubit(b)))
    )
