import csv
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from barren import columns
from barren.physics.batches import Batch, read_batch
from barren.physics.ensembles import Ensemble, circuits_at_once
from barren.physics.gradients import compute_gradients, set_threads
from barren.runner import step
from barren.runner.experiment import Experiment, widths


def compute(
    ensembles: step.Json,
    batches: step.Inputs,
    seed: int,
    gradients: step.Output,
    engine: Literal["tfq", "qsim"] = "tfq",
    differentiator: Literal["auto", "adjoint", "parameter_shift"] = "auto",
    threads: int = 1,
) -> None:
    """Compute the gradient of every circuit of the batches of some ensembles.

    batches: one for each width, in ascending order. TensorFlow Quantum runs their
    programs, qsim their axes and angles.
    """
    set_threads(threads)
    of_widths = Experiment(ensembles).ensembles
    paths = dict(zip(widths(of_widths), batches, strict=True))
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("ensemble", columns.PARAMETER, *columns.CIRCUIT))
        by_program = sorted(of_widths, key=lambda of: (of.width, of.program))
        for program, of in groupby(by_program, key=lambda of: of.program):
            members = list(of)
            batch = read_batch(paths[members[0].width], members[0], seed)
            at_once = circuits_at_once(members[0], engine, threads)
            start = time.monotonic()
            for begin in range(0, len(batch.samples), at_once):
                part = batch[begin : begin + at_once]
                for ensemble in members:
                    found = compute_gradients(ensemble, part, engine, differentiator)
                    writer.writerows(rows(ensemble, part, found))
                done = min(begin + at_once, len(batch.samples))
                left = (time.monotonic() - start) * (len(batch.samples) / done - 1)
                print(
                    f"{program}: {done} of {len(batch.samples)} circuits, "
                    f"{left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )


def rows(
    ensemble: Ensemble, batch: Batch, found: NDArray[np.float32]
) -> Iterator[tuple[str, ...]]:
    """A row for each circuit and parameter that is asked for."""
    for name in ensemble.asked(batch.symbols):
        at = batch.symbols.index(name)
        values = zip(
            batch.samples, batch.circuits.values[:, at], found[:, at], strict=True
        )
        # str gives the shortest digits that read back as the same number.
        yield from ((ensemble.name, name, *map(str, row)) for row in values)


if __name__ == "__main__":
    step.run(compute)
