"""Circuits of one's own, as plain data: what `build_circuits` makes of a function.

A built circuit is a dictionary that JSON holds: `cirq` (Cirq's own JSON, as text),
`program` (the serialised TensorFlow Quantum program, base64), `symbols` (in the
circuit's order), `drawing` (the gates: qubits and a label for each), and `exact` (its
Pauli rotations and Clifford gates) or `reason` (why there is no exact form).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from barren.physics.moments import Moments
from barren.physics.observables import NoExactForm, Term
from barren.physics.pauli_actions import Circuit, Clifford, Rotation
from barren.physics.pauli_paths import gradient_moments

Built = Mapping[str, Any]


def as_data(circuit: Circuit) -> dict[str, Any]:
    """Rotations and Clifford gates for JSON."""
    gates = [gate._asdict() for gate in circuit.gates]
    return {"bloch": circuit.bloch.tolist(), "gates": gates}


def from_data(data: Mapping[str, Any], parameters: int) -> Circuit:
    """The inverse of `as_data`."""
    gates = [
        Rotation(**gate) if "axis" in gate else Clifford(**gate)
        for gate in data["gates"]
    ]
    return Circuit(np.array(data["bloch"]), tuple(gates), parameters)


def exact_moments(built: Built, terms: Sequence[Term], sigma: float | None) -> Moments:
    """Moments of the gradient by every parameter, in their order."""
    if "reason" in built:
        raise NoExactForm(built["reason"])
    circuit = from_data(built["exact"], len(built["symbols"]))
    return gradient_moments(circuit, terms, sigma)
