"""Exact moments of the random circuits for sums of Pauli strings.

Gradient g = d<O>/d theta, O = sum_s o_s P_s. E g^2 is the sum over s, t of
o_s o_t F[s, t], F the mean of the product of both strings' derivatives. Uniform axes
and symmetric angles make F a chain over classes of each site (see `sweep`):

- strings of I and Z: I, Z and V = {X, Y};
- strings with X or Y: I, X, Y, Z;
- pairs of strings of I and Z: II, IZ, ZI, ZZ and V = XX or YY.

workflow/docs/theory.md derives them, and what pairs of different strings come to.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations, product

import numpy as np

from barren.physics import sweep
from barren.physics.layered import Layered
from barren.physics.mean_strings import (
    distance,
    mean_gradient,
    mean_identity,
    mean_shrink,
)
from barren.physics.moments import Floats, Moments, as_known
from barren.physics.observables import NoExactForm, Term, of_z
from barren.physics.pauli_actions import Circuit, Rotation, digits_of, mean_squares
from barren.physics.pauli_paths import gradient_moments
from barren.physics.sweep import Algebra, Automaton, Indices

#: Share of the sum over s = t below which that over s != t is left out.
NEGLIGIBLE = 1e-8

SINGLE = sweep.algebra(["II"], ["ZZ"], ["XX", "YY"])
PAULI = sweep.algebra(["II"], ["XX"], ["YY"], ["ZZ"])
PAIR = sweep.algebra(["II"], ["IZ"], ["ZI"], ["ZZ"], ["XX", "YY"])

#: <I>^2, <Z>^2, <X>^2, <Y>^2 of the preparation R_Y(pi/4)|0>.
SQUARES = np.array([1, 1 / 2, 1 / 2, 0])


# The random family.


def random_moments(ensemble: Layered, depths: Sequence[int]) -> Moments:
    """Moments of the gradient of the random family at each of `depths`.

    The second moment is nan where the variance is not known to `TOLERANCE`. Raises
    NoExactForm for a sum of strings with an X or Y among them.
    """
    terms, width, sigma = ensemble.terms, ensemble.width, ensemble.sigma
    depth = np.asarray(depths, dtype=np.intp)
    mean = mean_gradient(ensemble, depth)
    first = ensemble.symbol_layer + 1 + distance(ensemble)

    def chain(kind: Algebra, read: Automaton, at: Indices) -> tuple[Floats, Floats]:
        maps, start = _random_chain(kind, ensemble, max(at, default=0), derived=True)
        squared = mean[np.isin(depth, at)] ** 2
        return sweep.second_moments(
            kind, start, maps, read, at, squared, first, normal=sigma is not None
        )

    diagonal = of_z(terms)
    if not diagonal and len(terms) > 1:
        raise NoExactForm("a sum of strings with X or Y")
    kind, letters = (SINGLE, "IZ") if diagonal else (PAULI, "IXYZ")
    squares = {digits_of(s, width, letters): weight**2 for weight, s in terms}
    read = sweep.automaton(squares, len(kind.norm))
    second, error = chain(kind, read, depth)
    # The product of different strings.
    bound = _cross_bound(terms, depth, sigma)
    counts = bound > NEGLIGIBLE * second
    error = error + np.where(second > 0, bound, 0.0)
    counts &= second > 0
    if np.any(counts):
        sums = {digits_of(s, width, letters): weight for weight, s in terms}
        pairs = [_paired(tensor) for tensor in sweep.automaton(sums, 2)]
        second[counts], error[counts] = chain(PAIR, pairs, depth[counts])
    return as_known(mean, second, error, steps=width * max(depths, default=0))


def asymptotic_variance(ensemble: Layered) -> float:
    """Variance of the gradient for depth to infinity, for every sum of strings.

    The chain spreads N (3 - r2) / 6 evenly over the N^2 - 1 strings other than I. Here
    N = 2^width and r2 is the mean squared Bloch vector of the symbol's qubit before it:
    1 on layer 0. Different strings have no products.
    """
    width, layer, bloch = ensemble.width, ensemble.symbol_layer, 1.0
    if layer > 0:
        maps, start = _random_chain(SINGLE, ensemble, layer)
        read, at = _any_axis(ensemble), np.array([layer])
        normal = ensemble.sigma is not None
        found = sweep.second_moments(SINGLE, start, maps, read, at, normal=normal)
        bloch = 3 * float(as_known(np.zeros(1), *found, steps=0).second_moment[0])
    squares = sum(weight**2 for weight, _ in ensemble.terms)
    return squares * 2.0**width * (3 - bloch) / (6 * (4.0**width - 1))


def _random_chain(
    kind: Algebra, ensemble: Layered, depth: int, *, derived: bool = False
) -> tuple[Floats, Floats]:
    """The maps of so many layers, and the preparation R_Y(pi/4)|0> on every qubit."""
    rotation, derivative = _site_maps(kind, ensemble.sigma)
    size, width = len(rotation), ensemble.width
    maps = np.broadcast_to(rotation, (depth, width, size, size)).copy()
    if derived:
        maps[ensemble.symbol] = derivative
    return maps, np.broadcast_to(_prepared(kind), (1, width, size))


def _prepared(kind: Algebra) -> Floats:
    """f of the preparation at a site: the mean of <P><Q> over each class."""
    return np.array([np.sqrt(SQUARES[[*of]].prod(axis=1)).mean() for of in kind.pairs])


def _site_maps(kind: Algebra, sigma: float | None) -> list[Floats]:
    """Maps at a site of a rotation about a random axis, and of its derivative.

    A Pauli stays for its own axis, goes to itself with cos and to another with sin for
    the other two; in the derivative, for these alone, cos and sin change places.
    """
    cos2, sin2 = mean_squares(sigma)
    sizes = np.array([len(of) for of in kind.pairs])
    equal = np.array([p == q for (p, q), *_ in kind.pairs])
    paulis, unequal = np.flatnonzero(equal)[1:], np.flatnonzero(~equal)
    maps = []
    for identity, shrink, keep, move in (
        (1.0, mean_shrink(sigma), 1 / 3 + 2 / 3 * cos2, sin2 / 3),
        (0.0, 0.0, 2 / 3 * sin2, cos2 / 3),
    ):
        of = np.zeros((len(sizes), len(sizes)))
        of[0, 0] = identity
        of[unequal, unequal] = shrink
        of[np.ix_(paulis, paulis)] = move * sizes[paulis]
        of[paulis, paulis] = keep + move * (sizes[paulis] - 1)
        maps.append(of)
    return maps


def _paired(tensor: Floats) -> Floats:
    """Tensor of a sum over I, Z as that of its products over II, IZ, ZI, ZZ, V."""
    left, _, right = tensor.shape
    pairs = np.zeros((left**2, len(PAIR.norm), right**2))
    products = np.einsum("aib,cjd->acijbd", tensor, tensor)
    pairs[:, :4] = products.reshape(left**2, 4, right**2)
    return pairs


def _cross_bound(terms: Sequence[Term], depth: Indices, sigma: float | None) -> Floats:
    """Bound on the sum over s != t of |o_s o_t F[s, t]|, at each depth.

    Every other number of the chain is at most 1, so F is at most (shrink^depth /
    sqrt 2)^k, k the sites where s and t differ: 1 / sqrt 2 is <Z> of the preparation.
    It is 0 unless s and t share a site.
    """
    zs = [(abs(weight), sum(1 << site for site, _ in of)) for weight, of in terms]
    shares: dict[int, float] = defaultdict(float)
    for (v, s), (w, t) in permutations(zs, 2):
        if s & t:
            shares[(s ^ t).bit_count()] += v * w
    factor = np.float_power(mean_shrink(sigma), depth) / math.sqrt(2)
    bounds = [share * factor**sites for sites, share in shares.items()]
    return sum(bounds, np.zeros(len(depth)))


# The identity blocks.


def identity_moments(ensemble: Layered, layers: Sequence[int]) -> Moments:
    """Moments of Grant's identity blocks, symbol on each of `layers` of U.

    g = (i/2) <[W^dagger P W, O]> in the prepared state, W the layers before the symbol
    and P its axis. The block depth does not matter. The second moment is nan where it
    is not known to `TOLERANCE`. Raises NoExactForm for a string with X or Y.
    """
    start = _commutators(ensemble.terms, ensemble.width)
    layer = np.asarray(layers, dtype=np.intp)
    deepest = max(layers, default=0)
    maps, _ = _random_chain(SINGLE, ensemble, deepest)
    mean = mean_identity(ensemble, layers)
    first, normal = _distance(ensemble), ensemble.sigma is not None
    found = sweep.second_moments(
        SINGLE, start, maps, _any_axis(ensemble), layer, mean**2, first, normal
    )
    return as_known(mean, *found, steps=ensemble.width * deepest)


def _any_axis(ensemble: Layered) -> Automaton:
    """The mean over X, Y and Z on the symbol's qubit."""
    strings = {
        digits_of(((ensemble.symbol_qubit, p),), ensemble.width, "IZV"): share
        for p, share in (("Z", 1 / 3), ("V", 2 / 3))
    }
    return sweep.automaton(strings, 3)


def _commutators(terms: Sequence[Term], width: int) -> Floats:
    """f of <(i/2) [Q, O]>^2 in the prepared state, Q a string, (terms, width, 3).

    For two products of Z, over sites s and t, a sum of two product vectors, or none: on
    a site of s a string Q gains a Z, i X Z = Y and i Y Z = -X, so V counts on sites of
    both alone, where it must be odd in number: half the difference of two products, V
    with either sign.
    """
    if not of_z(terms):
        raise NoExactForm("a string with X or Y")
    one, z, v = _prepared(SINGLE)
    zs = [(weight, {site for site, _ in string}) for weight, string in terms]
    found = []
    for (a, s), (b, t) in product(zs, repeat=2):
        if s & t:
            start = np.tile([one, z, v], (2, width, 1))
            start[:, list(s ^ t)] = math.sqrt(1 / 2), math.sqrt(1 / 2), 0
            start[0, list(s & t)] = z, one, v
            start[1, list(s & t)] = z, one, -v
            start[:, 0] *= np.array([[1], [-1]]) * a * b / 2
            found.append(start)
    return np.concatenate(found)


def tutorial_moments(ensemble: Layered, layers: Sequence[int]) -> Moments:
    """Moments of the tutorial's identity blocks, nan where no exact form is known.

    All cancels to W^dagger R_P(theta - phi) W, W the layers before the symbol: without
    them one rotation about one of three axes. Where its light cone misses the
    observable the gradient is zero.
    """
    bloch = np.tile([math.sqrt(1 / 2), 0, math.sqrt(1 / 2)], (ensemble.width, 1))
    # theta - phi is normal with twice the variance.
    spread = None if ensemble.sigma is None else math.sqrt(2) * ensemble.sigma
    axes = []
    for letter in "XYZ":
        rotation = Rotation(((ensemble.symbol_qubit, letter),), 0)
        circuit = Circuit(bloch, (rotation,), ["theta"])
        axes.append(gradient_moments(circuit, ensemble.terms, spread))
    mean, second, error = np.mean(axes, axis=0)
    found = as_known(mean, second, error, steps=ensemble.width + 1)
    layer = np.asarray(layers, dtype=np.intp)
    known = (layer == 0) | (layer < _distance(ensemble))
    moments = [np.where(layer == 0, value, 0.0) for value in found]
    return Moments(*np.where(known, moments, np.nan))


def _distance(ensemble: Layered) -> int:
    """Layers of CZs that take the observable to the symbol's qubit."""
    sites = [site for _, string in ensemble.terms for site, _ in string]
    return min(abs(site - ensemble.symbol_qubit) for site in sites)
