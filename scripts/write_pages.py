"""Write the pages of the report: verdict, statistics, versions and run times."""

import html
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from barren import columns, step
from barren.tables import key_columns, read_table

parser = step.parser(__doc__)
parser.add_argument("--experiment", type=Path, required=True)
parser.add_argument("--statistics", type=Path, required=True)
parser.add_argument("--fits", type=Path, required=True)
parser.add_argument("--claims", type=Path, required=True)
parser.add_argument("--records", type=Path, required=True, help="folder of records")
parser.add_argument("--verdict", type=Path, required=True, help="page to write")
parser.add_argument("--statistics-page", type=Path, required=True, help="to write")
parser.add_argument("--versions", type=Path, required=True, help="page to write")

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto;
  padding: 1rem; color: #1e293b; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .875rem; width: 100% }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid #cbd5e1 }
th { border-bottom-color: #475569; vertical-align: bottom }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.supported { color: #00664b } .contradicted { color: #a33f00 }
.note { color: #475569; font-size: .875rem }
"""
# Words for the columns of a page.
NAMES = {
    columns.VARIANCE_LOW: "95 % from",
    columns.VARIANCE_HIGH: "95 % to",
    columns.SLOPE_LOW: "95 % from",
    columns.SLOPE_HIGH: "95 % to",
}


def page(title: str, *parts: str) -> str:
    """A page that needs nothing but itself."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n" + "\n".join(parts) + "</body></html>\n"
    )


def cell(value: Any) -> str:
    """A cell of a table: floats to four digits, right; what is missing is blank."""
    if pd.isna(value):
        return "<td></td>"
    if isinstance(value, str):
        return f"<td>{html.escape(value)}</td>"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f'<td class="number">{text}</td>'


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    names = (NAMES.get(name, name.replace("_", " ")) for name in header)
    lines = ["".join(f"<th>{html.escape(name)}</th>" for name in names)]
    lines += ["".join(map(cell, row)) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>{body}</table></div>'


def of_frame(frame: pd.DataFrame) -> str:
    """A data frame as a table, without its empty columns."""
    full = frame.dropna(axis="columns", how="all").astype(object)
    return table(list(full.columns), full.to_numpy().tolist())


def verdict_page(claims: pd.DataFrame, setting: str) -> str:
    """Every claim with its evidence."""
    parts = [f'<p class="note">{html.escape(setting)}</p>']
    for _, claim in claims.iterrows():
        verdict, rate = claim[columns.VERDICT], claim[columns.ERROR_RATE]
        error = f"Error rate: {rate:.0%}." if rate else ""
        note = f"Source: {claim[columns.SOURCE]}. Test: {claim[columns.TEST]}. {error}"
        parts += [
            f"<h2>{html.escape(claim[columns.STATEMENT])}</h2>",
            f'<p><strong class="{verdict}">{verdict.capitalize()}.</strong> '
            f"{html.escape(claim[columns.EVIDENCE])}</p>",
            f'<p class="note">{html.escape(note)}</p>',
        ]
    return page("Verdict", *parts)


def versions_page(records: Sequence[dict[str, Any]]) -> str:
    """Run times by step, and the packages of each environment."""
    steps: dict[str, list[float]] = {}
    environments: dict[str, dict[str, Any]] = {}
    for record in records:
        start, end = (datetime.fromisoformat(record[at]) for at in ("start", "end"))
        steps.setdefault(record["step"], []).append((end - start).total_seconds())
        if environment := record["environment"]:
            environments[environment["name"]] = environment
    times = [[s, len(t), sum(t), max(t)] for s, t in steps.items()]
    processors = sorted({str(record["processor"]) for record in records})
    parts = [
        "<h2>Run times</h2>",
        table(["step", "jobs", "seconds in all", "longest job (s)"], times),
        f'<p class="note">On {html.escape(", ".join(processors))}. '
        "Without the start of each job's interpreter.</p>",
    ]
    for name, environment in sorted(environments.items()):
        packages = environment["packages"].items()
        parts += [
            f"<h2>Environment {html.escape(name)}, Python {environment['python']}</h2>",
            f"<p>{html.escape(', '.join(f'{k} {v}' for k, v in packages))}</p>",
            f'<p class="note">Lock: sha256 {environment["lock_sha256"][:12]}…</p>',
        ]
    return page("Versions and run times", *parts)


with step.run(
    parser,
    inputs=["experiment", "statistics", "fits", "claims"],
    outputs=["verdict", "statistics_page", "versions"],
) as args:
    config = json.loads(args.experiment.read_text())
    statistics, fits = read_table(args.statistics), read_table(args.fits)
    setting = (
        f"Experiment {config['experiment']}: {config['samples']} circuits per "
        f"ensemble, seed {config['seed']}."
    )
    args.verdict.write_text(verdict_page(read_table(args.claims), setting))
    # What is compared stands side by side.
    first = [*key_columns(statistics), columns.SAMPLES, columns.VARIANCE]
    first += [columns.VARIANCE_LOW, columns.VARIANCE_HIGH]
    first += [columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]
    statistics = statistics[[*first, *statistics.columns.difference(first, sort=False)]]
    fit_keys = [*key_columns(fits), columns.CURVE, columns.SLOPE]
    args.statistics_page.write_text(
        page(
            "Statistics and slopes",
            f'<p class="note">{html.escape(setting)} The variance is unbiased; std is '
            "the population standard deviation, which the tutorial plots.</p>",
            "<h2>Each ensemble, with the exact variance beside</h2>",
            of_frame(statistics),
            "<h2>Slopes of log variance per qubit</h2>",
            of_frame(fits[[*fit_keys, columns.SLOPE_LOW, columns.SLOPE_HIGH]]),
        )
    )
    # Folders that begin with a dot hold what other jobs have not finished; some jobs
    # come only after this one, so that a record of theirs is an earlier run's.
    args.read["records"] = sorted(
        path
        for path in args.records.rglob("*.json")
        if not path.parent.name.startswith(".")
        and path.stem not in {"assemble_crate", "confirm_agreement", "write_pages"}
    )
    records = [json.loads(path.read_text()) for path in args.read["records"]]
    args.versions.write_text(versions_page(records))
