import shutil

from barren.physics.ensembles import BadInput
from barren.provenance.crate import describe_run
from barren.provenance.records import behind, located, lock, read_record
from barren.runner import jobs, layout, step
from barren.runner.experiment import Experiment


def assemble_crate(
    targets: step.Inputs, steps: list[str], snakemake: str, crate: step.Output
) -> step.Found:
    """Describe an experiment's results and how they came about as an RO-Crate.

    The crate's folder is the experiment's. Copies of the workflow's sources are put
    beside, which makes the folder whole. steps: those that run once, whose records are
    read beside the others; snakemake: its version.
    """
    folder = crate.parent.parent  # the crate has a temporary name
    experiment = Experiment.read(folder / layout.EXPERIMENT)
    paths = [folder / name for name in jobs.records(experiment, steps)]
    records = [*map(read_record, paths)]
    code = behind(records)
    there = {
        f["path"]: f["sha256"] for r in records for f in (r["file"], *r["outputs"])
    }
    for target in targets:
        name = step.shown(target)
        if there.get(name) != step.sha256(target):
            raise BadInput(f"{name} {step.OTHER_BYTES}")
    there |= {file["path"]: file["sha256"] for file in code}
    for record in records:
        of, used = record["environment"], (*record["inputs"], *record["code"])
        named = [(file["path"], file["sha256"]) for file in used]
        for path, sha256 in (*named, (lock(of["name"]), of["lock_sha256"])):
            if there.get(path) != sha256:
                if path in there and step.sha256(located(path)) != there[path]:
                    raise BadInput(f"{path} {step.OTHER_BYTES}")
                raise BadInput(
                    f"{record['file']['path']} names other bytes of {path} than there "
                    "are; delete the outputs of this job and run the workflow again"
                )
    shown = [*map(step.shown, targets)]
    crate.write_text(describe_run(step.shown(folder), records, shown, code, snakemake))
    shutil.rmtree(folder / layout.SOURCES, ignore_errors=True)
    for file in code:
        copy = folder / layout.SOURCES / file["path"]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(located(file["path"]), copy)
    return {"records": paths}


if __name__ == "__main__":
    step.run(assemble_crate)
