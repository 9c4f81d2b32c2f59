"""Plot the variance figures of an experiment, each in every format."""

from itertools import groupby

from barren import columns
from barren.analysis.figures import figures_of
from barren.analysis.plots import draw_variance
from barren.analysis.style import save
from barren.analysis.tables import read_table
from barren.runner import step
from barren.runner.experiment import Experiment
from barren.runner.step import Input, Outputs


def plot_variance(
    experiment: Input, statistics: Input, theory: Input, fits: Input, figures: Outputs
) -> None:
    """Plot the figures that are asked for, by the names of their files."""
    found = Experiment.read(experiment)
    known = {of.name: of for of in figures_of(found.ensembles)}
    observable = found.config[columns.OBSERVABLE]
    tables = read_table(statistics), read_table(theory), read_table(fits)
    for name, paths in groupby(figures, lambda path: path.stem):
        save(*draw_variance(known[name], *tables, observable), list(paths))


if __name__ == "__main__":
    step.run(plot_variance)
