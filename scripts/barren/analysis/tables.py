"""Tables as pandas data frames."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from barren import columns
from barren.physics.ensembles import Ensemble
from barren.physics.families import FAMILIES

_KEYS = {of.name: of.type for family in FAMILIES.values() for of in fields(family)}
# Counts that are empty where a family lacks the key.
_INTEGERS = {key for key, kind in _KEYS.items() if kind is int}
_INTEGERS |= {columns.SAMPLE, columns.SAMPLES}


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; key columns are nullable integers."""
    return with_integers(pd.read_csv(path, float_precision="round_trip"))


def with_integers(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its counts as nullable integers."""
    return table.astype({name: "Int64" for name in table if name in _INTEGERS})


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table; floats with the digits that read back as the same number."""
    table.to_csv(path, index=False, lineterminator="\n")


def key_columns(table: pd.DataFrame) -> list[str]:
    """The columns that say which ensemble a row belongs to."""
    return [key for key in table.columns if key == columns.FAMILY or key in _KEYS]


def ensemble_keys(ensembles: Sequence[Ensemble], keys: Sequence[str]) -> pd.DataFrame:
    """The key columns of some ensembles, a row each; what a family lacks is empty."""
    rows: list[dict[str, Any]] = [
        {key: ensemble.keys().get(key) for key in keys} for ensemble in ensembles
    ]
    return with_integers(pd.DataFrame(rows, columns=list(keys)))


def ensemble_of(row: Any) -> Ensemble:
    """The ensemble that a row belongs to; of width 0 where the row has none."""
    known = {key: row[key] for key in row.index if key in _KEYS and pd.notna(row[key])}
    return FAMILIES[row[columns.FAMILY]](**{columns.WIDTH: 0} | known)
