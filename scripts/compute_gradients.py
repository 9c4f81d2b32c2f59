import csv
import sys
import time
from pathlib import Path
from typing import Literal

from barren import columns
from barren.physics.batches import read_batch
from barren.physics.ensembles import Ensemble, circuits_at_once
from barren.physics.gradients import compute_gradients, set_threads
from barren.runner import layout, step
from barren.runner.experiment import Experiment


def compute(
    ensembles: step.Json,
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
    programs: dict[str, list[Ensemble]] = {}
    for ensemble in Experiment(ensembles).ensembles:
        programs.setdefault(ensemble.program, []).append(ensemble)
    batches = [results / layout.batch(name, first, last) for name in programs]
    with gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("ensemble", *columns.CIRCUIT))
        for path, members in zip(batches, programs.values(), strict=True):
            samples, circuits, serialised = read_batch(path, members[0], seed)
            at_once = circuits_at_once(members[0])
            start = time.monotonic()
            for begin in range(0, len(samples), at_once):
                part = slice(begin, begin + at_once)
                drawn = circuits[part]
                for ensemble in members:
                    values = compute_gradients(
                        ensemble, drawn, serialised[part], engine, differentiator
                    )
                    # str gives the shortest digits that read back as the same number.
                    for row in zip(samples[part], drawn.theta, values, strict=True):
                        writer.writerow((ensemble.name, *map(str, row)))
                done = min(begin + at_once, len(samples))
                left = (time.monotonic() - start) * (len(samples) / done - 1)
                print(
                    f"{members[0].program}: {done} of {len(samples)} circuits, "
                    f"{left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
    return {"batches": batches}


if __name__ == "__main__":
    step.run(compute)
