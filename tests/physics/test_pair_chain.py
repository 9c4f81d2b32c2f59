"""The random circuits' exact moments against average density matrices and tables."""

import itertools
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

from barren.physics import pair_chain, sweep
from barren.physics.observables import NoExactForm, Observable
from barren.physics.pair_chain import (
    PAIR,
    PAULI,
    SINGLE,
    identity_moments,
    loss_moments,
    random_moments,
)

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
    """Mean of g (one copy) or of g^2 (two copies); of <O> if symbol is None."""
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
]


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(("width", "text", "symbol"), CASES)
def test_random_moments_are_the_exact_average(width, text, symbol, sigma):
    terms = terms_of(text, width)
    depths = range(symbol[0] + 1, symbol[0] + 4)
    found = random_moments(terms, width, depths, symbol, sigma)
    arguments = (symbol, sigma)
    mean = [exact_random(terms, width, d, *arguments, copies=1) for d in depths]
    second = [exact_random(terms, width, d, *arguments, copies=2) for d in depths]
    # Some hundred operations on numbers below 10.
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.second_moment, second, rtol=0, atol=1e-12)
    assert np.any(found.second_moment > 1e-4)


@pytest.mark.parametrize("sigma", [None, 0.4])
@pytest.mark.parametrize(("width", "text", "symbol"), CASES)
def test_loss_moments_are_the_exact_average(width, text, symbol, sigma):
    terms = terms_of(text, width)
    depths = [1, 2, 4]
    found = loss_moments(terms, width, depths, sigma)
    mean = [exact_random(terms, width, d, None, sigma, copies=1) for d in depths]
    second = [exact_random(terms, width, d, None, sigma, copies=2) for d in depths]
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        found.variance, np.subtract(second, np.square(mean)), rtol=0, atol=1e-12
    )
