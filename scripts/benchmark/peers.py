"""One job, several simulators: the gradient of one symbol of each circuit.

Beside the two engines of this workflow stand others for the benchmark. Each function
takes arrays to gradients, as a user of that simulator would, and imports it when
called. All see the same gates in the same order, the one that `programs.serialise` uses
because it suits gate fusion. Random family only.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import Circuits
from barren.physics.ensembles import QSIM
from barren.physics.families import Random
from barren.physics.gradients import ADJOINT, PARAMETER_SHIFT, gradients
from barren.physics.layered import PREPARATION, Layered
from barren.physics.programs import serialise
from barren.physics.qsim import qsim_gradients

#: ensemble, circuits, threads, setting -> gradients (samples,), per radian.
Engine = Callable[[Layered, Circuits, int, str], NDArray[Any]]


def tensorflow_quantum(
    ensemble: Layered, circuits: Circuits, threads: int, differentiator: str
) -> NDArray[Any]:
    """This workflow's way, serialising included."""
    programs = serialise(ensemble, circuits)
    found = gradients(programs, circuits.values, ensemble.terms, differentiator)
    return found[:, 0]


def qsim(
    ensemble: Layered, circuits: Circuits, threads: int, setting: str
) -> NDArray[Any]:
    """This workflow's way with `engine: qsim`."""
    return qsim_gradients(ensemble, circuits)


def lightning_qubit(
    ensemble: Layered, circuits: Circuits, threads: int, precision: str
) -> NDArray[Any]:
    """PennyLane: a QNode on lightning.qubit with diff_method="adjoint"."""
    import pennylane as qml

    device = qml.device(
        "lightning.qubit", wires=ensemble.width, c_dtype=np.dtype(precision).type
    )
    rotation = (qml.RX, qml.RY, qml.RZ)
    a, b = _pair(ensemble)

    def expectation(theta: Any, row: int) -> Any:
        for qubit in range(ensemble.width):
            qml.RY(PREPARATION, wires=qubit)
        for at, (axes, angles, cz) in enumerate(_layers(ensemble, circuits, row)):
            for qubit in range(ensemble.width):
                symbol = (at, qubit) == ensemble.symbol
                rotation[axes[qubit]](theta if symbol else angles[qubit], wires=qubit)
            for pair in chain(*cz):
                qml.CZ(wires=pair)
        return qml.expval(qml.Z(a) @ qml.Z(b))

    node = qml.QNode(expectation, device, diff_method="adjoint")
    gradient = qml.grad(node, argnums=0)
    return np.array(
        [
            gradient(qml.numpy.array(theta, requires_grad=True), row)
            for row, (theta,) in enumerate(circuits.values)
        ]
    )


def qulacs(
    ensemble: Layered, circuits: Circuits, threads: int, optimiser: str
) -> NDArray[Any]:
    """qulacs: a parametric circuit at theta +- pi/2, its state in double precision."""
    import qulacs
    from qulacs.circuit import QuantumCircuitOptimizer

    observable = qulacs.Observable(ensemble.width)
    observable.add_operator(1.0, "Z {} Z {}".format(*_pair(ensemble)))
    state = qulacs.QuantumState(ensemble.width)
    values = []
    for row, (theta,) in enumerate(circuits.values):
        circuit = qulacs.ParametricQuantumCircuit(ensemble.width)
        add = (circuit.add_RX_gate, circuit.add_RY_gate, circuit.add_RZ_gate)
        symbol = (
            circuit.add_parametric_RX_gate,
            circuit.add_parametric_RY_gate,
            circuit.add_parametric_RZ_gate,
        )
        for qubit in range(ensemble.width):  # its angles have the other sign
            circuit.add_RY_gate(qubit, -PREPARATION)
        for at, (axes, angles, cz) in enumerate(_layers(ensemble, circuits, row)):
            for qubit in range(ensemble.width):
                rotation = symbol if (at, qubit) == ensemble.symbol else add
                rotation[axes[qubit]](qubit, -angles[qubit])
            for pair in chain(*cz):
                circuit.add_CZ_gate(*pair)
        if optimiser == "optimize_light":
            QuantumCircuitOptimizer().optimize_light(circuit)
        for shift in (np.pi / 2, -np.pi / 2):
            circuit.set_parameter(0, -(theta + shift))
            state.set_zero_state()
            circuit.update_quantum_state(state)
            values.append(observable.get_expectation_value(state))
    return _shift(values)


def qsimcirq(
    ensemble: Layered, circuits: Circuits, threads: int, fused: str
) -> NDArray[Any]:
    """qsimcirq: Cirq circuits, moment by moment, at theta +- pi/2."""
    import cirq
    import qsimcirq

    options = qsimcirq.QSimOptions(max_fused_gate_size=int(fused), cpu_threads=threads)
    simulator = qsimcirq.QSimSimulator(options)
    qubits = cirq.LineQubit.range(ensemble.width)
    rotation = (cirq.rx, cirq.ry, cirq.rz)
    a, b = _pair(ensemble)
    observable = cirq.Z(qubits[a]) * cirq.Z(qubits[b])
    preparation = cirq.Moment(cirq.ry(PREPARATION).on_each(qubits))
    values = []
    for row, (theta,) in enumerate(circuits.values):
        moments, place = [preparation], 0
        for at, (axes, angles, cz) in enumerate(_layers(ensemble, circuits, row)):
            if at == ensemble.symbol_layer:
                place = len(moments)
            moments.append(
                cirq.Moment(
                    rotation[axis](angle)(qubit)
                    for axis, angle, qubit in zip(axes, angles, qubits, strict=True)
                )
            )
            for pairs in cz:
                gates = [cirq.CZ(qubits[i], qubits[j]) for i, j in pairs]
                moments.append(cirq.Moment(gates))
        assert circuits.axes is not None
        of_symbol = rotation[circuits.axes[row][ensemble.symbol]]
        qubit = qubits[ensemble.symbol_qubit]
        others = moments[place].without_operations_touching([qubit])
        for shift in (np.pi / 2, -np.pi / 2):
            moments[place] = others.with_operation(of_symbol(theta + shift)(qubit))
            circuit = cirq.Circuit(moments)
            values += simulator.simulate_expectation_values(circuit, [observable])
    return _shift(np.real(values))


#: Name, function and the settings of which the fastest is taken.
OURS: dict[str, tuple[Engine, tuple[str, ...]]] = {
    ADJOINT: (tensorflow_quantum, (ADJOINT,)),
    PARAMETER_SHIFT: (tensorflow_quantum, (PARAMETER_SHIFT,)),
    QSIM: (qsim, ("",)),
}
PEERS: dict[str, tuple[Engine, tuple[str, ...]]] = {
    "lightning.qubit": (lightning_qubit, ("complex64", "complex128")),
    "qulacs": (qulacs, ("as it is", "optimize_light")),
    "qsimcirq": (qsimcirq, ("2", "3", "4")),
}
ENGINES = OURS | PEERS


# All parameters of the hardware-efficient ansatz: rows (samples, parameters) of values,
# by layer, qubit, and R_Y or R_Z, to the derivatives of <Z0 Z1> by each.


def lightning_ansatz(
    rows: NDArray[np.float64], width: int, precision: str
) -> NDArray[Any]:
    """PennyLane: lightning.qubit with diff_method="adjoint"."""
    import pennylane as qml

    device = qml.device(
        "lightning.qubit", wires=width, c_dtype=np.dtype(precision).type
    )

    def expectation(angles: Any) -> Any:
        for qubit in range(width):
            qml.RY(PREPARATION, wires=qubit)
        for layer in range(angles.shape[0]):
            for qubit in range(width):
                qml.RY(angles[layer, qubit, 0], wires=qubit)
                qml.RZ(angles[layer, qubit, 1], wires=qubit)
            for qubit in range(width - 1):
                qml.CZ(wires=(qubit, qubit + 1))
        return qml.expval(qml.Z(0) @ qml.Z(1))

    gradient = qml.grad(qml.QNode(expectation, device, diff_method="adjoint"))
    shaped = rows.reshape(len(rows), -1, width, 2)
    found = [gradient(qml.numpy.array(row, requires_grad=True)) for row in shaped]
    return np.reshape(found, rows.shape)


def qulacs_ansatz(rows: NDArray[np.float64], width: int, setting: str) -> NDArray[Any]:
    """qulacs: its own gradient, `backprop`, in double precision."""
    import qulacs

    observable = qulacs.Observable(width)
    observable.add_operator(1.0, "Z 0 Z 1")
    circuit = qulacs.ParametricQuantumCircuit(width)
    for qubit in range(width):  # its angles have the other sign
        circuit.add_RY_gate(qubit, -PREPARATION)
    for _ in range(rows.shape[1] // (2 * width)):
        for qubit in range(width):
            circuit.add_parametric_RY_gate(qubit, 0.0)
            circuit.add_parametric_RZ_gate(qubit, 0.0)
        for qubit in range(width - 1):
            circuit.add_CZ_gate(qubit, qubit + 1)
    found = []
    for row in rows:
        for number, angle in enumerate(row):
            circuit.set_parameter(number, -angle)
        found.append(circuit.backprop(observable))
    return -np.array(found)


ANSATZ_PEERS = {
    "lightning.qubit": (lightning_ansatz, ("complex64", "complex128")),
    "qulacs": (qulacs_ansatz, ("backprop",)),
}


def named(name: str) -> Random:
    """The ensemble of a name of the random family."""
    width, depth = map(int, re.findall(r"\d+", name))
    return Random(width=width, depth=depth)


def _pair(ensemble: Layered) -> tuple[int, int]:
    """The qubits a, b of an observable Z_a Z_b."""
    ((_, ((a, _), (b, _))),) = ensemble.terms
    return a, b


def _layers(
    ensemble: Layered, circuits: Circuits, row: int
) -> Iterator[tuple[list[int], list[float], list[list[tuple[int, int]]]]]:
    """Of each layer: axes and angles of its rotations, and its CZ gates by moment."""
    assert circuits.axes is not None
    axes, angles = circuits.axes[row].tolist(), circuits.angles[row].tolist()
    for layer in range(ensemble.layers):
        moments = ensemble.ladder(layer)
        pairs = [[(gate.qubits[0], gate.qubits[1]) for gate in m] for m in moments]
        yield axes[layer], angles[layer], pairs


def _shift(values: Any) -> NDArray[Any]:
    """The parameter shift of values at theta + pi/2, theta - pi/2, in turn."""
    up, down = np.reshape(values, (-1, 2)).T
    return np.asarray((up - down) / 2)
