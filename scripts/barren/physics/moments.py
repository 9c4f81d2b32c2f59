"""The exact moments of each family as predictions; unknown ones are None."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from barren.physics import pair_chain, sweep
from barren.physics.ensembles import BadInput, Ensemble, Prediction
from barren.physics.observables import NoExactForm, Term
from barren.physics.rotations import Moments


def random_predictions(
    terms: Sequence[Term],
    width: int,
    depths: Sequence[int],
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> list[Prediction]:
    """Of the random family at each of `depths`, with the limit of deep circuits."""
    try:
        moments = pair_chain.random_moments(terms, width, depths, symbol, sigma)
    except NoExactForm as error:
        return [Prediction(reason=str(error))] * len(depths)
    limit = pair_chain.asymptotic_variance(terms, width, symbol, sigma)
    return _predictions(moments, limit)


def identity_predictions(
    terms: Sequence[Term],
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    sigma: float | None = None,
) -> list[Prediction]:
    """Of Grant's blocks for the symbol on each of `layers`, with their limit."""
    try:
        moments = pair_chain.identity_moments(terms, width, layers, qubit, sigma)
    except NoExactForm as error:
        return [Prediction(reason=str(error))] * len(layers)
    return _predictions(moments, pair_chain.identity_asymptote(terms, width))


def tutorial_predictions(
    terms: Sequence[Term],
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    sigma: float | None = None,
) -> list[Prediction]:
    """Of the tutorial's blocks for the symbol on each of `layers`; without limit."""
    moments = pair_chain.tutorial_moments(terms, width, layers, qubit, sigma)
    return _predictions(moments, math.nan)


def _predictions(moments: Moments, asymptote: float) -> list[Prediction]:
    limit = np.full(len(moments.mean), asymptote)
    found = (*moments[:2], moments.variance, limit, moments.relative_error)
    rows = np.stack(found, axis=1).tolist()
    return [_prediction([None if x != x else x for x in row]) for row in rows]


def _prediction(values: Sequence[float | None]) -> Prediction:
    """Of the first five fields; a variance that is None has a reason."""
    mean, second, variance, limit, error = values
    reason = None
    if variance is None:
        reason = "the symbol is behind other gates"
        if error is not None:
            reason = f"known to a relative error of {error:.0e} alone"
    return Prediction(mean, second, variance, limit, error, reason)


def require_known(predicted: Iterable[tuple[Ensemble, Prediction]]) -> None:
    """Raise BadInput if the variance of an ensemble is not known well enough."""
    for ensemble, found in predicted:
        if found.variance is None and found.relative_error is not None:
            raise BadInput(
                f"{ensemble.name}: the exact variance is known to "
                f"{found.relative_error:.1e} alone, {sweep.TOLERANCE:.0e} is asked"
            )
