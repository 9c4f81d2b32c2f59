import csv
import sys
import time
from pathlib import Path
from typing import Literal

from barren import columns
from barren.physics.batches import read_batch
from barren.physics.ensembles import circuits_at_once
from barren.physics.families import parse
from barren.physics.gradients import compute_gradients, set_threads
from barren.runner import layout, step


def compute(
    ensembles: list[str],
    results: Path,
    first: int,
    last: int,
    seed: int,
    gradients: step.Output,
    engine: Literal["tfq", "qsim"] = "tfq",
    differentiator: Literal["auto", "adjoint", "parameter_shift"] = "auto",
    threads: int = 1,
) -> step.Found:
    """Compute the gradient of every circuit of the batches of some ensembles.

    TensorFlow Quantum runs the programs of the batches, qsim their axes and angles.
    """
    set_threads(threads)
    batches = [results / layout.batch(name, first, last) for name in ensembles]
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("ensemble", *columns.CIRCUIT))
        for ensemble, path in zip(map(parse, ensembles), batches, strict=True):
            samples, circuits, programs = read_batch(path, ensemble, seed)
            at_once = circuits_at_once(ensemble)
            start = time.monotonic()
            for begin in range(0, len(samples), at_once):
                part = slice(begin, begin + at_once)
                drawn = circuits[part]
                values = compute_gradients(
                    ensemble, drawn, programs[part], engine, differentiator
                )
                # str gives the shortest digits that read back as the same number.
                for row in zip(samples[part], drawn.theta, values, strict=True):
                    writer.writerow((ensemble.name, *map(str, row)))
                done = min(begin + at_once, len(samples))
                left = (time.monotonic() - start) * (len(samples) / done - 1)
                print(
                    f"{ensemble.name}: {done} of {len(samples)} circuits, "
                    f"{left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
    return {"batches": batches}


if __name__ == "__main__":
    step.run(compute)
