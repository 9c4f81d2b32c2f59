"""What an experiment takes, predicted from its coordinates (standard library alone).

CPU time follows from rates that `snakemake plan` measures on the machine at hand;
memory and disk follow from the file format and the number of amplitudes.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from barren.ensembles import RANDOM, Ensemble

#: Resident memory of TensorFlow with its kernels loaded, MiB.
TENSORFLOW_MIB = 850
#: Resident memory of numpy with the code that draws circuits, MiB.
NUMPY_MIB = 100
#: complex64 amplitudes.
BYTES_PER_AMPLITUDE = 8
#: State vectors that a gradient keeps for each thread.
STATE_VECTORS = 4
#: A gate in a TFQ program, in memory and in the batch's archive (measured).
PROGRAM_BYTES_PER_GATE = 142.6
DISK_BYTES_PER_GATE = 4.3
#: Copies of a batch's programs that a job holds at once.
COPIES = 2.5
#: A gate that TensorFlow Quantum has parsed, in memory (measured).
PARSED_BYTES_PER_GATE = 1500
#: Circuits and gates in one call: enough to keep it busy, few enough to fit.
CIRCUITS_AT_ONCE = 50
GATES_AT_ONCE = 200_000
#: How much longer than predicted a job may run before a cluster ends it.
PATIENCE = 4

_SIMULATE = {
    4: 8e-6,
    8: 5e-6,
    10: 6e-6,
    12: 1e-5,
    14: 2e-5,
    16: 5e-5,
    18: 1.7e-4,
    20: 7e-4,
}


@dataclass(frozen=True)
class Rates:
    """CPU seconds on one core, by default those of the machine we measured on.

    start: loading TensorFlow's kernels; draw_start: loading numpy; serialise: a gate
    drawn, serialised and compressed; simulate: a gate of a gradient, by width.
    """

    start: float = 5.0
    draw_start: float = 0.3
    serialise: float = 2.5e-6
    simulate: Mapping[int, float] = field(default_factory=lambda: dict(_SIMULATE))

    def gate(self, width: int) -> float:
        """Seconds for a gate of a gradient, between and beyond the measured widths."""
        known = sorted(self.simulate.items())
        for (a, low), (b, high) in pairwise(known):
            if a <= width <= b:
                share = (width - a) / (b - a)
                return math.exp((1 - share) * math.log(low) + share * math.log(high))
        nearest, seconds = known[0] if width < known[0][0] else known[-1]
        # Beyond the widest all time goes into amplitudes, each qubit doubles them.
        return seconds * 2.0 ** max(0, width - nearest)

    @classmethod
    def read(cls, path: Path) -> "Rates":
        """The rates measured on this machine, or the default ones without a file."""
        if not path.exists():
            return cls()
        values = json.loads(path.read_text())
        values["simulate"] = {int(n): value for n, value in values["simulate"].items()}
        return cls(**values)


class Cost(NamedTuple):
    """CPU seconds, peak memory (MiB) of a job, and disk (bytes) of its files."""

    seconds: float
    mib: int
    disk: float


def gates(ensemble: Ensemble) -> int:
    """Gates of one circuit."""
    layers = ensemble.layers * (1 if ensemble.family == RANDOM else 2)
    return ensemble.width + layers * (2 * ensemble.width - 1)


def circuits_at_once(ensemble: Ensemble) -> int:
    """Circuits whose gradients are computed in one call."""
    return max(1, min(CIRCUITS_AT_ONCE, GATES_AT_ONCE // gates(ensemble)))


def sampling(ensemble: Ensemble, samples: int, rates: Rates) -> Cost:
    """A job that draws a batch of circuits."""
    count = samples * gates(ensemble)
    return Cost(
        rates.draw_start + rates.serialise * count,
        NUMPY_MIB + round(COPIES * PROGRAM_BYTES_PER_GATE * count / 2**20),
        DISK_BYTES_PER_GATE * count + 8 * samples * ensemble.layers * ensemble.width,
    )


def gradient(ensembles: Iterable[Ensemble], samples: int, rates: Rates) -> Cost:
    """A job that computes the gradients of a batch of each of some ensembles."""
    seconds, mib = rates.start, 0
    for ensemble in ensembles:
        count = samples * gates(ensemble)
        seconds += count * rates.gate(ensemble.width)
        programs = COPIES * PROGRAM_BYTES_PER_GATE * count
        parsed = circuits_at_once(ensemble) * gates(ensemble) * PARSED_BYTES_PER_GATE
        states = STATE_VECTORS * BYTES_PER_AMPLITUDE * 2**ensemble.width
        mib = max(mib, round((programs + parsed + states) / 2**20))
    return Cost(seconds, TENSORFLOW_MIB + mib, 0)


def minutes(seconds: float) -> int:
    """The time limit of a job that is predicted to take some seconds."""
    return 5 + math.ceil(PATIENCE * seconds / 60)
