"""The second-moment chain: exact mean squares of Pauli strings over random circuits.

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
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.intp]

I, Z, V = range(3)  # noqa: E741
#: f of the preparation R_Y(pi/4)|0>: <X>^2 = <Z>^2 = 1/2, <Y> = 0.
PREPARED = np.array([1.0, 1 / 2, 1 / 4])
#: Widths up to which the dense chain is the faster one.
DENSE_WIDTH = 12
#: Of the matrix product state, taken in turn until two agree.
TRUNCATIONS = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)


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
