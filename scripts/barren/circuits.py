"""Axes and angles of random circuits, drawn from explicit random streams."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barren.ensembles import (
    IDENTITY_TUTORIAL,
    RANDOM,
    Ensemble,
    notebook_draws,
)

#: Axis codes: 0, 1, 2 are rotations about X, Y, Z.
AXES = "XYZ"


@dataclass(frozen=True)
class Circuits:
    """What was drawn for circuits of one ensemble.

    axes: uint8 (samples, layers, width), codes into `AXES`.
    angles: float64 (samples, layers, width), radians.
    theta: float64 (samples,), radians: the angle of the rotation that is the symbol.
    phi: float64 (samples,), radians: the angle opposite the symbol in U^dagger; None
        for the random family, theta itself for Grant's identity blocks.
    """

    axes: NDArray[np.uint8]
    angles: NDArray[np.float64]
    theta: NDArray[np.float64]
    phi: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.theta)

    def __getitem__(self, rows: slice) -> "Circuits":
        phi = None if self.phi is None else self.phi[rows]
        return Circuits(self.axes[rows], self.angles[rows], self.theta[rows], phi)


def stream(seed: int, circuit: str, sample: int) -> np.random.Generator:
    """The random stream of one circuit.

    It depends on the seed, the name of the distribution of circuits (its bytes are
    the first words of the spawn key) and the sample's index (the last word) alone.
    """
    key = (*circuit.encode(), sample)
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
    )


def sample_circuits(ensemble: Ensemble, seed: int, samples: Sequence[int]) -> Circuits:
    """Draw the circuits with the given sample indices.

    Order of the draws of one circuit: all axes, all angles (layer by layer, qubit by
    qubit), then phi where it is independent. Angles are uniform in [0, 2 pi), or
    normal with standard deviation sigma (McClean et al. 2018, Methods).
    """
    shape = (ensemble.layers, ensemble.width)
    axes = np.empty((len(samples), *shape), np.uint8)
    angles = np.empty((len(samples), *shape))
    phi = np.empty(len(samples))

    def angle(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        if ensemble.sigma is not None:
            return rng.normal(0, ensemble.sigma, shape)
        return rng.uniform(0, 2 * np.pi, shape)

    for row, sample in enumerate(samples):
        rng = stream(seed, ensemble.circuit, sample)
        axes[row] = rng.integers(0, len(AXES), shape, np.uint8)
        angles[row] = angle(rng, shape)
        phi[row] = angle(rng, ()) if ensemble.family == IDENTITY_TUTORIAL else np.nan
    return _circuits(ensemble, axes, angles, phi)


def replay_notebook(
    ensemble: Ensemble, seed: int, skip: int, of: int, samples: Sequence[int]
) -> Circuits:
    """The circuits that the tutorial's notebook draws, from its own random stream.

    The notebook seeds numpy's legacy generator once and draws in the order of its
    cells: here for one ensemble the circuits and then, as float32, their theta. `skip`
    is the number of uniform draws before them (see `notebook_draws`), `of` the number
    of circuits of the ensemble. The symbol is at layer 0, qubit 0.
    """
    draws = notebook_draws(ensemble)
    uniform = np.random.RandomState(seed).random_sample(skip + of * (draws + 1))[skip:]
    u = uniform[: of * draws].reshape(of, draws)[samples]
    theta = 2 * np.pi * uniform[of * draws :][samples]

    layers, width = ensemble.layers, ensemble.width
    phi = np.full(len(u), np.nan)
    if ensemble.family == RANDOM:
        pairs = np.insert(u, 1, np.nan, axis=1)  # the symbol has no draw of its own
    else:
        assert ensemble.block_depth is not None and ensemble.blocks is not None
        first = 2 * ensemble.block_depth * width - 1
        phi = 2 * np.pi * u[:, first]
        head = np.insert(u[:, :first], 1, np.nan, axis=1)
        # A further block starts with the angle that stands in place of the symbol.
        rest = u[:, first + 1 :].reshape(len(u), ensemble.blocks - 1, first + 1)
        rest[:, :, [0, 1]] = rest[:, :, [1, 0]]
        pairs = np.concatenate([head, rest.reshape(len(u), -1)], axis=1)
    pairs = pairs.reshape(len(u), layers, width, 2)
    pairs[:, 0, 0, 1] = theta / (2 * np.pi)
    axes = (pairs[..., 0] > 1 / 3).astype(np.uint8) + (pairs[..., 0] > 2 / 3)
    angles = 2 * np.pi * pairs[..., 1]
    angles[:, 0, 0] = theta.astype(np.float32)
    return _circuits(ensemble, axes.astype(np.uint8), angles, phi)


def _circuits(
    ensemble: Ensemble,
    axes: NDArray[np.uint8],
    angles: NDArray[np.float64],
    phi: NDArray[np.float64],
) -> Circuits:
    theta = angles[:, ensemble.symbol_layer, ensemble.symbol_qubit].copy()
    if ensemble.family == RANDOM:
        return Circuits(axes, angles, theta)
    return Circuits(
        axes, angles, theta, phi if ensemble.family == IDENTITY_TUTORIAL else theta
    )
