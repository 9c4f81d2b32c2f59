import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tensorflow_quantum as tfq
from hypothesis import given, settings

from barren.physics.batches import read_batch, write_batch
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
    write_batch(path, ensemble, "seed_sequence", 9, a_batch(ensemble, 9, range(4)))
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
    assert names == {"about", "sample", "programs", *drawn}
    assert ("phi" in names) == isinstance(ensemble, IdentityTutorial)


def test_a_reader_opens_it_in_three_lines(batch: Path) -> None:
    arrays = np.load(batch)
    circuits = tfq.from_tensor(arrays["programs"])
    assert len(circuits) == 4
    assert json.loads(str(arrays["about"]))["program"] == ENSEMBLE.program


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
    with pytest.raises(BadInput, match="program is"):
        read_batch(batch, Random(width=3, depth=4), 9)


def test_another_version_is_refused(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barren.physics.batches.VERSION", 4)
    with pytest.raises(BadInput, match="version is 3, expected 4"):
        read_batch(batch, ENSEMBLE, 9)
