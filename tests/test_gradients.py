"""The gradients of both engines, against Cirq's simulator and the public TFQ layer."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import cirq
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_quantum as tfq

from barren.circuits import sample_circuits
from barren.ensembles import QSIM, Ensemble
from barren.gradients import (
    ADJOINT,
    AUTO,
    PARAMETER_SHIFT,
    PARAMETER_SHIFT_FROM,
    choose_differentiator,
    gradients,
)
from barren.programs import serialise
from barren.qsim import qsim_gradients
from test_circuits import THETA, cirq_circuit

ENSEMBLES = [
    Ensemble("random", 4, depth=20),
    Ensemble("random", 5, depth=6, symbol_layer=2, symbol_qubit=3, observable_a=3),
    Ensemble("identity", 4, block_depth=3, blocks=2, symbol_layer=1, observable_b=3),
    Ensemble("identity_tutorial", 3, block_depth=4, blocks=2),
    Ensemble("identity", 5, block_depth=2, blocks=3, symbol_layer=1, symbol_qubit=1),
    Ensemble("identity_tutorial", 4, block_depth=5, blocks=1, symbol_layer=4),
    Ensemble("random", 7, depth=4, symbol_qubit=2, observable_a=5),
    Ensemble("random", 2, depth=1),
]
#: float32 through some hundred gates.
ABSOLUTE = 1e-5
#: The adjoint kernel takes central differences of step h = 0.005 in a gate's exponent:
#: (pi h)^2 / 6 = 4.1e-5.
RELATIVE = 4.5e-5


def cirq_gradient(
    circuit: cirq.Circuit, observable: tuple[int, int], theta: float
) -> float:
    """The exact gradient by the parameter shift, in double precision."""
    qubits = sorted(circuit.all_qubits())
    a, b = (qubits[q] for q in observable)
    up, down = (
        cirq.Simulator(dtype=np.complex128)
        .simulate_expectation_values(circuit, cirq.Z(a) * cirq.Z(b), {THETA: value})[0]
        .real
        for value in (theta + np.pi / 2, theta - np.pi / 2)
    )
    return (up - down) / 2


@pytest.mark.parametrize("method", [ADJOINT, PARAMETER_SHIFT, QSIM])
@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda e: e.name)
def test_gradients_are_those_of_cirq(ensemble: Ensemble, method: str) -> None:
    circuits = sample_circuits(ensemble, 2, range(4))
    if method == QSIM:
        values = qsim_gradients(ensemble, circuits)
    else:
        programs = serialise(ensemble, circuits)
        values = gradients(programs, circuits.theta, ensemble.observable, method)
    expected = [
        cirq_gradient(
            cirq_circuit(ensemble, circuits, row),
            ensemble.observable,
            circuits.theta[row],
        )
        for row in range(4)
    ]
    assert np.abs(expected).max() > 1000 * ABSOLUTE
    np.testing.assert_allclose(values, expected, atol=ABSOLUTE, rtol=RELATIVE)


def test_gradients_are_those_of_the_public_layer() -> None:
    """Bit for bit: the kernels loaded by file are those that the package calls."""
    ensemble = ENSEMBLES[0]
    circuits = sample_circuits(ensemble, 2, range(4))
    programs = serialise(ensemble, circuits)
    qubits = cirq.GridQubit.rect(1, ensemble.width)
    operation = tfq.differentiators.Adjoint().generate_differentiable_op(
        analytic_op=tfq.get_expectation_op()
    )
    theta = tf.constant(circuits.theta[:, None], tf.float32)
    observable = tfq.convert_to_tensor([[cirq.Z(qubits[0]) * cirq.Z(qubits[1])]] * 4)
    with tf.GradientTape() as tape:
        tape.watch(theta)
        forward = operation(tf.constant(programs), ["theta"], theta, observable)
    expected = tape.gradient(forward, theta).numpy()[:, 0]
    values = gradients(programs, circuits.theta, ensemble.observable, ADJOINT)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("differentiator", [ADJOINT, PARAMETER_SHIFT])
def test_the_size_of_a_batch_changes_nothing(differentiator: str) -> None:
    ensemble = ENSEMBLES[0]
    circuits = sample_circuits(ensemble, 2, range(6))
    programs = serialise(ensemble, circuits)

    def compute(part: slice) -> list[float]:
        return gradients(
            programs[part], circuits.theta[part], ensemble.observable, differentiator
        ).tolist()

    whole = compute(slice(None))
    assert [g for row in range(6) for g in compute(slice(row, row + 1))] == whole


def test_qsim_leaves_out_what_is_outside_the_light_cone() -> None:
    """Zero to the last bit where the symbol cannot reach the observable."""
    near = Ensemble("random", 6, depth=3, symbol_qubit=3)
    far = Ensemble("random", 6, depth=3, symbol_qubit=4)
    for ensemble, reached in ((near, True), (far, False)):
        circuits = sample_circuits(ensemble, 2, range(6))
        assert qsim_gradients(ensemble, circuits).any() == reached


@pytest.mark.parametrize("width", [10, 15])
def test_both_engines_agree(width: int) -> None:
    """To float32 through a thousand gates; wide enough for each of qsim's kernels."""
    ensemble = Ensemble("random", width, depth=20)
    circuits = sample_circuits(ensemble, 3, range(8))
    programs = serialise(ensemble, circuits)
    expected = gradients(programs, circuits.theta, ensemble.observable, PARAMETER_SHIFT)
    np.testing.assert_allclose(
        qsim_gradients(ensemble, circuits), expected, atol=ABSOLUTE, rtol=0
    )


def test_auto_takes_the_faster_differentiator() -> None:
    assert choose_differentiator(AUTO, PARAMETER_SHIFT_FROM - 1) == ADJOINT
    assert choose_differentiator(AUTO, PARAMETER_SHIFT_FROM) == PARAMETER_SHIFT
    assert choose_differentiator(ADJOINT, 20) == ADJOINT


def test_identity_blocks_cancel() -> None:
    """Grant's blocks leave one rotation: g follows from its axis and theta alone.

    In the prepared state <Z_0> = 1/sqrt 2 = <Z_1>, and theta_a = theta_b, so the
    gradient is -<i/2 [P, Z_0]> <Z_1>: 0 for X and Z, -1/2 for Y.
    """
    ensemble = Ensemble("identity", 4, block_depth=5, blocks=3)
    circuits = sample_circuits(ensemble, 2, range(30))
    values = gradients(
        serialise(ensemble, circuits), circuits.theta, ensemble.observable, ADJOINT
    )
    expected = np.where(circuits.axes[:, 0, 0] == 1, -0.5, 0)
    np.testing.assert_allclose(values, expected, atol=ABSOLUTE, rtol=RELATIVE)
