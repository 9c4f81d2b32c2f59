"""Gradients by a state vector in plain numpy, double precision, for small circuits.

It shares nothing with TensorFlow Quantum but the order of gates, so that a few circuits
of every ensemble that is small enough are computed again by it in every run. A state of
n qubits is a matrix of 2^(n//2) rows and 2^(n - n//2) columns: a moment of rotations is
one product from the left and one from the right.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import Circuits
from barren.physics.layered import Gate, Layered, Moment

Complex = NDArray[np.complex128]
Matrices = NDArray[Any]
PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def rotations(moment: Moment, circuits: Circuits, width: int) -> Complex:
    """exp(-i angle P / 2) of a moment of rotations, (width, samples, 2, 2)."""
    matrices = np.tile(np.eye(2, dtype=complex), (width, len(circuits), 1, 1))
    qubits = [gate.qubits[0] for gate in moment]
    axes = np.array([circuits.axis(gate) for gate in moment])
    half = np.array([circuits.angle(gate) for gate in moment])[..., None, None] / 2
    matrices[qubits] = np.cos(half) * np.eye(2) - 1j * np.sin(half) * PAULIS[axes]
    return matrices


def gradients(ensemble: Layered, circuits: Circuits) -> NDArray[np.float64]:
    """d<O>/d theta of each circuit by the parameter shift, (samples,)."""
    up, down = (
        expectations(ensemble, circuits.shifted(shift))
        for shift in (np.pi / 2, -np.pi / 2)
    )
    return (up - down) / 2


def expectations(ensemble: Layered, circuits: Circuits) -> NDArray[np.float64]:
    """<O> of each circuit, (samples,)."""
    width = ensemble.width
    split = width // 2
    bits = (np.arange(2**width) >> np.arange(width - 1, -1, -1)[:, None]) & 1
    state = np.zeros((len(circuits), 2**split, 2 ** (width - split)), complex)
    state[:, 0, 0] = 1
    for moment in ensemble.moments():
        if moment[0].name == "R":
            matrices = rotations(moment, circuits, width)
            left, right = kron(*matrices[:split]), kron(*matrices[split:])
            state = left @ state @ right.swapaxes(1, 2)
        else:
            flat = state.reshape(len(circuits), -1)
            for gate in moment:
                flat = _two_qubit(gate, flat, bits)
            state = flat.reshape(state.shape)
    flat = state.reshape(len(circuits), -1)
    values = np.zeros(len(circuits))
    for weight, string in ensemble.terms:
        image = flat
        for qubit, letter in string:
            bit = 1 << (width - 1 - qubit)
            if letter != "Z":
                image = image[:, np.arange(2**width) ^ bit]
            if letter != "X":
                image = image * (1 - 2 * bits[qubit])
            if letter == "Y":
                image = -1j * image
        values += weight * np.einsum("si,si->s", flat.conj(), image).real
    return values


def _two_qubit(gate: Gate, state: Complex, bits: NDArray[np.int64]) -> Complex:
    """CZ or CNOT on states (samples, 2^width)."""
    a, b = gate.qubits
    if gate.name == "CZ":
        signs: Complex = state * (1 - 2 * (bits[a] & bits[b]))
        return signs
    flip = bits[a] << (len(bits) - 1 - b)
    flipped: Complex = state[:, np.arange(state.shape[1]) ^ flip]
    return flipped


def kron(first: Matrices, *others: Matrices) -> Matrices:
    """Kronecker product of stacks of matrices, (..., rows, columns)."""
    for other in others:
        # Not by numpy's `kron`, which takes three times as long for a stack.
        parts = first[..., :, None, :, None] * other[..., None, :, None, :]
        *stack, a, b, c, d = parts.shape
        first = parts.reshape(*stack, a * b, c * d)
    return first
