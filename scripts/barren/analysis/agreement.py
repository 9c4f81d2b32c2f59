"""Agreement of what was sampled with theory.

The tests are e-values (Ramdas et al., Statistical Science 38:576, 2023): the wealth of
a bettor who stakes on every circuit, in a game that is fair or worse if the theory
holds. By Markov's inequality 1 / wealth is a valid p-value, whatever the tails and
however few the circuits, and wealth from independent circuits multiplies.
workflow/docs/statistics.md has the tests, their assumptions, and what they were
measured to miss and to catch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from barren import columns
from barren.analysis import evidence, special
from barren.analysis.evidence import CIRCUITS, FEWEST, Finding, Point
from barren.analysis.statistics import Floats
from barren.physics.ensembles import grouped

EVERY = "all ensembles"
#: Tests that the evidence names.
SHOWN = 6

#: Largest plausible E g^4 / (E g^2)^2, needed to tell a small second moment from one
#: that rests on circuits not yet met. Deep circuits have 3 to 5 (docs).
FOURTH_MOMENT = 12.0
#: Between weights of an observable: where they lie further apart, the heavy string may
#: be the one whose circuits are rare, and the others show no tails.
ALIKE = 10.0
#: Stakes of the bets, all scale-free. Those on a smaller second moment are ruined by a
#: circuit with g^2 / m = RUIN.
UPWARD = np.array([0.03, 0.1, 0.3, 0.9])
RUIN = np.array([10.0, 30.0, 100.0, 300.0])
STAKES = np.outer([1, -1], [0.05, 0.1, 0.2, 0.4, 0.8]).ravel()
#: Of the Dirichlet distributions of a bettor on counts: the more, the more even.
EVEN = 10.0 ** np.arange(7)
#: Radians; a table may round.
SAME_ANGLE = 1e-6


#: A test of agreement: its p-value under the theory, and what was seen.
Test = tuple[float, str]


def agreement(points: Sequence[Point]) -> Finding:
    """Do circuits and gradients agree with theory, all at once?"""
    sampled = [point for point in points if point.summary.samples]
    if not sampled:
        return Finding(columns.AGREEMENT, EVERY, "not judged", "nothing was sampled")
    tests = [*moment_tests(sampled), *draw_tests(sampled)]
    level = evidence.AGREEMENT_LEVEL / max(1, len(tests))
    failed = [*repeated(sampled), *misrecorded(sampled)]
    failed += [f"{seen} (p = {p:.1g})" for p, seen in tests if p <= level]
    if len(failed) > SHOWN:
        failed[SHOWN:] = [f"and {len(failed) - SHOWN} more"]
    least = min(len(point.gradients) for point in sampled)
    exact = sum(point.prediction.second_moment is not None for point in sampled)
    smallest = min((p for p, _ in tests), default=1.0)
    verdict = evidence.called(least >= FEWEST and exact, failed)
    said = [f"{'; '.join(failed)}."] if failed else []
    said.append(
        f"The exact second moment is known for {exact} of {len(sampled)} that were "
        f"sampled. The smallest of {len(tests)} p-values is {smallest:.2g}; one "
        f"below {level:.2g} contradicts."
    )
    few = least < FEWEST
    needs = f": that takes {FEWEST} circuits each" * (few and exact > 0)
    said += [evidence.FEW.format(least)] * few
    numbers = {"sampled": len(sampled), "exact": exact, "needs": needs}
    return Finding(columns.AGREEMENT, EVERY, verdict, " ".join(said), numbers)


def moment_tests(points: Sequence[Point]) -> list[Test]:
    """Bets against the exact moments, for each ensemble and for each family."""
    tests = []
    families = grouped(points, lambda point: point.ensemble.family)
    for title, (wealth_of, off, seen) in BETS.items():
        for family, of_family in families.items():
            bets = [(p, w) for p in of_family if (w := wealth_of(p)) is not None]
            made = [(p.ensemble.name, [p], wealth) for p, wealth in bets]
            # Ensembles that share circuits are not independent: their wealth is
            # averaged, that of different circuits multiplied.
            circuits = grouped(bets, lambda bet: bet[0].ensemble.circuit).values()
            if len(bets) > 1:
                averages = [_average([wealth for _, wealth in of]) for of in circuits]
                # Those that seem to show their tails lack the rare: together all bet.
                every = np.all([wealth != 0 for _, wealth in bets], axis=0)
                together = np.where(every, np.sum(averages, axis=0), 0.0)
                made.append((f"family {family}", [p for p, _ in bets], together))
            for name, of, wealth in made:
                told = seen.format(np.mean([*map(off, of)]))
                tests.append((_p_value(wealth), f"{name}, {title}: {told}"))
    return tests


def _p_value(wealth: Floats) -> float:
    """That of the wealth of several bets, of equal shares, by Markov's inequality."""
    return float(np.exp(min(0.0, -_average(wealth))))


def _average(wealth: Any) -> Any:
    """Logarithm of the mean over the first axis of wealth given as logarithms."""
    return np.logaddexp.reduce(wealth, axis=0) - np.log(len(wealth))


def second_moment_wealth(point: Point) -> Floats | None:
    """Log wealth of each bet that E g^2 is larger, or smaller, than the theory says.

    Larger: 1 + stake (g^2 / m - 1), fair and never negative for a stake in (0, 1).
    Smaller: (a - g^2 / m)^2 / (a^2 - 2 a + F), whose mean is at most 1 if F bounds
    E g^4 / m^2; no bet that is fair for every such g pays as much everywhere and more
    somewhere. None where few circuits show the tails, or an observable hides them. No
    bet pays for rounding.
    """
    moment = point.prediction.second_moment
    if moment is None or moment < point.least:
        return None
    root, rounding = np.sqrt(moment), point.rounding
    ratio = point.gradients**2 / (root + rounding) ** 2
    larger = np.log1p(UPWARD[:, None] * (ratio - 1)).sum(axis=1)
    sizes = np.abs(point.gradients)
    seen = sizes[sizes > rounding] ** 2
    # So many equal ones would have their kurtosis; of few, others may carry the moment.
    shown = seen.sum() ** 2 / (seen**2).sum() if len(seen) else 0.0
    weights = [abs(weight) for weight, _ in point.ensemble.terms]
    smaller = np.zeros(len(RUIN))
    if shown >= CIRCUITS and max(weights) <= ALIKE * min(weights):
        fourth = max(FOURTH_MOMENT, 2 * len(sizes) / shown)
        fair = np.log(RUIN**2 - 2 * RUIN + fourth)
        # Of what each gradient may be but for rounding that which pays least.
        least, most = (np.maximum(sizes + r, 0) / root for r in (-rounding, rounding))
        off = np.maximum(least**2 - RUIN[:, None], RUIN[:, None] - most**2)
        with np.errstate(divide="ignore"):  # ruined
            won = 2 * np.log(np.maximum(off, 0)).sum(axis=1)
        smaller = won - len(sizes) * fair
    wealth: Floats = np.concatenate([larger, smaller])
    return wealth


def _mean_wealth(point: Point) -> Floats | None:
    """Log wealth of each bet that E g differs from the theory's.

    With theta alone and uniform, half a period later is -g: g is symmetric about 0 and
    exp(x) / cosh(x), x a multiple of g, a fair bet. Otherwise, with x a multiple of
    g - mean, 1 + x + x^2 / 2 is never negative and has the mean 1 + E x^2 / 2, which
    the exact variance gives (Catoni 2012, arXiv:1009.2048).
    """
    ensemble = point.ensemble
    alone = ensemble.theta_is_alone
    if alone is None:
        alone = point.prediction.variance is not None
    if alone and ensemble.sigma is None:
        seen = np.mean(point.gradients**2)
        if seen < point.least:
            return None
        moment = point.prediction.second_moment or seen
        x = _staked(point, 0.0, np.sqrt(moment), point.rounding)
        return np.asarray((x - np.logaddexp(x, -x) + np.log(2)).sum(axis=1))
    variance = point.prediction.variance
    if variance is None or variance < point.least:
        return None
    mean = point.prediction.mean or 0.0
    # Differences take up to a thousandth (see `building.FASTEST`).
    lost = point.rounding + evidence.SAME_GRADIENT * abs(mean)
    x = _staked(point, mean, np.sqrt(variance) + 2 * lost, lost)
    fair = np.log1p(STAKES**2 / 2)
    wealth: Floats = np.log1p(x + x**2 / 2).sum(axis=1) - x.shape[1] * fair
    return wealth


def _staked(point: Point, mean: float, scale: float, lost: float) -> Floats:
    """Stakes times g - mean, (stakes, samples), less what an engine's error won."""
    stakes = STAKES[:, None] / scale
    staked: Floats = stakes * (point.gradients - mean) - np.abs(stakes) * lost
    return staked


#: The bets against a moment; how far off it a point's is, and that in words.
BETS: dict[str, tuple[Callable[[Point], Any], Callable[[Point], Any], str]] = {
    "mean": (
        _mean_wealth,
        lambda p: p.gradients.mean() - (p.prediction.mean or 0.0),
        "{:+.2g} from the exact mean",
    ),
    "second moment": (
        second_moment_wealth,
        lambda p: np.mean(p.gradients**2) / (p.prediction.second_moment or np.nan),
        "{:.3g} times the exact second moment",
    ),
}


def draw_tests(points: Sequence[Point]) -> list[Test]:
    """Bets that axes, angles and theta are not distributed as they should."""
    tests = []
    seen = set()
    for point in points:
        draws, ensemble = point.draws, point.ensemble
        if draws is None:
            continue
        counts = {"theta": draws.theta_counts}
        if ensemble.circuit not in seen:
            counts |= {"axes": draws.axis_counts, "angles": draws.angle_counts}
        seen.add(ensemble.circuit)
        for title, count in counts.items():
            if count.any():
                listed = " ".join(map(str, count))
                text = f"{ensemble.name}, {title}: counts {listed} are not uniform"
                tests.append((_p_value(count_wealth(count)), text))
    return tests


def count_wealth(count: NDArray[np.int64]) -> Floats:
    """Log wealth of each bet that the bins of a count are not equally probable.

    Of every draw the bettor spreads all wealth over the bins, and is paid their number
    times what the drawn one has: wealth is the likelihood of the draws over that of
    equal bins, averaged over a symmetric Dirichlet distribution of unequal ones.
    """
    ends = special.gammaln(EVEN[:, None] + count) - special.gammaln(EVEN)[:, None]
    bins, draws = len(count), count.sum()
    whole = special.gammaln(bins * EVEN) - special.gammaln(bins * EVEN + draws)
    wealth: Floats = whole + ends.sum(axis=1) + draws * np.log(bins)
    return wealth


def repeated(points: Sequence[Point]) -> list[str]:
    """Circuits that occur twice: the same theta with the same gradient, not 0.

    Ensembles that differ in symbol or observable alone share their circuits.
    """
    parts = []
    for point in points:
        own = pd.DataFrame({"theta": point.theta, "gradient": point.gradients})
        keys = {"name": point.ensemble.name, "circuit": point.ensemble.circuit}
        parts.append(own.assign(**keys))
    every = pd.concat(parts)
    names = ["name", "circuit"]
    pairs = every.groupby(["theta", "gradient"])
    same = pairs[names].transform("first") == every[names]
    twice = (pairs.cumcount() > 0) & (same["name"] | ~same["circuit"])
    counts = every["name"][twice & (every["gradient"] != 0)].value_counts(sort=False)
    return [f"{of}, circuits: {n} occur a second time" for of, n in counts.items()]


def misrecorded(points: Sequence[Point]) -> list[str]:
    """Circuits whose recorded theta or gradient is not that of the circuit."""
    found = []
    for point in points:
        name = point.ensemble.name
        same = evidence.SAME_GRADIENT * point.bound
        wrong: dict[str, NDArray[np.bool_]] = {}
        moment = point.prediction.second_moment
        if moment is not None and moment < point.least:
            wrong["gradients that must be 0"] = np.abs(point.gradients) > same
        if point.draws is not None:
            rounding = np.abs(point.theta - point.draws.symbol_angle)
            wrong["theta differs from the circuit's angle"] = rounding > SAME_ANGLE
            difference = np.abs(point.gradients - point.draws.recomputed)
            wrong["gradients differ from the recomputed"] = difference > same
        for what, where in wrong.items():
            if where.any():
                found.append(f"{name}, {what}: {where.sum()} of {len(where)}")
    return found
