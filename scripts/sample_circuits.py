import base64
import json
from typing import Literal

import numpy as np

from barren.physics.batches import Batch, write_batch
from barren.physics.circuits import replay_notebook, sample_circuits, sample_parameters
from barren.physics.families import make
from barren.physics.layered import THETA, Layered
from barren.physics.programs import serialise
from barren.runner import step


def sample_batch(
    ensemble: step.Json,
    seed: int,
    first: int,
    last: int,
    batch: step.Output,
    circuit: step.Input | None = None,
    stream: Literal["seed_sequence", "notebook"] = "seed_sequence",
    samples: int = 0,
    skip: int = 0,
) -> None:
    """Draw a batch of random circuits and serialise it with its TFQ programs.

    circuit: a circuit of one's own, built. `samples` and `skip` are of the notebook's
    stream: circuits of the ensemble, and uniform draws before them.
    """
    of, numbers = make(ensemble), np.arange(first, last + 1)
    if circuit:
        built = json.loads(circuit.read_text())
        symbols = tuple(built["symbols"])
        circuits = sample_parameters(of, built, seed, numbers.tolist())
        program = np.array([base64.b64decode(built["program"])])
        drawn = Batch(numbers, circuits, program, symbols)
    else:
        assert isinstance(of, Layered)
        if stream == "notebook":
            circuits = replay_notebook(of, seed, skip, samples, numbers.tolist())
        else:
            circuits = sample_circuits(of, seed, numbers.tolist())
        drawn = Batch(numbers, circuits, serialise(of, circuits), (THETA,))
    write_batch(batch, of, stream, seed, drawn)


if __name__ == "__main__":
    step.run(sample_batch)
