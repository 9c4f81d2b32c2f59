"""Gradients of circuits of one's own by qsim and Cirq, by the adjoint method.

Nothing comes from TensorFlow Quantum, neither programs nor kernels: a gate is what Cirq
says that its unitary is, whatever its class. So the two engines check each other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import AXES, Circuits
from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.observables import Term
from barren.physics.simulate import PAULIS, Complex

#: Half the change of a symbol, whose unit is the user's, in the central difference that
#: derives a unitary: an error of 1e-8 or so, below the rounding of a state.
STEP = 1e-4
#: Qubits of a gate up to which qsim takes it as a matrix.
LARGEST = 6

#: A matrix, and the qubits that it acts on.
Factor = tuple[Sequence[int], Complex]
State = NDArray[np.complex64]


class Gate(NamedTuple):
    """A gate U of one circuit, and (dU/ds) U^dagger for its symbols s."""

    qubits: tuple[int, ...]
    unitary: Complex
    slopes: dict[str, Complex]


def adjoint_gradients(
    ensemble: Ensemble, circuits: Circuits, symbols: Sequence[str]
) -> NDArray[np.float32]:
    """d<O>/ds of each circuit by each symbol s, (samples, symbols).

    symbols: those of the angles, in their order. Of what is not asked for it is 0.
    """
    operations = [*shared_circuit(circuits).all_operations()]
    asked = ensemble.asked(symbols)
    found = np.zeros(circuits.angles.shape, np.float32)
    for gradients, angles in zip(found, circuits.angles.tolist(), strict=True):
        values = dict(zip(symbols, angles, strict=True))
        gates = [_gate(of, values, asked) for of in operations]
        of_circuit = _gradient(gates, ensemble.terms, ensemble.width)
        gradients[:] = [of_circuit.get(symbol, 0.0) for symbol in symbols]
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


def _gate(operation: Any, values: Mapping[str, float], asked: Sequence[str]) -> Gate:
    """A gate at the values of its symbols; slopes of those that are asked for."""
    import cirq

    size = len(operation.qubits)
    if size > LARGEST:
        raise BadInput(f"qsim: a gate on {size} qubits, allowed are {LARGEST}")
    own = {name: values[name] for name in cirq.parameter_names(operation)}

    def at(**changed: float) -> Complex:
        return cirq.unitary(cirq.resolve_parameters(operation, own | changed))

    unitary = at()
    slopes = {}
    for name in own.keys() & asked:
        up, down = (at(**{name: own[name] + step}) for step in (STEP, -STEP))
        slopes[name] = (up - down) @ unitary.conj().T / (2 * STEP)
    return Gate(tuple(qubit.col for qubit in operation.qubits), unitary, slopes)


def _gradient(
    gates: Sequence[Gate], terms: Sequence[Term], width: int
) -> dict[str, float]:
    """The gradient by each symbol.

    Going back from the end with psi and O psi, each gate that has the symbol adds
    2 Re <O psi| (dU/ds) U^dagger |psi>, both right after the gate.
    """
    start = np.eye(1, 2**width, dtype=np.complex64)[0]
    psi = _applied([(gate.qubits, gate.unitary) for gate in gates], start)
    image = np.zeros_like(psi)
    for weight, string in terms:
        paulis = [((qubit,), PAULIS[AXES.index(letter)]) for qubit, letter in string]
        image += np.float32(weight) * _applied(paulis, psi)
    found: dict[str, float] = {}
    back: list[Factor] = []
    for gate in reversed(gates):
        if gate.slopes:
            psi, image, back = _applied(back, psi), _applied(back, image), []
        for name, slope in gate.slopes.items():
            product = np.vdot(image, _applied([(gate.qubits, slope)], psi))
            found[name] = found.get(name, 0.0) + 2 * float(product.real)
        back.append((gate.qubits, gate.unitary.conj().T))
    return found


def _applied(factors: Iterable[Factor], state: State) -> State:
    """A state (2^width,) after some matrices, one by one."""
    import qsimcirq

    qsim = qsimcirq.qsim
    circuit = qsim.Circuit()
    circuit.num_qubits = len(state).bit_length() - 1
    for time, (qubits, matrix) in enumerate(factors):
        # qsim counts qubits from the other end.
        places = [circuit.num_qubits - 1 - qubit for qubit in qubits]
        parts = matrix.astype(np.complex64).ravel().view(np.float32)
        qsim.add_matrix_gate(time, places, parts.tolist(), circuit)
    # One thread, because jobs share the cores. The seed is asked for, not used.
    options = qsimcirq.QSimOptions(cpu_threads=1).as_dict() | {"c": circuit, "s": 0}
    result: State = qsim.qsim_simulate_fullstate(options, state.view(np.float32))
    return result.view(np.complex64)
