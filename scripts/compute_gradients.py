import csv
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from barren import columns
from barren.physics.batches import Batch, read_batch
from barren.physics.ensembles import TFQ, Ensemble, circuits_at_once
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
) -> None:
    """Compute the gradient of every circuit of the batches of some ensembles.

    batches: one for each width, in ascending order. TensorFlow Quantum runs their
    programs, qsim their axes and angles.
    """
    set_threads()
    of = Experiment(ensembles).ensembles
    write(
        gradients,
        parts(of, batches, seed, engine, programs=engine == TFQ),
        lambda ensemble, part: compute_gradients(
            ensemble, part, engine, differentiator
        ),
    )


def parts(
    ensembles: Sequence[Ensemble],
    batches: Sequence[Path],
    seed: int,
    engine: str,
    *,
    programs: bool,
) -> Iterator[tuple[Ensemble, Batch]]:
    """The circuits of each call, in the order of the table; says how far it is."""
    paths = dict(zip(widths(ensembles), batches, strict=True))
    by_program = sorted(ensembles, key=lambda of: (of.width, of.program))
    for program, of in groupby(by_program, key=lambda of: of.program):
        members = list(of)
        path = paths[members[0].width]
        batch = read_batch(path, members[0], seed, programs=programs)
        at_once = circuits_at_once(members[0], engine)
        start = time.monotonic()
        for begin in range(0, len(batch.samples), at_once):
            part = batch[begin : begin + at_once]
            yield from ((ensemble, part) for ensemble in members)
            done = min(begin + at_once, len(batch.samples))
            left = (time.monotonic() - start) * (len(batch.samples) / done - 1)
            so_far = f"{program}: {done} of {len(batch.samples)} circuits"
            print(f"{so_far}, {left:.0f} s left", file=sys.stderr, flush=True)


def write(
    gradients: Path,
    parts: Iterable[tuple[Ensemble, Batch]],
    find: Callable[[Ensemble, Batch], NDArray[np.float32]],
) -> None:
    """Write a row for each circuit and parameter that is asked for.

    find: the gradients of some circuits, (samples, symbols).
    """
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("ensemble", columns.PARAMETER, *columns.CIRCUIT))
        for ensemble, part in parts:
            found, theta = find(ensemble, part), part.circuits.values
            for name in ensemble.asked(part.symbols):
                at = part.symbols.index(name)
                rows = zip(part.samples, theta[:, at], found[:, at], strict=True)
                # str gives the shortest digits that read back as the same number.
                writer.writerows((ensemble.name, name, *map(str, row)) for row in rows)


if __name__ == "__main__":
    step.run(compute)
