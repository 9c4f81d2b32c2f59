"""Circuits drawn again from the seed, gradients computed again by another engine."""

import csv
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren import columns
from barren.physics.batches import read_batch
from barren.physics.circuits import Circuits, replay_notebook, sample_circuits
from barren.physics.ensembles import QSIM, TFQ, BadInput, Ensemble, circuits_at_once
from barren.physics.gradients import ADJOINT, compute_gradients
from barren.physics.programs import serialise
from barren.provenance.records import read_bytes
from barren.runner import cost, layout
from barren.runner.experiment import NOTEBOOK, Experiment

#: What two engines may differ by. The adjoint derives gates by finite differences:
#: errors to 5e-5 in 2000 gradients (workflow/docs/provenance.md).
GRADIENT_TOLERANCE = 1e-4
#: Bytes of a batch beside its arrays: headers, and the text about it.
HEADERS = 8192
#: Seconds for gradients: a share of what the run's are predicted to take, or more.
BUDGET_SHARE, LEAST_BUDGET = 0.1, 60.0


@dataclass(frozen=True)
class Batch:
    """A batch of circuits of an experiment."""

    experiment: Experiment
    ensemble: Ensemble
    first: int
    last: int

    @property
    def name(self) -> str:
        """Its file, from the experiment's folder."""
        return layout.batch(self.ensemble.name, self.first, self.last)

    @property
    def parameters(self) -> dict[str, Any]:
        """What `sample_circuits` is told."""
        config, name = self.experiment.config, self.ensemble.name
        replayed = config["stream"] == NOTEBOOK
        return {
            "ensemble": name,
            "seed": config["seed"],
            "first": self.first,
            "last": self.last,
            "stream": config["stream"],
            "samples": config["samples"] if replayed else 0,
            "skip": self.experiment.skips[name] if replayed else 0,
        }

    def draw(self) -> tuple[Circuits, NDArray[np.bytes_]]:
        """Its circuits and their programs, from the configuration's seed."""
        told, numbers = self.parameters, range(self.first, self.last + 1)
        if told["stream"] == NOTEBOOK:
            circuits = replay_notebook(
                self.ensemble, told["seed"], told["skip"], told["samples"], numbers
            )
        else:
            circuits = sample_circuits(self.ensemble, told["seed"], numbers)
        return circuits, serialise(self.ensemble, circuits)

    def difference(self, path: Path, circuits: Circuits, programs: Any) -> str:
        """What of a batch's file is not as it is drawn; empty if nothing."""
        seed = self.experiment.config["seed"]
        numbers = np.arange(self.first, self.last + 1)
        drawn = vars(circuits) | {"sample": numbers, "programs": programs}
        drawn = {name: array for name, array in drawn.items() if array is not None}
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
            if {e.filename for e in entries} != {f"{n}.npy" for n in (*drawn, "about")}:
                return "other arrays than a batch has"
            size, known = (sum(e.file_size for e in entries), HEADERS)
            if size > (known := known + sum(a.nbytes for a in drawn.values())):
                return f"unpacks to {size} bytes, a batch to {known} at most"
            samples, found, found_programs = read_batch(path, self.ensemble, seed)
        except (BadInput, zipfile.BadZipFile, NotImplementedError) as error:
            return str(error)
        actual = vars(found) | {"sample": samples, "programs": found_programs}
        for name, values in drawn.items():
            if actual[name].shape != values.shape or actual[name].dtype != values.dtype:
                return f"other {name} than seed {seed} gives"
            same = (actual[name] == values).reshape(len(values), -1).all(axis=1)
            if not same.all():
                number = self.first + int(np.argmin(same))
                return f"sample {number}: other {name} than seed {seed} gives"
        return ""


def read_gradients(
    path: Path, batches: Sequence[Batch], thetas: Mapping[str, NDArray[np.float64]]
) -> dict[str, list[str]]:
    """The gradients of a job's file, as text, by batch; BadInput where it is another.

    thetas: (samples,) of each batch, by its name.
    """
    known = [
        [batch.ensemble.name, str(batch.first + row), str(theta)]
        for batch in batches
        for row, theta in enumerate(thetas[batch.name])
    ]
    text = read_bytes(path, 100 + sum(50 + len(",".join(row)) for row in known))
    try:
        header, *rows = csv.reader(io.StringIO(text.decode()))
        if header != ["ensemble", *columns.CIRCUIT] or len(rows) != len(known):
            raise BadInput(f"not a table of {len(known)} gradients")
        for row, expected in zip(rows, known, strict=True):
            if row[:-1] != expected or str(np.float32(row[-1])) != row[-1]:
                raise BadInput(f"{row} in place of a gradient of {expected}")
    except (ValueError, csv.Error) as error:
        raise BadInput(f"not a table of gradients ({error})") from None
    values = iter(row[-1] for row in rows)
    return {b.name: [next(values) for _ in thetas[b.name]] for b in batches}


def other(engine: str) -> str:
    """The engine that checks another one's gradients."""
    return TFQ if engine == QSIM else QSIM


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
            for engine in (config["engine"], other(config["engine"]))
        )
        if budget is None:
            budget = max(LEAST_BUDGET, BUDGET_SHARE * own)
        return cls(
            experiment, max(1, min(samples, int(samples * budget / others))), seed
        )

    def rows(self, batch: Batch) -> list[int]:
        """The chosen rows of a batch."""
        key = (*batch.ensemble.name.encode(),)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
        numbers = rng.permutation(self.experiment.config["samples"])[: self.each]
        inside = numbers[(batch.first <= numbers) & (numbers <= batch.last)]
        return sorted(inside - batch.first)

    @property
    def power(self) -> float:
        """Probability, at least, that forgeries of 1 % of all gradients are found.

        All of k are left out, wherever they are, with at most (1 - each / samples)^k.
        """
        samples = self.experiment.config["samples"]
        forged = math.ceil(0.01 * samples * len(self.experiment.sampled))
        return float(1 - (1 - self.each / samples) ** forged)


def check_gradients(
    batch: Batch,
    rows: Sequence[int],
    circuits: Circuits,
    programs: NDArray[np.bytes_],
    text: Sequence[str],
) -> tuple[str, float]:
    """The first gradient that another engine contradicts, and the largest difference.

    rows: in the batch, of each of the circuits; text: the batch's gradients.
    """
    engine = other(batch.experiment.config["engine"])
    reason, worst, at_once = "", 0.0, circuits_at_once(batch.ensemble)
    for begin in range(0, len(rows), at_once):
        part = slice(begin, begin + at_once)
        values = compute_gradients(
            batch.ensemble, circuits[part], programs[part], engine, ADJOINT
        )
        for row, value in zip(rows[part], values, strict=True):
            off = abs(float(text[row]) - float(value))
            worst = max(worst, off)
            if not off <= GRADIENT_TOLERANCE and not reason:  # nor if not a number
                reason = (
                    f"{batch.ensemble.name}, sample {batch.first + row}: gradient "
                    f"{text[row]}, {engine} gives {value}"
                )
    return reason, worst
