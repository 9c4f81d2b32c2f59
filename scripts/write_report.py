import json
from base64 import b64encode

from jinja2 import Environment, StrictUndefined

from barren.analysis import report
from barren.analysis.figures import figures_of
from barren.analysis.tables import read_table
from barren.provenance.crate import AUTHOR, PAPERS
from barren.provenance.records import read_record
from barren.runner import jobs, step
from barren.runner.experiment import Experiment


def write_report(
    experiment: step.Input,
    statistics: step.Input,
    fits: step.Input,
    claims: step.Input,
    verdict: step.Input,
    figures: step.Inputs,
    template: step.Input,
    steps: list[str],
    html: step.Output,
) -> step.Found:
    """Write the page of an experiment: one file that needs nothing but itself.

    steps: those that run once, whose records are read beside the others.
    """
    found = Experiment.read(experiment)
    paths = [experiment.parent / name for name in jobs.records(found, steps)]
    records = [*map(read_record, paths)]
    images = {path.stem: b64encode(path.read_bytes()).decode() for path in figures}
    first, rest = report.opening(verdict.read_text())
    page = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters["prose"] = report.prose
    html.write_text(
        page.from_string(template.read_text()).render(
            config=found.config,
            configuration=json.dumps(found.config, indent=1),
            setting=found.setting,
            answer=first,
            details=rest,
            claims=report.claims_by_statement(read_table(claims)),
            figures=figures_of(found.ensembles),
            images=images,
            tables=report.statistics_tables(read_table(statistics), read_table(fits)),
            steps=report.steps_of(records),
            once=steps,
            environments=report.environments_of(records),
            processors=sorted({record["processor"] for record in records}),
            commits=report.sources_of(records),
            author=AUTHOR,
            papers=PAPERS,
        )
        + "\n"
    )
    return {"records": paths}


if __name__ == "__main__":
    step.run(write_report)
