"""Local maps in a row, merged where they act on the same pair of sites.

The gradient by a parameter is <b|S|f>: f is carried from the start to the gate that has
the parameter, b from the observable, and S stands in the gate's place. So it is for
states, of 2 components at each qubit, and for strings of Paulis, of 4 or fewer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Sites of a block up to which others are merged into it, and its map is a matrix.
MOST = 2
#: A matrix on the components of some sites, the first one's first, or a stack of them.
Matrix = NDArray[Any]


class Block(NamedTuple):
    """A map on some sites, and what stands in its place for each parameter.

    sizes: components of each site after it; by default all sites have as many.
    """

    sites: tuple[int, ...]
    map: Matrix
    slopes: Mapping[Any, Matrix]
    sizes: tuple[int, ...] = ()

    def each(self, change: Callable[[Matrix], Matrix], **others: Any) -> "Block":
        """The block with its map and slopes changed, and others of its fields."""
        slopes = {key: change(slope) for key, slope in self.slopes.items()}
        return self._replace(map=change(self.map), slopes=slopes, **others)

    def of(self, rows: slice) -> "Block":
        """The block of some of those that matrices are stacked for, if they are."""
        return self.each(lambda of: of[rows] if len(of) > 1 else of)

    @property
    def growth(self) -> int:
        """How many more components there are after it than before."""
        after, before = self.map.shape[-2:]
        return int(after - before)

    def in_order(self) -> "Block":
        """The same with its sites, one or two of one size, in ascending order."""
        count = len(self.sites)
        sizes = self.sizes or (round(self.map.shape[-2] ** (1 / count)),) * count
        sites = tuple(sorted(self.sites))
        if sites == self.sites:
            return self._replace(sizes=sizes)

        def swapped(of: Matrix) -> Matrix:
            parts = of.reshape(*of.shape[:-2], *sizes, *sizes)
            return parts.swapaxes(-4, -3).swapaxes(-2, -1).reshape(of.shape)

        return self.each(swapped, sites=sites, sizes=sizes)

    def beside(self, sites: tuple[int, ...], other: int) -> "Block":
        """The same on its site and another one, which has `other` components."""
        if sites == self.sites:
            return self

        def spread(of: Matrix) -> Matrix:
            one = np.eye(other, dtype=of.dtype)
            return kron(of, one) if self.sites[0] == sites[0] else kron(one, of)

        return self.each(spread, sites=sites)

    def after(self, before: "Block") -> "Block":
        """Both as one, on the sites of the one that has more."""
        sites = max(self.sites, before.sites, key=len)
        sizes = dict(zip(before.sites, before.sizes, strict=True))
        sizes |= zip(self.sites, self.sizes, strict=True)
        between, ours = before.map.shape[-2], self.map.shape[-1]
        first, last = (
            before.beside(sites, ours // between),
            self.beside(sites, between // ours),
        )
        slopes = {key: last.map @ slope for key, slope in first.slopes.items()}
        for key, slope in last.slopes.items():
            slopes[key] = slopes.get(key, 0) + slope @ first.map
        found = last.map @ first.map
        return Block(sites, found, slopes, tuple(sizes[site] for site in sites))


def merged(blocks: Iterable[Block]) -> list[Block]:
    """Fewer blocks that do the same, with few components between them.

    A pair takes in what its sites cover, but a block that leaves fewer components: that
    joins the pair before it.
    """
    found: dict[int, Block] = {}
    on: dict[int, list[int]] = defaultdict(list)  # the blocks of each site
    for number, block in enumerate(blocks):
        if len(block.sites) <= MOST:
            block = block.in_order()
            while (before := _covered(block, found, on)) is not None:
                for site in found[before].sites:
                    on[site].pop()
                block = block.after(found.pop(before))
        found[number] = block
        for site in block.sites:
            on[site].append(number)
    for before, number in chain(*map(pairwise, on.values())):
        block = found[number]
        narrows = len(block.sites) == 1 and block.growth < 0
        if narrows and len(found[before].sites) == MOST:
            found[before] = found.pop(number).after(found[before])
    return [*found.values()]


def _covered(
    block: Block, found: Mapping[int, Block], on: Mapping[int, list[int]]
) -> int | None:
    """The number of a block that one on no other sites can take in, if there is one."""
    last = {site: on[site][-1] for site in block.sites if on[site]}
    for number in last.values():
        before = found[number]
        if {last.get(site) for site in before.sites} == {number}:
            alike = len(block.sites) == len(before.sites)
            if block.growth <= 0 if alike else before.growth >= 0:
                return number
    return None


def kron(first: Matrix, *others: Matrix) -> Matrix:
    """Kronecker product of stacks of matrices, (..., rows, columns)."""
    for other in others:
        # Not by numpy's `kron`, which takes three times as long for a stack.
        parts = first[..., :, None, :, None] * other[..., None, :, None, :]
        *stack, a, b, c, d = parts.shape
        first = parts.reshape(*stack, a * b, c * d)
    return first
