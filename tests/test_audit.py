"""The audit: it passes what is whole, and catches every fault that is planted."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from barren import provenance
from conftest import copy_project, run_in

FOLDER = "results/small"
BATCH = "batches/random_width-3_depth-4/0-7.npz"
GRADIENTS = "gradients/width-3_samples-0-7.csv"
STATISTICS = "tables/statistics.csv"
FIGURE = "figures/random_vs_identity.pdf"
OTHER_FIGURE = "figures/gradient_variance_random.pdf"
CIRCUIT = "figures/circuit_random.pdf"


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    """A copy of the project with the results of the small experiment."""
    folder = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, folder / FOLDER)
    return folder


class Audit:
    """What an audit printed."""

    def __init__(self, project: Path, *options: str, hashes_only: bool = True) -> None:
        if hashes_only:
            options += ("--samples", "0", "--longest", "0")
        done = subprocess.run(
            [sys.executable, "-s", "-E", "scripts/audit.py", FOLDER, *options],
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        self.code, self.text = done.returncode, done.stdout
        self.found = {}
        for line in done.stdout.splitlines():
            if match := re.match(rf"(.{{12}}) {FOLDER}/([^:]+)(?:: (.*))?$", line):
                self.found[match[2]] = (match[1].strip(), match[3] or "")
        first = re.search(rf"first broken link: {FOLDER}/(\S+)", done.stdout)
        self.first = first[1] if first else None

    def downstream(self) -> set[str]:
        return set(re.findall(rf"downstream of it: {FOLDER}/(\S+)", self.text))


def test_audit_passes_what_the_workflow_made(small: Path) -> None:
    """As a user runs it: computing again included, and a line for every file."""
    run = run_in(small)
    done = run("audit", "--configfile", "config/small.yaml", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"audit: everything holds: \d+ files", lines[-1])
    assert re.search(r"audit: \d+ circuits drawn again, 18 gradients", done.stdout)
    assert re.search(
        r"tables and figures made again, the same to the byte", done.stdout
    )
    named = {line.split()[-1] for line in lines if line.startswith("verified")}
    files = {
        str(path.relative_to(small))
        for path in (small / FOLDER).rglob("*")
        if path.is_file() and not {"benchmarks", "sources"} & set(path.parts)
    }
    assert files <= named


def test_audit_holds_on_a_copy(project: Path) -> None:
    audit = Audit(project)
    assert audit.code == 0 and audit.first is None
    assert {verdict for verdict, _ in audit.found.values()} == {"verified"}


# What an innocent hand, or a careless one, changes.


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit_a_number(path: Path, column: str) -> None:
    """Add a tenth to the first number of a column."""
    rows = list(csv.reader(path.read_text().splitlines()))
    at = rows[0].index(column)
    rows[1][at] = repr(float(rows[1][at]) + 0.1)
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def swap(path: Path, other: Path) -> None:
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


def edit_with_record(path: Path, record: Path) -> None:
    """Change a file, and its hash and size in the record of the job that made it."""
    old = provenance.sha256(path)
    flip_a_byte(path)
    record.write_text(record.read_text().replace(old, provenance.sha256(path)))


def draw_with_another_seed(project: Path) -> None:
    batch = project / FOLDER / BATCH
    draw(project, batch)


def draw(project: Path, batch: Path) -> None:
    command = [
        "scripts/sample_circuits.py",
        "--seed",
        "8",
        "--first",
        "0",
        "--last",
        "7",
    ]
    ensemble = ["--ensemble", batch.parent.name, "--batch", str(batch)]
    subprocess.run([sys.executable, *command, *ensemble], cwd=project, check=True)


FAULTS: dict[str, tuple[Callable[[Path], None], str, str, set[str], set[str]]] = {
    # name: how to plant it; first broken link, its verdict; downstream, not downstream
    "flipped byte in a batch": (
        lambda p: flip_a_byte(p / FOLDER / BATCH),
        BATCH,
        "changed",
        {
            GRADIENTS,
            "tables/gradients.csv",
            STATISTICS,
            FIGURE,
            "ro-crate-metadata.json",
        },
        {CIRCUIT, "gradients/width-2_samples-0-7.csv", "theory/width-3.csv"},
    ),
    "edited gradient": (
        lambda p: edit_a_number(p / FOLDER / GRADIENTS, "gradient"),
        GRADIENTS,
        "changed",
        {"tables/gradients.csv", STATISTICS, FIGURE},
        {BATCH, CIRCUIT},
    ),
    "edited table cell": (
        lambda p: edit_a_number(p / FOLDER / STATISTICS, "variance"),
        STATISTICS,
        "changed",
        {FIGURE, OTHER_FIGURE},
        {"tables/gradients.csv", "tables/theory.csv", CIRCUIT},
    ),
    "two figures swapped": (
        lambda p: swap(p / FOLDER / FIGURE, p / FOLDER / OTHER_FIGURE),
        OTHER_FIGURE,
        "changed",
        {"ro-crate-metadata.json"},
        {STATISTICS, CIRCUIT},
    ),
    "record deleted": (
        lambda p: (p / FOLDER / "records/summarise_gradients.json").unlink(),
        STATISTICS,
        "unrecorded",
        {FIGURE},
        {"tables/gradients.csv", CIRCUIT},
    ),
    "figure edited with its record": (
        lambda p: edit_with_record(
            p / FOLDER / FIGURE, p / FOLDER / "records/plot_variance.json"
        ),
        "records/plot_variance.json",
        "changed",
        {OTHER_FIGURE},
        {STATISTICS, CIRCUIT},
    ),
    "table edited with its record": (
        lambda p: edit_with_record(
            p / FOLDER / STATISTICS, p / FOLDER / "records/summarise_gradients.json"
        ),
        "records/summarise_gradients.json",
        "changed",
        {"tables/theory.csv", FIGURE},
        {"tables/gradients.csv", CIRCUIT},
    ),
    "batch of another seed": (
        draw_with_another_seed,
        BATCH,
        "changed",
        {GRADIENTS, STATISTICS, FIGURE},
        {CIRCUIT},
    ),
    "figure deleted": (
        lambda p: (p / FOLDER / FIGURE).unlink(),
        FIGURE,
        "missing",
        {"ro-crate-metadata.json"},
        {STATISTICS},
    ),
    "configuration of the results edited": (
        lambda p: edit(p / FOLDER / "experiment.json", '"seed": 7', '"seed": 8'),
        "experiment.json",
        "changed",
        {BATCH, GRADIENTS, STATISTICS, FIGURE, CIRCUIT},
        set(),
    ),
    "script edited": (
        lambda p: edit(p / "scripts/plot_variance.py", "import", "import os, "),
        OTHER_FIGURE,
        "other code",
        {"ro-crate-metadata.json"},
        {STATISTICS, CIRCUIT},
    ),
    "module edited": (
        lambda p: edit(
            p / "scripts/barren/gradients.py", "/ np.float32", "* np.float32"
        ),
        GRADIENTS.replace("-3_", "-2_"),
        "other code",
        {"tables/gradients.csv", STATISTICS, FIGURE},
        {BATCH, CIRCUIT},
    ),
    "lock edited": (
        lambda p: edit(
            p / "envs/plot.requirements.txt", "matplotlib==", "matplotlib=2="
        ),
        CIRCUIT,
        "other code",
        {"ro-crate-metadata.json"},
        {STATISTICS},
    ),
    "rule edited": (
        lambda p: edit(p / "workflow/rules/figures.smk", "mem_mb", "mem_gb"),
        "sources/workflow/rules/figures.smk",
        "other code",
        set(),
        {STATISTICS, FIGURE},
    ),
    "file added that nothing made": (
        lambda p: shutil.copy(p / FOLDER / FIGURE, p / FOLDER / "figures/fine.pdf"),
        "figures/fine.pdf",
        "unrecorded",
        set(),
        {FIGURE},
    ),
    "crate edited": (
        lambda p: edit(p / FOLDER / "ro-crate-metadata.json", "Apache", "No"),
        "ro-crate-metadata.json",
        "changed",
        set(),
        {FIGURE},
    ),
    "crate and its record deleted": (
        lambda p: [
            (p / FOLDER / name).unlink()
            for name in ("ro-crate-metadata.json", "records/assemble_crate.json")
        ],
        "ro-crate-metadata.json",
        "missing",
        set(),
        {FIGURE},
    ),
}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", FAULTS)
def test_audit_names_the_first_broken_link_and_what_rests_on_it(
    project: Path, name: str
) -> None:
    plant, first, verdict, downstream, sound = FAULTS[name]
    found = sorted((project / FOLDER).glob("[ft]*/*"))
    targets = [str(path.relative_to(project)) for path in found]
    plant(project)
    audit = Audit(project, "--targets", *targets)
    assert audit.code == 1
    assert audit.first == first
    assert audit.found[first][0] == verdict
    assert downstream <= audit.downstream()
    for path in sound:
        assert audit.found[path][0] == "verified"


def test_audit_tells_another_configuration(project: Path) -> None:
    config = json.loads((project / FOLDER / "experiment.json").read_text())
    assert Audit(project, "--config", json.dumps(config)).code == 0
    config["ensembles"][0]["depth"] = [5]
    audit = Audit(project, "--config", json.dumps(config))
    assert audit.code == 1 and audit.first == "experiment.json"
    reason = "ensembles[0].depth[0] was 4, is 5"
    assert audit.found["experiment.json"] == ("other config", reason)
    assert {BATCH, STATISTICS, FIGURE} <= audit.downstream()


def test_audit_says_what_an_earlier_configuration_left_over(project: Path) -> None:
    """A batch of circuits that this experiment has no use for, with its record."""
    name = "random_width-2_depth-9"
    options = f"--ensemble {name} --seed 7 --first 0 --last 1"
    subprocess.run(
        [
            *(sys.executable, "scripts/sample_circuits.py", *options.split()),
            *("--batch", f"{FOLDER}/batches/{name}/0-1.npz"),
            *("--record", f"{FOLDER}/records/sample_circuits/{name}/0-1.json"),
        ],
        cwd=project,
        check=True,
    )
    audit = Audit(project)
    assert audit.code == 0
    assert audit.found[f"batches/{name}/0-1.npz"][0] == "left over"
    assert audit.text.splitlines()[-1].endswith("2 left over")


# What a forger changes: the files, and every hash that would tell.


def forge(project: Path) -> None:
    """Make all records, and the crate, agree with the files as they are."""
    folder = project / FOLDER
    records = sorted((folder / "records").rglob("*.json"))
    last = folder / "records/assemble_crate.json"
    metadata = folder / provenance.CRATE

    def stamp(path: Path, listed: Callable[[dict], list[tuple[dict, Path]]]) -> None:
        values = json.loads(path.read_text())
        for entry, file in listed(values):
            if file.is_file():
                entry["sha256"] = provenance.sha256(file)
        path.write_text(json.dumps(values))

    def of_record(values: dict) -> list[tuple[dict, Path]]:
        files = [*values["inputs"], *values["outputs"]]
        return [(file, project / file["path"]) for file in files]

    def of_crate(values: dict) -> list[tuple[dict, Path]]:
        entities = [entity for entity in values["@graph"] if "sha256" in entity]
        return [(entity, folder / entity["@id"]) for entity in entities]

    pages = folder / "records/write_pages.json"
    for path in [r for r in records if r not in (last, pages)]:
        stamp(path, of_record)
    stamp(pages, of_record)
    stamp(metadata, of_crate)
    stamp(last, of_record)


def test_audit_catches_forgers_who_mend_every_hash(project: Path) -> None:
    """Four forgeries that hashes cannot tell, each told by computing again."""
    folder = project / FOLDER
    batch = folder / "batches/identity_width-2_block-depth-2_blocks-2/0-7.npz"
    draw(project, batch)
    edit_a_number(folder / GRADIENTS, "gradient")
    edit_a_number(folder / STATISTICS, "variance")
    flip_a_byte(folder / FIGURE)
    # The batch still says what it was: another seed. A forger mends that too.
    mend_seed(batch)
    forge(project)
    assert Audit(project).code == 0, "the forgery is not complete"

    audit = Audit(project, hashes_only=False)
    assert audit.code == 1
    told = {path: reason for path, (verdict, reason) in audit.found.items() if reason}
    batch_name = str(batch.relative_to(folder))
    assert told[batch_name].startswith("sample 0: other a")
    assert "adjoint" in told[GRADIENTS] or "parameter_shift" in told[GRADIENTS]
    assert re.search(r"random_width-3_depth-4, sample 0: gradient", told[GRADIENTS])
    again = "comes out otherwise when it is made again"
    assert told[STATISTICS].startswith(f"{again}: variance by 1.0e-01")
    assert told[FIGURE] == again
    assert audit.found["figures/circuit_random.pdf"][0] == "verified"


def mend_seed(batch: Path) -> None:
    with np.load(batch) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(str(arrays["about"]))
    arrays["about"] = np.array(json.dumps(about | {"seed": 7}))
    np.savez(batch, **arrays)
