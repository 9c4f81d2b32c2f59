"""Exact ensemble moments of the gradient g = d<Z_a Z_b>/d theta.

Uniform axes and independent, symmetric angles turn the mean square expectation of the
Pauli strings into a Markov chain. It is symmetric under X <-> Y, so a site has three
classes: I, Z and V = {X, Y}. The chain runs from the state towards the observable: it
evolves f[s], the mean square expectation of a string of class s. One sweep yields every
depth. The derivations are in workflow/docs/theory.md.

Arrays: `start` (terms, width, 3) is a sum of product vectors f over the classes;
`maps` (layers, width, 3, 3) holds the rotations' map on f at each site of each layer;
`probes` (probes, width) lists the classes of the strings to read off. Angles and sigma
are in radians; sigma None stands for uniform angles.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from barren.ensembles import IDENTITY, RANDOM, BadInput, Ensemble

Floats = NDArray[np.float64]
Classes = NDArray[np.intp]

I, Z, V = range(3)  # noqa: E741
#: f of the preparation R_Y(pi/4)|0>: <X>^2 = <Z>^2 = 1/2, <Y> = 0.
PREPARED = np.array([1.0, 1 / 2, 1 / 4])


#: Relative error up to which a variance is vouched for.
TOLERANCE = 1e-4
#: Widths up to which the dense chain is the faster one.
DENSE_WIDTH = 12
#: Of the matrix product state, taken in turn until two agree to `TOLERANCE`.
TRUNCATIONS = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)
#: Layers on either side over which its error is taken at the worst.
NEARBY = 4


class Moments(NamedTuple):
    """Moments of the gradient and the relative error of the variance, arrays."""

    mean: Floats
    second_moment: Floats
    relative_error: Floats

    @property
    def variance(self) -> Floats:
        """Second moment less the squared mean."""
        return self.second_moment - self.mean**2


class Prediction(NamedTuple):
    """Moments of one ensemble; None where no exact form is known."""

    mean: float | None
    second_moment: float | None
    variance: float | None
    asymptotic_variance: float | None
    relative_error: float | None


# The maps of one rotation.


def mean_squares(sigma: float | None) -> tuple[float, float]:
    """E cos^2 and E sin^2 of an angle."""
    wave = 0.0 if sigma is None else math.exp(-2 * sigma**2)
    return (1 + wave) / 2, (1 - wave) / 2


def rotation_map(sigma: float | None = None) -> Floats:
    """Map of a rotation about a random axis on f at its site, (3, 3).

    A Pauli stays for its own axis and goes to itself with cos, to another with sin for
    the other two.
    """
    cos2, sin2 = mean_squares(sigma)
    return _class_map(1.0, 1 / 3 + 2 / 3 * cos2, sin2 / 3)


def symbol_map(sigma: float | None = None) -> Floats:
    """Map of d/d theta of the rotation that carries the symbol, (3, 3).

    Only an axis that anticommutes contributes; cos and sin change places.
    """
    cos2, sin2 = mean_squares(sigma)
    return _class_map(0.0, 2 / 3 * sin2, cos2 / 3)


def _class_map(identity: float, keep: float, move: float) -> Floats:
    """`keep`: weight from a Pauli to itself, `move`: to each other one."""
    return np.array(
        [[identity, 0, 0], [0, keep, 2 * move], [0, move, keep + move]], dtype=float
    )


# The chain as a dense vector.


def dense_chain(start: Floats, maps: Floats, probes: Classes) -> tuple[Floats, Floats]:
    """Evolve f as a vector of 3^width numbers.

    Returns the values (layers + 1, probes) after 0, 1, ... layers and their errors. All
    numbers are non-negative, so rounding is bounded relative to each: the error is that
    bound.
    """
    width = start.shape[1]
    f = np.zeros(3**width)
    for term in start:
        f += _kron(term).reshape(-1)
    ladder = _ladder_permutation(width)
    indices = probes @ 3 ** np.arange(width)[::-1]
    values = [f[indices]]
    operations = len(start) * width
    bounds = [operations]
    groups = [slice(first, first + 4) for first in range(0, width, 4)]
    kernels: dict[bytes, list[Floats]] = {}
    for layer in maps:
        key = layer.tobytes()
        if key not in kernels:
            kernels[key] = [_kron(layer[group]) for group in groups]
        for kernel in kernels[key]:
            # Takes the leading sites and puts them last: a cycle over all groups.
            f = (kernel @ f.reshape(len(kernel), -1)).T.reshape(-1)
            operations += len(kernel) + 4
        f = f[ladder]
        values.append(f[indices])
        bounds.append(operations)
    result = np.array(values)
    return result, result * (np.array(bounds) * np.finfo(float).eps)[:, np.newaxis]


def _kron(factors: Floats) -> Floats:
    product = np.ones((1,) * (factors.ndim - 1))
    for factor in factors:
        product = np.kron(product, factor)
    return product


def _ladder_permutation(width: int) -> Classes:
    """Where the CZs send each string: I <-> Z for each neighbour in V."""
    classes = np.indices((3,) * width, dtype=np.int8).reshape(width, -1)
    hits = np.zeros_like(classes)
    hits[1:] += classes[:-1] == V
    hits[:-1] += classes[1:] == V
    classes = np.where(classes == V, V, classes ^ (hits & 1))
    index = np.zeros(3**width, dtype=np.intp)
    for site in classes:
        index = 3 * index + site
    return index


# The chain as a matrix product state. By hand: quimb 1.15 gives the same to 1e-13, but
# takes 1.3 to 3.5 times the CPU, 4 s to import and a dozen packages more.

#: Square roots of the norm's weights. V holds two Paulis. The factor 1/3 lets the short
#: strings near the observable count against the many long ones: at width 24 it makes
#: the result up to 1000 times more accurate at half the bond dimension.
SCALE = np.sqrt([1, 1 / 3, 2 / 3])


def mps_chain(
    start: Floats, maps: Floats, probes: Classes, truncation: float
) -> tuple[Floats, NDArray[np.intp]]:
    """Evolve f as a matrix product state.

    Each CZ is followed by a truncation of its bond: the norm of what is dropped is at
    most `truncation` times the norm of the state. Returns the values
    (layers + 1, probes) and the largest bond dimensions (layers + 1,).
    """
    terms, width, _ = start.shape
    sites = [np.zeros((terms, 3, terms)) for _ in range(width)]
    for site, vectors in zip(sites, start.swapaxes(0, 1), strict=True):
        site[range(terms), :, range(terms)] = vectors * SCALE
    sites[0] = sites[0].sum(axis=0, keepdims=True)
    sites[-1] = sites[-1].sum(axis=2, keepdims=True)
    maps = maps * np.divide.outer(SCALE, SCALE)
    pair = np.kron(SCALE, SCALE)
    cz = np.eye(9)[_ladder_permutation(2)] * np.divide.outer(pair, pair)
    values, bonds = [_read(sites, probes)], [terms]
    for layer in maps:
        # From right to left the rotations, with what keeps the rest orthonormal.
        carry = np.eye(1)
        for at in reversed(range(width)):
            site = layer[at] @ (sites[at] @ carry)
            left, _, right = site.shape
            if at > 0:
                q, r = np.linalg.qr(site.reshape(left, 3 * right).T)
                site, carry = q.T.reshape(-1, 3, right), r.T
            sites[at] = site
        # From left to right the CZs.
        for at in range(width - 1):
            left, right = len(sites[at]), sites[at + 1].shape[2]
            both = np.tensordot(sites[at], sites[at + 1], 1).reshape(left, 9, right)
            u, s, v = np.linalg.svd(
                (cz @ both).reshape(3 * left, 3 * right), full_matrices=False
            )
            dropped = np.sqrt(np.cumsum(s[::-1] ** 2))[::-1]
            bond = np.count_nonzero(dropped > truncation * dropped[0])
            sites[at] = u[:, :bond].reshape(left, 3, bond)
            sites[at + 1] = (s[:bond, np.newaxis] * v[:bond]).reshape(bond, 3, right)
        values.append(_read(sites, probes))
        bonds.append(max(len(site) for site in sites))
    return np.array(values), np.array(bonds)


def _read(sites: Sequence[Floats], probes: Classes) -> Floats:
    """The components (probes,) of a matrix product state."""
    product = np.ones((len(probes), 1, 1))
    for site, classes in zip(sites, probes.T, strict=True):
        factors = site[:, classes] / SCALE[classes, np.newaxis]
        product = product @ factors.swapaxes(0, 1)
    return product[:, 0, 0]


def sweeps(
    start: Floats, maps: Floats, probes: Classes
) -> Iterator[tuple[Floats, Floats]]:
    """Values and errors (layers + 1, probes), each time more accurate.

    The error of a matrix product state is estimated by its difference from the one
    before, whose truncation, and so its own error, is ten times coarser.
    """
    if start.shape[1] <= DENSE_WIDTH:
        yield dense_chain(start, maps, probes)
        return
    loose, _ = mps_chain(start, maps, probes, TRUNCATIONS[0])
    for truncation in TRUNCATIONS[1:]:
        tight, _ = mps_chain(start, maps, probes, truncation)
        yield tight, np.abs(tight - loose)
        loose = tight


# The families.


def random_moments(
    width: int,
    depths: Sequence[int],
    observable: tuple[int, int] = (0, 1),
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> Moments:
    """Moments of the random family at each of `depths`, in one sweep.

    The second moment is nan where the variance is not known to `TOLERANCE`.
    """
    layer, qubit = symbol
    depth = np.asarray(depths, dtype=np.intp)
    if np.any(depth <= layer):
        raise BadInput(f"the symbol's layer {layer} needs a depth above {layer}")
    maps = np.broadcast_to(rotation_map(sigma), (depth.max(), width, 3, 3)).copy()
    maps[layer, qubit] = symbol_map(sigma)
    probes = np.full((1, width), I, dtype=np.intp)
    probes[0, list(observable)] = Z
    first = layer + 1 + _distance(qubit, observable)
    mean = _random_mean(width, depth, observable, symbol, sigma)
    return _moments(mean, _prepared(width), maps, probes, np.ones(1), depth, first)


def identity_moments(
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> Moments:
    """Moments of Grant's identity blocks, symbol on each of `layers` of U.

    g = (i/2) <[W^dagger P W, Z_a Z_b]> in the prepared state, W the layers before the
    symbol and P its axis; the block depth does not matter.
    The second moment is nan where it is not known to `TOLERANCE`.
    """
    layer = np.asarray(layers, dtype=np.intp)
    start = np.repeat(_prepared(width), 2, axis=0)
    for term, (site, rest) in zip(start, (observable, observable[::-1]), strict=True):
        # Just one of a, b anticommutes: i X Z = Y, i Y Z = -X. The other gains a Z.
        term[site] = 0, 0, PREPARED[V]
        term[rest] = PREPARED[Z], PREPARED[I], 0
    maps = np.broadcast_to(rotation_map(sigma), (layer.max(), width, 3, 3))
    probes = np.full((2, width), I, dtype=np.intp)
    probes[:, qubit] = Z, V
    axes = np.array([1 / 3, 2 / 3])
    first = _distance(qubit, observable)
    mean = _identity_mean(width, layer, qubit, observable, sigma)
    return _moments(mean, start, maps, probes, axes, layer, first)


def tutorial_moments(
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> Moments:
    """Moments of the tutorial's identity blocks, NaN where no exact form is known.

    All cancels to W^dagger R_P(theta - phi) W. Without W this is one rotation of the
    prepared qubit; where its light cone misses the observable the gradient is zero.
    """
    # d/d theta is -sin <Z> about X and -sin <Z> - cos <X> about Y, each times <Z_b>.
    sin2 = mean_squares(None if sigma is None else math.sqrt(2) * sigma)[1]
    mean = 0.0 if sigma is None else -math.exp(-(sigma**2)) / 6
    layer = np.asarray(layers, dtype=np.intp)
    missed = layer < _distance(qubit, observable)
    one_rotation = (layer == 0) & ~missed
    known = [np.where(one_rotation, x, 0.0) for x in (mean, (sin2 + 1) / 12, 0.0)]
    return Moments(*np.where(missed | one_rotation, known, np.nan))


def asymptotic_variance(
    width: int,
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> float:
    """Variance of the random family for depth to infinity.

    The chain spreads N (3 - r2) / 6 evenly over the N^2 - 1 strings other than I. Here
    N = 2^width and r2 is the mean squared Bloch vector of the symbol's qubit before it:
    1 on layer 0. The observable does not matter.
    """
    layer, qubit = symbol
    bloch = 1.0
    if layer > 0:
        maps = np.broadcast_to(rotation_map(sigma), (layer, width, 3, 3))
        probes = np.full((2, width), I, dtype=np.intp)
        probes[:, qubit] = Z, V
        paulis = np.array([1.0, 2.0])
        at = np.array([layer])
        chain = _moments(
            np.zeros(1), _prepared(width), maps, probes, paulis, at, first=0
        )
        bloch = float(chain.second_moment[0])
    return 2.0**width * (3 - bloch) / (6 * (4.0**width - 1))


def identity_asymptote(width: int) -> float:
    """Variance of Grant's identity blocks for the symbol's layer to infinity."""
    return 3 * 2.0**width / (8 * (4.0**width - 1))


def predict(ensembles: Sequence[Ensemble]) -> list[Prediction]:
    """Predict each ensemble; those that differ in depth alone share a sweep.

    The asymptote is that of the depth for the random family, of the symbol's layer for
    Grant's identity blocks.
    What has no exact form is None, and so is what is not known to `TOLERANCE`; that has
    a relative error.
    """
    curves: dict[Ensemble, dict[int, Prediction]] = defaultdict(dict)
    places = []
    for ensemble in ensembles:
        random = ensemble.family == RANDOM
        point = ensemble.depth if random else ensemble.symbol_layer
        assert point is not None
        curves[ensemble.curve][point] = Prediction(*[None] * 5)
        places.append((ensemble.curve, point))
    for curve, points in curves.items():
        moments, asymptote = _curve(curve, list(points))
        rows = np.array(
            [
                moments.mean,
                moments.second_moment,
                moments.variance,
                np.full(len(points), asymptote),
                moments.relative_error,
            ]
        ).T
        for point, row in zip(points, rows.tolist(), strict=True):
            points[point] = Prediction(*(None if x != x else x for x in row))
    return [curves[curve][point] for curve, point in places]


def require_known(predicted: Iterable[tuple[Ensemble, Prediction]]) -> None:
    """Raise BadInput if the variance of an ensemble is not known to `TOLERANCE`."""
    for ensemble, found in predicted:
        if found.variance is None and found.relative_error is not None:
            raise BadInput(
                f"{ensemble.name}: the exact variance is known to "
                f"{found.relative_error:.1e} alone, {TOLERANCE:.0e} is asked"
            )


def _curve(curve: Ensemble, points: Sequence[int]) -> tuple[Moments, float]:
    """Moments over depths or layers, and their asymptote."""
    width, observable, sigma = curve.width, curve.observable, curve.sigma
    qubit = curve.symbol_qubit
    if curve.family == RANDOM:
        moments = random_moments(width, points, observable, curve.symbol, sigma)
        return moments, asymptotic_variance(width, curve.symbol, sigma)
    if curve.family == IDENTITY:
        moments = identity_moments(width, points, qubit, observable, sigma)
        return moments, identity_asymptote(width)
    return tutorial_moments(points, qubit, observable, sigma), math.nan


# Parts of the families.


def _prepared(width: int) -> Floats:
    return np.broadcast_to(PREPARED, (1, width, 3))


def _distance(qubit: int, observable: tuple[int, int]) -> int:
    """Layers that the light cone of a qubit needs to reach the observable."""
    return min(abs(qubit - site) for site in observable)


def _moments(
    mean: Floats,
    start: Floats,
    maps: Floats,
    probes: Classes,
    weights: Floats,
    at: Classes,
    first: int,
) -> Moments:
    """Moments whose second is the weighted sum of the probes after `at` layers.

    Before `first` layers the light cone has not arrived: exactly zero.
    """
    reached = np.arange(len(maps) + 1) >= first
    for values, errors in sweeps(start, maps, probes):
        second = np.where(reached, values @ weights, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(reached, errors @ weights / np.abs(second), 0.0)
        # An estimate has zeros where the error has none: take the worst nearby.
        padded = np.pad(relative, NEARBY)
        relative = sliding_window_view(padded, 2 * NEARBY + 1).max(axis=1)
        variance = second[at] - mean**2
        error = np.zeros(len(at))
        np.divide(relative[at] * second[at], variance, out=error, where=reached[at])
        known = np.abs(error) <= TOLERANCE
        if known.all():
            break
    return Moments(mean, np.where(known, second[at], np.nan), error)


def _random_mean(
    width: int,
    depth: Classes,
    observable: tuple[int, int],
    symbol: tuple[int, int],
    sigma: float | None,
) -> Floats:
    """Mean of the random family: -sin of R_Y(theta)'s Z_q, walked to the state.

    Behind the symbol Z_a Z_b commutes with every CZ and only shrinks.
    """
    layer, qubit = symbol
    if sigma is None or qubit not in observable:
        return np.zeros(len(depth))
    shrink = mean_shrink(sigma)
    factor, zs = _walk(width, qubit, {sum(observable) - qubit}, layer, shrink)
    factor *= -math.exp(-(sigma**2) / 2) / 3 * shrink * _expectation(zs)
    return factor * shrink ** (2.0 * (depth - 1 - layer))


def _identity_mean(
    width: int,
    layer: Classes,
    qubit: int,
    observable: tuple[int, int],
    sigma: float | None,
) -> Floats:
    """Mean of Grant's identity blocks: only P = Y contributes, i Y Z = -X."""
    mean = np.zeros(len(layer))
    if qubit in observable:
        for point, layers in enumerate(layer):
            factor, zs = _walk(width, qubit, set(), layers, mean_shrink(sigma))
            zs ^= {sum(observable) - qubit}
            mean[point] = 0.0 - factor / 3 * _expectation(zs)
    return mean


def mean_shrink(sigma: float | None) -> float:
    """Factor of a rotation about a random axis on the mean of each Pauli."""
    return 1 / 3 if sigma is None else 1 / 3 + 2 / 3 * math.exp(-(sigma**2) / 2)


def _walk(
    width: int, qubit: int, zs: set[int], layers: int, shrink: float
) -> tuple[float, set[int]]:
    """Mean of X (or Y) on `qubit` with Z on `zs` before `layers` random layers.

    Each CZ ladder toggles the Zs beside X; the mean rotations shrink every Pauli.
    """
    neighbours = {site for site in (qubit - 1, qubit + 1) if 0 <= site < width}
    factor = 1.0
    for _ in range(layers):
        zs = zs ^ neighbours
        factor *= shrink ** (1 + len(zs))
    return factor, zs


def _expectation(zs: set[int]) -> float:
    """<X Z...Z> in the prepared state."""
    return math.sqrt(1 / 2) ** (1 + len(zs))
