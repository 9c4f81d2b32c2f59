"""Ensembles: their names, what they are made from, and what is refused."""

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barren.analysis.tables import ensemble_of
from barren.physics.ensembles import TFQ, BadInput, circuits_at_once
from barren.physics.families import Ansatz, Random
from barren.physics.layered import Layered
from barren.runner.experiment import Experiment
from strategies import LAYERED, ensembles

CONFIG: dict[str, Any] = {
    "observable": "Z0 Z1",
    "symbol": {"layer": 0, "qubit": 0},
    "ensembles": [{"family": "random", "width": [4, 6], "depth": [10, 50]}],
}
WIDE = {
    "widths": st.integers(2, 64),
    "counts": st.integers(1, 10_000),
    "sigmas": st.none() | st.floats(0.0001, 10),
}


@given(ensembles(**WIDE), ensembles(**WIDE))
def test_the_name_says_everything(one: Layered, other: Layered) -> None:
    """As a file, and as the workflow's wildcard."""
    assert (one.name == other.name) == (one == other)
    assert re.fullmatch(r"[a-z_]+_width-[a-z0-9_.-]+", one.name)
    assert one.name.startswith(one.program) and one.program.startswith(one.circuit)


@given(ensembles(**WIDE))
def test_every_key_of_the_circuits_is_in_their_name(ensemble: Layered) -> None:
    """Or others would be drawn from the same streams."""
    for key in ensemble.circuit_keys():
        value = getattr(ensemble, key)
        other = replace(ensemble, **{key: 0.5 if value is None else value + 1})
        assert other.circuit != ensemble.circuit


@given(ensembles(**WIDE))
def test_symbol_and_observable_leave_the_circuits_as_they_are(
    ensemble: Layered,
) -> None:
    keys = {key: getattr(ensemble, key) for key in ensemble.circuit_keys()}
    assert ensemble.circuit == type(ensemble)(**keys).circuit
    assert ensemble.name.startswith(ensemble.circuit)


@given(ensembles(**WIDE))
def test_what_lies_outside_the_circuit_is_refused(ensemble: Layered) -> None:
    ensemble.check()
    for key, size in (
        ("symbol_layer", ensemble.symbol_layers),
        ("symbol_qubit", ensemble.width),
    ):
        what = f"{key}: {size} lies outside .* 0 to {size - 1}"
        with pytest.raises(BadInput, match=what):
            replace(ensemble, **{key: size}).check()
    outside = replace(ensemble, observable=f"Z{ensemble.width}")
    with pytest.raises(BadInput, match=f"qubit {ensemble.width} lies outside"):
        outside.check()


@pytest.mark.parametrize("family", LAYERED)
def test_a_family_has_a_small_circuit_to_show(family: type[Layered]) -> None:
    (shown,) = family.displayed([])
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


def test_the_widest_that_is_sampled_is_as_wide_as_allowed() -> None:
    sampled = Experiment(CONFIG | {"max_sampled_width": 4}).sampled
    assert {ensemble.width for ensemble in sampled} == {4}


@pytest.mark.parametrize(
    ("widest", "said"),
    [
        (6, "5 circuits per ensemble, seed 1, observable Z0 Z1"),
        (4, "5 circuits per ensemble up to width 4, seed 1, observable Z0 Z1"),
        (2, "No circuits, observable Z0 Z1 and symbol"),
    ],
)
def test_captions_say_what_was_sampled(widest: int, said: str) -> None:
    config = CONFIG | {"seed": 1, "samples": 5, "max_sampled_width": widest}
    assert said in Experiment(config).setting


def test_an_integer_is_a_number() -> None:
    """`sigma: [1]` is the ensemble of `sigma: [1.0]`."""
    entry = {"family": "random", "width": [4], "depth": [3], "sigma": [1]}
    (ensemble,) = Experiment(CONFIG | {"ensembles": [entry]}).ensembles
    assert ensemble.name == Random(width=4, depth=3, sigma=1.0).name


@pytest.mark.parametrize("sigma", [None, [1, 2]])
def test_an_ensemble_has_one_place(sigma: list[int] | None) -> None:
    entry = CONFIG["ensembles"][0] | ({"sigma": sigma} if sigma else {})
    with pytest.raises(BadInput, match=r"ensembles: random_width-4\S* is named twice$"):
        _ = Experiment(CONFIG | {"ensembles": [entry, entry]}).ensembles


def test_words_that_no_file_name_can_say_are_told_apart() -> None:
    values = ["+", "-", "_", "a b", "a-b", "a_b", "\N{GREEK SMALL LETTER ALPHA}", -0.5]
    entry = {"family": "ansatz", "circuit": "a.py:f", "width": [4], "op": values}
    names = {of.name for of in Experiment(CONFIG | {"ensembles": [entry]}).ensembles}
    words = ["f_a", "f__a", "\N{GREEK SMALL LETTER ALPHA}", "f_"]
    names |= {Ansatz(width=4, source=f"a.py:{of}").name for of in words}
    names |= {
        Ansatz(width=4, source="a.py:f", keywords=((of, 1),)).name for of in words
    }
    assert len(names) == len(values) + 2 * len(words)
    assert all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in names)


def test_keywords_have_one_order() -> None:
    """Whichever the file has: two entries of one circuit are told."""
    entry = {"family": "ansatz", "circuit": "a.py:f", "width": [4]}
    entries = [entry | {"b": 1, "a": 2}, entry | {"a": 2, "b": 1}]
    with pytest.raises(BadInput, match="ansatz_width-4_f_a-2_b-1 is named twice"):
        _ = Experiment(CONFIG | {"ensembles": entries}).ensembles


def test_a_place_that_is_not_the_first_is_told() -> None:
    """Once for all ensembles, in the tables and so below each figure."""
    moved = Experiment(CONFIG | {"symbol": {"layer": 0, "qubit": 3}}).key_columns
    assert "symbol_qubit" in moved and "symbol_layer" not in moved
    assert "symbol_qubit" not in Experiment(CONFIG).key_columns


def test_circuits_of_ones_own_of_another_size_have_another_name() -> None:
    small = Ansatz(source="a.py:f", width=4, keywords=(("depth", 2),))
    deep = replace(small, keywords=(("depth", 3),))
    others = replace(small, width=5), deep, replace(small, sigma=0.5)
    assert len({of.circuit for of in (small, *others)}) == 4
    assert replace(small, parameter="t").name == f"{small.name}_parameter-t"
    assert Ansatz.displayed([deep, small]) == [small]
    row = {"family": "ansatz", "width": 4, "circuit": "a.py:f", "parameter": "t"}
    assert ensemble_of(pd.Series(row)).parameter == "t"


def test_as_many_circuits_at_once_as_fit() -> None:
    few, many, most = (Random(width=2, depth=n) for n in (1, 10_000, 70_000))
    assert circuits_at_once(few, TFQ) == 10
    assert circuits_at_once(many, TFQ) == 200_000 // many.gates == 6
    assert circuits_at_once(most, TFQ) == 1


def test_parameters_are_asked_for_in_one_entry() -> None:
    entry = {"family": "ansatz", "circuit": "a.py:f", "width": [4]}
    entries = [entry | {"parameters": [name]} for name in ("a", "b")]
    with pytest.raises(BadInput, match="twice; list all its parameters in one entry"):
        _ = Experiment(CONFIG | {"ensembles": entries}).ensembles


@given(st.integers(2, 60), st.integers(1, 70))
def test_batches_cover_the_samples(samples: int, size: int) -> None:
    batches = Experiment({"samples": samples, "batch_size": size}).batches
    covered = [n for first, last in batches for n in range(first, last + 1)]
    assert covered == list(range(samples))
    assert all(last - first < size for first, last in batches)


def test_captions_name_the_symbol_where_a_circuit_has_one() -> None:
    own = {"family": "ansatz", "circuit": "own.py:f", "width": [4]}
    config = CONFIG | {"seed": 1, "samples": 5, "max_sampled_width": 4}
    alone, both = ({"ensembles": [*of, own]} for of in ([], CONFIG["ensembles"]))
    assert "symbol" not in Experiment(config | alone).setting
    assert "symbol on layer 0, qubit 0" in Experiment(config | both).setting
