"""Local maps in a row, merged where they act on the same pair of sites.

The gradient by a parameter is <b|S|f>: f is carried from the start to the gate that has
the parameter, b from the observable, and S stands in the gate's place. So it is for
states, of 2 components at each qubit, and for strings of Paulis, of 4.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Sites of a block up to which others are merged into it, and its map is a matrix.
MOST = 2
#: A matrix on the components of some sites, the first one's first, or a stack of them.
Matrix = NDArray[Any]


class Block(NamedTuple):
    """A map on some sites, and what stands in its place for each parameter."""

    sites: tuple[int, ...]
    map: Matrix
    slopes: Mapping[Any, Matrix]

    def of(self, rows: slice) -> "Block":
        """The block of some of those that matrices are stacked for, if they are."""

        def some(of: Matrix) -> Matrix:
            return of[rows] if len(of) > 1 else of

        slopes = {key: some(slope) for key, slope in self.slopes.items()}
        return Block(self.sites, some(self.map), slopes)

    def on(self, sites: tuple[int, ...]) -> "Block":
        """The same on a site and another one, or on two in another order."""
        if sites == self.sites:
            return self

        def spread(of: Matrix) -> Matrix:
            one = np.eye(of.shape[-1], dtype=of.dtype)
            if len(self.sites) == 1:
                first, second = (of, one) if self.sites[0] == sites[0] else (one, of)
                # Not by numpy's `kron`, which takes three times as long for a stack.
                parts: Matrix = (
                    first[..., :, None, :, None] * second[..., None, :, None, :]
                )
                return parts.reshape(*of.shape[:-2], *[of.shape[-1] ** 2] * 2)
            size = round(of.shape[-1] ** 0.5)
            parts = of.reshape(*of.shape[:-2], *[size] * 4)
            return parts.swapaxes(-4, -3).swapaxes(-2, -1).reshape(of.shape)

        slopes = {key: spread(slope) for key, slope in self.slopes.items()}
        return Block(sites, spread(self.map), slopes)

    def after(self, other: "Block") -> "Block":
        """Both on the same sites as one, the other first."""
        slopes = {key: self.map @ slope for key, slope in other.slopes.items()}
        for key, slope in self.slopes.items():
            slopes[key] = slopes.get(key, 0) + slope @ other.map
        return Block(self.sites, self.map @ other.map, slopes)


def merged(blocks: Iterable[Block]) -> list[Block]:
    """Fewer blocks that do the same: each takes in those that its sites cover."""
    found: dict[int, Block] = {}
    last: dict[int, int] = {}  # the last block on each site
    for number, block in enumerate(blocks):
        sites = block.sites if len(block.sites) <= MOST else ()
        for before in {last[site] for site in sites if site in last}:
            under = found[before].sites
            if {*under} <= {*sites} and {last[site] for site in under} == {before}:
                block = block.after(found.pop(before).on(sites))
        found[number] = block
        last |= dict.fromkeys(block.sites, number)
    return [*found.values()]
