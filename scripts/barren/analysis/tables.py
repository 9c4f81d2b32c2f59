"""Tables as pandas data frames."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from barren import columns
from barren.physics.ensembles import Ensemble
from barren.physics.families import FAMILIES

#: A sampled variance below it, for gradients of at most 1, is what single precision
#: leaves of gradients that are 0, unless the exact one is small too: so many times it.
ROUNDING, SMALL = 1e-10, 100


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; counts are nullable integers. Only what is empty is missing."""
    table = pd.read_csv(
        path,
        float_precision="round_trip",
        keep_default_na=False,
        na_values=[""],
        dtype={columns.PARAMETER: str},
    )
    return with_integers(table)


def with_integers(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its counts as nullable integers; sigma is none by nature."""
    counts = {*key_columns(table), columns.SAMPLE, columns.SAMPLES} - {columns.SIGMA}
    found = table[table.columns.intersection([*counts])]
    whole = found.select_dtypes("number").convert_dtypes(convert_floating=False)
    return table.astype(whole.dtypes)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table: numbers with what every processor gives alike.

    The keys of ensembles are written in full, because they are looked up by them.
    """
    named = key_columns(table) if columns.FAMILY in table else []
    floats = table[named].select_dtypes("float")
    keys = floats.map(in_full, "ignore")
    form = f"%.{columns.DIGITS}g"
    told = table.assign(**keys)
    told.to_csv(path, index=False, lineterminator="\n", float_format=form)


def in_full(value: Any) -> Any:
    """A key's value as all tables have it: every digit of a float, 1 for 1.0."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else value


def key_columns(table: pd.DataFrame) -> list[str]:
    """The columns that say which ensemble a row belongs to."""
    return [key for key in table.columns if key not in columns.VALUES]


def ensemble_of(row: Any) -> Ensemble:
    """The ensemble that a row belongs to; of width 0 where the row has none."""
    others = row.index.isin([*columns.VALUES, *columns.QUBITS])
    keys = {columns.WIDTH: 0} | row[~others].dropna().to_dict()
    own = {k: keys.pop(k) for k in (columns.PARAMETER,) if k in keys}
    return replace(FAMILIES[keys.pop(columns.FAMILY)].of_keys(keys), **own)


def is_rounding(variance: Any, exact: Any, bound: Any) -> Any:
    """Whether sampled variances are what is left of a 0, numbers or columns."""
    floor = ROUNDING * bound**2
    small = np.logical_and(exact > 0, exact < SMALL * floor)
    return np.logical_and(variance < floor, np.logical_not(small))


def without_rounding(statistics: pd.DataFrame) -> pd.DataFrame:
    """The statistics with 0 in place of what is left of a variance of 0."""
    of = (columns.VARIANCE, columns.EXACT_VARIANCE, columns.BOUND)
    zero = is_rounding(*(statistics[key] for key in of))
    values: dict[str, Any] = {
        **dict.fromkeys((columns.VARIANCE, columns.STD), 0.0),
        **dict.fromkeys((*columns.INTERVAL, columns.KURTOSIS), np.nan),
        columns.SECOND_MOMENT: statistics[columns.MEAN] ** 2,
    }
    changed = {key: statistics[key].mask(zero, of) for key, of in values.items()}
    return statistics.assign(**changed)


def with_ensembles(
    table: pd.DataFrame, ensembles: Iterable[Ensemble]
) -> list[tuple[Ensemble, Any]]:
    """Each row of a table, in their order, with an ensemble that has its keys."""
    of = rows_by_ensemble(table, ensembles)
    found = [(e, row) for e, rows in of.items() for _, row in rows.iterrows()]
    return sorted(found, key=lambda pair: pair[1].name)


def rows_by_ensemble(
    table: pd.DataFrame, ensembles: Iterable[Ensemble]
) -> dict[Ensemble, pd.DataFrame]:
    """The rows of each ensemble, in their order; for each parameter in the table."""
    keys = key_columns(table)
    shared = [key for key in keys if key != columns.PARAMETER]
    found: dict[tuple[Any, ...], dict[Any, pd.DataFrame]] = defaultdict(dict)
    values: Any
    for values, rows in table.groupby(keys, dropna=False, sort=False):
        told = (None if pd.isna(value) else value for value in values)
        given = dict(zip(keys, told, strict=True))
        parameter = given.pop(columns.PARAMETER, None)
        found[tuple(given.values())][parameter] = rows
    known = {tuple(e.keys().get(key) for key in shared): e for e in ensembles}
    return {
        replace(of, **({columns.PARAMETER: name} if name else {})): rows
        for key, of in known.items()
        for name, rows in found[key].items()
    }
