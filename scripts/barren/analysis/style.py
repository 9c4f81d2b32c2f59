"""The style of every figure, the same to the byte wherever it is drawn.

Sizes are inches at a journal's column widths. Colours are those of Okabe and Ito, told
apart by the colour-blind; markers and dashes tell the series apart in grey too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from fontTools import subset
from matplotlib import font_manager, textpath
from matplotlib.backends import backend_agg
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.scale import LogTransform
from matplotlib.text import Text

from barren import columns
from barren.analysis import figures
from barren.analysis.tables import write_table

COLUMN_WIDTH = 3.4
PAGE_WIDTH = 7.0
#: A heat map's colours: lightness rises evenly, for the colour-blind and in grey.
COLOUR_MAP = "cividis"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

QUANTITIES = {columns.VARIANCE: "variance of", columns.STD: "standard deviation of"}

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    # Of the axis, beyond the data: by 1 / 20 some limits are half of a decimal away,
    # which one processor rounds up and another one down.
    "axes.xmargin": 1 / 21,
    "axes.ymargin": 1 / 21,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Fonts as outlines a printer accepts; identifiers that do not change.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "barren",
}
#: Of formulas; one for all renderers, as it remembers those that it has read.
MATH = MathTextParser("path")
#: Dots per inch of a PNG, and of what a PDF has as pixels.
DPI = 300
#: Of a place on a logarithmic axis: below what is seen, above what processors round.
DECIMALS = 8
#: The tables of a font that an embedded one must have (PDF 32000-1, 9.9).
OUTLINES = {"GlyphOrder", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "post"}
#: The metadata of a format that are left out because they vary.
VARYING = {
    "pdf": ("CreationDate", "Creator", "Producer"),
    "svg": ("Date", "Creator"),
    "png": ("Software",),
}


for _drawing in (textpath, backend_agg):
    _drawing.MathTextParser = lambda output: MATH  # type: ignore[attr-defined]

_load_font = subset.load_font


def _load_outlines(path: Any, options: subset.Options) -> Any:
    """What a PDF needs of a font: no hints, no characters, no rules for its glyphs.

    The rest takes longer to read than all else to draw, and more room.
    """
    options.hinting = False
    font = _load_font(path, options, dontLoadGlyphNames=True)
    for table in {*font.keys()} - OUTLINES:
        del font[table]
    return font


subset.load_font = _load_outlines

_logarithm = LogTransform.transform_non_affine


def _rounded_logarithm(self: Any, values: Any) -> Any:
    """Places on a logarithmic axis, the same whatever a processor's last digits are.

    With other ones the points of a straight line are joined otherwise, and pixels at
    its edges differ.
    """
    exact: Any = _logarithm(self, values)
    return np.round(exact, DECIMALS)


LogTransform.transform_non_affine = _rounded_logarithm  # type: ignore[method-assign]

# Of settings and fonts, Matplotlib's own alone: neither those of the machine nor what
# the home folder has of its user or of whoever drew here before.
matplotlib.rcdefaults()
font_manager.fontManager.ttflist = []
for _font in sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf")):
    font_manager.fontManager.addfont(_font)


def save(figure: Figure, source: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Write a figure in each format, and its source data as CSV."""
    with matplotlib.rc_context(STYLE):
        figure.dpi = DPI
        FigureCanvasAgg(figure)
        for text in figure.findobj(Text):
            try:  # names may have any formulas
                for line in filter(is_math_text, text.get_text().split("\n")):
                    MATH.parse(line, prop=text.get_fontproperties())
            except ValueError:
                text.set_parse_math(False)
        if layout := figure.get_layout_engine():
            layout.execute(figure)  # once for all formats
            figure.set_layout_engine(None)
        for path in paths:
            if path.suffix == ".csv":
                write_table(source, path)
            else:
                metadata = dict.fromkeys(VARYING[path.suffix[1:]])
                figure.savefig(path, dpi=DPI, metadata=metadata)


def axis_label(key: str) -> str:
    """A key along an axis, with its unit."""
    return figures.axis(key).replace("sigma", r"$\sigma$")


def quantity_label(quantity: str) -> str:
    """The quantity of a figure."""
    return rf"{QUANTITIES[quantity]} $\partial_\theta\langle O\rangle$"
