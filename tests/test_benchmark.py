"""The benchmark: what it compares, and what it makes of the measurements."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from barren.physics.circuits import sample_circuits
from barren.physics.families import Random
from benchmark import ratios
from conftest import ROOT
from peers import qsimcirq
from textbook import ABSOLUTE, cirq_circuit, cirq_gradient


def gradient(engine: str, threads: int, milliseconds: float) -> dict[str, object]:
    keys = {"part": "gradients", "width": 4, "engine": engine, "threads": threads}
    return keys | {"milliseconds": milliseconds}


def test_each_ratio_is_to_the_best_alternative_at_its_best() -> None:
    """Core time at the number of threads that suits an engine; medians; bounds."""
    rows = [
        *(gradient("adjoint", 1, time) for time in (3.0, 2.0, 7.0)),
        gradient("adjoint", 2, 30.0),
        gradient("parameter_shift", 1, 1.0),
        gradient("qsim", 1, 0.8),
        gradient("lightning.qubit", 1, 9.0),
        *(gradient("qulacs", 1, time) for time in (5.0, 8.0)),
        *(gradient("qulacs", 2, time) for time in (1.0, 2.0, 4.0)),
        gradient("qsimcirq", 1, 6.0),
    ]
    found = ratios(rows).set_index("engine")
    # At width 4 `auto` is the adjoint method, whatever the shift would take.
    assert found.loc["tfq", ["ratio", "low", "high"]].tolist() == [1.5, 0.5, 7.0]
    assert found.loc["qsim", "ratio"] == 0.4
    assert set(found["best alternative"]) == {"qulacs"}
    assert found["reached"].to_dict() == {"tfq": "no", "qsim": "yes"}


def test_the_peers_compute_the_same_gradient() -> None:
    ensemble = Random(width=5, depth=6, symbol_layer=1, symbol_qubit=2)
    circuits = sample_circuits(ensemble, 2, range(4))
    expected = [
        cirq_gradient(cirq_circuit(ensemble, circuits, row), ensemble.terms, theta)
        for row, theta in enumerate(circuits.theta)
    ]
    found = qsimcirq(ensemble, circuits, 1, "2")
    np.testing.assert_allclose(found, expected, atol=ABSOLUTE)


def test_it_runs(tmp_path: Path) -> None:
    """The parts that take the workflow's own packages alone, at a tiny size."""
    pythons = [f"--{name}={sys.executable}" for name in ("tfq", "qsim", "peers")]
    options = ["--snakemake=none", "--cores=1", "--parts", "sampling", "growth"]
    program = [sys.executable, "scripts/benchmark/benchmark.py", "--quick"]
    subprocess.run(
        [*program, "--folder", tmp_path, *pythons, *options], cwd=ROOT, check=True
    )
    table = pd.read_csv(tmp_path / "ratios.csv")
    drawn = table[table["work"] == "sampling and serialising, n = 4"].iloc[0]
    assert 0 < drawn["low"] <= drawn["ratio"] <= drawn["high"] < 1
    text = (tmp_path / "benchmark.md").read_text()
    assert "| sampling and serialising, n = 4 |" in text
    assert "peak memory at n = 12" in text
