"""An exact state-vector sampler of gradients in plain numpy, for studies and tests.

It has an order of gates of its own, from the papers' definitions, and ways to plant
faults: an independent oracle of the engines, and a source of pools of exact gradients.
A state of n qubits is a matrix of 2^(n//2) rows and 2^(n - n//2) columns, so that a
layer of rotations is one matrix product from the left and one from the right.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import Circuits
from barren.physics.ensembles import PHI, Layered
from barren.physics.observables import Term, of_z

PAULIS = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128
)


def draw_circuits(
    ensemble: Layered,
    samples: int,
    rng: np.random.Generator,
    *,
    axes: tuple[int, ...] = (0, 1, 2),
    stop: float = 2 * np.pi,
    theta: float | None = None,
) -> Circuits:
    """Draw circuits of an ensemble with uniform angles, all from one stream.

    Much faster than a stream per circuit. The axes to draw from, the angle (radians)
    at which angles stop and a fixed theta exist to plant faults.
    """
    shape = (samples, ensemble.layers, ensemble.width)
    codes = rng.choice(np.array(axes, dtype=np.uint8), size=shape)
    angles = rng.uniform(0, stop, size=shape)
    symbol = (slice(None), *ensemble.symbol)
    if theta is not None:
        angles[symbol] = theta
    has_phi = PHI in ensemble.draw(rng)
    phi = rng.uniform(0, stop, samples) if has_phi else None
    return Circuits(angles, angles[symbol].copy(), codes, phi)


def knows(ensemble: Layered) -> bool:
    """Whether this oracle has the ensemble: random axes, and products of Z."""
    return of_z(ensemble.terms) and not ensemble.axis


def rotations(
    axes: NDArray[np.uint8], angles: NDArray[np.float64], dtype: Any = np.complex128
) -> NDArray[Any]:
    """Matrices of R_P(angle) = cos(angle/2) - i sin(angle/2) P, shape (..., 2, 2)."""
    half = angles[..., None, None] / 2
    matrices = np.cos(half) * np.eye(2) - 1j * np.sin(half) * PAULIS[axes]
    return np.asarray(matrices, dtype=dtype)


def expectations(
    axes: NDArray[np.uint8],
    angles: NDArray[np.float64],
    inverse_angles: NDArray[np.float64] | None = None,
    block_depth: int | None = None,
    terms: Sequence[Term] = ((1.0, ((0, "Z"), (1, "Z"))),),
    *,
    ladder: int | None = None,
    prepare: bool = True,
    dtype: Any = np.complex128,
) -> NDArray[np.float64]:
    """<O> of every circuit, O a sum of products of Z, shape (samples,).

    axes and angles (samples, layers, width). With a `block_depth`, every so many
    layers are followed by their inverse with `inverse_angles` in place of the angles,
    simulated gate for gate. `ladder` (how many CZs a layer has; default width - 1)
    and `prepare` exist to plant faults.
    """
    samples, layers, width = axes.shape
    split = width // 2
    bits = (np.arange(2**width) >> np.arange(width - 1, -1, -1)[:, None]) & 1
    cz_pairs = (bits[:-1] & bits[1:])[:ladder]
    signs = (1.0 - 2.0 * (cz_pairs.sum(axis=0) % 2)).reshape(2**split, -1)
    signs = signs.astype(dtype)
    signs_of = 1.0 - 2.0 * bits
    parity = sum(w * signs_of[[q for q, _ in s]].prod(axis=0) for w, s in terms)
    half = np.pi / 8 if prepare else 0.0
    product = np.where(bits, np.sin(half), np.cos(half)).prod(axis=0)
    state = np.tile(product.reshape(signs.shape), (samples, 1, 1)).astype(dtype)

    def rotate(state: NDArray[Any], gates: NDArray[Any]) -> NDArray[Any]:
        left = _kron(gates[:, :split])
        right = _kron(gates[:, split:]).swapaxes(1, 2)
        return np.asarray(left @ state @ right)

    forward = rotations(axes, angles, dtype)
    if block_depth is None:
        for layer in range(layers):
            state = rotate(state, forward[:, layer]) * signs
    else:
        inverse = rotations(
            axes, -(angles if inverse_angles is None else inverse_angles), dtype
        )
        for start in range(0, layers, block_depth):
            block = range(start, start + block_depth)
            for layer in block:
                state = rotate(state, forward[:, layer]) * signs
            for layer in reversed(block):
                state = rotate(state * signs, inverse[:, layer])
    weights = np.abs(state.reshape(samples, -1)) ** 2
    return np.asarray(weights @ parity, dtype=np.float64)


def gradients(
    ensemble: Layered,
    circuits: Circuits,
    *,
    ladder: int | None = None,
    prepare: bool = True,
    dtype: Any = np.complex128,
    chunk: int = 128,
) -> NDArray[np.float64]:
    """d<O>/d theta of every circuit by parameter shift, shape (samples,).

    In identity blocks theta is the angle in U_1 alone; U_1^dagger keeps phi, or the
    drawn angle. Exact up to rounding. `ladder` and `prepare`: see `expectations`.
    """
    assert circuits.axes is not None
    symbol = (slice(None), *ensemble.symbol)
    block_depth = ensemble.keys().get("block_depth")
    results = [np.empty(0)]
    for start in range(0, len(circuits), chunk):
        part = slice(start, start + chunk)
        axes, angles = circuits.axes[part], circuits.angles[part]
        inverse_angles = angles.copy()
        if circuits.phi is not None:
            inverse_angles[symbol] = circuits.phi[part]
        shifted = []
        for shift in (np.pi / 2, -np.pi / 2):
            moved = angles.copy()
            moved[symbol] = circuits.values[part, 0] + shift
            shifted.append(
                expectations(
                    axes,
                    moved,
                    inverse_angles,
                    block_depth,
                    ensemble.terms,
                    ladder=ladder,
                    prepare=prepare,
                    dtype=dtype,
                )
            )
        results.append((shifted[0] - shifted[1]) / 2)
    return np.concatenate(results)


def _kron(gates: NDArray[Any]) -> NDArray[Any]:
    """Kronecker product over axis 1 of (samples, qubits, 2, 2) matrices."""
    product = np.ones((len(gates), 1, 1), dtype=gates.dtype)
    for qubit in range(gates.shape[1]):
        size = 2 * product.shape[1]
        product = np.einsum("sij,skl->sikjl", product, gates[:, qubit])
        product = product.reshape(-1, size, size)
    return product
