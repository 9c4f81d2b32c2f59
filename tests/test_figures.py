"""The figures of any experiment: what they show, read back from their artists."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from barren import columns
from barren.analysis import figures, maps, plots, style, tables
from barren.analysis.drawing import draw_built, draw_circuit
from barren.analysis.figures import CIRCUIT, CURVE, MAP, figures_of
from barren.analysis.selection import at_most, parameters_apart, with_positions
from barren.analysis.statistics import FEWEST
from barren.analysis.words import LONGEST, formula, further
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import Ensemble
from barren.physics.families import FAMILIES, Ansatz, Random
from barren.physics.layered import Gate, Layered, Moment
from barren.runner import layout
from barren.runner.experiment import Experiment
from conftest import ROOT
from strategies import table_of


@dataclass(frozen=True, kw_only=True)
class Ring(Layered):
    """An unknown family: turns about Y, a ring of CNOT gates, no exact form."""

    turns: int
    strength: float = 1.0
    family: ClassVar[str] = "ring"
    title: ClassVar[str] = "ring of CNOT gates"
    kind: ClassVar[str] = "ring"
    layer_key: ClassVar[str] = "turns"
    axis: ClassVar[str] = "Y"

    def moments(self) -> Iterator[Moment]:
        """Each layer turns every qubit and closes the ring."""
        for layer in range(self.turns):
            yield self.rotations(layer)
            for qubit in range(self.width):
                yield [Gate("CNOT", (qubit, (qubit + 1) % self.width))]


@pytest.fixture(autouse=True, scope="module")
def ring() -> Iterator[None]:
    """The family that nobody knows, among the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, Ring.family, Ring)
        yield


def lists(values: Sequence[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


STRUCTURES = {
    "random": {"depth": range(3, 40)},
    "identity": {"block_depth": range(3, 9), "blocks": range(1, 5)},
    "identity_tutorial": {"block_depth": range(3, 9), "blocks": range(1, 5)},
    "ring": {"turns": range(3, 9), "strength": (0.25, 0.5, 2.0)},
}
FURTHER = {
    "sigma": lists((0.01, 0.1, 0.3, 2.5, 30.0), 4),
    "symbol_layer": lists(range(3)),
    "symbol_qubit": lists(range(3)),
    "observable": lists(("Z0", "Z0 Z2", "X1 - 0.5 Z0 Z2", "local", "global"), 4),
}


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """An entry of a configuration: a family with lists of keys."""
    family = draw(st.sampled_from([*STRUCTURES]))
    entry = {"family": family, "width": draw(lists(range(3, 20), 5))}
    entry |= {k: draw(lists(v, 2)) for k, v in STRUCTURES[family].items()}
    further = draw(st.lists(st.sampled_from([*FURTHER]), unique=True, max_size=3))
    return entry | {key: draw(FURTHER[key]) for key in further}


def experiment(entries: Sequence[dict[str, Any]]) -> Experiment:
    config = {
        "ensembles": entries,
        "symbol": {"layer": 0, "qubit": 0},
        "observable": "Z0 Z1",
    }
    return Experiment(config)


def depths_of(ensemble: Ensemble) -> Sequence[int]:
    """The layers that the symbol of a layered circuit may be on."""
    if not isinstance(ensemble, Layered):
        return [0]
    return range(ensemble.symbol_layer + 1, ensemble.symbol_layers + 1)


def made_up(
    experiment: Experiment, samples: int = 9, zeros: float = 0.0, sampled: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Statistics, theory and fits with a variance of its own for each ensemble."""
    keys = experiment.key_columns
    ensembles = list(experiment.ensembles)
    rng = np.random.default_rng(len(ensembles))

    def variances(table: pd.DataFrame) -> pd.DataFrame:
        exact = 10.0 ** rng.uniform(-6, -1, len(table))
        exact[rng.random(len(table)) < zeros] = 0.0
        exact[(table["family"] == "ring").to_numpy()] = np.nan
        deep = np.where(table["family"] == "random", exact / 2, np.nan)
        values = {columns.EXACT_VARIANCE: exact, columns.ASYMPTOTIC_VARIANCE: deep}
        return table.assign(**values, **{columns.BOUND: 1.0})

    curves = dict.fromkeys(
        replace(e, depth=depth) if isinstance(e, Random) else e
        for e in ensembles
        for depth in depths_of(e)
    )
    theory = variances(table_of(curves, keys))
    table = table_of(ensembles, keys).merge(theory, on=keys, how="left")
    unknown = pd.Series(10.0 ** rng.uniform(-6, -1, len(table)))
    variance = table[columns.EXACT_VARIANCE].fillna(unknown).to_numpy() * 1.1
    known = rng.random(len(table)) < sampled
    values = {
        columns.VARIANCE: variance,
        columns.VARIANCE_LOW: variance / 2 if samples > 2 else variance * 0,
        columns.VARIANCE_HIGH: variance * 2 if samples > 2 else variance * 0 + 1,
        columns.STD: np.sqrt(variance * (samples - 1) / samples),
        columns.MEAN: variance * 0,
        columns.SECOND_MOMENT: variance,
        columns.KURTOSIS: variance * 0 + 3,
    }
    values = {key: np.where(known, value, np.nan) for key, value in values.items()}
    statistics = table.assign(**{columns.SAMPLES: known * samples}, **values)
    rest = [key for key in keys if key != columns.WIDTH]
    fits = table[rest].drop_duplicates().reset_index(drop=True)
    fits[columns.CURVE], fits[columns.SLOPE], fits[columns.INTERCEPT] = "sampled", -1, 0
    fits[columns.FREEDOM] = 1
    exact = fits.assign(**{columns.CURVE: "exact", columns.SLOPE: -9})
    return statistics, theory, pd.concat([exact, fits], ignore_index=True)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def points(axes: Axes) -> list[tuple[float, float]]:
    """The places of the sampled points."""
    lines = [bars.lines[0] for bars in axes.containers]
    places = [place for line in lines for place in zip(*line.get_data(), strict=True)]
    return [place for place in places if np.isfinite(place[1])]


def boxes(figure: Figure) -> Iterator[tuple[str, Any]]:
    """Every text of a figure that has a place of its own, and the legend."""
    for axes in figure.axes:
        ticks = [tick.label1 for tick in axes.xaxis._update_ticks()]
        for text in [*ticks, axes.title, axes.xaxis.label]:
            if text.get_visible() and text.get_text():
                yield text.get_text(), text.get_window_extent()
    for text in (t for legend in figure.legends for t in legend.get_texts()):
        yield text.get_text(), text.get_window_extent()
    if figure._supxlabel is not None:
        yield figure._supxlabel.get_text(), figure._supxlabel.get_window_extent()


def assert_readable(figure: Figure) -> None:
    """No text lies on another or outside the figure, no legend on the axes."""
    figure.draw_without_rendering()
    found = list(boxes(figure))
    for (a, one), (b, other) in itertools.combinations(found, 2):
        assert not one.padded(-1).overlaps(other.padded(-1)), (a, b)
    for text, box in found:
        assert box.x0 > -1 and box.x1 < figure.bbox.x1 + 1, text
        assert box.y0 > -1 and box.y1 < figure.bbox.y1 + 1, text
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    for text, axes in itertools.product([*figure.legends, *titles], figure.axes):
        assert not text.get_window_extent().padded(-1).overlaps(axes.bbox)
    assert figure.get_figheight() <= 11


def experiments() -> st.SearchStrategy[Experiment]:
    """Experiments of one to three entries, without ensembles that are named twice."""

    def once(entries: list[dict[str, Any]]) -> Experiment:
        found = experiment(entries)
        unique = {e.name: e for of in entries for e in experiment([of]).ensembles}
        found.__dict__["ensembles"] = tuple(unique.values())
        return found

    return st.lists(entries(), min_size=1, max_size=3).map(once)


def drawn(experiment: Experiment, *how: Any) -> Iterator[tuple[Any, Figure, Any]]:
    """Each variance figure of an experiment, with what it is and its source."""
    tables = made_up(experiment, *how)
    for of in figures_of(experiment.ensembles):
        if of.kind != CIRCUIT:
            yield of, *plots.draw_variance(of, *tables)


@pytest.mark.filterwarnings("error")
@settings(max_examples=14, deadline=None, derandomize=True)
@given(
    experiments(),
    st.sampled_from([2, 9]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.0, 0.6, 1.0]),
)
def test_every_value_stands_where_the_tables_say(
    experiment: Experiment, samples: int, zeros: float, sampled: float
) -> None:
    """Also without an exact form, samples, or a variance above 0."""
    listed = figures_of(experiment.ensembles)
    assert len({of.name for of in listed}) == len(listed)
    assert all(of.captioned(7) and of.title for of in listed)
    for of in listed:
        assert of.fits == ("an exponential fitted" in of.caption)
        is_std = of.quantity == columns.STD
        assert is_std == ("population standard deviation" in of.caption)
        assert ("seed 7" in of.captioned(7)) == (of.kind == CIRCUIT)
    for of, figure, source in drawn(experiment, samples, zeros, sampled):
        check_source(of, source, *made_up(experiment, samples, zeros, sampled)[:2])
        check = check_curves if of.kind == CURVE else check_map
        check(figure, source, of)


def test_bars_of_few_circuits_are_all_that_is_possible() -> None:
    width, *_ = figures_of(Random(width=n, depth=2) for n in (2, 3))
    told = f"with fewer than {FEWEST} circuits all that is possible."
    assert f"bootstrap-t intervals, {told}" in width.caption


def test_a_variance_of_0_may_be_inside_the_light_cone() -> None:
    """As that of R_Z on |0>, before others."""
    circuit = Ansatz(source="a.py:f", width=3)
    pairs = (replace(circuit, observable=of) for of in ("Z0 Z1", "Z0 Z2", "Z1 Z2"))
    (cells,) = (of for of in figures_of(pairs) if of.kind == MAP)
    assert "White: the variance is 0, as where the symbol is outside" in cells.caption


def test_a_series_without_any_number_is_not_named() -> None:
    """Wide circuits that are not sampled and have no exact form."""
    entry = {"family": "ring", "width": [3, 4], "turns": [3, 5]}
    statistics, theory, fits = made_up(experiment([entry]))
    wide = statistics[columns.WIDTH] == 4
    statistics.loc[wide, columns.SAMPLES] = 0
    statistics.loc[wide, [columns.VARIANCE, columns.STD]] = np.nan
    (of,) = (f for f in figures_of(experiment([entry]).ensembles) if f.x == "turns")
    figure, source = plots.draw_variance(of, statistics, theory, fits)
    assert set(source[columns.WIDTH]) == {3, 4}
    assert any("3" in text for text in texts(figure))
    assert not any("4" in text for text in texts(figure))


@pytest.mark.filterwarnings("error")
@settings(max_examples=3, deadline=None, derandomize=True)
@given(experiments(), st.sampled_from([0.0, 0.3]))
def test_figures_are_readable(experiment: Experiment, zeros: float) -> None:
    for _, figure, _ in drawn(experiment, 9, zeros):
        assert_readable(figure)


def check_source(
    of: figures.Figure,
    source: pd.DataFrame,
    statistics: pd.DataFrame,
    theory: pd.DataFrame,
) -> None:
    """The numbers of a figure are those of the tables: of its families, none lost."""
    keys, families = tables.key_columns(theory), [one.family for one in of.families]
    root = np.sqrt if of.quantity == columns.STD else np.asarray
    rest = [key for key in keys if key not in {of.x, of.y}]
    known = theory if of.x == columns.DEPTH else statistics
    if pairs := of.x in columns.QUBITS:
        a, b = (source[key].astype(str) for key in columns.QUBITS)
        source = source.assign(**{columns.OBSERVABLE: "Z" + a + " Z" + b})
        known = known[known[columns.OBSERVABLE].str.fullmatch(r"Z\d+ Z\d+")]
    known = known[known[columns.FAMILY].isin(families)]
    sizes = known.groupby(rest, dropna=False)[columns.FAMILY].transform("size")
    # What has no other point along the axis is left out, where others have.
    assert len(source) == ((sizes > 1).sum() or len(known)) or pairs
    sampled = statistics[statistics[columns.VARIANCE] > 0]
    ends = {"low": columns.VARIANCE_LOW, "high": columns.VARIANCE_HIGH}
    exact = {"exact": columns.EXACT_VARIANCE, "asymptotic": columns.ASYMPTOTIC_VARIANCE}
    told = source[keys].merge(sampled[[*keys, of.quantity]], how="left", on=keys)
    np.testing.assert_array_equal(
        source["sampled"].fillna(0), told.pop(of.quantity).fillna(0)
    )
    for table, names in ((sampled, ends), (theory, exact)):
        values = {name: root(table[column]) for name, column in names.items()}
        told = told.merge(table[keys].assign(**values), how="left", on=keys)
    if of.x in columns.SYMBOL and not of.y:  # each place has a limit of its own
        told["asymptotic"] = np.nan
    for name in (*ends, *exact):
        np.testing.assert_array_equal(source[name].astype(float), told[name])
    if of.fits:  # a line is fitted to samples
        assert source[source[columns.SAMPLES] == 0]["fit"].isna().all()


#: What a title or a label says of a key.
SAID = {
    columns.WIDTH: r"(\d+) qubits",
    columns.DEPTH: r"(?<!block )depth (\d+)",
    columns.SIGMA: r"sigma ([\d.]+)",
    columns.SYMBOL_LAYER: r"symbol on layer (\d+)",
    columns.SYMBOL_QUBIT: r"symbol on qubit (\d+)",
}
WORDS = {columns.VARIANCE: "variance of", columns.STD: "standard deviation of"}
DASHES = {"exact": "-", "infinite depth": ":", "exponential fit": "--"}


def assert_said(said: str, row: pd.Series) -> None:
    """What a title and a label say of a point is what its row says."""
    for key, pattern in SAID.items():
        if key in row and (found := re.search(pattern, said)):
            assert float(found[1]) == float(row[key]), said


def along(figure: Figure, dash: str) -> list[tuple[float, float]]:
    """The points of all lines of one kind, each of which goes from left to right."""
    lines = [line for axes in figure.axes for line in axes.lines]
    data = [line.get_data() for line in lines if line.get_linestyle() == dash]
    assert all(np.all(np.diff(x) > 0) for x, _ in data)
    places = [place for of in data for place in zip(*of, strict=True)]
    return sorted(place for place in places if np.isfinite(place[1]))


def check_lines(figure: Figure, source: pd.DataFrame, of: figures.Figure) -> None:
    """Exact values and limits are those of the rows, and the legend tells of them."""
    has_limit = of.x in {columns.WIDTH, columns.DEPTH}
    for name, value in (("exact", "exact"), ("infinite depth", "asymptotic")):
        shown = (source[value] > 0) & (value == "exact" or has_limit)
        rows = source[shown & source[of.x].notna()]
        expected = sorted(zip(rows[of.x].astype(float), rows[value], strict=True))
        found = along(figure, DASHES[name])
        assert {*found} <= {*expected} and (not found or name in texts(figure))
        assert found == expected or "Shown:" in figure._supxlabel.get_text()
        told = value == "exact" or of.quantity == columns.STD or "Dotted" in of.caption
        assert told or not found
    for handle in figure.legends[0].legend_handles:
        dash = DASHES.get(handle.get_label())
        assert dash is None or handle.get_linestyle() == dash
    (first, *_) = figure.axes
    assert WORDS[of.quantity] in first.get_ylabel() and first.get_yscale() == "log"
    assert first.get_xlabel() == style.axis_label(of.x)


def check_series(figure: Figure, source: pd.DataFrame, of: figures.Figure) -> None:
    """Each interval is about its point; each label says what its points are."""
    looks: dict[Any, set[str]] = {}
    for axes in figure.axes:
        for bars in axes.containers:
            line, _, (verticals,) = bars.lines
            places = [p for p in zip(*line.get_data(), strict=True) if p[1] == p[1]]
            segments = filter(len, verticals.get_segments())
            for (x, y), segment in zip(places, segments, strict=True):
                own = source[(source["sampled"] == y) & (source[of.x] == x)]
                low, high = own[["low", "high"]].iloc[0]
                expected = [min(low, y), max(high, y)]
                np.testing.assert_allclose(segment[:, 1], expected, rtol=1e-9)
                for _, row in own.iterrows():
                    assert_said(f"{axes.get_title()}, {bars.get_label()}", row)
                look = line.get_color(), line.get_marker()
                looks.setdefault(look, set()).add(bars.get_label())
        for text in axes.texts:
            if isinstance(text, Annotation):  # at the end of its curve
                (row,) = (r for _, r in source.iterrows() if r["exact"] == text.xy[1])
                assert_said(text.get_text(), row)
                ends = source.groupby(columns.WIDTH)[of.x].max()
                assert row[of.x] == text.xy[0] == ends[row[columns.WIDTH]]
    # A look is that of one series.
    assert all(len(labels) == 1 for labels in looks.values())


def check_curves(figure: Figure, source: pd.DataFrame, of: figures.Figure) -> None:
    x = of.x
    check_lines(figure, source, of)
    check_series(figure, source, of)
    assert len(figure.axes) <= plots.MOST
    assert len(set(texts(figure))) == len(texts(figure)) <= plots.MOST + 5
    titles = [axes.get_title() for axes in figure.axes]
    assert len(set(titles)) == len(titles)
    rows = source[(source["samples"] > 0) & (source["sampled"] > 1e-9)]
    rows = rows[rows[x].notna()]
    expected = {*zip(rows[x].astype(float), rows["sampled"], strict=True)}
    shown = [point for axes in figure.axes for point in points(axes)]
    assert set(shown) <= expected
    if "Shown:" not in figure._supxlabel.get_text():  # all are shown, each once
        assert len(shown) == len(rows)


def check_places(figure: Figure, source: pd.DataFrame, of: figures.Figure) -> None:
    """Each cell of each map has the value of its row, in the place of its row."""
    *panels, bar = figure.axes
    assert WORDS[of.quantity] in bar.get_ylabel()
    assert panels[-1].get_xlabel() == style.axis_label(of.x)
    assert panels[0].get_ylabel() == style.axis_label(of.y)
    assert "Not drawn" not in figure._supxlabel.get_text()
    shown: list[float] = []
    for axes in panels:
        *_, kind = axes.get_title().split()
        (mesh,) = axes.collections
        across, up = mesh._coordinates[0, :, 0], mesh._coordinates[:, 0, 1]
        assert np.all(np.diff(across) > 0) and np.all(np.diff(up) > 0)
        cells = np.ma.filled(mesh.get_array(), np.nan).reshape(len(up) - 1, -1)
        low, high = mesh.norm.vmin, mesh.norm.vmax
        under, bad = map(to_hex, (mesh.cmap.get_under(), mesh.cmap.get_bad()))
        assert (under, bad) == ("#ffffff", "#cccccc")  # zero, and not known
        for place, value in np.ndenumerate(cells):
            if value > low:
                (row,) = (r for _, r in source[source[kind] == value].iterrows())
                assert across[place[1]] < row[of.x] < across[place[1] + 1]
                assert up[place[0]] < row[of.y] < up[place[0] + 1]
                assert_said(axes.get_title(), row)
                assert value <= high
        shown += [*cells[np.isfinite(cells)]]
    zeros = any(value < low for value in shown)
    assert zeros == (bar._colorbar.extend == "min")


def check_map(figure: Figure, source: pd.DataFrame, of: figures.Figure) -> None:
    x, y = of.x, of.y
    check_places(figure, source, of)
    meshes = [c for axes in figure.axes[:-1] for c in axes.collections]
    assert 1 <= len(meshes) <= 2 * maps.MOST_MAPS
    assert len({id(mesh.norm) for mesh in meshes}) == 1
    rest = [k for k in tables.key_columns(source) if k not in {x, y}]
    if len(source[rest].drop_duplicates()) == 1:
        (low, mesh) = (meshes[-1].norm.vmin, meshes[-1])
        kind = "exact" if source["exact"].notna().any() else "sampled"
        cells = np.ma.filled(mesh.get_array(), np.nan).reshape(
            mesh._coordinates.shape[0] - 1, -1
        )
        across, up = np.unique(source[x]), np.unique(source[y])
        for _, row in source.iterrows():
            cell = cells[list(up).index(row[y]), list(across).index(row[x])]
            value = row[kind]
            if value > 1e-9:
                assert cell == max(value, low)
            else:
                assert not cell >= low


SHIPPED = {
    "config": [
        "gradient_variance_random",
        "gradient_std_random",
        "random_vs_identity",
        "random_vs_identity_std",
        "gradient_variance_by_depth",
        "circuit_random",
        "circuit_identity_tutorial",
    ],
    "mcclean": ["gradient_variance_random", "gradient_variance_by_depth"],
    "grant": ["gradient_variance_by_layer", "circuit_identity"],
    "observables": ["gradient_variance_of_symbols", "gradient_variance_of_observables"],
    "sigma": ["gradient_variance_by_sigma"],
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_experiments_that_are_shipped(name: str) -> None:
    config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    shown = {"symbol": {"layer": 0, "qubit": 0}, "observable": "Z0 Z1"} | config
    names = [of.name for of in figures_of(Experiment(shown).ensembles)]
    assert set(SHIPPED[name]) <= set(names)
    if name == "config":
        assert names == SHIPPED[name]
        listed = figures_of(Experiment(shown).ensembles)
        assert [len(of.families) for of in listed] == [1, 1, 2, 2, 1, 1, 1]
        dotted = ["Dotted" in of.caption for of in listed]
        assert dotted == [True, False, True, False, True, False, False]


def other_digits(function: Any, rng: np.random.Generator) -> Any:
    """The function as another processor may round it: one in the last digit."""

    def rounded(values: Any, out: Any = None) -> Any:
        exact = np.asarray(function(values))
        found = exact + rng.integers(-1, 2, exact.shape) * np.spacing(exact)
        if out is None:
            return found[()]
        out[...] = found
        return out

    return rounded


@pytest.mark.parametrize(
    "name",
    ["gradient_variance_random", "gradient_std_random", "gradient_variance_by_depth"],
)
def test_figures_are_the_same_on_every_processor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which differ in the last digit of logarithms and exponentials."""
    kept = ROOT / "results" / "reference" / "tutorial"
    of = Experiment.read(kept / layout.EXPERIMENT)
    files = (layout.STATISTICS, layout.THEORY, layout.FITS)
    read = [tables.read_table(kept / file) for file in files]
    (figure,) = (figure for figure in figures_of(of.ensembles) if figure.name == name)
    made = []
    for other in range(3):
        for known in ("log10", "exp") if other else ():
            rounded = other_digits(getattr(np, known), np.random.default_rng(other))
            monkeypatch.setattr(np, known, rounded)
        paths = [tmp_path / f"{other}.{form}" for form in style.VARYING]
        style.save(*plots.draw_variance(figure, *read), paths)
        made.append([path.read_bytes() for path in paths])
        monkeypatch.undo()
    assert made[0] == made[1] == made[2]


def test_a_format_is_the_same_whatever_others_are_made(tmp_path: Path) -> None:
    """For print: 300 pixels per inch, fonts as outlines."""
    entry = {"family": "random", "width": [2, 4], "depth": [5]}
    for place, forms in (("all", layout.FORMATS), ("one", ("png",))):
        (tmp_path / place).mkdir()
        paths = [tmp_path / place / f"figure.{form}" for form in forms]
        ((_, figure, source), *_) = drawn(experiment([entry]))
        style.save(figure, source, paths)
    assert b"/FontFile2" in (tmp_path / "all" / "figure.pdf").read_bytes()
    png = (tmp_path / "all" / "figure.png").read_bytes()
    assert png == (tmp_path / "one" / "figure.png").read_bytes()
    assert int.from_bytes(png[16:20], "big") == style.COLUMN_WIDTH * 300


def test_no_key_varies() -> None:
    """The theory has a curve over depth; other families have their circuit alone."""
    names = {
        family: [of.name for of in figures_of(experiment([one]).ensembles)]
        for family, one in (
            ("random", {"family": "random", "width": [4], "depth": [9]}),
            ("ring", {"family": "ring", "width": [4], "turns": [3]}),
        )
    }
    assert names["random"] == ["gradient_variance_by_depth", "circuit_random"]
    assert names["ring"] == ["circuit_ring"]


def test_more_than_is_readable_is_left_out_and_said() -> None:
    many = {"width": [*range(3, 20)], "depth": [5, 9], "sigma": [0.1, *range(1, 8)]}
    found = {
        of.name: (fig, table)
        for of, fig, table in drawn(experiment([{"family": "random", **many}]))
    }
    figure, source = found["gradient_variance_random"]
    assert "Shown: 12 of 16 series." in figure._supxlabel.get_text()
    assert len(source) == 17 * 16
    figure, _ = found["gradient_variance_by_depth"]
    assert "12 of 17 series" in figure._supxlabel.get_text()
    assert_readable(found["gradient_variance_random"][0])


@pytest.mark.parametrize(
    "keys",
    [
        {"observable": [" + ".join(f"X{n} Y{n + 1}" for n in range(0, 16, 2))]},
        {"observable": ["Z0 Z1", "Z0 Z2", "Z1 Z2"], "sigma": [0.125, 0.25]},
        {"symbol_layer": [0, 1, 2, 7], "symbol_qubit": [0, 1, 15], "sigma": [0.125]},
    ],
    ids=["a long observable", "pairs of maps", "gaps in maps"],
)
def test_crowded_figures_are_readable(keys: dict[str, Any]) -> None:
    entry = {"family": "random", "width": [16, 18], "depth": [30, 40]} | keys
    for _, figure, _ in drawn(experiment([entry])):
        assert_readable(figure)


def test_marks_side_by_side_are_told_apart() -> None:
    """At most a mark's width over the next, of as many as the axis has."""
    entry = {"family": "random", "width": [4], "depth": [90]}
    layers = experiment([entry | {"symbol_layer": [*range(90)]}])
    ((_, figure, _),) = (x for x in drawn(layers) if x[0].x == "symbol_layer")
    figure.draw_without_rendering()
    points = figure.axes[0].bbox.width / figure.dpi * 72
    sizes = [line.get_markersize() for line in figure.axes[0].lines]
    assert max(sizes) <= 2 * points / 90


def test_theory_alone_has_no_marker() -> None:
    of, figure, source = next(
        drawn(
            experiment([{"family": "random", "width": [3, 5], "depth": [9]}]),
            9,
            0.0,
            0.0,
        )
    )
    assert of.fits and points(figure.axes[0]) == []
    assert {"depth 9", "exact", "infinite depth"} == {*texts(figure)}
    (line,) = (
        x
        for x in figure.axes[0].lines
        if x.get_linestyle() == "-" and len(x.get_xdata())
    )
    np.testing.assert_array_equal(line.get_xdata(), [3, 5])
    np.testing.assert_array_equal(line.get_ydata(), source["exact"])


def test_fits_are_drawn_over_the_sampled_widths() -> None:
    _, figure, _ = next(
        drawn(experiment([{"family": "random", "width": [3, 5], "depth": [9]}]))
    )
    fit = figure.axes[0].lines[0]
    np.testing.assert_array_equal(fit.get_xdata(), [3, 5])
    np.testing.assert_allclose(fit.get_ydata(), np.exp([-3.0, -5.0]))
    assert "depth 9, \N{MINUS SIGN}1.000/qubit" in texts(figure)


def test_two_points_have_no_fit() -> None:
    entry = {"family": "random", "width": [3, 5], "depth": [9]}
    statistics, theory, fits = made_up(experiment([entry]))
    fits[columns.FREEDOM] = 0
    of = figures_of(experiment([entry]).ensembles)[0]
    figure, source = plots.draw_variance(of, statistics, theory, fits)
    assert source["fit"].isna().all() and "exponential fit" not in texts(figure)


def test_variances_of_zero_are_told_of() -> None:
    entry = {"family": "random", "width": [3, 5], "depth": [9], "symbol_qubit": [0, 1]}
    statistics, theory, fits = made_up(experiment([entry]))
    zero = statistics[columns.SYMBOL_QUBIT] == 1
    statistics.loc[zero, [columns.VARIANCE, columns.STD, columns.EXACT_VARIANCE]] = 0
    of = figures_of(experiment([entry]).ensembles)[0]
    figure, _ = plots.draw_variance(of, statistics, theory, fits)
    said = figure._supxlabel.get_text()
    assert "Not drawn: 2 of 4 variances, which are 0." in said
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["all 0"]
    assert "depth 9" in texts(figure)


def test_a_sampled_variance_of_zero_is_told_of_beside_an_exact_one() -> None:
    entry = {"family": "random", "width": [3, 5], "depth": [9]}
    statistics, theory, fits = made_up(experiment([entry]))
    statistics.loc[0, [columns.VARIANCE, columns.STD]] = 0
    of = figures_of(experiment([entry]).ensembles)[0]
    figure, _ = plots.draw_variance(of, statistics, theory, fits)
    said = figure._supxlabel.get_text()
    assert "Not drawn: 1 of 2 variances, which are 0." in said


def test_a_function_whose_variances_are_0_is_in_the_legend() -> None:
    own = {"family": "ansatz", "width": [2, 3], "parameters": "all"}
    entries = [own | {"circuit": f"own.py:{name}"} for name in ("one", "none")]
    statistics, theory, fits = made_up(experiment(entries))
    zero = statistics[columns.CIRCUIT_OF] == "none"
    statistics.loc[zero, [columns.VARIANCE, columns.STD, columns.EXACT_VARIANCE]] = 0
    of = figures_of(experiment(entries).ensembles)[0]
    figure, _ = plots.draw_variance(of, statistics, theory, fits)
    assert {"one", "none"} <= {text.partition(",")[0] for text in texts(figure)}


@pytest.mark.parametrize("key", ["sigma", "turns", "width"])
def test_nothing_may_be_known(tmp_path: Path, key: str) -> None:
    """Neither sampled nor exact: the figure is drawn, and says so."""
    entry = {"family": "ring", "width": [3], "turns": [3]}
    values = {"sigma": [0.1, 0.3], "turns": [3, 5], "width": [3, 4]}
    (_, figure, source), *_ = drawn(
        experiment([entry | {key: values[key]}]), 9, 0.0, 0.0
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["not known"]
    style.save(figure, source, [tmp_path / "of.png"])


def own(**keywords: Any) -> dict[str, Any]:
    entry = {"family": "ansatz", "circuit": "own.py:brick", "width": [3, 4]}
    return entry | {"parameters": "first"} | keywords


def test_a_caption_tells_of_the_limit_where_there_is_one() -> None:
    random = {"family": "random", "width": [3], "depth": [1, 2]}
    for entry, has_limit in ((random, True), (own(width=[3], depth=[1, 2]), False)):
        listed = figures_of(experiment([entry]).ensembles)
        (caption,) = (of.caption for of in listed if of.x == columns.DEPTH)
        assert ("the limit of infinite depth" in caption) == has_limit


def test_what_differs_between_functions_alone_has_no_figure() -> None:
    """No curve has two points of it."""
    every = {"parameters": "all", "width": [4]}
    other = own(circuit="own.py:other", width=[3], depth=5, parameters="all")
    listed = figures_of(experiment([own(depth=2) | every, other]).ensembles)
    assert [of.x for of in listed if of.kind == CURVE] == [columns.PARAMETER]


@pytest.mark.parametrize("key", ["depth", "turns", "shift"])
def test_panels_go_as_far_as_each_other(key: str) -> None:
    """Also one of variances that are all 0, or with few of the values."""
    few = own(**{key: [-2, 3]}, width=[3], observable=["Z0", "Z1"], mixed=True)
    more = own(**{key: [-2, 3, 9]}, width=[3], mixed=False)
    entries = (
        [few, more]
        if key == "shift"
        else [of | {key: [n + 3 for n in of[key]]} for of in (few, more)]
    )
    statistics, theory, fits = made_up(experiment(entries))
    for table in (statistics, theory):
        zero = table[columns.OBSERVABLE] == "Z1"
        names = {columns.VARIANCE, columns.STD, columns.EXACT_VARIANCE} & {*table}
        table.loc[zero, [*names]] = 0
    (of,) = (f for f in figures_of(experiment(entries).ensembles) if f.x == key)
    figure, _ = plots.draw_variance(of, statistics, theory, fits)
    assert len(figure.axes) == 3
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


def test_a_legend_names_what_varies() -> None:
    """Of each function its own keywords."""
    other = own(circuit="own.py:other", turns=7, closed=True)
    one = own(depth=[2, 5], layout="line")
    (_, alone, _), *_ = drawn(experiment([one]))
    assert {"depth 2", "depth 5"} <= {text.split(", −")[0] for text in texts(alone)}
    (_, figure, _), *_ = drawn(experiment([one, other]))
    found = " ".join(texts(figure))
    assert "brick, depth 5" in found and "layout" not in found
    assert "other" in found and "turns" not in found and "closed" not in found


def test_a_line_is_exact_at_every_depth_or_has_marks() -> None:
    for entry, marker in (
        ({"family": "random", "width": [3, 4], "depth": [5, 9]}, "None"),
        (own(depth=[2, 5]), "_"),
    ):
        (figure,) = (
            figure for of, figure, _ in drawn(experiment([entry])) if of.x == "depth"
        )
        lines = [x for x in figure.axes[0].lines if x.get_linestyle() == "-"]
        assert {line.get_marker() for line in lines} == {marker}


def test_a_long_observable_is_cut_and_told_apart() -> None:
    common = " + ".join(f"0.5 X{n} Y{n + 1}" for n in range(9))
    first, second = (formula(f"{common} - Z{n}") for n in (1, 2))
    assert formula("z0 z1 + 0.50 x1") == "0.5 X1 + Z0 Z1"
    assert first != second and max(map(len, (first, second))) < LONGEST
    assert "10 terms" in first
    assert further(Random(width=3, depth=2), {"sigma"}) == ["uniform angles"]


@pytest.mark.parametrize(
    ("names", "told", "fitted"),
    [
        (("abc", "acb"), [*"abcacb"], True),
        (("a", "a"), [None, None], True),
        (("a", "b"), [None, None], False),
    ],
    ids=["several by name", "the first", "the first of other names"],
)
def test_curves_join_parameters_of_one_name_or_the_first_of_each(
    names: tuple[str, str], told: list[str | None], fitted: bool
) -> None:
    """A fit is of a name: of first ones of other names it would be of neither."""
    keys = {"family": "ansatz", "circuit": "f", "observable": "Z0", "sigma": None}
    rows = [
        keys | {"width": width, "parameter": name, "fit": 1.0, "slope": -1.0}
        for width, of_width in zip((2, 3), names, strict=True)
        for name in of_width
    ]
    source = with_positions(pd.DataFrame(rows))
    places = [*range(1, len(names[0]) + 1)] * 2
    assert [*source["position"]] == places
    shown = parameters_apart(source, "width")
    assert [None if pd.isna(name) else name for name in shown["parameter"]] == told
    assert shown[["fit", "slope"]].notna().all(axis=None) == fitted
    assert [*parameters_apart(source, "parameter")["parameter"]] == places


def test_formulas_that_cannot_be_read_are_text(tmp_path: Path) -> None:
    """As the names of symbols may have them."""
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], label=r"$\bm{\theta}_0$")
    axes.set_xticks([0, 1], [r"$\theta_0$", r"$\frac"])
    axes.set_title(r"a$, \frac$")
    axes.legend()
    style.save(figure, pd.DataFrame({"width": [1]}), [tmp_path / "figure.pdf"])
    assert (tmp_path / "figure.pdf").stat().st_size > 1000
    parsed = {text.get_text(): text.get_parse_math() for text in figure.findobj(Text)}
    assert parsed[r"$\theta_0$"] and not parsed[r"a$, \frac$"]
    assert not parsed[r"$\bm{\theta}_0$"]


def test_formulas_are_read_line_by_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As Matplotlib draws them: no line's end is looked for in a font."""
    figure = Figure()
    texts = [figure.text(0, at, f"$R_X$\n${of}$") for at, of in ((0, "1"), (1, r"\x"))]
    style.save(figure, pd.DataFrame({"width": [1]}), [tmp_path / "figure.png"])
    assert [text.get_parse_math() for text in texts] == [True, False]
    assert not caplog.records


def test_sigmas_stand_beside_uniform_angles() -> None:
    ensembles = [{"family": "random", "width": [4], "depth": [9]}]
    ensembles.append(ensembles[0] | {"sigma": [0.1, 1.0]})
    ((_, figure, source),) = (
        x for x in drawn(experiment(ensembles)) if x[0].x == "sigma"
    )
    assert [x for x, _ in points(figure.axes[0])] == [0.1, 1.0]
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    uniform = source.loc[source["sigma"].isna(), "exact"].item()
    assert list(dashed[0].get_ydata()) == [uniform, uniform]


@pytest.mark.parametrize("family", ["random", "ring"])
def test_a_map_puts_every_value_in_its_place(family: str) -> None:
    """Zeros are white, below the scale."""
    entry = {"family": family, "width": [4], "symbol_layer": [0, 1, 2]}
    entry |= {key: [3] for key in STRUCTURES[family]} | {"symbol_qubit": [0, 3]}
    found = [x for x in drawn(experiment([entry]), 9, 0.3) if x[0].kind == MAP]
    ((of, figure, source),) = found
    check_map(figure, source, of)


def test_a_map_of_observables_has_each_in_its_place() -> None:
    entry = {"family": "random", "width": [4], "depth": [3]}
    one = experiment([entry | {"observable": ["Z0 Z1", "Z0 Z2", "Z1 Z2"]}])
    ((of, figure, source),) = (x for x in drawn(one) if x[0].kind == MAP)
    check_source(of, source, *made_up(one)[:2])
    check_map(figure, source, of)


def test_the_colours_of_a_map_rise_in_lightness() -> None:
    """In grey each variance keeps its rank."""
    red, green, blue, _ = matplotlib.colormaps[style.COLOUR_MAP](
        np.linspace(0, 1, 64)
    ).T
    assert np.all(np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0)


ANGLES = {"theta": r"\theta", "-phi": r"-\varphi", "-theta_0": r"-\theta_0"}
ANGLES["pi/4"] = r"\pi/4"
DAGGERS = ("", r"^\dagger")


@pytest.mark.parametrize("family", [*STRUCTURES])
def test_a_drawing_has_every_gate_in_an_order_that_is_the_circuit(family: str) -> None:
    """Gates may change places only where they commute: on other qubits, or both CZ."""
    (small,) = FAMILIES[family].displayed([])
    assert isinstance(small, Layered)
    circuits = sample_circuits(small, 3, [0])
    figure, source = draw_circuit(small, circuits)

    wires: dict[int, list[Any]] = {}
    for gate in itertools.chain.from_iterable(small.moments()):
        angle = float(circuits.angle(gate)[0]) if gate.name == "R" else 0.0
        for qubit in gate.qubits:
            wires.setdefault(qubit, []).append((gate.name[:2], gate.qubits[0], angle))
    drawn_on: dict[int, list[Any]] = {}
    for _, row in source.iterrows():
        name = "R" if row["gate"] in ("RX", "RY", "RZ") else row["gate"][:2]
        other = row.get("other", row["qubit"] + 1)
        on = [row["qubit"]] if name == "R" else [row["qubit"], other]
        angle = row["angle"] if name == "R" else 0.0
        for qubit in on:
            drawn_on.setdefault(int(qubit), []).append((name, int(row["qubit"]), angle))
    for qubit, gates in wires.items():
        runs = [
            [
                sorted(run) if commute else list(run)
                for commute, run in itertools.groupby(of, lambda gate: gate[0] == "CZ")
            ]
            for of in (gates, drawn_on[qubit])
        ]
        assert runs[0] == runs[1]
    assert list(source["symbol"]).count("theta") == 1
    assert source["column"].is_monotonic_increasing
    # What is drawn is what the source says; theta and what is opposite are shaded.
    (axes,) = figure.axes
    said = {text.get_position(): text for text in axes.texts}
    for _, row in source[source["angle"].notna()].iterrows():
        text, symbol = said[row["column"], row["qubit"]], row["symbol"]
        number = f"{row['angle']:.2f}".replace("-", "\N{MINUS SIGN}")
        shown = f"${ANGLES[symbol]}$" if symbol in ANGLES else number
        assert text.get_text() == f"$R_{row['gate'][1]}$\n{shown}"
        patch = text.get_bbox_patch()
        assert patch is not None
        shaded = to_hex(patch.get_facecolor()) != "#ffffff"
        assert shaded == (symbol in {"theta", "-phi", "-theta_0"})
    opposite = {"identity": ["-theta_0"], "identity_tutorial": ["-phi"]}
    symbols = [of for of in source["symbol"].fillna("") if of not in {"", "pi/4"}]
    assert sorted(symbols) == [*opposite.get(family, []), "theta"]
    names = [text.get_text() for text in axes.texts if "U_" in text.get_text()]
    halves = itertools.product(range(1, getattr(small, "blocks", 0) + 1), DAGGERS)
    assert names == [f"$U_{number}{dagger}$" for number, dagger in halves]
    marks = [line.get_marker() for line in axes.lines]
    cnots = [*source["gate"]].count("CNOT")
    assert marks.count("+") == cnots
    assert marks.count(".") == cnots + 2 * [*source["gate"]].count("CZ")
    boxes = [text for text in figure.axes[0].texts if text.get_bbox_patch()]
    ((_, string),) = small.terms  # measured
    assert len(boxes) == source["angle"].notna().sum() + len(string)


def test_a_drawing_of_ones_own_circuit_has_all_of_it_or_says_what() -> None:
    """No line crosses a gate; an X is a cross at the end of a line alone."""
    moment = [[[0, 2], ["@", "X"]], [[1], ["X"]]]
    ensemble = Random(width=3, depth=1, observable="X0 + Z1")
    figure, source = draw_built({"drawing": [moment]}, ensemble)
    assert [*source["column"]] == [0, 0, 1] and [*source["qubit"]] == [0, 2, 1]
    (axes,) = figure.axes
    said = [(text.get_position(), text.get_text()) for text in axes.texts[3:]]
    assert said == [((1, 1), "X"), ((2, 0), "O"), ((2, 1), "O")]
    assert [line.get_marker() for line in axes.lines].count("+") == 1
    figure, source = draw_built({"drawing": 20 * [moment]}, ensemble)
    drawn = [text.get_text() for text in figure.axes[0].texts[3:]]
    assert len(source) == 60 and drawn == 6 * ["X"] + ["13 of 40 columns"]


@pytest.mark.parametrize("label", ["FSim(0.5π, 0.167π)", "PhISwap(0.25)^2*t0/pi"])
def test_labels_of_cirqs_gates_are_whole(label: str) -> None:
    built = {"drawing": [[[[0, 1], [label, label]]]]}
    figure, _ = draw_built(built, Random(width=2, depth=1))
    gate, *_ = figure.axes[0].texts[2:]
    assert re.sub(r"\s", "", gate.get_text()) == label.replace(" ", "")


def test_parameters_have_their_names_where_all_circuits_have_them() -> None:
    entry = own(width=[3], depth=[1, 2])
    *tables, fits = made_up(experiment([entry]))
    tables = [t.drop(columns=columns.PARAMETER, errors="ignore") for t in tables]
    asked = experiment([entry | {"parameters": "all"}])
    (of,) = (of for of in figures_of(asked.ensembles) if of.x == columns.PARAMETER)
    for deep, told in (("ab", {1: "a", 2: "b"}), ("ba", {})):
        rows = [(1, "a"), (1, "b"), *((2, name) for name in deep)]
        names = pd.DataFrame(rows, columns=[columns.DEPTH, columns.PARAMETER])
        (axes,) = plots.draw_variance(of, *(t.merge(names) for t in tables), fits)[
            0
        ].axes
        labels = [label.get_text() for label in axes.get_xticklabels()]
        found = dict(zip(axes.get_xticks(), labels, strict=True))
        assert {at: name for at, name in found.items() if name in {*"ab"}} == told


@pytest.mark.filterwarnings("error")
def test_many_curves_are_named_at_their_ends() -> None:
    """Where none is 0, and all are apart."""
    entry = {"family": "random", "width": [*range(3, 12)], "depth": [5, 30]}
    statistics, theory, fits = made_up(experiment([entry]))
    falling = 1 + 1 / theory[columns.DEPTH]
    theory[columns.EXACT_VARIANCE] = 2.0 ** -theory[columns.WIDTH] * falling
    listed = figures_of(experiment([entry]).ensembles)
    (of,) = (of for of in listed if of.x == columns.DEPTH)
    for ends in (9, 0):
        figure, source = plots.draw_variance(of, statistics, theory, fits)
        check_series(figure, source, of)
        assert [isinstance(t, Annotation) for t in figure.axes[0].texts] == ends * [
            True
        ]
        theory.loc[0, columns.EXACT_VARIANCE] = 0.0


def test_below_a_figure_stands_what_is_the_same_in_all_of_it() -> None:
    entry = {"family": "random", "width": [3, 5], "depth": [4]}
    pairs = entry | {"observable": ["Z0 Z1", "Z0 Z2", "Z1 Z2"]}
    for one, expected in (
        (entry, {"gradient_variance_random": "depth 4, O = X0, 9 circuits each"}),
        (
            pairs,
            {
                "gradient_variance_random": "depth 4, 9 circuits each",
                "gradient_variance_of_observables": (
                    "depth 4, O = Z$_a$Z$_b$, 9 circuits each"
                ),
            },
        ),
    ):
        found = {
            of.name: plots.draw_variance(of, *made_up(experiment([one])), "X0")[0]
            for of in figures_of(experiment([one]).ensembles)
            if of.kind != CIRCUIT
        }
        for name, said in expected.items():
            assert found[name]._supxlabel.get_text() == said


def test_which_figures_there_are() -> None:
    """No axis of booleans; no map of two pairs; parameters, if one asks for them."""
    random = {"family": "random", "width": [3], "depth": [4]}
    pairs = {"observable": ["Z0 Z1", "Z0 Z2", "Z0 Z1 Z2"]}
    other = own(circuit="own.py:other", parameters="all", closed=[True, False])
    found = figures_of(experiment([random | pairs, own(), other]).ensembles)
    assert not {"closed", *columns.QUBITS} & {of.x for of in found}
    assert columns.PARAMETER in {of.x for of in found}
    drawn = [of for of in found if of.kind == CIRCUIT]
    assert len(drawn) == 3
    assert ["Cirq's labels" in of.caption for of in drawn] == [False, True, True]


@pytest.mark.parametrize(
    ("sizes", "most", "left"),
    [
        ({"depth": 30}, 12, {"depth": 12}),
        ({"depth": 5, "observable": 4}, 12, {"depth": 3, "observable": 4}),
        ({"family": 2, "depth": 9, "sigma": 3}, 12, {"family": 2, "depth": 2}),
        ({"depth": 2, "sigma": 2, "blocks": 2}, 4, {"blocks": 2}),
    ],
)
def test_what_is_left_out_leaves_some_of_each_key(
    sizes: dict[str, int], most: int, left: dict[str, int]
) -> None:
    """Of crossed lists a figure shows crossed lists, with the ends of each."""
    every = [*itertools.product(*map(range, sizes.values()))]
    table = pd.DataFrame(every, columns=[*sizes]).assign(exact=1.0, sampled=np.nan)
    notes: list[str] = []
    shown = at_most(table, [*sizes], most, "series", notes)
    assert len(shown) <= most < len(table)
    assert notes == [f"{len(shown)} of {len(table)} series"]
    assert len(shown) == np.prod([shown[key].nunique() for key in sizes])
    for key, count in left.items():
        assert shown[key].nunique() == count
        assert {0, sizes[key] - 1} <= {*shown[key]}


def test_what_is_left_out_leaves_every_family() -> None:
    """What has no depth is not thinned with the depths."""
    random = pd.DataFrame({"family": "random", "depth": range(40)})
    blocks = pd.DataFrame({"family": "identity", "blocks": range(3)})
    table = pd.concat([random, blocks], ignore_index=True)
    keys, table = [*table], table.assign(exact=1.0, sampled=np.nan)
    shown = at_most(table, keys, 12, "series", [])
    assert len(shown) <= 12
    assert shown.groupby("family").size().to_dict() == {"random": 9, "identity": 3}


def test_what_is_left_out_leaves_every_function() -> None:
    """However much is crossed of another one."""
    crossed = itertools.product(["many"], "ab", [1, 2], [3.0, 4.0], [True, False])
    many = pd.DataFrame(crossed, columns=["circuit", "kind", "depth", "tilt", "ring"])
    one = pd.DataFrame({"circuit": ["other"], "depth": 1})
    table = pd.concat([many, one], ignore_index=True)
    keys, table = [*table], table.assign(exact=1.0, sampled=np.nan)
    shown = at_most(table, keys, 5, "series", [])
    assert shown.groupby("circuit").size().to_dict() == {"many": 4, "other": 1}


def test_powers_have_room_on_a_logarithmic_axis() -> None:
    depths = {
        "scale": [1, 2, 4, 16, 64],
        "linear": [2, 8, 32],
        "many": [50, 51, 52, 99],
    }
    for name, values in depths.items():
        entry = {"family": "ansatz", "circuit": "f.py:f", "width": [3, 4]}
        for of, figure, _ in drawn(experiment([entry | {"depth": values}])):
            if of.x == columns.DEPTH:
                (axes,) = figure.axes
                assert (axes.get_xscale() == "log") == (name == "scale")
                assert_readable(figure)


def test_titles_in_capitals_have_room() -> None:
    """Three panels side by side."""
    models = [f"HEISENBERG XXZ MODEL {n}" for n in "ABC"]
    for of, figure, _ in drawn(experiment([own(depth=[2, 5], HAMILTONIAN=models)])):
        if of.x == columns.DEPTH:
            assert len(figure.axes) == 3
            assert_readable(figure)


def test_panels_without_a_place_on_the_axis_are_left_out() -> None:
    """Many of uniform angles beside one with a sigma."""
    other = {"family": "random", "width": [3], "depth": [9], "sigma": [0.3]}
    for many in ({"depth": [*range(20, 40)]}, {"width": [*range(4, 20)]}):
        entry = other | many
        del entry["sigma"]
        (figure,) = (
            figure
            for of, figure, _ in drawn(experiment([entry, other]))
            if of.x == columns.SIGMA
        )
        assert [x for x, _ in points(figure.axes[0])] == [0.3]


def test_zeros_are_left_out_first() -> None:
    table = pd.DataFrame({"qubit": range(40), "exact": 0.0, "sampled": np.nan})
    table.loc[[3, 17, 18], "sampled"] = 0.1
    notes: list[str] = []
    shown = at_most(table, ["qubit"], 12, "panels", notes)
    assert [*shown["qubit"]] == [3, 17, 18] and notes == ["3 of 40 panels"]
    none = at_most(table.assign(sampled=0.0), ["qubit"], 12, "panels", notes)
    assert len(none) == 12


def test_a_figure_says_the_values_of_what_it_shows() -> None:
    """Of keys that vary in the experiment, and not in what is left of it."""
    keys = {
        "depth": ([6, 24], "depth"),
        "sigma": ([0.125, 1.0], "sigma"),
        "symbol_layer": ([0, 5], "layer"),
        "symbol_qubit": ([0, 2], "qubit"),
        "observable": (["Z0 Z1", "local"], "(observable|O =)"),
    }
    entry = {"family": "random", "width": [3, 5, 8]}
    entry |= {key: values for key, (values, _) in keys.items()}
    found = drawn(experiment([entry]))
    assert sum("Shown:" in figure._supxlabel.get_text() for _, figure, _ in found) > 2
    for of, figure, _ in drawn(experiment([entry])):
        said = [figure._supxlabel.get_text().split("Shown:")[0]]
        said += [axes.get_title() for axes in figure.axes]
        said += texts(figure) if figure.legends else []
        for key, (_, word) in keys.items():
            assert key in {of.x, of.y} or re.search(word, " ".join(said)), (
                of.name,
                key,
            )


def test_a_figure_says_what_is_left_of_one_family_of_several() -> None:
    blocks = {"family": "identity", "width": [3, 5, 8], "block_depth": [2]}
    deep = own(width=[3, 5, 8], depth=[1, 2, 3], turns=[*range(9)], axis=[*"xyz"])
    figures = drawn(experiment([blocks | {"blocks": [2]}, deep]))
    both = (f._supxlabel.get_text() for of, f, _ in figures if "_vs_" in of.name)
    for said in both:
        assert "block depth 2, blocks 2" in said and "family" not in said


def test_several_observables_have_a_figure_at_one_width() -> None:
    observables = {"observable": ["Z0", "X0 Y1", "global"]}
    entries = [
        {"family": "random", "width": [4], "depth": [6]} | observables,
        {"family": "ring", "width": [4], "turns": [3]} | observables,
    ]
    names = [of.name for of in figures_of(experiment(entries[:1]).ensembles)]
    assert names == ["gradient_variance_by_depth", "circuit_random"]
    names = [of.name for of in figures_of(experiment(entries).ensembles)]
    assert {"gradient_variance_by_depth", "gradient_variance_ring"} < {*names}


def test_every_family_with_a_key_that_varies_is_in_a_figure() -> None:
    """Also one of which nothing varies that has a figure, beside one with a map."""
    pairs = {"observable": ["Z0 Z1", "Z0 Z2", "Z1 Z2", "X0"]}
    entries = [
        {"family": "random", "width": [4], "depth": [6]} | pairs,
        {"family": "identity", "width": [4], "block_depth": [3], "blocks": [2]}
        | {"observable": ["Z0 Z1", "X3"]},
    ]
    found = figures_of(experiment(entries).ensembles)
    shown = {of for figure in found if figure.kind != CIRCUIT for of in figure.families}
    assert {of.family for of in shown} == {"random", "identity"}


def test_what_is_told_apart_stands_in_the_order_of_the_file() -> None:
    order = ["local", "Z0 Z1", "global"]
    entry = {"family": "random", "width": [3, 5], "depth": [4], "observable": order}
    (figure, _), *_ = (found[1:] for found in drawn(experiment([entry])))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [f"observable {observable}" for observable in order]


def test_what_differs_between_functions_alone_is_told() -> None:
    """Observable and sigma, though each function has but one."""
    entries = [
        {
            "family": "ansatz",
            "circuit": f"f.py:{name}",
            "width": [2, 3],
            "depth": depth,
            "observable": [observable],
            "sigma": [sigma],
        }
        for name, depth, observable, sigma in (
            ("one", 1, "local", 0.5),
            ("two", 2, "global", 1.0),
        )
    ]
    (figure, _), *_ = (found[1:] for found in drawn(experiment(entries)))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["observable local", "observable global"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "one, sigma 0.5"
    assert labels[1] == "two, sigma 1"


def test_a_panel_of_several_functions_has_the_name_of_none() -> None:
    entry = {"family": "ansatz", "width": [2, 3], "depth": [1]}
    both = [
        entry | {"circuit": "f.py:first"},
        entry | {"circuit": "f.py:second", "observable": ["Z0 Z1", "local"]},
    ]
    (figure, _), *_ = (found[1:] for found in drawn(experiment(both)))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["observable Z0 Z1", "observable local"]
