"""The random circuits' exact moments against average density matrices and tables."""

import itertools
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barren.physics import pair_chain, sweep
from barren.physics.families import Identity, IdentityTutorial, Random
from barren.physics.observables import NoExactForm, Observable
from barren.physics.pair_chain import (
    PAIR,
    PAULI,
    SINGLE,
    asymptotic_variance,
    identity_moments,
    random_moments,
    tutorial_moments,
)

#: The keys of a family's ensembles that its moments do not depend on.
BLOCKS = {"block_depth": 0, "blocks": 0}
FREE = {Random: {"depth": 0}, Identity: BLOCKS, IdentityTutorial: BLOCKS}

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
AXES = np.array([PAULIS[letter] for letter in "XYZ"])
# What is averaged is a trigonometric polynomial of degree 2 in each angle, so four
# angles with weights of the right mean cos and cos of twice the angle are exact.
ANGLES = np.arange(4) * np.pi / 2


def angle_weights(sigma):
    cos1, cos2 = (0, 0) if sigma is None else np.exp([-(sigma**2) / 2, -2 * sigma**2])
    ends = np.array([1, -1]) * cos1 / 2 + (1 + cos2) / 4
    return np.array([ends[0], (1 - cos2) / 4, ends[1], (1 - cos2) / 4])


def terms_of(text, width):
    return Observable.parse(text).terms(width)


def of(terms, width, symbol=(0, 0), sigma=None, family=Random):
    """The ensembles of a family whose observable has the given terms."""
    return family(
        width=width,
        symbol_layer=symbol[0],
        symbol_qubit=symbol[1],
        sigma=sigma,
        observable=Observable(None, tuple(terms)).text,
        **FREE[family],
    )


def identity(text, width, qubit=0, sigma=None, family=Identity):
    return of(terms_of(text, width), width, (0, qubit), sigma, family)


# The mean of rho and of rho x rho, evolved gate by gate: no chain, no classes.


def superoperators(angles):
    """Of R_P(angle) on |ket><bra|, (3, angles, 4, 4)."""
    half = np.asarray(angles)[:, np.newaxis, np.newaxis] / 2
    r = np.cos(half) * np.eye(2) - 1j * np.sin(half) * AXES[:, np.newaxis]
    return np.einsum("paij,pakl->paikjl", r, r.conj()).reshape(3, len(angles), 4, 4)


def average_channel(copies, derived, sigma):
    channel = superoperators(ANGLES)
    if derived:
        quarter = np.pi / 2
        plus, minus = superoperators(ANGLES + quarter), superoperators(ANGLES - quarter)
        channel = (plus - minus) / 2
    if copies == 2:
        channel = np.einsum("paij,pakl->paikjl", channel, channel)
        channel = channel.reshape(3, len(ANGLES), 16, 16)
    return np.einsum("a,paij->ij", angle_weights(sigma), channel) / 3


def exact_random(terms, width, depth, symbol, sigma, copies):
    """Mean of g (one copy) or of g^2 (two copies)."""
    plain = average_channel(copies, False, sigma)
    derived = average_channel(copies, True, sigma)
    size = 4**copies
    index = np.arange(size)
    both = index[:, np.newaxis] & index
    cz = (-1.0) ** sum(both >> bit & 1 for bit in range(2 * copies))
    one = np.array([1.0])
    for _ in range(2 * copies):
        one = np.kron(one, np.cos([np.pi / 8, 3 * np.pi / 8]))
    state = np.array(1.0)
    for _ in range(width):
        state = np.multiply.outer(state, one)
    for layer, qubit in itertools.product(range(depth), range(width)):
        channel = derived if (layer, qubit) == symbol else plain
        state = np.moveaxis(np.tensordot(channel, state, (1, qubit)), 0, qubit)
        if qubit == width - 1:
            for left in range(width - 1):
                shape = [1] * width
                shape[left : left + 2] = size, size
                state = state * cz.reshape(shape)
    total = 0.0
    for pick in itertools.product(terms, repeat=copies):
        value = state
        for qubit in reversed(range(width)):
            trace = np.array([1.0])
            for _, string in pick:
                letter = dict(string).get(qubit, "I")
                trace = np.kron(trace, PAULIS[letter].T.reshape(-1))
            value = np.tensordot(value, trace, (qubit, 0))
        total += np.prod([weight for weight, _ in pick]) * value.real
    return total


CASES = [
    (2, "local", (0, 0)),
    (2, "Z0 - 0.7 Z0 Z1 + 0.3 Z1", (1, 1)),
    (3, "local", (0, 0)),
    (3, "0.5 Z0 Z2 - Z1 + 2 Z0 Z1 Z2", (0, 1)),
    (3, "Z0 + Z2", (1, 2)),
    (2, "X0", (0, 0)),
    (2, "Y1", (0, 0)),
    (3, "X0 Z1", (0, 1)),
    (3, "Y0 X1 Y2", (1, 1)),
    (3, "Z0 Y2", (0, 0)),
    (2, "Y0 Y1", (0, 0)),
]


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(("width", "text", "symbol"), CASES)
def test_random_moments_are_the_exact_average(width, text, symbol, sigma):
    terms = terms_of(text, width)
    depths = range(symbol[0] + 1, symbol[0] + 4)
    found = random_moments(of(terms, width, symbol, sigma), depths)
    arguments = (symbol, sigma)
    mean = [exact_random(terms, width, d, *arguments, copies=1) for d in depths]
    second = [exact_random(terms, width, d, *arguments, copies=2) for d in depths]
    # Some hundred operations on numbers below 10.
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.second_moment, second, rtol=0, atol=1e-12)
    assert np.any(found.second_moment > 1e-4)


def test_a_string_with_x_is_not_one_with_y():
    # One qubit, one layer with the symbol: <X>^2 = <Z>^2 = 1/2 and <Y>^2 = 0 before.
    # X keeps 1/3 of its own and gets 1/6 of each other's.
    x, y = (
        random_moments(of(terms_of(p, 1), 1), [1]).second_moment[0]
        for p in ("X0", "Y0")
    )
    assert x == pytest.approx((1 / 3 + 1 / 6) / 2, rel=1e-14)
    assert y == pytest.approx((1 / 6 + 1 / 6) / 2, rel=1e-14)


# Known values.


def test_local_cost_of_reference():
    found = random_moments(of(terms_of("local", 6), 6), [2, 5, 10, 20, 50])
    expected = [
        5.7146991e-03,
        4.3014201e-03,
        2.8943278e-03,
        1.6519752e-03,
        9.2178006e-04,
    ]
    np.testing.assert_allclose(found.variance, expected, rtol=1e-7)


def test_local_cost_of_width_24(monkeypatch):
    monkeypatch.setattr(sweep, "TRUNCATIONS", (1e-6, 1e-7))
    found = random_moments(of(terms_of("local", 24), 24), [10, 50, 100])
    np.testing.assert_allclose(
        found.variance, [1.794713e-04, 1.24291e-05, 5.404e-07], rtol=1e-4
    )
    assert np.all(found.relative_error < 1e-4)


@pytest.mark.parametrize("text", ["local", "X0 Y2"])
def test_deep_circuits_are_two_designs(text):
    width, size = 4, 16
    terms = terms_of(text, width)
    squares = sum(weight**2 for weight, _ in terms)
    gradient = random_moments(of(terms, width), [400]).variance[0]
    assert gradient == pytest.approx(squares * size / (3 * (size**2 - 1)), rel=1e-9)


@pytest.mark.parametrize("sigma", [None, 0.5])
@pytest.mark.parametrize("symbol", [(0, 0), (1, 2), (3, 1)])
@pytest.mark.parametrize("text", ["Z0 - 0.5 Z1 Z2 + Z0 Z3", "X0 Y3"])
def test_variances_tend_to_their_asymptotes(text, symbol, sigma):
    curve = of(terms_of(text, 4), 4, symbol, sigma)
    deep = random_moments(curve, [1000]).variance[0]
    found = asymptotic_variance(curve)
    assert found == pytest.approx(deep, rel=1e-9)


def test_identity_variances_tend_to_a_limit_with_the_symbols_layer():
    """Then W takes the axis to each of the N^2 - 1 strings alike."""
    deep = identity_moments(identity("Z0 Z1", 4, 2), [1000]).variance[0]
    assert deep == pytest.approx(3 * 16 / 8 / 255, rel=1e-9)


def test_wide_normal_angles_are_uniform():
    for text in ("local", "Z0 Z2 + Z3"):
        terms = terms_of(text, 4)
        wide, uniform = (
            random_moments(of(terms, 4, sigma=s), [2, 9]) for s in (6.0, None)
        )
        np.testing.assert_allclose(wide.variance, uniform.variance, rtol=1e-7)


# Matrix product states, automata and the terms that are left out.


def pair_chain_of(text, width, depth, symbol=(0, 0), sigma=None):
    terms = terms_of(text, width)
    curve = of(terms, width, symbol, sigma)
    maps, start = pair_chain._random_chain(PAIR, curve, depth, derived=True)
    sums = {pair_chain.digits_of(s, width, "IZ"): weight for weight, s in terms}
    read = [pair_chain._paired(tensor) for tensor in sweep.automaton(sums, 2)]
    return start, maps, read


def test_the_matrix_product_state_is_the_dense_chain():
    start, maps, read = pair_chain_of("local", 6, 30, sigma=0.3)
    dense, bound = sweep.dense_chain(PAIR, start, maps, read)
    exact, _, _ = sweep.mps_chain(PAIR, start, maps, read, 1e-14)
    loose, _, bonds = sweep.mps_chain(PAIR, start, maps, read, 1e-6)
    np.testing.assert_allclose(exact, dense, rtol=1e-9)
    np.testing.assert_allclose(loose, dense, rtol=1e-4)
    assert np.max(bonds) < 25
    assert np.all(bound < 1e-11 * dense)
    curve = of(terms_of("Z0", 5), 5, (1, 2))
    maps, start = pair_chain._random_chain(PAULI, curve, 12, derived=True)
    read = sweep.automaton({(1, 2, 0, 3, 0): 1.0}, 4)
    dense, _ = sweep.dense_chain(PAULI, start, maps, read)
    exact, _, _ = sweep.mps_chain(PAULI, start, maps, read, 1e-14)
    np.testing.assert_allclose(exact, dense, rtol=0, atol=1e-13 * dense.max())


def test_the_error_of_a_matrix_product_state_covers_what_it_is(monkeypatch):
    terms = terms_of("local", 7)
    exact = random_moments(of(terms, 7), [3, 8, 40])
    monkeypatch.setattr(sweep, "DENSE_SIZE", 0)
    monkeypatch.setattr(sweep, "TRUNCATIONS", (1e-5, 1e-6))
    found = random_moments(of(terms, 7), [3, 8, 40])
    wrong = np.abs(found.second_moment / exact.second_moment - 1)
    assert np.all(wrong <= found.relative_error)
    assert np.all(found.relative_error > 1e-9)


def test_the_error_has_no_gaps(monkeypatch):
    """Not even where two truncations agree by chance."""
    terms, depths = terms_of("local", 7), range(1, 61)
    exact = random_moments(of(terms, 7), depths)
    monkeypatch.setattr(sweep, "DENSE_SIZE", 0)
    monkeypatch.setattr(sweep, "TRUNCATIONS", (1e-5, 1e-6))
    found = random_moments(of(terms, 7), depths)
    wrong = np.abs(found.second_moment / exact.second_moment - 1)
    assert np.all(wrong <= found.relative_error + 1e-11)


def test_truncations_are_taken_until_two_agree(monkeypatch):
    monkeypatch.setattr(sweep, "DENSE_SIZE", 0)
    monkeypatch.setattr(sweep, "TRUNCATIONS", (1e-3, 3e-4, 1e-6, 1e-7))
    found = random_moments(of(terms_of("local", 7), 7), [30])
    assert 0 < found.relative_error[0] < sweep.TOLERANCE / 10


@pytest.mark.parametrize("strings", [{(1, 0): 1, (0, 1): -1}, {(1, 0): 1, (1, 1): -1}])
def test_what_cancels_has_the_rounding_of_its_parts(strings):
    curve = of(terms_of("Z0", 2), 2, sigma=0.3)
    maps, start = pair_chain._random_chain(SINGLE, curve, 3)
    parts = {string: abs(weight) for string, weight in strings.items()}
    (_, found), (_, expected) = (
        sweep.dense_chain(SINGLE, start, maps, sweep.automaton(of, 3))
        for of in (strings, parts)
    )
    np.testing.assert_array_equal(found, expected)


@given(
    st.integers(2, 6),
    st.integers(0, 5),
    st.integers(1, 8),
    st.floats(-4, 0.5).map(lambda power: 10**power),
    st.sampled_from(["Z0", "Z0 Z1", "Y1", "global", "Z0 - 1.4142 Z0 Z1 + 0.3 Z1"]),
)
def test_normal_angles_are_known_as_well_as_they_say(width, qubit, depth, sigma, text):
    """Of small ones singular values lie so far apart that truncations agree."""
    terms, places = terms_of(text, width), (0, min(qubit, width - 1))
    curve = of(terms, width, places, sigma)
    dense = random_moments(curve, [depth])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "DENSE_SIZE", 0)
        patch.setattr(sweep, "LARGEST_SIZE", 0)
        found = random_moments(curve, [depth])
    if np.isfinite([found.variance, dense.variance]).all():
        wrong = np.abs(found.variance - dense.variance)
        allowed = found.relative_error + dense.relative_error + 1e-12
        assert np.all(wrong <= allowed * np.abs(dense.variance))


def test_past_the_dense_chain_it_is_tried_where_the_other_fails(monkeypatch):
    """What depth and distance give does not depend on the width any more."""
    narrow, wide = (
        random_moments(of(terms_of("Z0 Z1", n), n, (0, 3), 0.01), [4]).variance[0]
        for n in (8, 14)
    )
    assert wide == pytest.approx(narrow, rel=1e-9) == pytest.approx(2.31628e-11, 1e-5)
    monkeypatch.setattr(sweep, "LARGEST_SIZE", 0)
    found = random_moments(of(terms_of("Z0 Z1", 14), 14, (0, 3), 0.01), [4])
    assert np.isnan(found.variance[0])


@pytest.mark.parametrize(
    ("text", "left", "known"),
    [
        ("Z0 Z1 - Z0 Z2", 0, False),
        ("Z0 - 1.4142 Z0 Z1", 1 - 1.4142 / np.sqrt(2), False),
        ("Z0 - 1.41 Z0 Z1", 1 - 1.41 / np.sqrt(2), True),
    ],
)
def test_products_that_cancel_leave_their_rounding(text, left, known):
    """In Grant's blocks, symbol on layer 0: <Z> = 1 / sqrt 2 on every qubit."""
    found = identity_moments(identity(text, 4), [0])
    assert np.isfinite(found.second_moment[0]) == known
    if known:
        expected = pytest.approx(left**2 / 6, rel=found.relative_error[0])
        assert found.second_moment[0] == expected


def test_small_angles_have_all_digits():
    """R_P(angle) moves sigma^2 of a Pauli, less its square."""
    for sigma in (1e-4, 1e-2):
        cos2, sin2 = pair_chain.mean_squares(sigma)
        square = sigma**2 - sigma**4 + 2 / 3 * sigma**6
        assert sin2 == pytest.approx(square, rel=1e-14, abs=sigma**8)
        assert cos2 == 1 - sin2


def test_what_is_not_known_well_enough_is_nan(monkeypatch):
    monkeypatch.setattr(sweep, "DENSE_SIZE", 0)
    monkeypatch.setattr(sweep, "LARGEST_SIZE", 0)
    monkeypatch.setattr(sweep, "TRUNCATIONS", (1e-1, 3e-2))
    found = random_moments(of(terms_of("local", 7), 7), [30])
    assert np.isnan(found.second_moment[0])
    assert found.relative_error[0] > sweep.TOLERANCE


@pytest.mark.parametrize("sigma", [None, 0.8])
@pytest.mark.parametrize("text", ["Z0 Z1 - 2 Z0 + Z1 Z2 Z3", "Z0 - Z0 Z1 Z2 Z3"])
def test_the_bound_on_different_strings_holds(text, sigma):
    depths = np.arange(1, 20)
    start, maps, read = pair_chain_of(text, 4, 19, sigma=sigma)
    total, _ = sweep.dense_chain(PAIR, start, maps, read)
    terms = terms_of(text, 4)
    equal = sum(
        weight**2
        * random_moments(of([(1.0, string)], 4, sigma=sigma), depths).second_moment
        for weight, string in terms
    )
    bound = pair_chain._cross_bound(terms, depths, sigma)
    rounding = 1e-15
    assert np.all(np.abs(total[1:] - equal) <= bound + rounding)
    assert np.max(np.abs(total[1:] - equal) / equal) > 1e-3
    found = random_moments(of(terms, 4, sigma=sigma), depths)
    np.testing.assert_allclose(found.second_moment, total[1:], rtol=2e-8)
    wrong = np.abs(found.second_moment / total[1:] - 1)
    assert np.all(wrong <= found.relative_error + rounding)


def test_disjoint_strings_have_no_products():
    start, maps, read = pair_chain_of("local", 5, 9, (1, 2), 0.3)
    total, _ = sweep.dense_chain(PAIR, start, maps, read)
    found = random_moments(of(terms_of("local", 5), 5, (1, 2), 0.3), range(2, 10))
    np.testing.assert_allclose(found.second_moment, total[2:], rtol=1e-12)


def test_the_automaton_of_the_mean_has_two_states():
    width = 9
    local = {
        tuple(int(at == q) for at in range(width)): 1 / width for q in range(width)
    }
    read = sweep.automaton(local, 2)
    assert max(len(tensor) for tensor in read) == 2


def test_an_automaton_is_the_sum():
    rng = np.random.default_rng(3)
    strings = {tuple(rng.integers(0, 3, 5).tolist()): rng.normal() for _ in range(40)}
    result = np.ones((1, 1))
    for tensor in sweep.automaton(strings, 3):
        result = np.tensordot(result, tensor, 1).reshape(-1, tensor.shape[2])
    expected = np.zeros((3,) * 5)
    for string, weight in strings.items():
        expected[string] = weight
    np.testing.assert_allclose(result.reshape((3,) * 5), expected, rtol=0, atol=1e-14)


# The light cone and what is refused.


def test_before_the_light_cone_the_gradient_is_zero():
    width, symbol = 14, (0, 5)
    for text, first in (("Z0 Z1", 5), ("X9", 4), ("Z8 + Z1 + Z0", 4)):
        depths = [first - 1, first]
        found = random_moments(of(terms_of(text, width), width, symbol), depths)
        assert found.second_moment[0] == found.relative_error[0] == 0
        assert found.second_moment[1] > 0


def test_identity_blocks_have_a_light_cone_too():
    """Of a width at which truncation leaves something everywhere."""
    found = identity_moments(identity("Z0 Z1", 14, 5), [3, 4])
    assert found.second_moment[0] == found.relative_error[0] == 0
    assert found.second_moment[1] > 0


def test_neighbours_that_cancel_are_outside_the_light_cone():
    # The last CZ takes X0 Z1 to X0: qubit 1 is reached by the next layer's.
    found = random_moments(of(terms_of("X0 Z1", 3), 3, (0, 1)), [1, 2])
    assert found.second_moment[0] == found.relative_error[0] == 0
    assert found.second_moment[1] > 0


def test_what_has_no_exact_form_is_refused():
    with pytest.raises(NoExactForm, match="X or Y"):
        random_moments(of(terms_of("X0 + Z0", 2), 2), [3])
    with pytest.raises(NoExactForm, match="X or Y"):
        random_moments(of(terms_of("X0 + Y0", 2), 2), [3])


# Identity blocks: whole circuits over all axes and angles before the symbol.


def exact_identity(terms, width, layer, qubit, sigma, tutorial=False):
    """Mean of g and of g^2. One layer behind the symbol has to cancel."""
    weights = angle_weights(sigma)
    count = layer * width
    grid = np.array(list(itertools.product(range(12), repeat=count)), dtype=int)
    axes, steps = np.divmod(grid.reshape(len(grid), layer, width), 4)
    weight = (weights[steps] / 3).reshape(len(grid), -1).prod(axis=1)

    def turns(axes, angles):
        half = np.asarray(angles)[..., np.newaxis, np.newaxis] / 2
        return np.cos(half) * np.eye(2) - 1j * np.sin(half) * AXES[axes]

    def kron(factors):
        product = np.ones((*factors.shape[:-3], 1, 1))
        for site in range(width):
            one, other = product, factors[..., site, :, :]
            product = np.einsum("...ij,...kl->...ikjl", one, other)
            shape = one.shape[-1] * 2
            product = product.reshape(*product.shape[:-4], shape, shape)
        return product

    bits = np.indices((2,) * width).reshape(width, -1)
    ladder = (-1.0) ** (bits[1:] * bits[:-1]).sum(axis=0)
    before = np.broadcast_to(np.eye(2**width), (len(grid), 2**width, 2**width))
    for row in range(layer):
        unitary = kron(turns(axes[:, row], ANGLES[steps[:, row]]))
        before = ladder[:, np.newaxis] * unitary @ before
    rng = np.random.default_rng(5)
    behind = kron(turns(rng.integers(0, 3, width), rng.uniform(0, 6, width)))
    behind = ladder[:, np.newaxis] * behind
    prepared = np.array([1.0])
    for _ in range(width):
        prepared = np.kron(prepared, np.cos([np.pi / 8, 3 * np.pi / 8]))
    observable = np.zeros((2**width, 2**width), dtype=complex)
    for value, string in terms:
        at = dict(string)
        paulis = [PAULIS[at.get(site, "I")] for site in range(width)]
        observable += value * kron(np.array(paulis))
    mean = second = 0.0
    pairs = list(itertools.product(range(4), repeat=2)) if tutorial else [(0.83, 0.83)]
    for axis, (theta, phi) in itertools.product(range(3), pairs):
        share = 1 / 3
        if tutorial:
            share *= weights[theta] * weights[phi]
            theta, phi = ANGLES[[theta, phi]]
        alone = np.zeros(width, dtype=int)
        alone[qubit] = axis

        def loss(theta, phi=phi, alone=alone):
            one, other = (
                behind @ kron(turns(alone, np.where(np.arange(width) == qubit, t, 0)))
                for t in (theta, phi)
            )
            whole = before.conj().swapaxes(1, 2) @ (other.conj().T @ one) @ before
            state = whole @ prepared
            return np.einsum("ci,ij,cj->c", state.conj(), observable, state).real

        g = (loss(theta + np.pi / 2) - loss(theta - np.pi / 2)) / 2
        mean += share * (weight @ g)
        second += share * (weight @ g**2)
    return mean, second


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(
    ("text", "width", "layer", "qubit"),
    [
        ("Z0", 2, 0, 0),
        ("Z1", 2, 1, 0),
        ("Z0 Z1", 2, 2, 1),
        ("global", 3, 0, 1),
        ("global", 3, 1, 1),
        ("Z0 Z2", 3, 1, 0),
        ("Z2", 3, 1, 1),
        ("Z2", 3, 0, 0),
        ("global", 4, 0, 3),
        ("local", 2, 2, 0),
        ("local", 3, 1, 1),
        ("Z0 Z1 - 0.4 Z1 Z2 + 0.7 Z0", 3, 1, 1),
        ("Z0 Z1 - 0.4 Z0 + 0.7 Z1", 2, 2, 0),
    ],
)
def test_identity_moments_are_the_exact_average(text, width, layer, qubit, sigma):
    terms = terms_of(text, width)
    found = identity_moments(identity(text, width, qubit, sigma), [layer])
    exact = exact_identity(terms, width, layer, qubit, sigma)
    np.testing.assert_allclose(
        [found.mean[0], found.second_moment[0]], exact, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize("text", ["Z0 Z1", "local", "X0 + 0.3 Y0 Z1 - Z1 X2", "Z2"])
def test_tutorial_moments_are_the_exact_average(text, sigma):
    terms = terms_of(text, 3)
    ensemble = identity(text, 3, 0, sigma, IdentityTutorial)
    found = tutorial_moments(ensemble, [0, 1, 2])
    exact = exact_identity(terms, 3, 0, 0, sigma, tutorial=True)
    np.testing.assert_allclose(
        [found.mean[0], found.second_moment[0]], exact, rtol=0, atol=1e-12
    )
    later = [0, np.nan] if text == "Z2" else [np.nan, np.nan]
    np.testing.assert_array_equal(found.second_moment[1:], later)


def test_identity_moments_of_reference():
    found = identity_moments(identity("Z0 Z1", 8), [0, 1, 2, 10])
    expected = [0.083333, 0.115741, 0.080011, 0.049638]
    np.testing.assert_allclose(found.second_moment, expected, rtol=0, atol=5e-7)
    for text in ("global", "local"):
        wide = identity_moments(identity(text, 13, 5), [0, 3, 9])
        assert np.all(wide.second_moment > 0)
        assert np.all(wide.relative_error < 1e-4)
    with pytest.raises(NoExactForm, match="X or Y"):
        identity_moments(identity("X0", 2), [1])


# Planted faults: each must be seen by the oracle above.

PAIRED, SITE_MAPS = pair_chain._paired, pair_chain._site_maps
UNEQUAL = np.array([1, 0, 1, 1, 1])[:, np.newaxis]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("mean_shrink", lambda sigma: 0.5),
        ("_paired", lambda tensor: PAIRED(tensor) * UNEQUAL),
        ("_site_maps", lambda kind, sigma: SITE_MAPS(kind, sigma)[:1] * 2),
        ("PAIR", PAIR._replace(swap=np.arange(25))),
        ("PAULI", PAULI._replace(swap=np.arange(16))),
        ("SINGLE", SINGLE._replace(swap=np.arange(9))),
    ],
)
def test_a_planted_fault_shows(monkeypatch, name, fault):
    monkeypatch.setattr(pair_chain, name, fault)
    wrong = []
    for width, text, symbol in CASES:
        terms = terms_of(text, width)
        depth = symbol[0] + 3
        found = random_moments(of(terms, width, symbol), [depth]).second_moment[0]
        exact = exact_random(terms, width, depth, symbol, None, copies=2)
        wrong.append(abs(found - exact))
    assert max(wrong) > 1e-4
