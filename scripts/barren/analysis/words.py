"""What distinguishes ensembles, in the words of tables, figures and verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from barren import columns
from barren.physics.ensembles import Ensemble


def varied(ensembles: Iterable[Ensemble]) -> set[str]:
    """The keys of which ensembles of one family have different values."""
    seen: dict[tuple[str, str], set[Any]] = {}
    for ensemble in ensembles:
        for key, value in ensemble.keys().items():
            seen.setdefault((ensemble.family, key), set()).add(value)
    return {key for (_, key), values in seen.items() if len(values) > 1}


def setting(ensemble: Ensemble, keys: Iterable[str]) -> str:
    """Some keys of an ensemble in words: "symbol on layer 2, observable Z0 Z3".

    What its family lacks is left out.
    """
    values = ensemble.keys()
    keys = values.keys() & set(keys)
    parts = []
    structure = [key for key in ensemble.shape_keys if key not in SHARED]
    if keys.intersection(structure):
        parts.append(ensemble.structure)
    if columns.SIGMA in keys:
        parts.append(sigma(ensemble.sigma))
    parts += [text(key, values) for key in PLACES if key in keys]
    if columns.OBSERVABLE in keys:
        parts.append(f"observable {ensemble.observable}")
    if columns.PARAMETER in keys and ensemble.parameter is not None:
        parts.append(text(columns.PARAMETER, values))
    return ", ".join(parts)


def sigma(value: float | None) -> str:
    """The distribution of the angles."""
    return "uniform angles" if value is None else f"sigma {value:g}"


def text(key: str, values: Mapping[str, Any]) -> str:
    """One key with its value: "width 4", "symbol on layer 3"."""
    words = PLACES.get(key, key.replace("_", " "))
    return f"{words} {values[key]}"


def listing(values: Sequence[object]) -> str:
    """Values as text: a, b and c."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last


SHARED = {columns.WIDTH, columns.SIGMA}
PLACES = {
    columns.WIDTH: "width",
    columns.SYMBOL_LAYER: "symbol on layer",
    columns.SYMBOL_QUBIT: "symbol on qubit",
}
