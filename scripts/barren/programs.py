"""Serialised TensorFlow Quantum programs, written directly from axes and angles.

All circuits of an ensemble have the same gates on the same qubits; they differ in the
axis letter and the exponent of each rotation alone, and in the wire format both have a
fixed length. So one circuit is serialised as a template, copied for every sample, and
the letters and exponents are written into the copies as arrays.

The message is `tfq.proto.Program` (program.proto of TensorFlow Quantum). A rotation
R_P(angle) is the gate P**(angle / pi) with global shift -1/2. Exponents are float32,
not rounded to six digits as `tfq.convert_to_tensor` rounds them.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from barren.circuits import AXES, Circuits
from barren.ensembles import RANDOM, Ensemble

#: Name of the symbol in every program.
SYMBOL = "theta"
#: Angle of the preparation R_Y on every qubit, radians (McClean et al. 2018).
PREPARATION = np.pi / 4


def serialise(ensemble: Ensemble, circuits: Circuits) -> NDArray[np.bytes_]:
    """One TFQ program per circuit, shape (samples,).

    `tfq.from_tensor` turns them into Cirq circuits on the qubits GridQubit(0, q). Each
    has the preparation R_Y(pi/4), then a moment per layer of rotations, followed by the
    layer's CZ gates in two moments (see `ladder`). The rotation at the symbol's layer
    and qubit has the exponent theta / pi with theta a symbol.
    """
    template = _template(ensemble)
    text = np.frombuffer(template.text, np.uint8)
    programs = np.tile(text, (len(circuits), 1))
    letters = np.frombuffer(AXES.encode(), np.uint8)
    layers = [rotation.layer for rotation in template.rotations]
    qubits = [rotation.qubit for rotation in template.rotations]
    letter_at = [rotation.letter_at for rotation in template.rotations]
    programs[:, letter_at] = letters[circuits.axes[:, layers, qubits]]

    numeric = [rotation for rotation in template.rotations if rotation.exponent_at]
    layers = [rotation.layer for rotation in numeric]
    qubits = [rotation.qubit for rotation in numeric]
    sign = np.array([rotation.sign for rotation in numeric])
    angles = circuits.angles[:, layers, qubits]
    if circuits.phi is not None:
        angles[:, [rotation.mirrors_symbol for rotation in numeric]] = circuits.phi[
            :, None
        ]
    exponents = (sign * angles / np.pi).astype("<f4", order="C")
    exponent_at = np.array([rotation.exponent_at for rotation in numeric])
    programs[:, (exponent_at[:, None] + np.arange(4)).ravel()] = exponents.view(
        np.uint8
    )
    return programs.view(f"S{programs.shape[1]}")[:, 0]


def pauli_sum(observable: tuple[int, int]) -> bytes:
    """The observable Z_a Z_b as a serialised `tfq.proto.PauliSum`."""
    paulis = b"".join(
        _message(3, _message(1, _qubit(qubit)) + _message(2, b"Z"))
        for qubit in observable
    )
    return _message(1, b"\x0d" + np.float32(1).tobytes() + paulis)


@dataclass(frozen=True)
class _Rotation:
    """Where a rotation takes its axis and angle from, and their place in the text."""

    layer: int
    qubit: int
    sign: int
    mirrors_symbol: bool
    letter_at: int
    exponent_at: int | None  # None: the symbol


@dataclass
class _Template:
    """The text of one program as it grows, and the rotations in it."""

    text: bytes = b""
    rotations: list[_Rotation] = field(default_factory=list)

    def moment(self, operations: list[tuple[bytes, list[_Rotation]]]) -> None:
        """Append a moment; the rotations' places are relative to their operation."""
        body = b""
        places = []
        for operation, rotations in operations:
            header = _header(1, len(operation))
            start = len(body) + len(header)
            places += [_moved(rotation, start) for rotation in rotations]
            body += header + operation
        header = _header(2, len(body))
        start = len(self.text) + len(header)
        self.rotations += [_moved(rotation, start) for rotation in places]
        self.text += header + body


def _template(ensemble: Ensemble) -> _Template:
    """The program of one circuit, with holes for the axes and exponents."""
    width = ensemble.width
    template = _Template(text=b"\x08\x01")  # strategy: moment by moment
    preparation = PREPARATION / np.pi
    template.moment(
        [(_rotation("Y", _number(preparation), q)[0], []) for q in range(width)]
    )

    def rotations(layer: int, sign: int) -> None:
        operations = []
        for qubit in range(width):
            at_symbol = (layer, qubit) == ensemble.symbol
            symbol = at_symbol and sign == 1
            exponent = _message(2, SYMBOL.encode()) if symbol else _number(0)
            scalar = 1 / np.pi if symbol else 1
            operation, letter_at, exponent_at = _rotation("?", exponent, qubit, scalar)
            rotation = _Rotation(
                layer,
                qubit,
                sign,
                at_symbol and not symbol,
                letter_at,
                None if symbol else exponent_at,
            )
            operations.append((operation, [rotation]))
        template.moment(operations)

    def controlled_z(layer: int, reverse: bool = False) -> None:
        moments = ladder(width, layer)
        for pairs in reversed(moments) if reverse else moments:
            if pairs:
                template.moment([(_controlled_z(a, b), []) for a, b in pairs])

    def unitary(layers: range) -> None:
        for layer in layers:
            rotations(layer, 1)
            controlled_z(layer)

    def inverse(layers: range) -> None:
        for layer in reversed(layers):
            controlled_z(layer, reverse=True)
            rotations(layer, -1)

    if ensemble.family == RANDOM:
        unitary(range(ensemble.layers))
    else:
        assert ensemble.block_depth is not None
        for start in range(0, ensemble.layers, ensemble.block_depth):
            block = range(start, start + ensemble.block_depth)
            unitary(block)
            inverse(block)

    language = _message(1, _message(1, b"tfq_gate_set"))
    header = language + _header(2, len(template.text))
    return _Template(
        header + template.text,
        [_moved(rotation, len(header)) for rotation in template.rotations],
    )


def ladder(width: int, layer: int) -> list[list[tuple[int, int]]]:
    """The CZ gates (q, q+1) of a layer as two moments.

    CZ gates commute, so their order within a layer is free. Even layers take the pairs
    that start on an even qubit first, odd layers the others: the second moment of a
    layer, the next rotations and the first moment of the next layer then act on the
    same pairs, and the simulator fuses all three into one gate.
    """
    pairs = [(qubit, qubit + 1) for qubit in range(width - 1)]
    moments = [pairs[0::2], pairs[1::2]]
    return moments if layer % 2 == 0 else moments[::-1]


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


def _rotation(
    axis: str, exponent: bytes, qubit: int, scalar: float = 1
) -> tuple[bytes, int, int]:
    """A rotation's operation, and where its axis letter and its exponent stand."""
    operation = _message(1, _message(1, f"{axis}P".encode()))
    letter_at = len(operation) - 2
    operation += _argument("exponent", exponent)
    exponent_at = len(operation) - 4
    operation += (
        _argument("exponent_scalar", _number(scalar))
        + _argument("global_shift", _number(-0.5))
        + _UNCONTROLLED
        + _message(3, _message(2, _qubit(qubit)))
    )
    return operation, letter_at, exponent_at


def _controlled_z(a: int, b: int) -> bytes:
    return (
        _message(1, _message(1, b"CZP"))
        + _argument("exponent", _number(1))
        + _argument("exponent_scalar", _number(1))
        + _argument("global_shift", _number(0))
        + _UNCONTROLLED
        + _message(3, _message(2, _qubit(a)))
        + _message(3, _message(2, _qubit(b)))
    )


def _moved(rotation: _Rotation, by: int) -> _Rotation:
    exponent_at = rotation.exponent_at
    return _Rotation(
        rotation.layer,
        rotation.qubit,
        rotation.sign,
        rotation.mirrors_symbol,
        rotation.letter_at + by,
        None if exponent_at is None else exponent_at + by,
    )
