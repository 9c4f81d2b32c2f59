"""Mean Pauli strings of the random circuits: where the ensemble's means come from.

A random rotation shrinks every Pauli of a string alike (`mean_shrink`) and the CZs
permute strings, so a string stays one string on its way back from the observable.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from barren.physics.layered import Layered
from barren.physics.moments import Floats
from barren.physics.observables import String
from barren.physics.pauli_actions import mean_cosine
from barren.physics.sweep import Indices


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


def distance(ensemble: Layered) -> int:
    """Layers before the last that the light cone needs to reach the symbol's qubit."""
    width, qubit = ensemble.width, ensemble.symbol_qubit
    last = [MeanString.of(of).before_ladder(width) for _, of in ensemble.terms]
    sites = [at for at in range(width) for _, x, z in last if (x | z) >> at & 1]
    return min(abs(site - qubit) for site in sites)


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
            parts = [
                (-means[n].factor / 3, means[n].x, means[n].z ^ zs) for n in layers
            ]
            found += [weight * MeanString(*part).prepared for part in parts]
    return found
