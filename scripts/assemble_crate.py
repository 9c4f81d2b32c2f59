import shutil
from pathlib import Path

from barren.physics.ensembles import BadInput
from barren.provenance.chain import chain
from barren.provenance.crate import describe_run
from barren.provenance.records import (
    described,
    located,
    read_records,
    sources,
)
from barren.runner import layout, step
from barren.runner.experiment import Experiment


def assemble_crate(
    targets: step.Inputs, snakemake: str, crate: step.Output
) -> step.Found:
    """Describe an experiment's results and how they came about as an RO-Crate.

    The crate's folder is the experiment's. It lists the jobs behind the targets alone,
    so what an earlier configuration left over is not in it. Copies of the workflow's
    sources are put beside, which makes the folder whole. `snakemake` is its version.
    """
    folder = crate.parent.parent  # the crate has a temporary name
    place, names = step.shown(folder), [step.shown(path) for path in targets]
    experiment = f"{place}/{layout.EXPERIMENT}"
    # By name: other jobs write into the folder meanwhile.
    found = set(Experiment.read(folder / layout.EXPERIMENT).records)
    once = (folder / layout.RECORDS).glob("*.json")
    found |= {str(path.relative_to(folder)) for path in once}
    records = chain(names, read_records(folder, found), experiment)
    made = {file.path: file.sha256 for r in records for file in (r.file, *r.outputs)}
    code = [described(located(path)) for path in sources(records)]
    now = {file.path: file.sha256 for file in code}
    for record in records:
        for file in (*record.inputs, *record.code):
            if (made | now).get(file.path) != file.sha256:
                raise BadInput(
                    f"{record.file.path} names other bytes of {file.path} than there "
                    "are; delete the outputs of this job and run the workflow again"
                )
    if missing := sorted(set(names) - made.keys()):
        raise BadInput(f"{missing[0]}: no record says what made it")
    crate.write_text(describe_run(place, records, names, code, snakemake))
    shutil.rmtree(folder / layout.SOURCES, ignore_errors=True)
    for file in code:
        copy = folder / layout.SOURCES / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(located(file.path), copy)
    return {"records": [Path(record.file.path) for record in records]}


if __name__ == "__main__":
    step.run(assemble_crate)
