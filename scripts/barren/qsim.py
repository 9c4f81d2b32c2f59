"""Gradients by qsim itself, from axes and angles: the second engine, for wide circuits.

TensorFlow Quantum runs qsim's kernels for SSE on gates that it parses one by one. Here
each layer becomes one gate on each pair of qubits, for all circuits at once, and qsim
runs the kernels of the processor at hand. The gates are exact rewritings: a rotation
layer takes in the CZ gates on both its sides, which `programs.ladder` puts on the same
pairs; CZ gates that cancel, that commute with the observable or that lie outside its
light cone are left out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.circuits import Circuits
from barren.ensembles import RANDOM, Ensemble
from barren.programs import PREPARATION, ladder

_PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_Y = 1
_CZ = np.array([1, 1, 1, -1])


def qsim_gradients(ensemble: Ensemble, circuits: Circuits) -> NDArray[np.float32]:
    """d<Z_a Z_b>/d theta of each circuit, shape (samples,), per radian.

    The parameter shift: two expectations at theta +- pi/2, in float32.
    """
    import qsimcirq

    qsim = qsimcirq.qsim
    # One thread, because jobs share the cores. The seed is asked for, not used.
    options = qsimcirq.QSimOptions(cpu_threads=1).as_dict() | {"s": 0}
    width = ensemble.width
    observable = qsim.OpString()
    observable.weight = 1
    for qubit in ensemble.observable:
        qsim.add_gate_to_opstring(qsim.kZ, [width - 1 - qubit], observable)
    observables = [([observable], len(ensemble.observable))]
    gates = _fused(ensemble, circuits)
    symbol = [len(matrices) == 2 for *_, matrices in gates]
    if True not in symbol:  # outside the light cone
        return np.zeros(len(circuits), np.float32)
    at = symbol.index(True)
    values = np.empty((len(circuits), 2), np.float32)
    for row in range(len(circuits)):
        matrices = [matrices[0][row].tolist() for *_, matrices in gates]
        for column in (0, 1):
            matrices[at] = gates[at][-1][column][row].tolist()
            circuit = qsim.Circuit()
            circuit.num_qubits = width
            for (time, qubits, _), matrix in zip(gates, matrices, strict=True):
                qsim.add_matrix_gate(time, qubits, matrix, circuit)
            (value,) = qsim.qsim_simulate_expectation_values(
                options | {"c": circuit}, observables, 0
            )
            values[row, column] = value.real
    return (values[:, 0] - values[:, 1]) / np.float32(2)


def _fused(
    ensemble: Ensemble, circuits: Circuits
) -> list[tuple[int, list[int], list[NDArray[np.float32]]]]:
    """Time, qubits and matrices of the gates: of each layer one on each pair.

    Matrices are (samples, 2 * 4**qubits), real and imaginary parts in turn. There are
    two, at theta + pi/2 and theta - pi/2, where the symbol is.
    """
    rotations = _rotation(circuits.axes, circuits.angles)
    layers = _layers(ensemble)
    cone = set(ensemble.observable)
    gates = []
    for time, (layer, sign, before, after) in reversed([*enumerate(layers)]):
        variants = [rotations[:, layer]]
        if layer == ensemble.symbol_layer:
            up, down = circuits.theta + np.pi / 2, circuits.theta - np.pi / 2
            axes = circuits.axes[:, layer, ensemble.symbol_qubit]
            angles = (up, down) if sign == 1 else (circuits.phi,)
            variants = [variants[0].copy() for _ in angles]
            for each, angle in zip(variants, angles, strict=True):
                each[:, ensemble.symbol_qubit] = _rotation(axes, angle)
        if sign == -1:
            variants = [each.conj().swapaxes(-1, -2) for each in variants]
        if time == 0:
            variants = [each @ _rotation(_Y, PREPARATION) for each in variants]
        pairs = ladder(ensemble.width, layer)[0]
        alone = set(range(ensemble.width)) - {qubit for pair in pairs for qubit in pair}
        cz = np.where(before, _CZ, 1) * np.where(after, _CZ, 1)[:, None]
        joined = [cz * _product(each[:, pairs]) for each in variants if pairs]
        for number, qubits in enumerate([*pairs, *((q,) for q in sorted(alone))]):
            if cone.isdisjoint(qubits):
                continue
            cone.update(qubits)
            matrices = (
                [each[:, number] for each in joined]
                if len(qubits) == 2
                else [each[:, qubits[0]] for each in variants]
            )
            if ensemble.symbol_qubit not in qubits:
                del matrices[1:]
            # qsim counts qubits from the other end.
            places = [ensemble.width - 1 - qubit for qubit in qubits]
            gates.append((time, places, [_parts(each) for each in matrices]))
    return gates[::-1]


def _layers(ensemble: Ensemble) -> list[tuple[int, int, bool, bool]]:
    """Rotation layers in time: layer, sign, whether CZ gates are before and after.

    Those between two layers belong half to each. At the turn of a block all cancel; at
    the end of a random circuit they commute with the observable.
    """
    layers = []
    for start in range(0, ensemble.layers, ensemble.block_depth or ensemble.layers):
        end = start + (ensemble.block_depth or ensemble.layers)
        block = [
            (layer, 1, layer > start, layer < end - 1) for layer in range(start, end)
        ]
        layers += block
        if ensemble.family != RANDOM:
            layers += [
                (layer, -1, after, before) for layer, _, before, after in block[::-1]
            ]
    return layers


def _rotation(axes: Any, angles: Any) -> NDArray[np.complex128]:
    """exp(-i angle P / 2) of axes and angles of one shape, (..., 2, 2)."""
    half = np.asarray(angles)[..., None, None] / 2
    matrices: NDArray[np.complex128] = (
        np.cos(half) * np.eye(2) - 1j * np.sin(half) * _PAULIS[axes]
    )
    return matrices


def _product(factors: Any) -> NDArray[np.complex128]:
    """Kronecker products of (samples, pairs, 2, 2, 2), qubit of a pair third."""
    a, b = factors[:, :, 0], factors[:, :, 1]
    product: NDArray[np.complex128] = np.einsum("spij,spkl->spikjl", a, b)
    return product.reshape(*product.shape[:2], 4, 4)


def _parts(matrices: NDArray[np.complex128]) -> NDArray[np.float32]:
    """Real and imaginary parts in turn, (samples, 2 size^2)."""
    return matrices.astype(np.complex64).reshape(len(matrices), -1).view(np.float32)
