"""The audit: it passes what is whole, and names every fault that is planted.

Innocent hands change files. Forgers mend every hash in records and crate, too.
Strangers send files that do harm to who reads them: those end the audit with one line.
"""

import csv
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from barren.physics.batches import read_batch
from barren.physics.ensembles import TFQ, BadInput
from barren.provenance.compare import differs, misstated, same_arrays
from barren.provenance.recompute import Check, Choice, check_gradients, recorded
from barren.provenance.records import read_json
from barren.provenance.remake import ask_jobs
from barren.runner import cost, layout
from barren.runner.experiment import Experiment
from barren.runner.step import plain, sha256, write_json
from compute_gradients import parts, write
from conftest import ROOT, copy_project, run_in
from tools.audit import present_files

FOLDER = "results/small"
ENSEMBLE = "random_width-3_depth-4"
BATCH = layout.batch(3, 0, 7)
GRADIENTS = layout.gradients("2-3", 0, 7)
FIGURE = "figures/random_vs_identity.pdf"
OTHER_FIGURE = "figures/gradient_variance_random.pdf"
CIRCUIT = "figures/circuit_random.pdf"
DRAWN = layout.record("sample_circuits", BATCH)
COMPUTED = layout.record("compute_gradients", GRADIENTS)
SUMMARISED = layout.record("summarise_gradients")
PLOTTED = layout.record("plot_variance")
CRATED = layout.record("assemble_crate")


#: What Snakemake says of all jobs; as a command that says it again at once.
PLAN = "plan.txt"
PLANNED = f"sh -c 'cat {{}}/{PLAN}'"
SNAKEMAKE = f"{ROOT}/.venv/bin/python -m snakemake"


@pytest.fixture(scope="session")
def plan(small: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("plan") / PLAN
    config = read_json(small / FOLDER / layout.EXPERIMENT)
    tee = f'{SNAKEMAKE} "$@" | tee {path}'
    ask_jobs(["sh", "-c", tee, "sh"], config, Path(FOLDER))
    return path.read_text()


@pytest.fixture
def project(small: Path, plan: str, tmp_path: Path) -> Path:
    """A copy of the project with the results of the small experiment."""
    folder = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, folder / FOLDER)
    (folder / PLAN).write_text(plan.replace(f"{ROOT}/", f"{folder}/"))
    return folder


class Audit:
    """What an audit printed."""

    def __init__(self, project: Path, *options: str) -> None:
        config = (project / FOLDER / layout.EXPERIMENT).read_text()
        snakemake = ("--snakemake", PLANNED.format(project))
        done = subprocess.run(
            [
                *(sys.executable, "-s", "-E", "scripts/tools/audit.py"),
                *("--folder", FOLDER, "--config", config),
                *(*snakemake, *options),
            ],
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        self.code, self.text, self.error = done.returncode, done.stdout, done.stderr
        self.found = {}
        for line in done.stdout.splitlines():
            if match := re.match(r"(\w+) +([^:]+)(?:: (.*))?$", line):
                path = match[2].removeprefix(f"{FOLDER}/")
                self.found[path] = (match[1], match[3] or "")
        first = re.search(rf"broken, the first (?:{FOLDER}/)?(.+); ", done.stdout)
        self.first = first[1] if first else None

    def are(self, verdict: str) -> set[str]:
        """The files with a verdict."""
        return {path for path, (found, _) in self.found.items() if found == verdict}


def test_audit_passes_what_the_workflow_made(small: Path) -> None:
    """As a user runs it: everything made again, and a line for every file."""
    run = run_in(small)
    done = run(
        "audit", "--configfile", "config/small.yaml", check=False, AUDIT="--seed 7"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text, lines = done.stdout, done.stdout.splitlines()
    last = "a forgery of 1 % of the gradients would have been found with probability 1"
    assert re.search(rf"^audit: everything holds: \d+ files; {last}$", text, re.M)
    assert "audit: 72 gradients computed again by qsim" in text
    assert "again: --seed 7)" in text
    named = {line.split()[-1] for line in lines if line.startswith("verified")}
    files = [path for path in (small / FOLDER).rglob("*") if path.is_file()]
    assert {str(path.relative_to(small)) for path in files} <= named


def test_threads_change_nothing(project: Path) -> None:
    threads = "--set-threads", "compute_gradients=2"
    run_in(project)(
        "--configfile", "config/small.yaml", *threads, "--forcerun", "compute_gradients"
    )
    assert read_json(project / FOLDER / COMPUTED)["threads"] == 2
    assert Audit(project).code == 0


# What an innocent hand, or a careless one, changes.


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_a_number(path: Path, column: str) -> None:
    """Add a tenth, or take it away, to the first number of a column, as float32."""
    rows = list(csv.reader(path.read_text().splitlines()))
    at = rows[0].index(column)
    value = float(rows[1][at])
    rows[1][at] = str(np.float32(value - 0.1 if value > 0 else value + 0.1))
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def swap(path: Path, other: Path) -> None:
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


def draw(project: Path, width: int, last: int, *, seed: int) -> None:
    """Draw a batch of random circuits by the step."""
    configuration = {
        "symbol": {"layer": 0, "qubit": 0},
        "observable": "Z0 Z1",
        "ensembles": [{"family": "random", "width": [width], "depth": [4]}],
    }
    options = f"--seed {seed} --first 0 --last {last} --batch"
    subprocess.run(
        [
            *(sys.executable, "scripts/sample_circuits.py", *options.split()),
            f"{project / FOLDER}/{layout.batch(width, 0, last)}",
            *("--ensembles", json.dumps(configuration)),
        ],
        cwd=project,
        check=True,
    )


def test_audit_names_what_is_no_longer_there_or_too_much(project: Path) -> None:
    """One of each, and what an earlier configuration left over."""
    folder = project / FOLDER
    batch = layout.batch(4, 0, 1)
    left = batch, layout.record("sample_circuits", batch)
    draw(project, 4, 1, seed=7)
    shutil.copy(folder / DRAWN, folder / left[1])
    swap(folder / FIGURE, folder / OTHER_FIGURE)
    shutil.copy(folder / CIRCUIT, folder / "figures/fine.pdf")
    lock = "sources/envs/tfq.requirements.txt"
    gone = {CIRCUIT, lock}
    for name in gone:
        (folder / name).unlink()
    edit(folder / layout.CRATE, "Apache", "No")
    audit = Audit(project)
    assert audit.code == 1
    assert audit.are("extra") == {"figures/fine.pdf", *left}
    assert audit.are("missing") == gone
    assert audit.are("changed") == {FIGURE, OTHER_FIGURE, layout.CRATE}
    assert {layout.STATISTICS, BATCH, layout.theory("2-3")} <= audit.are("verified")


@pytest.mark.parametrize(
    ("plant", "verdict"),
    [
        (lambda f: (f / CIRCUIT).unlink(), "missing"),
        (lambda f: shutil.copy(f / CIRCUIT, f / "figures/fine.pdf"), "extra"),
    ],
)
def test_a_file_too_much_or_too_few_is_enough(
    project: Path, plant: Callable[[Path], object], verdict: str
) -> None:
    """What is there is as it was."""
    plant(project / FOLDER)
    audit = Audit(project)
    assert audit.code == 1 and len(audit.are(verdict)) == 1
    assert not audit.are("changed")


FAULTS: dict[str, tuple[Callable[[Path, Path], object], str, set[str], set[str]]] = {
    # how to plant it in (project, results), what is broken, what rests on it, and what
    # does not
    "a flipped byte in a batch": (
        lambda p, f: flip_a_byte(f / BATCH),
        BATCH,
        {GRADIENTS, layout.GRADIENTS, layout.STATISTICS, FIGURE, layout.CRATE},
        {CIRCUIT, layout.batch(2, 0, 7), layout.theory("2-3")},
    ),
    "an edited cell of a table": (
        lambda p, f: edit_a_number(f / layout.STATISTICS, "variance"),
        layout.STATISTICS,
        {FIGURE, OTHER_FIGURE},
        {layout.THEORY, CIRCUIT, BATCH},
    ),
    "an edited script": (
        lambda p, f: edit(p / "scripts/plot_variance.py", "import", "import os, "),
        PLOTTED,
        {FIGURE},
        {layout.STATISTICS, CIRCUIT},
    ),
    "an edited module": (
        lambda p, f: edit(p / "scripts/barren/analysis/fits.py", '"""', '"""So: '),
        SUMMARISED,
        {layout.STATISTICS, FIGURE},
        {BATCH, CIRCUIT},
    ),
    "a record that is no more": (
        lambda p, f: (f / SUMMARISED).write_text("{}"),
        SUMMARISED,
        {layout.STATISTICS, FIGURE, layout.CRATE},
        {GRADIENTS, BATCH, CIRCUIT},
    ),
    "an edited lock": (
        lambda p, f: edit(p / "envs/plot.requirements.txt", "lib==", "lib==2"),
        PLOTTED,
        {OTHER_FIGURE, CIRCUIT},
        {layout.STATISTICS},
    ),
    "an edited caption": (
        lambda p, f: edit(p / "workflow/report/report.rst", "e", "i"),
        f"{layout.SOURCES}/workflow/report/report.rst",
        set(),
        {layout.STATISTICS, FIGURE},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_audit_names_what_is_broken_and_what_rests_on_it(
    project: Path, name: str
) -> None:
    plant, broken, downstream, sound = FAULTS[name]
    plant(project, project / FOLDER)
    audit = Audit(project)
    assert audit.code == 1 and audit.first
    assert audit.found[broken][0] == "changed", audit.text
    assert downstream <= audit.are("downstream") | audit.are("changed")
    assert sound <= audit.are("verified")


def test_an_audit_of_a_few_gradients_says_how_few(project: Path) -> None:
    """One circuit of 12 in each ensemble; 1 % of its 72 gradients is one of them."""
    audit = Audit(project, "--budget", "1e-9")
    assert audit.code == 0 and audit.text.endswith("with probability 0.0833\n")


@pytest.mark.parametrize(
    "options", ["--budget nan", "--budget -1", "--seed -1", f"--seed {2**64 + 1}"]
)
def test_what_cannot_be_spent_or_drawn_from_is_refused(
    project: Path, options: str
) -> None:
    audit = Audit(project, *options.split())
    option, value = options.split()
    assert audit.code == 1
    assert re.fullmatch(f"audit: {option}: {value}.*; allowed: 0 to .*\n", audit.error)


def test_a_budget_without_end_is_enough_for_all(project: Path) -> None:
    audit = Audit(project, "--budget", "inf")
    assert audit.code == 0 and audit.text.endswith("with probability 1\n")


def test_what_follows_from_a_number_within_tolerance_is_made_of_it(
    project: Path,
) -> None:
    """As on another processor: all hashes are those of what is there."""
    path = project / FOLDER / layout.THEORY
    text = path.read_text()
    number = re.search(r"0\.\d{9}[1-8](?=,)", text)[0]
    edit(path, number, f"{number[:-1]}{int(number[-1]) + 1}")
    forge(project)
    audit = Audit(project)
    assert audit.code == 0, audit.text


@pytest.mark.skipif(os.geteuid() > 0, reason="mounting takes root")
def test_a_full_disk_is_no_fault_of_the_results(project: Path, tmp_path: Path) -> None:
    place = tmp_path / "full"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if subprocess.run(mount).returncode:
        pytest.skip("no rights to mount")
    os.environ["TMPDIR"] = str(place)
    try:
        audit = Audit(project)
    finally:
        del os.environ["TMPDIR"]
        subprocess.run(["umount", place], check=True)
    assert audit.code == 1 and "changed" not in audit.text
    assert audit.error == f"audit: the disk is full, writing {place}\n"


def test_an_audit_can_be_asked_for_its_exit_code_alone(project: Path) -> None:
    """With its output closed: what it is asked is whether all holds."""
    config = (project / FOLDER / layout.EXPERIMENT).read_text()
    command = (sys.executable, "-s", "-E", "scripts/tools/audit.py")
    options = ("--folder", FOLDER, "--config", config)
    told = ("--snakemake", PLANNED.format(project))
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command, *options, *told]
    done = subprocess.run(closed, cwd=project, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_workflow_is_told(project: Path) -> None:
    edit(project / "workflow/rules/figures.smk", "rule", "rules")
    audit = Audit(project, "--snakemake", SNAKEMAKE)
    assert audit.code == 1 and audit.error.count("\n") == 1
    assert audit.error.startswith("audit: the workflow cannot be run here: ")


def test_audit_tells_another_configuration(project: Path) -> None:
    config = json.loads((project / FOLDER / layout.EXPERIMENT).read_text())
    config["ensembles"][0]["depth"] = [5]
    audit = Audit(project, "--config", json.dumps(config))
    assert audit.code == 1 and not audit.text
    assert audit.error == (
        f"audit: {FOLDER}/{layout.EXPERIMENT} is of another configuration: "
        "ensembles.0.depth.0 was 4, is 5\n"
    )


# What a forger changes: the files, and every hash that would tell.


def forge(project: Path) -> None:
    """Make all records, and the crate, agree with the files as they are."""
    folder = project / FOLDER

    def stamp(path: Path) -> None:
        values = json.loads(path.read_text())
        listed = [
            (e, project / e["path"]) for k in ("inputs", "outputs") for e in values[k]
        ]
        for entry, file in listed:
            if file.is_file():
                entry |= {"sha256": sha256(file), "bytes": file.stat().st_size}
        write_json(path, values)

    last, pages = folder / CRATED, folder / layout.record("write_report")
    for path in sorted((folder / layout.RECORDS).rglob("*.json")):
        if path not in (last, pages):
            stamp(path)
    stamp(pages)
    crate = json.loads((folder / layout.CRATE).read_text())
    for entity in crate["@graph"]:
        if "sha256" in entity:
            file = folder / entity["@id"]
            size = str(file.stat().st_size)
            entity |= {"sha256": sha256(file), "contentSize": size}
    text = json.dumps(crate, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / layout.CRATE).write_text(text)
    stamp(last)


def test_audit_names_every_file_that_does_not_come_out_again(project: Path) -> None:
    """One gradient among all, and what is made of them, with all hashes mended."""
    folder = project / FOLDER
    edits: dict[str, Callable[[Path], object]] = {
        GRADIENTS: lambda path: edit_a_number(path, "gradient"),
        layout.STATISTICS: lambda path: edit_a_number(path, "kurtosis"),
        layout.theory("2-3"): lambda path: edit(path, "random", "random "),
        layout.FITS: lambda path: edit_a_number(path, "slope"),
        layout.CLAIMS: lambda path: edit(path, "supported", "contradicted"),
        layout.VERDICT: lambda path: edit(path, "e", "i"),
        FIGURE: lambda path: path.write_bytes(b""),
        "figures/circuit_random.svg": lambda path: edit(path, "path", "math"),
        layout.PAPER[0]: lambda path: edit(path, "7", "8"),
        layout.REPORT: lambda path: edit(path, "Statistics", "Static"),
        layout.AGREEMENT: lambda path: path.write_text("Yes.\n"),
        layout.record("write_paper"): lambda path: edit(path, "write_paper.py", "x.py"),
        COMPUTED: lambda path: edit(path, "--seed 7", "--seed 8"),
        CRATED: lambda path: edit(path, "--steps", "--step"),
    }
    for name, change in edits.items():
        change(folder / name)
    forge(project)
    audit = Audit(project)
    changed = audit.are("changed")
    # Samples and theory do not agree with this gradient: there is no other agreement.
    edits.pop(layout.AGREEMENT)
    assert audit.found[layout.AGREEMENT][0] == "downstream"
    assert {*edits} <= changed, {*edits} - changed
    reason = audit.found[GRADIENTS][1]
    assert re.match(r"identity\S*_width-2\S*, sample 0: gradient", reason), reason
    assert {BATCH, CIRCUIT, layout.batch(2, 0, 7)} <= {*audit.found} - changed


THOUSANDS = """\
experiment: small
seed: 7
samples: 500
batch_size: 500
ensembles:
  - {family: random, width: [2, 3], depth: [4]}
  - {family: identity_tutorial, width: [2, 3], block_depth: [2], blocks: [2]}
"""


def test_audit_names_one_gradient_of_two_thousand(tmp_path: Path) -> None:
    """A forger changes it and lets the workflow itself make all that follows of it."""
    project = copy_project(tmp_path / "project")
    (project / "config" / "small.yaml").write_text(THOUSANDS)
    run = run_in(project)
    run("--configfile", "config/small.yaml")
    gradients = layout.gradients("2-3", 0, 499)
    path, honest = project / FOLDER / gradients, {}
    for name in (layout.GRADIENTS, layout.STATISTICS, FIGURE, layout.CRATE):
        honest[name] = (project / FOLDER / name).read_bytes()
    old = sha256(path)
    rows = path.read_text().splitlines()
    number = next(n for n, row in enumerate(rows) if row.split(",")[2] == "321")
    *keys, gradient = rows[number].split(",")
    rows[number] = ",".join([*keys, str(np.float32(float(gradient) + 0.01))])
    path.write_text("".join(f"{row}\n" for row in rows))
    record = project / FOLDER / layout.record("compute_gradients", gradients)
    values = json.loads(record.read_text().replace(old, sha256(path)))
    values["outputs"][0]["bytes"] = path.stat().st_size
    write_json(record, values)
    run("--configfile", "config/small.yaml", "--rerun-triggers", "mtime")
    for name, content in honest.items():
        assert (project / FOLDER / name).read_bytes() != content, name
    audit = Audit(project, "--snakemake", SNAKEMAKE)
    assert audit.code == 1 and audit.first == gradients
    assert f"{keys[0]}, sample 321: gradient " in audit.found.pop(gradients)[1]
    verdicts = {verdict for verdict, _ in audit.found.values()}
    assert verdicts == {"verified", "downstream"}, audit.text
    assert {*honest} <= audit.are("downstream")


def rewrite(batch: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change the arrays of a batch."""
    with np.load(batch) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez_compressed(batch, **arrays)


def packed(path: Path, method: int = zipfile.ZIP_DEFLATED, **of: object) -> None:
    """Pack a batch again: harder, or otherwise."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method, compresslevel=9) as archive:
        archive.comment = of.get("comment", b"")
        for name, content in members.items():
            with archive.open(name, "w") as file:
                file.write(content)


def padded(path: Path, more: bytes) -> None:
    """More behind the end of what the first member's packed bytes say."""
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        first, *others = archive.infolist()
        start = archive.start_dir
    end = others[0].header_offset
    size = struct.pack("<I", first.compress_size + len(more))
    new = bytearray(content[:end] + more + content[end:start])
    new[18:22] = size
    directory, at = bytearray(content[start:]), 0
    for member in (first, *others):
        place = member.header_offset + len(more) * (member is not first)
        directory[at + 42 : at + 46] = struct.pack("<I", place)
        if member is first:
            directory[at + 20 : at + 24] = size
        at += 46 + sum(struct.unpack_from("<HHH", directory, at + 28))
    directory[at + 16 : at + 20] = struct.pack("<I", start + len(more))
    path.write_bytes(new + directory)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def bomb(path: Path) -> None:
    """A member that unpacks to far more than it says, in the end."""
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
        known = archive.read(first)
    begin = 30 + sum(struct.unpack_from("<HH", content, 26))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    many = packer.compress(known + bytes(10**8)) + packer.flush()
    padded(path, b"*" * (len(many) - first.compress_size))
    new = bytearray(path.read_bytes())
    new[begin : begin + len(many)] = many
    path.write_bytes(new)


def disguised(path: Path, at: int) -> None:
    """A byte in the first header, which readers ignore."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def catalogued(path: Path, at: int) -> None:
    """A bit in what the archive's end says of its first member."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.start_dir + at] ^= 1
    path.write_bytes(content)


def damaged(path: Path) -> None:
    """A byte in a member's data."""
    content = bytearray(path.read_bytes())
    content[323] ^= 0xFF
    path.write_bytes(content)


def turn(arrays: dict[str, np.ndarray]) -> None:
    """Other angles in one circuit, and its program as before."""
    arrays[f"{ENSEMBLE}/angles"][3, 0, 0] += 0.1


class Code:
    """What runs a command where it is loaded with pickles allowed."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def pickled(arrays: dict[str, np.ndarray]) -> None:
    arrays["random_width-2_depth-4/theta"] = np.array([Code()] * 8, object)


def huge(batch: Path) -> None:
    """An archive of kilobytes that unpacks to a gigabyte."""
    with zipfile.ZipFile(batch) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(batch, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in members:
            with archive.open(name, "w") as file:
                for _ in range(64 if name.endswith("/programs.npy") else 0):
                    file.write(bytes(2**24))
                if not name.endswith("/programs.npy"):
                    file.write(members[name])


def test_audit_names_forged_circuits_and_their_records(project: Path) -> None:
    """Each batch in another way, hashes mended."""
    folder = project / FOLDER
    edits: dict[str, Callable[[Path], object]] = {
        BATCH: lambda path: draw(project, 3, 7, seed=8),
        layout.batch(3, 8, 11): lambda path: rewrite(path, turn),
        layout.batch(2, 0, 7): lambda path: rewrite(path, pickled),
        layout.batch(2, 8, 11): huge,
        DRAWN: lambda path: edit(path, '"seed": 7', '"seed": 8'),
        layout.record("sample_circuits", layout.batch(2, 0, 7)): (
            lambda path: edit(path, "--seed 7", "--seed 8")
        ),
    }
    for name, change in edits.items():
        change(folder / name)
    forge(project)
    audit = Audit(project)
    changed = audit.are("changed")
    # Besides what lists their hashes.
    data = {name for name in changed if not name.startswith(layout.RECORDS)}
    assert data - {layout.CRATE, layout.REPORT} == {n for n in edits if ".npz" in n}
    assert {*edits} <= changed
    assert "parameters.seed was 8, is 7" in audit.found[DRAWN][1]
    assert audit.found[GRADIENTS][0] == "downstream"
    assert not (project / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        huge,
        damaged,
        lambda path: packed(path, zipfile.ZIP_BZIP2),
        lambda path: packed(path, zipfile.ZIP_LZMA),
        lambda path: packed(path, comment=b"evil"),
        lambda path: padded(path, b"hidden"),
        bomb,
        lambda path: disguised(path, 5),
        lambda path: disguised(path, 11),
        lambda path: disguised(path, 15),
        lambda path: disguised(path, len(path.read_bytes()) - 16),
        # Versions, flags, method, date, checksum, size, volume, attributes, place.
        *(
            lambda path, at=at: catalogued(path, at)
            for at in (4, 5, 6, 7, 8, 10, 12, 16, 24, 34, 36, 38, 42)
        ),
        lambda path: path.write_bytes(b"#!/bin/sh\n" + path.read_bytes()),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: rewrite(path, turn),
        lambda path: rewrite(path, lambda arrays: arrays.update(more=np.ones(1))),
        lambda path: path.write_bytes(b"PK"),
        lambda path: os.truncate(path, 1000),
    ],
)
def test_archives_are_the_same_if_all_arrays_are(
    small: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    """And nothing more is in them, nor unpacked: of a bomb it would be 100 MB."""
    known, path = (small / FOLDER / BATCH).read_bytes(), tmp_path / "batch.npz"
    path.write_bytes(known)
    packed(path)
    assert path.read_bytes() != known and same_arrays(path.read_bytes(), known)
    change(path)
    tracemalloc.start()
    same, (_, peak) = (
        same_arrays(path.read_bytes(), known),
        tracemalloc.get_traced_memory(),
    )
    tracemalloc.stop()
    assert not same and peak < 5e7


def shift_a_number(path: Path, column: str, factor: float) -> None:
    """Multiply the first number of a column."""
    header, first, *rest = path.read_text().split("\n")
    cells, at = first.split(","), header.split(",").index(column)
    cells[at] = repr(float(cells[at]) * factor)
    path.write_text("\n".join([header, ",".join(cells), *rest]))


def last_row(path: Path) -> tuple[str, str]:
    """All but the last row of a file, and that row."""
    text = path.read_text()
    return text[: (at := text.rindex("\n", 0, -1) + 1)], text[at:]


FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "theta": (lambda g: edit_a_number(g, "theta"), "theta is"),
    "a digit of theta": (
        lambda g: shift_a_number(g, "theta", 1 + 1e-15),
        "theta is",
    ),
    "theta with another zero": (
        lambda g: edit(g, t := g.read_text().split("\n")[1].split(",")[3], f"{t}0"),
        "otherwise",
    ),
    "theta of ten digits": (
        lambda g: edit(
            g, t := g.read_text().split("\n")[1].split(",")[3], f"{float(t):.10g}"
        ),
        "theta is",
    ),
    "a name": (lambda g: edit(g, "identity", "random"), "ensemble is"),
    "a row more": (
        lambda g: g.write_text(g.read_text() + "a,theta,2,3,4\n"),
        "other rows",
    ),
    "a row twice": (
        lambda g: g.write_text(g.read_text() + last_row(g)[1]),
        "other rows",
    ),
    "a row less": (lambda g: g.write_text(last_row(g)[0]), "no gradient for each"),
    "two rows the other way round": (
        lambda g: g.write_text("\n".join(sorted(g.read_text().split("\n")))),
        "could not convert|is '",
    ),
    "a cell more": (lambda g: edit(g, "\n", ",x\n"), "other rows or columns"),
    "other digits": (lambda g: g.write_text(g.read_text()[:-1] + "0\n"), "no gradient"),
    "no number": (lambda g: g.write_text(g.read_text()[:-1] + "x\n"), "convert"),
    "bytes": (lambda g: g.write_bytes(b"\xff" + g.read_bytes()[1:]), "decode"),
    "many bytes": (lambda g: os.truncate(g, 2**40), "at most"),
}


@pytest.mark.parametrize("name", FORGED)
def test_gradients_that_are_not_of_their_circuits_are_told(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The table is written again from its gradients alone."""
    change, reason = FORGED[name]
    folder = small / FOLDER
    ensembles = Experiment.read(folder / layout.EXPERIMENT).sampled
    batches = [folder / layout.batch(width, 0, 7) for width in (2, 3)]

    def again() -> str:
        circuits = [*parts(ensembles, batches, 7, TFQ, programs=False)]
        made = tmp_path / "again" / path
        made.parent.mkdir(parents=True, exist_ok=True)
        write(made, circuits, recorded(path, circuits))
        return differs(str(path), tmp_path / "again")

    monkeypatch.chdir(tmp_path)
    path = Path("gradients", "widths-2-3.csv")
    path.parent.mkdir()
    shutil.copy(folder / GRADIENTS, path)
    assert again() == ""
    change(path)
    with pytest.raises((BadInput, ValueError), match=reason):
        raise BadInput(again())


def entry_of(path: str) -> list[dict[str, object]]:
    """A list of files with one of another place."""
    return [{"option": "more", "path": path, "bytes": 1, "sha256": "0"}]


def changed(old: object, new: object) -> object:
    """What becomes of a value, and of those in it."""
    if callable(new):
        return new(old)
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: changed(old.get(key), of) for key, of in new.items()}
    return new


#: What a record may claim, as changes of its fields or of its environment's; what is
#: said of it.
CLAIMED: dict[str, tuple[dict[str, object], str]] = {
    "another step": ({"step": "../evil"}, "step was '../evil', is"),
    "another command": ({"command": "python evil.py"}, "command was 'python evil.py'"),
    "another parameter": ({"parameters": {"seed": 8}}, "parameters.seed was 8, is 7"),
    "a parameter more": ({"parameters": {"gpu": True}}, "parameters.gpu was True"),
    "a parameter that is nothing": ({"parameters": {"gpu": None}}, "otherwise"),
    "a parameter of another kind": ({"parameters": {"seed": 7.0}}, "otherwise"),
    "a field more": ({"evil": 1}, "evil was 1, is None"),
    "no inputs": ({"inputs": []}, "inputs.batches results.*npz.option was None"),
    "a path upwards": ({"inputs": entry_of("../x")}, r"inputs.more ../x.option was"),
    "an absolute path": (
        {"outputs": entry_of("/etc/passwd")},
        "outputs.more /etc/",
    ),
    "no list": ({"outputs": 7}, "not a record"),
    "no code": ({"code": []}, "code.scripts/.*path was None"),
    "code of its own": ({"code": entry_of("evil.py")}, "code.*was"),
    "no environment": ({"environment": None}, "not a record"),
    "a Python that is none": ({"python": "best of all"}, "not a record"),
    "a Python that is an essay": ({"python": "3.11" + ".fast" * 30}, "not a record"),
    "a Python that is a number": ({"python": 3}, "not a record"),
    "another environment": ({"name": "tables"}, "environment.name was 'tables'"),
    "another lock": ({"lock_sha256": "0"}, "environment.lock_sha256 was '0'"),
    "other pins": ({"pins_sha256": "0"}, "environment.pins_sha256 was '0', is"),
    "another package": (
        {"packages": {"numpy": "1"}},
        "packages.numpy was '1', is '2.0",
    ),
    "a package more": ({"packages": {"gpu": "6"}}, "packages.gpu was '6', is None"),
    "no packages": ({"packages": 1}, "environment.packages was 1"),
    "another deployer": (
        {"deployer": "me"},
        "environment.deployer was 'me', is 'venv'",
    ),
    "a time that is none": ({"start": "yesterday"}, "not a record"),
    "a time that commands": (
        {"start": "2026-01-01\x9b00:00:00.000+00:00"},
        "not a record",
    ),
    "a time without a zone": (
        {"start": "2026-01-01T00:00:00.000", "end": "2026-01-01T00:00:00.000"},
        "not a record",
    ),
    "a list of times": ({"end": ["x"]}, "not a record"),
    "a commit that is none": ({"source": "x"}, "not a record"),
    "a commit of parts": ({"source": {"commit": "x"}}, "not a record"),
    "no commit at all": ({"source": lambda old: {}}, "not a record"),
    "commits in a list": ({"source": []}, "not a record"),
    "no thread": ({"threads": 0}, "not a record"),
    "a processor that is none": ({"processor": 7}, "not a record"),
    "a processor that is an essay": ({"processor": "fast " * 30}, "not a record"),
    "a processor that commands": ({"processor": "\x1b[2J"}, "not a record"),
    "seconds that are none": ({"processor_seconds": "x"}, "not a record"),
    "seconds without end": ({"processor_seconds": float("inf")}, "not a record"),
    "seconds that no float holds": ({"processor_seconds": 10**400}, "not a record"),
    "an end before the start": ({"end": "1999-01-01T00:00:00Z"}, "not a record"),
    "a commit that is a text": (
        {"source": {"commit": "certified", "clean": True}},
        "not a record",
    ),
    "code of another step": (
        {"code": lambda old: [*old, *entry_of("scripts/plot_variance.py")]},
        "code.more scripts/plot_variance.py.option was",
    ),
    "a file twice": (
        {"outputs": lambda old: [old[0] | {"sha256": "f" * 64}, *old]},
        "otherwise",
    ),
    "an environment with more": (
        {"environment": {"certified_by": "me"}},
        "environment.certified_by was 'me'",
    ),
}


@pytest.mark.parametrize("name", CLAIMED)
def test_audit_takes_no_record_at_its_word(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(project)
    shutil.copytree(FOLDER, tmp_path / "again" / FOLDER)
    path = Path(FOLDER, COMPUTED)
    told = str(path), tmp_path / "again", "tfq"
    assert misstated(*told) == ""
    values, (changes, said) = read_json(path), CLAIMED[name]
    inner = changes.keys() & values["environment"].keys()
    outer = {key: of for key, of in changes.items() if key not in inner}
    inside = {"environment": {key: changes[key] for key in inner}} if inner else {}
    write_json(path, changed(values, outer | inside))
    try:
        found = misstated(*told)
    except BadInput as error:
        found = str(error)
    assert re.search(said, found), found


def test_a_record_says_nothing_twice(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader may see first, before what is true."""
    monkeypatch.chdir(project)
    shutil.copytree(FOLDER, tmp_path / "again" / FOLDER)
    path = Path(FOLDER, COMPUTED)
    path.write_text('{"step": "evil", ' + path.read_text()[1:])
    assert misstated(str(path), tmp_path / "again", "tfq") == "it is written otherwise"


def test_audit_runs_no_code_of_the_results(project: Path) -> None:
    """Records that name it, of all kinds at once; and what is no record."""
    folder = project / FOLDER
    (folder / "evil.py").write_text("open('ran', 'w')")
    command = f"python {FOLDER}/evil.py"
    for name in (PLOTTED, DRAWN, layout.record("write_report")):
        values = json.loads((folder / name).read_text())
        code = {"path": f"{FOLDER}/evil.py", "bytes": 1, "sha256": "\x1b]0;x\x07"}
        values |= {"step": f"../{FOLDER}/evil", "command": command}
        values |= {"code": [code], "parameters": {"\x1b[2J": "\x1b[2J"}}
        (folder / name).write_text(json.dumps(values))
    (folder / SUMMARISED).write_text("[" * 100_000)
    (folder / layout.VERDICT).unlink()
    (folder / COMPUTED).write_text('{"code":' * 900 + "1" + "}" * 900)
    audit = Audit(project)
    assert audit.code == 1
    assert {DRAWN, COMPUTED} <= audit.are("changed")
    # It is not known what the workflow makes besides.
    assert {PLOTTED, SUMMARISED, "evil.py"} <= audit.are("downstream")
    assert layout.STATISTICS in audit.are("downstream")
    assert layout.VERDICT in audit.are("missing")
    assert not (project / "ran").exists()
    assert "\x1b" not in audit.text + audit.error


HARMFUL: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (lambda f: (f / "tables/more.csv").symlink_to("/etc/passwd"), "a link"),
    "a linked folder": (lambda f: (f / "more").symlink_to("/etc"), "a link"),
    "a pipe": (lambda f: os.mkfifo(f / "tables/more.csv"), "no regular file"),
    "many files": (
        lambda f: [(f / f"tables/{n}").touch() for n in range(2000)],
        "more than",
    ),
    "a huge file": (lambda f: os.truncate(f / layout.VERDICT, 2**40), "larger than"),
    "a name that a terminal obeys": (
        lambda f: (f / "tables" / "\x1b[2J\x07").touch(),
        r"\\x1b",
    ),
    "no configuration": (
        lambda f: (f / layout.EXPERIMENT).write_text("{" * 1000),
        "not JSON",
    ),
    "a configuration that is no object": (
        lambda f: (f / layout.EXPERIMENT).write_text("7"),
        "no object",
    ),
    "a configuration deeper than Python": (
        lambda f: (f / layout.EXPERIMENT).write_text("[" * 1500),
        "not JSON",
    ),
    "a deep configuration": (
        lambda f: (f / layout.EXPERIMENT).write_text(f'{{"a":{"[" * 900}{"]" * 900}}}'),
        "another configuration: it is nested too deep",
    ),
    "a long configuration": (
        lambda f: (f / layout.EXPERIMENT).write_text(f"[{'1,' * 2**20}1]"),
        "no file of at most",
    ),
    "a hidden file": (
        lambda f: [(h := f / "figures/.snakemake").touch(), os.truncate(h, 2**40)],
        "larger than",
    ),
    "results elsewhere": (
        lambda f: [f.rename(f.with_name("x")), f.symlink_to(f.with_name("x"))],
        "a link",
    ),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_a_run_does_not_leave_ends_the_audit_with_one_line(
    project: Path, name: str
) -> None:
    plant, words = HARMFUL[name]
    config = (project / FOLDER / layout.EXPERIMENT).read_text()
    plant(project / FOLDER)
    done = subprocess.run(
        [
            *(sys.executable, "-s", "-E", "scripts/tools/audit.py"),
            *("--folder", FOLDER, "--config", config),
            *("--snakemake", "false"),
        ],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("audit: ") and done.stderr.count("\n") == 1
    assert re.search(words, done.stderr) and "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"parameters": "all"}, layout.GRADIENTS),
        ({"turn": [*range(4000)]}, "{}"),
    ],
)
def test_no_experiment_is_larger_than_the_limits(
    tmp_path: Path, keys: dict[str, object], name: str
) -> None:
    """Of 256 parameters 10,000 circuits, a row of 100 bytes each; and many circuits."""
    entry = {"family": "ansatz", "circuit": "a.py:f", "width": [8], "depth": [16]}
    config = {"seed": 1, "samples": 10_000, "batch_size": 200, "engine": TFQ}
    config |= {"symbol": {"layer": 0, "qubit": 0}, "observable": "Z0 Z1"}
    config |= {"max_sampled_width": 64, "ensembles": [entry | keys]}
    experiment = Experiment(config)
    for number, program in enumerate(experiment.own_circuits):
        path = tmp_path / name.format(layout.circuit(program))
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, 0 if number else 10_000 * 256 * 100)
    found = present_files(tmp_path, experiment)
    assert len(found) == len(experiment.own_circuits)


def test_what_is_printed_never_commands_a_terminal() -> None:
    assert plain("a\x1b[2J\r\n\u202eb") == r"a\x1b[2J\r\n\u202eb"
    assert len(plain("x" * 10_000)) < 1000


def test_json_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.touch()
    os.truncate(path, 2**32)
    with pytest.raises(BadInput, match="at most"):
        read_json(path)


@pytest.mark.parametrize(
    "plant", [lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, Path.mkdir, Path.exists]
)
def test_only_regular_files_are_read(
    tmp_path: Path, plant: Callable[[Path], object]
) -> None:
    """Whatever stands there when they are opened; a pipe is not waited for."""
    plant(path := tmp_path / "x")
    script = (
        "import sys; from barren.provenance.records import *; from pathlib import *"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; read_bytes(Path({str(path)!r}))"],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "BadInput" in done.stderr and "no file of at most" in done.stderr


def test_no_more_is_read_than_can_come_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "again"
    place.mkdir()
    for name in ("a.csv", "a.pdf"):
        (place / name).write_text("a\n0.5\n")
        Path(name).touch()
        os.truncate(name, 2**40)
        assert "no file of at most 1012 bytes" in differs(name, place)


# A choice of gradients where there are too many.


def test_a_choice_finds_forgeries_as_often_as_it_says(small: Path) -> None:
    """Against forgeries of 1 % in random places, drawn again and again."""
    config = json.loads((small / FOLDER / layout.EXPERIMENT).read_text())
    config |= {"samples": 100, "batch_size": 100}
    experiment = Experiment(config)
    ensembles = len(experiment.sampled)
    rng = np.random.default_rng(1)
    found, times = 0, 2000
    for seed in range(times):
        choice = Choice(experiment, 20, seed)
        forged = rng.choice(100 * ensembles, 9, replace=False)
        rows = {(e, r) for e in range(ensembles) for r in chosen(choice, e)}
        found += any((n // 100, n % 100) in rows for n in forged)
    expected = 1 - 0.8**6  # 1 % of 600; nine are found more often
    power = Choice(experiment, 20, 1).power
    assert power([Check("", 0.0, 60, 1)] * 2) == pytest.approx(expected)
    assert power([Check("", 0.0, 120, 3)]) == pytest.approx(1 - 0.8**2)
    assert power([]) == 0  # of theory alone, or where no gradients can be read
    assert found / times > expected - 3 * (0.25 / times) ** 0.5


def chosen(choice: Choice, number: int) -> list[int]:
    return choice.rows(choice.experiment.sampled[number], 0, 99)


def test_a_choice_follows_from_its_seed_and_fits_the_budget(small: Path) -> None:
    experiment = Experiment.read(small / FOLDER / layout.EXPERIMENT)
    assert Choice.within(None, experiment, 1).each == 12
    few = Choice.within(1e-9, experiment, 1)
    assert few.each == 1 and 0 < few.power([Check("", 0.0, 6, 1)]) < 0.2
    choices = [
        [chosen(Choice(experiment, 3, seed), n) for n in range(6)] for seed in (1, 1, 2)
    ]
    assert choices[0] == choices[1] != choices[2]
    assert all(rows == sorted(rows) for rows in choices[0])
    # A forger cannot put all that is forged where nothing is chosen.
    assert len({*map(tuple, choices[0])}) > 3


def test_a_long_run_is_checked_for_a_tenth_of_its_time(small: Path) -> None:
    config = json.loads((small / FOLDER / layout.EXPERIMENT).read_text())
    entry = {"family": "random", "width": [14], "depth": [100]}
    experiment = Experiment(config | {"samples": 10**6, "ensembles": [entry]})
    own, others = (
        cost.gradient(experiment.sampled, 10**6, cost.RATES[engine]).seconds
        for engine in ("tfq", "qsim")
    )
    each = Choice.within(None, experiment, 1).each
    assert own > 600 and each == pytest.approx(1e5 * own / others, abs=1)


@pytest.mark.parametrize("unit", [1, 1000])
def test_gradients_of_any_norm_are_near_the_recomputed(small: Path, unit: int) -> None:
    """Each of a batch is looked at; what is no number is not near."""
    folder = small / FOLDER
    config = json.loads((folder / layout.EXPERIMENT).read_text())
    experiment = Experiment(config | {"observable": f"{unit} Z0 Z1"})
    recorded_of = Experiment(config).sampled
    names = {
        a.name: b.name for a, b in zip(recorded_of, experiment.sampled, strict=True)
    }
    ensembles = [of for of in experiment.sampled if of.width == 2]
    path = folder / layout.batch(2, 8, 11)
    batches = {of.program: read_batch(path, of, 7, programs=False) for of in ensembles}
    table = folder / layout.gradients("2-3", 8, 11)
    rows = [*csv.DictReader(table.read_text().splitlines())]
    for row in rows:
        row["ensemble"] = names[row["ensemble"]]
        row["gradient"] = str(unit * float(row["gradient"]))

    def check() -> Check:
        return check_gradients(Choice(experiment, 12, 1), ensembles, batches, rows)

    assert check().reason == "" and check().count == 12 and 1e-3 < check().worst < 1
    last = max(n for n, row in enumerate(rows) if row["ensemble"] == ensembles[0].name)
    rows[last]["gradient"] = str(2 * unit)
    assert check().worst > 1
    rows[last]["gradient"] = "nan"
    assert f"{ensembles[0].name}, sample 11: gradient nan" in check().reason
