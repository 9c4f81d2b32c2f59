"""Gradients of circuits of one's own by qsim and Cirq, by the adjoint method.

Nothing comes from TensorFlow Quantum, neither programs nor kernels: a gate is what Cirq
says that its unitary is, whatever its class. So the two engines check each other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import AXES, Circuits
from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.moments import Floats
from barren.physics.observables import Term
from barren.physics.qsim import in_parts, kernels, simulation
from barren.physics.simulate import PAULIS, Complex

#: Half the change of a symbol, whose unit is the user's, in the central difference that
#: derives a unitary: an error of 1e-8 or so, below the rounding of a state.
STEP = 1e-4
#: Qubits of a gate up to which qsim takes it as a matrix.
LARGEST = 6

#: Qubits and a matrix on them, as `qsim.in_parts` has it.
Factor = tuple[Sequence[int], NDArray[np.float32]]
State = NDArray[np.complex64]


class Gate(NamedTuple):
    """A gate U of some circuits, U^dagger, and (dU/ds) U^dagger for its symbols s.

    Each for all samples (see `qsim.in_parts`).
    """

    qubits: tuple[int, ...]
    unitaries: NDArray[np.float32]
    inverses: NDArray[np.float32]
    slopes: dict[str, NDArray[np.float32]]


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
    for row in range(len(circuits)):
        gradient = _gradient(gates, row, ensemble.terms, ensemble.width)
        found[row] = [gradient.get(symbol, 0.0) for symbol in symbols]
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

    size = len(operation.qubits)
    if size > LARGEST:
        raise BadInput(f"qsim: a gate on {size} qubits, allowed are {LARGEST}")
    samples = len(next(iter(values.values())))
    own = {name: values[name] for name in cirq.parameter_names(operation)}
    unitaries = _unitaries(operation, own, samples)
    inverses = unitaries.conj().swapaxes(1, 2)
    slopes = {}
    for name in own.keys() & asked:
        up, down = (
            _unitaries(operation, own | {name: own[name] + step}, samples)
            for step in (STEP, -STEP)
        )
        slopes[name] = in_parts((up - down) / (2 * STEP) @ inverses)
    qubits = tuple(qubit.col for qubit in operation.qubits)
    return Gate(qubits, in_parts(unitaries), in_parts(inverses), slopes)


def _unitaries(operation: Any, values: Mapping[str, Floats], samples: int) -> Complex:
    """A gate's unitary at values of its symbols, (samples, size, size)."""
    import cirq

    def at(*row: float) -> Complex:
        resolved = dict(zip(values, row, strict=True))
        return cirq.unitary(cirq.resolve_parameters(operation, resolved))

    if not values:
        return np.repeat(at()[np.newaxis], samples, axis=0)
    if len(values) == 1:
        # Nearly all are exp(i H s) U(0): H from differences, with an error of h^4.
        (of,), h, zero = values.values(), 1e-3, at(0.0)
        difference = 8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))
        h_matrix = -1j * difference @ zero.conj().T / (12 * h)
        speeds, vectors = np.linalg.eigh(h_matrix)
        turned = vectors * np.exp(1j * speeds * of[:, np.newaxis])[:, np.newaxis]
        found: Complex = turned @ (vectors.conj().T @ zero)
        if np.allclose(found[0], at(of[0]), rtol=0, atol=1e-9):
            return found
    return np.array([at(*row) for row in zip(*values.values(), strict=True)])


def _gradient(
    gates: Sequence[Gate], row: int, terms: Sequence[Term], width: int
) -> dict[str, float]:
    """The gradient of one circuit by each symbol.

    Going back from the end with psi and O psi, each gate that has the symbol adds
    2 Re <O psi| (dU/ds) U^dagger |psi>, both right after the gate.
    """
    start = np.eye(1, 2**width, dtype=np.complex64)[0]
    psi = _applied([(gate.qubits, gate.unitaries[row]) for gate in gates], start)
    image, matrices = np.zeros_like(psi), in_parts(PAULIS)
    for weight, string in terms:
        paulis = [((qubit,), matrices[AXES.index(letter)]) for qubit, letter in string]
        image += np.float32(weight) * _applied(paulis, psi)
    found: dict[str, float] = {}
    back: list[Factor] = []
    for gate in reversed(gates):
        if gate.slopes:
            psi, image, back = _applied(back, psi), _applied(back, image), []
        for name, slope in gate.slopes.items():
            product = np.vdot(image, _applied([(gate.qubits, slope[row])], psi))
            found[name] = found.get(name, 0.0) + 2 * float(product.real)
        back.append((gate.qubits, gate.inverses[row]))
    return found


def _applied(factors: Sequence[Factor], state: State) -> State:
    """A state (2^width,) after some matrices, one by one."""
    gates = ((time, on, parts.tolist()) for time, (on, parts) in enumerate(factors))
    options = simulation(len(state).bit_length() - 1, gates)
    found = kernels().qsim_simulate_fullstate(options, state.view(np.float32))
    result: State = found.view(np.complex64)
    return result
