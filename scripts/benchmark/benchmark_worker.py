"""Do what benchmark.py asks for, a line of JSON in and out, and time it."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import Batch, shared_batch, write_batches
from barren.physics.circuits import sample_circuits, sample_parameters
from barren.physics.ensembles import circuits_at_once
from barren.physics.families import Ansatz, predict
from barren.physics.gradients import ADJOINT, compute_gradients, set_threads
from barren.physics.layered import THETA
from barren.physics.programs import serialise
from peers import ANSATZ_PEERS, ENGINES, named

SEED = 20181116
THREADS = int(os.environ["OMP_NUM_THREADS"])


def timed(job: Callable[[], Any]) -> dict[str, Any]:
    """Wall and CPU seconds of a job, and the process's peak memory so far (bytes)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = job()
    return {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "result": result,
    }


def gradient(ensemble: str, samples: int, engine: str, setting: str) -> dict[str, Any]:
    """Gradients of circuits, from their axes and angles on."""
    point = named(ensemble)
    circuits = sample_circuits(point, SEED, range(samples))
    function = ENGINES[engine][0]
    return timed(
        lambda: np.asarray(function(point, circuits, THREADS, setting)).tolist()
    )


def draw(ensemble: str, samples: int) -> dict[str, Any]:
    """Sample and serialise circuits as this workflow does."""
    point = named(ensemble)

    def job() -> dict[str, float]:
        start = time.process_time()
        circuits = sample_circuits(point, SEED, range(samples))
        drawn = time.process_time()
        serialise(point, circuits)
        return {"sample": drawn - start, "serialise": time.process_time() - drawn}

    return timed(job)


def draw_with_cirq(ensemble: str, samples: int) -> dict[str, Any]:
    """Sample and serialise circuits as the tutorial does."""
    import cirq
    import sympy
    import tensorflow_quantum as tfq

    from run_tutorial import random_circuit

    point = named(ensemble)
    depth, qubits = point.depth, cirq.GridQubit.rect(1, point.width)
    symbol, rng = sympy.Symbol("theta"), np.random.RandomState(SEED)

    def job() -> None:
        circuits = [random_circuit(rng, qubits, symbol, depth) for _ in range(samples)]
        tfq.convert_to_tensor(circuits)

    return timed(job)


def store(ensemble: str, samples: int) -> dict[str, Any]:
    """Write a batch; the result is its size in bytes."""
    point = named(ensemble)
    circuits = sample_circuits(point, SEED, range(samples))
    programs = serialise(point, circuits)
    batch = Batch(np.arange(samples), circuits, programs, (THETA,))
    with TemporaryDirectory() as folder:
        path = Path(folder, "batch.npz")

        def job() -> int:
            write_batches(path, "", SEED, [(point, batch)])
            return path.stat().st_size

        return timed(job)


def build_ansatz(width: int, depth: int) -> dict[str, Any]:
    """The hardware-efficient ansatz, built."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from barren.physics.building import build

    return timed(lambda: build(ansatz(width, depth)))


def ansatz(width: int, depth: int) -> Ansatz:
    """The hardware-efficient ansatz of an observable Z0 Z1, for all parameters."""
    source = "config/ansatze.py:hardware_efficient"
    keywords = (("depth", depth),)
    return Ansatz(width=width, source=source, keywords=keywords, parameters=("all",))


def ansatz_gradients(
    built: dict[str, Any], width: int, depth: int, samples: int, engine: str, how: str
) -> dict[str, Any]:
    """Gradients by all parameters, from their values on, by layer and qubit."""
    ensemble, symbols = ansatz(width, depth), tuple(built["symbols"])
    circuits = sample_parameters(ensemble, built, SEED, range(samples))
    names = [f"{k}{at}_{n}" for at in range(depth) for n in range(width) for k in "yz"]
    order = [symbols.index(name) for name in names]
    if engine in ANSATZ_PEERS:
        of, rows = ANSATZ_PEERS[engine][0], circuits.angles[:, order]
        return timed(lambda: of(rows, width, how).tolist())
    batch = shared_batch(range(samples), circuits, built)
    at_once = circuits_at_once(ensemble, engine)

    def job() -> Any:
        parts = [batch[row : row + at_once] for row in range(0, samples, at_once)]
        found = [compute_gradients(ensemble, part, engine, ADJOINT) for part in parts]
        return np.concatenate(found)[:, order].tolist()

    return timed(job)


def ansatz_variances(built: dict[str, Any], width: int, depth: int) -> dict[str, Any]:
    """The exact variances of all parameters."""
    of = ansatz(width, depth)
    return timed(lambda: len(predict([of], {of.program: built})))


JOBS = {
    job.__name__: job
    for job in (
        *(gradient, draw, draw_with_cirq, store),
        *(build_ansatz, ansatz_gradients, ansatz_variances),
    )
}

if __name__ == "__main__":
    set_threads()
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        answer = JOBS[request.pop("job")](**request)
        print(json.dumps(answer), file=answers, flush=True)
