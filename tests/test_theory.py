"""The exact theory against exact averages over circuits, and against itself."""

import contextlib
import csv
import io
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from barren import columns
from barren.physics import chain
from barren.physics.chain import (
    PREPARED,
    Z,
    dense_chain,
    mps_chain,
    rotation_map,
    symbol_map,
)
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import BadInput
from barren.physics.families import (
    Identity,
    IdentityTutorial,
    Random,
    predict,
)
from barren.physics.moments import (
    TOLERANCE,
    asymptotic_variance,
    identity_asymptote,
    identity_moments,
    random_moments,
    require_known,
    tutorial_moments,
)
from strategies import ensembles
from tools.predict import main as command_line

PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])

# The oracles replace the mean over an angle by four angles. What is averaged is a
# trigonometric polynomial of degree 2, so weights with the right mean cos and cos of
# twice the angle make it exact, for uniform and for normal angles.
ANGLES = np.arange(4) * np.pi / 2


def angle_weights(sigma):
    cos1, cos2 = (0, 0) if sigma is None else np.exp([-(sigma**2) / 2, -2 * sigma**2])
    ends = np.array([1, -1]) * cos1 / 2 + (1 + cos2) / 4
    return np.array([ends[0], (1 - cos2) / 4, ends[1], (1 - cos2) / 4])


def rotations(angles):
    """R_P(angle), (3, angles, 2, 2)."""
    half = np.asarray(angles)[:, np.newaxis, np.newaxis] / 2
    return np.cos(half) * np.eye(2) - 1j * np.sin(half) * PAULIS[:, np.newaxis]


# Random family: the mean of rho and of rho x rho, evolved gate by gate.


def channels(angles, shift=None):
    """Superoperator of R_P(angle), or of its derivative, (3, angles, 4, 4)."""

    def superoperator(angles):
        r = rotations(angles)
        product = np.einsum("paij,pakl->paikjl", r, r.conj())
        return product.reshape(3, len(angles), 4, 4)

    if shift is None:
        return superoperator(angles)
    return (superoperator(angles + shift) - superoperator(angles - shift)) / 2


def exact_random(width, depth, observable, symbol, sigma, copies):
    """Mean of g (one copy) or of g^2 (two copies) from the average density matrix."""

    def average(channel):
        power = channel
        if copies == 2:
            power = np.einsum("paij,pakl->paikjl", channel, channel)
            power = power.reshape(3, len(ANGLES), 16, 16)
        return np.einsum("a,paij->ij", angle_weights(sigma), power) / 3

    plain, derived = average(channels(ANGLES)), average(channels(ANGLES, np.pi / 2))
    # Bits of an index: ket and bra of each copy. CZ: a sign for each bit set on both.
    size = 4**copies
    index = np.arange(size)
    both = index[:, np.newaxis] & index
    cz = (-1.0) ** sum(both >> bit & 1 for bit in range(2 * copies))
    prepared = np.cos([np.pi / 8, 3 * np.pi / 8])
    one = np.array([1.0])
    for _ in range(2 * copies):
        one = np.kron(one, prepared)
    state = np.array(1.0)
    for _ in range(width):
        state = np.multiply.outer(state, one)
    for layer, qubit in itertools.product(range(depth), range(width)):
        channel = derived if (layer, qubit) == tuple(symbol) else plain
        state = np.moveaxis(np.tensordot(channel, state, (1, qubit)), 0, qubit)
        if qubit == width - 1:
            for left in range(width - 1):
                shape = [1] * width
                shape[left : left + 2] = size, size
                state = state * cz.reshape(shape)
    for qubit in reversed(range(width)):
        pauli = PAULIS[2] if qubit in observable else np.eye(2)
        trace = np.array([1.0])
        for _ in range(copies):
            trace = np.kron(trace, pauli.reshape(-1))
        state = np.tensordot(state, trace, (qubit, 0))
    return float(state.real)


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(
    ("width", "observable", "symbol"),
    [
        (2, (0, 1), (0, 0)),
        (2, (0, 1), (2, 1)),
        (3, (0, 1), (0, 0)),
        (3, (0, 2), (1, 1)),
        (3, (2, 1), (0, 0)),
        (3, (0, 1), (2, 1)),
        (4, (0, 1), (0, 3)),
        (4, (1, 3), (1, 3)),
    ],
)
def test_random_moments_are_the_exact_average(width, observable, symbol, sigma):
    depths = range(symbol[0] + 1, symbol[0] + 4)
    moments = random_moments(width, depths, observable, symbol, sigma)
    args = (observable, symbol, sigma)
    mean = [exact_random(width, depth, *args, copies=1) for depth in depths]
    second = [exact_random(width, depth, *args, copies=2) for depth in depths]
    # Some hundred operations on numbers below 1.
    np.testing.assert_allclose(moments.mean, mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(moments.second_moment, second, rtol=0, atol=1e-13)
    assert np.any(moments.second_moment > 1e-9)


# Identity blocks: whole circuits, all axes and angles that matter.


def apply(state, matrix, qubit):
    """Apply (circuits, 2, 2) to (circuits, 2, ..., 2)."""
    state = np.moveaxis(state, qubit + 1, -1)
    shape = state.shape
    state = state.reshape(shape[0], -1, 2) @ matrix.swapaxes(-1, -2)
    return np.moveaxis(state.reshape(shape), -1, qubit + 1)


def ladder(state):
    width = state.ndim - 1
    for left in range(width - 1):
        cut = [slice(None)] * (width + 1)
        cut[left + 1] = cut[left + 2] = 1
        state = state.copy()
        state[tuple(cut)] *= -1
    return state


def expectation_of_block(axes, there, back, observable):
    """<Z_a Z_b> behind U(there) U(back)^dagger, angles (circuits, layers, width)."""
    circuits, layers, width = axes.shape
    state = np.zeros((circuits, *[2] * width), dtype=complex)
    state[(slice(None), *[0] * width)] = 1
    every = np.arange(circuits)
    for site in range(width):
        state = apply(state, rotations([np.pi / 4])[1, 0], site)

    def rotate(state, row, angles):
        for site in range(width):
            matrix = rotations(angles[:, row, site])[axes[:, row, site], every]
            state = apply(state, matrix, site)
        return state

    for row in range(layers):
        state = ladder(rotate(state, row, there))
    for row in reversed(range(layers)):
        state = rotate(ladder(state), row, -back)
    probability = np.abs(state) ** 2
    signs = np.array([1, -1])
    for site in reversed(range(width)):
        probability = probability @ (signs if site in observable else signs**2)
    return probability


def exact_identity(width, layer, qubit, observable, sigma=None, tutorial=False):
    """Mean of g and g^2 over all axes and angles before the symbol, and its axis.

    The other rotations of U are drawn once: they have to cancel.
    """
    free = [(row, site) for row in range(layer) for site in range(width)]
    weights = angle_weights(sigma)
    rng = np.random.default_rng(5)
    layers = layer + 2
    drawn_axes = rng.integers(0, 3, (layers, width))
    drawn_angles = rng.uniform(0, 2 * np.pi, (layers, width))
    choices = [range(12)] * len(free) + [range(3)] + [range(4)] * 2
    if not tutorial:
        choices[-2:] = [[1], [1]]
    grid = np.array(list(itertools.product(*choices)))
    circuits = len(grid)
    axes = np.broadcast_to(drawn_axes, (circuits, layers, width)).copy()
    angles = np.broadcast_to(drawn_angles, (circuits, layers, width)).copy()
    weight = np.full(circuits, 1 / 3)
    for column, (row, site) in enumerate(free):
        axes[:, row, site], step = np.divmod(grid[:, column], 4)
        angles[:, row, site] = ANGLES[step]
        weight *= weights[step] / 3
    axes[:, layer, qubit] = grid[:, -3]
    theta, phi = (np.full(circuits, angles[0, layer, qubit]) for _ in range(2))
    if tutorial:
        theta, phi = ANGLES[grid[:, -2:]].T
        weight *= weights[grid[:, -2]] * weights[grid[:, -1]]

    def expectation(theta):
        # There and back, with the symbol's own angle on either way.
        at = (slice(None), layer, qubit)
        there, back = angles.copy(), angles.copy()
        there[at], back[at] = theta, phi
        return expectation_of_block(axes, there, back, observable)

    shift = np.pi / 2
    gradient = (expectation(theta + shift) - expectation(theta - shift)) / 2
    return weight @ gradient, weight @ gradient**2


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(
    ("width", "layer", "qubit", "observable"),
    [
        (2, 0, 0, (0, 1)),
        (2, 1, 1, (0, 1)),
        (2, 2, 0, (0, 1)),
        (3, 0, 2, (0, 1)),
        (3, 1, 0, (0, 1)),
        (3, 1, 1, (0, 2)),
        (3, 1, 1, (1, 2)),
        (3, 1, 0, (0, 2)),
        (3, 1, 2, (0, 1)),
    ],
)
def test_identity_moments_are_the_exact_average(width, layer, qubit, observable, sigma):
    moments = identity_moments(width, [layer], qubit, observable, sigma)
    exact = exact_identity(width, layer, qubit, observable, sigma)
    np.testing.assert_allclose(
        [moments.mean[0], moments.second_moment[0]], exact, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(
    ("width", "layer", "qubit", "observable"),
    [
        (2, 0, 0, (0, 1)),
        (2, 0, 1, (0, 1)),
        (3, 0, 2, (0, 1)),
        (3, 0, 2, (2, 0)),
    ],
)
def test_tutorial_moments_are_the_exact_average(width, layer, qubit, observable, sigma):
    moments = tutorial_moments([layer], qubit, observable, sigma)
    exact = exact_identity(width, layer, qubit, observable, sigma, tutorial=True)
    np.testing.assert_allclose(
        [moments.mean[0], moments.second_moment[0]], exact, rtol=0, atol=1e-12
    )


def test_the_tutorials_blocks_have_no_exact_form_elsewhere():
    moments = tutorial_moments([0, 1, 2], qubit=3, observable=(0, 1))
    np.testing.assert_array_equal(moments.second_moment, [0, 0, np.nan])
    ensemble = IdentityTutorial(width=4, block_depth=5, blocks=1, symbol_layer=1)
    assert predict([ensemble])[ensemble] == (None,) * 5


# Known values.


@pytest.mark.parametrize(
    ("width", "values"),
    [
        (4, ["4.759e-02", "2.112e-02", "2.092e-02", "2.0915e-02"]),
        (8, ["4.521109e-02", "3.113331e-03", "1.345033e-03", "1.302103e-03"]),
        (12, ["4.521048e-02", "2.407834e-03", "1.657248e-04", "8.138021e-05"]),
        (16, ["4.521048e-02", "2.393006e-03", "1.012491e-04"]),
    ],
)
def test_random_variances_of_reference(width, values):
    depths = [10, 50, 100, 500][: len(values)]
    variance = random_moments(width, depths).variance
    for number, printed in zip(variance, values, strict=True):
        digits = len(printed.partition("e")[0]) - 2
        assert f"{number:.{digits}e}" == printed


def test_identity_second_moments_of_reference():
    moments = identity_moments(8, [0, 1, 2, 10])
    assert [f"{number:.6f}" for number in moments.second_moment] == [
        "0.083333",
        "0.115741",
        "0.080011",
        "0.049638",
    ]
    assert moments.mean[0] == pytest.approx(-1 / 6, rel=1e-14)
    assert moments.variance[0] == pytest.approx(1 / 18, rel=1e-14)


@pytest.mark.parametrize("sigma", [None, 0.5])
@pytest.mark.parametrize("symbol", [(0, 0), (1, 2), (3, 1)])
def test_random_variance_tends_to_its_asymptote(symbol, sigma):
    variance = random_moments(4, [1000], (0, 3), symbol, sigma).variance[0]
    assert asymptotic_variance(4, symbol, sigma) == pytest.approx(variance, rel=1e-9)
    assert asymptotic_variance(4) == pytest.approx(16 / (3 * 255), rel=1e-14)


def test_identity_variance_tends_to_its_asymptote():
    variance = identity_moments(4, [1000], 2, (0, 3)).variance[0]
    assert identity_asymptote(4) == pytest.approx(variance, rel=1e-9)


def test_gaussian_angles_tend_to_uniform_ones():
    for moments in (random_moments, identity_moments):
        wide, uniform = moments(4, [3, 9], sigma=6.0), moments(4, [3, 9])
        np.testing.assert_allclose(wide.variance, uniform.variance, rtol=1e-7)


def test_the_chain_is_symmetric_under_reflection():
    depths = range(3, 20)
    one = random_moments(5, depths, (0, 2), (2, 1)).variance
    other = random_moments(5, depths, (4, 2), (2, 3)).variance
    np.testing.assert_allclose(one, other, rtol=1e-12)


# The matrix product state.


def a_chain(width, layers, symbol=(0, 0)):
    maps = np.broadcast_to(rotation_map(), (layers, width, 3, 3)).copy()
    maps[symbol] = symbol_map()
    probes = np.zeros((1, width), dtype=np.intp)
    probes[0, :2] = Z
    return np.broadcast_to(PREPARED, (1, width, 3)), maps, probes


@pytest.mark.parametrize(
    ("width", "symbol", "truncation", "tolerance"),
    [
        (2, (0, 0), 1e-12, 1e-9),
        (5, (3, 4), 1e-12, 1e-9),
        (8, (3, 5), 1e-12, 1e-9),
        (10, (0, 0), 1e-12, 1e-9),
        (12, (0, 0), 1e-9, 1e-6),
    ],
)
def test_matrix_product_state_agrees_with_dense(width, symbol, truncation, tolerance):
    arguments = a_chain(width, 500, symbol)
    dense, _ = dense_chain(*arguments)
    product, _ = mps_chain(*arguments, truncation)
    reached = slice(symbol[0] + symbol[1] + 1, None)
    np.testing.assert_allclose(product[reached], dense[reached], rtol=tolerance)


@pytest.mark.parametrize(
    "moments",
    [
        lambda: random_moments(7, range(4, 200), (2, 4), (3, 4)),
        lambda: random_moments(7, range(4, 100), (2, 4), (3, 4), 0.5),
        lambda: identity_moments(7, range(100), 3, (2, 4)),
    ],
)
def test_matrix_product_state_vouches_for_its_error(monkeypatch, moments):
    dense = moments()
    monkeypatch.setattr(chain, "DENSE_WIDTH", 0)
    product = moments()
    error = np.abs(product.variance - dense.variance)
    assert np.all(product.relative_error <= TOLERANCE)
    assert np.any(product.relative_error > 0)
    # An estimate, not a bound: 4 leaves room, 1e-11 for rounding.
    assert np.all(error <= (4 * product.relative_error + 1e-11) * dense.variance)
    np.testing.assert_array_equal(product.mean, dense.mean)


def test_truncation_is_tightened_until_it_suffices(monkeypatch):
    monkeypatch.setattr(chain, "DENSE_WIDTH", 0)
    monkeypatch.setattr(chain, "TRUNCATIONS", (1e-1, 1e-2, 1e-8, 1e-9))
    assert random_moments(6, [40]).relative_error[0] < TOLERANCE
    monkeypatch.setattr(chain, "TRUNCATIONS", (1e-1, 1e-2))
    assert np.isnan(random_moments(6, [40]).variance[0])
    ensemble = Random(width=6, depth=40)
    prediction = predict([ensemble])[ensemble]
    assert prediction.variance is None
    with pytest.raises(
        BadInput, match="random_width-6_depth-40: the exact variance is"
    ):
        require_known([(ensemble, prediction)])


def test_a_wide_circuit_sees_no_further_than_its_light_cone():
    # Qubit 12 is 11 layers away from the observable; default truncations.
    wide, dense = random_moments(13, range(1, 11)), random_moments(12, range(1, 11))
    np.testing.assert_allclose(wide.variance, dense.variance, rtol=1e-7)
    far = random_moments(13, [3, 4], symbol=(0, 4))
    assert far.variance[0] == 0 < far.variance[1]
    assert far.relative_error[0] == 0


# Predictions by ensemble, and the command line.


@settings(max_examples=60)
@given(st.lists(ensembles(), min_size=1, max_size=6))
def test_predictions_are_the_same_together_and_alone(several):
    together = predict(several)
    for ensemble in several:
        # The error estimate looks at other depths too.
        alone = predict([ensemble])[ensemble]
        assert alone[:4] == together[ensemble][:4]
        if alone.variance is not None:
            assert alone.variance == alone.second_moment - alone.mean**2
            assert alone.relative_error <= TOLERANCE


@settings(max_examples=30)
@given(ensembles(widths=st.integers(2, 4), counts=st.integers(1, 3)))
def test_predictions_are_those_of_many_circuits(ensemble):
    """Five standard errors of the mean and the mean square of 4000 circuits.

    |g| <= 1, so g and g^2 deviate by at most 1; rare large values need a floor.
    """
    prediction = predict([ensemble])[ensemble]
    if prediction.variance is None:
        return
    circuits = oracle_circuits(ensemble, 4000)
    g = oracle.gradients(ensemble, circuits)
    for values, exact in ((g, prediction.mean), (g**2, prediction.second_moment)):
        error = 5 * values.std() / math.sqrt(len(g)) + 25 / len(g)
        assert abs(values.mean() - exact) < error


def oracle_circuits(ensemble, samples):
    """Uniform angles by the oracle, normal ones stream by stream."""
    if ensemble.sigma is None:
        rng = np.random.default_rng(1)
        return oracle.draw_circuits(ensemble, samples, rng)
    return sample_circuits(ensemble, 1, range(samples))


def test_predictions_of_the_families():
    uniform = Random(width=4, depth=50)
    tutorial = IdentityTutorial(width=4, block_depth=3, blocks=2)
    grant = Identity(width=4, block_depth=5, blocks=1)
    moved = Random(width=5, depth=10, observable_a=2, symbol_layer=3)
    found = predict([uniform, tutorial, grant, moved])
    assert found[uniform].asymptotic_variance == asymptotic_variance(4)
    assert found[tutorial] == (0, 1 / 8, 1 / 8, None, 0)
    assert found[grant].variance == pytest.approx(1 / 18, rel=1e-14)
    assert found[grant].asymptotic_variance == identity_asymptote(4)
    assert all(map(math.isfinite, found[moved]))


def test_a_symbol_needs_its_layer():
    with pytest.raises(BadInput, match="layer 3"):
        random_moments(4, [3, 5], symbol=(3, 0))


@settings(max_examples=30)
@given(ensembles())
def test_the_command_line_prints_the_predictions(ensemble):
    """Of any ensemble of any family, an option for each key."""
    keys = {key: getattr(ensemble, key) for key in ensemble.circuit_keys()}
    keys = {key: value for key, value in keys.items() if value is not None}
    arguments = ["--family", ensemble.family]
    for key, value in keys.items():
        arguments += [f"--{key.replace('_', '-')}", str(value)]
    arguments += ["--symbol", *map(str, ensemble.symbol)]
    arguments += ["--observable", *map(str, ensemble.observable)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        command_line(arguments)
    (row,) = csv.DictReader(printed.getvalue().splitlines())
    assert list(row) == [*keys, *columns.THEORY]
    values = ["" if x is None else str(x) for x in predict([ensemble])[ensemble]]
    assert list(row.values()) == [*map(str, keys.values()), *values]


def test_the_command_line_crosses_lists(capsys):
    command_line(["--width", "2", "3", "--depth", "5", "4"])
    _, *rows = capsys.readouterr().out.splitlines()
    found = [row.split(",")[:2] for row in rows]
    assert found == [["2", "5"], ["2", "4"], ["3", "5"], ["3", "4"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--width 4", "--depth: the family random needs it"),
        ("--depth 4", "--width: the family random needs it"),
        ("--width 1 --depth 3", "--width: 1 is less than 2"),
        ("--width 4 --depth 0", "--depth: 0 is less than 1"),
        ("--width 4 --depth 3 --symbol 3 0", "symbol layer 3 lies outside"),
        ("--width 4 --depth 3 --symbol 0 4", "symbol qubit 4 lies outside"),
        ("--width 4 --depth 3 --observable 1 1", "names one qubit twice"),
        ("--width 4 --depth 3 --observable 0 4", "observable qubit 4 lies outside"),
        ("--width 4 --depth 3 --sigma nan", "--sigma: takes numbers above 0"),
        ("--width four --depth 3", "'four' is not a number"),
        ("--width 4 --depth -3", "'-3' is not a number"),
        ("--width 4 4 --depth 3", "random_width-4_depth-3 is named twice"),
        ("--width 4 --depth 3 --blocks 1", "--blocks: the family random has no such"),
        ("--family plateau --width 4", "invalid choice: 'plateau'"),
    ],
)
def test_the_command_line_refuses_bad_input(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        command_line(arguments.split())
    assert error.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err.splitlines()[-1]
