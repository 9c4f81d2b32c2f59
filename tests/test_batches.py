import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow_quantum as tfq

from barren.batches import read_batch, write_batch
from barren.circuits import sample_circuits
from barren.ensembles import BadInput, Ensemble
from barren.programs import serialise

ENSEMBLE = Ensemble("identity_tutorial", 3, block_depth=2, blocks=2)


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    circuits = sample_circuits(ENSEMBLE, 9, range(4))
    path = tmp_path / "0-3.npz"
    programs = serialise(ENSEMBLE, circuits)
    write_batch(path, ENSEMBLE, "seed_sequence", 9, range(4), circuits, programs)
    return path


def test_what_is_written_is_read(batch: Path) -> None:
    samples, circuits, programs = read_batch(batch, ENSEMBLE, 9)
    expected = sample_circuits(ENSEMBLE, 9, range(4))
    assert samples.tolist() == [0, 1, 2, 3]
    for name in ("axes", "angles", "theta", "phi"):
        np.testing.assert_array_equal(getattr(circuits, name), getattr(expected, name))
    assert programs.tolist() == serialise(ENSEMBLE, expected).tolist()


def test_a_reader_opens_it_in_three_lines(batch: Path) -> None:
    arrays = np.load(batch)
    circuits = tfq.from_tensor(arrays["programs"])
    assert len(circuits) == 4
    assert json.loads(str(arrays["about"]))["ensemble"] == ENSEMBLE.name


def test_the_same_circuits_give_the_same_bytes(batch: Path, tmp_path: Path) -> None:
    circuits = sample_circuits(ENSEMBLE, 9, range(4))
    again = tmp_path / "again.npz"
    programs = serialise(ENSEMBLE, circuits)
    write_batch(again, ENSEMBLE, "seed_sequence", 9, range(4), circuits, programs)
    assert again.read_bytes() == batch.read_bytes()


def test_a_truncated_batch_is_named(batch: Path) -> None:
    whole = batch.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        batch.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=r"0-3.npz: not a whole batch file"):
            read_batch(batch, ENSEMBLE, 9)


def test_a_flipped_byte_is_noticed(batch: Path) -> None:
    content = bytearray(batch.read_bytes())
    content[len(content) // 2] ^= 1
    batch.write_bytes(content)
    with pytest.raises(BadInput):
        read_batch(batch, ENSEMBLE, 9)


def test_a_batch_of_another_configuration_is_refused(batch: Path) -> None:
    with pytest.raises(BadInput, match="seed is 9, expected 10"):
        read_batch(batch, ENSEMBLE, 10)
    with pytest.raises(BadInput, match="ensemble is"):
        read_batch(batch, Ensemble("random", 3, depth=4), 9)


def test_another_version_is_refused(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barren.batches.VERSION", 2)
    with pytest.raises(BadInput, match="version is 1, expected 2"):
        read_batch(batch, ENSEMBLE, 9)
