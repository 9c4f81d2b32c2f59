"""How far a table is from another."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """The worst deviation of a cell; `excess` is in units of what is allowed."""

    column: str = ""
    absolute: float = 0.0
    excess: float = 0.0

    def __str__(self) -> str:
        return f"{self.column} by {self.absolute:.1e}"


def deviation(
    expected: str,
    actual: str,
    tolerances: Mapping[str, tuple[float, float]],
    ignored: Sequence[str] = (),
) -> Deviation:
    """The worst deviation between two tables in CSV; ValueError if they are others.

    tolerances: relative and absolute, by column; "" stands for all others. ignored:
    columns that are not compared. What is no number, or a whole one, must be equal.
    """
    old, new = (list(csv.DictReader(io.StringIO(text))) for text in (expected, actual))
    if len(old) != len(new):
        raise ValueError(f"{len(new)} rows in place of {len(old)}")
    worst = Deviation()
    for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
        if list(before) != list(after):
            raise ValueError(f"row {number}: other columns")
        for column, cell in before.items():
            if column in ignored or cell == after[column]:
                continue
            relative, absolute = tolerances.get(column, tolerances.get("", (0.0, 0.0)))
            try:
                a, b = _real(cell), _real(after[column])
            except ValueError:
                text = f"{column} is {after[column]!r}, was {cell!r}"
                raise ValueError(f"row {number}: {text}") from None
            allowed = relative * abs(a) + absolute
            excess = abs(a - b) / allowed if allowed else math.inf
            excess = math.inf if math.isnan(excess) else excess
            worst = max(worst, Deviation(column, abs(a - b), excess), key=_excess)
    return worst


def _excess(found: Deviation) -> float:
    return found.excess


def _real(cell: str) -> float:
    """A number that is not whole."""
    if cell.lstrip("-").isdecimal():
        raise ValueError(cell)
    return float(cell)
