"""Serialised TensorFlow Quantum programs, written directly from axes and angles.

All circuits of an ensemble have the same gates on the same qubits; they differ in the
axis letter and the exponent of each rotation alone, and in the wire format both have a
fixed length. So one circuit is serialised as a template, copied for every sample, and
the letters and exponents are written into the copies as arrays, where the template
differs from one with another filling.

The message is `tfq.proto.Program` (program.proto of TensorFlow Quantum). A rotation
R_P(angle) is the gate P**(angle / pi) with global shift -1/2. Exponents are float32,
not rounded to six digits as `tfq.convert_to_tensor` rounds them.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import AXES, Circuits
from barren.physics.layered import THETA, Gate, Layered
from barren.physics.observables import Term

Bytes = NDArray[np.uint8]
LETTERS = np.frombuffer(AXES.encode(), np.uint8)
#: Names of the gates in a program.
GATES = {"CZ": b"CZP", "CNOT": b"CNP"}


def serialise(ensemble: Layered, circuits: Circuits) -> NDArray[np.bytes_]:
    """One TFQ program per circuit, shape (samples,).

    `tfq.from_tensor` turns them into Cirq circuits on the qubits GridQubit(0, q), with
    the moments of `Layered.moments`. The symbol's rotation has the exponent theta / pi
    with theta a symbol.
    """
    template = _template(ensemble, b"?", bytes(4))
    drawn = template != _template(ensemble, b"!", b"\xff" * 4)
    gates = [gate for moment in ensemble.moments() for gate in moment]
    parts = [part for gate in gates for part in _drawn(gate, circuits)]
    programs = np.tile(template, (len(circuits), 1))
    programs[:, drawn] = np.concatenate(parts, axis=1)
    return programs.view(f"S{programs.shape[1]}")[:, 0]


def pauli_sum(terms: Sequence[Term]) -> bytes:
    """An observable as a serialised `tfq.proto.PauliSum`."""
    text = b""
    for weight, string in terms:
        paulis = b"".join(
            _message(3, _message(1, _qubit(qubit)) + _message(2, letter.encode()))
            for qubit, letter in string
        )
        text += _message(1, _number(weight) + paulis)
    return text


def _drawn(gate: Gate, circuits: Circuits) -> Iterator[Bytes]:
    """What stands in each circuit's program for a template's filling, (samples, bytes).

    The letter of a rotation's axis and its exponent, a float32.
    """
    if gate.name == "R" and not gate.axis:
        yield LETTERS[circuits.axis(gate)][:, None]
    if gate.name == "R" and gate.angle != THETA:
        # Less than a turn: the same but for a phase, and the more digits.
        turned = np.fmod(circuits.angle(gate), 2 * np.pi)
        exponents = (turned / np.pi).astype("<f4")
        yield exponents.view(np.uint8).reshape(-1, 4)


def _template(ensemble: Layered, letter: bytes, exponent: bytes) -> Bytes:
    """The program of one circuit, its axes and exponents filled in alike."""
    parts = [b"\x08\x01"]  # strategy: moment by moment
    for moment in ensemble.moments():
        # Where it was drawn makes no difference: layers repeat each other.
        gates = (gate._replace(place=(0, 0), sign=1) for gate in moment)
        operations = (_operation(gate, letter, exponent) for gate in gates)
        parts.append(_message(2, b"".join(operations)))
    language = _message(1, _message(1, b"tfq_gate_set"))
    return np.frombuffer(language + _message(2, b"".join(parts)), np.uint8)


@cache
def _operation(gate: Gate, letter: bytes, exponent: bytes) -> bytes:
    """A gate: its name, exponent, global shift, controls and qubits."""
    rotation, symbol = gate.name == "R", gate.angle == THETA
    name = (gate.axis.encode() or letter) + b"P" if rotation else GATES[gate.name]
    value = b"\x0d" + exponent if rotation else _number(1)
    arguments = {
        b"exponent": _message(2, THETA.encode()) if symbol else _message(1, value),
        b"exponent_scalar": _message(1, _number(1 / np.pi if symbol else 1)),
        b"global_shift": _message(1, _number(-0.5 if rotation else 0)),
        b"control_qubits": _message(1, _message(3, b"")),
        b"control_values": _message(1, _message(3, b"")),
    }
    parts = [_message(1, _message(1, name))]
    for key, argument in arguments.items():
        parts.append(_message(2, _message(1, key) + _message(2, argument)))
    parts += [_message(3, _message(2, _qubit(qubit))) for qubit in gate.qubits]
    return _message(1, b"".join(parts))


# The wire format of protocol buffers, as far as these messages need it.


def _message(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its tag, its length as a varint, and what is in it."""
    length, varint = len(payload), b""
    while length > 127:
        varint += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([length]) + payload


def _qubit(qubit: int) -> bytes:
    return f"0_{qubit}".encode()


def _number(value: float) -> bytes:
    """Field 1, a float32."""
    return b"\x0d" + np.float32(value).tobytes()
