"""Plot the variance figures of an experiment, each in every format."""

from pathlib import Path

import pandas as pd

from barren import columns, step
from barren.ensembles import RANDOM
from barren.figures import (
    save,
    variance_by_depth,
    variance_by_layer,
    variance_by_sigma,
    variance_by_width,
    variance_map,
)
from barren.tables import read_table

parser = step.parser(__doc__)
parser.add_argument("--statistics", type=Path, required=True)
parser.add_argument("--theory", type=Path, required=True)
parser.add_argument("--fits", type=Path, required=True)
parser.add_argument(
    "--figures", nargs="+", type=Path, required=True, help="files to write, by name"
)


def most_common(statistics: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """The rows in which some keys, where they vary, have their most common values."""
    keys = tuple(key for key in keys if key in statistics)
    if not keys:
        return statistics
    values = statistics[[*keys]].value_counts().index[0]
    return statistics[statistics[[*keys]].eq(values).all(axis=1)]


with step.run(
    parser, inputs=["statistics", "theory", "fits"], outputs=["figures"]
) as args:
    statistics = read_table(args.statistics)
    theory = read_table(args.theory)
    fits = read_table(args.fits)
    random = statistics[statistics[columns.FAMILY] == RANDOM]
    a, b = columns.OBSERVABLE_A, columns.OBSERVABLE_B
    layer, qubit = columns.SYMBOL_LAYER, columns.SYMBOL_QUBIT
    draw = {
        "gradient_variance_random": lambda: variance_by_width(
            random, columns.VARIANCE, fits
        ),
        "gradient_std_random": lambda: variance_by_width(random, columns.STD),
        "random_vs_identity": lambda: variance_by_width(statistics, columns.VARIANCE),
        "random_vs_identity_std": lambda: variance_by_width(statistics, columns.STD),
        "gradient_variance_by_depth": lambda: variance_by_depth(statistics, theory),
        "gradient_variance_by_layer": lambda: variance_by_layer(statistics),
        "gradient_variance_by_sigma": lambda: variance_by_sigma(statistics),
        "gradient_variance_of_symbols": lambda: variance_map(
            most_common(statistics, a, b), layer, qubit
        ),
        "gradient_variance_of_observables": lambda: variance_map(
            most_common(statistics, layer, qubit), a, b
        ),
    }
    figures: dict[str, list[Path]] = {}
    for path in args.figures:
        figures.setdefault(path.stem, []).append(path)
    for name, paths in figures.items():
        figure, source = draw[name]()
        save(figure, source, paths)
