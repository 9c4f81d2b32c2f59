"""Tables: what is written, and what is read from it again."""

import io
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from barren import columns
from barren.analysis import statements
from barren.analysis.claims import judge
from barren.analysis.evidence import Point, read_points
from barren.analysis.tables import (
    read_table,
    rows_by_ensemble,
    with_ensembles,
    with_integers,
    without_rounding,
    write_table,
)
from barren.physics.ensembles import Prediction
from barren.physics.families import Random
from strategies import table_of


def test_tables_show_0_for_what_is_left_of_it_alone() -> None:
    """Not for a small variance that is known, nor for one where gradients are small.

    Nor for rounding where the exact one is large, as few circuits may all have.
    """
    rows = [(5e-11, np.nan, 1.0), (5e-11, 4e-11, 1.0), (5e-9, np.nan, 10.0)]
    rows += [(5e-11, np.nan, 0.1), (5e-11, 0.0, 1.0)]
    rows += [(5e-11, 9e-9, 1.0), (5e-11, 2e-8, 1.0)]
    table = pd.DataFrame(rows, columns=["variance", "exact_variance", "bound"])
    table = table.assign(**dict.fromkeys(("std", "second_moment", "kurtosis"), 1.0))
    table = table.assign(mean=0.5, variance_low=1e-11, variance_high=1e-10)
    shown = without_rounding(table)
    assert shown.variance.tolist() == [0, 5e-11, 0, 5e-11, 0, 5e-11, 0]
    assert shown["std"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert shown.second_moment.tolist() == [0.25, 1, 0.25, 1, 0.25, 1, 0.25]
    unknown = [True, False, True, False, True, False, True]
    assert shown.variance_high.isna().tolist() == unknown


def test_booleans_are_no_integers() -> None:
    table = pd.DataFrame({"family": "ansatz", "width": [2, 2], "open": [True, False]})
    assert with_integers(table)["open"].tolist() == [True, False]
    assert with_integers(table)["open"].dtype == bool


def test_points_are_those_of_the_tables(tutorial: list[Point], tmp_path: Any) -> None:
    ensembles = [point.ensemble for point in tutorial]
    extra = Random(width=9, depth=50)  # predicted alone
    keys = [*columns.KEYS, columns.SIGMA]
    every = table_of([*ensembles, extra], keys)
    exact = [tuple(p.prediction) for p in tutorial] + [tuple(Prediction())]
    theory = every.assign(
        **dict(zip(columns.THEORY, zip(*exact, strict=True), strict=True))
    )
    summaries = pd.DataFrame(
        [vars(p.summary) for p in [*tutorial, Point(extra, Prediction())]]
    )
    statistics = pd.concat([every, summaries], axis=1)
    rows = every.iloc[np.repeat(np.arange(len(tutorial)), 200)].assign(
        theta=np.concatenate([p.theta for p in tutorial]),
        gradient=np.concatenate([p.gradients for p in tutorial]),
    )
    tables = []
    for table in (theory, statistics, rows, rows[:0]):
        write_table(table, tmp_path / "table.csv")
        tables.append(read_table(tmp_path / "table.csv"))
    *whole, header_only = tables
    draws = {p.ensemble: p.draws for p in tutorial if p.draws}
    read = read_points([*ensembles, extra], *whole, draws)
    assert (read[-1].prediction, read[-1].summary.samples) == (Prediction(), 0)
    # Tables are rounded.
    found, expected = (statements.render(judge(of)) for of in (read[:-1], tutorial))
    assert found == expected
    alone = read_points([*ensembles, extra], *whole[:2], header_only, {})
    assert {p.gradients.size for p in alone} == {0}


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=3, unique=True))
def test_tables_know_their_ensembles_again(sigmas: list[float]) -> None:
    """Values are rounded, keys are not."""
    ensembles = [Random(width=2, depth=1, sigma=sigma) for sigma in sigmas]
    keys, text = ["family", "width", "depth", "sigma"], io.StringIO()
    table = table_of(ensembles, keys).assign(variance=1 / 3)
    write_table(table, text)
    read = read_table(io.StringIO(text.getvalue()))
    back = ensembles[::-1]
    assert [*rows_by_ensemble(read, back)] == back
    assert [e for e, _ in with_ensembles(read, back)] == ensembles
    assert {*read["variance"]} == {0.3333333333}


def test_the_numbers_of_a_table_without_ensembles_are_rounded() -> None:
    """Such as the angles of the gates of a drawing, which are no keys."""
    text = io.StringIO()
    write_table(pd.DataFrame({"gate": ["RY"], "angle": [np.pi / 4]}), text)
    assert text.getvalue() == "gate,angle\nRY,0.7853981634\n"
