import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.batches import Batch, read_batch, write_batches
from barren.physics.circuits import sample_circuits
from barren.physics.families import Random
from barren.physics.gradients import compute_gradients, set_threads
from barren.physics.layered import THETA
from barren.physics.programs import serialise
from barren.runner import cost, step
from barren.runner.experiment import Experiment, widths
from barren.runner.jobs import gradient_jobs, theory_jobs

#: Circuits that are timed, by width; and their depth.
TIMED = {4: 100, 8: 40, 10: 40, 12: 20, 13: 10, 14: 6, 16: 4, 18: 2, 20: 1}
DEPTH = 50
#: Circuits that are drawn at the pace of a batch.
SEVERAL = 40


def calibrate(engine: str, differentiator: str) -> cost.Rates:
    """Measure the CPU time of each part of a job on one thread."""
    draw_start = time.process_time()  # since the process began
    set_threads()
    draw, drawn, simulate = 0.0, 0, {}
    start = 0.0
    with TemporaryDirectory() as folder:
        path = Path(folder, "batch.npz")
        # The first calls load the engine.
        for width, samples in ((4, 20), (14, 1), *TIMED.items()):
            ensemble = Random(width=width, depth=DEPTH)
            count = samples * ensemble.gates
            begin = time.process_time()
            circuits = sample_circuits(ensemble, 0, range(samples))
            programs = serialise(ensemble, circuits)
            batch = Batch(np.arange(samples), circuits, programs, (THETA,))
            write_batches(path, "", 0, [(ensemble, batch)])
            drew = time.process_time()
            read_batch(path, ensemble, 0)
            compute_gradients(ensemble, batch, engine, differentiator)
            end = time.process_time()
            start = start or end
            if samples >= SEVERAL:
                draw, drawn = draw + drew - begin, drawn + count
            simulate[width] = (end - drew) / count
    return replace(
        cost.RATES[engine],
        start=start,
        draw_start=draw_start,
        serialise=draw / drawn,
        simulate=simulate,
    )


def plan(config: step.Json, cores: int, calibration: Path) -> None:
    """Predict the cost of an experiment, from a short calibration on this machine.

    calibration: the file that keeps the rates.
    """
    rates = calibrate(config["engine"], config["differentiator"])
    step.write_json(calibration, asdict(rates) | {"model": cost.MODEL})
    tell(Experiment(config), rates, cores)


def tell(experiment: Experiment, rates: cost.Rates, cores: int) -> None:
    """Print what each ensemble takes, and all together."""
    sizes = [last - first + 1 for first, last in experiment.batches]
    print(f"{'ensemble':<58}{'CPU':>10}{'memory':>10}{'disk':>9}")
    print(f"{'':<58}{'s':>10}{'MiB':>10}{'MB':>9}")
    for ensemble in experiment.sampled:
        drawing = [cost.sampling([ensemble], size, rates) for size in sizes]
        computing = [cost.gradient([ensemble], size, rates) for size in sizes]
        seconds = sum(c.seconds - rates.draw_start for c in drawing)
        seconds += sum(c.seconds - rates.start for c in computing)
        memory = max(c.mib for c in drawing + computing)
        space = sum(c.disk for c in drawing + computing) / 1e6
        print(f"{ensemble.name:<58}{seconds:>10.0f}{memory:>10}{space:>9.1f}")
    programs = experiment.programs.values()
    drawing = [
        cost.sampling([of for of in programs if of.width == width], size, rates)
        for width in widths(experiment.sampled)
        for size in sizes
    ]
    computing = [
        cost.gradient(ensembles, size, rates)
        for ensembles in gradient_jobs(experiment).values()
        for size in sizes
    ]
    jobs = [of.seconds for of in drawing + computing]
    sampling, longest = sum(jobs), max(jobs, default=0.0)
    exact = [cost.theory(of, rates) for of in theory_jobs(experiment).values()]
    size = len(drawing), experiment.points, experiment.config["samples"]
    rest = [rates.pace * cost.once(name, *size).seconds for name in cost.ONCE]
    jobs += exact
    total = sum(jobs + rest)
    overhead = rates.pace * cost.OVERHEAD
    wall = cost.makespan([of + overhead for of in jobs], cores)
    wall += sum(of + overhead for of in rest)
    print(
        f"\ncircuits and gradients {sampling:.0f} s, theory {sum(exact):.0f} s, "
        f"tables, figures and the rest {sum(rest):.0f} s\n"
        f"{len(experiment.sampled)} of {len(experiment.ensembles)} ensembles are "
        f"sampled: {len(jobs + rest)} jobs, {total / 3600:.2f} CPU hours, "
        f"{sum(of.disk for of in drawing + computing) / 1e9:.2f} GB of disk; "
        f"{cost.duration(wall)} on {cores} cores."
    )
    if longest > 1.5 * total / cores:
        print("The longest job bounds the time: a smaller batch_size splits it.")


if __name__ == "__main__":
    step.run(plan)
