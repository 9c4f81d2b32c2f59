"""What a verdict rests on: points of an experiment, and what their circuits hold."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from barren import columns
from barren.analysis import special, words
from barren.analysis.statistics import Floats, Summary
from barren.analysis.tables import ROUNDING, is_rounding, rows_by_ensemble
from barren.physics import simulate
from barren.physics.batches import Batch
from barren.physics.ensembles import Ensemble, Prediction, grouped
from barren.physics.layered import Layered

Verdict = Literal["supported", "contradicted", "undecided", "not judged"]

#: Chance that a true claim is called contradicted, for each claim.
LEVEL = 0.01
#: The same for the agreement of samples and theory, whose failure ends a run.
AGREEMENT_LEVEL = 0.001
#: Fewest circuits of an ensemble that support anything: with fewer a variance wrong by
#: a factor of two may pass, and the coverage of the intervals is not known.
FEWEST = 100
#: Times the kurtosis, the fewest circuits that show what tails there are: intervals
#: cover as they say, and a small second moment is none of rare circuits.
CIRCUITS = 20
#: Of a gradient, for a bound of 1: simulators in single precision differ by less, and a
#: wrong circuit by more.
SAME_GRADIENT = 1e-3
#: Of a mean square gradient, for a bound of 1: below it is the rounding of a 0.
VANISHING = 1e-12
BINS = 12
#: Circuits of an ensemble that are simulated, the first ones, and 2^width times the
#: layers up to which they are.
SIMULATED, AMPLITUDES = 10, 60_000


class Draws(NamedTuple):
    """What recorded circuits hold, reduced to what the verdict needs.

    First three counts: axis_counts (3,) and angle_counts (BINS,) over all rotations, or
    (0,) where none are drawn or another ensemble of the program has them, and
    theta_counts (BINS,); the bins have equal probability. symbol_angle (samples,): the
    recorded angle of the symbol's rotation, radians. recomputed and isolated
    (samples,): the gradient of the circuit, and that of its first block alone, in numpy
    or by a closed form; nan where that was not done.
    """

    axis_counts: NDArray[np.int64]
    angle_counts: NDArray[np.int64]
    theta_counts: NDArray[np.int64]
    symbol_angle: Floats
    recomputed: Floats
    isolated: Floats


@dataclass(frozen=True)
class Point:
    """An ensemble with what was predicted, and what was sampled, if anything.

    theta and gradients (samples,) in the order of the samples, as the draws are.
    """

    ensemble: Ensemble
    prediction: Prediction
    theta: Floats = field(default_factory=lambda: np.empty(0))
    gradients: Floats = field(default_factory=lambda: np.empty(0))
    summary: Summary = field(default_factory=Summary)
    draws: Draws | None = None

    @property
    def n(self) -> str:
        """Its width, as evidence names it."""
        return f"n = {self.ensemble.width}"

    @property
    def bound(self) -> float:
        """What no gradient exceeds."""
        return self.prediction.bound or self.ensemble.norm

    @property
    def rounding(self) -> float:
        """What single precision may add to a gradient."""
        return math.sqrt(ROUNDING) * self.bound

    @property
    def least(self) -> float:
        """A mean square gradient below it is the rounding of a gradient that is 0."""
        known = self.prediction.second_moment is not None
        return (VANISHING if known else ROUNDING) * self.bound**2

    @property
    def vanishes(self) -> bool:
        """Whether every gradient is 0, as outside the light cone of the observable."""
        moments = self.prediction.second_moment, self.summary.second_moment
        return any(moment is not None and moment < self.least for moment in moments)

    @property
    def varies(self) -> bool:
        """Whether it has a sampled variance above 0."""
        seen, exact = self.summary.variance, self.prediction.variance or 0.0
        nothing = self.vanishes or is_rounding(seen, exact, self.bound)
        return bool(seen > 0 and not nothing)

    @property
    def over_limit(self) -> float | None:
        """The exact variance over its limit for deep circuits, where both are known."""
        exact, limit = self.prediction.variance, self.prediction.asymptotic_variance
        return exact / limit if exact and limit else None


@dataclass(frozen=True)
class Finding:
    """A claim judged in one setting.

    setting: what sets its ensembles apart from those of other settings, in words.
    evidence: what the verdict rests on, in sentences, or why there is none. numbers:
    those that the answer names (see `statements`).
    """

    claim: str
    setting: str
    verdict: Verdict
    evidence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def judged(self) -> bool:
        """Whether the setting says anything about the claim."""
        return self.verdict != "not judged"


def reduce_draws(ensemble: Ensemble, batch: Batch, *, count: bool = True) -> Draws:
    """Reduce a batch of recorded circuits; join the batches with `join_draws`.

    The first samples of the ensemble are simulated, whatever the batches. count: the
    axes and all angles, which the ensembles of a program share.
    """
    circuits = batch.circuits
    at = 0 if ensemble.parameter is None else batch.symbols.index(ensemble.parameter)
    theta = circuits.values[:, at]
    recomputed, isolated = np.full((2, len(circuits)), np.nan)
    if isinstance(ensemble, Layered):
        first = slice(int((batch.samples < SIMULATED).sum()))
        small = first.stop and 2**ensemble.width * ensemble.layers <= AMPLITUDES
        theta = circuits.angles[:, *ensemble.symbol]
        if small:
            recomputed[first] = simulate.gradients(ensemble, circuits[first])
        if block := ensemble.first_block(circuits[first]):
            if (closed := ensemble.closed_form(circuits)) is not None:
                isolated = closed
            elif small:
                isolated[first] = simulate.gradients(*block)
    axes, angles = np.empty((2, 0), int)
    if count:
        angles = _angle_counts(circuits.angles, ensemble.sigma)
        if circuits.axes is not None:
            axes = np.bincount(circuits.axes.ravel(), minlength=3)
    symbols = _angle_counts(circuits.values[:, at], ensemble.sigma)
    return Draws(axes, angles, symbols, theta, recomputed, isolated)


def join_draws(batches: Iterable[Draws]) -> Draws:
    """The draws of an ensemble from those of its batches, in their order."""
    of_batches = [*zip(*batches, strict=True)]
    counts, values = of_batches[:3], of_batches[3:]
    return Draws(*(sum(of) for of in counts), *map(np.concatenate, values))


def read_points(
    ensembles: Sequence[Ensemble],
    theory: pd.DataFrame,
    statistics: pd.DataFrame,
    gradients: pd.DataFrame,
    draws: Mapping[Ensemble, Draws] | None = None,
) -> list[Point]:
    """The points of an experiment from its tables."""
    tables = (theory, statistics, gradients)
    known, told, drawn = (rows_by_ensemble(of, ensembles) for of in tables)
    points = []
    for ensemble, rows in told.items():
        exact = known[ensemble][[*columns.THEORY]].iloc[0]
        summary = Summary(**rows.iloc[0][[*columns.STATISTICS]])
        sampled = drawn.get(ensemble, gradients[:0])
        theta, values = (sampled[of].to_numpy(float) for of in columns.CIRCUIT[1:])
        prediction = Prediction(*(None if pd.isna(x) else x for x in exact))
        of = (draws or {}).get(ensemble)
        points.append(Point(ensemble, prediction, theta, values, summary, of))
    return points


def by_setting(points: Sequence[Point], own: set[str]) -> dict[str, list[Point]]:
    """Points by what they share but the keys `own`, in words; in ascending width."""
    ensembles = [point.ensemble for point in points]
    several = len({ensemble.family for ensemble in ensembles}) > 1
    keys = words.varied(ensembles)

    def shared(point: Point) -> tuple[Any, ...]:
        # The first parameter is one, whatever its name is at a width.
        first = set() if point.ensemble.asks_for_several else {columns.PARAMETER}
        values = point.ensemble.keys().items()
        return tuple(of for of in values if of[0] not in own | first)

    settings: dict[str, list[Point]] = {}
    for of in grouped(points, shared).values():
        ensemble = of[0].ensemble
        built = [k for k in ensemble.shape_keys if k not in {*own, columns.SIGMA}]
        parts = [ensemble.title] if several else []
        parts += [words.text(key, ensemble.keys()) for key in built]
        varying = words.varied(point.ensemble for point in of)
        parts += words.further(ensemble, keys.difference(built, own, varying))
        name = ", ".join(parts) or ensemble.title
        # Rounded words may be those of another setting.
        name = f"{name} ({ensemble.name})" if name in settings else name
        settings[name] = sorted(of, key=lambda point: point.ensemble.width)
    return settings


def _angle_counts(angles: Floats, sigma: float | None) -> NDArray[np.int64]:
    """Counts of angles, modulo 2 pi if uniform, in bins of equal probability."""
    share = angles / (2 * np.pi) % 1 if sigma is None else special.ndtr(angles / sigma)
    return np.histogram(share, BINS, (0, 1))[0]  # the last bin has its end too


# What a test of a claim gives.

#: Verdict, the sentences of a finding's evidence, and its numbers.
Outcome = tuple[Verdict, list[str], dict[str, Any]]
#: Evidence of too little.
FEW = "Only {} circuits of each ensemble."


class NotJudged(Exception):
    """The setting says nothing about the claim; the message is why."""


def listed(what: str, numbers: Mapping[str, Any], form: str = "") -> str:
    """Numbers by what they are of: "Means: 2.39 (n = 8), 7.7 (n = 10)."; or nothing."""
    if not numbers:
        return ""
    parts = (f"{number:{form}} ({of})" for of, number in numbers.items())
    return f"{what}: {', '.join(parts)}."


def alike(what: str, values: Mapping[str, Any]) -> str:
    """The one value that all have: "Largest depth: 50."; else they are `listed`."""
    one, *more = {*values.values()}
    return listed(what, values) if more else f"{what}: {one}."


def sampled_of(points: Iterable[Point]) -> list[Point]:
    """The points with a sampled variance; NotJudged where there is none."""
    needed: dict[str, Callable[[Point], bool]] = {
        "nothing was sampled": lambda p: p.summary.samples > 0,
        "one circuit has no variance": lambda p: p.summary.samples > 1,
        "every gradient is 0": lambda p: not p.vanishes,
        "the sampled gradients of each width are all the same": lambda p: p.varies,
    }
    for why, holds in needed.items():
        points = [point for point in points if holds(point)]
        if not points:
            raise NotJudged(why)
    return list(points)


def quantile(level: float) -> float:
    """Quantile of the normal distribution, for a two-sided test."""
    return -float(special.ndtri(level / 2))


def called(holds: Any, fails: Any) -> Verdict:
    """The verdict on what a test says that holds or fails, or neither."""
    if fails:
        return "contradicted"
    return "supported" if holds else "undecided"


def side(
    points: Sequence[Point], holds: bool, fails: bool, said: list[str], **numbers: Any
) -> Outcome:
    """What a test gives; undecided with few circuits, or few for their tails.

    The intervals' coverage is then not known.
    """
    fewest = min(p.summary.samples or FEWEST for p in points)
    varying = [point.summary for point in points if point.varies]
    tails = [of.kurtosis for of in varying if of.samples < CIRCUITS * of.kurtosis]
    few = ""
    if fewest < FEWEST:
        few = FEW.format(fewest)
    elif tails:
        most = max(tails)
        few = f"A kurtosis of {most:.3g} takes {math.ceil(CIRCUITS * most)} circuits."
    return called(holds and not few, fails and not few), [*said, few], numbers
