"""What a figure shows: its source data, and what is told apart in series and panels."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from barren import columns
from barren.analysis.figures import Figure, is_pair
from barren.analysis.tables import ensemble_of, key_columns
from barren.analysis.words import formula, further, text

#: Keys that say of what kind a circuit is.
KINDS = (columns.FAMILY, columns.CIRCUIT_OF)


def source_data(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """What a figure shows: keys, the value with its interval, exact and asymptotic."""
    sampled = table[[*key_columns(table), columns.SAMPLES, quantity]]
    beside = table[[*columns.INTERVAL, *columns.EXACT]]
    beside = beside.apply(np.sqrt) if quantity == columns.STD else beside
    beside = beside.set_axis(["low", "high", "exact", "asymptotic"], axis="columns")
    return sampled.rename(columns={quantity: columns.SAMPLED}).join(beside)


def with_positions(source: pd.DataFrame) -> pd.DataFrame:
    """The source with the place of each parameter among those that were asked for.

    Counted from 1; the rows of a circuit are in the order of its parameters.
    """
    keys = key_columns(source)
    if columns.PARAMETER not in keys:
        return source
    circuit = [key for key in keys if key != columns.PARAMETER]
    places = source.groupby(circuit, dropna=False, observed=True).cumcount() + 1
    source.insert(len(keys), columns.POSITION, places.astype("Int64"))
    return source


def parameters_apart(source: pd.DataFrame, x: str) -> pd.DataFrame:
    """The source with parameters as curves against a key tell them apart: by name.

    Where the first is all that is asked for, it is one whatever its names; but fits are
    of a name.
    """
    if columns.POSITION not in source:
        return source
    if x == columns.PARAMETER:
        source = source.drop(columns=columns.PARAMETER)
        return source.rename(columns={columns.POSITION: columns.PARAMETER})
    apart = {x, columns.WIDTH, columns.PARAMETER, columns.POSITION}
    keys = [key for key in key_columns(source) if key not in apart]
    curves = source.groupby(keys, dropna=False, observed=True)
    first = curves[columns.POSITION].transform("max") == 1
    several = curves[columns.PARAMETER].transform("nunique") > 1
    shown = source.drop(columns=columns.POSITION)
    shown[columns.PARAMETER] = shown[columns.PARAMETER].mask(first)
    if "fit" in shown:
        shown.loc[first & several, ["fit", columns.SLOPE]] = np.nan
    return shown


def with_qubits(source: pd.DataFrame) -> pd.DataFrame:
    """The rows of observables Z_a Z_b, with the qubits in place of the text."""
    pairs = source[source[columns.OBSERVABLE].map(is_pair)]
    qubits = pairs.pop(columns.OBSERVABLE).str.extract(r"Z(\d+) Z(\d+)").astype("Int64")
    for at, name in enumerate(columns.QUBITS):
        pairs.insert(len(key_columns(pairs)), name, qubits[at])
    return pairs.reset_index(drop=True)


def with_fits(source: pd.DataFrame, fits: pd.DataFrame) -> pd.DataFrame:
    """The source with slope and line of the fit to the samples, where there is one."""
    keys = [key for key in key_columns(source) if key != columns.WIDTH]
    # Two points are on a line, whatever they are.
    fitted = fits[(fits[columns.CURVE] == "sampled") & (fits[columns.FREEDOM] > 0)]
    fitted = fitted.astype(source[keys].dtypes)
    lines = source.merge(fitted, on=keys, how="left")
    slope = lines[columns.SLOPE].where(lines[columns.SAMPLES] > 0).to_numpy(float)
    width = lines[columns.WIDTH].to_numpy(float)
    fit = np.exp(lines[columns.INTERCEPT].to_numpy(float) + slope * width)
    return source.assign(**{"fit": fit, columns.SLOPE: slope})


def in_order(source: pd.DataFrame) -> pd.DataFrame:
    """The source to be drawn, with its texts in the order of the experiment's file."""
    order = {
        key: pd.CategoricalDtype([*source[key].dropna().unique()], ordered=True)
        for key in key_columns(source)
        if pd.api.types.is_string_dtype(source[key].dropna())
    }
    samples = source[columns.SAMPLES].fillna(0)
    fit = source.get("fit", np.nan)
    return source.astype(order).assign(samples=samples, fit=fit)


def groups_by(shown: pd.DataFrame, keys: Sequence[str]) -> list[pd.DataFrame]:
    """The rows that agree in some keys, a table each, in the order of the keys."""
    if not keys:
        return [shown]
    groups = shown.groupby(list(keys), dropna=False, observed=True)
    return [group for _, group in groups]


def at_most(
    shown: pd.DataFrame, keys: Sequence[str], most: int, what: str, notes: list[str]
) -> pd.DataFrame:
    """The rows of at most so many groups; a note of what is left out.

    First those without a variance above 0. Families and functions have equal shares of
    the others, as far as each has so many.
    """
    groups = groups_by(shown, keys)
    if (count := len(groups)) <= most:
        return shown
    seen = [of for of in groups if (of[["exact", "sampled"]] > 0).any(axis=None)]
    shown = pd.concat(seen or groups)
    kinds = groups_by(shown, [key for key in KINDS if key in keys])
    kinds.sort(key=lambda of: len(groups_by(of, keys)))
    chosen: list[pd.DataFrame] = []
    for left, of in zip(range(len(kinds), 0, -1), kinds, strict=False):
        chosen += _thinned(of, keys, (most - len(chosen)) // left)
    notes.append(f"{len(chosen)} of {count} {what}")
    return pd.concat(chosen).sort_index()


def _thinned(shown: pd.DataFrame, keys: Sequence[str], most: int) -> list[pd.DataFrame]:
    """At most so many groups of rows.

    Each key keeps evenly spaced ones of its values, that with the most loses the most.
    """
    groups = groups_by(shown, keys)
    values = {key: [*shown[key].dropna().sort_values().unique()] for key in keys}
    sizes = {key: min(len(of), most) for key, of in values.items()}
    while len(groups) > most:
        kept = {key: _evenly(of, sizes[key]) for key, of in values.items()}
        rows = [shown[key].isna() | shown[key].isin(of) for key, of in kept.items()]
        groups = groups_by(shown[np.all(rows, axis=0)], keys)
        longest = max(sizes, key=lambda key: sizes[key])
        if sizes[longest] == 1:
            break
        sizes[longest] -= 1
    return _evenly(groups, most)


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many items, evenly spaced, with both ends where they are several."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


def label(group: pd.DataFrame, keys: Sequence[str], shown: pd.DataFrame) -> str:
    """What tells a series or a panel apart from the others of a figure, in words."""
    ensemble = ensemble_of(group.iloc[0])
    own = [k for k in ensemble.shape_keys if k not in {columns.WIDTH, columns.SIGMA}]
    function = group.iloc[0].get(columns.CIRCUIT_OF)
    alike = shown if pd.isna(function) else shown[shown[columns.CIRCUIT_OF] == function]
    # A keyword is a function's own; other keys are those of all.
    keywords = {*own} - {columns.CIRCUIT_OF}
    rows = {key: alike if key in keywords else shown for key in keys}
    varies = {key for key, of in rows.items() if of[key].nunique(dropna=False) > 1}
    parts = [ensemble.title] if columns.FAMILY in varies else []
    if columns.WIDTH in keys:
        parts.append(f"{ensemble.width} qubits")
    if not varies.issuperset(own) and not set(own) <= set(keys):
        parts += [text(key, ensemble.keys()) for key in own if key in varies]
    elif varies.intersection(own):
        parts.append(ensemble.told_by(varies))
    parts += further(ensemble, varies)
    alone = ensemble.structure if set(own) & set(keys) else ensemble.title
    return ", ".join(parts) or alone


def in_lines(title: str, letters: int) -> str:
    """A title in lines of at most so many letters, broken after commas if possible."""
    tied = "\N{NO-BREAK SPACE}"
    every = title.split(", ")
    parts = (of.replace(" ", tied) if len(of) < letters else of for of in every)
    return textwrap.fill(", ".join(parts), letters).replace(tied, " ")


def below(of: Figure, shown: pd.DataFrame, observable: str, notes: list[str]) -> str:
    """What is the same in all of a figure, and what is left out of it.

    Variances of 0 are, as a logarithmic axis does not have them.
    """
    names = {columns.WIDTH: "n =", columns.OBSERVABLE: "O ="}
    apart = {of.x, of.y}
    if len(of.families) == 1:
        apart.add(columns.FAMILY)
    same = []
    for key in (key for key in key_columns(shown) if key not in apart):
        # Where something is left out, also what other families lack.
        some = notes and key != columns.SIGMA
        known = shown[key].dropna() if some else shown[key]
        value, *more = [*known.unique()] or [None]
        if not more and not pd.isna(value):
            value = formula(value) if key == columns.OBSERVABLE else value
            same.append(f"{names.get(key, key.replace('_', ' '))} {value}")
    if columns.OBSERVABLE not in shown and observable:
        pair = columns.QUBITS[0] in shown
        same.append("O = Z$_a$Z$_b$" if pair else f"O = {formula(observable)}")
    counts = shown[columns.SAMPLES].loc[lambda samples: samples > 0].unique()
    if len(counts) == 1:
        same.append(f"{counts[0]:.0f} circuits each")
    lines = [", ".join(same)]
    values = shown[["exact", "sampled"]]
    zeros = (values == 0).any(axis=1)
    if zeros.any() and not of.y:
        count = f"{zeros.sum()} of {len(shown)}"
        lines.append(f"Not drawn: {count} variances, which are 0.")
    if notes:
        lines.append(f"Shown: {', '.join(notes)}. The source data has all.")
    return "\n".join(filter(None, lines))
