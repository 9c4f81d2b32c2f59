"""The file format of batches of circuits: an npz archive that describes itself.

`numpy.load` reads it. For each program it has a folder of arrays, `PROGRAM/angles`:

about: JSON text with `format`, `version`, the random `stream`, its `seed`, the
    `symbols` of the programs, and their `units` (see `building`).
sample: int64 (samples,), the index of each circuit in its ensemble.
axes: uint8 (samples, layers, width), 0, 1, 2 for rotations about X, Y, Z.
    Only where the circuits draw them.
angles: float64 (samples, layers, width), radians; of one's own circuits (samples,
    parameters). The layers of an identity family are those of U_1, then U_2, ...; the
    daggers repeat them.
theta: float64 (samples,), radians, the symbol's value.
phi: float64 (samples,), radians, the angle opposite the symbol, where it has its own.
circuit: bytes (), a circuit of one's own that all share, for `cirq.read_json`.
programs: bytes (samples,), a TensorFlow Quantum program each, for `tfq.from_tensor`; of
    one's own circuits (1,), a program that all share, for values times their units.
"""

import base64
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.circuits import Circuits
from barren.physics.ensembles import BadInput, Ensemble

FORMAT = "barren-plateau circuits"
VERSION = 6


@dataclass(frozen=True)
class Batch:
    """What a batch holds: a program for each circuit, or one that all share."""

    samples: NDArray[np.int64]
    circuits: Circuits
    programs: NDArray[np.bytes_]
    symbols: tuple[str, ...]
    units: tuple[float, ...] = (1.0,)

    def __getitem__(self, rows: slice | Sequence[int]) -> "Batch":
        """Some of the circuits."""
        shared = len(self.programs) < len(self.samples)
        programs = self.programs if shared else self.programs[rows]
        samples, circuits = self.samples[rows], self.circuits[rows]
        return replace(self, samples=samples, circuits=circuits, programs=programs)


def shared_batch(
    samples: Sequence[int] | NDArray[np.int64],
    circuits: Circuits,
    built: Mapping[str, Any],
) -> Batch:
    """A batch of circuits of one's own, of one program (see `building`)."""
    program = np.array([base64.b64decode(built["program"])])
    symbols, units = tuple(built["symbols"]), tuple(built["units"])
    return Batch(np.array(samples), circuits, program, symbols, units)


def write_batches(
    path: Path, stream: str, seed: int, batches: Iterable[tuple[Ensemble, Batch]]
) -> None:
    """Write batches of circuits; the same circuits give the same bytes."""
    # Level 1: the programs shrink twentyfold in a third of the time.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for ensemble, batch in batches:
            about = {
                "format": FORMAT,
                "version": VERSION,
                "stream": stream,
                "seed": seed,
                "symbols": batch.symbols,
                "units": batch.units,
            }
            arrays = {
                "about": np.array(json.dumps(about)),
                "sample": np.array(batch.samples, np.int64),
                **vars(batch.circuits),
                "programs": batch.programs,
            }
            for name, array in arrays.items():
                if array is not None:
                    # An entry that is opened by its name has a fixed date.
                    entry, large = f"{ensemble.program}/{name}.npy", array.nbytes > 2e9
                    with archive.open(entry, "w", force_zip64=large) as file:
                        np.save(file, array, allow_pickle=False)


def read_batch(
    path: Path, ensemble: Ensemble, seed: int, *, programs: bool = True
) -> Batch:
    """Read the batch of an ensemble's circuits, with or without their programs.

    Raises BadInput for a file that is truncated, of another version, without the
    circuits, or of another seed than the caller expects.
    """
    try:
        with np.load(path) as archive:
            names = [name.partition("/") for name in archive.files]
            own = [name for of, _, name in names if of == ensemble.program]
            read = [name for name in own if programs or name != "programs"]
            arrays = {name: archive[f"{ensemble.program}/{name}"] for name in read}
        about = json.loads(str(arrays["about"])) if arrays else None
    except Exception as error:  # a damaged archive raises a dozen kinds
        raise BadInput(
            f"{path}: not a whole batch file ({error}); delete it to have it made again"
        ) from None
    if about is None:
        there = ", ".join(sorted({of for of, *_ in names}))
        told = f"no circuits of {ensemble.program}, but of {there}"
        raise BadInput(f"{path}: {told}")
    for key, value in {"format": FORMAT, "version": VERSION, "seed": seed}.items():
        if about.get(key) != value:
            raise BadInput(
                f"{path}: {key} is {about.get(key)!r}, expected {value!r}; "
                "delete the file to have it made again"
            )
    drawn: dict[str, Any] = {of.name: arrays.get(of.name) for of in fields(Circuits)}
    symbols, units = tuple(about["symbols"]), tuple(about["units"])
    serialised = arrays["programs"] if programs else np.array([], bytes)
    return Batch(arrays["sample"], Circuits(**drawn), serialised, symbols, units)
