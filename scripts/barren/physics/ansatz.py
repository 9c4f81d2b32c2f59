"""Circuits of one's own, as plain data: what `build_circuits` makes of a function.

A built circuit is a dictionary that JSON holds: `cirq` (Cirq's own JSON, as text),
`program` (the serialised TensorFlow Quantum program, base64), `symbols` (in the
circuit's order), `drawing` (the gates: qubits and a label for each), and `exact` (its
Pauli rotations and Clifford gates) or `reason` (why there is no exact form).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from barren.physics.ensembles import Prediction
from barren.physics.observables import NoExactForm, Term
from barren.physics.pauli_actions import Circuit, Clifford, Rotation
from barren.physics.pauli_paths import gradient_moments

Built = Mapping[str, Any]


def as_data(circuit: Circuit) -> dict[str, Any]:
    """Rotations and Clifford gates for JSON."""
    gates = [
        {"axis": gate.axis, "parameter": gate.parameter, "multiple": gate.multiple}
        if isinstance(gate, Rotation)
        else {"qubits": gate.qubits, "images": gate.images}
        for gate in circuit.gates
    ]
    return {"bloch": circuit.bloch.tolist(), "gates": gates}


def from_data(data: Mapping[str, Any], parameters: int) -> Circuit:
    """The inverse of `as_data`."""
    gates: list[Rotation | Clifford] = []
    for gate in data["gates"]:
        if "axis" in gate:
            axis = tuple((qubit, letter) for qubit, letter in gate["axis"])
            gates.append(Rotation(axis, gate["parameter"], gate["multiple"]))
        else:
            gates.append(Clifford(tuple(gate["qubits"]), tuple(gate["images"])))
    return Circuit(np.array(data["bloch"]), tuple(gates), parameters)


def predictions(
    built: Built, terms: Sequence[Term], sigma: float | None
) -> dict[str, Prediction]:
    """Exact moments of the gradient by every parameter, by its name."""
    symbols = built["symbols"]
    try:
        if "reason" in built:
            raise NoExactForm(built["reason"])
        circuit = from_data(built["exact"], len(symbols))
        moments = gradient_moments(circuit, terms, sigma)
    except NoExactForm as error:
        return dict.fromkeys(symbols, Prediction(reason=str(error)))
    rows = np.stack([moments.mean, moments.second_moment, moments.variance], axis=1)
    return {
        symbol: Prediction(mean, second, variance, relative_error=0.0)
        for symbol, (mean, second, variance) in zip(symbols, rows.tolist(), strict=True)
    }
