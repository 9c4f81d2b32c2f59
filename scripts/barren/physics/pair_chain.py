"""Exact moments of the random circuits for sums of Pauli strings.

Gradient g = d<O>/d theta and loss <O>, O = sum_s o_s P_s. E g^2 is the sum over s, t of
o_s o_t F[s, t], F the mean of the product of both strings' derivatives. Uniform axes
and symmetric angles make F a chain over classes of each site (see `sweep`):

- strings of I and Z: I, Z and V = {X, Y}, as in `barren.theory`;
- strings with X or Y: I, X, Y, Z. The preparation has X but no Y, and a rotation of
  uniform angle halves the difference only, so X and Y must be told apart;
- pairs of strings of I and Z: II, IZ, ZI, ZZ and V = XX or YY. A random rotation keeps
  II, sends (Z, Z) to ZZ, XX and YY, for E sin cos = 0, and of (I, Z) keeps the mean of
  Z. A CZ beside V gives a Z to both: II <-> ZZ, IZ <-> ZI.

The sites of IZ and ZI stay where they are, so F[s, t] has one factor `mean_shrink` for
each of them and each layer: with s and t different it soon no longer counts. Without a
ZZ to begin with no V arises and a derivative is zero: the terms of the local cost have
no products but their squares.

Angles and sigma are in radians; sigma None stands for uniform angles.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from barren.physics import sweep
from barren.physics.observables import NoExactForm, String, Term
from barren.physics.sweep import TOLERANCE, Algebra, Automaton, Floats, Indices
from barren.physics.chain import PREPARED, rotation_map, symbol_map
from barren.physics.moments import Moments, mean_shrink

#: Share of the sum over s = t below which that over s != t is left out.
NEGLIGIBLE = 1e-8

# The norms' weights: how many strings or pairs a class holds, times 1/3 unless it is
# that of the identity. It lets the short strings near the observable count against the
# many long ones.
SINGLE = sweep.algebra([1, 0, 2], [2], np.array([3, 1, 2]) / 3)
PAULI = sweep.algebra([3, 2, 1, 0], [1, 2], np.array([3, 1, 1, 1]) / 3)
PAIR = sweep.algebra([3, 2, 1, 0, 4], [4], np.array([3, 1, 1, 1, 2]) / 3)


# The random family.


def random_moments(
    terms: Sequence[Term],
    width: int,
    depths: Sequence[int],
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> Moments:
    """Moments of the gradient at each of `depths`, for the symbol (layer, qubit).

    The second moment is nan where the variance is not known to `TOLERANCE`. Raises
    NoExactForm for a sum of strings with an X or Y among them.
    """
    layer, qubit = symbol
    depth = np.asarray(depths, dtype=np.intp)
    if np.any(depth <= layer):
        raise ValueError(f"the symbol's layer {layer} needs a depth above {layer}")
    mean = np.zeros(len(depth))
    for weight, string in terms:
        mean += weight * _mean_gradient(string, width, depth, symbol, sigma)
    first = layer + 1 + min(_distance(string, width, qubit) for _, string in terms)
    return _random(terms, width, depth, symbol, sigma, mean, first)


def loss_moments(
    terms: Sequence[Term],
    width: int,
    depths: Sequence[int],
    sigma: float | None = None,
) -> Moments:
    """Moments of the loss <O> at each of `depths`, from 1; else as `random_moments`."""
    depth = np.asarray(depths, dtype=np.intp)
    mean = np.zeros(len(depth))
    for weight, string in terms:
        mean += weight * _mean_loss(string, width, depth, sigma)
    return _random(terms, width, depth, None, sigma, mean, 0)


def _random(
    terms: Sequence[Term],
    width: int,
    depth: Indices,
    symbol: tuple[int, int] | None,
    sigma: float | None,
    mean: Floats,
    first: int,
) -> Moments:
    def chain(kind: Algebra, read: Automaton, at: Indices) -> tuple[Floats, Floats]:
        maps, start = _random_chain(kind, width, at, symbol, sigma)
        squared = mean[np.isin(depth, at)] ** 2
        return sweep.second_moments(kind, start, maps, read, at, squared, first)

    of_z = all(letter == "Z" for _, string in terms for _, letter in string)
    if not of_z and len(terms) > 1:
        raise NoExactForm("a sum of strings with X or Y")
    kind, letters = (SINGLE, "IZ") if of_z else (PAULI, "IXYZ")
    squares = {_classes(s, width, letters): weight**2 for weight, s in terms}
    read = sweep.automaton(squares, len(kind.norm))
    second, error = chain(kind, read, depth)
    # The product of different strings.
    bound = _cross_bound(terms, depth, sigma, overlapping=symbol is not None)
    counts = bound > NEGLIGIBLE * second
    error = error + np.where(second > 0, bound, 0.0)
    counts &= second > 0
    if np.any(counts):
        sums = {_classes(s, width, letters): weight for weight, s in terms}
        pairs = [_paired(tensor) for tensor in sweep.automaton(sums, 2)]
        second[counts], error[counts] = chain(PAIR, pairs, depth[counts])
    return _moments(mean, second, error)


def _random_chain(
    kind: Algebra,
    width: int,
    depth: Indices,
    symbol: tuple[int, int] | None,
    sigma: float | None,
) -> tuple[Floats, Floats]:
    """The maps of all layers and the preparation R_Y(pi/4)|0> on every qubit."""
    site = {
        len(SINGLE.norm): PREPARED,
        len(PAULI.norm): np.array([1, 1 / 2, 0, 1 / 2]),
        len(PAIR.norm): np.array([1, 0.5**0.5, 0.5**0.5, 1 / 2, 1 / 4]),
    }[len(kind.norm)]
    rotation = _site_map(kind, rotation_map(sigma), mean_shrink(sigma))
    classes = len(site)
    shape = (max(depth, default=0), width, classes, classes)
    maps = np.broadcast_to(rotation, shape).copy()
    if symbol is not None:
        maps[symbol] = _site_map(kind, symbol_map(sigma), 0.0)
    return maps, np.broadcast_to(site, (1, width, classes))


def _site_map(kind: Algebra, single: Floats, shrink: float) -> Floats:
    """A map on I, Z, V as one on the classes of `kind`; `shrink` of IZ and ZI."""
    if kind is SINGLE:
        return single
    if kind is PAULI:
        keep, move = single[1, 1], single[2, 1]
        full: Floats = np.full((4, 4), move) + (keep - move) * np.eye(4)
        full[0] = full[:, 0] = 0
        full[0, 0] = single[0, 0]
        return full
    full = np.diag([single[0, 0], shrink, shrink, 0.0, 0.0])
    full[3:, 3:] = single[1:, 1:]
    return full


def _paired(tensor: Floats) -> Floats:
    """Tensor of a sum over I, Z as that of its products over II, IZ, ZI, ZZ, V."""
    left, _, right = tensor.shape
    pairs = np.zeros((left**2, len(PAIR.norm), right**2))
    products = np.einsum("aib,cjd->acijbd", tensor, tensor)
    pairs[:, :4] = products.reshape(left**2, 4, right**2)
    return pairs


def _cross_bound(
    terms: Sequence[Term], depth: Indices, sigma: float | None, overlapping: bool
) -> Floats:
    """Bound on the sum over s != t of |o_s o_t F[s, t]|, at each depth.

    Every other number of the chain is at most 1, so F is at most (shrink^depth /
    sqrt 2)^k, k the sites where s and t differ: 1 / sqrt 2 is <Z> of the preparation.
    `overlapping`: for gradients, F is 0 unless s and t share a site.
    """
    zs = [sum(1 << site for site, _ in string) for _, string in terms]
    weights = np.abs([weight for weight, _ in terms])
    factor = np.float_power(mean_shrink(sigma), depth) / math.sqrt(2)
    bound = np.zeros(len(depth))
    for z, weight in zip(zs, weights, strict=True):
        counted = [z != other and (not overlapping or z & other > 0) for other in zs]
        differing = np.array([(z ^ other).bit_count() for other in zs])
        for sites in np.unique(differing[counted]):
            share = weights[counted & (differing == sites)].sum()
            bound += weight * share * factor**sites
    return bound


def _moments(mean: Floats, second: Floats, error: Floats) -> Moments:
    """With the relative error of the variance; nan where that is above `TOLERANCE`."""
    variance = second - mean**2
    relative = np.zeros(len(mean))
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(error, variance, out=relative, where=error != 0)
    known = np.abs(relative) <= TOLERANCE
    return Moments(mean, np.where(known, second, np.nan), relative)


# Grant's blocks.


def identity_moments(
    zs: Sequence[int],
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    sigma: float | None = None,
) -> Moments:
    """Moments of Grant's identity blocks, symbol on each of `layers` of U.

    The observable is the product O of Z on the qubits `zs`. g = (i/2) <[W^dagger P W,
    O]> in the prepared state, W the layers before the symbol and P its axis: of P's
    strings those count that have X or Y on an odd number of `zs`. The block depth does
    not matter. The second moment is nan where it is not known to `TOLERANCE`.
    """
    layer = np.asarray(layers, dtype=np.intp)
    # The odd part: half the difference of two products, V counting with both signs. On
    # `zs` a string gains a Z; i X Z = Y and i Y Z = -X.
    start = np.tile(PREPARED, (2, width, 1))
    for term, sign in zip(start, (1, -1), strict=True):
        term[list(zs)] = PREPARED[1], PREPARED[0], sign * PREPARED[2]
        term[0] *= sign / 2
    axes = {
        _classes(((qubit, letter),), width, "IZV"): share
        for letter, share in (("Z", 1 / 3), ("V", 2 / 3))
    }
    maps = np.broadcast_to(rotation_map(sigma), (max(layer, default=0), width, 3, 3))
    means = [_identity_mean(zs, width, at, qubit, sigma) for at in layer]
    mean: Floats = np.array(means, dtype=np.float64)
    first = min(abs(site - qubit) for site in zs)
    read = sweep.automaton(axes, 3)
    found = sweep.second_moments(SINGLE, start, maps, read, layer, mean**2, first)
    return _moments(mean, *found)


def _identity_mean(
    zs: Sequence[int], width: int, layers: int, qubit: int, sigma: float | None
) -> float:
    """Of the axes only Y counts: i Y Z = -X."""
    if qubit not in zs:
        return 0.0
    mean = _Mean(1.0, 1 << qubit, 1 << qubit)
    for _ in range(layers):
        mean = mean.before_layer(width, mean_shrink(sigma))
    z = mean.z ^ sum(1 << site for site in zs)
    return _Mean(-mean.factor / 3, mean.x, z).prepared


# Single strings: their means, and how far they are from a qubit.


class _Mean(NamedTuple):
    """A factor times a Pauli string; x and z have a bit for each site, Y has both."""

    factor: float
    x: int
    z: int

    @classmethod
    def of(cls, string: String) -> "_Mean":
        x = sum(1 << site for site, letter in string if letter != "Z")
        return cls(1.0, x, sum(1 << site for site, letter in string if letter != "X"))

    @property
    def support(self) -> int:
        return self.x | self.z

    @property
    def prepared(self) -> float:
        """Expectation in R_Y(pi/4)|0> on every qubit: <X> = <Z>, <Y> = 0."""
        if self.x & self.z:
            return 0.0
        return self.factor * math.sqrt(1 / 2) ** self.support.bit_count()

    def before_ladder(self, width: int) -> "_Mean":
        """The string before the CZs: X and Y toggle a Z beside them, XY -> -YX."""
        z = (self.z ^ self.x << 1 ^ self.x >> 1) & ((1 << width) - 1)
        # With P = i^|x & z| X^x Z^z.
        power = (self.x & self.z).bit_count() - (self.x & z).bit_count()
        power += 2 * (self.x & self.x >> 1).bit_count()
        return _Mean(self.factor * (1 - power % 4), self.x, z)

    def before_layer(self, width: int, shrink: float) -> "_Mean":
        """The mean before a layer; `shrink` of each Pauli (see `mean_shrink`)."""
        factor, x, z = self.before_ladder(width)
        return _Mean(factor * shrink ** (x | z).bit_count(), x, z)

    def derived(self, width: int, qubit: int, sigma: float) -> list["_Mean"]:
        """As `before_layer` with the symbol on `qubit`.

        The derivative of a rotation keeps E cos of iAP: Y - X of Z, Z - Y of X, X - Z
        of Y.
        """
        factor, x, z = self.before_ladder(width)
        here, rest = 1 << qubit, (x | z) & ~(1 << qubit)
        if not (x | z) & here:
            return []
        factor *= mean_shrink(sigma) ** rest.bit_count() * math.exp(-(sigma**2) / 2) / 3
        cycle = [(1, 0), (0, 1), (1, 1)]  # X, Z, Y
        at = cycle.index((x >> qubit & 1, z >> qubit & 1))
        return [
            _Mean(sign * factor, x & ~here | p << qubit, z & ~here | q << qubit)
            for sign, (p, q) in ((1, cycle[(at + 1) % 3]), (-1, cycle[(at + 2) % 3]))
        ]


def _mean_gradient(
    string: String,
    width: int,
    depth: Indices,
    symbol: tuple[int, int],
    sigma: float | None,
) -> Floats:
    layer, qubit = symbol
    if sigma is None:
        return np.zeros(len(depth))
    mean, shrink = _Mean.of(string), mean_shrink(sigma)
    values: list[float] = []
    for _ in range(layer, max(depth, default=layer)):
        branches = mean.derived(width, qubit, sigma)
        for _ in range(layer):
            branches = [branch.before_layer(width, shrink) for branch in branches]
        values.append(sum(branch.prepared for branch in branches))
        mean = mean.before_layer(width, shrink)
    found: Floats = np.array(values)[depth - layer - 1]
    return found


def _mean_loss(
    string: String, width: int, depth: Indices, sigma: float | None
) -> Floats:
    mean, shrink = _Mean.of(string), mean_shrink(sigma)
    values = [mean.prepared]
    for _ in range(max(depth, default=0)):
        mean = mean.before_layer(width, shrink)
        values.append(mean.prepared)
    found: Floats = np.array(values)[depth]
    return found


def _distance(string: String, width: int, qubit: int) -> int:
    """Layers before the last that the light cone needs to reach a qubit."""
    support = _Mean.of(string).before_ladder(width).support
    return min(abs(site - qubit) for site in range(width) if support >> site & 1)


def _classes(string: String, width: int, letters: str) -> tuple[int, ...]:
    """The class of each site, its letter's place in `letters`."""
    at = dict(string)
    return tuple(letters.index(at.get(site, "I")) for site in range(width))
