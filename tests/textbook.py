"""Circuits and gradients by Cirq, gate by gate: what the engines are held against."""

from collections.abc import Sequence
from itertools import pairwise

import cirq
import numpy as np
import sympy

from barren.physics.circuits import AXES, Circuits
from barren.physics.families import Identity, IdentityTutorial
from barren.physics.layered import Layered
from barren.physics.observables import Term

THETA = sympy.Symbol("theta")
#: float32 through some hundred gates.
ABSOLUTE = 1e-5
#: The adjoint kernel takes central differences of step h = 0.005 in a gate's exponent:
#: (pi h)^2 / 6 = 4.1e-5.
RELATIVE = 4.5e-5


def cirq_circuit(ensemble: Layered, circuits: Circuits, row: int) -> cirq.Circuit:
    """The circuit in textbook order: ladders from qubit 0 up, gate by gate."""
    qubits = cirq.GridQubit.rect(1, ensemble.width)
    gates = dict(zip(AXES, (cirq.rx, cirq.ry, cirq.rz), strict=True))
    ladder = [cirq.CZ(a, b) for a, b in pairwise(qubits)]

    def rotations(layer: int, dagger: bool) -> list[cirq.Operation]:
        operations = []
        for q, qubit in enumerate(qubits):
            angle = circuits.angles[row, layer, q]
            angle = -angle if dagger else angle
            if (layer, q) == ensemble.symbol:
                if not dagger:
                    angle = THETA
                elif isinstance(ensemble, IdentityTutorial):
                    angle = -circuits.phi[row]
            operations.append(gates[AXES[circuits.axes[row, layer, q]]](angle)(qubit))
        return operations

    operations = [cirq.ry(np.pi / 4)(qubit) for qubit in qubits]
    blocks = ensemble.blocks if isinstance(ensemble, Identity) else 1
    for block in np.split(np.arange(ensemble.layers), blocks):
        for layer in block:
            operations += rotations(layer, False) + ladder
        if isinstance(ensemble, Identity):
            for layer in reversed(block):
                operations += ladder[::-1] + rotations(layer, True)
    return cirq.Circuit(operations)


def cirq_gradient(circuit: cirq.Circuit, terms: Sequence[Term], theta: float) -> float:
    """The exact gradient by the parameter shift, in double precision."""
    qubits = sorted(circuit.all_qubits())
    paulis = {"X": cirq.X, "Y": cirq.Y, "Z": cirq.Z}
    observable = cirq.PauliSum.from_pauli_strings(
        [
            weight * cirq.PauliString(paulis[letter](qubits[q]) for q, letter in string)
            for weight, string in terms
        ]
    )
    simulator = cirq.Simulator(dtype=np.complex128)
    up, down = (
        simulator.simulate_expectation_values(circuit, observable, {THETA: value})[0]
        for value in (theta + np.pi / 2, theta - np.pi / 2)
    )
    return float((up - down).real / 2)
