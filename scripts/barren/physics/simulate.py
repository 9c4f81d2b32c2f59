"""Gradients of many circuits at once by plain numpy, by the adjoint method.

It shares nothing with TensorFlow Quantum but the order of gates, so that a few circuits
of every ensemble that is small enough are computed again by it in every run.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.blocks import Block, merged
from barren.physics.circuits import AXES, Circuits
from barren.physics.layered import THETA, Layered, Moment
from barren.physics.observables import Term

Complex = NDArray[np.complex128]
#: Amplitudes in single or double precision.
State = NDArray[Any]
PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
MATRICES = {
    "CZ": np.diag([1, 1, 1, -1]).astype(complex),
    "CNOT": np.eye(4, dtype=complex)[[0, 1, 3, 2]],
}


def rotations(moment: Moment, circuits: Circuits, width: int) -> Complex:
    """exp(-i angle P / 2) of a moment of rotations, (width, samples, 2, 2)."""
    matrices = np.tile(np.eye(2, dtype=complex), (width, len(circuits), 1, 1))
    qubits = [gate.qubits[0] for gate in moment]
    axes = np.array([circuits.axis(gate) for gate in moment])
    half = np.array([circuits.angle(gate) for gate in moment])[..., None, None] / 2
    matrices[qubits] = np.cos(half) * np.eye(2) - 1j * np.sin(half) * PAULIS[axes]
    return matrices


def gradients(ensemble: Layered, circuits: Circuits) -> NDArray[np.float64]:
    """d<O>/d theta of each circuit in double precision, (samples,)."""
    blocks = merged(_blocks(ensemble, circuits))
    return swept(blocks, ensemble.terms, ensemble.width, len(circuits))[THETA]


def _blocks(ensemble: Layered, circuits: Circuits) -> Iterator[Block]:
    """The gates in order, with the derivative of the one that is the symbol."""
    for moment in ensemble.moments():
        if moment[0].name != "R":
            for gate in moment:
                yield Block(gate.qubits, MATRICES[gate.name][None], {})
            continue
        turned = rotations(moment, circuits, ensemble.width)
        for gate in moment:
            (qubit,) = gate.qubits
            derived = -0.5j * gate.sign * PAULIS[circuits.axis(gate)] @ turned[qubit]
            slopes = {THETA: derived} if gate.angle == THETA else {}
            yield Block(gate.qubits, turned[qubit], slopes)


class _States:
    """States (samples, 2^width), whose qubits stand in an order that changes."""

    def __init__(self, amplitudes: State, width: int) -> None:
        self.amplitudes, self.order = amplitudes, [*range(width)]

    def front(self, qubits: Sequence[int]) -> State:
        """The states (samples, 2^qubits, rest) with some qubits put first."""
        samples = len(self.amplitudes)
        if self.order[: len(qubits)] != [*qubits]:
            order = [*qubits, *(q for q in self.order if q not in qubits)]
            axes = [1 + self.order.index(qubit) for qubit in order]
            bits = self.amplitudes.reshape(samples, *[2] * len(order))
            self.amplitudes = bits.transpose(0, *axes).reshape(samples, -1)
            self.order = order
        return self.amplitudes.reshape(samples, 2 ** len(qubits), -1)

    def apply(self, matrices: State, qubits: Sequence[int]) -> None:
        """Multiply matrices (samples or 1, 2^qubits, 2^qubits) into the states."""
        shape = self.amplitudes.shape
        self.amplitudes = (matrices @ self.front(qubits)).reshape(shape)


def swept(
    blocks: Sequence[Block], terms: Sequence[Term], width: int, samples: int
) -> dict[Any, NDArray[Any]]:
    """The gradient of some circuits by each symbol, (samples,); as precise as blocks.

    Going back from the end with psi and O psi, each gate U that has the symbol adds
    2 Re <O psi| dU/ds |psi>, with psi before the gate and O psi after it.
    """
    start = np.zeros((samples, 2**width), blocks[0].map.dtype)
    start[:, 0] = 1
    psi, natural = _States(start, width), range(width)
    for block in blocks:
        psi.apply(block.map, block.sites)
    last = psi.front(natural)[..., 0]
    total = np.zeros_like(last)
    for weight, string in terms:
        part = _States(last, width)
        for qubit, letter in string:
            part.apply(PAULIS[AXES.index(letter)].astype(last.dtype), [qubit])
        total += weight * part.front(natural)[..., 0]
    image = _States(total, width)
    found: dict[Any, Any] = defaultdict(np.float32)
    for block in reversed(blocks):
        inverse = block.map.conj().swapaxes(1, 2)
        psi.apply(inverse, block.sites)
        if block.slopes:
            before, after = psi.front(block.sites), image.front(block.sites)
            products = after.conj() @ before.swapaxes(1, 2)
            for name, slope in block.slopes.items():
                share = np.einsum("sij,sij->s", slope, products).real
                found[name] = found[name] + 2 * share
        image.apply(inverse, block.sites)
    return found
