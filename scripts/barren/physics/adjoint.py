"""Gradients of circuits of one's own by numpy and Cirq, by the adjoint method.

Nothing comes from TensorFlow Quantum, neither programs nor kernels: a gate is what Cirq
says that its unitary is, whatever its class. So the two engines check each other. All
circuits of a batch go through a gate at once.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.blocks import Block, merged
from barren.physics.circuits import Circuits
from barren.physics.ensembles import Ensemble
from barren.physics.moments import Floats
from barren.physics.simulate import Complex, swept

#: Half the change of a symbol, whose unit is the user's, in the central difference that
#: derives a unitary: an error of 1e-8 or so, below the rounding of a state.
STEP = 1e-4
#: Where a gate must be what its generator says: at whole and half numbers others are.
ELSEWHERE = (0.618, 2.719)
#: Where a gate of several symbols is looked at for how fast it changes; and by which
#: shares of the step, for one that turns by whole turns seems to stand still.
PLACES, SHARES = 500, (1.0, 0.618)
#: Amplitudes of the states that go through a gate at once: those stay in the cache.
AMPLITUDES = 2**16


def adjoint_gradients(
    ensemble: Ensemble, circuits: Circuits, symbols: Sequence[str]
) -> NDArray[np.float32]:
    """d<O>/ds of each circuit by each symbol s, (samples, symbols).

    symbols: those of the angles, in their order. Of what is not asked for it is 0.
    """
    asked = ensemble.asked(symbols)
    values = dict(zip(symbols, circuits.angles.T, strict=True))
    assert circuits.circuit is not None
    gates = _gates(circuits.circuit.item())
    blocks = merged(_block(gate, values, asked) for gate in gates)
    found = np.zeros(circuits.angles.shape, np.float32)
    at_once = max(1, AMPLITUDES >> ensemble.width)
    for begin in range(0, len(found), at_once):
        rows = slice(begin, begin + at_once)
        some = [block.of(rows) for block in blocks]
        gradient = swept(some, ensemble.terms, ensemble.width, len(found[rows]))
        for name, column in gradient.items():
            found[rows, symbols.index(name)] = column
    return found


class _Gate(NamedTuple):
    """An operation of Cirq, and its symbols.

    alike: the operation of all that differ in qubits and names of symbols alone.
    """

    operation: Any
    alike: Any
    names: list[str]


@lru_cache(8)  # of the batches and observables that share a circuit
def _gates(text: bytes) -> list[_Gate]:
    """The gates of a circuit of one's own, from Cirq's JSON."""
    import cirq

    gates = []
    for operation in cirq.read_json(json_text=text.decode()).all_operations():
        names = sorted(cirq.parameter_names(operation))
        # Like others but for its qubits and its symbols' names.
        qubits = cirq.LineQubit.range(len(operation.qubits))
        symbols = {name: f"s{at}" for at, name in enumerate(names)}
        alike = cirq.resolve_parameters_once(operation.with_qubits(*qubits), symbols)
        gates.append(_Gate(operation, alike, names))
    return gates


class Steepness(NamedTuple):
    """How fast a gate U changes with a symbol s.

    speed: |dU/ds|, 1 / 2 for exp(-i s P / 2). bound: what no gradient by it exceeds,
    for an observable of norm 1; a phase of the whole gate has no part in it. frequency:
    the highest of U, which is its speed if it is exp(i H s) U(0); else not known.
    """

    speed: float
    bound: float
    frequency: float = math.inf


def steepness_of_symbols(text: bytes, symbols: Sequence[str]) -> list[list[Steepness]]:
    """How fast each gate changes that has a symbol; text: a circuit, Cirq's JSON."""
    found: dict[str, list[Steepness]] = defaultdict(list)
    for gate in _gates(text):
        for name, of in zip(gate.names, _steepness(gate.alike), strict=True):
            found[name].append(of)
    return [found[name] for name in symbols]


@cache
def _steepness(operation: Any) -> list[Steepness]:
    """How fast a gate changes with each of its symbols, in the order of their names.

    With several it depends on the others: the largest of many places, to a percent.
    """
    import cirq

    names = sorted(cirq.parameter_names(operation))
    if generator := _generator(operation):
        speeds, _ = generator
        speed = float(np.abs(speeds).max())
        return [Steepness(speed, float(np.ptp(speeds)), speed)]
    # Spread evenly over any periods, each symbol by itself, beyond what is drawn.
    roots = 2 ** (np.arange(1, len(names) + 1) / (len(names) + 1))
    places = dict(zip(names, np.outer(roots, np.arange(PLACES)), strict=True))
    found = []
    for name in names:
        slopes = []
        for step in np.multiply(SHARES, STEP):
            up, down = _to_either_side(operation, places, name, step)
            both = up @ down.conj().swapaxes(1, 2)
            # -i dU/ds U^dagger, which is Hermitian.
            slopes.append(-1j * (both - both.conj().swapaxes(1, 2)) / (4 * step))
        speeds = np.linalg.eigvalsh(np.concatenate(slopes))
        bound = 1.01 * np.ptp(speeds, axis=1).max()
        found.append(Steepness(float(np.abs(speeds).max()), float(bound)))
    return found


def _block(gate: _Gate, values: Mapping[str, Floats], asked: Sequence[str]) -> Block:
    """A gate at the values of its symbols, and its derivatives by those asked for."""
    operation, alike, names = gate
    own = {name: values[name] for name in names}
    slopes: dict[str, Complex] = {}
    if names and (generator := _generator(alike)):
        speeds, parts = generator
        phases = np.exp(1j * np.outer(own[names[0]], speeds))
        both = np.stack([phases, 1j * speeds * phases])
        unitaries, slopes[names[0]] = np.tensordot(both, parts, 1)
    else:
        unitaries = _unitaries(operation, own)
        for name in names:
            up, down = _to_either_side(operation, own, name, STEP)
            slopes[name] = (up - down) / (2 * STEP)
    qubits = tuple(qubit.col for qubit in operation.qubits)
    kept = {n: of.astype(np.complex64) for n, of in slopes.items() if n in asked}
    return Block(qubits, unitaries.astype(np.complex64), kept)


def _unitaries(operation: Any, values: Mapping[str, Floats]) -> Complex:
    """A gate's unitary at values of its symbols, (samples, size, size)."""
    import cirq

    rows = zip(*values.values(), strict=True) if values else [()]
    resolvers = (dict(zip(values, map(float, row), strict=True)) for row in rows)
    return np.array(
        [cirq.unitary(cirq.resolve_parameters(operation, of)) for of in resolvers]
    )


def _to_either_side(
    operation: Any, values: Mapping[str, Floats], name: str, step: float
) -> list[Complex]:
    """A gate's unitary at values of which one symbol is a step more, and less."""
    sides = ({name: values[name] + by} for by in (step, -step))
    return [_unitaries(operation, {**values, **side}) for side in sides]


@cache
def _generator(operation: Any) -> tuple[Floats, Complex] | None:
    """Eigenvalues e of H, for a gate exp(i H s) U(0) of one symbol s, if it is one.

    And A of the sum over e of exp(i e s) A that it is. H comes from differences with an
    error of h^4.
    """
    import cirq

    if len(names := cirq.parameter_names(operation)) != 1:
        return None
    h = 2e-4
    points = np.array([0.0, h, -h, 2 * h, -2 * h, *ELSEWHERE])
    zero, *others, one, other = _unitaries(operation, dict.fromkeys(names, points))
    difference = 8 * (others[0] - others[1]) - (others[2] - others[3])
    speeds, vectors = np.linalg.eigh(-1j * difference @ zero.conj().T / (12 * h))
    parts = np.einsum("ik,kj->kij", vectors, vectors.conj().T @ zero)
    again = np.tensordot(np.exp(1j * np.outer(ELSEWHERE, speeds)), parts, 1)
    return (speeds, parts) if np.allclose(again, [one, other], 0, 1e-9) else None
