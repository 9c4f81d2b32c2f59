"""Tables as pandas data frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from barren import columns
from barren.ensembles import Ensemble

# Counts that are empty where a family lacks the key.
_INTEGERS = dict.fromkeys(
    (*columns.KEYS[1:], *columns.FURTHER_KEYS[1:], columns.SAMPLE, columns.SAMPLES),
    "Int64",
)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; key columns are nullable integers."""
    return with_integers(pd.read_csv(path, float_precision="round_trip"))


def with_integers(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its counts as nullable integers."""
    return table.astype({k: v for k, v in _INTEGERS.items() if k in table})


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table; floats with the digits that read back as the same number."""
    table.to_csv(path, index=False, lineterminator="\n")


def key_columns(table: pd.DataFrame) -> list[str]:
    """The columns that say which ensemble a row belongs to."""
    known = (*columns.KEYS, *columns.FURTHER_KEYS)
    return [key for key in table.columns if key in known]


def ensemble_keys(ensembles: Sequence[Ensemble], keys: Sequence[str]) -> pd.DataFrame:
    """The key columns of some ensembles, a row each."""
    rows: list[dict[str, Any]] = [ensemble.keys() for ensemble in ensembles]
    return with_integers(pd.DataFrame(rows)[list(keys)])
