"""Exact moments of the gradient g = d<Z_a Z_b>/d theta of each family.

Second moments follow from the chain (see `chain`), means from walking the mean of one
string back to the state. Angles and sigma are in radians; sigma None stands for uniform
angles. The derivations are in workflow/docs/theory.md.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from barren.physics.chain import (
    PREPARED,
    Classes,
    Floats,
    I,
    V,
    Z,
    mean_squares,
    rotation_map,
    sweeps,
    symbol_map,
)
from barren.physics.ensembles import BadInput, Ensemble, Prediction

#: Relative error up to which a variance is vouched for.
TOLERANCE = 1e-4
#: Layers on either side over which the error of a matrix product state is the worst.
NEARBY = 4


class Moments(NamedTuple):
    """Moments of the gradient and the relative error of the variance, arrays."""

    mean: Floats
    second_moment: Floats
    relative_error: Floats

    @property
    def variance(self) -> Floats:
        """Second moment less the squared mean."""
        return self.second_moment - self.mean**2


def random_moments(
    width: int,
    depths: Sequence[int],
    observable: tuple[int, int] = (0, 1),
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> Moments:
    """Moments of the random family at each of `depths`, in one sweep.

    The second moment is nan where the variance is not known to `TOLERANCE`.
    """
    layer, qubit = symbol
    depth = np.asarray(depths, dtype=np.intp)
    if np.any(depth <= layer):
        raise BadInput(f"the symbol's layer {layer} needs a depth above {layer}")
    maps = np.broadcast_to(rotation_map(sigma), (depth.max(), width, 3, 3)).copy()
    maps[layer, qubit] = symbol_map(sigma)
    probes = np.full((1, width), I, dtype=np.intp)
    probes[0, list(observable)] = Z
    first = layer + 1 + _distance(qubit, observable)
    mean = _random_mean(width, depth, observable, symbol, sigma)
    return _moments(mean, _prepared(width), maps, probes, np.ones(1), depth, first)


def identity_moments(
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> Moments:
    """Moments of Grant's identity blocks, symbol on each of `layers` of U.

    g = (i/2) <[W^dagger P W, Z_a Z_b]> in the prepared state, W the layers before the
    symbol and P its axis; the block depth does not matter.
    The second moment is nan where it is not known to `TOLERANCE`.
    """
    layer = np.asarray(layers, dtype=np.intp)
    start = np.repeat(_prepared(width), 2, axis=0)
    for term, (site, rest) in zip(start, (observable, observable[::-1]), strict=True):
        # Just one of a, b anticommutes: i X Z = Y, i Y Z = -X. The other gains a Z.
        term[site] = 0, 0, PREPARED[V]
        term[rest] = PREPARED[Z], PREPARED[I], 0
    maps = np.broadcast_to(rotation_map(sigma), (layer.max(), width, 3, 3))
    probes = np.full((2, width), I, dtype=np.intp)
    probes[:, qubit] = Z, V
    axes = np.array([1 / 3, 2 / 3])
    first = _distance(qubit, observable)
    mean = _identity_mean(width, layer, qubit, observable, sigma)
    return _moments(mean, start, maps, probes, axes, layer, first)


def tutorial_moments(
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> Moments:
    """Moments of the tutorial's identity blocks, NaN where no exact form is known.

    All cancels to W^dagger R_P(theta - phi) W. Without W this is one rotation of the
    prepared qubit; where its light cone misses the observable the gradient is zero.
    """
    # d/d theta is -sin <Z> about X and -sin <Z> - cos <X> about Y, each times <Z_b>.
    sin2 = mean_squares(None if sigma is None else math.sqrt(2) * sigma)[1]
    mean = 0.0 if sigma is None else -math.exp(-(sigma**2)) / 6
    layer = np.asarray(layers, dtype=np.intp)
    missed = layer < _distance(qubit, observable)
    one_rotation = (layer == 0) & ~missed
    known = [np.where(one_rotation, x, 0.0) for x in (mean, (sin2 + 1) / 12, 0.0)]
    return Moments(*np.where(missed | one_rotation, known, np.nan))


def asymptotic_variance(
    width: int,
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> float:
    """Variance of the random family for depth to infinity.

    The chain spreads N (3 - r2) / 6 evenly over the N^2 - 1 strings other than I. Here
    N = 2^width and r2 is the mean squared Bloch vector of the symbol's qubit before it:
    1 on layer 0. The observable does not matter.
    """
    layer, qubit = symbol
    bloch = 1.0
    if layer > 0:
        maps = np.broadcast_to(rotation_map(sigma), (layer, width, 3, 3))
        probes = np.full((2, width), I, dtype=np.intp)
        probes[:, qubit] = Z, V
        paulis = np.array([1.0, 2.0])
        at = np.array([layer])
        chain = _moments(
            np.zeros(1), _prepared(width), maps, probes, paulis, at, first=0
        )
        bloch = float(chain.second_moment[0])
    return 2.0**width * (3 - bloch) / (6 * (4.0**width - 1))


def identity_asymptote(width: int) -> float:
    """Variance of Grant's identity blocks for the symbol's layer to infinity."""
    return 3 * 2.0**width / (8 * (4.0**width - 1))


def random_predictions(
    width: int,
    depths: Sequence[int],
    observable: tuple[int, int] = (0, 1),
    symbol: tuple[int, int] = (0, 0),
    sigma: float | None = None,
) -> list[Prediction]:
    """`random_moments` and the limit of infinite depth; unknown is None."""
    moments = random_moments(width, depths, observable, symbol, sigma)
    return _predictions(moments, asymptotic_variance(width, symbol, sigma))


def identity_predictions(
    width: int,
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> list[Prediction]:
    """`identity_moments` and the limit of an infinitely deep symbol."""
    moments = identity_moments(width, layers, qubit, observable, sigma)
    return _predictions(moments, identity_asymptote(width))


def tutorial_predictions(
    layers: Sequence[int],
    qubit: int = 0,
    observable: tuple[int, int] = (0, 1),
    sigma: float | None = None,
) -> list[Prediction]:
    """`tutorial_moments`; no asymptote is known."""
    return _predictions(tutorial_moments(layers, qubit, observable, sigma), math.nan)


def _predictions(moments: Moments, asymptote: float) -> list[Prediction]:
    rows = np.stack(
        [
            moments.mean,
            moments.second_moment,
            moments.variance,
            np.full(len(moments.mean), asymptote),
            moments.relative_error,
        ],
        axis=1,
    )
    return [Prediction(*(None if x != x else x for x in row)) for row in rows.tolist()]


def require_known(predicted: Iterable[tuple[Ensemble, Prediction]]) -> None:
    """Raise BadInput if the variance of an ensemble is not known to `TOLERANCE`."""
    for ensemble, found in predicted:
        if found.variance is None and found.relative_error is not None:
            raise BadInput(
                f"{ensemble.name}: the exact variance is known to "
                f"{found.relative_error:.1e} alone, {TOLERANCE:.0e} is asked"
            )


# Parts of the families.


def _prepared(width: int) -> Floats:
    return np.broadcast_to(PREPARED, (1, width, 3))


def _distance(qubit: int, observable: tuple[int, int]) -> int:
    """Layers that the light cone of a qubit needs to reach the observable."""
    return min(abs(qubit - site) for site in observable)


def _moments(
    mean: Floats,
    start: Floats,
    maps: Floats,
    probes: Classes,
    weights: Floats,
    at: Classes,
    first: int,
) -> Moments:
    """Moments whose second is the weighted sum of the probes after `at` layers.

    Before `first` layers the light cone has not arrived: exactly zero.
    """
    reached = np.arange(len(maps) + 1) >= first
    for values, errors in sweeps(start, maps, probes):
        second = np.where(reached, values @ weights, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(reached, errors @ weights / np.abs(second), 0.0)
        # An estimate has zeros where the error has none: take the worst nearby.
        padded = np.pad(relative, NEARBY)
        relative = sliding_window_view(padded, 2 * NEARBY + 1).max(axis=1)
        variance = second[at] - mean**2
        error = np.zeros(len(at))
        np.divide(relative[at] * second[at], variance, out=error, where=reached[at])
        known = np.abs(error) <= TOLERANCE
        if known.all():
            break
    return Moments(mean, np.where(known, second[at], np.nan), error)


def _random_mean(
    width: int,
    depth: Classes,
    observable: tuple[int, int],
    symbol: tuple[int, int],
    sigma: float | None,
) -> Floats:
    """Mean of the random family: -sin of R_Y(theta)'s Z_q, walked to the state.

    Behind the symbol Z_a Z_b commutes with every CZ and only shrinks.
    """
    layer, qubit = symbol
    if sigma is None or qubit not in observable:
        return np.zeros(len(depth))
    shrink = mean_shrink(sigma)
    factor, zs = _walk(width, qubit, {sum(observable) - qubit}, layer, shrink)
    factor *= -math.exp(-(sigma**2) / 2) / 3 * shrink * _expectation(zs)
    return factor * shrink ** (2.0 * (depth - 1 - layer))


def _identity_mean(
    width: int,
    layer: Classes,
    qubit: int,
    observable: tuple[int, int],
    sigma: float | None,
) -> Floats:
    """Mean of Grant's identity blocks: only P = Y contributes, i Y Z = -X."""
    mean = np.zeros(len(layer))
    if qubit in observable:
        for point, layers in enumerate(layer):
            factor, zs = _walk(width, qubit, set(), layers, mean_shrink(sigma))
            zs ^= {sum(observable) - qubit}
            mean[point] = 0.0 - factor / 3 * _expectation(zs)
    return mean


def mean_shrink(sigma: float | None) -> float:
    """Factor of a rotation about a random axis on the mean of each Pauli."""
    return 1 / 3 if sigma is None else 1 / 3 + 2 / 3 * math.exp(-(sigma**2) / 2)


def _walk(
    width: int, qubit: int, zs: set[int], layers: int, shrink: float
) -> tuple[float, set[int]]:
    """Mean of X (or Y) on `qubit` with Z on `zs` before `layers` random layers.

    Each CZ ladder toggles the Zs beside X; the mean rotations shrink every Pauli.
    """
    neighbours = {site for site in (qubit - 1, qubit + 1) if 0 <= site < width}
    factor = 1.0
    for _ in range(layers):
        zs = zs ^ neighbours
        factor *= shrink ** (1 + len(zs))
    return factor, zs


def _expectation(zs: set[int]) -> float:
    """<X Z...Z> in the prepared state."""
    return math.sqrt(1 / 2) ** (1 + len(zs))
