"""Gradients computed again by another engine: all of them, or a random sample."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from barren import columns
from barren.physics.adjoint import steepness_of_symbols
from barren.physics.batches import Batch
from barren.physics.ensembles import (
    QSIM,
    TFQ,
    TFQ_STEP,
    BadInput,
    Ensemble,
    circuits_at_once,
)
from barren.physics.gradients import ADJOINT, compute_gradients
from barren.provenance.records import read_bytes
from barren.runner import cost
from barren.runner.experiment import Experiment

#: Of single precision.
PRECISION = 2.0**-24
#: Seconds for gradients: a share of what the run's are predicted to take, or more.
BUDGET_SHARE, LEAST_BUDGET = 0.1, 60.0


def other(experiment: Experiment) -> str:
    """The engine that checks the gradients of the one that made them."""
    return TFQ if experiment.config["engine"] == QSIM else QSIM


def recorded(
    path: Path, circuits: Iterable[tuple[Ensemble, Batch]]
) -> Callable[[Ensemble, Batch], NDArray[np.float32]]:
    """What takes gradients from a table, maybe a stranger's, in its order.

    circuits: those of the whole table, which is no longer than they imply.
    """
    most = 100 + sum(
        70 + len(ensemble.name) + len(name) + len(str(sample))
        for ensemble, part in circuits
        for name in ensemble.asked(part.symbols)
        for sample in part.samples
    )
    lines = iter(read_bytes(path, most).decode().splitlines()[1:])

    def take(ensemble: Ensemble, part: Batch) -> NDArray[np.float32]:
        found = np.zeros(part.circuits.values.shape, np.float32)
        for name in ensemble.asked(part.symbols):
            said = [line.rpartition(",")[2] for line in islice(lines, len(found))]
            column = np.array(said, np.float32)
            if len(said) < len(found) or [*map(str, column)] != said:
                raise BadInput("it has no gradient for each circuit")
            found[:, part.symbols.index(name)] = column
        return found

    return take


@dataclass(frozen=True)
class Check:
    """What came of the check of some gradients.

    reason: the first that is contradicted. worst: the largest difference, as a share of
    what is allowed. count: how many were computed again; most: of a circuit.
    """

    reason: str
    worst: float
    count: int
    most: int


@dataclass(frozen=True)
class Choice:
    """The gradients that are computed again: of `each` samples of every ensemble."""

    experiment: Experiment
    each: int
    seed: int

    @classmethod
    def within(
        cls, budget: float | None, experiment: Experiment, seed: int
    ) -> "Choice":
        """As many as some seconds are enough for, by default a share of the run's."""
        config, samples = experiment.config, experiment.config["samples"]
        own, others = (
            cost.gradient(experiment.sampled, samples, cost.RATES[engine]).seconds
            for engine in (config["engine"], other(experiment))
        )
        if budget is None:
            budget = max(LEAST_BUDGET, BUDGET_SHARE * own)
        each = int(min(samples, samples * budget / others))
        return cls(experiment, max(1, each), seed)

    def rows(self, ensemble: Ensemble, first: int, last: int) -> list[int]:
        """The chosen rows of an ensemble's batch."""
        key = (*ensemble.name.encode(),)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
        numbers = rng.permutation(self.experiment.config["samples"])[: self.each]
        inside = numbers[(first <= numbers) & (numbers <= last)]
        return [int(number) for number in np.sort(inside) - first]

    def power(self, checks: Sequence[Check]) -> float:
        """Probability, at least, that a forgery of 1 % of the gradients is found.

        A circuit is checked whole, so whoever forges k circuits, wherever they are, and
        all their gradients remains unseen with at most (1 - each / samples)^k.
        """
        share = self.each / self.experiment.config["samples"]
        gradients = round(sum(check.count for check in checks) / share)
        most = max((check.most for check in checks), default=1)
        return float(1 - (1 - share) ** math.ceil(0.01 * gradients / most))


def tolerance(
    norm: float, speeds: Sequence[float], angles: NDArray[np.float64], unit: float = 1.0
) -> NDArray[np.float64]:
    """What engines may differ by at some values of a symbol, (samples,).

    norm: of the observable. speeds: |dU/ds| of the gates U that have the symbol s. A
    difference is off by |dU/ds|^3 step^2 / 6, and by the rounding of two matrices,
    which grows with the phase, over the step; the gradient by twice as much. unit: of
    the symbol, for those in which the difference is taken.
    """
    speed, phase = np.array(speeds) / unit, np.abs(np.outer(angles, speeds))
    off = speed**3 * TFQ_STEP**2 / 6 + 2 * PRECISION / TFQ_STEP * (1 + phase)
    allowed: NDArray[np.float64] = 2 * norm * unit * off.sum(axis=1)
    return allowed


def check_gradients(
    choice: Choice,
    ensembles: Sequence[Ensemble],
    batches: Mapping[str, Batch],
    table: Iterable[Mapping[str, str]],
) -> Check:
    """Compute the chosen ones of some ensembles' gradients again.

    batches: by program. table: the rows that the job writes, in their order.
    """
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in table:
        said[line["ensemble"], line[columns.PARAMETER]].append(line[columns.GRADIENT])
    engine, reason, worst, count, most = other(choice.experiment), "", 0.0, 0, 1
    for ensemble in ensembles:
        batch = batches[ensemble.program]
        asked = ensemble.asked(batch.symbols)
        most = max(most, len(asked))
        own, speeds = batch.circuits.circuit, [[0.5]]  # one rotation has the symbol
        if own is not None:
            steepness = steepness_of_symbols(own.item(), batch.symbols)
            speeds = [[gate.speed for gate in gates] for gates in steepness]
        first, at_once = int(batch.samples[0]), circuits_at_once(ensemble, engine)
        rows = choice.rows(ensemble, first, int(batch.samples[-1]))
        for begin in range(0, len(rows), at_once):
            chosen = rows[begin : begin + at_once]
            found = compute_gradients(ensemble, batch[chosen], engine, ADJOINT)
            for parameter in asked:
                at = batch.symbols.index(parameter)
                values, angles = found[:, at], batch.circuits.values[chosen, at]
                texts = [said[ensemble.name, parameter][row] for row in chosen]
                unit = batch.units[at]
                allowed = tolerance(ensemble.norm, speeds[at], angles, unit)
                off = np.abs(np.array(texts, float) - values) / allowed
                worst, count = max(worst, float(off.max())), count + len(off)
                wrong = ~(off <= 1)  # or nan
                if wrong.any() and not reason:
                    row = int(wrong.argmax())
                    reason = (
                        f"{ensemble.name}, sample {first + chosen[row]}: gradient "
                        f"{texts[row]}, {engine} gives {values[row]}"
                    )
    return Check(reason, worst, count, most)
