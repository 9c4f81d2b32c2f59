"""Random streams and serialised programs, against Cirq and the notebook's own draws."""

from collections.abc import Callable
from dataclasses import replace

import cirq
import numpy as np
import pytest
import tensorflow_quantum as tfq
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_quantum.core.proto import program_pb2

import run_tutorial
from barren.physics.circuits import Circuits, replay_notebook, sample_circuits
from barren.physics.families import IdentityTutorial, Random
from barren.physics.layered import Layered
from barren.physics.programs import _message, serialise
from barren.runner.experiment import Experiment
from strategies import ensembles
from textbook import THETA, cirq_circuit


@settings(max_examples=30)
@given(ensembles())
def test_programs_are_the_circuits_of_the_paper(ensemble: Layered) -> None:
    circuits = sample_circuits(ensemble, 5, range(2))
    for row, ours in enumerate(tfq.from_tensor(serialise(ensemble, circuits))):
        # The symbol is read back as 0.31831 theta: six digits, by the deserialiser.
        value = {THETA: circuits.theta[row]}
        expected = cirq.resolve_parameters(cirq_circuit(ensemble, circuits, row), value)
        ours = cirq.resolve_parameters(ours, value)
        psi, phi = (c.final_state_vector(dtype=np.complex128) for c in (ours, expected))
        assert abs(np.vdot(psi, phi)) == pytest.approx(1, abs=1e-9)


@settings(max_examples=30)
@given(ensembles(widths=st.sampled_from([2, 5, 12])))
def test_messages_are_those_of_convert_to_tensor(ensemble: Layered) -> None:
    """The same moments, gates, qubits and arguments; exponents to their rounding."""
    ours = serialise(ensemble, sample_circuits(ensemble, 5, range(2)))
    theirs = tfq.convert_to_tensor(tfq.from_tensor(ours)).numpy()
    for one, other in zip(ours, theirs, strict=True):
        a, b = (program_pb2.Program.FromString(text) for text in (one, other))
        assert len(a.circuit.moments) == len(b.circuit.moments)
        for mine, its in zip(a.circuit.moments, b.circuit.moments, strict=True):
            assert len(mine.operations) == len(its.operations)
            for x, y in zip(mine.operations, its.operations, strict=True):
                assert x.gate == y.gate
                assert x.qubits == y.qubits
                assert x.args.keys() == y.args.keys()
                for name in x.args:
                    assert_same_argument(x.args[name], y.args[name])
        assert a.language == b.language
        assert a.circuit.scheduling_strategy == b.circuit.scheduling_strategy


def test_exponents_are_less_than_a_turn() -> None:
    """The more digits has a float32."""
    ensemble = Random(width=2, depth=5, sigma=10.0)
    circuits = sample_circuits(ensemble, 5, range(3))
    assert np.abs(circuits.angles).max() > 6 * np.pi
    for text in serialise(ensemble, circuits).tolist():
        for moment in program_pb2.Program.FromString(text).circuit.moments:
            for operation in moment.operations:
                exponent = operation.args["exponent"].arg_value.float_value
                assert abs(exponent) <= 2


@pytest.mark.parametrize("length", [1, 127, 128, 16383, 16384])
def test_lengths_are_those_of_protocol_buffers(length: int) -> None:
    text = "x" * length
    program = _message(1, _message(1, text.encode()))
    assert program_pb2.Program.FromString(program).language.gate_set == text


def assert_same_argument(one: program_pb2.Arg, other: program_pb2.Arg) -> None:
    assert one.WhichOneof("arg") == other.WhichOneof("arg")
    if one.arg_value.WhichOneof("arg_value") == "float_value":
        # convert_to_tensor rounds to 6 digits; both are float32 below 2 in size.
        bound = 0.5e-6 + 2 * np.finfo(np.float32).eps
        assert abs(one.arg_value.float_value - other.arg_value.float_value) <= bound
    else:
        assert one == other


@settings(max_examples=50)
@given(ensembles())
def test_every_circuit_has_a_stream_of_its_own(ensemble: Layered) -> None:
    many = sample_circuits(ensemble, 5, range(10))
    few, chosen = sample_circuits(ensemble, 5, [7, 3]), many[[7, 3]]
    for name, array in vars(few).items():
        np.testing.assert_array_equal(array, getattr(chosen, name))
    assert len(np.unique(many.angles)) == many.angles.size
    other_seed = sample_circuits(ensemble, 6, range(10))
    assert not np.isin(other_seed.angles, many.angles).any()


def test_every_distribution_has_streams_of_its_own() -> None:
    """Not even where one draws as many numbers as the other."""
    sizes = ({"width": 2, "depth": 6}, {"width": 3, "depth": 4})
    one, other = (sample_circuits(Random(**of), 5, range(3)) for of in sizes)
    assert not np.isin(other.angles, one.angles).any()


@settings(max_examples=50)
@given(ensembles())
def test_moving_the_symbol_keeps_the_circuits(ensemble: Layered) -> None:
    at_start = replace(ensemble, symbol_layer=0, symbol_qubit=0, observable="Z0 Z1")
    one, other = (sample_circuits(of, 1, range(3)) for of in (at_start, ensemble))
    np.testing.assert_array_equal(one.angles, other.angles)
    np.testing.assert_array_equal(other.theta, other.angles[:, *ensemble.symbol])


def test_axes_and_angles_are_uniform() -> None:
    """Five standard errors of the frequencies and moments of 60,000 draws."""
    circuits = sample_circuits(Random(width=10, depth=20), 3, range(300))
    assert circuits.axes is not None
    counts = np.bincount(circuits.axes.ravel(), minlength=3)
    total = counts.sum()
    assert np.abs(counts / total - 1 / 3).max() < 5 * np.sqrt(2 / 9 / total)
    turns = circuits.angles.ravel() / (2 * np.pi)
    assert turns.min() >= 0 and turns.max() < 1
    for power, variance in ((1, 1 / 12), (2, 4 / 45)):
        error = np.mean(turns**power) - 1 / (power + 1)
        assert abs(error) < 5 * np.sqrt(variance / total)


def test_normal_angles_have_their_deviation() -> None:
    """Five standard errors of the mean and the deviation of 60,000 draws."""
    ensemble = Random(width=10, depth=20, sigma=0.3)
    angles = sample_circuits(ensemble, 3, range(300)).angles.ravel()
    assert abs(angles.mean()) < 5 * 0.3 / np.sqrt(angles.size)
    assert abs(angles.std() / 0.3 - 1) < 5 / np.sqrt(2 * angles.size)


@pytest.mark.parametrize(
    ("family", "build", "size"),
    [
        (Random, run_tutorial.random_circuit, {"depth": 3}),
        (
            IdentityTutorial,
            run_tutorial.identity_circuit,
            {"block_depth": 2, "blocks": 3},
        ),
    ],
)
def test_the_notebooks_draws_are_replayed(
    family: type[Layered], build: Callable[..., cirq.Circuit], size: dict[str, int]
) -> None:
    """Gate by gate the circuits that the tutorial's loops build, and their theta."""
    entry = {"family": family.family, "width": [2, 3]}
    rng = np.random.RandomState(1234)
    shown = build(rng, cirq.GridQubit.rect(1, 3), THETA, *[2] * len(size))
    skips = skips_of(64, entry | {key: [value] for key, value in size.items()})

    def ours(
        ensemble: Layered, skip: int, samples: int
    ) -> tuple[Circuits, list[cirq.Circuit]]:
        rows = range(samples)
        circuits = replay_notebook(ensemble, 1234, skip, samples, rows)
        return circuits, [cirq_circuit(ensemble, circuits, row) for row in rows]

    displayed = ours(family.displayed([])[0], skips[family.family], 1)
    assert_same_gates(displayed[1][0], shown)
    for width in (2, 3):
        qubits = cirq.GridQubit.rect(1, width)
        expected = [build(rng, qubits, THETA, *size.values()) for _ in range(4)]
        theta = rng.uniform(0, 2 * np.pi, (4, 1)).astype(np.float32)[:, 0]
        ensemble = family(width=width, **size)
        circuits, built = ours(ensemble, skips[ensemble.name], 4)
        np.testing.assert_array_equal(circuits.theta.astype(np.float32), theta)
        for one, other in zip(built, expected, strict=True):
            assert_same_gates(one, other)


def skips_of(widest: int, *entries: dict[str, object]) -> dict[str, int]:
    """Draws of a notebook before each ensemble; four samples, up to a width."""
    config = {
        "samples": 4,
        "max_sampled_width": widest,
        "stream": "notebook",
        "observable": "Z0 Z1",
        "symbol": {"layer": 0, "qubit": 0},
        "ensembles": [*entries],
    }
    return Experiment(config).skips


def assert_same_gates(one: cirq.Circuit, other: cirq.Circuit) -> None:
    value = {THETA: 0.7}
    # Packed anew: a dagger by reversal packs the same gates into other moments.
    one, other = (
        cirq.Circuit(cirq.resolve_parameters(circuit, value).all_operations())
        for circuit in (one, other)
    )
    assert cirq.approx_eq(one, other, atol=1e-9), f"{one}\n\n{other}"


def test_a_family_of_which_none_is_sampled_is_replayed_in_the_end() -> None:
    """Its circuit is displayed; a rotation takes an axis and an angle, or theta."""
    blocks = {"family": "identity_tutorial", "block_depth": [2], "blocks": [1]}
    random = {"family": "random", "width": [2, 3], "depth": [3]}
    skips = skips_of(3, random, blocks | {"width": [4]})
    last = skips["random_width-3_depth-3"]
    assert next(iter(skips)) == "random" and skips["random"] == 0
    assert skips["identity_tutorial"] == last + 4 * 2 * 3 * 3
