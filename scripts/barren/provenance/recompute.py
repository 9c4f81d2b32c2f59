"""Gradients computed again by another engine: all of them, or a random sample."""

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from barren import columns
from barren.physics.adjoint import gates_of_a_symbol
from barren.physics.batches import Batch
from barren.physics.ensembles import QSIM, TFQ, BadInput, Ensemble, circuits_at_once
from barren.physics.gradients import ADJOINT, compute_gradients
from barren.provenance.records import read_bytes
from barren.runner import cost
from barren.runner.experiment import Experiment

#: What two engines may differ by, for a unit of the observable's norm and for each gate
#: that has the symbol. The adjoint derives gates by finite differences: errors to 5e-5
#: in 2000 gradients (workflow/docs/provenance.md).
GRADIENT_TOLERANCE = 1e-4
#: Seconds for gradients: a share of what the run's are predicted to take, or more.
BUDGET_SHARE, LEAST_BUDGET = 0.1, 60.0
#: The gradients of a job as text, (samples,) by ensemble and parameter.
Text = dict[tuple[str, str], list[str]]


def other(experiment: Experiment) -> str:
    """The engine that checks the gradients of the one that made them."""
    return TFQ if experiment.config["engine"] == QSIM else QSIM


def read_gradients(
    path: Path, ensembles: Sequence[Ensemble], batches: Mapping[str, Batch]
) -> Text:
    """The gradients of a job's file; BadInput where it is not of its batches.

    batches: those that the job has read, by program.
    """
    known = {
        (ensemble.name, parameter, str(sample)): str(theta)
        for ensemble in ensembles
        for batch in [batches[ensemble.program]]
        for parameter in ensemble.asked(batch.symbols)
        for sample, theta in zip(
            batch.samples,
            batch.circuits.values[:, batch.symbols.index(parameter)],
            strict=True,
        )
    }
    most = 100 + sum(70 + sum(map(len, key)) for key in known)
    text: Text = {}
    try:
        table = read_bytes(path, most).decode()
        header, *rows = csv.reader(io.StringIO(table))
        if header != ["ensemble", columns.PARAMETER, *columns.CIRCUIT]:
            raise BadInput("not a table of gradients")
        for name, parameter, sample, theta, gradient in rows:
            if known.pop((name, parameter, sample)) != theta:
                raise BadInput(f"{name}, sample {sample}: theta is {theta!r}")
            if str(np.float32(gradient)) != gradient:
                raise BadInput(f"{name}, sample {sample}: gradient is {gradient!r}")
            text.setdefault((name, parameter), []).append(gradient)
    except (ValueError, KeyError, csv.Error) as error:
        raise BadInput(f"not the table of gradients ({error!r})") from None
    if known:
        raise BadInput(f"no gradient of {', '.join(next(iter(known)))}")
    return text


@dataclass(frozen=True)
class Check:
    """What came of the check of a job's gradients.

    reason: the first that is contradicted. worst: the largest difference, in units of
    the tolerance's. count: how many were computed again, of how many;
    most: of a circuit.
    """

    reason: str
    worst: float
    count: int
    gradients: int
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
        each = min(samples, int(samples * budget / others))
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
        gradients = sum(check.gradients for check in checks)
        most = max((check.most for check in checks), default=1)
        forged = math.ceil(0.01 * gradients / most)
        return float(1 - (1 - self.each / self.experiment.config["samples"]) ** forged)


def check_gradients(
    choice: Choice,
    ensembles: Sequence[Ensemble],
    batches: Mapping[str, Batch],
    text: Text,
) -> Check:
    """Compute the chosen ones of a job's gradients again."""
    engine, reason, worst, count = other(choice.experiment), "", 0.0, 0
    for ensemble in ensembles:
        batch = batches[ensemble.program]
        unit = max(1.0, ensemble.norm) * gates_of_a_symbol(batch.circuits)
        first, at_once = int(batch.samples[0]), circuits_at_once(ensemble, engine)
        rows = choice.rows(ensemble, first, int(batch.samples[-1]))
        for begin in range(0, len(rows), at_once):
            chosen = rows[begin : begin + at_once]
            found = compute_gradients(ensemble, batch[chosen], engine, ADJOINT)
            for parameter in ensemble.asked(batch.symbols):
                values = found[:, batch.symbols.index(parameter)]
                for row, value in zip(chosen, values, strict=True):
                    said = text[ensemble.name, parameter][row]
                    off = abs(float(said) - float(value)) / unit
                    worst, count = max(worst, off), count + 1
                    if not off <= GRADIENT_TOLERANCE and not reason:  # nor nan
                        reason = (
                            f"{ensemble.name}, sample {first + row}: gradient "
                            f"{said}, {engine} gives {value}"
                        )
    of_circuits = Counter(ensemble for ensemble, _ in text)
    gradients = sum(map(len, text.values()))
    return Check(reason, worst, count, gradients, max(of_circuits.values()))
