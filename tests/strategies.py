"""What the properties draw: small ensembles of every family, any observable."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields, replace

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from barren.analysis.tables import with_integers
from barren.physics.batches import Batch
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import Ensemble
from barren.physics.families import FAMILIES
from barren.physics.layered import THETA, Layered
from barren.physics.observables import Observable
from barren.physics.programs import serialise

LAYERED = [of for of in FAMILIES.values() if issubclass(of, Layered)]
WIDTHS, COUNTS = st.integers(2, 5), st.integers(1, 3)
SIGMAS = st.none() | st.floats(0.01, 3)
WEIGHTS = st.integers(-8, 8).filter(bool).map(lambda n: n / 4)


def a_batch(ensemble: Layered, seed: int, samples: Sequence[int]) -> Batch:
    """Circuits of an ensemble with their programs."""
    circuits = sample_circuits(ensemble, seed, samples)
    programs = serialise(ensemble, circuits)
    return Batch(np.array(samples), circuits, programs, (THETA,))


def table_of(ensembles: Iterable[Ensemble], keys: Sequence[str]) -> pd.DataFrame:
    """Ensembles by their keys, a row each."""
    rows = [ensemble.keys() for ensemble in ensembles]
    return with_integers(pd.DataFrame(rows, columns=[*keys]))


@st.composite
def observables(draw: st.DrawFn, width: int, letters: str = "XYZ") -> str:
    """A sum of up to three Pauli strings on the first qubits, or a name."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(["local", "global"]))
    places = st.dictionaries(
        st.integers(0, width - 1), st.sampled_from(letters), min_size=1, max_size=3
    )
    # Each string once, or terms might cancel.
    strings = st.lists(
        places.map(lambda of: sorted(of.items())), min_size=1, max_size=3, unique_by=str
    )
    texts = [
        f"{draw(WEIGHTS):+} " + " ".join(f"{letter}{qubit}" for qubit, letter in string)
        for string in draw(strings)
    ]
    return Observable.parse(" ".join(texts)).text


@st.composite
def ensembles(
    draw: st.DrawFn,
    widths: st.SearchStrategy[int] = WIDTHS,
    counts: st.SearchStrategy[int] = COUNTS,
    sigmas: st.SearchStrategy[float | None] = SIGMAS,
    letters: str = "ZXY",
) -> Layered:
    """An ensemble of any family of layers, its symbol anywhere."""
    family = draw(st.sampled_from(LAYERED))
    required = [of.name for of in fields(family) if of.default is MISSING]
    sizes = {key: draw(widths if key == "width" else counts) for key in required}
    ensemble = family(**sizes, sigma=draw(sigmas))
    return replace(
        ensemble,
        symbol_layer=draw(st.integers(0, ensemble.symbol_layers - 1)),
        symbol_qubit=draw(st.integers(0, ensemble.width - 1)),
        observable=draw(st.just("Z0 Z1") | observables(ensemble.width, letters)),
    )
