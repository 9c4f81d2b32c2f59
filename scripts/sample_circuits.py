from typing import Literal

from barren.physics.batches import write_batch
from barren.physics.circuits import replay_notebook, sample_circuits
from barren.physics.families import make
from barren.physics.programs import serialise
from barren.runner import step


def sample_batch(
    ensemble: step.Json,
    seed: int,
    first: int,
    last: int,
    batch: step.Output,
    stream: Literal["seed_sequence", "notebook"] = "seed_sequence",
    samples: int = 0,
    skip: int = 0,
) -> None:
    """Draw a batch of random circuits and serialise it with its TFQ programs.

    `samples` and `skip` are of the notebook's stream: circuits of the ensemble, and
    uniform draws before them.
    """
    of, numbers = make(ensemble), range(first, last + 1)
    if stream == "notebook":
        circuits = replay_notebook(of, seed, skip, samples, numbers)
    else:
        circuits = sample_circuits(of, seed, numbers)
    programs = serialise(of, circuits)
    write_batch(batch, of, stream, seed, numbers, circuits, programs)


if __name__ == "__main__":
    step.run(sample_batch)
