r"""Write the numbers and the tables of an experiment as LaTeX.

`\input{numbers}` defines `\barren{KEY}`, which prints a number, as in
`\barren{random_depth-50/slope}` or `\barren{random_width-4_depth-50/variance}`.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from barren import columns, step
from barren.ensembles import Ensemble, expand, widths
from barren.latex import escape, interval, listing, macros, number, tabular
from barren.tables import read_table

parser = step.parser(__doc__)
parser.add_argument("--experiment", type=Path, required=True)
parser.add_argument("--statistics", type=Path, required=True)
parser.add_argument("--fits", type=Path, required=True)
parser.add_argument("--claims", type=Path, required=True)
parser.add_argument("--paper", nargs="+", type=Path, required=True, help="to write")


def of_experiment(config: dict[str, Any]) -> dict[str, str]:
    """What was done."""
    ensembles = expand(config)
    sampled = [e for e in ensembles if e.width <= config["max_sampled_width"]]
    return {
        "experiment": escape(config["experiment"]),
        "seed": str(config["seed"]),
        "samples": str(config["samples"]),
        "ensembles": str(len(ensembles)),
        "circuits": str(config["samples"] * len(sampled)),
        "widths": listing(widths(ensembles)),
        "depths": listing(sorted({e.depth for e in ensembles if e.depth}) or ["none"]),
    }


def of_ensemble(row: Any) -> dict[str, str]:
    """An ensemble's statistics and exact values; what is unknown is left out."""
    values = {
        name.replace("_", "-"): number(row[name])
        for name in (
            *(columns.MEAN, columns.VARIANCE, columns.SECOND_MOMENT, columns.STD),
            *(columns.KURTOSIS, columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE),
        )
        if pd.notna(row[name])
    }
    values["samples"] = str(row[columns.SAMPLES])
    if pd.notna(row[columns.VARIANCE]):
        values["interval"] = interval(
            row[columns.VARIANCE_LOW], row[columns.VARIANCE_HIGH]
        )
    exact, limit = row[columns.EXACT_VARIANCE], row[columns.ASYMPTOTIC_VARIANCE]
    for name, value, over in (
        ("sampled-over-exact", row[columns.VARIANCE], exact),
        ("exact-over-asymptotic", exact, limit),
    ):
        # Outside the observable's light cone the exact variance is 0.
        if pd.notna(value) and pd.notna(over) and over > 0:
            values[name] = number(value / over)
    return values


def of_fit(row: Any) -> dict[str, str]:
    """The slope of log variance per qubit of one curve."""
    if row[columns.CURVE] != "sampled":
        return {f"slope-{row[columns.CURVE]}": slope(row)}
    ends = interval(row[columns.SLOPE_LOW], row[columns.SLOPE_HIGH])
    return {"slope": slope(row), "slope-interval": ends}


def slope(row: Any) -> str:
    """A slope; 0 where only rounding is left of it."""
    return number(round(row[columns.SLOPE], 12))


def ensemble(row: Any) -> Ensemble:
    """The ensemble that a row belongs to; width 0 where the row has none."""
    keys = {key: row[key] for key in row.index if key in Ensemble.__annotations__}
    known = {key: value for key, value in keys.items() if not pd.isna(value)}
    return Ensemble(**{columns.WIDTH: 0} | known)


def curve(of: Ensemble) -> str:
    """The name of an ensemble without its width."""
    return replace(of, width=0).name.replace("_width-0", "")


def label(name: str) -> str:
    """A name for a table: family, then its keys."""
    return escape(name.replace("_", ", ").replace("-", " "))


def statistics_table(statistics: pd.DataFrame) -> str:
    """A row per ensemble."""
    rows = []
    for _, row in statistics.iterrows():
        of = ensemble(row)
        rows.append(
            [
                label(curve(of).replace("identity_tutorial", "identity (tutorial)")),
                str(of.width),
                str(row[columns.SAMPLES]),
                number(row[columns.VARIANCE]),
                interval(row[columns.VARIANCE_LOW], row[columns.VARIANCE_HIGH]),
                number(row[columns.EXACT_VARIANCE]),
                number(row[columns.ASYMPTOTIC_VARIANCE]),
            ]
        )
    header = ["ensemble", "$n$", "samples", "variance", "95\\,\\% interval"]
    return tabular("lrrrlrr", [*header, "exact", "depth $\\to\\infty$"], rows)


def fits_table(fits: pd.DataFrame) -> str:
    """A row per curve: sampled, exact and asymptotic."""
    rows = []
    for _, row in fits.iterrows():
        of = curve(ensemble(row)).replace("identity_tutorial", "identity (tutorial)")
        sampled = row[columns.CURVE] == "sampled"
        ends = interval(row[columns.SLOPE_LOW], row[columns.SLOPE_HIGH])
        cells = [label(of), row[columns.CURVE], slope(row)]
        rows.append([*cells, ends if sampled else ""])
    return tabular("llrl", ["ensembles", "curve", "slope", "95\\,\\% interval"], rows)


with step.run(
    parser, inputs=["experiment", "statistics", "fits", "claims"], outputs=["paper"]
) as args:
    config = json.loads(args.experiment.read_text())
    statistics, fits, claims = map(
        read_table, (args.statistics, args.fits, args.claims)
    )
    numbers = of_experiment(config)
    for _, row in statistics.iterrows():
        name = ensemble(row).name
        numbers |= {f"{name}/{key}": v for key, v in of_ensemble(row).items()}
    for _, row in fits.iterrows():
        name = curve(ensemble(row))
        numbers |= {f"{name}/{key}": v for key, v in of_fit(row).items()}
    for claim, of in claims.groupby(columns.CLAIM, sort=False):
        # A claim about several families has a verdict for each.
        for count, (_, row) in enumerate(of.iterrows(), 1):
            key = f"claim/{claim}" if count == 1 else f"claim/{claim}/{count}"
            numbers[key] = str(row[columns.VERDICT])
    for verdict, count in claims[columns.VERDICT].value_counts().items():
        numbers[f"claims/{verdict}"] = str(count)
    numbers["claims"] = str(len(claims))
    texts = {
        "numbers": macros(numbers),
        "statistics": statistics_table(statistics),
        "fits": fits_table(fits),
        "claims": tabular(
            r"p{0.72\linewidth}l",
            ["claim", "verdict"],
            [
                [escape(row[columns.STATEMENT]), row[columns.VERDICT]]
                for _, row in claims.iterrows()
            ],
        ),
    }
    for path in args.paper:
        path.write_text(f"% {config['experiment']}, seed {config['seed']}\n")
        with path.open("a") as file:
            file.write(texts[path.stem])
