from barren.analysis.paper import paper_tables
from barren.analysis.tables import read_table
from barren.runner import step
from barren.runner.experiment import Experiment


def write_paper(
    experiment: step.Input,
    statistics: step.Input,
    fits: step.Input,
    claims: step.Input,
    paper: step.Outputs,
) -> None:
    """Write the numbers and the tables of an experiment as LaTeX."""
    found = Experiment.read(experiment)
    tables = map(read_table, (statistics, fits, claims))
    texts = paper_tables(found.config, found.ensembles, *tables)
    for path in paper:
        path.write_text(texts[path.stem])


if __name__ == "__main__":
    step.run(write_paper)
