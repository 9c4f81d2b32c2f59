"""Exact moments of the gradient g = d<O>/d theta of each family, for any observable.

Second moments follow from the chain (see `pair_chain`). Angles and sigma are in radians;
sigma None stands for uniform angles. The derivations are in workflow/docs/theory.md.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from barren.physics import sweep
from barren.physics.ensembles import BadInput, Ensemble, Prediction
from barren.physics.observables import NoExactForm, Term
from barren.physics.pair_chain import (
    PREPARED,
    SINGLE,
    Moments,
    identity_moments,
    mean_squares,
    random_moments,
    rotation_map,
)


def random_predictions(
    terms: Sequence[Term],
    width: int,
    depths: Sequence[int],
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> list[Prediction]:
    """Moments of the random family at each of `depths`, and their limit of deep circuits."""
    try:
        moments = random_moments(terms, width, depths, symbol, sigma)
    except NoExactForm:
        return [Prediction()] * len(depths)
    squares = sum(weight**2 for weight, _ in terms)
    return _predictions(moments, squares * asymptotic_variance(width, symbol, sigma))


def identity_predictions(
    terms: Sequence[Term],
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    sigma: float | None = None,
) -> list[Prediction]:
    """Moments of Grant's blocks, symbol on each of `layers`, and their limit.

    Known for a product of Zs.
    """
    weight, zs = _product_of_z(terms)
    if not zs:
        return [Prediction()] * len(layers)
    moments = identity_moments(zs, width, layers, qubit, sigma)
    scaled = Moments(
        weight * moments.mean, weight**2 * moments.second_moment, moments.relative_error
    )
    return _predictions(scaled, weight**2 * identity_asymptote(width, len(zs)))


def tutorial_prediction(
    terms: Sequence[Term], symbol: tuple[int, int], sigma: float | None = None
) -> Prediction:
    """Moments of the tutorial's identity blocks, where an exact form is known.

    All cancels to W^dagger R_P(theta - phi) W, W the layers before the symbol. Without W
    this is one rotation of the prepared qubit; where its light cone misses the observable
    the gradient is zero.
    """
    layer, qubit = symbol
    weight, zs = _product_of_z(terms)
    if all(abs(site - qubit) > layer for _, s in terms for site, _ in s):
        return Prediction(0.0, 0.0, 0.0, None, 0.0)
    if not zs or layer > 0:
        return Prediction()
    # d/d theta is -sin <Z> about X and -sin <Z> - cos <X> about Y, each times the other
    # Zs; theta - phi has twice the variance of theta.
    others = 0.5 ** (len(zs) - 1)
    sin2 = mean_squares(None if sigma is None else math.sqrt(2) * sigma)[1]
    wave = 0.0 if sigma is None else math.exp(-(sigma**2))
    mean = 0.0 - weight * wave / 3 * math.sqrt(others / 2)
    second = weight**2 * others * (sin2 + 1) / 6
    return Prediction(mean, second, second - mean**2, None, 0.0)


def asymptotic_variance(
    width: int, symbol: tuple[int, int] = (0, 0), sigma: float | None = None
) -> float:
    """Variance of the random family for depth to infinity and one Pauli string.

    The chain spreads N (3 - r2) / 6 evenly over the N^2 - 1 strings other than I. Here
    N = 2^width and r2 is the mean squared Bloch vector of the symbol's qubit before it:
    1 on layer 0. The observable does not matter.
    """
    layer, qubit = symbol
    bloch = 1.0
    if layer > 0:
        maps = np.broadcast_to(rotation_map(sigma), (layer, width, 3, 3))
        start = np.broadcast_to(PREPARED, (1, width, 3))
        site = [tuple(v * (q == qubit) for q in range(width)) for v in (1, 2)]
        read = sweep.automaton({site[0]: 1.0, site[1]: 2.0}, 3)
        found, _ = sweep.second_moments(SINGLE, start, maps, read, np.array([layer]))
        bloch = float(found[0])
    return 2.0**width * (3 - bloch) / (6 * (4.0**width - 1))


def identity_asymptote(width: int, zs: int = 2) -> float:
    """Variance of Grant's identity blocks for the symbol's layer to infinity.

    i P O is then any of the N^2 - 1 strings but I, N = 2^width, and counts 1/4 of its
    mean square if it anticommutes with the product of `zs` Zs.
    """
    size = 2.0**width
    return size * (1 - 0.5**zs) / (2 * (size**2 - 1))


def _product_of_z(terms: Sequence[Term]) -> tuple[float, list[int]]:
    """Weight and qubits of a single product of Zs; no qubits for anything else."""
    weight, string = terms[0]
    if len(terms) > 1 or any(letter != "Z" for _, letter in string):
        return 0.0, []
    return weight, [qubit for qubit, _ in string]


def _predictions(moments: Moments, asymptote: float) -> list[Prediction]:
    columns = (*moments[:2], moments.variance, moments.relative_error)
    rows = np.stack(columns, axis=1).tolist()
    found = ([None if x != x else x for x in row] for row in rows)
    return [Prediction(*row[:3], asymptote, row[3]) for row in found]


def require_known(predicted: Iterable[tuple[Ensemble, Prediction]]) -> None:
    """Raise BadInput if the variance of an ensemble is not known well enough."""
    for ensemble, found in predicted:
        if found.variance is None and found.relative_error is not None:
            raise BadInput(
                f"{ensemble.name}: the exact variance is known to "
                f"{found.relative_error:.1e} alone, {sweep.TOLERANCE:.0e} is asked"
            )
