"""Sweeps of a second-moment chain from the state to the observable.

Each site of a line of qubits is in one of a few *classes*: of Pauli strings, or of
pairs of Pauli strings. The chain evolves f[s], the mean over circuits of the squared
expectation (or of the product of both expectations) of a string (pair) of classes s.
One layer is a map at each site, then the CZs between neighbours, which permute. One
sweep yields every depth, as a dense vector or as a matrix product state.

Arrays: `start` (terms, width, classes) is a sum of product vectors f; `maps` (layers,
width, classes, classes) holds the map on f at each site of each layer. What is read off
is a weighted sum of components, as an automaton along the line (see `automaton`).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from barren.physics.moments import TOLERANCE, Floats
from barren.physics.pauli_actions import LETTERS

Indices = NDArray[np.intp]
#: One tensor (states, classes, states) for each site.
Automaton = Sequence[Floats]

#: Numbers up to which the dense chain is the faster one, and up to which it is tried
#: where the other one fails.
DENSE_SIZE, LARGEST_SIZE = 3**13, 3**14
#: Of the matrix product state, taken in turn until two agree to `TOLERANCE`.
TRUNCATIONS = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)
#: Layers on either side over which its error is taken at the worst.
NEARBY = 4


class Algebra(NamedTuple):
    """The classes of a site.

    pairs: of each class the pairs of Paulis, by their digits (see `pauli_actions`).
    swap: (classes^2,), where a CZ sends the classes of two neighbours.
    norm: (classes,), what a component's square weighs in the norm in which a matrix
        product state is truncated: how many pairs a class holds, times 1/3 unless it
        is that of the identity. It lets the short strings near the observable count
        against the many long ones.
    """

    pairs: list[list[tuple[int, int]]]
    swap: Indices
    norm: Floats


def algebra(*classes: Sequence[str]) -> Algebra:
    """Make one from the letters of each class's pairs, the identity's first."""
    digit = LETTERS.index
    pairs = [[(digit(of[0]), digit(of[1])) for of in some] for some in classes]
    place = {pair: at for at, of in enumerate(pairs) for pair in of}
    swap = []
    for (a, b), (c, d) in product([of[0] for of in pairs], repeat=2):
        # X and Y, digits 2 and 3, toggle a Z, 1, beside them.
        one, other = (a ^ c >> 1, b ^ d >> 1), (c ^ a >> 1, d ^ b >> 1)
        swap.append(place[one] * len(pairs) + place[other])
    norm = np.array([3, *map(len, classes[1:])]) / 3
    return Algebra(pairs, np.array(swap), norm)


def automaton(strings: Mapping[tuple[int, ...], float], classes: int) -> Automaton:
    """The weighted sum of the given strings of classes, each of the line's width.

    Reads a string from left to right; a state is what may still follow and with which
    weights, so that one state serves every beginning with the same ends. The sum over
    all Z_i has two: no Z seen, a Z seen. One path for each string, so the tensors'
    absolute values are the automaton of the absolute weights.
    """
    width = len(next(iter(strings)))
    states = [dict(strings)]
    tensors = []
    for _ in range(width):
        following: dict[tuple[tuple[tuple[int, ...], float], ...], int] = {}
        steps = []
        for state, ends in enumerate(states):
            for first in sorted({string[0] for string in ends}):
                rest = {s[1:]: w for s, w in sorted(ends.items()) if s[0] == first}
                scale = next(iter(rest.values()))
                key = tuple((s, w / scale) for s, w in rest.items())
                to = following.setdefault(key, len(following))
                steps.append((state, first, to, scale))
        tensor = np.zeros((len(states), classes, len(following)))
        for state, first, to, scale in steps:
            tensor[state, first, to] = scale
        tensors.append(tensor)
        states = [dict(key) for key in following]
    return tensors


def dense_chain(
    kind: Algebra, start: Floats, maps: Floats, read: Automaton
) -> tuple[Floats, Floats]:
    """Evolve f as a vector of classes^width numbers.

    Returns the values (layers + 1,) after 0, 1, ... layers and their errors. Rounding
    is bounded relative to each number where none is negative; else to what the absolute
    values come to, which are carried along.
    """
    _, width, classes = start.shape
    starts = [start, np.abs(start)] if np.any(start < 0) else [start]
    absolute = [np.abs(tensor) for tensor in read]
    signed = len(starts) > 1 or any(np.any(tensor < 0) for tensor in read)
    groups = [slice(first, first + 2) for first in range(0, width, 2)]
    kernels: dict[bytes, list[Floats]] = {}
    ladder = _ladder(kind, width)

    def evolved(terms: Floats) -> Iterator[Floats]:
        f: Floats = sum(reduce(np.kron, term) for term in terms)
        yield f
        for layer in maps:
            key = layer.tobytes()
            if key not in kernels:
                kernels[key] = [reduce(np.kron, layer[of]) for of in reversed(groups)]
            for kernel in kernels[key]:  # whose group, the last one, comes first
                f = kernel @ f.reshape(-1, len(kernel)).T
            f = f.reshape(-1)[ladder]
            yield f

    values, sizes = [], []
    for f, *more in zip(*map(evolved, starts), strict=True):
        values.append(_read_dense(f, read))
        sizes.append(_read_dense([f, *more][-1], absolute) if signed else values[-1])
    reading = width * max(tensor.shape[0] * classes for tensor in read)
    layer_steps = sum(classes ** len(start[0, group]) + 2 for group in groups)
    steps = len(start) * width + layer_steps * np.arange(len(values)) + reading
    return np.array(values), np.array(sizes) * (steps * np.finfo(float).eps)


def mps_chain(
    kind: Algebra, start: Floats, maps: Floats, read: Automaton, truncation: float
) -> tuple[Floats, Floats, Indices]:
    """Evolve f as a matrix product state.

    Each CZ is followed by a truncation of its bond: the norm of what is dropped is at
    most `truncation` times the norm of the state. Returns the values (layers + 1,),
    what so many truncations take of each at the worst if they are independent, and the
    largest bond dimensions.
    """
    terms, width, classes = start.shape
    scale = np.sqrt(kind.norm)
    sites = [*np.einsum("twc,ts->wtcs", start * scale, np.eye(terms))]
    sites[0] = sites[0].sum(axis=0, keepdims=True)
    sites[-1] = sites[-1].sum(axis=2, keepdims=True)
    maps = maps * np.divide.outer(scale, scale)
    pair = np.kron(scale, scale)
    cz = np.eye(classes**2)[kind.swap] * np.divide.outer(pair, pair)
    read = [tensor / scale[:, np.newaxis] for tensor in read]
    size = reduce(np.matmul, [np.abs(tensor).sum(axis=1) for tensor in read]).item()
    values, norms, bonds = [_read_mps(sites, read)], [0.0], [terms]
    for layer in maps:
        # From right to left the rotations, with what keeps the rest orthonormal.
        carry = np.eye(1)
        for at in reversed(range(width)):
            site = layer[at] @ (sites[at] @ carry)
            left, _, right = site.shape
            if at > 0:
                q, r = np.linalg.qr(site.reshape(left, classes * right).T)
                site, carry = q.T.reshape(-1, classes, right), r.T
            sites[at] = site
        # From left to right the CZs.
        for at in range(width - 1):
            left, right = len(sites[at]), sites[at + 1].shape[2]
            both = np.tensordot(sites[at], sites[at + 1], 1)
            both = cz @ both.reshape(left, classes**2, right)
            u, s, v = np.linalg.svd(
                both.reshape(classes * left, classes * right), full_matrices=False
            )
            dropped = np.sqrt(np.cumsum(s[::-1] ** 2))[::-1]
            bond = max(1, np.count_nonzero(dropped > truncation * dropped[0]))
            sites[at] = u[:, :bond].reshape(left, classes, bond)
            rest = s[:bond, np.newaxis] * v[:bond]
            sites[at + 1] = rest.reshape(bond, classes, right)
        values.append(_read_mps(sites, read))
        norms.append(float(np.linalg.norm(sites[-1])))  # the others are orthonormal
        bonds.append(max(len(site) for site in sites))
    cuts = np.arange(len(values)) * (width - 1)
    taken = truncation * np.sqrt(cuts) * size * np.array(norms)
    return np.array(values), taken, np.array(bonds)


def sweeps(
    kind: Algebra, start: Floats, maps: Floats, read: Automaton, normal: bool
) -> Iterator[tuple[Floats, Floats]]:
    """Values and errors (layers + 1,), each time more accurate.

    The error of a matrix product state is estimated by its difference from the one
    before, whose truncation, and so its own error, is ten times coarser. With normal
    angles it is no less than what truncations may take: singular values then lie
    powers of sigma^2 apart, and both may drop the same.
    """
    _, width, classes = start.shape
    if classes**width > DENSE_SIZE:
        loose, _, _ = mps_chain(kind, start, maps, read, TRUNCATIONS[0])
        for truncation in TRUNCATIONS[1:]:
            tight, taken, _ = mps_chain(kind, start, maps, read, truncation)
            least = taken * (tight != 0) if normal else 0.0
            yield tight, np.maximum(np.abs(tight - loose), least)
            loose = tight
    if classes**width <= LARGEST_SIZE:
        yield dense_chain(kind, start, maps, read)


def second_moments(
    kind: Algebra,
    start: Floats,
    maps: Floats,
    read: Automaton,
    at: Indices,
    squared_mean: Floats | float = 0.0,
    first: int = 0,
    normal: bool = False,
) -> tuple[Floats, Floats]:
    """Second moments after `at` layers and their absolute errors, both (at,).

    Swept until the variances, second moment less `squared_mean`, are known to
    `TOLERANCE`, or as well as can be. Before `first` layers the light cone has not
    arrived: exactly zero. normal: whether angles are normal, not uniform.
    """
    reached = np.arange(len(maps) + 1) >= first
    for values, estimates in sweeps(kind, start, maps, read, normal):
        second, errors = np.where(reached, [values, estimates], 0.0)
        relative = np.zeros(len(second))
        with np.errstate(divide="ignore"):
            np.divide(errors, np.abs(second), out=relative, where=errors > 0)
        # An estimate has zeros where the error has none: take the worst nearby.
        padded = np.pad(relative, NEARBY)
        relative = sliding_window_view(padded, 2 * NEARBY + 1).max(axis=1)
        np.multiply(relative, np.abs(second), out=errors, where=second != 0)
        found, errors = second[at], errors[at]
        if np.all(errors <= TOLERANCE * np.abs(found - squared_mean)):
            break
    return found, errors


def _ladder(kind: Algebra, width: int) -> Indices:
    """Where the CZs of a line send each string."""
    classes = len(kind.norm)
    index = np.arange(classes**width)
    for at in range(width - 1):
        shape = (classes**at, classes**2, -1)
        index = index.reshape(shape)[:, kind.swap].reshape(-1)
    return index


def _read_dense(f: Floats, read: Automaton) -> float:
    rest = f.reshape(1, -1)
    for tensor in read:
        matrix = tensor.reshape(-1, tensor.shape[2])
        used = np.flatnonzero(matrix.any(axis=1))  # one class of three, mostly
        rest = matrix[used].T @ rest.reshape(len(matrix), -1)[used]
    return float(rest[0, 0])


def _read_mps(sites: Sequence[Floats], read: Automaton) -> float:
    edge = np.ones((1, 1))
    for site, tensor in zip(sites, read, strict=True):
        edge = np.tensordot(tensor, np.tensordot(edge, site, 1), ([0, 1], [0, 1]))
    return float(edge[0, 0])
