"""Compute the gradient of every circuit of some batches.

TensorFlow Quantum runs the programs of the batches; qsim their axes and angles.
"""

import csv
import sys
import time
from pathlib import Path

from barren import columns, step
from barren.batches import read_batch
from barren.cost import circuits_at_once
from barren.ensembles import QSIM, TFQ, Ensemble, batch_path
from barren.gradients import (
    ADJOINT,
    PARAMETER_SHIFT,
    compute_gradients,
    set_threads,
)

parser = step.parser(__doc__)
parser.add_argument("--ensembles", nargs="+", required=True, help="names of ensembles")
parser.add_argument("--batches", type=Path, required=True, help="folder of the batches")
parser.add_argument("--first", type=int, required=True, help="first sample of a batch")
parser.add_argument("--last", type=int, required=True, help="its last sample")
parser.add_argument("--seed", type=int, required=True, help="the batches' seed")
parser.add_argument("--engine", choices=[TFQ, QSIM], default=TFQ)
parser.add_argument(
    "--differentiator", choices=["auto", ADJOINT, PARAMETER_SHIFT], default="auto"
)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--gradients", type=Path, required=True, help="the file to write")

with step.run(parser, outputs=["gradients"]) as args:
    set_threads(args.threads)
    ensembles = [Ensemble.parse(name) for name in args.ensembles]
    paths = [args.batches / batch_path(e, args.first, args.last) for e in ensembles]
    args.read["batches"] = paths
    with args.gradients.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("ensemble", *columns.CIRCUIT))
        for ensemble, path in zip(ensembles, paths, strict=True):
            samples, circuits, programs = read_batch(path, ensemble, args.seed)
            at_once = circuits_at_once(ensemble)
            start = time.monotonic()
            for first in range(0, len(samples), at_once):
                part = slice(first, first + at_once)
                values = compute_gradients(
                    ensemble,
                    circuits[part],
                    programs[part],
                    args.engine,
                    args.differentiator,
                )
                for row in zip(
                    samples[part], circuits.theta[part], values, strict=True
                ):
                    # str gives the shortest digits that read back as the same number.
                    writer.writerow((ensemble.name, *map(str, row)))
                done = min(first + at_once, len(samples))
                left = (time.monotonic() - start) * (len(samples) / done - 1)
                print(
                    f"{ensemble.name}: {done} of {len(samples)} circuits, "
                    f"{left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
