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
from typing import NamedTuple

import numpy as np

from barren.physics import sweep
from barren.physics.layered import Layered
from barren.physics.moments import Floats, Moments, as_known
from barren.physics.observables import NoExactForm, String, Term, of_z
from barren.physics.pauli_actions import (
    Circuit,
    Rotation,
    digits_of,
    mean_cosine,
    mean_squares,
)
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
    first = ensemble.symbol_layer + 1 + _reach(ensemble)

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


def _reach(ensemble: Layered) -> int:
    """Layers before the last that the light cone needs to reach the symbol's qubit."""
    width, qubit = ensemble.width, ensemble.symbol_qubit
    last = [MeanString.of(of).before_ladder(width) for _, of in ensemble.terms]
    sites = [at for at in range(width) for _, x, z in last if (x | z) >> at & 1]
    return min(abs(site - qubit) for site in sites)


def _distance(ensemble: Layered) -> int:
    """Layers of CZs that take the observable to the symbol's qubit."""
    sites = [site for _, string in ensemble.terms for site, _ in string]
    return min(abs(site - ensemble.symbol_qubit) for site in sites)


# The means. A random rotation shrinks every Pauli of a string alike and the CZs permute
# strings, so a string stays one string on its way back from the observable.


def mean_shrink(sigma: float | None) -> float:
    """Factor of a rotation about a random axis on the mean of each Pauli."""
    return 1 / 3 + 2 / 3 * mean_cosine(sigma)


class MeanString(NamedTuple):
    """A factor times a Pauli string; x and z have a bit for each site, Y has both."""

    factor: float
    x: int
    z: int

    @classmethod
    def of(cls, string: String) -> "MeanString":
        x = sum(1 << site for site, letter in string if letter != "Z")
        return cls(1.0, x, sum(1 << site for site, letter in string if letter != "X"))

    @property
    def prepared(self) -> float:
        """Expectation in R_Y(pi/4)|0> on every qubit: <X> = <Z>, <Y> = 0."""
        if self.x & self.z:
            return 0.0
        return self.factor * math.sqrt(1 / 2) ** (self.x | self.z).bit_count()

    def before_ladder(self, width: int) -> "MeanString":
        """The string before the CZs: X and Y toggle a Z beside them, XY -> -YX."""
        z = (self.z ^ self.x << 1 ^ self.x >> 1) & ((1 << width) - 1)
        # With P = i^|x & z| X^x Z^z.
        power = (self.x & self.z).bit_count() - (self.x & z).bit_count()
        power += 2 * (self.x & self.x >> 1).bit_count()
        return MeanString(self.factor * (1 - power % 4), self.x, z)

    def before(self, ensemble: Layered) -> "MeanString":
        """The mean before a layer."""
        factor, x, z = self.before_ladder(ensemble.width)
        shrink = mean_shrink(ensemble.sigma) ** (x | z).bit_count()
        return MeanString(factor * shrink, x, z)

    def derived(self, ensemble: Layered) -> list["MeanString"]:
        """The mean before a layer with the symbol.

        The derivative of a rotation keeps E cos of iAP: Y - X of Z, Z - Y of X, X - Z
        of Y.
        """
        factor, x, z = self.before_ladder(ensemble.width)
        sigma, qubit = ensemble.sigma, ensemble.symbol_qubit
        here, rest = 1 << qubit, (x | z) & ~(1 << qubit)
        if not (x | z) & here:
            return []
        factor *= mean_shrink(sigma) ** rest.bit_count() * mean_cosine(sigma) / 3
        cycle = [(1, 0), (0, 1), (1, 1)]  # X, Z, Y
        at = cycle.index((x >> qubit & 1, z >> qubit & 1))
        return [
            MeanString(sign * factor, x & ~here | p << qubit, z & ~here | q << qubit)
            for sign, (p, q) in ((1, cycle[(at + 1) % 3]), (-1, cycle[(at + 2) % 3]))
        ]


def mean_gradient(ensemble: Layered, depth: Indices) -> Floats:
    """Mean gradient of the random family at each depth."""
    layer, found = ensemble.symbol_layer, np.zeros(len(depth))
    if ensemble.sigma is None:
        return found
    for weight, string in ensemble.terms:
        mean, values = MeanString.of(string), []
        for _ in range(layer, max(depth, default=layer)):
            branches = mean.derived(ensemble)
            for _ in range(layer):
                branches = [branch.before(ensemble) for branch in branches]
            values.append(sum(branch.prepared for branch in branches))
            mean = mean.before(ensemble)
        found += weight * np.array(values)[depth - layer - 1]
    return found


def mean_identity(ensemble: Layered, layers: Sequence[int]) -> Floats:
    """Mean gradient of Grant's blocks, the symbol on each of `layers`, for sums of Zs.

    Of the symbol's axes only Y counts: i Y Z = -X.
    """
    here, found = 1 << ensemble.symbol_qubit, np.zeros(len(layers))
    means = [MeanString(1.0, here, here)]
    for _ in range(max(layers, default=0)):
        means.append(means[-1].before(ensemble))
    for weight, string in ensemble.terms:
        if (zs := MeanString.of(string).z) & here:
            parts = (means[layer] for layer in layers)
            ends = [MeanString(-factor / 3, x, z ^ zs) for factor, x, z in parts]
            found += [weight * end.prepared for end in ends]
    return found
