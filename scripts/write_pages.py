"""The pages of the report: verdict, statistics, versions and run times."""

import html
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from barren import columns
from barren.analysis.tables import key_columns, read_table
from barren.runner import layout, step
from barren.runner.experiment import Experiment

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


def page_of_statistics(
    statistics: pd.DataFrame, fits: pd.DataFrame, setting: str
) -> str:
    """Sampled and exact numbers of every ensemble, and slopes."""
    # What is compared stands side by side.
    first = [*key_columns(statistics), columns.SAMPLES, columns.VARIANCE]
    first += [columns.VARIANCE_LOW, columns.VARIANCE_HIGH]
    first += [columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]
    statistics = statistics[[*first, *statistics.columns.difference(first, sort=False)]]
    keys = [*key_columns(fits), columns.CURVE, columns.SLOPE]
    return page(
        "Statistics and slopes",
        f'<p class="note">{html.escape(setting)} The variance is unbiased; std is '
        "the population standard deviation, which the tutorial plots.</p>",
        "<h2>Each ensemble, with the exact variance beside</h2>",
        of_frame(statistics),
        "<h2>Slopes of log variance per qubit</h2>",
        of_frame(fits[[*keys, columns.SLOPE_LOW, columns.SLOPE_HIGH]]),
    )


def write_pages(
    experiment: step.Input,
    statistics: step.Input,
    fits: step.Input,
    claims: step.Input,
    steps: list[str],
    verdict: step.Output,
    statistics_page: step.Output,
    versions: step.Output,
) -> step.Found:
    """Write the pages of the report: verdict, statistics, versions and run times."""
    found = Experiment.read(experiment)
    setting = (
        f"Experiment {found.config['experiment']}: {found.config['samples']} circuits "
        f"per ensemble, seed {found.config['seed']}."
    )
    verdict.write_text(verdict_page(read_table(claims), setting))
    tables = read_table(statistics), read_table(fits)
    statistics_page.write_text(page_of_statistics(*tables, setting))
    names = [*found.records, *map(layout.record, steps)]
    records = [experiment.parent / name for name in names]
    versions.write_text(versions_page([json.loads(p.read_text()) for p in records]))
    return {"records": records}


if __name__ == "__main__":
    step.run(write_pages)
