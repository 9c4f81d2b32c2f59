"""A circuit of one's own whose keyword arguments are of every kind."""

from itertools import pairwise

import cirq
import sympy


def twisted(
    qubits: list[cirq.Qid],
    depth: int,
    angle: float = 0.5,
    gate: str = "CZ",
    closed: bool = False,
    mixed: bool = False,
) -> cirq.Circuit:
    """Layers of R_X by a symbol and R_Y by an angle, on a line or on a ring.

    Mixed: Hadamard gates come first. The qubits of a layer are in the order of a set.
    """
    two = {"CZ": cirq.CZ, "CNOT": cirq.CNOT}[gate]
    circuit = cirq.Circuit(cirq.H(qubit) for qubit in qubits if mixed)
    for layer in range(depth):
        for name, qubit in {(f"x{layer}_{n}", of) for n, of in enumerate(qubits)}:
            circuit.append(cirq.rx(sympy.Symbol(name))(qubit))
            circuit.append(cirq.ry(angle)(qubit))
        circuit.append(two(*pair) for pair in pairwise(qubits))
        if closed and len(qubits) > 2:
            circuit.append(two(qubits[-1], qubits[0]))
    return circuit
