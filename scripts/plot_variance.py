"""Plot the variance figures of an experiment, each in every format."""

from pathlib import Path

from barren import columns, step
from barren.ensembles import RANDOM
from barren.figures import save, variance_by_depth, variance_by_width
from barren.tables import read_table

parser = step.parser(__doc__)
parser.add_argument("--statistics", type=Path, required=True)
parser.add_argument("--theory", type=Path, required=True)
parser.add_argument(
    "--figures", nargs="+", type=Path, required=True, help="files to write, by name"
)

with step.run(parser, inputs=["statistics", "theory"], outputs=["figures"]) as args:
    statistics = read_table(args.statistics)
    theory = read_table(args.theory)
    random = statistics[statistics[columns.FAMILY] == RANDOM]
    draw = {
        "gradient_variance_random": lambda: variance_by_width(random, columns.VARIANCE),
        "gradient_std_random": lambda: variance_by_width(random, columns.STD),
        "random_vs_identity": lambda: variance_by_width(statistics, columns.VARIANCE),
        "random_vs_identity_std": lambda: variance_by_width(statistics, columns.STD),
        "gradient_variance_by_depth": lambda: variance_by_depth(statistics, theory),
    }
    figures: dict[str, list[Path]] = {}
    for path in args.figures:
        figures.setdefault(path.stem, []).append(path)
    for name, paths in figures.items():
        figure, source = draw[name]()
        save(figure, source, paths)
