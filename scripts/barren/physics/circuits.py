"""Axes and angles of random circuits, drawn from explicit random streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.ensembles import Ensemble
from barren.physics.layered import ANGLES, Gate, Layered

#: Axis codes: 0, 1, 2 are rotations about X, Y, Z.
AXES = "XYZ"


@dataclass(frozen=True)
class Circuits:
    """What was drawn for circuits of one ensemble.

    angles: float64 (samples, layers, width), radians; of one's own circuits (samples,
        parameters).
    theta: float64 (samples,), radians: the angle of the rotation that is the symbol.
    axes: uint8 (samples, layers, width), codes into `AXES`, where they are drawn.
    phi: float64 (samples,), radians: the angle opposite the symbol, where it is drawn.
    circuit: bytes (), the circuit of one's own that all share, as Cirq's JSON.
    """

    angles: NDArray[np.float64]
    theta: NDArray[np.float64] | None = None
    axes: NDArray[np.uint8] | None = None
    phi: NDArray[np.float64] | None = None
    circuit: NDArray[np.bytes_] | None = None

    def __len__(self) -> int:
        return len(self.angles)

    def __getitem__(self, rows: slice | Sequence[int]) -> "Circuits":
        drawn = {name: of[rows] for name, of in vars(self).items() if np.ndim(of)}
        return replace(self, **drawn)

    @property
    def values(self) -> NDArray[np.float64]:
        """The values of the symbols, (samples, symbols)."""
        return self.angles if self.theta is None else self.theta[:, None]

    def axis(self, gate: Gate) -> NDArray[np.uint8]:
        """Axis code of a rotation in each circuit, (samples,)."""
        if gate.axis:
            return np.full(len(self), AXES.index(gate.axis), np.uint8)
        assert self.axes is not None
        return self.axes[:, *gate.place]

    def angle(self, gate: Gate) -> NDArray[np.float64]:
        """Signed angle of a rotation in each circuit, (samples,), radians."""
        if isinstance(gate.angle, float):
            return np.full(len(self), gate.sign * gate.angle)
        drawn: NDArray[np.float64] = getattr(self, gate.angle)
        return gate.sign * (drawn[:, *gate.place] if gate.angle == ANGLES else drawn)


def stream(seed: int, circuit: str, sample: int) -> np.random.Generator:
    """The random stream of one circuit.

    It depends on the seed, the name of the distribution of circuits (its bytes are
    the first words of the spawn key) and the sample's index (the last word) alone.
    """
    key = (*circuit.encode(), sample)
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
    )


def sample_circuits(ensemble: Layered, seed: int, samples: Sequence[int]) -> Circuits:
    """Draw the circuits with the given sample indices (see `Layered.draw`)."""
    drawn = [ensemble.draw(stream(seed, ensemble.circuit, n)) for n in samples]
    arrays = {name: np.stack([d[name] for d in drawn]) for name in drawn[0]}
    return Circuits(theta=arrays[ANGLES][:, *ensemble.symbol], **arrays)


def sample_parameters(
    ensemble: Ensemble, built: Mapping[str, Any], seed: int, samples: Sequence[int]
) -> Circuits:
    """Draw all parameters of a built circuit of one's own."""
    shape = (len(built["symbols"]),)
    streams = (stream(seed, ensemble.circuit, sample) for sample in samples)
    angles = [ensemble.draw_angle(rng, shape) for rng in streams]
    return Circuits(np.array(angles), circuit=np.array(built["cirq"].encode()))


def replay_notebook(
    ensemble: Layered, seed: int, skip: int, of: int, samples: Sequence[int]
) -> Circuits:
    """The circuits that the tutorial's notebook draws, from its own random stream.

    The notebook seeds numpy's legacy generator once and draws in the order of its
    cells: here for one ensemble the circuits and then, as float32, their theta. `skip`
    is the number of uniform draws before them (see `Ensemble.notebook`), `of` the
    number of circuits of the ensemble. The symbol is at layer 0, qubit 0.
    """
    order = ensemble.notebook
    draws = len(order)
    uniform = np.random.RandomState(seed).random_sample(skip + of * (draws + 1))[skip:]
    pairs = np.zeros((len(samples), 2 * ensemble.layers * ensemble.width))
    pairs[:, order] = uniform[: of * draws].reshape(of, draws)[samples]
    pairs = pairs.reshape(-1, ensemble.layers, ensemble.width, 2)
    axes = (pairs[..., 0] > 1 / 3).astype(np.uint8) + (pairs[..., 0] > 2 / 3)
    angles = 2 * np.pi * pairs[..., 1]
    phi = angles[:, 0, 0].copy() if 1 in order else None
    theta = (2 * np.pi * uniform[of * draws :][samples]).astype(np.float32)
    angles[:, 0, 0] = theta
    return Circuits(angles, theta.astype(float), axes, phi)
