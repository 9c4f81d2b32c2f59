"""CONTRIBUTING's family: one class, and all of the workflow has it."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from conftest import copy_project, run_in
from test_documents import write_examples


def test_a_family_is_one_class(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    write_examples(project, "A family")
    here = Path(__file__).parent
    paths = os.pathsep.join([str(project / "scripts"), str(here)])
    environment = os.environ | {"PYTHONPATH": paths}
    subprocess.run([sys.executable, __file__], env=environment, check=True)
    run_in(project)("--configfile", "config/ring.yaml")
    results = project / "results" / "ring"
    assert "<svg" in (results / "figures" / "circuit_ring.svg").read_text()
    assert "<svg" in (results / "figures" / "gradient_variance_ring.svg").read_text()
    rows = [*csv.DictReader((results / "tables" / "statistics.csv").open())]
    assert [row["family"] for row in rows] == ["ring", "ring"]
    assert [row["exact_variance"] for row in rows] == ["", ""]
    assert all(float(row["variance"]) > 0 for row in rows)
    claims = [*csv.DictReader((results / "tables" / "claims.csv").open())]
    (agreement,) = (c for c in claims if c["claim"] == "samples_agree_with_theory")
    # Axes, angles and gradients are tested, and nothing exact contradicts.
    assert agreement["verdict"] == "undecided", agreement
    assert "known for 0 of 2 that were sampled" in agreement["evidence"]
    assert (results / "agreement.txt").is_file()
    (batch,) = (results / "batches").glob("width-3_*.npz")
    arrays = {Path(name).name for name in np.load(batch).files}
    assert arrays == {"about", "sample", "angles", "theta", "programs"}


def compare() -> None:
    """Gradients by every engine, with those that Cirq has for the same angles."""
    import cirq

    from barren.physics import simulate
    from barren.physics.ensembles import QSIM, TFQ
    from barren.physics.families import FAMILIES
    from barren.physics.gradients import ADJOINT, PARAMETER_SHIFT, compute_gradients
    from strategies import a_batch
    from textbook import ABSOLUTE, RELATIVE, THETA, cirq_gradient

    keys = {"symbol_layer": 1, "symbol_qubit": 2, "observable": "Z0 Z3"}
    ring = FAMILIES["ring"](width=4, depth=5, **keys)
    batch = a_batch(ring, 3, range(6))
    circuits = batch.circuits
    qubits = cirq.LineQubit.range(4)
    expected = []
    for angles, theta in zip(circuits.angles, circuits.theta, strict=True):
        circuit = cirq.Circuit()
        for layer in range(5):
            for q in range(4):
                at_symbol = (layer, q) == ring.symbol
                circuit += cirq.ry(THETA if at_symbol else angles[layer, q])(qubits[q])
            circuit += [cirq.CNOT(qubits[q], qubits[q - 3]) for q in range(4)]
        expected.append(cirq_gradient(circuit, ring.terms, theta))
    assert np.abs(expected).max() > 1000 * ABSOLUTE
    np.testing.assert_allclose(simulate.gradients(ring, circuits), expected, atol=1e-12)
    for engine, method in (
        (TFQ, ADJOINT),
        (TFQ, PARAMETER_SHIFT),
        (QSIM, PARAMETER_SHIFT),
    ):
        found = compute_gradients(ring, batch, engine, method)[:, 0]
        np.testing.assert_allclose(found, expected, atol=ABSOLUTE, rtol=RELATIVE)


if __name__ == "__main__":
    compare()
