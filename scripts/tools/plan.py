"""Predict what an experiment takes, from a short calibration on this machine."""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from barren import cost
from barren.batches import read_batch, write_batch
from barren.circuits import sample_circuits
from barren.ensembles import RANDOM, Ensemble, batches, expand, sampled, widths
from barren.gradients import compute_gradients, set_threads
from barren.programs import serialise
from barren.step import write_json

#: Width, depth and circuits of the circuits that are timed.
TIMED = (
    (4, 50, 100),
    (8, 50, 40),
    (10, 50, 40),
    (12, 50, 20),
    (13, 50, 10),
    (14, 50, 6),
    (16, 50, 4),
    (18, 50, 2),
    (20, 50, 1),
)


def calibrate(engine: str, differentiator: str) -> cost.Rates:
    """Measure the CPU time of each part of a job on one thread."""
    draw_start = time.process_time()  # since the process began
    set_threads(1)
    draw, drawn, simulate = 0.0, 0, {}
    start = 0.0
    with TemporaryDirectory() as folder:
        path = Path(folder, "batch.npz")
        # The first calls load the engine.
        for width, depth, samples in ((4, 50, 20), (14, 1, 1), *TIMED):
            ensemble = Ensemble(RANDOM, width, depth)
            count = samples * cost.gates(ensemble)
            begin = time.process_time()
            circuits = sample_circuits(ensemble, 0, range(samples))
            programs = serialise(ensemble, circuits)
            write_batch(path, ensemble, "", 0, range(samples), circuits, programs)
            drew = time.process_time()
            read_batch(path, ensemble, 0)
            compute_gradients(ensemble, circuits, programs, engine, differentiator)
            end = time.process_time()
            start = start or end
            draw, drawn = draw + drew - begin, drawn + count
            simulate[width] = (end - drew) / count
    return replace(
        cost.RATES[engine],
        start=start,
        draw_start=draw_start,
        serialise=draw / drawn,
        simulate=simulate,
    )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--config", type=json.loads, required=True, help="as JSON")
parser.add_argument("--cores", type=int, required=True)
parser.add_argument("--calibration", type=Path, required=True, help="file to write")
args = parser.parse_args()

rates = calibrate(args.config["engine"], args.config["differentiator"])
write_json(args.calibration, asdict(rates))

ensembles = sampled(args.config)
ranges = batches(args.config["samples"], args.config["batch_size"])
sizes = [last - first + 1 for first, last in ranges]
jobs = []  # CPU seconds of each
disk = 0.0
print(f"{'ensemble':<58}{'CPU':>10}{'memory':>10}{'disk':>9}")
print(f"{'':<58}{'s':>10}{'MiB':>10}{'MB':>9}")
for ensemble in ensembles:
    drawing = [cost.sampling(ensemble, size, rates) for size in sizes]
    computing = [cost.gradient([ensemble], size, rates) for size in sizes]
    seconds = sum(c.seconds for c in drawing)
    seconds += sum(c.seconds - rates.start for c in computing)
    memory = max(c.mib for c in drawing + computing)
    space = sum(c.disk for c in drawing)
    print(f"{ensemble.name:<58}{seconds:>10.0f}{memory:>10}{space / 1e6:>9.1f}")
    jobs += [c.seconds for c in drawing]
    disk += space
for width in widths(ensembles):
    of_width = [e for e in ensembles if e.width == width]
    jobs += [cost.gradient(of_width, size, rates).seconds for size in sizes]
sampling, longest = sum(jobs), max(jobs, default=0.0)
everything = expand(args.config)
exact = [
    cost.theory([e for e in everything if e.width == width], rates)
    for width in widths(everything)
]
rest = [cost.once(step, len(ensembles) * len(sizes)) for step in cost.ONCE]
jobs += exact + rest
total = sum(jobs)
wall = cost.wall(
    total + cost.OVERHEAD * len(jobs), max(longest, *exact) + sum(rest), args.cores
)
print(
    f"\ncircuits and gradients {sampling:.0f} s, theory {sum(exact):.0f} s, "
    f"tables, figures and the rest {sum(rest):.0f} s\n"
    f"{len(ensembles)} of {len(everything)} ensembles are sampled: "
    f"{len(jobs)} jobs, {total / 3600:.2f} CPU hours, {disk / 1e9:.2f} GB of disk; "
    f"{cost.duration(wall)} on {args.cores} cores, all of it counted."
)
if longest > 1.5 * total / args.cores:
    print("A single job bounds the time: a smaller batch_size makes more jobs of it.")
