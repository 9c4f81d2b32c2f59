"""Exact moments of circuits of Pauli rotations and Clifford gates.

E (d<O>/d theta)^2 follows from pairs (P, Q) of strings, carried back from the
observable: "Circuits of your own" in workflow/docs/theory.md. PQ changes by Clifford
gates alone. So each value R of it is a chain of its own over the strings P, a *sector*:
the identity's has all P = Q, and of the others few survive. Two sweeps of it, f from
the state and b from the observable, give all parameters.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial, reduce
from itertools import accumulate, islice, permutations
from typing import Any, NamedTuple

import numpy as np

from barren.physics.blocks import MOST, Block, merged
from barren.physics.moments import Floats, Moments, as_known, rounding
from barren.physics.observables import LIMIT, NoExactForm, Term
from barren.physics.pauli_actions import (
    Action,
    Circuit,
    Codes,
    Table,
    Unknown,
    action_of,
    code_of,
    digits_of,
    tables,
)

Digits = tuple[int, ...]

#: Share of the second moment below which a sector is left out.
NEGLIGIBLE = 2.0**-60


def gradient_moments(
    circuit: Circuit, terms: Sequence[Term], sigma: float | None = None
) -> Moments:
    """The exact moments of the gradient by every parameter, (parameters,).

    The error is that of the second moment: what rounding leaves where sectors cancel.
    sigma (radians): standard deviation of normal angles, None for uniform ones. Raises
    NoExactForm for a gate in the light cone of the observable that has no table, a
    parameter that occurs there twice, and more than 4^LIMIT numbers.
    """
    width, names = len(circuit.bloch), circuit.symbols
    weights = {digits_of(string, width): weight for weight, string in terms}
    every = [action_of(gate, sigma) for gate in circuit.gates]
    actions = _light_cone(every, width, *weights).actions
    for parameter, times in Counter(action.parameter for action in actions).items():
        if parameter is not None and times > 1:
            raise NoExactForm(f"the symbol {names[parameter]} occurs twice")
    mean, second = np.zeros((2, len(names)))
    if sigma is not None:  # else E cos = 0
        for string, weight in weights.items():
            mean += weight * _means(circuit, actions, string)
    cone_of = cache(partial(_light_cone, actions, width))
    equal, error = np.zeros((2, len(names)))
    for r, start in _sectors(actions, weights, cone_of):
        if any(r):
            # By Cauchy and Schwarz no others add up to more.
            error = rounding(len(every) + width) * len(weights) * equal
        share = second if any(r) else equal
        _sweep(circuit.bloch, cone_of(*start), r, start, share)
    return Moments(mean, equal + second, error)


def exact_moments(
    built: Mapping[str, Any], terms: Sequence[Term], sigma: float | None
) -> Moments:
    """Moments for a built circuit of one's own, by every parameter in their order."""
    circuit = Circuit.from_data(built["exact"], built["symbols"])
    found = gradient_moments(circuit, terms, sigma)
    return as_known(*found, steps=len(circuit.gates) + len(circuit.bloch))


# Sectors and light cones.


def _local(digits: Sequence[int], action: Action) -> int:
    return code_of([digits[qubit] for qubit in action.qubits])


def _before(r: Sequence[int], action: Action) -> Sequence[int]:
    """R before a gate: Clifford gates alone change it."""
    if action.parameter is not None:
        return r
    code, result = int(action.partner[_local(r, action)]), list(r)
    for place, qubit in enumerate(reversed(action.qubits)):
        result[qubit] = code >> 2 * place & 3
    return result


def _sectors(
    actions: Sequence[Action],
    weights: Mapping[Digits, float],
    cone_of: Callable[..., "_Cone"],
) -> Iterator[tuple[Digits, dict[Digits, float]]]:
    """R, and by P the weights of those pairs of the observable whose PQ it is.

    First come pairs P = P; those that do not share a light cone are swept each on its
    own.
    """
    width = len(next(iter(weights)))
    groups: dict[frozenset[int], dict[Digits, float]] = {}
    cones = [(frozenset(cone_of(string).qubits), string) for string in weights]
    for cone, string in sorted(cones, key=lambda pair: -len(pair[0])):
        held = next((group for group in groups if cone <= group), cone)
        groups.setdefault(held, {})[string] = weights[string] ** 2
    for group in groups.values():
        yield (0,) * width, group
    others: dict[Digits, dict[Digits, float]] = defaultdict(dict)
    for (p, v), (q, w) in permutations(weights.items(), 2):
        others[tuple(a ^ b for a, b in zip(p, q, strict=True))][p] = v * w
    for r, pairs in others.items():
        if _survival(actions, r) > NEGLIGIBLE:
            yield r, pairs


def _survival(actions: Sequence[Action], r: Digits) -> float:
    """What the rotations about axes that anticommute with R leave of its sector.

    At most so much of the pairs P = P and Q = Q: one of both has E cos of such a
    rotation, and E cos^2 at least of its square.
    """
    digits: Sequence[int] = r
    left = 1.0
    for action in reversed(actions):
        if action.parameter is not None and action.moves[_local(digits, action)]:
            left *= action.wave / math.sqrt(action.cos2)
            if left == 0:
                break
        digits = _before(digits, action)
    return left


class _Cone(NamedTuple):
    """Qubits where strings have more than I, and the gates that change them."""

    qubits: list[int]
    actions: list[Action]


def _light_cone(
    actions: Sequence[Action | Unknown], width: int, *strings: Digits
) -> _Cone:
    """The light cone of all strings: the digits that each qubit may have, going back.

    A gate that leaves each string of such digits as it is does not count. Raises
    NoExactForm for one of which it is not known.
    """
    digits = [{0} | {string[qubit] for string in strings} for qubit in range(width)]
    touched = {qubit for qubit in range(width) if len(digits[qubit]) > 1}
    active = []
    for action in reversed(actions):
        if not touched.intersection(action.qubits):
            continue
        if isinstance(action, Unknown):
            raise NoExactForm(action.reason)
        local = np.zeros(1, dtype=np.int64)
        for qubit in action.qubits:
            choices = np.array(sorted(digits[qubit]))
            local = (4 * local[:, np.newaxis] + choices).reshape(-1)
        local = local[action.moves[local]]
        images = action.partner[local]
        if np.all((images == local) & (action.sign[local] == 1)):
            continue
        active.append(action)
        touched.update(action.qubits)  # all, also if a sign alone changes
        for place, qubit in enumerate(reversed(action.qubits)):
            own = set(np.unique(images >> 2 * place & 3).tolist())
            digits[qubit] = own | ({0} if action.parameter is None else digits[qubit])
    return _Cone(sorted(touched), active[::-1])


# The sweeps.


def _sweep(
    bloch: Floats,
    cone: _Cone,
    end: Digits,
    start: Mapping[Digits, float],
    second: Floats,
) -> None:
    """Add one sector's share to the second moments.

    f is kept at every so many blocks and computed again between them.
    """
    blocks, last = _blocks(bloch, cone, end)
    sizes = [1] * len(cone.qubits)
    scalar = np.ones(sizes)
    for block in blocks:
        for site, size in zip(block.sites, block.sizes, strict=True):
            sizes[site] = size
        if math.prod(sizes) > 4**LIMIT:
            told = f"{len(sizes)} qubits in the light cone"
            raise NoExactForm(f"{told} take more than {4**LIMIT} numbers")
    b = _observed(cone, start, last)
    stride = max(1, math.isqrt(len(blocks)))
    states = accumulate(blocks, _carried, initial=scalar)
    kept = [*islice(states, 0, len(blocks), stride)]
    for begin in reversed(range(0, len(blocks), stride)):
        segment = blocks[begin : begin + stride]
        within = [*accumulate(segment[:-1], _carried, initial=kept.pop())]
        for block in reversed(segment):
            f = within.pop()
            for parameter, share in _shares(block, b, f).items():
                second[parameter] += share
            before = [f.shape[site] for site in block.sites]
            b = _apply(block.map.T, block.sites, b, before)


def _carried(f: Floats, block: Block) -> Floats:
    """f after a block."""
    return _apply(block.map, block.sites, f, block.sizes)


def _observed(
    cone: _Cone, start: Mapping[Digits, float], last: Sequence[Floats]
) -> Floats:
    """The observable's strings before the last maps of each site, one array."""
    b = np.zeros([of.shape[1] for of in last])
    for string, weight in start.items():
        rows = [of[string[qubit]] for qubit, of in zip(cone.qubits, last, strict=True)]
        places = [np.flatnonzero(row) for row in rows]
        parts = (row[place] for row, place in zip(rows, places, strict=True))
        b[np.ix_(*places)] += weight * reduce(np.multiply.outer, parts, 1.0)
    return b


def _shares(block: Block, b: Floats, f: Floats) -> dict[int, float]:
    """<b|S|f> for each slope S of a block, by its parameter."""
    sites, slopes = block.sites, block.slopes.items()
    if slopes and isinstance(block.map, np.ndarray):
        # Summed over the other sites once for all slopes; where the last ones are few,
        # not by many small products.
        rows, columns = _rows(b, sites), _rows(f, sites)
        if rows.shape[2] < rows.shape[1]:
            products = np.tensordot(rows, columns, ((0, 2), (0, 2)))
        else:
            products = (rows @ columns.swapaxes(1, 2)).sum(axis=0)
        return {of: float(np.vdot(slope, products)) for of, slope in slopes}
    after = block.sizes
    return {of: float(np.vdot(b, _apply(s, sites, f, after))) for of, s in slopes}


def _blocks(
    bloch: Floats, cone: _Cone, r: Sequence[int]
) -> tuple[list[Block], list[Floats]]:
    """The state and the gates of the sector that ends in R, on axes of f.

    Without those of one site that come last on it, which are a map each, unless they
    have a slope.
    """
    axis = {qubit: at for at, qubit in enumerate(cone.qubits)}
    parts = []  # from the last one to the first
    for action in reversed(cone.actions):
        axes = tuple(axis[qubit] for qubit in action.qubits)
        maps: list[Any] = [*tables(action, _local(r, action))]
        source = maps[0].source
        if len(axes) <= MOST:
            maps = [table.matrix for table in maps]
        slopes = {} if action.parameter is None else {action.parameter: maps[1]}
        block = Block(axes, maps[0], slopes, (4,) * len(axes))
        even = action.cos2 == action.sin2 and len(axes) == 1
        parts += _split(block, source)[::-1] if even else [block]
        r = _before(r, action)
    for at, qubit in enumerate(cone.qubits):
        x, y, z = bloch[qubit]
        site = np.array([1, z, x, y])
        product = site * site[np.arange(4) ^ r[qubit]]
        parts.append(Block((at,), product[:, np.newaxis], {}))
    last: list[Floats] = [np.eye(4)] * len(axis)
    blocks: list[Block] = []
    followed: set[int] = set()
    for part in parts:
        first = part.sites[0]
        if len(part.sites) > 1 or part.slopes or first in followed:
            blocks.append(part)
            followed.update(part.sites)
        else:
            last[first] = last[first] @ part.map
    return merged(blocks[::-1]), last


def _split(block: Block, source: Codes) -> list[Block]:
    """A uniform rotation as two blocks, with fewer components between them.

    Of P and its partner it leaves half their sum, or half their difference.
    """
    first = np.flatnonzero(source >= np.arange(len(source)))
    if len(first) == len(source):
        return [block]
    slopes = {key: slope[first] for key, slope in block.slopes.items()}
    back = block.map[:, first] / block.map[first, first]
    return [Block(block.sites, block.map[first], slopes), Block(block.sites, back, {})]


def _adjacent(axes: tuple[int, ...]) -> bool:
    return axes == tuple(range(axes[0], axes[0] + len(axes)))


def _rows(f: Floats, axes: tuple[int, ...]) -> Floats:
    """An array as (before, components, after) some of its axes."""
    sizes = [f.shape[axis] for axis in axes]
    if _adjacent(axes):
        return f.reshape(math.prod(f.shape[: axes[0]]), math.prod(sizes), -1)
    return np.moveaxis(f, axes, range(len(axes))).reshape(1, math.prod(sizes), -1)


def _apply(
    of: Table | Floats, axes: tuple[int, ...], f: Floats, sizes: Sequence[int]
) -> Floats:
    """Apply a map on some axes of an array, which get other sizes."""
    rows = _rows(f, axes)
    if isinstance(of, np.ndarray) and rows.shape[2] == 1:  # one product, not many
        found = rows[..., 0] @ of.T
    else:
        found = of @ rows
    if _adjacent(axes):
        shape = *f.shape[: axes[0]], *sizes, *f.shape[axes[-1] + 1 :]
        return found.reshape(shape)
    rest = [size for axis, size in enumerate(f.shape) if axis not in axes]
    return np.moveaxis(found.reshape(*sizes, *rest), range(len(axes)), axes)


def _means(circuit: Circuit, actions: Sequence[Action], string: Digits) -> Floats:
    """Means of one string's gradients, (parameters,).

    Row 0 is the string; each rotation that moves it adds its derivative E cos iAP.
    """
    mean = np.zeros(len(circuit.symbols))
    digits, factor = np.array([string]), np.ones(1)
    owner = np.array([-1])
    for action in reversed(actions):
        powers = 4 ** np.arange(len(action.qubits))[::-1]
        code = digits[:, action.qubits] @ powers
        moves, sign = action.moves[code], action.sign[code]
        partner = action.partner[code, np.newaxis] // powers % 4
        if action.parameter is None:
            digits[:, action.qubits] = partner
            factor = factor * sign
            continue
        slope = action.multiple * action.wave * factor[:1] * sign[:1]
        factor = np.where(moves, action.wave * factor, factor)
        if np.any(slope):
            branch = digits[:1].copy()
            branch[:, action.qubits] = partner[:1]
            digits = np.concatenate([digits, branch])
            factor = np.concatenate([factor, slope])
            owner = np.append(owner, action.parameter)
    site = np.insert(circuit.bloch[:, [2, 0, 1]], 0, 1.0, axis=1)
    value = factor * site[np.arange(len(string)), digits].prod(axis=1)
    mean[owner[1:]] = value[1:]
    return mean
