"""The gradients of both engines, against Cirq's simulator and the public TFQ layer."""

import csv
import os
import subprocess
import sys

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import cirq
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_quantum as tfq
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from barren.physics import qsim, simulate
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import QSIM, TFQ
from barren.physics.families import Identity, IdentityTutorial, Random
from barren.physics.gradients import (
    ADJOINT,
    AUTO,
    PARAMETER_SHIFT,
    PARAMETER_SHIFT_FROM,
    choose_differentiator,
    compute_gradients,
    gradients,
)
from barren.physics.layered import Gate, Layered
from barren.physics.observables import Term
from barren.physics.programs import serialise
from barren.physics.qsim import qsim_gradients
from barren.provenance.recompute import Choice, check_gradients
from barren.runner import configuration
from compute_gradients import write
from conftest import ROOT
from strategies import a_batch, ensembles
from textbook import ABSOLUTE, RELATIVE, cirq_circuit, cirq_gradient

DEEP = Random(width=4, depth=20)


def column(
    programs: NDArray[np.bytes_],
    theta: NDArray[np.float64],
    terms: Sequence[Term],
    method: str,
) -> NDArray[np.float32]:
    """The gradients by theta alone, (samples,)."""
    return gradients(programs, theta[:, None], terms, method)[:, 0]


def check_engines(ensemble: Layered) -> None:
    """Every engine against Cirq, those in double precision to its last digits."""
    circuits = sample_circuits(ensemble, 2, range(3))
    expected = [
        cirq_gradient(cirq_circuit(ensemble, circuits, row), ensemble.terms, theta)
        for row, theta in enumerate(circuits.theta)
    ]
    # The oracle knows circuits of random axes and products of Z alone.
    known = [oracle.gradients] if oracle.knows(ensemble) else []
    for exact in (simulate.gradients, *known):
        np.testing.assert_allclose(exact(ensemble, circuits), expected, atol=1e-12)
    closed = ensemble.closed_form(circuits)
    if closed is not None:
        np.testing.assert_allclose(closed, expected, atol=1e-12)
    programs = serialise(ensemble, circuits)
    kernels = [
        column(programs, circuits.theta, ensemble.terms, method)
        for method in (ADJOINT, PARAMETER_SHIFT)
    ]
    # Weights multiply errors.
    bound = ABSOLUTE * ensemble.norm
    for values in (*kernels, qsim_gradients(ensemble, circuits)):
        np.testing.assert_allclose(values, expected, atol=bound, rtol=RELATIVE)


@settings(max_examples=60)
@given(ensembles(widths=st.integers(2, 7), counts=st.integers(1, 5)))
@example(DEEP)
@example(Identity(width=5, block_depth=4, blocks=2, symbol_layer=1, symbol_qubit=1))
@example(replace(DEEP, observable="1e-8 Z0 Z1 - 2e-8 X0"))
@example(replace(DEEP, observable="Z0 Z1 - 1e-6 X0"))
def test_gradients_are_those_of_cirq(ensemble: Layered) -> None:
    check_engines(ensemble)


@pytest.mark.parametrize("method", [ADJOINT, PARAMETER_SHIFT])
def test_weights_far_apart_are_no_overflow(method: str) -> None:
    """Whichever comes first; and a method that there is not is refused."""
    ensemble = Random(width=2, depth=1, symbol_qubit=1, observable="1e-20 Z0 + 1e20 Z1")
    circuits = sample_circuits(ensemble, 2, range(20))
    expected = simulate.gradients(ensemble, circuits)
    programs = serialise(ensemble, circuits)
    found = column(programs, circuits.theta, ensemble.terms, method)
    np.testing.assert_allclose(found, expected, atol=1e20 * ABSOLUTE, rtol=RELATIVE)
    with pytest.raises(ValueError, match="no differentiator 'guess'"):
        column(programs, circuits.theta, ensemble.terms, "guess")


def test_many_turns_lose_no_digits() -> None:
    ensemble = Random(width=2, depth=3, sigma=10.0)
    batch = a_batch(ensemble, 2, range(200))
    expected = simulate.gradients(ensemble, batch.circuits)
    found = compute_gradients(ensemble, batch, TFQ, ADJOINT)[:, 0]
    np.testing.assert_allclose(found, expected, atol=ABSOLUTE, rtol=RELATIVE)


@pytest.mark.parametrize("width", [5, 6, 7])
def test_qsim_measures_products_of_any_length(width: int) -> None:
    """It has two ways, for up to six qubits and for more, with the one that chooses."""
    ensemble = Random(width=width, depth=2, observable="global")
    circuits = sample_circuits(ensemble, 2, range(6))
    expected = simulate.gradients(ensemble, circuits)
    assert np.abs(expected).max() > 100 * ABSOLUTE
    found = qsim_gradients(ensemble, circuits)
    np.testing.assert_allclose(found, expected, atol=ABSOLUTE, rtol=0)


def test_gradients_are_large_enough_to_differ() -> None:
    circuits = sample_circuits(DEEP, 2, range(3))
    assert np.abs(simulate.gradients(DEEP, circuits)).max() > 1000 * ABSOLUTE


@settings(max_examples=60)
@given(ensembles(counts=st.integers(1, 4)))
def test_the_other_blocks_are_the_identity(ensemble: Layered) -> None:
    circuits = sample_circuits(ensemble, 4, range(3))
    alone = ensemble.first_block(circuits)
    if alone is not None:
        assert alone[0].layers < ensemble.layers
        np.testing.assert_allclose(
            simulate.gradients(*alone),
            simulate.gradients(ensemble, circuits),
            atol=1e-12,
        )


@pytest.mark.parametrize("family", [Identity, IdentityTutorial])
def test_what_the_agreement_knows_of_each_circuit(family: type[Identity]) -> None:
    """A closed form on the first layer, and that the blocks after it do nothing."""
    for blocks in (1, 2):
        start = family(width=3, block_depth=2, blocks=blocks)
        circuits = sample_circuits(start, 2, range(3))
        assert (start.first_block(circuits) is None) == (blocks == 1)
        for known in (start, replace(start, symbol_qubit=2)):
            assert known.closed_form(circuits) is not None
        other = ({"symbol_layer": 1}, {"observable": "X0"}, {"observable": "local"})
        for keys in other:
            assert replace(start, **keys).closed_form(circuits) is None


@settings(max_examples=60)
@given(ensembles())
def test_theta_alone_has_the_opposite_gradient_at_half_a_turn(
    ensemble: Layered,
) -> None:
    """What the agreement's test relies on."""
    circuits = sample_circuits(ensemble, 4, range(3))
    opposite = replace(circuits, theta=circuits.theta + np.pi)
    if ensemble.theta_is_alone:
        np.testing.assert_allclose(
            simulate.gradients(ensemble, opposite),
            -simulate.gradients(ensemble, circuits),
            atol=1e-12,
        )


def test_gradients_are_those_of_the_public_layer() -> None:
    """Bit for bit: the kernels loaded by file are those that the package calls."""
    ensemble = DEEP
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
    values = column(programs, circuits.theta, ensemble.terms, ADJOINT)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("differentiator", [ADJOINT, PARAMETER_SHIFT])
def test_the_size_of_a_batch_changes_nothing(differentiator: str) -> None:
    ensemble = DEEP
    circuits = sample_circuits(ensemble, 2, range(6))
    programs = serialise(ensemble, circuits)

    def compute(part: slice) -> list[float]:
        return column(
            programs[part], circuits.theta[part], ensemble.terms, differentiator
        ).tolist()

    whole = compute(slice(None))
    assert [g for row in range(6) for g in compute(slice(row, row + 1))] == whole


def test_qsim_leaves_out_what_is_outside_the_light_cone() -> None:
    """Zero to the last bit where the symbol cannot reach the observable."""
    near = Random(width=6, depth=3, symbol_qubit=3)
    far = Random(width=6, depth=3, symbol_qubit=4)
    for ensemble, reached in ((near, True), (far, False)):
        circuits = sample_circuits(ensemble, 2, range(6))
        assert qsim_gradients(ensemble, circuits).any() == reached


@settings(max_examples=60)
@given(ensembles(widths=st.integers(3, 7), counts=st.integers(1, 5)), st.integers(1, 3))
@example(Random(width=7, depth=8, symbol_layer=4, symbol_qubit=5), 1)
def test_qubits_join_the_register_when_gates_need_them(
    ensemble: Layered, small: int
) -> None:
    circuits = sample_circuits(ensemble, 2, range(3))
    with patch.object(qsim, "SMALL", small):
        values = qsim_gradients(ensemble, circuits)
    expected = simulate.gradients(ensemble, circuits)
    bound = ABSOLUTE * ensemble.norm
    np.testing.assert_allclose(values, expected, atol=bound, rtol=RELATIVE)


@dataclass(frozen=True, kw_only=True)
class Crossed(Layered):
    """Rotations, and CNOTs one way and the other."""

    depth: int

    family: ClassVar[str] = "crossed"

    def moments(self) -> Iterator[list[Gate]]:
        for layer in range(self.depth):
            yield self.rotations(layer)
            yield [Gate("CNOT", (0, 1))]
            yield [Gate("CNOT", (1, 0))]


def test_a_gate_and_its_mirror_are_fused() -> None:
    ensemble = Crossed(width=2, depth=3, observable="Z0 X1")
    circuits = sample_circuits(ensemble, 2, range(20))
    expected = simulate.gradients(ensemble, circuits)
    assert np.abs(expected).max() > 0.1
    found = qsim_gradients(ensemble, circuits)
    np.testing.assert_allclose(found, expected, atol=ABSOLUTE, rtol=0)


def test_gates_cancel_with_nothing_between() -> None:
    """Neither turns do, nor gates of other names."""
    cz, cnot, turn = Gate("CZ", (0, 1)), Gate("CNOT", (0, 1)), Gate("R", (1,), "X", 0.3)
    for gate in (cz, cnot):
        assert qsim._cancelled([[gate], [gate]]) == []
        for between in (turn, turn._replace(qubits=(0,)), Gate("CNOT", (1, 2))):
            assert len(qsim._cancelled([[gate], [between], [gate]])) == 3
    for two in ((cz, cnot), (turn, turn)):
        assert len(qsim._cancelled([[gate] for gate in two])) == 2


def test_gates_need_fewer_qubits_at_first() -> None:
    """A triangle on the last qubits comes before what needs the first two."""
    with patch.object(qsim, "SMALL", 1):
        registers = qsim.growing([*Random(width=6, depth=9).moments()], 6)
    touched = [
        {q for of in part for gate in of for q in gate.qubits} for _, part in registers
    ]
    assert [first for first, _ in registers] == [4, 2, 0]
    assert [min(qubits) for qubits in touched] == [4, 2, 0]
    narrow = qsim.growing([*Random(width=6, depth=9).moments()], 6)
    assert [first for first, _ in narrow] == [0]


@pytest.mark.parametrize("width", [10, 15])
def test_both_engines_agree(width: int) -> None:
    """To float32 through a thousand gates; wide enough for each of qsim's kernels."""
    ensemble = Random(width=width, depth=20)
    circuits = sample_circuits(ensemble, 3, range(8))
    programs = serialise(ensemble, circuits)
    expected = column(programs, circuits.theta, ensemble.terms, PARAMETER_SHIFT)
    np.testing.assert_allclose(
        qsim_gradients(ensemble, circuits), expected, atol=ABSOLUTE, rtol=0
    )


@pytest.mark.parametrize("weight", [1e-30, 1e-8, 10, 1e30])
def test_the_audit_allows_for_the_weights_of_an_observable(
    tmp_path: Path, weight: float
) -> None:
    """The adjoint is off by 4e-5 of a gradient, however large or small it is."""
    text = f"{weight} Z0 Z1"
    entry = {"family": "random", "width": [3], "depth": [2], "observable": [text]}
    config = {"experiment": "weights", "seed": 1, "samples": 20, "ensembles": [entry]}
    experiment = configuration.check(config)
    (ensemble,) = experiment.sampled
    batch = a_batch(ensemble, 1, range(20))
    values, exact = (
        compute_gradients(ensemble, batch, engine, ADJOINT) for engine in (TFQ, QSIM)
    )
    assert np.abs(values - exact).max() > 1e-5 * weight
    for forged in (0.0, 0.01):
        values[7] += forged * np.abs(values).max()
        write(tmp_path / "gradients.csv", [(ensemble, batch)], lambda *_: values)
        said = csv.DictReader((tmp_path / "gradients.csv").open())
        batches = {ensemble.program: batch}
        check = check_gradients(Choice(experiment, 20, 1), [ensemble], batches, said)
        assert check.count == 20
        assert 0.1 < check.worst < 1 or forged
        assert bool(check.reason) == bool(forged)


LEAN = """
import sys
sys.path[:0] = ["scripts", "tests"]
from barren.physics.families import Random
from barren.physics.gradients import compute_gradients
from strategies import a_batch
ensemble = Random(width=3, depth=2)
batch = a_batch(ensemble, 1, range(5))
for how in ("adjoint", "parameter_shift") * 2:
    assert compute_gradients(ensemble, batch, "tfq", how).shape == (5, 1)
from barren.physics import building
import cirq
import sympy
qubits = cirq.GridQubit.rect(1, 2)
circuit = cirq.Circuit(cirq.ry(sympy.Symbol("a"))(qubits[0]), cirq.CZ(*qubits))
program = building.serialize_circuit(circuit).SerializeToString()
assert "tensorflow" not in sys.modules and "tensorflow.python.data" not in sys.modules
import tensorflow as tf
import tensorflow_quantum as tfq
assert (tf.Variable(1.0) + 1).numpy() == 2
assert tfq.convert_to_tensor([circuit]).numpy() == [program]
"""


def test_gradients_take_a_part_of_tensorflow_and_leave_the_whole() -> None:
    """Operations, too, import none of the rest, nor do they stumble over its lack.

    What serialises a circuit of one's own imports nothing of TensorFlow.
    """
    command = [sys.executable, "-c", LEAN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


def test_auto_takes_the_faster_differentiator() -> None:
    assert choose_differentiator(AUTO, PARAMETER_SHIFT_FROM - 1) == ADJOINT
    assert choose_differentiator(AUTO, PARAMETER_SHIFT_FROM) == PARAMETER_SHIFT
    assert choose_differentiator(ADJOINT, 20) == ADJOINT


def test_identity_blocks_cancel() -> None:
    """Grant's blocks leave one rotation: g follows from its axis and theta alone.

    In the prepared state <Z_0> = 1/sqrt 2 = <Z_1>, and theta_a = theta_b, so the
    gradient is -<i/2 [P, Z_0]> <Z_1>: 0 for X and Z, -1/2 for Y.
    """
    ensemble = Identity(width=4, block_depth=5, blocks=3)
    circuits = sample_circuits(ensemble, 2, range(30))
    values = column(
        serialise(ensemble, circuits), circuits.theta, ensemble.terms, ADJOINT
    )
    expected = np.where(circuits.axes[:, 0, 0] == 1, -0.5, 0)
    np.testing.assert_allclose(values, expected, atol=ABSOLUTE, rtol=RELATIVE)
