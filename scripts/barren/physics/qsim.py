"""Gradients by qsim itself, from axes and angles: the second engine, for wide circuits.

TensorFlow Quantum runs qsim's kernels for SSE on gates that it parses one by one. Here
gates on the same pair of qubits become one, for all circuits at once, and qsim runs the
kernels of the processor at hand. The rewriting is exact: gates that cancel, commute
with the observable at the end, or lie outside its light cone are left out; a layer of
rotations takes in the two-qubit gates on both its sides; qubits join the register when
a gate first needs them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.blocks import kron
from barren.physics.circuits import Circuits
from barren.physics.layered import THETA, Gate, Layered, Moment
from barren.physics.packages import parts_of
from barren.physics.simulate import MATRICES, PAULIS, Complex, rotations

#: On the symbol's qubit and a further one, which goes from |0> to |+>, and chooses.
CHOICE = "choice"

#: Places above the diagonal of a gate on a pair.
ABOVE = np.triu_indices(4, 1)
#: Qubits of a register on which gates cost next to nothing.
SMALL = 12

#: qsim's kernels, as it numbers the instruction sets that it finds.
INSTRUCTIONS = ("qsim_avx512", "qsim_avx2", "qsim_sse", "qsim_basic")
#: qsim fuses up to two qubits, in one thread, because jobs share the cores, in silence.
#: The seed is asked for, not used.
OPTIONS = {"f": 2, "t": 1, "r": 1, "s": 0, "v": 0, "z": False}
OPTIONS |= {"g": False, "gmode": 0, "gsst": 512, "gdb": 16}  # no GPU


#: A gate of some circuits: its time, its qubits, its matrix in each, (samples, size,
#: size), and in which it is not left out, (samples,).
Fused = tuple[int, tuple[int, ...], NDArray[Any], NDArray[np.bool_]]


def qsim_gradients(ensemble: Layered, circuits: Circuits) -> NDArray[np.float32]:
    """d<O>/d theta of each circuit, shape (samples,), per radian.

    The parameter shift, (<O> at theta + pi/2 - <O> at theta - pi/2) / 2, in float32 and
    in one simulation: a further qubit in |+> chooses the shift, and its Z, measured
    with O, gives the difference. For R_P(theta - pi/2) is R_P(theta + pi/2) P but for a
    phase.
    """
    width, moments = ensemble.width, simplified(ensemble)
    symbols = [(n, g) for n, of in enumerate(moments) for g in of if g.angle == THETA]
    if not symbols:
        return np.zeros(len(circuits), np.float32)  # outside the light cone
    ((at, symbol),) = symbols
    moments.insert(at, [Gate(CHOICE, (*symbol.qubits, width))])
    up, down = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [1, -1]])
    paulis = PAULIS[circuits.axis(symbol)]
    choice = (np.kron(np.eye(2), up) + np.kron(paulis, down)) / np.sqrt(2)
    two_qubit = MATRICES | {CHOICE: choice}
    shifted = replace(circuits, theta=circuits.values[:, 0] + np.pi / 2)
    registers = []
    for first, part in growing(moments, width):
        gates: list[Fused] = []
        for time, qubits, matrices, kept in fused(part, shifted, width + 1, two_qubit):
            # qsim counts from the last qubit, and takes real and imaginary parts.
            flat = matrices.astype(np.complex64).reshape(len(matrices), -1)
            places = tuple(width - qubit for qubit in qubits)
            gates.append((time, places, flat.view(np.float32), kept))
        registers.append((width + 1 - first, gates))
    return _expectations(registers, _observables(ensemble), len(circuits))


def _observables(ensemble: Layered) -> Any:
    """The observable, with Z of the qubit that chooses, for qsim."""
    qsim, strings = kernels(), []
    for weight, string in ensemble.terms:
        observable = qsim.OpString()
        observable.weight = weight
        for qubit, letter in [*string, (ensemble.width, "Z")]:
            kind, place = getattr(qsim, f"k{letter}"), ensemble.width - qubit
            qsim.add_gate_to_opstring(kind, [place], observable)
        strings.append(observable)
    return [(strings, 1 + max(len(string) for _, string in ensemble.terms))]


def _expectations(
    registers: list[tuple[int, list[Fused]]], observables: Any, samples: int
) -> NDArray[np.float32]:
    """Expectation values, (samples,), register by register: its qubits, its gates."""
    qsim, found = kernels(), np.empty(samples, np.float32)
    whole = np.empty(2 << registers[-1][0], np.float32)
    for row in range(samples):
        whole[:2], before = (1, 0), 2
        for size, gates in registers:
            circuit = qsim.Circuit()
            circuit.num_qubits = size
            for time, qubits, matrices, kept in gates:
                if kept[row]:
                    qsim.add_matrix_gate(time, qubits, matrices[row].tolist(), circuit)
            options, joined = OPTIONS | {"c": circuit}, whole[: 2 << size]
            joined[before:], before = 0, 2 << size  # qubits that join are |0>
            if size < registers[-1][0]:
                joined[:] = qsim.qsim_simulate_fullstate(options, joined).view("f4")
        (value,) = qsim.qsim_simulate_expectation_values(options, observables, joined)
        found[row] = value.real
    return found


@cache
def kernels() -> Any:
    """qsim's kernels for the processor at hand.

    `import qsimcirq` would import Cirq too, which costs as much as the gradients of a
    thousand narrow circuits.
    """
    with parts_of("qsimcirq"):
        found = import_module("qsimcirq.qsim_decide").detect_instructions()
        return import_module(f"qsimcirq.{INSTRUCTIONS[found]}")


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
    on: dict[int, list[tuple[int, Gate]]] = defaultdict(list)  # gates of each qubit
    for time, moment in enumerate(moments):
        for gate in moment:
            before = [on[qubit] for qubit in gate.qubits]
            twins = all(of and of[-1][1][:2] == gate[:2] for of in before)
            for of in before:
                if twins and gate.name != "R":
                    of.pop()
                else:
                    of.append((time, gate))
    left = {pair for of in on.values() for pair in of}
    kept = ([g for g in of if (time, g) in left] for time, of in enumerate(moments))
    return [gates for gates in kept if gates]


def growing(moments: list[Moment], width: int) -> list[tuple[int, list[Moment]]]:
    """The gates by the register that they need: its first qubit, and its gates.

    A gate needs the qubits that gates before it act on. Those that do not need the
    first qubits come first, on a state without them. Two qubits join at a time, because
    gates are fused in pairs.
    """
    first = [*range(width + 1)]  # of the register that each qubit needs
    small = max(0, width - SMALL)
    registers: dict[int, list[Moment]] = {0: []}
    for moment in moments:
        parts: dict[int, Moment] = defaultdict(list)
        for gate in moment:
            reached = min(first[qubit] for qubit in gate.qubits)
            for qubit in gate.qubits:
                first[qubit] = reached
            parts[min(reached, small) // 2 * 2].append(gate)
        for at, part in parts.items():
            registers.setdefault(at, []).append(part)
    return sorted(registers.items(), reverse=True)


def fused(
    moments: list[Moment],
    circuits: Circuits,
    width: int,
    two_qubit: Mapping[str, Complex],
) -> Iterator[Fused]:
    """Gates on one pair of qubits, and the rotations around them, as one gate.

    A block, of a pair or of a qubit without one, grows until another pair takes it.
    Where it is but phases of each qubit it is left out, and the next ones have those.
    """
    one = np.tile(np.eye(2, dtype=complex), (len(circuits), 1, 1))
    blocks: dict[tuple[int, ...], Complex] = {}
    for time, moment in enumerate(moments):
        if moment[0].name == "R":
            turned = rotations(moment, circuits, width)
            for qubit in {gate.qubits[0] for gate in moment}.difference(*blocks):
                blocks[qubit,] = one
            for qubits, block in blocks.items():
                blocks[qubits] = kron(*(turned[q] for q in qubits)) @ block
            continue
        for gate in moment:
            if gate.qubits not in blocks:
                over = [of for of in blocks if len(of) == 2 and {*of} & {*gate.qubits}]
                for pair in over:
                    block = blocks.pop(pair)
                    apart, phases = _phases(pair, block)
                    yield time, pair, block, ~apart
                    blocks |= phases
                single = [blocks.pop((qubit,), one) for qubit in gate.qubits]
                blocks[gate.qubits] = kron(*single)
            blocks[gate.qubits] = two_qubit[gate.name] @ blocks[gate.qubits]
    for qubits, block in blocks.items():
        kept = (block != np.eye(block.shape[1])).any(axis=(1, 2))
        yield len(moments), qubits, block, kept


def _phases(
    pair: tuple[int, ...], block: Complex
) -> tuple[NDArray[np.bool_], dict[tuple[int, ...], Complex]]:
    """In which circuits a gate on a pair is but phases of each qubit, (samples,).

    So it is between CZ gates, which cancel then, where both rotations are about Z. And
    the phases, (samples, 2, 2), by qubit: the identity in other circuits.
    """
    apart: NDArray[np.bool_] = ~block[:, *ABOVE].any(axis=1)  # unitary, so diagonal
    a, b, c, d = np.einsum("sii->is", block)
    apart &= np.abs(a * d + b * c) > 1  # 2; of CZ itself 0
    if not apart.any():
        return apart, {}
    phases = np.zeros((2, len(block), 2, 2), complex)
    phases[..., 0, 0] = phases[..., 1, 1] = 1
    phases[:, apart, 1, 1] = np.stack([c, b])[:, apart] / a[apart]
    return apart, {(qubit,): of for qubit, of in zip(pair, phases, strict=True)}
