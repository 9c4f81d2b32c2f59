"""What distinguishes ensembles, in the words of tables, figures and verdicts."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from barren import columns
from barren.physics.ensembles import Ensemble, short
from barren.physics.observables import Observable

#: Letters of an observable that are shown.
LONGEST = 60


def varied(ensembles: Iterable[Ensemble]) -> set[str]:
    """The keys of which ensembles of one family have different values."""
    found = {(e.family, *item) for e in ensembles for item in e.keys().items()}
    counts = Counter((family, key) for family, key, _ in found)
    return {key for (_, key), count in counts.items() if count > 1}


def further(ensemble: Ensemble, keys: Container[str]) -> list[str]:
    """Those of some keys that say not how a circuit is built: "observable Z0 Z3".

    What its family lacks is left out.
    """
    values = ensemble.keys()
    own = [key for key in columns.FURTHER_KEYS if key in values and key in keys]
    known = [k for k in own if k == columns.SIGMA or values[k] is not None]
    return [text(key, values) for key in known]


def text(key: str, values: Mapping[str, Any]) -> str:
    """One key with its value: "width 4", "symbol on layer 3", "uniform angles"."""
    value = values[key]
    if key == columns.SIGMA:
        return "uniform angles" if value is None else f"sigma {short(value)}"
    if key == columns.OBSERVABLE:
        value = formula(value)
    return f"{PLACES.get(key, key.replace('_', ' '))} {short(value)}"


def formula(observable: str) -> str:
    """An observable's text; of a long one the beginning, the terms and the slug."""
    known = Observable.parse(observable)
    if len(known.text) <= LONGEST:
        return known.text
    of = f"{len(known.strings)} terms, {known.slug[:9]}"
    return f"{known.text[: LONGEST // 2]}\N{HORIZONTAL ELLIPSIS} ({of})"


def listing(values: Sequence[object]) -> str:
    """Values as text: a, b and c."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last


PLACES = dict(zip(columns.SYMBOL, ("symbol on layer", "symbol on qubit"), strict=True))
