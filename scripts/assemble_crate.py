"""Describe an experiment's results and how they came about as an RO-Crate.

The crate's folder is the experiment's. It lists the jobs behind the targets alone, so
what an earlier configuration left over is not in it. Copies of the workflow's sources
are put beside, which makes the folder whole.
"""

import shutil
from pathlib import Path

from barren import step
from barren.crate import describe_run, write
from barren.ensembles import BadInput
from barren.provenance import SOURCES, File, chain, read_records, sources

parser = step.parser(__doc__)
parser.add_argument("--targets", nargs="+", type=Path, required=True)
parser.add_argument("--snakemake", required=True, help="its version")
parser.add_argument("--crate", type=Path, required=True, help="the file to write")


def described(path: Path) -> File:
    """A file by path from the project's root, with size and hash."""
    return File(str(path), step.sha256(path), path.stat().st_size)


with step.run(parser, inputs=["targets"], outputs=["crate"]) as args:
    folder = args.crate.parent.parent  # the crate has a temporary name
    targets = [str(path) for path in args.targets]
    records = chain(
        targets, read_records(folder / "records"), f"{folder}/experiment.json"
    )
    args.read["records"] = [Path(record.file.path) for record in records]
    made = {file.path: file.sha256 for r in records for file in r.outputs}
    code = [described(Path(path)) for path in sources(records)]
    now = {file.path: file.sha256 for file in code}
    for record in records:
        for file in (*record.inputs, *record.code):
            if (made | now).get(file.path) != file.sha256:
                raise BadInput(
                    f"{record.file.path} names other bytes of {file.path} than there "
                    "are; delete the outputs of this job and run the workflow again"
                )
    if missing := sorted(set(targets) - made.keys()):
        raise BadInput(f"{missing[0]}: no record says what made it")
    metadata = describe_run(str(folder), records, targets, code, args.snakemake)
    args.crate.write_text(write(metadata))
    shutil.rmtree(folder / SOURCES, ignore_errors=True)
    for file in code:
        copy = folder / SOURCES / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, copy)
