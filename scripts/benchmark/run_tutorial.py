"""Run the tutorial's own procedure as one script, and print its two curves as CSV.

This is the yardstick: circuits grown gate by gate with Cirq, `tfq.convert_to_tensor`,
`tfq.layers.Expectation` and the population standard deviation that the tutorial labels
"variance". The random numbers come in the order of the notebook's cells from numpy's
legacy generator, so that config/notebook.yaml can be compared with it number by number.
"""

import argparse
import csv
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cirq
import numpy as np
import sympy
import tensorflow as tf
import tensorflow_quantum as tfq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren import columns
from barren.physics.families import IdentityTutorial, Random


def random_circuit(
    rng: np.random.RandomState,
    qubits: list[cirq.GridQubit],
    symbol: sympy.Symbol | float,
    depth: int,
) -> cirq.Circuit:
    """Preparation, then layers of random rotations and CZ ladders."""
    circuit = cirq.Circuit()
    for qubit in qubits:
        circuit += cirq.ry(np.pi / 4)(qubit)
    for layer in range(depth):
        for number, qubit in enumerate(qubits):
            axis = rng.uniform()
            first = layer == number == 0
            angle = symbol if first else rng.uniform() * 2 * np.pi
            rotation = cirq.rz if axis > 2 / 3 else cirq.ry if axis > 1 / 3 else cirq.rx
            circuit += rotation(angle)(qubit)
        for one, other in pairwise(qubits):
            circuit += cirq.CZ(one, other)
    return circuit


def identity_circuit(
    rng: np.random.RandomState,
    qubits: list[cirq.GridQubit],
    symbol: sympy.Symbol,
    block_depth: int,
    blocks: int,
) -> cirq.Circuit:
    """A block U(theta) U(phi)^dagger with the symbol, then blocks U U^dagger."""
    circuit = random_circuit(rng, qubits, symbol, block_depth)
    inverse = circuit[1:] ** -1
    circuit += cirq.resolve_parameters(inverse, {symbol: rng.uniform() * 2 * np.pi})
    for _ in range(blocks - 1):
        angle = rng.uniform() * 2 * np.pi
        unitary = random_circuit(rng, qubits, angle, block_depth)[1:]
        circuit += unitary
        circuit += unitary**-1
    return circuit


def deviation(
    rng: np.random.RandomState,
    circuits: list[cirq.Circuit],
    symbol: sympy.Symbol,
    observable: Any,
) -> float:
    """Population standard deviation of the gradients of a batch of circuits."""
    expectation = tfq.layers.Expectation()
    programs = tfq.convert_to_tensor(circuits)
    theta = tf.convert_to_tensor(
        rng.uniform(0, 2 * np.pi, (len(circuits), 1)).astype(np.float32)
    )
    with tf.GradientTape() as tape:
        tape.watch(theta)
        forward = expectation(
            programs, operators=observable, symbol_names=[symbol], symbol_values=theta
        )
    gradients = tape.gradient(forward, theta)
    return float(tf.math.reduce_std(gradients, axis=0).numpy()[0])


def main() -> None:
    """Both curves, in the order of the notebook's cells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--widths", type=int, nargs="+", default=[4, 6, 8, 10, 12])
    parser.add_argument("--circuits", type=int, default=200)
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--block-depth", type=int, default=10)
    parser.add_argument("--blocks", type=int, default=5)
    args = parser.parse_args()

    rng = np.random.RandomState(args.seed)
    symbol = sympy.Symbol("theta")
    families: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...]]] = {
        Random.family: (random_circuit, (args.depth,), (2,)),
        IdentityTutorial.family: (
            identity_circuit,
            (args.block_depth, args.blocks),
            (2, 2),
        ),
    }
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((columns.FAMILY, columns.WIDTH, columns.STD))
    for family, (build, size, displayed) in families.items():
        build(rng, cirq.GridQubit.rect(1, 3), symbol, *displayed)
        for width in args.widths:
            qubits = cirq.GridQubit.rect(1, width)
            circuits = [build(rng, qubits, symbol, *size) for _ in range(args.circuits)]
            observable = cirq.Z(qubits[0]) * cirq.Z(qubits[1])
            std = deviation(rng, circuits, symbol, observable)
            writer.writerow((family, width, std))


if __name__ == "__main__":
    main()
