"""Circuits of rotations and Clifford gates against averages over all angles."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cirq
import hypothesis
import numpy as np
import pytest
import sympy
from hypothesis import strategies as st

from barren.physics import pauli_paths
from barren.physics.cirq_gates import read_circuit
from barren.physics.observables import NoExactForm, Observable
from barren.physics.pauli_actions import Circuit, Clifford, Rotation
from barren.physics.pauli_paths import gradient_moments

PAULIS = {letter: cirq.unitary(getattr(cirq, letter)) for letter in "IXYZ"}


# The oracle. <O> is of degree 1 in each angle m theta, so g follows by parameter shift
# and its square has degree 2: four angles, with weights of the right mean cos and mean
# cos of twice the angle, make each average exact.


def angle_weights(sigma):
    cos1, cos2 = (0, 0) if sigma is None else np.exp([-(sigma**2) / 2, -2 * sigma**2])
    ends = np.array([1, -1]) * cos1 / 2 + (1 + cos2) / 4
    return np.array([ends[0], (1 - cos2) / 4, ends[1], (1 - cos2) / 4])


def apply(matrix, state, axes):
    """Apply (2^k, 2^k) to the given axes of an array."""
    matrix = matrix.reshape((2,) * (2 * len(axes)))
    rest = range(len(axes), 2 * len(axes))
    return np.moveaxis(
        np.tensordot(matrix, state, (rest, axes)), range(len(axes)), axes
    )


def losses(circuit, qubits, multiples, terms):
    """<O> at all angles m theta from 0, pi/2, pi, 3 pi/2: an axis for each symbol."""
    count = len(multiples)
    state = np.zeros((4,) * count + (2,) * len(qubits), dtype=complex)
    state[(...,) + (0,) * len(qubits)] = 1
    seen = 0
    for operation in circuit.all_operations():
        axes = [count + qubits.index(qubit) for qubit in operation.qubits]
        names = cirq.parameter_names(operation)
        if not names:
            state = apply(cirq.unitary(operation), state, axes)
            continue
        parts = []
        for at in range(4):
            value = {name: at * np.pi / 2 / multiples[seen] for name in names}
            unitary = cirq.unitary(cirq.resolve_parameters(operation, value))
            part = np.take(state, [at], axis=seen)
            parts.append(apply(unitary, part, axes))
        state = np.concatenate(parts, axis=seen)
        seen += 1
    total = 0
    sites = tuple(range(count, count + len(qubits)))
    for weight, string in terms:
        other = state
        for qubit, letter in string:
            other = apply(PAULIS[letter], other, [count + qubit])
        total = total + weight * (state.conj() * other).sum(axis=sites).real
    return total


def averages(circuit, qubits, multiples, terms, sigma=None):
    """Mean and second moment of each gradient, then of the loss."""
    loss = losses(circuit, qubits, multiples, terms)

    def average(values):
        for multiple in multiples:
            values = angle_weights(sigma and multiple * sigma) @ values.reshape(4, -1)
        return float(values.reshape(()))

    mean, second = [], []
    for axis, multiple in enumerate(multiples):
        g = multiple * (np.roll(loss, -1, axis) - np.roll(loss, 1, axis)) / 2
        mean.append(average(g))
        second.append(average(g**2))
    return mean, second, average(loss), average(loss**2)


def check(circuit, qubits, multiples, terms, sigma=None):
    ansatz, symbols = read_circuit(circuit, qubits)
    assert sorted(symbols) == sorted(multiples)
    # Cirq moves an operation to an earlier moment where it can.
    multiples = [multiples[symbol] for symbol in symbols]
    found = gradient_moments(ansatz, terms, sigma)
    exact = averages(circuit, qubits, multiples, terms, sigma)
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)
    return found


# Random circuits, in Cirq's own gates.

ONE_QUBIT = [cirq.H, cirq.S, cirq.X, cirq.Y**0.5, cirq.Z, cirq.X**-0.5]
TWO_QUBITS = [
    cirq.CNOT,
    cirq.CZ,
    cirq.SWAP,
    cirq.ISWAP,
    cirq.ISWAP**-1,
    cirq.ControlledGate(cirq.Y),
    cirq.XX**0.5,
    cirq.ZZ**-0.5,
]
PREPARATIONS = [
    cirq.ry(0.3),
    cirq.T,
    cirq.PhasedXZGate(x_exponent=0.2, z_exponent=0.7, axis_phase_exponent=0.4),
]


def phasor(letters, turn):
    pauli = cirq.DensePauliString(letters)
    return cirq.PauliStringPhasorGate(pauli, exponent_neg=turn)


def rotation(kind, angle):
    """A gate that turns by an angle (a sympy expression) about some Pauli string."""
    turn = angle / sympy.pi
    return {
        "x": cirq.rx(angle),
        "y": cirq.ry(angle),
        "z": cirq.rz(angle),
        "xp": cirq.XPowGate(exponent=turn),
        "zp": cirq.ZPowGate(exponent=turn, global_shift=0.3),
        "phased": cirq.PhasedXPowGate(phase_exponent=0.5, exponent=turn),
        "xx": cirq.XXPowGate(exponent=turn),
        "yy": cirq.YYPowGate(exponent=turn, global_shift=-0.5),
        "zz": cirq.ZZPowGate(exponent=turn),
        "xyz": phasor("XYZ", turn),
        "zyi": phasor("ZYI", turn),
    }[kind]


SIZES = dict.fromkeys(["x", "y", "z", "xp", "zp", "phased"], 1)
SIZES |= {"xx": 2, "yy": 2, "zz": 2, "xyz": 3, "zyi": 3}


@st.composite
def cases(draw, parameters=5):
    """A circuit, its qubits, the multiple of each symbol and the terms of an observable."""
    width = draw(st.integers(2, 5))
    qubits = cirq.LineQubit.range(width)

    def some(size):
        return draw(st.permutations(qubits))[:size]

    circuit = cirq.Circuit()
    for qubit in qubits:
        if draw(st.booleans()):
            circuit.append(draw(st.sampled_from(PREPARATIONS))(qubit))
    multiples = {}
    kinds = [kind for kind, size in SIZES.items() if size <= width]
    for _ in range(draw(st.integers(2, parameters))):
        for _ in range(draw(st.integers(0, 3))):
            if draw(st.booleans()):
                circuit.append(draw(st.sampled_from(TWO_QUBITS))(*some(2)))
            else:
                # Before anything else it would be part of the product state.
                qubit = some(1)[0]
                circuit.append(draw(st.sampled_from(ONE_QUBIT))(qubit))
        kind = draw(st.sampled_from(kinds))
        multiple = draw(st.sampled_from([1, 1, 1, -1, 2]))
        symbol = sympy.Symbol(f"t{len(multiples)}")
        circuit.append(rotation(kind, multiple * symbol)(*some(SIZES[kind])))
        multiples[symbol.name] = multiple
    string = st.lists(st.sampled_from("IXYZ"), min_size=width, max_size=width)
    strings = draw(st.lists(string, min_size=1, max_size=4))
    terms = []
    for at, letters in enumerate(strings):
        factors = [f"{p}{q}" for q, p in enumerate(letters) if p != "I"] or ["Z0"]
        terms.append(f"{at + draw(st.integers(1, 9)) / 8} {' '.join(factors)}")
    return circuit, qubits, multiples, Observable.parse(" + ".join(terms)).terms(width)


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(cases())
def test_uniform_angles(case):
    found = check(*case)
    assert np.all(found.mean == 0)


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(cases(), st.sampled_from([0.1, 0.5, 1.5]))
def test_normal_angles(case, sigma):
    check(*case, sigma)
