"""Gradients by qsim itself, from axes and angles: the second engine, for wide circuits.

TensorFlow Quantum runs qsim's kernels for SSE on gates that it parses one by one. Here
gates on the same pair of qubits become one, for all circuits at once, and qsim runs the
kernels of the processor at hand. The rewriting is exact: gates that cancel, commute
with the observable at the end, or lie outside its light cone are left out; a layer of
rotations takes in the two-qubit gates on both its sides.
"""

import importlib.util
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import Circuits
from barren.physics.layered import THETA, Gate, Layered, Moment
from barren.physics.simulate import PAULIS, Complex, kron, rotations

MATRICES = {
    "CZ": np.diag([1, 1, 1, -1]).astype(complex),
    "CNOT": np.eye(4, dtype=complex)[[0, 1, 3, 2]],
}
#: On the symbol's qubit and a further one, which goes from |0> to |+>, and chooses.
CHOICE = "choice"

#: qsim's kernels, as it numbers the instruction sets that it finds.
INSTRUCTIONS = ("qsim_avx512", "qsim_avx2", "qsim_sse", "qsim_basic")
#: qsim fuses up to two qubits, in one thread, because jobs share the cores, in silence.
#: The seed is asked for, not used.
OPTIONS = {"f": 2, "t": 1, "r": 1, "s": 0, "v": 0, "z": False}
OPTIONS |= {"g": False, "gmode": 0, "gsst": 512, "gdb": 16}  # no GPU


class Fused(NamedTuple):
    """A gate on some qubits: its matrix in each circuit, (samples, size, size)."""

    time: int
    qubits: tuple[int, ...]
    matrices: NDArray[Any]


def qsim_gradients(ensemble: Layered, circuits: Circuits) -> NDArray[np.float32]:
    """d<O>/d theta of each circuit, shape (samples,), per radian.

    The parameter shift, (<O> at theta + pi/2 - <O> at theta - pi/2) / 2, in float32 and
    in one simulation: a further qubit in |+> chooses the shift, and its Z, measured
    with O, gives the difference. For R_P(theta - pi/2) is R_P(theta + pi/2) P but for a
    phase.
    """
    qsim, width = kernels(), ensemble.width
    strings = []
    for weight, string in ensemble.terms:
        observable = qsim.OpString()
        observable.weight = weight
        for qubit, letter in [*string, (width, "Z")]:
            kind = getattr(qsim, f"k{letter}")
            qsim.add_gate_to_opstring(kind, [width - qubit], observable)
        strings.append(observable)
    observables = [(strings, 1 + max(len(string) for _, string in ensemble.terms))]
    moments = simplified(ensemble)
    symbols = [(n, g) for n, of in enumerate(moments) for g in of if g.angle == THETA]
    if not symbols:
        return np.zeros(len(circuits), np.float32)  # outside the light cone
    ((at, symbol),) = symbols
    moments.insert(at, [Gate(CHOICE, (*symbol.qubits, width))])
    up, down = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [1, -1]])
    paulis = PAULIS[circuits.axis(symbol)]
    choice = (np.kron(np.eye(2), up) + np.kron(paulis, down)) / np.sqrt(2)
    two_qubit, shifted = MATRICES | {CHOICE: choice}, circuits.shifted(np.pi / 2)
    gates = []
    for time, qubits, matrices in fused(moments, shifted, width + 1, two_qubit):
        # qsim counts qubits from the other end, and takes real and imaginary parts.
        flat = matrices.astype(np.complex64).reshape(len(circuits), -1)
        gates.append((time, [width - q for q in qubits], flat.view(np.float32)))
    found, add = np.empty(len(circuits), np.float32), qsim.add_matrix_gate
    for row in range(len(circuits)):
        circuit = qsim.Circuit()
        circuit.num_qubits = width + 1
        for time, places, parts in gates:
            add(time, places, parts[row].tolist(), circuit)
        options = OPTIONS | {"c": circuit}
        (value,) = qsim.qsim_simulate_expectation_values(options, observables, 0)
        found[row] = value.real
    return found


@cache
def kernels() -> Any:
    """qsim's kernels for the processor at hand.

    Loaded by file: `import qsimcirq` would import Cirq too, which costs as much as the
    gradients of a thousand narrow circuits.
    """
    return _module(INSTRUCTIONS[_module("qsim_decide").detect_instructions()])


def _module(name: str) -> Any:
    """A compiled module of the package qsimcirq."""
    package = importlib.util.find_spec("qsimcirq")
    assert package is not None and package.origin is not None
    (path,) = Path(package.origin).parent.glob(f"{name}.*.so")
    spec = importlib.util.spec_from_file_location(f"qsimcirq.{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simplified(ensemble: Layered) -> list[Moment]:
    """The gates that matter to the observable, in moments.

    Left out are gates outside its light cone; CZ gates after which only CZ gates and Z
    of the observable touch their qubits, as those commute; and gates that cancel.
    """
    letters = [pair for _, string in ensemble.terms for pair in string]
    cone = {qubit for qubit, _ in letters}
    mixed = {qubit for qubit, letter in letters if letter != "Z"}
    kept: list[Moment] = []
    for moment in reversed([*ensemble.moments()]):
        # Rounding depends on the order inside a moment, too: the last gate first.
        gates = [gate for gate in moment[::-1] if not cone.isdisjoint(gate.qubits)]
        gates = [g for g in gates if g.name != "CZ" or not mixed.isdisjoint(g.qubits)]
        for gate in gates:
            cone.update(gate.qubits)
            mixed.update(() if gate.name == "CZ" else gate.qubits)
        kept.append(gates)
    return _cancelled(kept[::-1])


def _cancelled(moments: list[Moment]) -> list[Moment]:
    """Moments without equal two-qubit gates that have nothing between them."""
    left = [{}, *({gate.qubits: gate for gate in moment} for moment in moments)]
    on: dict[int, list[int]] = defaultdict(lambda: [0])  # when each qubit has gates
    for time, moment in enumerate(moments, 1):
        for gate in moment:
            before, *more = {on[qubit][-1] for qubit in gate.qubits}
            twin = left[before].get(gate.qubits)
            if not more and twin and twin.name == gate.name != "R":
                del left[time][gate.qubits], left[before][gate.qubits]
                for qubit in gate.qubits:
                    on[qubit].pop()
            else:
                for qubit in gate.qubits:
                    on[qubit].append(time)
    return [[*gates.values()] for gates in left if gates]


def fused(
    moments: list[Moment],
    circuits: Circuits,
    width: int,
    two_qubit: Mapping[str, Complex],
) -> Iterator[Fused]:
    """Gates on one pair of qubits, and the rotations around them, as one gate.

    A block, of a pair or of a qubit without one, grows until another pair takes it.
    """
    one = np.tile(np.eye(2, dtype=complex), (len(circuits), 1, 1))
    blocks: dict[tuple[int, ...], Complex] = {}
    for time, moment in enumerate(moments):
        if moment[0].name == "R":
            turned = rotations(moment, circuits, width)
            for qubit in {*range(width)}.difference(*blocks):
                blocks[qubit,] = one
            for qubits, block in blocks.items():
                blocks[qubits] = kron(turned[:, qubits]) @ block
            continue
        for gate in moment:
            if gate.qubits not in blocks:
                taken = [of for of in blocks if not {*of}.isdisjoint(gate.qubits)]
                over = {of: blocks.pop(of) for of in taken}
                single = [over.pop((qubit,), one) for qubit in gate.qubits]
                yield from (Fused(time, *of) for of in over.items())
                blocks[gate.qubits] = kron(np.stack(single, axis=1))
            blocks[gate.qubits] = two_qubit[gate.name] @ blocks[gate.qubits]
    yield from (Fused(len(moments), *of) for of in blocks.items())
