import json
from collections.abc import Iterator
from typing import Literal

import numpy as np

from barren.physics.batches import Batch, shared_batch, write_batches
from barren.physics.circuits import replay_notebook, sample_circuits, sample_parameters
from barren.physics.ensembles import Ensemble
from barren.physics.layered import THETA, Layered
from barren.physics.programs import serialise
from barren.runner import step
from barren.runner.experiment import NOTEBOOK, Experiment


def sample_batches(
    ensembles: step.Json,
    seed: int,
    first: step.Wildcard,
    last: step.Wildcard,
    batch: step.Output,
    circuits: step.Inputs = (),
    stream: Literal["seed_sequence", "notebook"] = "seed_sequence",
    samples: int = 0,
    skips: step.Json = "{}",
) -> None:
    """Draw a batch of random circuits of each program, and serialise them for TFQ.

    circuits: those of one's own, built. `samples` and `skips` are of the notebook's
    stream: circuits of an ensemble, and uniform draws before them, by program.
    """
    numbers = np.arange(first, last + 1)
    built = {path.stem: json.loads(path.read_text()) for path in circuits}

    def drawn() -> Iterator[tuple[Ensemble, Batch]]:
        programs = {of.program: of for of in Experiment(ensembles).ensembles}
        for of in programs.values():
            if not isinstance(of, Layered):
                own = built[of.program]
                found = sample_parameters(of, own, seed, numbers.tolist())
                yield of, shared_batch(numbers, found, own)
                continue
            if stream == NOTEBOOK:
                skip = skips[of.program]
                found = replay_notebook(of, seed, skip, samples, numbers.tolist())
            else:
                found = sample_circuits(of, seed, numbers.tolist())
            yield of, Batch(numbers, found, serialise(of, found), (THETA,))

    write_batches(batch, stream, seed, drawn())


if __name__ == "__main__":
    step.run(sample_batches)
