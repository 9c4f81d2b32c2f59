"""What the figures show, read back from their artists."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from barren import columns
from barren.figures import (
    COLOUR_MAP,
    variance_by_layer,
    variance_by_sigma,
    variance_by_width,
    variance_map,
)
from barren.tables import with_integers


def table(**keys: list[object]) -> pd.DataFrame:
    """Statistics of random circuits: row i has variance 10^-i, all rows are sampled."""
    rows = len(next(iter(keys.values())))
    variance = 10.0 ** -np.arange(rows)
    values = {
        columns.FAMILY: ["random"] * rows,
        columns.WIDTH: [4] * rows,
        columns.DEPTH: [9] * rows,
        columns.BLOCK_DEPTH: [None] * rows,
        columns.BLOCKS: [None] * rows,
        **keys,
        columns.SAMPLES: [10] * rows,
        columns.VARIANCE: variance,
        columns.VARIANCE_LOW: variance / 2,
        columns.VARIANCE_HIGH: variance * 2,
        columns.STD: np.sqrt(variance),
        columns.EXACT_VARIANCE: variance * 1.1,
        columns.ASYMPTOTIC_VARIANCE: variance * 0.9,
    }
    return with_integers(pd.DataFrame(values))


def points(axes: Axes) -> list[list[float]]:
    """The places of the sampled points of each series."""
    return [list(bars.lines[0].get_xdata()) for bars in axes.containers]


def test_theory_alone_has_no_marker() -> None:
    statistics = table(width=[2, 4, 6, 8])
    statistics.loc[2:, columns.SAMPLES] = 0
    fits = pd.DataFrame(
        {
            "family": ["random"],
            "depth": [9],
            "block_depth": [None],
            "blocks": [None],
            "curve": ["sampled"],
            "slope": [-1.25],
            "intercept": [0.5],
        }
    )
    figure, source = variance_by_width(
        statistics, columns.VARIANCE, with_integers(fits)
    )
    (axes,) = figure.axes
    assert points(axes) == [[2, 4]]
    fit, exact = axes.lines[:2]
    np.testing.assert_array_equal(fit.get_xdata(), [2, 4])
    np.testing.assert_allclose(fit.get_ydata(), np.exp([0.5 - 2.5, 0.5 - 5]))
    np.testing.assert_array_equal(exact.get_xdata(), [2, 4, 6, 8])
    np.testing.assert_array_equal(exact.get_ydata(), source["exact"])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "depth 9, slope \N{MINUS SIGN}1.250" in texts
    assert "exact (bare: theory alone)" in texts


def test_a_map_puts_every_value_in_its_place() -> None:
    """Zeros are white, below the scale; both maps have one scale."""
    layers, qubits = np.meshgrid([0, 1, 2, 3], [0, 1], indexing="ij")
    statistics = table(
        symbol_layer=[int(value) for value in layers.ravel()],
        symbol_qubit=[int(value) for value in qubits.ravel()],
    )
    statistics.loc[5, [columns.VARIANCE, columns.EXACT_VARIANCE]] = 0.0
    figure, _ = variance_map(statistics, columns.SYMBOL_LAYER, columns.SYMBOL_QUBIT)
    sampled, exact = (axes.collections[0] for axes in figure.axes[:2])
    low = statistics[columns.EXACT_VARIANCE].replace(0, np.nan).min()
    expected = statistics[columns.EXACT_VARIANCE].to_numpy().reshape(4, 2).T
    shown = np.asarray(exact.get_array()).reshape(2, 4)
    assert shown[1, 2] < low
    assert np.allclose(np.where(shown < low, 0, shown), expected)
    assert exact.norm is sampled.norm
    assert exact.to_rgba(shown)[1, 2].tolist() == [1, 1, 1, 1]


def test_the_colours_of_a_map_rise_in_lightness() -> None:
    """In grey each variance keeps its rank."""
    red, green, blue, _ = matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, 64)).T
    assert np.all(np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0)


def test_layers_have_a_panel_for_each_width() -> None:
    statistics = table(width=[4, 4, 6, 6], symbol_layer=[1, 0, 0, 1])
    figure, _ = variance_by_layer(statistics)
    assert [axes.get_title() for axes in figure.axes] == ["4 qubits", "6 qubits"]
    assert [points(axes) for axes in figure.axes] == [[[0, 1]], [[0, 1]]]


def test_sigmas_stand_beside_uniform_angles() -> None:
    statistics = table(sigma=[np.nan, 0.1, 1.0])
    figure, _ = variance_by_sigma(statistics)
    (axes,) = figure.axes
    assert points(axes) == [[0.1, 1.0]]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert list(dashed[0].get_ydata()) == [1.1, 1.1]
