import csv
import importlib
import json
import math
import os
import secrets
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Not as many as the job has cores: its forks share them.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.runner import hashes

if __name__ == "__main__":
    hashes.fix()

from barren.physics.batches import read_batch
from barren.physics.ensembles import TFQ, BadInput, Ensemble
from barren.provenance import recompute, records, remake
from barren.provenance.compare import difference, differs, misstated, most_of
from barren.provenance.recompute import Check, Choice, recorded
from barren.provenance.remake import Job, Task
from barren.runner import cost, jobs, layout, step
from barren.runner.experiment import Experiment, widths
from barren.runner.sources import sources
from barren.runner.step import plain
from compute_gradients import compute, parts, write

VERIFIED = "verified"
CHANGED = "changed"
MISSING = "missing"
EXTRA = "extra"
DOWNSTREAM = "downstream"
COMPUTE = "compute_gradients"
#: Parameters for each qubit of a circuit: no circuit has more.
MANY = 1000
#: Verdict and reason, by path.
Verdicts = dict[str, tuple[str, str]]


def make_again(
    folder: Path,
    experiment: Experiment,
    snakemake: str,
    choice: Choice | None = None,
) -> tuple[Verdicts, list[Check]]:
    """Make all but the gradients again: a verdict on every file.

    choice: the gradients that are computed again, by the other engine.
    """
    with ThreadPoolExecutor(1) as pool:
        command = shlex.split(snakemake)
        asked = pool.submit(remake.ask_jobs, command, experiment.config, folder)
        present = present_files(folder, experiment)
        own = ["build_circuits"] * bool(experiment.own_circuits)
        for name in (*cost.ONCE, *own):  # once for all forks; one of them tells a fault
            with suppress(Exception):
                importlib.import_module(name)
            sources(name)
    jobs = asked.result()
    makes = {path: (job, 0) for job in jobs for path in job.outputs}
    tasks = {(job, 0): [makes[path] for path in job.inputs] for job in jobs}
    computing = [job for job in jobs if job.step == COMPUTE and choice]
    tasks |= {(of, n): [(of, 0)] for of in computing for n in widths(computed(of))}
    faults: Verdicts = {}
    done, left = [], {*jobs}
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        remake.prepare(place, experiment.config)
        do = partial(task_again, Path.cwd(), place, choice)
        for (job, width), outcome in remake.do_again(tasks, do, rank):
            if not isinstance(outcome, BadInput):
                left.discard(job)
            if isinstance(outcome, Check):
                done.append(outcome)
                outcome = outcome.reason
            path = job.option("gradients" if width else "record")
            if reason := str(outcome):
                faults.setdefault(path, (CHANGED, reason))
        made = {f"{folder}/{name}" for name in records.inventory(place / folder)}
        for path in made & present - {job.record for job in jobs}:
            if reason := differs(path, place):
                faults.setdefault(path, (CHANGED, reason))
    beside = EXTRA, "the workflow does not make it; another configuration may have"
    if left:
        beside = DOWNSTREAM, "not everything can be made again"
    faults = {job.record: beside for job in left} | faults
    made.update(*(job.outputs for job in jobs))
    faults |= dict.fromkeys(made - present, (MISSING, "the workflow makes it"))
    faults |= dict.fromkeys(present - made, beside)
    return verdicts(jobs, faults, present), done


def verdicts(jobs: Sequence[Job], faults: Verdicts, present: set[str]) -> Verdicts:
    """A verdict on every file, each after those that it rests on."""
    sound = VERIFIED, ""
    found = {job.record: faults.get(job.record, sound) for job in jobs}
    for job in jobs:
        links = (job.record, *job.inputs)
        unsound = [link for link in links if found[link][0] != VERIFIED]
        rest = (DOWNSTREAM, f"rests on {unsound[0]}") if unsound else sound
        for path in job.outputs:
            found.setdefault(path, faults.get(path, rest))
    for path in sorted(present | {*faults}):
        found.setdefault(path, faults.get(path, sound))
    return found


def report(verdicts: Verdicts, choice: Choice, done: Sequence[Check]) -> bool:
    """Print a line for every file, what was done again and whether all holds."""
    for path, (verdict, reason) in verdicts.items():
        print(plain(f"{verdict:10} {path}{': ' * bool(reason)}{reason}"))
    worst = max((check.worst for check in done), default=0.0)
    print(
        f"audit: {sum(check.count for check in done)} gradients computed again by "
        f"{recompute.other(choice.experiment)} (largest difference {worst:.2g} of what "
        f"is allowed; again: --seed {choice.seed})"
    )
    outcome = f"everything holds: {len(verdicts)} files" + (
        "; a forgery of 1 % of the gradients would have been found with probability "
        f"{choice.power(done):.3g}"
    ) * bool(done)
    broken = [p for p, (of, _) in verdicts.items() if of not in {VERIFIED, DOWNSTREAM}]
    if broken:
        after = sum(of == DOWNSTREAM for of, _ in verdicts.values())
        outcome = f"{len(broken)} broken, the first {broken[0]}; {after} downstream"
    print(plain(f"audit: {outcome}"))
    return not broken


def rank(task: Task) -> tuple[bool, float]:
    """First what others wait for, then what takes long; checks fill the gaps."""
    job, width = task
    seconds, *_ = cost.ONCE.get(job.step, (math.inf,))
    return bool(width), -width or -seconds


def computed(job: Job) -> Sequence[Ensemble]:
    """The ensembles whose gradients a job computes."""
    return Experiment(json.loads(job.option("ensembles"))).ensembles


def task_again(
    results: Path, place: Path, choice: Choice | None, task: Task
) -> Check | str:
    """Do a job again, and say how its record differs; or check its gradients.

    The job that computes gradients writes the recorded ones instead, as they come, and
    what reads records is to tell of the recorded jobs.
    """
    job, width = task
    if width and choice:
        return check(place, job, width, choice)

    def take(gradients: Path, **of: Any) -> None:
        known = of["batches"], of["seed"], of["engine"]
        circuits = [*parts(computed(job), *known, programs=False)]
        theirs = recorded(results / job.option("gradients"), circuits)
        write(gradients, circuits, theirs)

    taken = partial(step.run, wraps(compute)(take))
    remake.run_again(place, job, taken if job.step == COMPUTE else None)
    os.chdir(results)
    return misstated(job.record, place, job.environment)


def check(place: Path, job: Job, width: int, choice: Choice) -> Check:
    """Check the gradients of one width, of circuits that are drawn again."""
    args = step.command_line(compute)[0].parse_args(job.arguments)
    every = computed(job)
    path = place / args.batches[widths(every).index(width)]
    ensembles = [of for of in every if of.width == width]
    programs = recompute.other(choice.experiment) == TFQ
    batches = {
        of.program: read_batch(path, of, args.seed, programs=programs)
        for of in ensembles
    }
    with (place / args.gradients).open(newline="") as table:
        return recompute.check_gradients(
            choice, ensembles, batches, csv.DictReader(table)
        )


def present_files(folder: Path, experiment: Experiment) -> set[str]:
    """The files of an experiment, if they are no more and no larger than it has."""
    several, config = jobs.records(experiment), experiment.config
    size = min(config["batch_size"], config["samples"])
    rates = cost.RATES[config["engine"]]
    batches = cost.sampling(experiment.programs.values(), size, rates).disk
    # `all` of a circuit of one's own are as many as its function makes.
    asked = sum(MANY * e.width if e.asks_for_several else 1 for e in experiment.sampled)
    biggest = int(records.MOST_BYTES + 500 * config["samples"] * asked + 4 * batches)
    most = 1000 + 16 * len(several) + len(experiment.own_circuits)
    names = records.inventory(folder, most, biggest)
    return {f"{folder}/{name}" for name in names}


def audit(
    folder: Path,
    config: step.Json,
    snakemake: str,
    *,
    budget: float | None = None,
    seed: int | None = None,
) -> None:
    """Audit the results of an experiment, from the configuration to every figure.

    The steps of this checkout make everything again from the configuration, every
    circuit from the seed; the gradients alone are taken, and computed again by another
    engine. Nothing of the results is run. Prints a line for every file, `verified`,
    `changed`, `missing`, `extra` or `downstream` (see workflow/docs/provenance.md), and
    exits with code 0 only if all of it holds.

    folder: the experiment's, results/NAME. snakemake: a command. budget: seconds for
    gradients; seed: of their choice.
    """
    described_as = folder / layout.EXPERIMENT
    most = most_of(len(json.dumps(config)))
    if reason := difference(records.read_json(described_as, most), config):
        raise BadInput(f"{described_as} is of another configuration: {plain(reason)}")
    limits = {"budget": (budget, math.inf), "seed": (seed, 2**64 - 1)}
    for option, (given, largest) in limits.items():
        if given is not None and not 0 <= given <= largest:
            raise BadInput(f"--{option}: {given}; allowed: 0 to {largest}")
    experiment = Experiment(config)
    seed = secrets.randbits(64) if seed is None else seed
    choice = Choice.within(budget, experiment, seed)
    found, done = make_again(folder, experiment, snakemake, choice)
    sys.exit(not report(found, choice, done))


if __name__ == "__main__":
    step.run(audit)
