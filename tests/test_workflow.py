"""The workflow as a user runs it, on a small experiment."""

import csv
import io
import json
import shutil
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import oracle
from barren import columns
from barren.analysis.figures import figures_of
from barren.analysis.tables import ensemble_of, read_table
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import BadInput
from barren.runner import layout
from barren.runner.experiment import Experiment
from conftest import ROOT, SMALL, copy_project, run_in
from summarise_gradients import write_gradients
from textbook import ABSOLUTE, RELATIVE

#: The key columns of an experiment without circuits of one's own.
KEYS = tuple(key for key in columns.KEYS if key != columns.CIRCUIT_OF)


def results(folder: Path, name: str = "small") -> Path:
    return folder / "results" / name


def contents(folder: Path) -> dict[str, bytes]:
    """Tables and figures by name."""
    found = [*folder.glob("tables/*"), *folder.glob("figures/*"), folder / "verdict.md"]
    return {path.name: path.read_bytes() for path in found}


def test_the_table_of_gradients_is_that_of_the_circuits(small: Path) -> None:
    """Every row, against the oracle run from the seed again."""
    experiment = Experiment.read(results(small) / layout.EXPERIMENT)
    table = read_table(results(small) / layout.GRADIENTS)
    assert tuple(table.columns) == (*KEYS, *columns.CIRCUIT)
    groups = table.groupby(list(KEYS), dropna=False, sort=False)
    found = {ensemble_of(rows.iloc[0]): rows for _, rows in groups}
    assert tuple(found) == experiment.ensembles
    for ensemble, rows in found.items():
        assert rows[columns.SAMPLE].tolist() == list(range(12))
        circuits = sample_circuits(ensemble, 7, range(12))
        np.testing.assert_allclose(rows[columns.THETA], circuits.theta, rtol=1e-15)
        expected = oracle.gradients(ensemble, circuits)
        np.testing.assert_allclose(
            rows[columns.GRADIENT], expected, atol=ABSOLUTE, rtol=RELATIVE
        )


def test_gradients_of_every_circuit_are_gathered_once(tmp_path: Path) -> None:
    """Two batches of two ensembles, in the order of the samples."""
    entry = {"family": "random", "width": [2], "depth": [9], "sigma": [1.0, 0.5]}
    config = {"samples": 3, "ensembles": [entry], "max_sampled_width": 2}
    config |= {"symbol": {"layer": 0, "qubit": 0}, "observable": "Z0 Z1"}
    experiment = Experiment(config)
    one, other = (of.name for of in experiment.sampled)
    path, gathered = tmp_path / "part.csv", tmp_path / "gradients.csv"

    def gather(*parts: str) -> str:
        paths = []
        for number, part in enumerate(parts):
            rows = [f"{row.strip()},0.5,0.25\n" for row in part.split(";")]
            paths.append(path.with_stem(f"part{number}"))
            paths[-1].write_text("".join(["header\n", *rows]))
        write_gradients(experiment, paths, gathered)
        return gathered.read_text()

    first = f"{one},a,0; {one},a,1; {other},a,0; {other},a,1"
    second = f"{one},a,2; {other},a,2"
    rows = [f"random,2,9,{s},{n},0.5,0.25" for s in ("1", "0.5") for n in range(3)]
    assert gather(first, second).splitlines()[1:] == rows
    for parts in (
        [first],
        [first, first, second],
        [second, first],
        [first, f"{one},a,2"],
        [f"{one},a,0; {one},a,1; {one},a,2"],
    ):
        with pytest.raises(BadInput, match="lacks samples or has some twice"):
            gather(*parts)
    with pytest.raises(BadInput, match=r"part1.csv: lost is not in the experiment"):
        gather(first, f"{second}; lost,a,0")


def test_statistics_are_those_of_the_gradients(small: Path) -> None:
    tables = results(small) / "tables"
    gradients = read_table(tables / "gradients.csv")
    statistics = read_table(tables / "statistics.csv")
    expected = (*KEYS, *columns.STATISTICS)
    assert tuple(statistics.columns)[: len(expected)] == expected
    groups = gradients.groupby(list(KEYS), dropna=False, sort=False)
    for (_, rows), row in zip(groups, statistics.itertuples(), strict=True):
        g = rows[columns.GRADIENT]
        assert row.samples == len(g)
        assert row.mean == pytest.approx(g.mean())
        assert row.variance == pytest.approx(g.var(ddof=1))
        assert row.second_moment == pytest.approx((g**2).mean())
        assert row.std == pytest.approx(g.std(ddof=0))
        kurtosis = ((g - g.mean()) ** 4).mean() / g.var(ddof=0) ** 2
        assert row.kurtosis == pytest.approx(kurtosis)
        assert row.variance_low <= row.variance <= row.variance_high


def test_every_figure_has_its_formats_and_data(small: Path) -> None:
    experiment = Experiment.read(results(small) / layout.EXPERIMENT)
    names = {figure.name for figure in figures_of(experiment.ensembles)}
    assert names >= {"gradient_variance_random", "random_vs_identity", "circuit_random"}
    expected = {path for name in names for path in layout.figure(name)}
    made = [*(results(small) / "figures").iterdir()]
    assert {str(path.relative_to(results(small))) for path in made} == expected
    assert all(path.stat().st_size > 100 for path in made)


def test_a_second_run_has_nothing_to_do(small: Path) -> None:
    done = run_in(small)("--configfile", "config/small.yaml")
    assert "Nothing to be done" in done.stdout + done.stderr


#: A module, what its edit reruns, and what not.
EDITS = {
    "analysis/statistics.py": (
        {"summarise_gradients", "judge_claims", "plot_variance"},
        {"sample_circuits", "compute_gradients", "predict_variance", "draw_circuits"},
    ),
    "physics/pair_chain.py": (
        {"predict_variance", "summarise_gradients"},
        {"sample_circuits", "compute_gradients", "draw_circuits"},
    ),
    "physics/qsim.py": ({"compute_gradients"}, {"sample_circuits", "predict_variance"}),
    # A rate of the cost model reruns no gradient, only what reads their files.
    "runner/cost.py": (
        {"summarise_gradients"},
        {"sample_circuits", "compute_gradients", "predict_variance"},
    ),
    "runner/configuration.py": (set(), {"sample_circuits", "compute_gradients"}),
}


def test_touching_reruns_nothing_and_editing_reruns_what_follows(
    small: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(small, folder, symlinks=True)
    run = run_in(folder)
    for name, (rerun, kept) in EDITS.items():
        module = folder / "scripts" / "barren" / name
        module.touch()
        done = run("--configfile", "config/small.yaml", "--dry-run")
        assert "Nothing to be done" in done.stdout + done.stderr
        code = module.read_text()
        module.write_text(code + "# a thought\n")
        done = run("--configfile", "config/small.yaml", "--dry-run", "--quiet", "rules")
        planned = set((done.stdout + done.stderr).split())
        assert rerun <= planned, name
        assert not kept & planned, name
        module.write_text(code)


@pytest.mark.parametrize(
    ("cores", "batch_size", "order"),
    [
        (1, 8, []),
        (2, 12, []),
        (4, 5, []),
        (2, 12, ["--prioritize", "results/small/theory/widths-2-3.csv"]),
    ],
    ids=["one core", "one batch", "more cores and batches", "another order"],
)
def test_results_are_the_same_to_the_byte(
    small: Path, tmp_path: Path, cores: int, batch_size: int, order: list[str]
) -> None:
    """Whatever cores, batches, order of jobs and place of the environments."""
    folder = copy_project(tmp_path / "elsewhere", small)
    text = SMALL.replace("batch_size: 8", f"batch_size: {batch_size}")
    (folder / "config" / "small.yaml").write_text(text)
    run_in(folder)("--configfile", "config/small.yaml", "--cores", str(cores), *order)
    ours, theirs = contents(results(folder)), contents(results(small))
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert at_once(results(folder)) <= cores


def at_once(folder: Path) -> int:
    """How many steps ran at the same time, by their records."""
    records = [
        json.loads(path.read_text()) for path in folder.rglob("records/**/*.json")
    ]
    moments = [(of["start"], 1) for of in records] + [(of["end"], -1) for of in records]
    return max(accumulate(change for _, change in sorted(moments)))


def test_more_samples_keep_the_circuits_there_were(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(small, folder, symlinks=True)
    config = folder / "config" / "small.yaml"
    config.write_text(SMALL.replace("samples: 12", "samples: 15"))
    run_in(folder)("results/small/tables/gradients.csv", "--configfile", config)
    old, new = (
        list(csv.reader((results(f) / "tables" / "gradients.csv").open()))
        for f in (small, folder)
    )
    assert len(new) == len(old) + 6 * 3
    assert [row for row in old if row not in new] == []


def test_a_disagreement_fails_after_everything_is_written(
    small: Path, tmp_path: Path
) -> None:
    """Doubled gradients, planted where they are computed."""
    folder = copy_project(tmp_path / "project", small)
    module = folder / "scripts" / "barren" / "physics" / "gradients.py"
    text = module.read_text()
    planted = text.replace("    return result\n", "    return 2 * result\n")
    assert planted != text
    module.write_text(planted)
    done = run_in(folder)("--configfile", "config/small.yaml", check=False)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "confirm_agreement: samples and theory disagree" in said
    assert "identity_width-2" in said
    assert "verdict.md beside the tables has more." in said
    assert contents(results(folder)).keys() == contents(results(small)).keys()
    assert not (results(folder) / "agreement.txt").exists()


def test_a_damaged_batch_is_named(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(small, folder, symlinks=True)
    batch = results(folder) / "batches" / "width-2_samples-0-7.npz"
    batch.write_bytes(batch.read_bytes()[:-30])
    gradients = results(folder) / "gradients" / "widths-2-3_samples-0-7.csv"
    gradients.unlink()
    run = run_in(folder)
    done = run("--configfile", "config/small.yaml", check=False)
    assert done.returncode == 1
    assert "0-7.npz has other bytes than its job left" in done.stdout + done.stderr
    batch.unlink()
    run("--configfile", "config/small.yaml")
    assert contents(results(folder)) == contents(results(small))


def test_a_record_says_what_a_job_did(small: Path) -> None:
    record = json.loads(
        (
            results(small) / "records/compute_gradients/widths-2-3_samples-0-7.json"
        ).read_text()
    )
    assert record["step"] == "compute_gradients"
    assert record["environment"]["name"] == "tfq"
    assert "tensorflow-quantum" in record["environment"]["packages"]
    code = {file["path"] for file in record["code"]}
    assert code >= {
        "scripts/compute_gradients.py",
        "scripts/barren/physics/gradients.py",
    }
    assert str(small) not in json.dumps(record)


def test_the_other_engine_gives_the_same_gradients(small: Path, tmp_path: Path) -> None:
    """To float32; only what follows from the gradients is made again."""
    folder = tmp_path / "project"
    shutil.copytree(small, folder, symlinks=True)
    table = "results/small/tables/gradients.csv"
    options = ("--configfile", "config/small.yaml", "--config", "engine=qsim")
    said = run_in(folder)(table, *options).stderr
    assert "sampling circuits" not in said
    record = (
        folder / "results/small/records/compute_gradients/widths-2-3_samples-0-7.json"
    )
    assert json.loads(record.read_text())["environment"]["name"] == "qsim"
    found, expected = (read_table(path / table) for path in (folder, small))
    np.testing.assert_allclose(
        found[columns.GRADIENT],
        expected[columns.GRADIENT],
        atol=ABSOLUTE,
        rtol=RELATIVE,
    )
    assert not found.equals(expected)


def test_the_notebooks_numbers_come_out(project: Path) -> None:
    """The notebook's random stream gives the curves of the tutorial's own procedure."""
    config = project / "config" / "replay.yaml"
    config.write_text(
        "experiment: replay\nstream: notebook\nseed: 1234\nsamples: 20\nensembles:\n"
        "  - {family: random, width: [2, 4], depth: [6]}\n"
        "  - {family: identity_tutorial, width: [2, 4],"
        " block_depth: [3], blocks: [2]}\n"
    )
    run_in(project)("results/replay/tables/statistics.csv", "--configfile", config)
    size = "--widths 2 4 --circuits 20 --depth 6 --block-depth 3 --blocks 2"
    printed = subprocess.run(
        [sys.executable, "scripts/benchmark/run_tutorial.py", *size.split()],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tutorial = pd.read_csv(io.StringIO(printed))
    ours = read_table(results(project, "replay") / "tables" / "statistics.csv")
    assert ours[columns.FAMILY].tolist() == tutorial[columns.FAMILY].tolist()
    np.testing.assert_allclose(ours[columns.STD], tutorial[columns.STD], atol=1e-4)


@pytest.mark.parametrize("target", ["audit", "archive", "reference verify audit"])
def test_make_knows_the_targets(small: Path, tmp_path: Path, target: str) -> None:
    """The words that the README tells a reviewer to type."""
    folder = tmp_path / "project"
    shutil.copytree(small, folder, symlinks=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    if "verify" in target:
        (results(folder) / layout.REPORT).unlink()
    done = subprocess.run(
        ["make", *target.split(), "CONFIG=config/small.yaml", "CORES=2"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_text_is_utf8_whatever_the_users_language_is(small: Path) -> None:
    done = run_in(small)(
        "--configfile", "config/small.yaml", LC_ALL="POSIX", PYTHONUTF8="0"
    )
    assert "Nothing to be done" in done.stdout + done.stderr
