"""Write results/reference/README.md: every experiment with its answer and a figure.

The answers are the opening sentences of each verdict.md; standard library alone.
"""

import json
import sys
from pathlib import Path

REFERENCE = Path("results", "reference")
HEAD = """\
<!-- Written by `make reference` from the folders beside it. -->
# What came out

Results that are kept for comparison: `make verify` holds a new run against them. A name
leads to the verdict on every claim, a figure to all figures of its experiment.

| experiment | answer | figure |
| --- | --- | --- |
"""


def index(reference: Path) -> str:
    """The table of all experiments in a folder, as Markdown."""
    folders = [path.parent for path in sorted(reference.glob("*/verdict.md"))]
    return HEAD + "".join(map(row, folders))


def row(folder: Path) -> str:
    """One experiment: name, answer, figure."""
    config = json.loads((folder / "experiment.json").read_text())
    circuits = f"{config['samples']} circuits per ensemble, seed {config['seed']}"
    name = f"[{folder.name}]({folder.name}/verdict.md)<br>{circuits}"
    cells = [name, answer(folder / "verdict.md").replace("|", r"\|")]
    if figure := main_figure(folder):
        path = f"{folder.name}/figures/{figure}.png"
        image = f'<img src="{path}" alt="{figure.replace("_", " ")}" width="320">'
        cells.append(f'<a href="{folder.name}/figures/">{image}</a>')
    return f"| {' | '.join(cells)} |\n"


def answer(verdict: Path) -> str:
    """What verdict.md says before its table, on one line."""
    opening = verdict.read_text().split("\n| ")[0].partition("\n")[2].strip()
    parts = (of + "." * of.startswith("-") for of in opening.split("\n\n"))
    line = "<br>".join(of.replace("\n- ", "; ").removeprefix("- ") for of in parts)
    return line.replace(":**<br>", ":** ").replace("\n", " ")


def main_figure(folder: Path) -> str:
    """The figure that compares families, or else the one that shows most ensembles."""
    found = [
        (len(path.read_text().splitlines()), path.stem)
        for path in sorted((folder / "figures").glob("*.csv"))
        if not path.stem.startswith("circuit") and "_std" not in path.stem
    ]
    compared = [figure for figure in found if "_vs_" in figure[1]]
    return max(compared or found, default=(0, ""))[1]


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else REFERENCE
    (folder / "README.md").write_text(index(folder))
