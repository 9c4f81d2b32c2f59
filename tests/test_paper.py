"""Numbers and tables as LaTeX, against the tables they come from, and typeset."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from barren import columns
from barren.analysis.latex import escape, interval, macros, number, tabular
from barren.analysis.paper import label, of_claims, paper_tables
from barren.analysis.tables import ensemble_of, read_table
from barren.analysis.words import listing
from barren.physics.families import Ansatz, Random
from conftest import ROOT
from strategies import table_of

PDFLATEX = shutil.which("pdflatex")


def plain(text: str) -> float:
    """The number that LaTeX prints."""
    text = text.removeprefix(r"\ensuremath{").removesuffix("}")
    mantissa, _, exponent = text.partition(r" \times 10^{")
    return float(mantissa) * 10.0 ** int(exponent.removesuffix("}") or 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.02068, "0.0207"),
        (-0.2348, "-0.235"),
        (0.9996, "1.00"),
        (200.4, "200"),
        (29.61, "29.6"),
        (8.138e-05, r"8.14 \times 10^{-5}"),
        (-9.999e-05, r"-1.00 \times 10^{-4}"),
        (1.25e7, r"1.25 \times 10^{7}"),
    ],
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) in {text, rf"\ensuremath{{{text}}}"}
    assert plain(number(value)) == pytest.approx(value, rel=0.005)


def test_a_label_has_names_and_values_as_they_are() -> None:
    keys = {"observable", "parameter", "sigma"}
    own = Ansatz(
        width=4,
        source="mine.py:two_local",
        keywords=(("shift", -1), ("eps", 1e-05)),
        observable="0.5 Z0 - 0.25 X0 X2",
        parameter="y0_0",
    )
    assert label(own, keys) == (
        r"ansatz, two\_local, shift -1, eps 1e-05, uniform angles, "
        r"observable 0.5 Z0 - 0.25 X0 X2, parameter y0\_0"
    )
    assert label(Random(width=4, depth=9), set()) == "random, depth 9"


def test_a_key_of_a_number_is_no_command() -> None:
    """Whatever a symbol is called."""
    text = macros({r"a/mean": "1", r"\theta_{0}": "2", "p%q#": "3"})
    assert r"\barrendefine{a/mean}{1}" in text
    assert r"\barrendefine{-5c-theta_-7b-0-7d-}{2}" in text
    assert r"\barrendefine{p-25-q-23-}{3}" in text


def test_text_that_latex_would_misread_is_escaped() -> None:
    assert escape("5 % of n_a < 2 & {x}") == (r"5 \% of n\_a \textless{} 2 \& \{x\}")
    assert escape("\\^~") == (r"\textbackslash{}\textasciicircum{}\textasciitilde{}")
    assert escape('is "the variance".') == "is ``the variance''."
    assert escape("γ0 Σ ς Α") == (
        r"\ensuremath{\gamma}0 \ensuremath{\Sigma} U+03C2 U+0391"
    )
    assert escape("über 中") == "über U+4E2D"
    assert escape("5 × 2 layers") == r"5 \ensuremath{\times} 2 layers"
    assert number(float("nan")) == "--"
    assert interval(-1, 0.5) == r"[\ensuremath{-1.00}, \ensuremath{0.500}]"
    assert [listing([4]), listing([4, 6]), listing([4, 6, 8])] == [
        "4",
        "4 and 6",
        "4, 6 and 8",
    ]


@pytest.fixture
def numbers(small: Path) -> dict[str, str]:
    """The small experiment's numbers by key."""
    text = (small / "results" / "small" / "paper" / "numbers.tex").read_text()
    return dict(re.findall(r"^\\barrendefine\{(.+?)\}\{(.*)\}$", text, re.MULTILINE))


def test_a_long_table_has_parts_that_fit_a_page() -> None:
    rows = [[str(n), "x"] for n in range(100)]
    text = tabular("ll", ["row", "what"], rows)
    assert text.count(r"\begin{tabular}") == text.count("row & what") == 3
    assert [line for line in text.splitlines() if line.endswith(r"& x \\")] == [
        rf"{n} & x \\" for n in range(100)
    ]


def test_numbers_are_those_of_the_tables(small: Path, numbers: dict[str, str]) -> None:
    tables = small / "results" / "small" / "tables"
    statistics = read_table(tables / "statistics.csv")
    for _, row in statistics.iterrows():
        name = ensemble_of(row).name
        for key in (columns.MEAN, columns.VARIANCE, columns.EXACT_VARIANCE):
            found = plain(numbers[f"small/{name}/{key.replace('_', '-')}"])
            assert found == pytest.approx(row[key], rel=0.005)
        ratio = plain(numbers[f"small/{name}/sampled-over-exact"])
        expected = row[columns.VARIANCE] / row[columns.EXACT_VARIANCE]
        assert ratio == pytest.approx(expected, rel=0.005)
    fits = pd.read_csv(tables / "fits.csv")
    (slope,) = fits[(fits.family == "random") & (fits.curve == "sampled")].slope
    found = plain(numbers["small/random_depth-4/slope"])
    assert found == pytest.approx(slope, rel=0.005)
    claims = pd.read_csv(tables / "claims.csv")
    assert numbers["small/claims"] == str(len(claims))
    agree = claims[claims.claim == "samples_agree_with_theory"].verdict.item()
    assert numbers["small/claim/samples_agree_with_theory"] == agree
    circuits = len(pd.read_csv(tables / "gradients.csv"))
    assert numbers["small/circuits"] == str(circuits)


def test_a_claim_of_several_settings_counts_its_verdicts() -> None:
    table = pd.DataFrame(
        [("a", "depth 1", "supported"), ("a", "depth_2", "undecided"), ("b", "", "x")],
        columns=[columns.CLAIM, columns.SETTING, columns.VERDICT],
    )
    assert (
        of_claims(table).items()
        >= {
            "claim/a": "supported (1), undecided (1)",
            "claim/a/1": "supported",
            "claim/a/2": "undecided",
            "claim/a/2/setting": r"depth\_2",
            "claim/b": "x",
        }.items()
    )
    assert "claim/b/1" not in of_claims(table)


def test_numbers_of_what_is_shared_is_0_or_follows_from_exact_ones() -> None:
    """Two observables of the same circuits: of one every gradient is 0."""
    ensembles = [Random(width=2, depth=3, observable=of) for of in ("Z0", "Z1")]
    keys = ["family", "width", "depth", "observable"]
    statistics = table_of(ensembles, keys).assign(
        samples=20, mean=1e-6, second_moment=0.1, std=0.3, kurtosis=3.0, bound=1.0
    )
    statistics = statistics.assign(
        variance=[0.1, 1e-13],
        variance_low=[0.05, 1e-14],
        variance_high=[0.2, 1e-12],
        exact_variance=[0.2, 0.0],
        asymptotic_variance=[0.4, 0.5],
    )
    fits = table_of(ensembles[:1] * 2, [k for k in keys if k != "width"]).assign(
        curve=["sampled", "exact"], slope=-0.5, slope_low=[-0.6, -0.5], slope_high=-0.4
    )
    claims = pd.DataFrame(
        [("a", "x", "y", "supported"), ("b", "x", "y", "supported")],
        columns=[columns.CLAIM, columns.SETTING, columns.STATEMENT, columns.VERDICT],
    )
    config = {"experiment": "x", "seed": 1, "samples": 20}
    texts = paper_tables(config, ensembles, statistics, fits, claims)
    pattern = r"^\\barrendefine\{x/(.+?)\}\{(.*)\}$"
    numbers = dict(re.findall(pattern, texts["numbers"], re.MULTILINE))
    assert numbers["circuits"] == "20" and numbers["ensembles"] == "2"
    assert numbers["claims/supported"] == numbers["claims"] == "2"
    one, other = (of.name for of in ensembles)
    assert plain(numbers[f"{one}/sampled-over-exact"]) == 0.5
    assert plain(numbers[f"{one}/exact-over-asymptotic"]) == 0.5
    assert numbers[f"{other}/variance"] == numbers[f"{other}/std"] == "0"
    assert numbers[f"{other}/interval"] == "--"
    assert f"{other}/sampled-over-exact" not in numbers
    assert f"{other}/kurtosis" not in numbers
    curve = one.replace("_width-2", "")
    slopes = {k for k in numbers if k.startswith(f"{curve}/")}
    assert slopes == {
        f"{curve}/{of}" for of in ("slope", "slope-exact", "slope-interval")
    }
    rows = [line for line in texts["fits"].splitlines() if line.endswith(r"\\")]
    assert ["[" in row for row in rows] == [False, True, False]
    assert r"& -- & 0 & " in texts["statistics"] and r"\infty" in texts["statistics"]
    unknown = statistics.assign(asymptotic_variance=np.nan)
    texts = paper_tables(config, ensembles, unknown, fits, claims)
    assert "exact \\\\" in texts["statistics"] and "{lrrlr}" in texts["statistics"]


def test_a_table_as_long_as_a_page_has_one_part() -> None:
    parts = [
        tabular("l", ["row"], [[str(n)] for n in range(count)]).count("begin{tabular}")
        for count in (45, 46)
    ]
    assert parts == [1, 2]


def typeset(small: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "paper.tex").write_text(text)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode"]
    return subprocess.run(
        [*command, f"-output-directory={folder}", str(folder / "paper.tex")],
        cwd=small,
        capture_output=True,
        text=True,
        errors="replace",
    )


@pytest.mark.skipif(
    not PDFLATEX, reason="needs pdflatex (Debian: texlive-latex-recommended)"
)
def test_the_example_manuscript_compiles(small: Path, tmp_path: Path) -> None:
    manuscript = (ROOT / "workflow" / "docs" / "manuscript.tex").read_text()
    start = (
        r"\def\experiment{small}\def\ensembles{random_depth-4}"
        "\n"
    )
    for _ in range(2):
        done = typeset(small, tmp_path, start + manuscript)
        assert done.returncode == 0, done.stdout
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert "undefined" not in log
    assert "Overfull" not in log
    assert "Missing character" not in log
    # A number that does not exist ends the run, rather than leave a gap.
    broken = manuscript.replace("/slope-exact", "/slope-guessed")
    done = typeset(small, tmp_path, start + broken)
    assert done.returncode != 0
    assert "no number small/random_depth-4/slope-guessed" in done.stdout.replace(
        "\n", ""
    )


@pytest.mark.skipif(
    not PDFLATEX, reason="needs pdflatex (Debian: texlive-latex-recommended)"
)
def test_two_experiments_share_a_manuscript(small: Path, tmp_path: Path) -> None:
    """Numbers of both are there, and tables, however wide, fit a column."""
    other = tmp_path / "other"
    shutil.copytree(small / "results" / "small" / "paper", other)
    for path in other.iterdir():
        path.write_text(path.read_text().replace("{small/", "{other/"))
    numbers = (other / "numbers.tex").read_text()
    numbers = numbers.replace("{other/seed}{7}", "{other/seed}{8}")
    (other / "numbers.tex").write_text(numbers)
    statistics = other / "statistics.tex"
    statistics.write_text(statistics.read_text().replace("random", "random" * 12))
    text = (
        r"\documentclass[twocolumn]{article}\usepackage{graphicx,booktabs}"
        r"\begin{document}\input{results/small/paper/numbers}"
        rf"\input{{{other}/numbers}}"
        r"\typeout{SEEDS \barren{small/seed} \barren{other/seed}}"
        rf"\noindent\input{{{other}/statistics}}"
        r"\end{document}"
    )
    done = typeset(small, tmp_path, text)
    assert done.returncode == 0, done.stdout
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert "SEEDS 7 8" in log
    assert "Overfull" not in log
