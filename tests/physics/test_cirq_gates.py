"""What is read of Cirq's gates, and why a circuit has no exact form."""

import itertools

import cirq
import numpy as np
import pytest
import sympy

from barren.physics.cirq_gates import read_circuit
from barren.physics.pauli_actions import Clifford, Rotation, Unknown

A, B, C = QUBITS = cirq.LineQubit.range(3)
T, U = sympy.symbols("t u")
TURN = T / sympy.pi
#: Makes each qubit no longer fresh.
USED = [cirq.CZ(A, B), cirq.CZ(B, C)]


def read(*operations):
    return read_circuit(cirq.Circuit(operations), QUBITS)


def reason_of(*operations):
    """Why the last gate is unknown."""
    gate = read(*operations).gates[-1]
    assert isinstance(gate, Unknown)
    return gate.reason


def axis_of(operation):
    (gate,) = read(operation).gates
    assert isinstance(gate, Rotation)
    return " ".join(f"{letter}{qubit}" for qubit, letter in gate.axis), gate.multiple


@pytest.mark.parametrize(
    ("operation", "axis", "multiple"),
    [
        (cirq.rx(T)(A), "X0", 1),
        (cirq.ry(-T)(B), "Y1", -1),
        (cirq.rz(3 * T)(C), "Z2", 3),
        (cirq.XPowGate(exponent=TURN, global_shift=0.37)(A), "X0", 1),
        (cirq.Z(A) ** (2 * TURN), "Z0", 2),
        (cirq.XXPowGate(exponent=TURN)(B, A), "X0 X1", 1),
        (cirq.YYPowGate(exponent=TURN, global_shift=-0.5)(A, C), "Y0 Y2", 1),
        (cirq.ZZPowGate(exponent=-TURN)(A, C), "Z0 Z2", -1),
        (cirq.PhasedXPowGate(phase_exponent=0.5, exponent=TURN)(A), "Y0", 1),
        (cirq.PhasedXPowGate(phase_exponent=1, exponent=TURN)(A), "X0", -1),
        (cirq.PhasedXPowGate(phase_exponent=-0.5, exponent=TURN)(A), "Y0", -1),
        (cirq.PauliStringPhasor(cirq.Y(C) * cirq.X(A), exponent_neg=TURN), "X0 Y2", 1),
        (cirq.rx(0.25 * T)(A), "X0", 0.25),
        (cirq.rx(1e-4 * T)(A), "X0", 1e-4),
        (cirq.rx(T)(A).with_tags("mine"), "X0", 1),
        # TensorFlow Quantum keeps six digits.
        (cirq.Y(A) ** (0.31831 * T), "Y0", 1),
    ],
)
def test_rotations(operation, axis, multiple):
    found, times = axis_of(operation)
    assert found == axis
    assert times == pytest.approx(multiple, rel=1e-9)


def test_an_exponent_is_in_half_turns():
    assert axis_of(cirq.X(A) ** T) == ("X0", pytest.approx(np.pi, rel=1e-9))


def test_a_multiple_is_not_mistaken_for_another():
    """700 is 71.68 + 200 pi: at multiples of 0.01 their rotations are the same."""
    assert "is no rotation" in reason_of(cirq.ry(700 * T)(A))
    assert axis_of(cirq.ry(-150 * T)(A)) == ("Y0", pytest.approx(-150, rel=1e-9))


@pytest.mark.parametrize(
    "operation",
    [
        cirq.H(A),
        cirq.S(A) ** -1,
        cirq.Y(B) ** 0.5,
        cirq.rx(np.pi / 2)(C),
        cirq.PhasedXPowGate(phase_exponent=0.25)(A),
        cirq.CNOT(C, A),
        cirq.CZ(A, B),
        cirq.SWAP(B, C),
        cirq.ISWAP(A, B),
        cirq.ISWAP(A, C) ** -1,
        cirq.XX(A, B) ** 0.5,
        cirq.X(A).controlled_by(C, control_values=[0]),
        cirq.PhasedISwapPowGate(phase_exponent=0.5)(A, B),
        cirq.FSimGate(np.pi / 2, np.pi)(A, B),
    ],
)
def test_clifford_gates_act_as_cirqs_pauli_strings(operation):
    gate = read(USED, operation).gates[-1]
    assert isinstance(gate, Clifford)
    generators = itertools.product(operation.qubits, (cirq.X, cirq.Z))
    for image, (qubit, pauli) in zip(gate.images, generators, strict=True):
        exact = cirq.PauliString(pauli(qubit)).before(operation)
        letters = zip(operation.qubits, image[1:], strict=True)
        found = {at: letter for at, letter in letters if letter != "I"}
        assert found == {at: str(pauli) for at, pauli in exact.items()}
        assert exact.coefficient == {"+": 1, "-": -1}[image[0]]


def test_first_gates_make_the_product_state():
    ansatz = read(cirq.T(A), cirq.H(A), cirq.T(A), cirq.ry(0.3)(B), cirq.rx(T)(B))
    assert ansatz.symbols == ["t"]
    assert len(ansatz.gates) == 1
    r = np.sqrt(1 / 2)
    expected = [[r, r, 0], [np.sin(0.3), 0, np.cos(0.3)], [0, 0, 1]]
    np.testing.assert_allclose(ansatz.bloch, expected, rtol=0, atol=1e-12)


def test_symbols_are_in_the_circuits_order():
    names = ["b", "a", "c1", "c0"]
    rotations = [cirq.rx(sympy.Symbol(name))(A) for name in names]
    ansatz = read(rotations)
    assert ansatz.symbols == names
    assert [gate.parameter for gate in ansatz.gates] == [0, 1, 2, 3]


NO_STRING = "is no rotation about a Pauli string"
NO_FIRST = "is no Clifford gate, and not the first of a single qubit"


@pytest.mark.parametrize(
    ("operations", "reason"),
    [
        ([cirq.rx(T + U)(A)], ")(q(0)) has 2 symbols: t, u"),
        ([cirq.CZ(A, B) ** TURN], NO_STRING),
        ([cirq.CNOT(A, B) ** TURN], NO_STRING),
        ([cirq.SWAP(A, B) ** TURN], NO_STRING),
        ([cirq.ISWAP(A, B) ** TURN], NO_STRING),
        ([cirq.H(A) ** TURN], NO_STRING),
        ([cirq.FSimGate(T, 0.0)(A, B)], NO_STRING),
        ([cirq.rz(T)(A).controlled_by(B)], NO_STRING),
        ([cirq.PhasedXPowGate(phase_exponent=0.25, exponent=TURN)(A)], NO_STRING),
        ([cirq.PhasedXPowGate(phase_exponent=TURN)(A)], NO_STRING),
        ([cirq.rx(T + 1)(A)], NO_STRING),
        ([cirq.rx(T * T)(A)], NO_STRING),
        ([*USED, cirq.T(A)], NO_FIRST),
        ([cirq.CZ(A, B) ** 0.5], NO_FIRST),
        ([cirq.rx(T)(A), cirq.ry(0.1)(A)], "is no Clifford gate"),
        ([cirq.CCX(A, B, C)], "is no Clifford gate"),
    ],
)
def test_no_exact_form(operations, reason):
    told = reason_of(*operations)
    assert reason in told and "\n" not in told


def test_a_gate_is_named_in_one_line():
    matrix = cirq.testing.random_unitary(4, random_state=1)
    told = reason_of(cirq.MatrixGate(matrix)(A, B))
    assert told.startswith("[[") and "... is no Clifford gate" in told
    assert "\n" not in told and len(told) < 120


def test_gates_on_too_many_qubits_have_no_table():
    qubits = cirq.LineQubit.range(11)
    gate = cirq.X(qubits[0]).controlled_by(*qubits[1:])
    (found,) = read_circuit(cirq.Circuit(gate), qubits).gates
    assert "has more than 10 qubits" in found.reason
