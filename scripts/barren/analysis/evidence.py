"""What a verdict rests on: points of an experiment, and what their circuits hold."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from barren import columns
from barren.circuits import Circuits
from barren.ensembles import IDENTITY_FAMILIES, Ensemble
from barren.sampler import gradients as recompute_gradients
from barren.statistics import Summary
from barren.theory import Prediction

Floats = NDArray[np.float64]
Verdict = Literal["supported", "contradicted", "undecided"]

#: Chance that a true claim is called contradicted, for each claim.
LEVEL = 0.01
#: Fewest circuits of an ensemble that support anything; with fewer a variance wrong by
#: a factor of two may pass.
FEWEST = 100
#: Simulators in single precision differ by less, and a wrong circuit by more.
SAME_GRADIENT = 1e-3
BINS = 12


@dataclass(frozen=True)
class Draws:
    """What recorded circuits hold, reduced to what the verdict needs.

    axis_counts (3,) and angle_counts (BINS,) over all rotations, theta_counts (BINS,):
    the bins have equal probability; symbol_angle (samples,) the recorded angle of the
    symbol's rotation, radians. recomputed and isolated
    (samples,): the gradient of the circuit, and that of its first block alone, by the
    numpy sampler or a closed form; nan where that was not done.
    """

    axis_counts: NDArray[np.int64]
    angle_counts: NDArray[np.int64]
    theta_counts: NDArray[np.int64]
    symbol_angle: Floats
    recomputed: Floats
    isolated: Floats


@dataclass(frozen=True)
class Point:
    """An ensemble with what was predicted, and what was sampled if it was.

    theta and gradients (samples,) in the order of the samples, as the draws are.
    """

    ensemble: Ensemble
    prediction: Prediction
    theta: Floats = field(default_factory=lambda: np.empty(0))
    gradients: Floats = field(default_factory=lambda: np.empty(0))
    summary: Summary | None = None
    draws: Draws | None = None


@dataclass(frozen=True)
class Claim:
    """A claim judged; the first seven names are column names.

    `points` names the ensembles that contradict it.
    """

    claim: str
    statement: str
    source: str
    evidence: str
    test: str
    error_rate: float
    verdict: Verdict
    points: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The claim as a row of claims.csv."""
        return {name: getattr(self, name) for name in columns.CLAIMS}


def reduce_draws(
    ensemble: Ensemble,
    circuits: Circuits,
    recompute: int = 4,
    amplitudes: int = 60_000,
) -> Draws:
    """Reduce a batch of recorded circuits; join the batches with `join_draws`.

    The numpy sampler recomputes the first few, where 2^width times the layers stays
    within `amplitudes`.
    """
    samples = len(circuits)
    first = slice(recompute if 2**ensemble.width * ensemble.layers <= amplitudes else 0)
    few = circuits[first]
    recomputed, isolated = np.full((2, samples), np.nan)
    recomputed[first] = recompute_gradients(ensemble, few)
    if ensemble.family in IDENTITY_FAMILIES:
        block = ensemble.block_depth
        alone = replace(few, axes=few.axes[:, :block], angles=few.angles[:, :block])
        isolated[first] = recompute_gradients(replace(ensemble, blocks=1), alone)
        if ensemble.symbol_layer == 0:
            isolated = one_rotation_gradients(ensemble, circuits)
    position = (slice(None), *ensemble.symbol)
    return Draws(
        np.bincount(circuits.axes.ravel(), minlength=3),
        _angle_counts(circuits.angles, ensemble.sigma),
        _angle_counts(circuits.theta, ensemble.sigma),
        circuits.angles[position],
        recomputed,
        isolated,
    )


def join_draws(batches: Iterable[Draws]) -> Draws:
    """The draws of an ensemble from those of its batches, in their order."""
    parts = list(batches)
    axes, angles, theta = (
        np.sum([getattr(part, name) for part in parts], axis=0)
        for name in ("axis_counts", "angle_counts", "theta_counts")
    )
    rest = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("symbol_angle", "recomputed", "isolated")
    )
    return Draws(axes, angles, theta, *rest)


def one_rotation_gradients(ensemble: Ensemble, circuits: Circuits) -> Floats:
    """Gradients of identity blocks with the symbol on layer 0, (samples,).

    All other gates cancel; R_P(theta - phi) on the prepared qubit is left, where
    <X> = <Z> = 1 / sqrt(2) and <Y> = 0.
    """
    assert circuits.phi is not None
    if ensemble.symbol_qubit not in ensemble.observable:
        return np.zeros(len(circuits))
    axis = circuits.axes[:, 0, ensemble.symbol_qubit]
    angle = circuits.theta - circuits.phi
    return np.select(
        [axis == 0, axis == 1],
        [-np.sin(angle) / 2, -(np.sin(angle) + np.cos(angle)) / 2],
        0.0,
    )


def _angle_counts(angles: Floats, sigma: float | None) -> NDArray[np.int64]:
    """Counts of angles, modulo 2 pi if uniform, in bins of equal probability."""
    if sigma is None:
        share = np.ravel(angles) / (2 * np.pi) % 1
    else:
        share = special.ndtr(np.ravel(angles) / sigma)
    bins = np.minimum((share * BINS).astype(int), BINS - 1)
    return np.bincount(bins, minlength=BINS)
