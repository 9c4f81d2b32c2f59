"""The prediction of what jobs take, against what is known exactly."""

import json
import re
import time
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barren.physics.batches import write_batches
from barren.physics.ensembles import QSIM, TFQ, BadInput, Ensemble
from barren.physics.families import FURTHER, Identity, IdentityTutorial, Random, predict
from barren.runner import cost
from barren.runner.configuration import check
from barren.runner.experiment import Experiment
from barren.runner.jobs import gradient_jobs, outputs, share, theory_jobs
from strategies import a_batch
from tools.plan import tell

RATES = cost.RATES[TFQ]
ENSEMBLES = (
    Random(width=4, depth=30),
    Random(width=10, depth=50),
    Identity(width=6, block_depth=5, blocks=3),
    IdentityTutorial(width=8, block_depth=10, blocks=2),
)


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda ensemble: ensemble.name)
def test_disk_and_programs_are_those_of_a_batch(
    ensemble: Ensemble, tmp_path: Path
) -> None:
    """Within 15 %: nearly all bytes are angles that do not compress."""
    batch = a_batch(ensemble, 1, range(50))
    path = tmp_path / "batch.npz"
    write_batches(path, "", 1, [(ensemble, batch)])
    predicted = cost.sampling([ensemble], 50, RATES).disk
    assert predicted == pytest.approx(path.stat().st_size, rel=0.15)
    size = cost.PROGRAM_BYTES_PER_GATE * ensemble.gates
    assert size == pytest.approx(batch.programs.dtype.itemsize, rel=0.03)


def test_rates_between_and_beyond_the_measured_widths() -> None:
    rates = replace(RATES, simulate={4: 1e-6, 8: 4e-6})
    assert rates.gate(2) == 1e-6 == pytest.approx(rates.gate(4))
    assert rates.gate(6) == pytest.approx(2e-6)
    assert rates.gate(11) == pytest.approx(32e-6)
    # That of circuits of one's own is not for others.
    some = [Random(width=6, depth=1)]
    assert cost.gradient(some, 1, rates) == cost.gradient(
        some, 1, replace(rates, own=1.0)
    )


def test_memory_grows_with_amplitudes_and_batches() -> None:
    """Four state vectors of width 26 are 2 GiB; 2000 deep programs alone 6 GiB."""
    small = cost.gradient([Random(width=2, depth=1)], 1, RATES).mib
    wide = cost.gradient([Random(width=26, depth=1)], 1, RATES).mib
    assert wide - small == pytest.approx(2048, abs=8)
    # Ten circuits of five gates are parsed at once.
    parsed = replace(RATES, parsed=2**20)
    assert cost.gradient([Random(width=2, depth=1)], 1, parsed).mib - small == 50
    deep = Random(width=24, depth=500)
    assert cost.gradient([deep], 2000, RATES).mib > 6_144


def test_the_plan_tells_every_job_and_byte(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each ensemble both batches, and the most memory of either step."""
    entry = {"family": "random", "width": [4, 14], "depth": [500]}
    config = {"experiment": "x", "seed": 1, "samples": 8, "batch_size": 4}
    experiment = check(config | {"ensembles": [entry]})
    tell(experiment, RATES, 2)
    told = capsys.readouterr().out
    for ensemble in experiment.sampled:
        steps = [of([ensemble], 4, RATES) for of in (cost.sampling, cost.gradient)]
        (row,) = re.findall(rf"^{ensemble.name} +\d+ +(\d+) +([\d.]+)$", told, re.M)
        memory, disk = (
            max(of.mib for of in steps),
            2 * sum(of.disk for of in steps) / 1e6,
        )
        assert row == (str(memory), f"{disk:.1f}")
    jobs = sum(map(len, outputs(experiment).values())) + len(cost.ONCE)
    assert f"2 of 2 ensembles are sampled: {jobs} jobs, " in told
    assert "longest job" not in told
    tell(experiment, RATES, 100)
    assert "longest job" in capsys.readouterr().out


def test_a_job_of_several_takes_the_time_of_all_and_the_memory_of_the_largest() -> None:
    small, large = Random(width=12, depth=100), Random(width=20, depth=300)
    for some in ([small, large], [large, small]):
        for job in (cost.sampling, cost.gradient):
            one, other = (job([of], 50, RATES) for of in (small, large))
            both = job(some, 50, RATES)
            assert one.mib < other.mib == both.mib
            start = RATES.draw_start if job is cost.sampling else RATES.start
            total = one.seconds + other.seconds - start
            assert both.seconds == pytest.approx(total)
            assert both.disk == pytest.approx(one.disk + other.disk)
    # Who draws programs holds them twice.
    programs = 50 * large.gates * cost.PROGRAM_BYTES_PER_GATE / 2**20
    drawn = cost.sampling([large], 50, RATES).mib - cost.NUMPY_MIB
    assert drawn == pytest.approx(2.1 * programs, abs=1)


def test_a_batch_that_does_not_fit_is_refused() -> None:
    entry = {"family": "random", "width": [24], "depth": [10000]}
    config = {"experiment": "x", "seed": 1, "samples": 100000, "batch_size": 100000}
    with pytest.raises(BadInput, match=r"needs \d+ MiB .* lower width or batch_size"):
        check(config | {"ensembles": [entry]})


def test_memory_is_that_of_a_batch() -> None:
    """Of circuits that are sampled, and no more of them than there are."""
    entry = {"family": "random", "width": [24], "depth": [10000]}
    config = {"experiment": "x", "seed": 1, "ensembles": [entry]}
    check(config | {"samples": 100000, "batch_size": 10})
    check(config | {"samples": 10, "batch_size": 100000})
    wide = {"family": "random", "width": [40], "depth": [1]}
    check(config | {"ensembles": [entry, wide], "samples": 2, "max_sampled_width": 24})
    entry = {"family": "identity", "width": [64], "block_depth": [1000]}
    config = config | {"max_sampled_width": 2}
    check(config | {"ensembles": [entry | {"blocks": [15]}]})
    with pytest.raises(
        BadInput, match=r"block_depth: \S+ has 1024000 rotations; allow"
    ):
        check(config | {"ensembles": [entry | {"blocks": [16]}]})


def test_jobs_have_the_names_of_the_samples_there_are() -> None:
    """And of what the engine takes; wide ensembles are predicted alone."""
    entry = {"family": "random", "width": [4, 6, 8, 10, 12], "depth": [200]}
    config = {"experiment": "x", "seed": 1, "samples": 200, "ensembles": [entry]}
    one, other, fast, few = (
        Experiment(check(config | more).config)
        for more in (
            {"batch_size": 200},
            {"batch_size": 100000},
            {"batch_size": 200, "engine": QSIM},
            {"batch_size": 200, "max_sampled_width": 4},
        )
    )
    assert [*gradient_jobs(one)] == [*gradient_jobs(other)] != [*gradient_jobs(fast)]
    assert len(outputs(few)["sample_circuits"]) == 1
    assert sum(map(len, theory_jobs(few).values())) == 5


def test_limits_and_steps_that_run_once() -> None:
    """Four times the prediction and five minutes; what files and gradients take."""
    assert [cost.minutes(seconds) for seconds in (0, 15, 16, 600)] == [5, 6, 7, 45]
    none, files, many = (
        cost.once("judge_claims", *size)
        for size in ((0, 0, 9), (1000, 0, 9), (0, 1000, 2**20))
    )
    assert files.seconds - none.seconds == pytest.approx(12)
    assert many.seconds - none.seconds == pytest.approx(14)
    assert (none.mib, files.mib, many.mib) == (100, 100, 500_100)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (9, "some seconds"),
        (63, "about 65 s"),
        (89, "about 90 s"),
        (91, "about 2 min"),
        (5399, "about 90 min"),
        (5400, "about 1.5 h"),
    ],
)
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert cost.duration(seconds) == words


def test_theory_converges_with_depth() -> None:
    """Matrix product states do, the dense theory takes each layer."""
    for width, depth in ((14, 150), (13, 500)):
        one, other = (
            cost.theory([Random(width=width, depth=of)], RATES) for of in (depth, 500)
        )
        assert one == other > cost.theory([Random(width=width, depth=100)], RATES)


def test_theory_takes_one_sweep_a_curve() -> None:
    def sweeps(*ensembles: Ensemble) -> float:
        rates = replace(RATES, draw_start=0)
        one = cost.theory([Random(width=10, depth=40)], rates)
        return cost.theory(ensembles, rates) / one

    depths = [Random(width=10, depth=depth) for depth in (10, 20, 40)]
    assert sweeps(*depths) == sweeps(*reversed(depths)) == 1
    assert sweeps(*depths, Random(width=10, depth=40, sigma=0.1)) == 2
    moved = Random(width=10, depth=40, observable="Z0 Z2")
    assert sweeps(*depths, moved) == 2
    blocks = {"block_depth": 50, "blocks": 1}
    assert sweeps(Identity(width=10, symbol_layer=40, **blocks)) == 1
    assert sweeps(IdentityTutorial(width=10, symbol_layer=40, **blocks)) == 0
    # The layers before the symbol once more, for the asymptote.
    assert sweeps(Random(width=10, depth=30, symbol_layer=10)) == 1
    two = [
        Identity(width=10, symbol_layer=20 * n, block_depth=50, blocks=n)
        for n in (1, 2)
    ]
    assert sweeps(*two) == 1


@pytest.mark.parametrize(("width", "depth"), [(12, FURTHER), (14, 40)])
def test_theory_takes_about_what_is_predicted(width: int, depth: int) -> None:
    """Within a factor of 4: machines differ, and others may use this one."""
    ensembles = [Random(width=width, depth=d + 1) for d in range(depth)]
    start = time.thread_time()
    predict(ensembles)
    taken = time.thread_time() - start
    predicted = cost.theory(ensembles, replace(RATES, draw_start=0))
    assert predicted / 4 < taken < 4 * predicted


def test_other_work_is_at_the_pace_of_the_engine() -> None:
    slow = replace(RATES, start=3 * RATES.start, draw_start=0)
    ensembles = [Random(width=10, depth=40), Random(width=20, depth=40)]
    expected = 3 * cost.theory(ensembles, replace(RATES, draw_start=0))
    assert cost.theory(ensembles, slow) == pytest.approx(expected)


def test_long_jobs_start_first() -> None:
    assert cost.makespan([1, 1, 2, 2], 2) == 3
    assert cost.makespan([1, 1, 1, 3], 2) == 3
    assert cost.makespan([], 2) == 0


def test_the_time_left_is_that_of_a_schedule() -> None:
    """Six jobs of 10 s and one after all of them: on 3 cores 30 s, at most Graham's."""
    assert cost.wall(70, 20, 1) == 70
    assert 30 <= cost.wall(70, 20, 3) < 40
    assert cost.wall(70, 20, 1000) == pytest.approx(20, rel=0.01)


def test_the_time_left_follows_the_pace() -> None:
    left = cost.time_left(70, 20, 2, 0, 0)
    assert left == cost.wall(70, 20, 2)
    # Jobs of 1000 s took 3000 s: the rest takes three times as long, too.
    assert cost.time_left(70, 20, 2, 1000, 3000) == pytest.approx(3 * left, rel=0.03)
    # One job of 0.1 s that took 0.3 s tells little.
    assert cost.time_left(70, 20, 2, 0.1, 0.3) == pytest.approx(left, rel=0.03)


@given(st.lists(st.integers(2, 20), min_size=1, max_size=6, unique=True))
def test_narrow_widths_share_a_job(some: list[int]) -> None:
    """Each width is in one job, and a job of several is within the limit."""
    ensembles = [Random(width=width, depth=50) for width in some]

    def seconds(of: list[Ensemble]) -> float:
        return cost.gradient(of, 200, RATES).seconds

    jobs = share(ensembles, seconds)
    assert [ensemble.width for of in jobs.values() for ensemble in of] == sorted(some)
    for name, of in jobs.items():
        assert name.split("-")[0] == str(of[0].width)
        assert name.split("-")[-1] == str(of[-1].width)
        assert ("-" in name) == (len(of) > 1)
        assert len(of) == 1 or seconds(of) <= cost.SHARED
    for one, other in pairwise(jobs.values()):
        assert seconds([*one, other[0]]) > cost.SHARED


def test_rates_of_another_version_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    measured = replace(RATES, start=7.0)
    for model, expected in ((cost.MODEL, measured), ("another", RATES)):
        path.write_text(json.dumps(asdict(measured) | {"model": model}))
        assert cost.Rates.read(path, TFQ) == expected
    for text in ("", "{}", "[]", "7"):
        path.write_text(text)
        assert cost.Rates.read(path, TFQ) == RATES
