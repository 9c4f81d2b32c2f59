r"""The numbers and tables of an experiment as LaTeX.

`\input{numbers}` defines `\barren{EXPERIMENT/KEY}`, which prints a number, as in
`\barren{tutorial/random_depth-50/slope}`. Ensembles have their own names, curves
the same without the width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from barren import columns
from barren.analysis.latex import escape, interval, macros, number, tabular
from barren.analysis.tables import with_ensembles, without_rounding
from barren.analysis.words import further, listing, varied
from barren.physics.ensembles import Ensemble

NUMBERS = (
    *(columns.MEAN, columns.VARIANCE, columns.SECOND_MOMENT, columns.STD),
    *(columns.KURTOSIS, *columns.EXACT),
)


def paper_tables(
    config: Mapping[str, Any],
    ensembles: Sequence[Ensemble],
    statistics: pd.DataFrame,
    fits: pd.DataFrame,
    claims: pd.DataFrame,
) -> dict[str, str]:
    """The text of each file."""
    rows = with_ensembles(without_rounding(statistics), ensembles)
    curves = with_ensembles(fits, ensembles)
    depths = sorted({depth for e in ensembles if (depth := e.keys().get("depth"))})
    # Of several observables, symbols and parameters they are the same.
    circuits = {e.circuit: row[columns.SAMPLES] for e, row in rows}
    experiment = config["experiment"]
    numbers = {
        "experiment": escape(experiment),
        "seed": config["seed"],
        "samples": max(circuits.values()),
        "ensembles": len(ensembles),
        "widths": listing(sorted({e.width for e in ensembles})),
        "depths": listing(depths or ["none"]),
        "circuits": sum(circuits.values()),
    }
    for e, row in rows:
        numbers |= {f"{e.name}/{key}": v for key, v in of_ensemble(row).items()}
    for e, row in curves:
        name = replace(e, width=0).name.replace("_width-0", "")
        sampled = row[columns.CURVE] == columns.SAMPLED
        slope = f"{name}/slope" if sampled else f"{name}/slope-{row[columns.CURVE]}"
        numbers[slope] = number(row[columns.SLOPE])
        if sampled:
            numbers[f"{slope}-interval"] = interval(*row[[*columns.SLOPES]])
    numbers |= of_claims(claims)
    head = f"% {experiment}, seed {config['seed']}\n"
    macro = {f"{experiment}/{key}": str(value) for key, value in numbers.items()}
    return {
        "numbers": head + macros(macro),
        "statistics": head + statistics_table(rows),
        "fits": head + fits_table(curves),
        "claims": head + claims_table(claims),
    }


def of_ensemble(row: Any) -> dict[str, str]:
    """An ensemble's statistics and exact values; what is unknown is left out."""
    known = [name for name in NUMBERS if pd.notna(row[name])]
    values = {name.replace("_", "-"): number(row[name]) for name in known}
    values["samples"] = str(row[columns.SAMPLES])
    if pd.notna(row[columns.VARIANCE]):
        values["interval"] = interval(*row[[*columns.INTERVAL]])
    sampled, exact, limit = row[[columns.VARIANCE, *columns.EXACT]]
    ratios = {"sampled-over-exact": (sampled, exact)}
    ratios["exact-over-asymptotic"] = exact, limit
    for name, (value, over) in ratios.items():
        # Outside the observable's light cone the exact variance is 0.
        if pd.notna(value) and over > 0:
            values[name] = number(value / over)
    return values


def of_claims(claims: pd.DataFrame) -> dict[str, str]:
    """The verdict on each claim, and in each of several settings; how often each is."""
    numbers = {}
    for claim, rows in claims.groupby(columns.CLAIM, sort=False):
        key = f"claim/{claim}"
        numbers[key] = verdicts(rows)
        several = rows if len(rows) > 1 else rows[:0]
        told = several[[columns.VERDICT, columns.SETTING]].to_numpy()
        for count, (verdict, setting) in enumerate(told, 1):
            numbers[f"{key}/{count}"] = verdict
            numbers[f"{key}/{count}/setting"] = escape(setting)
    for verdict, count in claims[columns.VERDICT].value_counts().items():
        numbers[f"claims/{verdict}"] = str(count)
    return numbers | {"claims": str(len(claims))}


def label(ensemble: Ensemble, keys: set[str]) -> str:
    """A curve in words for a table: family, structure, and what else varies."""
    words = [ensemble.title, ensemble.structure, *further(ensemble, keys)]
    return escape(", ".join(words))


def statistics_table(rows: Sequence[tuple[Ensemble, Any]]) -> str:
    """A row per ensemble; with the limit of infinite depth, if any is known."""
    cells = []
    keys = varied(ensemble for ensemble, _ in rows)
    limits = any(pd.notna(row[columns.ASYMPTOTIC_VARIANCE]) for _, row in rows)
    for ensemble, row in rows:
        sampled = number(row[columns.VARIANCE]), interval(*row[[*columns.INTERVAL]])
        exact = map(number, row[[*columns.EXACT]][: 1 + limits])
        cells.append([label(ensemble, keys), str(ensemble.width), *sampled, *exact])
    header = ["ensemble", "$n$", "variance", "95\\,\\% interval", "exact"]
    limit = ["depth $\\infty$"] * limits
    return tabular("lrrlr" + "r" * limits, [*header, *limit], cells)


def fits_table(curves: Sequence[tuple[Ensemble, Any]]) -> str:
    """A row per curve: sampled, exact and asymptotic."""
    rows, keys = [], varied(ensemble for ensemble, _ in curves)
    for ensemble, row in curves:
        sampled = row[columns.CURVE] == columns.SAMPLED
        ends = interval(*row[[*columns.SLOPES]]) if sampled else ""
        cells = [row[columns.CURVE], number(row[columns.SLOPE]), ends]
        rows.append([label(ensemble, keys), *cells])
    return tabular("llrl", ["ensembles", "curve", "slope", "95\\,\\% interval"], rows)


def verdicts(rows: pd.DataFrame) -> str:
    """The verdict on a claim; where it has several settings, how many have each."""
    counts = rows[columns.VERDICT].value_counts(sort=False)
    found = [f"{verdict} ({count})" for verdict, count in counts.items()]
    return ", ".join(found) if len(rows) > 1 else str(counts.index[0])


def claims_table(claims: pd.DataFrame) -> str:
    """A row per claim; where it has several settings, how many have each verdict."""
    rows = []
    for _, of in claims.groupby(columns.CLAIM, sort=False):
        rows.append([escape(of[columns.STATEMENT].iloc[0]), verdicts(of)])
    return tabular(r"p{0.66\linewidth}p{0.25\linewidth}", ["claim", "verdict"], rows)
