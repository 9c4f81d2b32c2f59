"""Points of experiments for the tests of the verdict: drawn, or made up."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from barren.analysis.claims import TESTS, judge
from barren.analysis.evidence import Finding, NotJudged, Point
from barren.analysis.statistics import NORMAL_975, Summary, summarise
from barren.physics.ensembles import Prediction
from barren.physics.families import Random, predict
from barren.physics.layered import Gate, Layered, Moment
from coverage import DEFAULT

#: The tutorial's experiment to n = 8, which the tests can afford.
TUTORIAL = tuple(ensemble for ensemble in DEFAULT if ensemble.width <= 8)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([2018, seed])


def by_name(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {finding.claim: finding for finding in findings}


def verdicts(findings: Sequence[Finding], claim: str) -> dict[str, str]:
    return {f.setting: f.verdict for f in findings if f.claim == claim}


def widths(finding: Finding, listed: str) -> dict[str, float]:
    """What a sentence of the evidence lists: a number for each width."""
    (sentence,) = re.findall(f"{listed}: (.+?)\\.(?: |$)", finding.evidence)
    pairs = re.findall(r"(\S+) \((n = \d+)\)", sentence)
    return {of: float(number) for number, of in pairs}


def bare(points: Sequence[Point]) -> list[Point]:
    """Points of which the tables are left, without the recorded circuits."""
    return [replace(point, draws=None) for point in points]


def seen(ensemble: Any, prediction: Prediction, values: Any, **of: Any) -> Point:
    """A point with gradients and a theta of its own for each circuit."""
    theta = of.pop("theta", np.arange(float(len(values))))
    summary = summarise(values, 0, prediction.bound or ensemble.norm)
    return Point(ensemble, prediction, theta, values, summary, **of)


def predicted(
    widths: Sequence[int], depths: Sequence[int], slope: float
) -> list[Point]:
    """Points whose exact variance reaches a falling asymptote at depth 100."""
    points = []
    for width in widths:
        for depth in depths:
            limit = float(np.exp(slope * width - 3))
            variance = limit * max(1.0, 100 / depth)
            prediction = Prediction(0.0, variance, variance, limit, 0.0)
            points.append(Point(Random(width=width, depth=depth), prediction))
    return points


def sampled(points: Sequence[Point], samples: int, seed: int) -> list[Point]:
    """Normal gradients with the exact variance of each point."""
    stream = rng(seed)
    full = []
    for point in points:
        variance = point.prediction.variance
        assert variance
        values = stream.normal(0, np.sqrt(variance), samples)
        theta = stream.uniform(0, 2 * np.pi, samples)
        full.append(
            replace(point, gradients=values, theta=theta, summary=summarise(values))
        )
    return full


def told(
    ensemble: Layered,
    variance: float,
    error: float = 0.05,
    exact: float | None = None,
    mean: float = 0.0,
) -> Point:
    """An ensemble of which 400 circuits gave a variance; error: of its logarithm."""
    ends = variance * np.exp(np.array([-1, 1]) * NORMAL_975 * error)
    moments = variance + mean**2, np.sqrt(variance), 3.0
    summary = Summary(400, mean, variance, *ends, *moments)
    return Point(ensemble, Prediction(0.0, exact, exact), summary=summary)


def line(slope: float, widths: Sequence[int] = (4, 6), error: float = 0.02) -> Any:
    """Random circuits whose variances lie on a line."""
    return [told(Random(width=n, depth=5), np.exp(slope * n), error) for n in widths]


def verdict_of(claim: str, points: Sequence[Point], level: float = 0.01) -> str:
    try:
        return TESTS[claim](list(points), level)[0]
    except NotJudged:
        return "not judged"


def exact(ensembles: Sequence[Layered]) -> dict[str, Finding]:
    """The findings of the theory alone."""
    predictions = predict(ensembles)
    return by_name(judge([Point(of, predictions[of]) for of in ensembles]))


@dataclass(frozen=True, kw_only=True)
class Ring(Layered):
    """R_Y rotations and a ring of CNOTs, of which nothing exact is known."""

    depth: int
    family: ClassVar[str] = "ring"
    title: ClassVar[str] = "ring"
    kind: ClassVar[str] = "ring"
    axis: ClassVar[str] = "Y"

    def moments(self) -> Iterator[Moment]:
        for layer in range(self.depth):
            yield self.rotations(layer)
            for qubit in range(self.width):
                yield [Gate("CNOT", (qubit, (qubit + 1) % self.width))]
