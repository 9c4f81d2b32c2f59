"""Gradients of circuits of one's own by numpy and Cirq, by the adjoint method.

Nothing comes from TensorFlow Quantum, neither programs nor kernels: a gate is what Cirq
says that its unitary is, whatever its class. So the two engines check each other. All
circuits of a batch go through a gate at once.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import AXES, Circuits
from barren.physics.ensembles import Ensemble
from barren.physics.moments import Floats
from barren.physics.observables import Term
from barren.physics.simulate import PAULIS, Complex

#: Half the change of a symbol, whose unit is the user's, in the central difference that
#: derives a unitary: an error of 1e-8 or so, below the rounding of a state.
STEP = 1e-4
#: Amplitudes of the states that go through a gate at once: those stay in the cache.
AMPLITUDES = 2**16

State = NDArray[np.complex64]


class Gate(NamedTuple):
    """A gate U of some circuits, and (dU/ds) U^dagger for its symbols s.

    Matrices (samples, size, size), or (1, size, size) where all circuits have the same.
    """

    qubits: tuple[int, ...]
    unitaries: State
    slopes: dict[str, State]

    def of(self, rows: slice) -> "Gate":
        """The gate of some of the circuits."""

        def some(matrices: State) -> State:
            return matrices[rows] if len(matrices) > 1 else matrices

        slopes = {name: some(of) for name, of in self.slopes.items()}
        return Gate(self.qubits, some(self.unitaries), slopes)


def adjoint_gradients(
    ensemble: Ensemble, circuits: Circuits, symbols: Sequence[str]
) -> NDArray[np.float32]:
    """d<O>/ds of each circuit by each symbol s, (samples, symbols).

    symbols: those of the angles, in their order. Of what is not asked for it is 0.
    """
    asked = ensemble.asked(symbols)
    values = dict(zip(symbols, circuits.angles.T, strict=True))
    operations = shared_circuit(circuits).all_operations()
    gates = [_gate(of, values, asked) for of in operations]
    found = np.zeros(circuits.angles.shape, np.float32)
    at_once = max(1, AMPLITUDES >> ensemble.width)
    for begin in range(0, len(found), at_once):
        rows = slice(begin, begin + at_once)
        some = [gate.of(rows) for gate in gates]
        gradient = _gradient(some, ensemble.terms, ensemble.width, len(found[rows]))
        for name, column in gradient.items():
            found[rows, symbols.index(name)] = column
    return found


def shared_circuit(circuits: Circuits) -> Any:
    """The cirq.Circuit of one's own that some circuits share."""
    import cirq

    assert circuits.circuit is not None
    return cirq.read_json(json_text=circuits.circuit.item().decode())


def gates_of_a_symbol(circuits: Circuits) -> int:
    """Gates that have the same symbol, at most: 1 in layers."""
    if circuits.circuit is None:
        return 1
    import cirq

    operations = shared_circuit(circuits).all_operations()
    names = Counter(name for of in operations for name in cirq.parameter_names(of))
    return max(names.values())


def _gate(operation: Any, values: Mapping[str, Floats], asked: Sequence[str]) -> Gate:
    """A gate at the values of its symbols; slopes of those that are asked for."""
    import cirq

    names = sorted(cirq.parameter_names(operation))
    own = {name: values[name] for name in names}
    slopes: dict[str, Complex] = {}
    if generated := _generator(_nameless(operation, *names)) if own else None:
        speeds, vectors, zero = generated
        phases = np.exp(1j * speeds * own[names[0]][:, np.newaxis])[:, np.newaxis]
        inverse = vectors.conj().T
        unitaries = (vectors * phases) @ (inverse @ zero)
        slopes[names[0]] = ((vectors * 1j * speeds) @ inverse)[np.newaxis]
    else:
        unitaries = _unitaries(operation, own)
        for name in names:
            up, down = (
                _unitaries(operation, own | {name: own[name] + step})
                for step in (STEP, -STEP)
            )
            slopes[name] = (up - down) / (2 * STEP) @ unitaries.conj().swapaxes(1, 2)
    qubits = tuple(qubit.col for qubit in operation.qubits)
    kept = {n: of.astype(np.complex64) for n, of in slopes.items() if n in asked}
    return Gate(qubits, unitaries.astype(np.complex64), kept)


def _unitaries(operation: Any, values: Mapping[str, Floats]) -> Complex:
    """A gate's unitary at values of its symbols, (samples, size, size)."""
    import cirq

    rows = zip(*values.values(), strict=True) if values else [()]
    resolvers = (dict(zip(values, map(float, row), strict=True)) for row in rows)
    return np.array(
        [cirq.unitary(cirq.resolve_parameters(operation, of)) for of in resolvers]
    )


def _nameless(operation: Any, *names: str) -> Any:
    """A gate like that of others but for its qubits and its symbols' names."""
    import cirq

    qubits = cirq.LineQubit.range(len(operation.qubits))
    symbols = {name: f"s{at}" for at, name in enumerate(names)}
    return cirq.resolve_parameters_once(operation.with_qubits(*qubits), symbols)


@cache
def _generator(operation: Any) -> tuple[Floats, Complex, Complex] | None:
    """H and U(0) of a gate exp(i H s) U(0) of one symbol s, if it is one.

    H, from differences with an error of h^4, as its eigenvalues and eigenvectors.
    """
    import cirq

    if len(names := cirq.parameter_names(operation)) > 1:
        return None
    h = 1e-3
    points = np.array([0.0, h, -h, 2 * h, -2 * h, 1.0])
    zero, *others, one = _unitaries(operation, dict.fromkeys(names, points))
    difference = 8 * (others[0] - others[1]) - (others[2] - others[3])
    speeds, vectors = np.linalg.eigh(-1j * difference @ zero.conj().T / (12 * h))
    again = vectors * np.exp(1j * speeds) @ vectors.conj().T @ zero
    return (speeds, vectors, zero) if np.allclose(again, one, 0, 1e-9) else None


class _States:
    """States (kinds, samples, 2^width), whose qubits stand in an order that changes."""

    def __init__(self, amplitudes: State, width: int) -> None:
        self.amplitudes, self.order = amplitudes, [*range(width)]

    def front(self, qubits: Sequence[int]) -> State:
        """The states (kinds, samples, 2^qubits, rest) with some qubits put first."""
        shape = self.amplitudes.shape[:2]
        if self.order[: len(qubits)] != [*qubits]:
            order = [*qubits, *(q for q in self.order if q not in qubits)]
            axes = [2 + self.order.index(qubit) for qubit in order]
            bits = self.amplitudes.reshape(*shape, *[2] * len(order))
            self.amplitudes = bits.transpose(0, 1, *axes).reshape(*shape, -1)
            self.order = order
        return self.amplitudes.reshape(*shape, 2 ** len(qubits), -1)

    def apply(self, matrices: State, qubits: Sequence[int]) -> None:
        """Multiply matrices (samples or 1, 2^qubits, 2^qubits) into the states."""
        shape = self.amplitudes.shape
        self.amplitudes = (matrices @ self.front(qubits)).reshape(shape)


def _gradient(
    gates: Sequence[Gate], terms: Sequence[Term], width: int, samples: int
) -> Mapping[str, NDArray[np.float32]]:
    """The gradient of some circuits by each symbol, (samples,).

    Going back from the end with psi and O psi, each gate that has the symbol adds
    2 Re <O psi| (dU/ds) U^dagger |psi>, both right after the gate.
    """
    start = np.zeros((1, samples, 2**width), np.complex64)
    start[..., 0] = 1
    states, natural = _States(start, width), range(width)
    for gate in gates:
        states.apply(gate.unitaries, gate.qubits)
    psi = states.front(natural)[..., 0]
    image = np.zeros_like(psi)
    for weight, string in terms:
        part = _States(psi, width)
        for qubit, letter in string:
            part.apply(PAULIS[AXES.index(letter)].astype(np.complex64), [qubit])
        image += np.float32(weight) * part.front(natural)[..., 0]
    states = _States(np.concatenate([psi, image]), width)
    found: dict[str, Any] = defaultdict(np.float32)
    for gate in reversed(gates):
        if gate.slopes:
            psi, image = states.front(gate.qubits)
            products = image.conj() @ psi.swapaxes(1, 2)
        for name, slope in gate.slopes.items():
            found[name] = found[name] + 2 * (slope * products).sum((1, 2)).real
        states.apply(gate.unitaries.conj().swapaxes(1, 2), gate.qubits)
    return found
