"""What a rotation about a random axis does on average.

Classes of Pauli strings at a site: I, Z and V = {X, Y}. Angles and sigma are in
radians; sigma None stands for uniform angles.
"""

import math

import numpy as np

from barren.physics.moments import Floats

#: f of the preparation R_Y(pi/4)|0> on I, Z, V: <X>^2 = <Z>^2 = 1/2, <Y> = 0.
PREPARED = np.array([1.0, 1 / 2, 1 / 4])


def mean_squares(sigma: float | None) -> tuple[float, float]:
    """E cos^2 and E sin^2 of an angle."""
    sin2 = 0.5 if sigma is None else -math.expm1(-2 * sigma**2) / 2
    return 1 - sin2, sin2


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


def mean_shrink(sigma: float | None) -> float:
    """Factor of a rotation about a random axis on the mean of each Pauli."""
    return 1 / 3 if sigma is None else 1 / 3 + 2 / 3 * math.exp(-(sigma**2) / 2)
