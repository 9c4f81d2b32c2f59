"""What an experiment takes, predicted from its coordinates (standard library alone).

CPU time follows from rates that `snakemake plan` measures on the machine at hand;
memory and disk follow from the file format and the number of amplitudes. Times of the
other jobs are those of the machine we measured on, at the pace of the one at hand.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapreplace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from barren.physics.ensembles import QSIM, TFQ, Ensemble, circuits_at_once

#: Rates belong to the version of this model that they were measured for.
MODEL = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
#: Resident memory of numpy with the code that draws circuits, MiB.
NUMPY_MIB = 50
#: complex64 amplitudes.
BYTES_PER_AMPLITUDE = 8
#: State vectors that a gradient keeps for each thread.
STATE_VECTORS = 4
#: A gate in a TFQ program, in memory and in the batch's archive (measured).
PROGRAM_BYTES_PER_GATE = 142.6
DISK_BYTES_PER_GATE = 6.4
#: Copies of a batch's programs that the job holds that makes or takes it (measured).
COPIES_DRAWN = 2.1
COPIES_COMPUTED = 1.2
#: How much longer than predicted a job may run before a cluster ends it.
PATIENCE = 4
#: Width up to which the theory is dense, and CPU seconds of a layer, or of a gate in a
#: circuit of one's own: for each of the 3^width or 4^width numbers, and beyond for each
#: qubit of a matrix product state after the fifth, until it has converged (measured, up
#: to width 24).
DENSE_WIDTH = 13
DENSE_NUMBER = 1e-8
DENSE_GATE = {3: 4e-9, 4: 2e-9}
MPS_QUBIT = 0.0105
MPS_LAYERS = 150
#: CPU seconds of the steps that run once; for each file that they read, and for each
#: point, of a thousand circuits (measured). From the page on they tell of those before.
ONCE = {
    "describe_experiment": (0.1, 0.0, 0.0),
    "summarise_gradients": (0.9, 0.0005, 0.034),
    "judge_claims": (1.3, 0.012, 0.014),
    "plot_variance": (4.0, 0.0, 0.01),
    "draw_circuits": (2.3, 0.0, 0.0),
    "write_paper": (0.4, 0.0, 0.007),
    "write_report": (0.6, 0.001, 0.002),
    "confirm_agreement": (0.4, 0.0, 0.002),
    "assemble_crate": (0.3, 0.0025, 0.0),
}
#: A gradient in tables, on disk and in memory, and of who reads them, MiB (measured).
DISK_BYTES_PER_GRADIENT = 172
BYTES_PER_GRADIENT = 500
TABLES_MIB = 100
#: CPU seconds, some times an engine's start, up to which narrow widths share a job.
SHARED = 8.0
#: Seconds that Snakemake adds to a job.
OVERHEAD = 0.3
#: Seconds to install an environment, most of them for downloading.
INSTALL = 25.0
#: Seconds of jobs that are over before their pace counts as much as the prediction.
TRIAL = 10.0


@dataclass(frozen=True)
class Rates:
    """What an engine takes on one core.

    CPU seconds: `start` for loading it, `simulate` for a gate of a gradient, by width;
    `draw_start` for loading numpy, `serialise` for a gate drawn, serialised and
    compressed; `own` for a gate of a circuit of one's own and each amplitude, 0 where
    it takes what others take. Memory: MiB of the engine `loaded`, bytes of a `parsed`
    gate.
    """

    engine: str
    simulate: Mapping[int, float]
    start: float
    loaded: int
    parsed: int
    own: float
    draw_start: float = 0.2
    serialise: float = 1.6e-6

    @property
    def pace(self) -> float:
        """What other work takes here, as a share of the machine we measured on."""
        return self.start / RATES[self.engine].start

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
    def read(cls, path: Path, engine: str) -> "Rates":
        """The rates measured on this machine by this version; else the default."""
        try:
            values = json.loads(path.read_text())
            if values.pop("model") != MODEL:
                return RATES[engine]
            simulate = {int(n): float(s) for n, s in values.pop("simulate").items()}
            return cls(simulate=simulate, **values)
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return RATES[engine]


# On the machine we measured on: seconds by width; then start, loaded, parsed, own.
_WIDTHS = (4, 8, 10, 12, 14, 16, 18, 20)
_TFQ = (4e-6, 3e-6, 3.6e-6, 6e-6, 1.3e-5, 4e-5, 1.4e-4, 5.6e-4)
_QSIM = (1.4e-6, 1.2e-6, 1.4e-6, 1.8e-6, 3.9e-6, 1.2e-5, 4e-5, 1.6e-4)
RATES = {
    TFQ: Rates(TFQ, dict(zip(_WIDTHS, _TFQ, strict=True)), 0.7, 340, 2200, 0.0),
    QSIM: Rates(QSIM, dict(zip(_WIDTHS, _QSIM, strict=True)), 0.3, 50, 150, 8e-9),
}


class Cost(NamedTuple):
    """CPU seconds, peak memory (MiB) of a job, and disk (bytes) of its files."""

    seconds: float
    mib: int
    disk: float


def sampling(programs: Iterable[Ensemble], samples: int, rates: Rates) -> Cost:
    """A job that draws a batch of the circuits of each of some programs."""
    seconds, mib, disk = rates.draw_start, 0, 0.0
    for ensemble in programs:
        count = samples * ensemble.gates
        seconds += rates.serialise * count
        mib = max(mib, round(COPIES_DRAWN * PROGRAM_BYTES_PER_GATE * count / 2**20))
        disk += DISK_BYTES_PER_GATE * count
        disk += 8 * samples * ensemble.layers * ensemble.width
    return Cost(seconds, NUMPY_MIB + mib, disk)


def gradient(ensembles: Iterable[Ensemble], samples: int, rates: Rates) -> Cost:
    """A job that computes the gradients of a batch of each of some ensembles."""
    seconds, mib, disk = rates.start, 0, 0.0
    for ensemble in ensembles:
        count = samples * ensemble.gates
        disk += DISK_BYTES_PER_GRADIENT * samples * ensemble.most_asked
        gate = rates.gate(ensemble.width)
        if ensemble.gate_by_gate and rates.own:
            gate = rates.own * 2**ensemble.width
        seconds += count * gate
        programs = COPIES_COMPUTED * PROGRAM_BYTES_PER_GATE * count
        at_once = circuits_at_once(ensemble, rates.engine)
        parsed = at_once * ensemble.gates * rates.parsed
        states = STATE_VECTORS * BYTES_PER_AMPLITUDE * 2**ensemble.width
        mib = max(mib, round((programs + parsed + states) / 2**20))
    return Cost(seconds, rates.loaded + mib, disk)


def theory(ensembles: Iterable[Ensemble], rates: Rates) -> float:
    """CPU seconds of a job that predicts ensembles of one width.

    Each curve, all depths or all layers of the symbol, is one sweep over its layers.
    """
    sweeps: dict[Ensemble, int] = {}
    for ensemble in ensembles:
        curve, layers = ensemble.sweep
        sweeps[curve] = max(layers, sweeps.get(curve, 0))
    seconds = 0.0
    for curve, layers in sweeps.items():
        if curve.width <= DENSE_WIDTH:
            classes = curve.classes
            each = DENSE_GATE[classes] if curve.gate_by_gate else DENSE_NUMBER
            seconds += layers * each * float(classes) ** curve.width
        else:
            seconds += min(layers, MPS_LAYERS) * MPS_QUBIT * (curve.width - 5)
    return rates.draw_start + rates.pace * seconds


def once(step: str, files: int, points: int, samples: int) -> Cost:
    """A step that runs once and reads some files.

    points: ensembles, each for every symbol that is asked for, of so many samples.
    """
    start, file, point = ONCE[step]
    mib = TABLES_MIB + BYTES_PER_GRADIENT * points * samples // 2**20
    return Cost(start + file * files + point * points, mib, 0)


def wall(seconds: float, chain: float, cores: int) -> float:
    """Wall time of jobs of `seconds` in all, of which a `chain` waits for each other.

    Graham's bound for jobs that start as soon as a core is free.
    """
    return chain + (seconds - chain) / cores


def makespan(jobs: Iterable[float], cores: int) -> float:
    """Wall time of jobs that wait for nothing, of which the longest start first."""
    ends = [0.0] * cores
    for seconds in sorted(jobs, reverse=True):
        heapreplace(ends, ends[0] + seconds)
    return max(ends)


def time_left(
    seconds: float, chain: float, cores: int, predicted: float, taken: float
) -> float:
    """Wall time of the jobs left, at the pace of those that are over.

    seconds, chain: predicted for those left; predicted, taken: for those that are over.
    """
    return wall(seconds, chain, cores) * (taken + TRIAL) / (predicted + TRIAL)


def duration(seconds: float) -> str:
    """A time in words, as exact as a prediction deserves."""
    if seconds < 10:
        return "some seconds"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"


def minutes(seconds: float) -> int:
    """The time limit of a job that is predicted to take some seconds."""
    return 5 + math.ceil(PATIENCE * seconds / 60)
