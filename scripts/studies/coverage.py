"""Measure what the statistics promise: coverage, false alarms and power.

Prints the tables of workflow/docs/statistics.md as Markdown:

    PYTHONPATH=scripts python scripts/studies/coverage.py coverage --pools /tmp/pools
    PYTHONPATH=scripts python scripts/studies/coverage.py slopes --pools /tmp/pools
    PYTHONPATH=scripts python scripts/studies/coverage.py tails
    PYTHONPATH=scripts python scripts/studies/coverage.py false-alarms --seeds 400
    PYTHONPATH=scripts python scripts/studies/coverage.py power --seeds 10
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from barren.analysis.agreement import agreement
from barren.analysis.claims import judge
from barren.analysis.evidence import Finding, Point, reduce_draws
from barren.analysis.statistics import fit_slope, summarise, variance_interval
from barren.physics.batches import Batch
from barren.physics.circuits import Circuits
from barren.physics.ensembles import THETA, Layered
from barren.physics.families import Identity, IdentityTutorial, Random, predict
from oracle import draw_circuits, gradients

Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]

SEED = 1803_11173
Z = float(special.ndtri(0.975))

DEFAULT: tuple[Layered, ...] = (
    *(Random(width=width, depth=50) for width in (4, 6, 8, 10, 12)),
    *(
        IdentityTutorial(width=width, block_depth=10, blocks=5)
        for width in (4, 6, 8, 10, 12)
    ),
)
SMALL: tuple[Layered, ...] = (
    *(Random(width=width, depth=d) for width in (2, 4, 6) for d in (10, 50)),
    *(
        family(width=width, block_depth=5, blocks=2)
        for width in (2, 4, 6)
        for family in (Identity, IdentityTutorial)
    ),
)
SHALLOW = tuple(Random(width=width, depth=10) for width in (4, 6, 8))
#: Name: ensembles, circuits of each.
EXPERIMENTS = {
    "tutorial": (DEFAULT, 200),
    "small": (SMALL, 300),
    "shallow": (SHALLOW, 1500),
}
FAULTS = {
    "": "none",
    "axes": "only X and Y axes",
    "angles": "angles from [0, pi)",
    "ladder": "last CZ of the ladder missing",
    "preparation": "no preparation layer",
    "symbol": "symbol on qubit 1",
    "theta": "theta fixed at 0",
    "doubled": "gradients doubled",
    "batch": "one batch in place of another",
}


def experiment(
    ensembles: Sequence[Layered],
    samples: int,
    rng: np.random.Generator,
    fault: str = "",
) -> list[Point]:
    """Points of an experiment, sampled in numpy, with one of `FAULTS` planted."""
    points = []
    faulty: dict[str, dict[str, Any]] = {
        "axes": {"axes": (0, 1)},
        "angles": {"stop": np.pi},
        "theta": {"theta": 0.0},
    }
    options: dict[str, Any] = {"dtype": np.complex64, "prepare": fault != "preparation"}
    predictions = predict(ensembles)
    for ensemble in ensembles:
        circuits = draw_circuits(ensemble, samples, rng, **faulty.get(fault, {}))
        if fault == "batch":
            circuits = _repeat_batch(circuits)
        simulated, carrying = ensemble, circuits
        if fault == "symbol":
            simulated = replace(ensemble, symbol_qubit=1)
            carrying = replace(circuits, theta=circuits.angles[:, 0, 1])
        if fault == "ladder":
            options["ladder"] = ensemble.width - 2
        values = gradients(simulated, carrying, **options)
        if fault == "doubled":
            values = 2 * values
        draws = reduce_draws(ensemble, as_batch(circuits))
        prediction, summary = predictions[ensemble], summarise(values)
        theta = circuits.values[:, 0]
        points.append(Point(ensemble, prediction, theta, values, summary, draws))
    return points


def as_batch(circuits: Circuits) -> Batch:
    """The circuits, without programs."""
    return Batch(np.arange(len(circuits)), circuits, np.empty(0, "S"), (THETA,))


def _repeat_batch(circuits: Circuits) -> Circuits:
    """The first half of the circuits in place of the second."""
    half = max(1, len(circuits) // 2)
    return circuits[[n % half for n in range(len(circuits))]]


# Candidates for the interval of the variance: (experiments, samples) to two ends.


def _moments(x: Floats) -> tuple[int, Floats, Floats, Floats]:
    """Samples, squared deviations, unbiased variance and error of its logarithm."""
    n = x.shape[1]
    squares = (x - x.mean(axis=1, keepdims=True)) ** 2
    population = squares.mean(axis=1)
    kurtosis = (squares**2).mean(axis=1) / population**2
    error = np.sqrt((kurtosis - (n - 3) / (n - 1)) / n)
    return n, squares, population * n / (n - 1), error


def normal_theory(x: Floats) -> Ends:
    n, _, variance, _ = _moments(x)
    low, high = stats.chi2.ppf([0.975, 0.025], n - 1)
    return (n - 1) * variance / low, (n - 1) * variance / high


def log_kurtosis(x: Floats) -> Ends:
    _, _, variance, error = _moments(x)
    return variance * np.exp(-Z * error), variance * np.exp(Z * error)


def chi_square_kurtosis(x: Floats) -> Ends:
    _, _, variance, error = _moments(x)
    freedom = 2 / error**2
    low, high = stats.chi2.ppf([[0.975], [0.025]], freedom)
    return freedom * variance / low, freedom * variance / high


def bonett(x: Floats) -> Ends:
    """Bonett, Computational Statistics and Data Analysis 50:775, 2006."""
    n, squares, variance, _ = _moments(x)
    trimmed = stats.trim_mean(x, 1 / (2 * np.sqrt(n - 4)), axis=1)[:, None]
    kurtosis = n * ((x - trimmed) ** 4).sum(axis=1) / squares.sum(axis=1) ** 2
    c = n / (n - Z)
    error = c * np.sqrt((kurtosis - (n - 3) / n) / (n - 1))
    return c * variance * np.exp(-Z * error), c * variance * np.exp(Z * error)


def jackknife(x: Floats) -> Ends:
    n, squares, variance, _ = _moments(x)
    left_out = variance[:, None] * (n - 1) - squares * n / (n - 1)
    values = n * np.log(variance)[:, None] - (n - 1) * np.log(left_out / (n - 2))
    reach = stats.t.ppf(0.975, n - 1) * values.std(axis=1, ddof=1) / np.sqrt(n)
    return np.exp(values.mean(axis=1) - reach), np.exp(values.mean(axis=1) + reach)


def _resampled(x: Floats, resamples: int = 1999) -> Floats:
    """Variance of resamples over that of the samples, (experiments, resamples)."""
    n = x.shape[1]
    rng = np.random.default_rng(SEED)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples).T / n
    y = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return np.sort(y**2 @ weights - (y @ weights) ** 2, axis=1)


def percentile_bootstrap(x: Floats) -> Ends:
    _, _, variance, _ = _moments(x)
    low, high = np.quantile(_resampled(x), [0.025, 0.975], axis=1)
    return variance * low, variance * high


def bca_bootstrap(x: Floats) -> Ends:
    _, squares, variance, _ = _moments(x)
    ratios = _resampled(x)
    bias = special.ndtri((ratios < 1).mean(axis=1))
    d = squares - squares.mean(axis=1, keepdims=True)
    skew = (d**3).sum(axis=1) / (6 * (d**2).sum(axis=1) ** 1.5)
    ends = []
    for z in (-Z, Z):
        share = special.ndtr(bias + (bias + z) / (1 - skew * (bias + z)))
        rank = (share * ratios.shape[1]).astype(int).clip(0, ratios.shape[1] - 1)
        ends.append(variance * ratios[np.arange(len(x)), rank])
    return ends[0], ends[1]


def empirical_likelihood(x: Floats) -> Ends:
    """Owen, Empirical Likelihood, 2001; F calibration, mean replaced by its value."""
    n, squares, variance, _ = _moments(x)
    centre = squares.mean(axis=1)
    limit = stats.f.ppf(0.95, 1, n - 1)

    def ratio(mean: Floats) -> Floats:
        z = squares - mean[:, None]
        low, high = (1 / n - 1) / z.max(axis=1), (1 / n - 1) / z.min(axis=1)
        for _ in range(50):
            middle = (low + high) / 2
            rising = (z / (1 + middle[:, None] * z)).sum(axis=1) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        weight: Floats = 2 * np.log1p(low[:, None] * z).sum(axis=1)
        return weight

    ends = []
    for sign in (-1, 1):
        near, far = np.zeros(len(x)), np.full(len(x), 3.0)
        for _ in range(16):
            middle = (near + far) / 2
            mean = centre * np.exp(sign * middle)
            possible = (mean < squares.max(axis=1)) & (mean > squares.min(axis=1))
            inside = possible & (ratio(np.where(possible, mean, centre)) < limit)
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
        ends.append(variance * np.exp(sign * near))
    return ends[0], ends[1]


def betting(x: Floats) -> Ends:
    """Waudby-Smith and Ramdas, JRSS B 86:1, 2024: hedged capital, for E g^2."""
    y = x**2
    experiments, n = y.shape
    grid = np.geomspace(1e-5, 0.9, 300)
    count = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(y, axis=1)) / (count + 1)
    spread = (0.25 + np.cumsum((y - mean) ** 2, axis=1)) / (count + 1)
    spread = np.concatenate([np.full((experiments, 1), 0.25), spread[:, :-1]], axis=1)
    stake = np.sqrt(2 * np.log(2 / 0.05) / (n * spread))
    up = down = best = np.zeros((experiments, grid.size))
    for i in range(n):
        d = y[:, [i]] - grid
        up = up + np.log1p(np.minimum(stake[:, [i]], 0.5 / grid) * d)
        down = down + np.log1p(-np.minimum(stake[:, [i]], 0.5 / (1 - grid)) * d)
        best = np.maximum(best, np.maximum(up, down))
    kept = best < np.log(2 / 0.05)
    return grid[kept.argmax(axis=1)], grid[::-1][kept[:, ::-1].argmax(axis=1)]


def bootstrap_t(x: Floats) -> Ends:
    """The method of `barren.statistics`, as it is used."""
    ends = np.array([variance_interval(row, seed) for seed, row in enumerate(x)])
    return ends[:, 0], ends[:, 1]


CANDIDATES: dict[str, Callable[[Floats], Ends]] = {
    "normal theory (chi-square)": normal_theory,
    "log variance, kurtosis": log_kurtosis,
    "chi-square, freedom from kurtosis": chi_square_kurtosis,
    "Bonett": bonett,
    "jackknife of log variance": jackknife,
    "percentile bootstrap": percentile_bootstrap,
    "BCa bootstrap": bca_bootstrap,
    "empirical likelihood": empirical_likelihood,
    "betting (bounded mean)": betting,
    "bootstrap-t of log variance (used)": bootstrap_t,
}


def measure_coverage(
    widths: Sequence[int],
    counts: Sequence[int],
    experiments: int,
    circuits: int,
    pools: Path | None,
) -> None:
    """Print the coverage of every candidate at depth 50."""
    for width in widths:
        pool, exact = _pool(width, circuits, pools)
        moment = np.mean(pool**4) / pool.var() ** 2
        for count in counts:
            rng = np.random.default_rng([SEED, width, count])
            x = pool[rng.integers(len(pool), size=(experiments, count))]
            print(
                f"\nWidth {width}, {count} circuits; {experiments} experiments from a "
                f"pool of {len(pool)} (variance {pool.var():.4g}, exact {exact:.4g}, "
                f"kurtosis {moment:.2f})\n\n"
                "| Method | Coverage | Truth below | Truth above | High / low |\n"
                "| --- | --- | --- | --- | --- |"
            )
            for name, method in CANDIDATES.items():
                parts = [method(x[i : i + 500]) for i in range(0, experiments, 500)]
                low, high = (np.concatenate(ends) for ends in zip(*parts, strict=True))
                below, above = (pool.var() < low).mean(), (pool.var() > high).mean()
                print(
                    f"| {name} | {1 - below - above:.1%} | {below:.1%} | {above:.1%} "
                    f"| {np.median(high / low):.2f} |",
                    flush=True,
                )


def measure_tails(experiments: int) -> None:
    """Print the coverage under tails heavier than any met, 200 circuits each.

    Normal gradients whose scale is log-normal, with the kurtosis 3 exp(4 scale^2).
    """
    scales = (0.4, 0.6, 0.8)
    heads = " | ".join(f"kurtosis {3 * np.exp(4 * s**2):.0f}" for s in scales)
    print(f"| Method | {heads} |\n| --- |" + " --- |" * len(scales))
    for name, method in CANDIDATES.items():
        if method is betting:  # these gradients have no bound
            continue
        cells = []
        for scale in scales:
            rng = np.random.default_rng([SEED, 3])
            normal, log = rng.standard_normal((2, experiments, 200))
            low, high = method(0.03 * normal * np.exp(scale * log))
            truth = 0.03**2 * np.exp(2 * scale**2)
            cells.append(f"{np.mean((low <= truth) & (truth <= high)):.1%}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measure_slopes(
    widths: Sequence[int], experiments: int, circuits: int, pools: Path | None
) -> None:
    """Print the coverage of the slope's interval at depth 50, 200 circuits each."""
    drawn = {width: _pool(width, circuits, pools)[0] for width in widths}
    truth = fit_slope(widths, [pool.var() for pool in drawn.values()]).slope
    rng = np.random.default_rng([SEED, 4])
    outside = np.zeros(2)
    for seed in range(experiments):
        sampled = [summarise(rng.choice(p, 200), seed) for p in drawn.values()]
        fit = fit_slope(
            widths,
            [s.variance for s in sampled],
            [s.variance_low for s in sampled],
            [s.variance_high for s in sampled],
        )
        outside += truth < fit.slope_low, truth > fit.slope_high
    below, above = outside / experiments
    print(
        f"Widths {', '.join(map(str, widths))}, {experiments} experiments, true slope "
        f"{truth:.3f}: coverage {1 - below - above:.1%}, truth below {below:.1%}, "
        f"truth above {above:.1%}"
    )


def _pool(width: int, circuits: int, pools: Path | None) -> tuple[Floats, float]:
    """Exact gradients of a width, kept in a directory if one is given."""
    ensemble = Random(width=width, depth=50)
    file = pools / f"{ensemble.name}_{circuits}.npy" if pools else None
    if file and file.exists():
        values: Floats = np.load(file)
    else:
        rng = np.random.default_rng([SEED, width])
        parts = []
        for start in range(0, circuits, 1000):
            drawn = draw_circuits(ensemble, min(1000, circuits - start), rng)
            parts.append(gradients(ensemble, drawn, dtype=np.complex64))
        values = np.concatenate(parts)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, values)
    exact = predict([ensemble])[ensemble].variance
    assert exact is not None
    return values, exact


def measure_false_alarms(seeds: int) -> None:
    """Print how often a faultless small experiment contradicts a claim that is true."""
    ensembles, samples = EXPERIMENTS["small"]
    true = ("samples_agree_with_theory", "mean_is_zero", "other_blocks_are_identity")
    alarms = dict.fromkeys(true, 0)
    for seed in range(seeds):
        rng = np.random.default_rng([SEED, 1, seed])
        found: dict[str, list[Finding]] = {}
        for claim in judge(experiment(ensembles, samples, rng)):
            found.setdefault(claim.claim, []).append(claim)
        for name in true:
            alarms[name] += any(c.verdict == "contradicted" for c in found[name])
    print(f"| Claim | False alarms in {seeds} experiments |\n| --- | --- |")
    for name, count in alarms.items():
        print(f"| {name} | {count} |")


def measure_power(seeds: int, names: Sequence[str]) -> None:
    """Print how often each planted fault is contradicted by the agreement."""
    heads = [f"{name}, {what}" for name in names for what in ("all", "gradients alone")]
    print("| Fault | " + " | ".join(heads) + " |")
    print("| --- |" + " --- |" * len(heads), flush=True)
    for fault, text in FAULTS.items():
        cells = []
        for name in names:
            ensembles, samples = EXPERIMENTS[name]
            caught = np.zeros(2, dtype=int)
            for seed in range(seeds):
                rng = np.random.default_rng([SEED, 2, seed])
                points = experiment(ensembles, samples, rng, fault)
                bare = [replace(p, draws=None) for p in points]
                for i, seen in enumerate((points, bare)):
                    caught[i] += agreement(seen).verdict == "contradicted"
            cells += [f"{count} of {seeds}" for count in caught]
        print(f"| {text} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Read the command line and print the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    studies = parser.add_subparsers(dest="study", required=True)
    coverage = studies.add_parser("coverage", help="of the interval for the variance")
    coverage.add_argument("--width", type=int, nargs="+", default=[4, 8, 10])
    coverage.add_argument("--samples", type=int, nargs="+", default=[200, 1000])
    coverage.add_argument("--experiments", type=int, default=4000)
    coverage.add_argument("--circuits", type=int, default=100_000, help="in a pool")
    coverage.add_argument("--pools", type=Path, help="directory to keep pools in")
    tails = studies.add_parser("tails", help="coverage under heavier tails")
    tails.add_argument("--experiments", type=int, default=2000)
    slopes = studies.add_parser("slopes", help="coverage of the slope's interval")
    slopes.add_argument("--width", type=int, nargs="+", default=[4, 6, 8, 10])
    slopes.add_argument("--experiments", type=int, default=1000)
    slopes.add_argument("--circuits", type=int, default=20_000, help="in a pool")
    slopes.add_argument("--pools", type=Path, help="directory to keep pools in")
    alarms = studies.add_parser("false-alarms", help="of the agreement")
    alarms.add_argument("--seeds", type=int, default=400)
    power = studies.add_parser("power", help="of the agreement against planted faults")
    power.add_argument("--seeds", type=int, default=10)
    power.add_argument(
        "--experiment", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS)
    )
    options = parser.parse_args()
    if options.study == "coverage":
        measure_coverage(
            options.width,
            options.samples,
            options.experiments,
            options.circuits,
            options.pools,
        )
    elif options.study == "tails":
        measure_tails(options.experiments)
    elif options.study == "slopes":
        measure_slopes(
            options.width, options.experiments, options.circuits, options.pools
        )
    elif options.study == "false-alarms":
        measure_false_alarms(options.seeds)
    else:
        measure_power(options.seeds, options.experiment)


if __name__ == "__main__":
    main()
