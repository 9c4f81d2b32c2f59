"""Ensembles: their names, what they are made from, and what is refused."""

import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.families import FAMILIES, KEYS, Random, parse
from barren.runner.experiment import Experiment
from strategies import ensembles

CONFIG: dict[str, Any] = {
    "observable": [0, 1],
    "symbol": {"layer": 0, "qubit": 0},
    "ensembles": [{"family": "random", "width": [4, 6], "depth": [10, 50]}],
}
WIDE = {
    "widths": st.integers(2, 64),
    "counts": st.integers(1, 10_000),
    "sigmas": st.none() | st.floats(0.0001, 100),
}


@given(ensembles(**WIDE))
def test_the_name_says_everything(ensemble: Ensemble) -> None:
    assert parse(ensemble.name) == ensemble
    # As a file, and as the workflow's wildcard.
    assert re.fullmatch(r"[a-z_]+_width-[a-z0-9_.-]+", ensemble.name)


@given(ensembles(**WIDE))
def test_symbol_and_observable_leave_the_circuits_as_they_are(
    ensemble: Ensemble,
) -> None:
    keys = {key: getattr(ensemble, key) for key in ensemble.circuit_keys()}
    assert ensemble.circuit == type(ensemble)(**keys).circuit
    assert ensemble.name.startswith(ensemble.circuit)


@given(ensembles(**WIDE))
def test_a_table_has_a_column_for_every_key(ensemble: Ensemble) -> None:
    assert ensemble.keys().keys() <= set(KEYS)
    assert len(KEYS) == len(set(KEYS))


@given(ensembles(**WIDE), st.data())
def test_what_lies_outside_the_circuit_is_refused(
    ensemble: Ensemble, data: st.DataObject
) -> None:
    ensemble.check()
    key, size = data.draw(
        st.sampled_from(
            [
                ("symbol_layer", ensemble.symbol_layers),
                ("symbol_qubit", ensemble.width),
                ("observable_a", ensemble.width),
                ("observable_b", ensemble.width),
            ]
        )
    )
    values = {of.name: getattr(ensemble, of.name) for of in fields(ensemble)}
    moved = type(ensemble)(**values | {key: size})
    what = f"{key.partition('_')[0]} .* {size} lies outside .* 0 to {size - 1}"
    with pytest.raises(BadInput, match=what):
        moved.check()
    twice = type(ensemble)(**values | {"observable_a": ensemble.observable_b})
    with pytest.raises(BadInput, match="names one qubit twice"):
        twice.check()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "random",
        "random_width-4",
        "plateau_width-4_depth-5",
        "random_depth-5",
        "random_width-4_depth-5_blocks-2",
        "random_width-4_depth-5_symbol-1",
        "random_width-4_depth-5_symbol-1-2-3",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="not the name of an ensemble"):
        parse(name)


@pytest.mark.parametrize("family", FAMILIES.values())
def test_a_family_has_a_small_circuit_to_show(family: type[Ensemble]) -> None:
    shown = family.displayed()
    shown.check()
    assert shown.width == 3
    assert shown.name == shown.circuit


def test_lists_are_crossed_in_the_order_of_the_file() -> None:
    assert [ensemble.name for ensemble in Experiment(CONFIG).ensembles] == [
        "random_width-4_depth-10",
        "random_width-4_depth-50",
        "random_width-6_depth-10",
        "random_width-6_depth-50",
    ]


def test_an_integer_is_a_number() -> None:
    """`sigma: [1]` is the ensemble of `sigma: [1.0]`."""
    entry = {"family": "random", "width": [4], "depth": [3], "sigma": [1]}
    (ensemble,) = Experiment(CONFIG | {"ensembles": [entry]}).ensembles
    assert ensemble.name == Random(width=4, depth=3, sigma=1.0).name
    assert parse(ensemble.name) == ensemble


@pytest.mark.parametrize("sigma", [None, [1, 2]])
def test_an_ensemble_has_one_place(sigma: list[int] | None) -> None:
    entry = CONFIG["ensembles"][0] | ({"sigma": sigma} if sigma else {})
    with pytest.raises(BadInput, match=r"ensembles: random_width-4\S* is named twice"):
        _ = Experiment(CONFIG | {"ensembles": [entry, entry]}).ensembles


@given(st.integers(2, 60), st.integers(1, 70))
def test_batches_cover_the_samples(samples: int, size: int) -> None:
    batches = Experiment({"samples": samples, "batch_size": size}).batches
    covered = [n for first, last in batches for n in range(first, last + 1)]
    assert covered == list(range(samples))
    assert all(last - first < size for first, last in batches)
