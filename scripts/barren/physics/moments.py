"""Exact moments of gradients, and the predictions that are made of them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.ensembles import BadInput, Ensemble, Prediction
from barren.physics.observables import NoExactForm

Floats = NDArray[np.float64]

#: Relative error up to which a second moment is vouched for.
TOLERANCE = 1e-4


class Moments(NamedTuple):
    """Moments of some gradients and the relative errors of the variances, arrays.

    What is not known is nan.
    """

    mean: Floats
    second_moment: Floats
    relative_error: Floats

    @property
    def variance(self) -> Floats:
        """Second moment less the squared mean."""
        return self.second_moment - self.mean**2


def rounding(steps: int) -> float:
    """Relative rounding of a number through so many sums of up to four products."""
    return float(5 * steps * np.finfo(float).eps)


def as_known(mean: Floats, second: Floats, error: Floats, steps: int) -> Moments:
    """Moments with the variances' relative errors; nan where above `TOLERANCE`.

    error: of the second moment. steps: those of each number, whose rounding is left
    where second moment and squared mean nearly cancel: once of the one, twice of the
    other.
    """
    variance = second - mean**2
    error = error + 3 * rounding(steps) * mean**2
    relative = np.zeros(len(mean))
    with np.errstate(divide="ignore"):
        np.divide(error, np.abs(variance), out=relative, where=error != 0)
    relative[variance < 0] = np.inf
    known = relative <= TOLERANCE
    return Moments(mean, np.where(known, second, np.nan), relative)


def predictions(
    count: int, moments: Callable[..., Moments], *arguments: object
) -> list[Prediction]:
    """The predictions for so many gradients, of what a function says of their moments.

    Unknown ones are None, with the reason: what the function raises as NoExactForm, or
    that their error is too large.
    """
    try:
        found = moments(*arguments)
    except NoExactForm as error:
        return [Prediction(reason=str(error))] * count
    made = []
    for row in zip(*found[:2], found.variance, found.relative_error, strict=True):
        mean, second, variance, off = (None if x != x else float(x) for x in row)
        reason = None
        if variance is None:
            reason = "the symbol is behind other gates"
            if off is not None:
                reason = f"known to a relative error of {off:.0e} alone"
        made.append(Prediction(mean, second, variance, None, off, reason))
    return made


def require_known(predicted: Iterable[tuple[Ensemble, Prediction]]) -> None:
    """Raise BadInput if the variance of an ensemble is not known well enough."""
    for ensemble, found in predicted:
        if found.variance is None and found.relative_error is not None:
            raise BadInput(
                f"{ensemble.name}: the exact variance is known to "
                f"{found.relative_error:.1e} alone, {TOLERANCE:.0e} is asked"
            )
