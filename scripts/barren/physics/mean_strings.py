"""Mean Pauli strings of the random circuits: where the ensemble's means come from.

A random rotation shrinks every Pauli of a string alike (`mean_shrink`) and the CZs
permute strings, so a string stays one string on its way back from the observable.
Angles and sigma are in radians; sigma None stands for uniform angles.
"""

import math
from typing import NamedTuple

import numpy as np

from barren.physics.moments import Floats
from barren.physics.observables import String
from barren.physics.sweep import Indices


def mean_shrink(sigma: float | None) -> float:
    """Factor of a rotation about a random axis on the mean of each Pauli."""
    return 1 / 3 if sigma is None else 1 / 3 + 2 / 3 * math.exp(-(sigma**2) / 2)


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

    def before(self, width: int, sigma: float | None) -> "MeanString":
        """The mean before a layer."""
        factor, x, z = self.before_ladder(width)
        shrink = mean_shrink(sigma) ** (x | z).bit_count()
        return MeanString(factor * shrink, x, z)

    def derived(self, width: int, qubit: int, sigma: float) -> list["MeanString"]:
        """The mean before a layer with the symbol on `qubit`.

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
            MeanString(sign * factor, x & ~here | p << qubit, z & ~here | q << qubit)
            for sign, (p, q) in ((1, cycle[(at + 1) % 3]), (-1, cycle[(at + 2) % 3]))
        ]


def mean_gradient(
    string: String,
    width: int,
    depth: Indices,
    symbol: tuple[int, int],
    sigma: float | None,
) -> Floats:
    """Mean of d<P>/d theta at each depth, the symbol at (layer, qubit)."""
    layer, qubit = symbol
    if sigma is None:
        return np.zeros(len(depth))
    mean, values = MeanString.of(string), []
    for _ in range(layer, max(depth, default=layer)):
        branches = mean.derived(width, qubit, sigma)
        for _ in range(layer):
            branches = [branch.before(width, sigma) for branch in branches]
        values.append(sum(branch.prepared for branch in branches))
        mean = mean.before(width, sigma)
    found: Floats = np.array(values)[depth - layer - 1]
    return found


def distance(string: String, width: int, qubit: int) -> int:
    """Layers before the last that the light cone needs to reach a qubit."""
    _, x, z = MeanString.of(string).before_ladder(width)
    return min(abs(site - qubit) for site in range(width) if (x | z) >> site & 1)


def mean_identity(
    string: String, width: int, layers: int, qubit: int, sigma: float | None
) -> float:
    """Mean gradient of Grant's blocks for a product of Z.

    Of the symbol's axes only Y counts: i Y Z = -X.
    """
    if qubit not in dict(string):
        return 0.0
    mean = MeanString(1.0, 1 << qubit, 1 << qubit)
    for _ in range(layers):
        mean = mean.before(width, sigma)
    z = mean.z ^ MeanString.of(string).z
    return MeanString(-mean.factor / 3, mean.x, z).prepared
