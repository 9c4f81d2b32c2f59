"""Circuits of one's own from the functions that make them, as plain data.

Everything that can be wrong with a circuit raises BadInput, of one line.
"""

import base64
import importlib.util
import math
import sys
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import cirq
import numpy as np
import sympy
from cirq.ops import linear_combinations

from barren import columns
from barren.physics.adjoint import steepness_of_symbols
from barren.physics.cirq_gates import name_of, read_circuit, symbols_of
from barren.physics.ensembles import TFQ_STEP, BadInput
from barren.physics.own_circuits import OwnCircuit
from barren.physics.packages import parts_of

# By the package itself TensorFlow would be imported, which takes longer than the rest.
with parts_of("tensorflow_quantum", "tensorflow_quantum.core"):
    from tensorflow_quantum.core.proto.program_pb2 import Program
    from tensorflow_quantum.core.serialize import deserialize_circuit, serialize_circuit

#: Of a unitary's elements: programs have six digits of an exponent.
PROGRAM_TOLERANCE = 1e-3
#: |dU/ds| up to which TensorFlow Quantum, which computes gradients or checks them,
#: makes them too small by a thousandth.
FASTEST = math.sqrt(6e-3) / TFQ_STEP
#: Frequency low enough for a difference; of half of it rounding leaves little.
FREQUENCY = 3.0


def _string_in_order(unit: Any, coefficient: Any = 1) -> cirq.PauliString[Any]:
    """A term of a PauliSum, its qubits in ascending order.

    Cirq has them in a set of gates, whose hashes are addresses in memory: another order
    in each process.
    """
    of = dict(sorted(unit, key=itemgetter(0)))
    return cirq.PauliString(qubit_pauli_map=of, coefficient=coefficient)


linear_combinations._pauli_string_from_unit = _string_in_order


def build(ensemble: OwnCircuit) -> dict[str, Any]:
    """The circuit of an ensemble as plain data, a dictionary that JSON holds.

    `cirq` (Cirq's own JSON, as text), `program` (the serialised TensorFlow Quantum
    program, base64), `symbols` (in the circuit's order), `units` (how many each is of
    those that the program has), `steepest` (what no gradient by each exceeds, for an
    observable of norm 1), `drawing` (the gates: qubits and a label for each), and
    `exact` (its Pauli rotations and Clifford gates, and why others are neither).
    """
    file, _, name = ensemble.source.rpartition(":")
    qubits = cirq.GridQubit.rect(1, ensemble.width)
    function, before = load(Path(file))[name], {*sys.modules}
    circuit = call(function, ensemble, qubits)
    require_packages(Path(file), {*sys.modules} - before)
    try:
        data = built(circuit, ensemble, qubits)
        if call(function, ensemble, qubits) != circuit:
            told = "returns another circuit each time it is called"
            raise BadInput(f"{ensemble.source} {told}")
        return data
    except BadInput:
        raise
    except Exception as error:  # whatever libraries make of an odd gate
        raise BadInput(f"{ensemble.source}: {one_line(error)}") from None


@cache
def load(path: Path) -> dict[str, Any]:
    """What a file of Python defines, which imports packages alone."""
    before = {*sys.modules}
    spec = importlib.util.spec_from_file_location(str(path), path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        # The loader takes what it compiled of another file of this size and date.
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path}: {one_line(error)}") from None
    require_packages(path, {*sys.modules} - before - {spec.name})
    return vars(module)


def require_packages(path: Path, names: set[str]) -> None:
    """BadInput if a module that a file has imported is of no package."""
    for name in names:
        file = getattr(sys.modules[name], "__file__", None) or sys.prefix
        if not any(map(Path(file).is_relative_to, (sys.prefix, sys.base_prefix))):
            raise BadInput(
                f"{path}: it imports {file}, which no record would name; put all of it "
                "into one file"
            )


def one_line(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def call(
    function: Callable[..., Any], ensemble: OwnCircuit, qubits: list[cirq.GridQubit]
) -> cirq.Circuit:
    """The circuit of a function; BadInput for what is none that can be used."""
    keywords = dict(ensemble.keywords)
    given = ", ".join(
        [f"{len(qubits)} qubits", *(f"{k}={v!r}" for k, v in keywords.items())]
    )
    what = f"{ensemble.source} with {given}"
    try:
        with chdir(Path.cwd()):
            circuit = function([*qubits], **keywords)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{what}: {one_line(error)}") from None
    if not isinstance(circuit, cirq.Circuit):
        raise BadInput(f"{what} returns a {type(circuit).__name__}, not a cirq.Circuit")
    if others := circuit.all_qubits() - set(qubits):
        raise BadInput(f"{what} acts on {min(others)}, which it was not given")
    if not circuit.are_all_measurements_terminal():
        raise BadInput(f"{what} measures before its end")
    check_symbols(what, symbols_of(circuit), ensemble)
    return circuit


def check_symbols(what: str, symbols: list[str], ensemble: OwnCircuit) -> None:
    """BadInput for no symbols, for names that are none, for parameters beside them."""
    if not symbols:
        raise BadInput(f"{what} has no symbols, so there is no gradient")
    for name in symbols:
        if not name.isprintable() or not name.strip():
            raise BadInput(f"{what} has a symbol with the name {name!r}")
    for name in ensemble.asked(symbols):
        if name not in symbols:
            raise BadInput(
                f"parameters: {what} has no {name}; it has {', '.join(symbols)}"
            )


def built(
    circuit: cirq.Circuit, ensemble: OwnCircuit, qubits: list[cirq.GridQubit]
) -> dict[str, Any]:
    """A circuit as plain data (see `build`)."""
    # An empty moment in the end would be lost from a program's bytes.
    circuit = cirq.drop_empty_moments(cirq.map_operations(circuit, unitary))
    # An observable may look at qubits that no gate has touched.
    idle = cirq.Circuit(cirq.I(q) for q in qubits if q not in circuit.all_qubits())
    names = symbols_of(circuit)
    try:
        text = cirq.to_json(circuit, indent=None)
        steepness = steepness_of_symbols(text.encode(), names)
        units = [unit(max(of.frequency for of in gates)) for gates in steepness]
        # A program has six decimals of a factor, which a slow gate needs in its unit.
        turned = {s: sympy.Symbol(s) / of for s, of in zip(names, units, strict=True)}
        whole = cirq.resolve_parameters_once(circuit, turned) + idle
        program = serialize_circuit(whole).SerializeToString()
    except Exception as error:
        raise BadInput(f"{ensemble.source}: {unserialised(circuit, error)}") from None
    check_program(ensemble.source, whole, program)
    bounds = (sum(gate.bound for gate in gates) for gates in steepness)
    return {
        "cirq": text,
        "program": base64.b64encode(program).decode(),
        "symbols": names,
        "units": units,
        # As many digits as every processor gives alike.
        "steepest": [float(f"{bound:.{columns.DIGITS}g}") for bound in bounds],
        "drawing": drawing(circuit, qubits),
        "exact": read_circuit(circuit, qubits).as_data(),
    }


def unit(frequency: float) -> float:
    """How many a symbol is of the unit in which its gradient is computed, at most 1.

    A power of two, so that no digit changes. In that unit the highest frequency of its
    gates is half of `FREQUENCY`, or more: the lower it is the more of a difference is
    rounding.
    """
    # Of as many decimals as every processor gives alike.
    _, exponent = math.frexp(round(frequency, columns.DIGITS) / FREQUENCY)
    return 2.0 ** min(0, exponent)


def check_speed(ensemble: OwnCircuit, data: dict[str, Any]) -> None:
    """BadInput for a gate that turns too fast for an engine's differences."""
    symbols = ensemble.asked(data["symbols"])
    steepness = steepness_of_symbols(data["cirq"].encode(), symbols)
    for name, gates in zip(symbols, steepness, strict=True):
        if (fastest := max(gate.speed for gate in gates)) > FASTEST:
            raise BadInput(
                f"{ensemble.source}: an eigenvalue of a gate turns by {fastest:.3g} "
                f"radians for each unit of {name}; gradients are right for up to "
                f"{FASTEST:.0f}: give {name} a smaller unit"
            )


def unitary(operation: cirq.Operation, moment: int) -> list[cirq.Operation]:
    """An operation without tags and numbers of sympy; of measurements, phases none."""
    number = operation.untagged
    if cirq.parameter_names(number):
        return [number]
    if cirq.is_measurement(number) or not number.qubits:
        return []
    # With something to resolve, or nothing is done.
    return [cirq.resolve_parameters(number, {"": 0})]


def check_program(source: str, circuit: cirq.Circuit, program: bytes) -> None:
    """BadInput for a gate that is another one in the program, or no unitary one.

    TensorFlow Quantum loses control values that are no product without a word.
    """
    parsed = Program.FromString(program)
    values = {name: 0.3 + 0.7 * at for at, name in enumerate(symbols_of(circuit))}
    for moment, again in zip(circuit, deserialize_circuit(parsed), strict=True):
        theirs = {operation.qubits: operation for operation in again}
        for operation in moment:
            same = theirs.get(operation.qubits)
            resolved = (
                cirq.resolve_parameters(of, values)
                for of in (operation, same or operation)
            )
            one, other = (cirq.unitary(of, None) for of in resolved)
            if one is None or other is None:
                raise BadInput(f"{source}: {name_of(operation)} is not unitary")
            if not same or not np.allclose(one, other, 0, PROGRAM_TOLERANCE):
                raise BadInput(
                    f"{source}: {name_of(operation)} is another gate in TensorFlow "
                    "Quantum"
                )


def unserialised(circuit: cirq.Circuit, error: Exception) -> str:
    """Which gate TensorFlow Quantum does not serialise, and what makes others of it."""
    for operation in (of for of in circuit.all_operations() if not has_program(of)):
        told = f"TensorFlow Quantum has no gate {name_of(operation)}"
        if isinstance(operation.untagged, cirq.CircuitOperation):
            unrolls = "cirq.unroll_circuit_op(circuit, deep=True, tags_to_check=None)"
            told += f"; {unrolls} makes gates of it"
        elif has_program(operation, cirq.decompose):
            told += "; cirq.decompose makes gates of it"
        elif cirq.parameter_names(operation):
            told += "; of symbols it takes one, or a multiple of one, in each place"
        return told
    return f"TensorFlow Quantum does not take the circuit: {one_line(error)}"


def has_program(
    operation: cirq.Operation,
    gates_of: Callable[[cirq.Operation], cirq.OP_TREE] = lambda of: of,
) -> bool:
    """Whether TensorFlow Quantum serialises the gates of an operation, but phases."""
    try:
        circuit = cirq.Circuit(gates_of(operation))
        serialize_circuit(cirq.map_operations(circuit, unitary))
    except Exception:
        return False
    return True


def drawing(circuit: cirq.Circuit, qubits: list[cirq.GridQubit]) -> list[list[Any]]:
    """Gates in moments: of each the qubits and a label on each."""
    place: dict[cirq.Qid, int] = {qubit: number for number, qubit in enumerate(qubits)}
    return [
        [
            [[place[q] for q in operation.qubits], labels(operation)]
            for operation in moment
        ]
        for moment in circuit
    ]


def labels(operation: cirq.Operation) -> list[str]:
    """What Cirq's own drawings write on each qubit."""
    info = cirq.circuit_diagram_info(operation, default=None)
    if info is None:
        return [str(operation.gate)] * len(operation.qubits)
    symbols = list(info.wire_symbols)
    if info.exponent != 1:
        value, numbers = info.exponent, int | float | np.floating
        symbols[-1] += f"^{value:.3g}" if isinstance(value, numbers) else f"^{value}"
    return symbols
