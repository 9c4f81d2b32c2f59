"""Compute the tutorial's variances as an expert would in a throw-away script.

The rival for speed: qulacs, the parameter shift, one process for each core. The same
families, widths and numbers of circuits as the tutorial, with other random numbers; no
tables, no exact theory, no intervals, no verdict.
"""

import argparse
import os
from multiprocessing import Pool

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import qulacs

#: Depth of each block of layers, and whether its inverse follows.
FAMILIES = {"random": (50, 1, False), "identity_tutorial": (10, 5, True)}


def gradient(family: str, width: int, seed: int) -> float:
    """Derivative of <Z0 Z1> by the first angle of one random circuit, per radian."""
    rng = np.random.default_rng((seed, width, *family.encode()))
    circuit = qulacs.ParametricQuantumCircuit(width)
    fixed = (circuit.add_RX_gate, circuit.add_RY_gate, circuit.add_RZ_gate)
    symbol = (
        circuit.add_parametric_RX_gate,
        circuit.add_parametric_RY_gate,
        circuit.add_parametric_RZ_gate,
    )
    for qubit in range(width):  # qulacs' angles have the other sign
        circuit.add_RY_gate(qubit, -np.pi / 4)
    depth, blocks, inverse = FAMILIES[family]
    theta = rng.uniform(0, 2 * np.pi)
    for block in range(blocks):
        axes = rng.integers(3, size=(depth, width)).tolist()
        angles = rng.uniform(0, 2 * np.pi, (depth, width)).tolist()
        for layer in range(depth):
            for qubit, axis in enumerate(axes[layer]):
                add = fixed if block or layer or qubit else symbol
                add[axis](qubit, -angles[layer][qubit])
            for qubit in range(width - 1):
                circuit.add_CZ_gate(qubit, qubit + 1)
        for layer in reversed(range(depth if inverse else 0)):
            for qubit in range(width - 1):
                circuit.add_CZ_gate(qubit, qubit + 1)
            for qubit, axis in enumerate(axes[layer]):
                fixed[axis](qubit, angles[layer][qubit])
    observable = qulacs.Observable(width)
    observable.add_operator(1.0, "Z 0 Z 1")
    state, values = qulacs.QuantumState(width), []
    for shift in (np.pi / 2, -np.pi / 2):
        circuit.set_parameter(0, -(theta + shift))
        state.set_zero_state()
        circuit.update_quantum_state(state)
        values.append(observable.get_expectation_value(state))
    return float(values[0] - values[1]) / 2


def main() -> None:
    """Print family, width and variance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--circuits", type=int, default=200)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--widths", type=int, nargs="+", default=[4, 6, 8, 10, 12])
    args = parser.parse_args()
    with Pool(args.cores) as pool:
        for family in FAMILIES:
            for width in args.widths:
                tasks = [(family, width, seed) for seed in range(args.circuits)]
                found = pool.starmap(gradient, tasks, chunksize=20)
                print(family, width, np.var(found), sep=",")


if __name__ == "__main__":
    main()
