"""What the page of an experiment says, from its tables and the records of its jobs.

The page itself is a template (workflow/report/report.html.j2); this is what fills it.
Every row of a table comes with the line of the file that it was read from.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from barren import columns
from barren.analysis.tables import key_columns, without_rounding

#: Columns in words; another one is its name with spaces.
HEADINGS = {
    **dict.fromkeys((columns.VARIANCE_LOW, columns.SLOPE_LOW), "95 % from"),
    **dict.fromkeys((columns.VARIANCE_HIGH, columns.SLOPE_HIGH), "95 % to"),
    columns.EXACT_VARIANCE: "exact variance",
    columns.ASYMPTOTIC_VARIANCE: "deep circuits",
}
#: Settings that a row about several of them names.
NAMED = 3


def number(value: Any) -> str:
    """A cell of a table: floats to four digits, nothing where there is no value."""
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:z.4g}".replace("-", "\N{MINUS SIGN}").replace("e", " e")
    return str(value)


def table(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Some columns of a table, but the empty ones, with their lines in the file."""
    shown = frame[list(names)].dropna(axis="columns", how="all")
    text = [not pd.api.types.is_numeric_dtype(of) for _, of in shown.items()]
    heads = [HEADINGS.get(name, name.replace("_", " ")) for name in map(str, shown)]
    rows = shown.astype(object).to_numpy().tolist()
    cells = [list(zip(map(number, row), text, strict=True)) for row in rows]
    header = list(zip(heads, text, strict=True))  # the first line of the file
    return {"header": header, "rows": list(enumerate(cells, 2))}


def statistics_tables(statistics: pd.DataFrame, fits: pd.DataFrame) -> dict[str, Any]:
    """The ensembles and the slopes; what is compared stands side by side."""
    compared = [columns.VARIANCE, *columns.INTERVAL, *columns.EXACT]
    rest = [columns.MEAN, columns.STD, columns.KURTOSIS]
    keys = [*key_columns(statistics), columns.SAMPLES]
    # A slope that follows from exact numbers has no interval.
    sampled = fits[columns.CURVE] == columns.SAMPLED
    ends = fits[[*columns.SLOPES]].where(sampled)
    slopes = [*key_columns(fits), columns.CURVE, columns.SLOPE, *columns.SLOPES]
    ensembles = table(without_rounding(statistics), [*keys, *compared, *rest])
    return {"statistics": ensembles, "fits": table(fits.assign(**ends), slopes)}


def claims_by_statement(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """Each claim with its settings, and how often each verdict is given."""
    lines = claims.assign(line=range(2, len(claims) + 2))
    found = []
    same = [columns.STATEMENT, columns.SOURCE, columns.TEST]
    for _, rows in lines.groupby(columns.CLAIM, sort=False):
        groups = rows.groupby([columns.VERDICT, columns.EVIDENCE], sort=False)
        rate = float(rows[columns.ERROR_RATE].iloc[0])
        told: dict[Any, Any] = rows[same].iloc[0].to_dict()
        told[columns.ERROR_RATE] = f"{100 * rate:g} %" if rate else ""
        told["counts"] = rows[columns.VERDICT].value_counts(sort=False).to_dict()
        told["settings"] = [_settings(of) for _, of in groups]
        found.append(told)
    return found


def _settings(rows: pd.DataFrame) -> dict[str, Any]:
    """Settings with the same verdict and evidence as one row, which names the first."""
    first, more = rows[:NAMED], ["\N{HORIZONTAL ELLIPSIS}"] * (len(rows) > NAMED)
    count = f"{len(rows)} settings: " if len(rows) > 1 else ""
    return {
        **first.iloc[0][[columns.VERDICT, columns.EVIDENCE]],
        columns.SETTING: count + "; ".join([*first[columns.SETTING], *more]),
        "lines": ", ".join([*map(str, first["line"]), *more]),
    }


def prose(markdown: str) -> Markup:
    """Paragraphs, lists and bold words of Markdown as HTML."""
    parts = []
    for part in markdown.strip().split("\n\n"):
        text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(part)))
        if text.startswith("- "):
            items = text.removeprefix("- ").split("\n- ")
            text = "".join(f"<li>{item}</li>" for item in items)
            parts.append(f"<ul>{text}</ul>")
        else:
            parts.append(f"<p>{text}</p>")
    return Markup("\n".join(parts))


def opening(verdict: str) -> tuple[str, str]:
    """The answer that verdict.md opens with: its first paragraph, and the others."""
    text = verdict.split("\n| ")[0].removeprefix("# Verdict").strip()
    first, _, rest = text.partition("\n\n")
    return first, rest


def steps_of(records: Sequence[Mapping[str, Any]]) -> Mapping[Hashable, Any]:
    """The jobs of each step: how many, and seconds in all and of the longest."""
    jobs = pd.DataFrame(records, columns=["step", "environment", "start", "end"])
    times = jobs[["start", "end"]].apply(pd.to_datetime, format="ISO8601")
    lasted = (times["end"] - times["start"]).dt.total_seconds()
    names = jobs["environment"].map(itemgetter("name"))
    jobs = jobs.assign(environment=names, seconds=lasted)
    steps = jobs.groupby("step", sort=False).agg(
        environment=("environment", "last"),
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
    )
    return steps.to_dict("index")


def environments_of(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every environment that a job ran in, with its packages."""
    found = {of["environment"]["name"]: of["environment"] for of in records}
    return [found[name] for name in sorted(found)]


def sources_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The commits that the jobs were run from."""
    sources = [record["source"] for record in records if record["source"]]
    changed = {True: "", False: ", with changes"}
    names = [of["commit"][:12] + changed[of["clean"]] for of in sources]
    return list(dict.fromkeys(names))
