"""Cirq circuits as Pauli rotations and Clifford gates.

A gate is known by its unitary, at values of its symbol, so every gate does whose
unitary Cirq knows: exp(-i m theta A / 2) is recognised whatever its class, global phase
or decomposition, and so is a Clifford gate by its images of X and Z.
"""

import itertools
import math
from collections.abc import Sequence

import cirq
import numpy as np
from numpy.typing import NDArray

from barren.physics.observables import LIMIT, NoExactForm
from barren.physics.pauli_actions import Circuit, Clifford, Gate, Rotation, Unknown
from barren.physics.simulate import PAULIS

Matrix = NDArray[np.complex128]

#: Of a unitary's elements: TensorFlow Quantum keeps six digits of an exponent.
PRECISION = 1e-6
#: Characters of an operation in a message.
LENGTH = 60
#: Radians. Symbols' values: a small one for the multiple, others to confirm it, no
#: multiples of the first: m + 2 pi / SMALL is as m there.
SMALL = 1e-2
OTHERS = (0.7310585, -2.1172839, 4.4428829)


def symbols_of(circuit: cirq.Circuit) -> list[str]:
    """The symbols in the order of the circuit."""
    names: dict[str, None] = {}
    for operation in circuit.all_operations():
        names |= dict.fromkeys(sorted(cirq.parameter_names(operation)))
    return list(names)


def read_circuit(circuit: cirq.Circuit, qubits: Sequence[cirq.Qid]) -> Circuit:
    """Read a circuit of unitary gates with sympy symbols on the given qubits.

    Gates on a qubit before any other or any symbol on it make the product state. What
    else is neither a rotation nor a Clifford gate is unknown, with the reason.
    """
    place = {qubit: at for at, qubit in enumerate(qubits)}
    states = np.tile(np.array([1, 0], dtype=complex), (len(qubits), 1))
    fresh = set(qubits)
    gates: list[Gate] = []
    symbols = symbols_of(circuit)
    for operation in circuit.all_operations():
        at = tuple(place[qubit] for qubit in operation.qubits)
        try:
            if cirq.is_parameterized(operation):
                name, axis, multiple = _rotation(operation)
                string = ((at[k], of) for k, of in enumerate(axis) if of != "I")
                parameter = symbols.index(name)
                gates.append(Rotation(tuple(sorted(string)), parameter, multiple))
            elif len(at) == 1 and fresh.issuperset(operation.qubits):
                states[at[0]] = _unitary(operation) @ states[at[0]]
                continue
            else:
                gates.append(Clifford(at, _images(operation)))
        except NoExactForm as error:
            gates.append(Unknown(at, str(error)))
        fresh.difference_update(operation.qubits)
    bloch = np.einsum("si,pij,sj->sp", states.conj(), PAULIS, states).real
    return Circuit(bloch, tuple(gates), symbols)


def name_of(operation: cirq.Operation) -> str:
    """An operation in one line."""
    try:
        text = " ".join(str(operation).split())
    except Exception:  # some of Cirq's have no text
        text = type(operation.gate or operation).__name__
    return text if len(text) <= LENGTH else text[: LENGTH - 3] + "..."


def _unitary(operation: cirq.Operation) -> Matrix:
    if len(operation.qubits) > LIMIT:
        raise NoExactForm(f"{name_of(operation)} has more than {LIMIT} qubits")
    unitary: Matrix = cirq.unitary(operation)
    return unitary


def _rotation(operation: cirq.Operation) -> tuple[str, str, float]:
    """Of exp(-i m theta A / 2), up to a phase, theta's name, A and m.

    Of the axis A a letter for each qubit.
    """
    name, *others = sorted(cirq.parameter_names(operation))
    if others:
        told = f"has {1 + len(others)} symbols: {', '.join([name, *others])}"
        raise NoExactForm(f"{name_of(operation)} {told}")

    def at(value: float) -> Matrix:
        return _unitary(cirq.resolve_parameters(operation, {name: value}))

    none = NoExactForm(
        f"{name_of(operation)} is no rotation about a Pauli string by a multiple of "
        f"{name} from {2 * PRECISION:g} to {math.pi / SMALL:.0f}"
    )
    # With a phase that makes its trace positive it is cos I - i sin A.
    small = at(SMALL)
    one = np.eye(len(small))
    trace = np.trace(small) / len(small)
    rest: Matrix = 1j * (small - trace * one) / (trace or 1)
    tangent = float(np.linalg.norm(rest, 2))
    found = _pauli(rest / tangent) if tangent > PRECISION * SMALL else None
    if found is None:
        raise none
    sign, axis, pauli = found
    multiple = 2 * sign * math.atan(tangent) / SMALL
    for value in (0.0, *OTHERS):
        half = multiple * value / 2
        expected = math.cos(half) * one - 1j * math.sin(half) * pauli
        actual = at(value)
        overlap = np.vdot(expected, actual)
        off = actual * abs(overlap) - expected * overlap
        if not np.all(abs(off) < PRECISION):
            raise none
    nearest = round(multiple)
    return name, axis, nearest if abs(multiple - nearest) < PRECISION else multiple


def _images(operation: cirq.Operation) -> tuple[str, ...]:
    """C^dagger P C for X and Z on each qubit, see `Clifford`."""
    unitary = _unitary(operation)
    size = len(operation.qubits)
    images = []
    for at, pauli in itertools.product(range(size), "XZ"):
        string = cirq.DensePauliString("I" * at + pauli + "I" * (size - at - 1))
        found = _pauli(unitary.conj().T @ cirq.unitary(string) @ unitary)
        if found is None:
            told = "is no Clifford gate, and not the first of a single qubit"
            raise NoExactForm(f"{name_of(operation)} {told}")
        sign, letters, _ = found
        images.append(("+" if sign > 0 else "-") + letters)
    return tuple(images)


def _pauli(matrix: Matrix) -> tuple[int, str, Matrix] | None:
    """Sign, letters and matrix of the Pauli string that a matrix is up to the sign."""
    size = len(matrix)
    bits = [size >> 1 + qubit for qubit in range(size.bit_length() - 1)]
    # X's are where the first column is, Z's where a column differs in sign.
    x = int(np.argmax(abs(matrix[:, 0])))
    first = matrix[x, 0]
    if abs(first) < PRECISION:
        return None
    z = sum(bit for bit in bits if (matrix[x ^ bit, bit] / first).real < 0)
    letters = "".join("IXZY"[(x & bit > 0) + 2 * (z & bit > 0)] for bit in bits)
    pauli: Matrix = cirq.unitary(cirq.DensePauliString(letters))
    sign = 1 if np.vdot(pauli[:, 0], matrix[:, 0]).real > 0 else -1
    same = np.all(abs(sign * pauli - matrix) < PRECISION)
    return (sign, letters, pauli) if same else None
