"""Numbers, text and tables as LaTeX."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

import pandas as pd

_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "×": r"\ensuremath{\times}",
        "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    }
)
#: Greek letters that have a macro; others look like Latin ones.
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
    "Phi Psi Omega"
)
_ACCESS = r"""\providecommand{\barren}[1]{%
  \ifcsname barren:#1\endcsname\csname barren:#1\endcsname
  \else\errmessage{numbers.tex has no number #1}\fi}
\def\barrendefine#1#2{\expandafter\def\csname barren:#1\endcsname{#2}}"""

#: Rows of a table that have room on a page.
PAGE = 45
_BEFORE = r"""\par\begingroup\footnotesize\setlength{\tabcolsep}{3pt}%
\setbox0=\hbox{%
"""
_AFTER = r"""}%
\noindent\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\box0}\else\leavevmode\box0\fi
\endgroup
"""


def escape(text: str) -> str:
    """Text as LaTeX that prints it, with quotation marks of either side."""
    plain = re.sub('"([^"]*)"', r"``\1''", text.translate(_ESCAPES))
    return re.sub(r"[\u0250-\U0010ffff]", lambda of: _letter(of[0]), plain)


def _letter(character: str) -> str:
    """A Greek letter as its macro; others, which fonts lack, as their codes."""
    name = unicodedata.name(character, "").replace("LAMDA", "LAMBDA")
    if of := re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name):
        macro = of[2].lower() if of[1] == "SMALL" else of[2].capitalize()
        if macro in _GREEK.split():
            return rf"\ensuremath{{\{macro}}}"
    return f"U+{ord(character):04X}"


def number(value: float) -> str:
    """A number to three significant digits, with a power of ten where it is shorter."""
    if not math.isfinite(value):
        return "--"
    rounded = float(f"{value:.2e}")
    if rounded == 0:
        return "0"
    exponent = math.floor(math.log10(abs(rounded)))
    if -4 < exponent < 5:
        return rf"\ensuremath{{{rounded:.{max(2 - exponent, 0)}f}}}"
    mantissa = f"{rounded / 10.0**exponent:.2f}"
    return rf"\ensuremath{{{mantissa} \times 10^{{{exponent}}}}}"


def interval(low: float, high: float) -> str:
    """An interval in brackets."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "--"
    return f"[{number(low)}, {number(high)}]"


def macros(values: Mapping[str, str]) -> str:
    r"""Definitions to \input, after which \barren{KEY} prints a value.

    An unknown key is an error, not a blank. What LaTeX would read as more than a letter
    is replaced by its code: `-5c-` for a backslash.
    """
    lines = [_ACCESS]
    for key, value in values.items():
        plain = re.sub("[^A-Za-z0-9_./ -]", lambda c: f"-{ord(c[0]):x}-", key)
        lines.append(f"\\barrendefine{{{plain}}}{{{value}}}")
    return "\n".join(lines) + "\n"


def tabular(columns: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that is never wider than the line; needs booktabs and graphicx.

    columns: LaTeX's column specification. Of many rows each page has a table.
    """
    if len(rows) > PAGE:
        parts = (rows[n : n + PAGE] for n in range(0, len(rows), PAGE))
        return "\\par\\bigskip\n".join(tabular(columns, header, of) for of in parts)
    table = pd.DataFrame(rows, columns=[*header])
    text = table.to_latex(index=False, column_format=columns, escape=False)
    return _BEFORE + text + _AFTER
