import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tensorflow_quantum as tfq
from hypothesis import given, settings

from barren.physics.batches import VERSION, read_batch, write_batches
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import BadInput
from barren.physics.families import IdentityTutorial, Random
from barren.physics.layered import Layered
from barren.physics.programs import serialise
from strategies import a_batch, ensembles

ENSEMBLE = IdentityTutorial(width=3, block_depth=2, blocks=2)


def written(folder: Path, ensemble: Layered) -> Path:
    """A batch of four circuits."""
    path = folder / "0-3.npz"
    batch = a_batch(ensemble, 9, range(4))
    write_batches(path, "seed_sequence", 9, [(ensemble, batch)])
    return path


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return written(tmp_path, ENSEMBLE)


@settings(max_examples=50)
@given(ensembles())
def test_what_is_written_is_read(ensemble: Layered) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder), ensemble)
        batch = read_batch(path, ensemble, 9)
        names = set(np.load(path).files)
    expected = sample_circuits(ensemble, 9, range(4))
    assert batch.samples.tolist() == [0, 1, 2, 3]
    assert batch.symbols == ("theta",)
    drawn = {name for name, array in vars(expected).items() if array is not None}
    for name in vars(expected):
        read, drew = getattr(batch.circuits, name), getattr(expected, name)
        np.testing.assert_array_equal(read, drew)
    assert batch.programs.tolist() == serialise(ensemble, expected).tolist()
    members = {"about", "sample", "programs", *drawn}
    assert names == {f"{ensemble.program}/{name}" for name in members}
    assert ("phi" in members) == isinstance(ensemble, IdentityTutorial)


def test_a_reader_opens_it_in_three_lines(batch: Path) -> None:
    arrays = np.load(batch)
    circuits = tfq.from_tensor(arrays[f"{ENSEMBLE.program}/programs"])
    assert len(circuits) == 4
    assert json.loads(str(arrays[f"{ENSEMBLE.program}/about"]))["seed"] == 9


def test_a_file_holds_the_circuits_of_several_programs(tmp_path: Path) -> None:
    path, ensembles = tmp_path / "0-3.npz", (ENSEMBLE, Random(width=3, depth=2))
    drawn = {ensemble: a_batch(ensemble, 9, range(4)) for ensemble in ensembles}
    write_batches(path, "seed_sequence", 9, drawn.items())
    for ensemble, batch in drawn.items():
        read = read_batch(path, ensemble, 9)
        np.testing.assert_array_equal(read.circuits.angles, batch.circuits.angles)
        assert read.programs.tolist() == batch.programs.tolist()


def test_the_same_circuits_give_the_same_bytes(batch: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    assert written(tmp_path / "again", ENSEMBLE).read_bytes() == batch.read_bytes()


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
    with pytest.raises(BadInput, match="no circuits of random_width-3_depth-4"):
        read_batch(batch, Random(width=3, depth=4), 9)


def test_another_version_is_refused(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barren.physics.batches.VERSION", 0)
    with pytest.raises(BadInput, match=f"version is {VERSION}, expected 0"):
        read_batch(batch, ENSEMBLE, 9)


def test_another_format_is_refused(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barren.physics.batches.FORMAT", "others")
    with pytest.raises(BadInput, match="format is 'barren-plateau circuits', expected"):
        read_batch(batch, ENSEMBLE, 9)
