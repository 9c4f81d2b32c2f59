"""Three ansatze to start from: functions of qubits and keywords that return circuits.

Every symbol is a parameter. Exact variances are known where each stands once, as the
angle of a rotation about a Pauli string, among Clifford gates.
"""

import math
from itertools import pairwise

import cirq
import sympy


def hardware_efficient(qubits: list[cirq.Qid], depth: int) -> cirq.Circuit:
    """Layers of R_Y and R_Z on every qubit and CZ on a line, after R_Y(pi/4)."""
    gates = [cirq.ry(math.pi / 4)(qubit) for qubit in qubits]
    for layer in range(depth):
        for n, qubit in enumerate(qubits):
            gates.append(cirq.ry(sympy.Symbol(f"y{layer}_{n}"))(qubit))
            gates.append(cirq.rz(sympy.Symbol(f"z{layer}_{n}"))(qubit))
        gates += [cirq.CZ(a, b) for a, b in pairwise(qubits)]
    return cirq.Circuit(gates)


def efficient_su2(qubits: list[cirq.Qid], depth: int) -> cirq.Circuit:
    """EfficientSU2: R_Y and R_Z on every qubit, a ring of CNOTs between the layers."""
    gates = []
    for layer in range(depth + 1):
        for n, qubit in enumerate(qubits):
            gates.append(cirq.ry(sympy.Symbol(f"y{layer}_{n}"))(qubit))
            gates.append(cirq.rz(sympy.Symbol(f"z{layer}_{n}"))(qubit))
        if layer < depth:
            ring = pairwise([*qubits, qubits[0]])
            gates += [cirq.CNOT(a, b) for a, b in ring]
    return cirq.Circuit(gates)


def ising_hva(qubits: list[cirq.Qid], depth: int) -> cirq.Circuit:
    """Hamiltonian variational ansatz of the transverse-field Ising chain.

    The gates of a layer share its two parameters: no exact form, sampled.
    """
    gates = [cirq.H(qubit) for qubit in qubits]
    for layer in range(depth):
        zz, x = sympy.Symbol(f"zz{layer}"), sympy.Symbol(f"x{layer}")
        bond = cirq.ZZPowGate(exponent=zz / sympy.pi, global_shift=-0.5)
        gates += [bond(a, b) for a, b in pairwise(qubits)]
        gates += [cirq.rx(x)(qubit) for qubit in qubits]
    return cirq.Circuit(gates)
