"""Circuits of rotations and Clifford gates against averages over all angles."""

import json
import math
import os
from contextlib import nullcontext

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cirq
import hypothesis
import numpy as np
import pytest
import sympy
from hypothesis import strategies as st

from barren.physics import pauli_actions, pauli_paths
from barren.physics.cirq_gates import read_circuit
from barren.physics.moments import TOLERANCE, predictions
from barren.physics.observables import NoExactForm, Observable
from barren.physics.pauli_actions import Circuit, Clifford, Rotation
from barren.physics.pauli_paths import exact_moments, gradient_moments

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
    """<O> at all angles m theta from 0, pi/2, pi, 3 pi/2: an axis for each symbol.

    multiples: m of each symbol, in the order of the axes.
    """
    count = len(multiples)
    state = np.zeros((4,) * count + (2,) * len(qubits), dtype=complex)
    state[(...,) + (0,) * len(qubits)] = 1
    for operation in circuit.all_operations():
        axes = [count + qubits.index(qubit) for qubit in operation.qubits]
        names = cirq.parameter_names(operation)
        if not names:
            state = apply(cirq.unitary(operation), state, axes)
            continue
        (name,) = names
        axis, parts = list(multiples).index(name), []
        for at in range(4):
            value = {name: at * np.pi / 2 / multiples[name]}
            unitary = cirq.unitary(cirq.resolve_parameters(operation, value))
            part = np.take(state, [at], axis=axis)
            parts.append(apply(unitary, part, axes))
        state = np.concatenate(parts, axis=axis)
    total = 0
    sites = tuple(range(count, count + len(qubits)))
    for weight, string in terms:
        other = state
        for qubit, letter in string:
            other = apply(PAULIS[letter], other, [count + qubit])
        total = total + weight * (state.conj() * other).sum(axis=sites).real
    return total


def averages(circuit, qubits, multiples, terms, sigma=None):
    """Mean and second moment of each gradient."""
    loss = losses(circuit, qubits, multiples, terms)

    def average(values):
        for multiple in multiples.values():
            values = angle_weights(sigma and multiple * sigma) @ values.reshape(4, -1)
        return float(values.reshape(()))

    mean, second = [], []
    for axis, multiple in enumerate(multiples.values()):
        g = multiple * (np.roll(loss, -1, axis) - np.roll(loss, 1, axis)) / 2
        mean.append(average(g))
        second.append(average(g**2))
    return mean, second


def check(circuit, qubits, multiples, terms, sigma=None):
    ansatz = read_circuit(circuit, qubits)
    assert sorted(ansatz.symbols) == sorted(multiples)
    # Cirq moves an operation to an earlier moment where it can.
    multiples = {symbol: multiples[symbol] for symbol in ansatz.symbols}
    found = gradient_moments(ansatz, terms, sigma)
    exact = averages(circuit, qubits, multiples, terms, sigma)
    for one, other in zip(found[:2], exact, strict=True):
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
    cirq.YY,  # a sign alone
    cirq.ISWAP**2,
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


#: Without a table.
UNKNOWN = [cirq.T, cirq.CZ**0.5, cirq.CCX, cirq.ISWAP**0.3]


@st.composite
def cases(draw, parameters=5, unknown=False):
    """A circuit, its qubits, its symbols' multiples and an observable's terms.

    unknown: with gates that have no table, and symbols that occur twice.
    """
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
        if unknown and width > 2:
            again = [rotation(letter, multiple * symbol) for letter in "xyz"]
            gate = draw(st.sampled_from([*UNKNOWN, *again]))
            circuit.append(gate(*some(gate.num_qubits())))
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


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(
    cases(parameters=3, unknown=True), st.sampled_from([None, 0.5]), st.data()
)
def test_gates_outside_of_the_light_cone_do_not_count(case, sigma, data):
    circuit, qubits, multiples, _ = case
    text = data.draw(st.sampled_from(["Z0", "X0", "Y1", "Z0 Z1"]))
    terms = Observable.parse(text).terms(len(qubits))
    try:
        check(circuit, qubits, multiples, terms, sigma)
    except NoExactForm:
        hypothesis.reject()


def test_an_angle_of_twice_the_parameter():
    # <Z> = cos 2t, so g = -2 sin 2t.
    gates = (Rotation(((0, "X"),), 0, 2),)
    circuit = Circuit(np.array([[0.0, 0.0, 1.0]]), gates, "a")
    found = gradient_moments(circuit, [(1.0, ((0, "Z"),))])
    assert found.second_moment[0] == pytest.approx(2, rel=1e-14)


def test_a_real_multiple_of_a_normal_parameter():
    # <Z> = cos 1.3 t, and <Y> = -sin 1.3 t with the mean derivative -1.3 E cos.
    gates = (Rotation(((0, "X"),), 0, 1.3),)
    circuit = Circuit(np.array([[0.0, 0.0, 1.0]]), gates, "a")
    sigma = 0.6
    terms = [(1.0, ((0, "Z"),)), (1.0, ((0, "Y"),))]
    found = gradient_moments(circuit, terms, sigma)
    # g = -1.3 (sin + cos), sin cos has no mean.
    assert found.second_moment[0] == pytest.approx(1.69, rel=1e-14)
    wave = np.exp(-((1.3 * sigma) ** 2) / 2)
    assert found.mean[0] == pytest.approx(-1.3 * wave, rel=1e-14)
    with pytest.raises(NoExactForm, match=r"1\.3 times"):
        gradient_moments(circuit, terms)


@pytest.mark.parametrize(
    ("axis", "images", "factor"),
    [("X", ("+Z", "+X"), 1 + 0.6), ("Z", ("+X", "-Z"), 1 - 0.8)],
)
def test_products_of_strings_go_through_clifford_gates(axis, images, factor):
    """A gate takes Z1 to what a rotation leaves: <O> = cos t (1 + <C^dagger Z1 C>)."""
    turns = (Rotation(((0, "X"),), 0), Rotation(((1, axis),), 1))
    bloch = np.array([[0, 0, 1], [0.6, 0, 0.8]])
    circuit = Circuit(bloch, (*turns, Clifford((1,), images)), "ab")
    found = gradient_moments(circuit, Observable.parse("Z0 + Z0 Z1").terms(2))
    np.testing.assert_allclose(found.second_moment, [factor**2 / 2, 0], rtol=1e-14)


def test_a_gate_on_three_qubits_goes_the_right_way():
    """A permutation that is not its own inverse, and the two swaps that it is."""
    qubits = cirq.LineQubit.range(3)
    turned = cirq.QubitPermutationGate([1, 2, 0])(*qubits)
    swaps = [cirq.SWAP(*qubits[:2]), cirq.SWAP(qubits[0], qubits[2])]
    first = [cirq.rx(sympy.Symbol(f"a{n}"))(q) for n, q in enumerate(qubits)]
    last = [cirq.ry(sympy.Symbol(f"b{n}"))(q) for n, q in enumerate(qubits)]
    prepared = [cirq.ry(0.3 + n)(q) for n, q in enumerate(qubits)]
    terms = Observable.parse("Z0 + 0.5 X1 Z2 - 2 Z2").terms(3)
    found, expected = (
        dict(zip(of.symbols, gradient_moments(of, terms).second_moment, strict=True))
        for middle in (turned, swaps)
        for of in [read_circuit(cirq.Circuit(prepared, first, middle, last), qubits)]
    )
    assert found == pytest.approx(expected, rel=1e-12)
    assert len({*np.round([*found.values()], 9)}) == 6


def test_products_of_strings_count_until_they_are_rounding():
    """Nine turns leave exp(-18) of <Z1>, and nothing tells of an error."""
    sigma = 2.0
    turns = [
        Rotation(((0, "X"),), 0),
        *(Rotation(((1, "X"),), n) for n in range(1, 10)),
    ]
    circuit = Circuit(np.array([[0.0, 0, 1], [0, 0, 1]]), tuple(turns), "abcdefghij")
    found = gradient_moments(circuit, Observable.parse("Z0 + Z0 Z1").terms(2), sigma)
    square = (1 + np.exp(-2 * 9 * sigma**2)) / 2  # E <Z1>^2
    expected = (1 - np.exp(-2 * sigma**2)) / 2 * (1 + 2 * np.exp(-18) + square)
    assert found.second_moment[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-28, 1e-10, 1e20])
@pytest.mark.parametrize("sigma", [None, 0.3])
def test_moments_have_the_unit_of_the_observable(unit, sigma):
    """The products of different strings count, however small the weights are."""
    bloch = np.tile([np.sqrt(0.5), 0, np.sqrt(0.5)], (3, 1))
    turns = [
        Rotation(((q, axis),), 3 * n + q)
        for n, axis in enumerate("YZX")
        for q in range(3)
    ]
    circuit = Circuit(bloch, tuple(turns), range(len(turns)))
    one, other = (
        gradient_moments(circuit, Observable.parse(text).terms(3), sigma)
        for text in ("Z0 + Z0 Z1 + Z1", f"{unit} Z0 + {unit} Z0 Z1 + {unit} Z1")
    )
    np.testing.assert_allclose(other.mean / unit, one.mean, atol=1e-12)
    found = other.second_moment / unit**2
    np.testing.assert_allclose(found, one.second_moment, atol=1e-12)


def ansatz(width, depth, entangler=cirq.CZ, ring=False):
    qubits = cirq.LineQubit.range(width)
    circuit = cirq.Circuit()
    for layer in range(depth):
        for at, qubit in enumerate(qubits):
            circuit.append(cirq.ry(sympy.Symbol(f"y{layer}_{at}"))(qubit))
            circuit.append(cirq.rz(sympy.Symbol(f"z{layer}_{at}"))(qubit))
        ends = zip(qubits, qubits[1:] + qubits[: int(ring)], strict=ring)
        circuit.append(entangler(*pair) for pair in ends)
    return circuit, qubits


@pytest.mark.parametrize("text", ["local", "0.5 X3 - Z2 Y4"])
def test_the_second_moment_of_many_samples(text):
    width, samples = 5, 4000
    circuit, qubits = ansatz(width, 3, cirq.CNOT, ring=True)
    terms = Observable.parse(text).terms(width)
    read = read_circuit(circuit, qubits)
    symbols = read.symbols
    # As a file of JSON has it for the step that predicts.
    read = Circuit.from_data(json.loads(json.dumps(read.as_data())), symbols)
    found = gradient_moments(read, terms)
    rng = np.random.default_rng(11)
    angles = rng.uniform(0, 2 * np.pi, (samples, len(symbols)))
    for parameter in (0, 7, 13):
        sampled = gradients(circuit, qubits, symbols, angles, parameter, terms) ** 2
        error = sampled.std() / np.sqrt(samples)
        exact = found.second_moment[parameter]
        assert abs(sampled.mean() - exact) <= 4.5 * error + 1e-12


def gradients(circuit, qubits, symbols, angles, parameter, terms):
    """By parameter shift, (samples,), for rotations of one qubit."""
    shift = np.zeros(len(symbols))
    shift[parameter] = np.pi / 2
    turned = np.concatenate([angles + shift, angles - shift])
    state = np.zeros((len(turned),) + (2,) * len(qubits), dtype=complex)
    state[(slice(None),) + (0,) * len(qubits)] = 1
    for operation in circuit.all_operations():
        axes = [1 + qubits.index(qubit) for qubit in operation.qubits]
        names = cirq.parameter_names(operation)
        if not names:
            state = apply(cirq.unitary(operation), state, axes)
            continue
        half = turned[:, symbols.index(*names)].reshape(-1, *[1] * len(qubits)) / 2
        generator = cirq.unitary(
            cirq.resolve_parameters(operation, {names.pop(): np.pi})
        )
        state = np.cos(half) * state + np.sin(half) * apply(generator, state, axes)
    total = 0
    for weight, string in terms:
        other = state
        for qubit, letter in string:
            other = apply(PAULIS[letter], other, [1 + qubit])
        total = total + weight * (state.conj() * other).reshape(len(turned), -1).sum(1)
    return (total.real[: len(angles)] - total.real[len(angles) :]) / 2


@pytest.mark.parametrize("gate", [cirq.XX, cirq.YY, cirq.ZZ, cirq.ISWAP**2])
@pytest.mark.parametrize("letter", "XYZ")
def test_a_gate_may_change_a_sign_alone(gate, letter):
    """Of a string that is I on its other qubit."""
    qubits = cirq.GridQubit.rect(1, 2)
    a, b = sympy.symbols("a b")
    circuit = cirq.Circuit(cirq.ry(a)(qubits[0]), gate(*qubits), cirq.rx(b)(qubits[0]))
    check(circuit, qubits, {"a": 1, "b": 1}, Observable.parse(f"{letter}0").terms(2))


@pytest.mark.parametrize("sigma", [1e-4, 1e-3, 1e-2, 0.1, 1.0])
def test_what_cancels_is_not_known(sigma):
    """Of d<Y>/da = -cos a behind R_X(a) the variance is sigma^4 / 2 or so."""
    qubits = cirq.GridQubit.rect(1, 1)
    read = read_circuit(cirq.Circuit(cirq.rx(sympy.Symbol("a"))(*qubits)), qubits)
    built = {"exact": read.as_data(), "symbols": read.symbols}
    terms = Observable.parse("0.7 Y0").terms(1)
    (found,) = predictions(1, exact_moments, built, terms, sigma)
    exact = 0.49 * math.expm1(-(sigma**2)) ** 2 / 2
    assert (found.variance is None) == (sigma < 5e-3)
    if found.variance is None:
        assert found.relative_error > TOLERANCE and "known to" in found.reason
    else:
        assert abs(found.variance / exact - 1) <= found.relative_error


@pytest.mark.parametrize("power", range(1, 9))
def test_strings_that_cancel_leave_their_rounding(power):
    """<O> = cos t (1 - cos e): of the second moment e^4 / 8 is left."""
    qubits, turn = cirq.GridQubit.rect(1, 2), 10.0**-power
    symbol = sympy.Symbol("t")
    read = read_circuit(
        cirq.Circuit(cirq.rx(symbol)(qubits[0]), cirq.ry(turn)(qubits[1])), qubits
    )
    built = {"exact": read.as_data(), "symbols": read.symbols}
    terms = Observable.parse("Z0 - Z0 Z1").terms(2)
    (found,) = predictions(1, exact_moments, built, terms, None)
    exact = 2 * math.sin(turn / 2) ** 4
    assert (found.variance is None) == (power > 2)
    if found.variance is not None:
        assert abs(found.variance / exact - 1) <= found.relative_error


@pytest.mark.parametrize("weight", [1.0, 1e-9, 1e-10, 1e-15])
def test_light_strings_count_beside_a_heavy_one(weight):
    """By a parameter that the heavy one does not have: cos t (1 + <Z1>)."""
    bloch = np.array([[0, 0, 1], [np.sin(0.7), 0, np.cos(0.7)], [0, 0, 1]])
    turns = Rotation(((0, "X"),), 0), Rotation(((2, "X"),), 1)
    terms = Observable.parse(f"Z2 + {weight} Z0 + {weight} Z0 Z1").terms(3)
    found = gradient_moments(Circuit(bloch, turns, "ab"), terms)
    expected = weight**2 * (1 + np.cos(0.7)) ** 2 / 2
    assert found.second_moment[0] == pytest.approx(expected, rel=1e-12)


# Light cones.


def test_a_light_cone_bounds_the_cost(monkeypatch):
    width = 20
    circuit, qubits = ansatz(width, 2)
    read = read_circuit(circuit, qubits)
    monkeypatch.setattr(pauli_paths, "LIMIT", 6)
    for text in ("Z9 Z10", "local"):
        terms = Observable.parse(text).terms(width)
        found = gradient_moments(read, terms)
        outside = [read.symbols.index(name) for name in ("y0_0", "y1_3")]
        assert np.all((found.second_moment[outside] > 0) == (text == "local"))
    # The CZs leave Z alone: only behind the rotations do they spread it.
    monkeypatch.setattr(pauli_paths, "LIMIT", 3)
    with pytest.raises(
        NoExactForm, match="4 qubits in the light cone take more than 64"
    ):
        gradient_moments(read, Observable.parse("Z9 Z10").terms(width))


@pytest.mark.parametrize(
    ("width", "sigma", "known"),
    [(12, None, True), (13, None, False), (10, 0.5, True), (11, 0.5, False)],
)
def test_uniform_angles_take_fewer_numbers(width, sigma, known):
    """Behind a uniform rotation two of four Paulis are as one: 3^12 < 4^10 < 3^13."""
    circuit, qubits = ansatz(width, 1)
    read = read_circuit(circuit, qubits)
    terms = Observable.parse("global").terms(width)
    with nullcontext() if known else pytest.raises(NoExactForm, match="numbers"):
        assert np.all(gradient_moments(read, terms, sigma).second_moment >= 0)


def test_a_wide_circuits_cone_is_a_narrow_circuit():
    wide, narrow = ansatz(16, 2), ansatz(6, 2)
    moments = {}
    for circuit, qubits in (wide, narrow):
        read = read_circuit(circuit, qubits)
        terms = Observable.parse("Z0 + 0.5 Z0 X1").terms(len(qubits))
        second = gradient_moments(read, terms).second_moment
        moments[len(qubits)] = dict(zip(read.symbols, second, strict=True))
    for name, value in moments[6].items():
        assert moments[16][name] == pytest.approx(value, rel=1e-12, abs=1e-15)


def test_a_parameter_occurs_once():
    gate = Rotation(((0, "X"),), 0)
    circuit = Circuit(np.array([[0.0, 0.0, 1.0]]), (gate, gate), "a")
    with pytest.raises(NoExactForm, match="the symbol a occurs twice"):
        gradient_moments(circuit, [(1.0, ((0, "Z"),))])


# Planted faults: the oracle must see each.


def without_signs(action, r):
    return [table._replace(move=np.abs(table.move)) for table in TABLES(action, r)]


def without_exchange(action, r):
    table, slope = TABLES(action, r)
    if action.parameter is None:
        return table, slope
    keep = np.where(action.moves, table.keep, 0) * action.multiple**2
    return table, slope._replace(keep=keep, move=table.move * action.multiple**2)


def one_sector(*arguments):
    yield next(iter(SECTORS(*arguments)))


def without_a_gate(actions, width, *strings):
    cone = CONE(actions, width, *strings)
    fixed = [action.parameter is None for action in cone.actions]
    if True in fixed:
        del cone.actions[fixed.index(True)]
    return cone


def the_other_way(images):
    action = CLIFFORD(images)
    back = np.argsort(action.partner)
    return action._replace(partner=back, sign=action.sign[back])


TABLES = pauli_paths.tables
SECTORS = pauli_paths._sectors
CONE = pauli_paths._light_cone
CLIFFORD = pauli_actions._clifford_action


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (pauli_paths, "tables", without_signs),
        (pauli_paths, "tables", without_exchange),
        (pauli_paths, "_sectors", one_sector),
        (pauli_paths, "_light_cone", without_a_gate),
        (pauli_actions, "_clifford_action", the_other_way),
    ],
)
def test_a_planted_fault_shows(monkeypatch, module, name, fault):
    monkeypatch.setattr(module, name, fault)

    @hypothesis.settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        report_multiple_bugs=False,
    )
    @hypothesis.given(cases(parameters=3), st.sampled_from([None, 0.5]))
    def search(case, sigma):
        check(*case, sigma)

    with pytest.raises(AssertionError):
        search()
