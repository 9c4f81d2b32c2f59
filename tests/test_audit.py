"""The audit: it passes what is whole, and names every fault that is planted.

Innocent hands leave hashes that disagree. Forgers mend every hash in records and crate;
then only what is drawn, computed and made again tells. Strangers send files that do
harm to who reads them: those end the audit with one line.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from barren.physics.batches import read_batch
from barren.physics.ensembles import BadInput
from barren.provenance.recompute import Check, Choice, read_gradients
from barren.provenance.records import plain, read_json
from barren.provenance.remake import copy, differs, same_arrays
from barren.runner import layout
from barren.runner.experiment import Experiment
from barren.runner.step import sha256
from conftest import ROOT, copy_project, run_in

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
def plan(small: Path) -> str:
    options = ("--forceall", "--dry-run", "--printshellcmds")
    return run_in(small)("--configfile", "config/small.yaml", *options).stdout


@pytest.fixture
def project(small: Path, plan: str, tmp_path: Path) -> Path:
    """A copy of the project with the results of the small experiment."""
    folder = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, folder / FOLDER)
    (folder / PLAN).write_text(plan)
    return folder


class Audit:
    """What an audit printed; as a rule of one that breaks by hashes alone."""

    def __init__(
        self, project: Path, *options: str, snakemake: str | None = None
    ) -> None:
        config = (project / FOLDER / layout.EXPERIMENT).read_text()
        snakemake = snakemake or PLANNED.format(project)
        options = ("--config", config, "--snakemake", snakemake, *options)
        done = subprocess.run(
            [sys.executable, "-s", "-E", "scripts/tools/audit.py", FOLDER, *options],
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
        self.downstream = {p for p, (v, _) in self.found.items() if v == "downstream"}
        self.hashes_hold = "files made again" in done.stdout


def all_of(project: Path) -> Audit:
    """An audit with all that is made again."""
    return Audit(project, snakemake=SNAKEMAKE)


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


def test_audit_holds_on_a_copy(project: Path) -> None:
    audit = all_of(project)
    assert audit.code == 0 and audit.first is None
    assert {verdict for verdict, _ in audit.found.values()} == {"verified"}


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


def edit_with_record(path: Path, record: Path) -> None:
    """Change a file, and its hash in the record of the job that made it."""
    old = sha256(path)
    flip_a_byte(path)
    record.write_text(record.read_text().replace(old, sha256(path)))


def draw(project: Path, width: int, last: int, *, seed: int) -> None:
    """Draw a batch of random circuits by the step."""
    spec = {"family": "random", "width": width, "depth": 4, "observable": "Z0 Z1"}
    options = f"--seed {seed} --first 0 --last {last} --batch"
    subprocess.run(
        [
            *(sys.executable, "scripts/sample_circuits.py", *options.split()),
            f"{project / FOLDER}/{layout.batch(width, 0, last)}",
            *("--programs", json.dumps([spec])),
        ],
        cwd=project,
        check=True,
    )


FAULTS: dict[str, tuple[Callable[[Path, Path], None], str, str, set[str], set[str]]] = {
    # name: how to plant it in (project, results); first broken link, its verdict; what
    # is downstream, and what is not
    "flipped byte in a batch": (
        lambda p, f: flip_a_byte(f / BATCH),
        *(BATCH, "changed"),
        {GRADIENTS, layout.GRADIENTS, layout.STATISTICS, FIGURE, layout.CRATE},
        {CIRCUIT, layout.batch(2, 0, 7), layout.theory("2-3")},
    ),
    "edited gradient": (
        lambda p, f: edit_a_number(f / GRADIENTS, "gradient"),
        *(GRADIENTS, "changed"),
        {layout.GRADIENTS, layout.STATISTICS, FIGURE},
        {BATCH, CIRCUIT},
    ),
    "edited table cell": (
        lambda p, f: edit_a_number(f / layout.STATISTICS, "variance"),
        *(layout.STATISTICS, "changed"),
        {FIGURE, OTHER_FIGURE},
        {layout.GRADIENTS, layout.THEORY, CIRCUIT},
    ),
    "two figures swapped": (
        lambda p, f: swap(f / FIGURE, f / OTHER_FIGURE),
        *(OTHER_FIGURE, "changed"),
        {layout.CRATE},
        {layout.STATISTICS, CIRCUIT},
    ),
    "record deleted": (
        # Or its other tables: which of them is first depends on who asked first.
        lambda p, f: (f / SUMMARISED).unlink(),
        *((layout.GRADIENTS, layout.STATISTICS), "unrecorded"),
        {FIGURE},
        {GRADIENTS, CIRCUIT},
    ),
    "figure edited with its record": (
        lambda p, f: edit_with_record(f / FIGURE, f / PLOTTED),
        *(PLOTTED, "changed"),
        {OTHER_FIGURE},
        {layout.STATISTICS, CIRCUIT},
    ),
    "table edited with its record": (
        lambda p, f: edit_with_record(f / layout.STATISTICS, f / SUMMARISED),
        *(SUMMARISED, "changed"),
        {layout.THEORY, layout.GRADIENTS, FIGURE},
        {GRADIENTS, CIRCUIT},
    ),
    "batch of another seed": (
        lambda p, f: draw(p, 3, 7, seed=8),
        *(BATCH, "changed"),
        {GRADIENTS, layout.STATISTICS, FIGURE},
        {CIRCUIT},
    ),
    "figure deleted": (
        lambda p, f: (f / FIGURE).unlink(),
        *(FIGURE, "missing"),
        {layout.CRATE},
        {layout.STATISTICS},
    ),
    "script edited": (
        lambda p, f: edit(p / "scripts/plot_variance.py", "import", "import os, "),
        *("scripts/plot_variance.py", "changed"),
        {FIGURE, layout.CRATE},
        {layout.STATISTICS, CIRCUIT},
    ),
    "module edited": (
        lambda p, f: edit(
            p / "scripts/barren/physics/gradients.py", "/ np.float32", "* np.float32"
        ),
        *("scripts/barren/physics/gradients.py", "changed"),
        {layout.GRADIENTS, layout.STATISTICS, FIGURE},
        {BATCH, CIRCUIT},
    ),
    "lock edited": (
        lambda p, f: edit(p / "envs/plot.requirements.txt", "lib==", "lib=2="),
        *("envs/plot.requirements.txt", "changed"),
        {OTHER_FIGURE, layout.CRATE},
        {layout.STATISTICS},
    ),
    "rule edited": (
        lambda p, f: edit(p / "workflow/rules/figures.smk", "rule", "rules"),
        *("workflow/rules/figures.smk", "changed"),
        {f"{layout.SOURCES}/workflow/rules/figures.smk"},
        {layout.STATISTICS, FIGURE},
    ),
    "caption edited": (
        lambda p, f: edit(p / "workflow/report/report.rst", "e", "i"),
        *("workflow/report/report.rst", "changed"),
        {f"{layout.SOURCES}/workflow/report/report.rst"},
        {layout.STATISTICS, FIGURE},
    ),
    "file added that nothing made": (
        lambda p, f: shutil.copy(f / FIGURE, f / "figures/fine.pdf"),
        *("figures/fine.pdf", "unrecorded"),
        set(),
        {FIGURE},
    ),
    "crate edited": (
        lambda p, f: edit(f / layout.CRATE, "Apache", "No"),
        *(layout.CRATE, "changed"),
        set(),
        {FIGURE},
    ),
    "crate and its record deleted": (
        lambda p, f: [(f / name).unlink() for name in (layout.CRATE, CRATED)],
        *((CRATED, layout.CRATE), "missing"),
        set(),
        {FIGURE},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_audit_names_the_first_broken_link_and_what_rests_on_it(
    project: Path, name: str
) -> None:
    plant, first, verdict, downstream, sound = FAULTS[name]
    plant(project, project / FOLDER)
    audit = Audit(project)
    assert audit.code == 1
    assert audit.first in (first if isinstance(first, tuple) else (first,)), audit.text
    assert audit.found[audit.first][0] == verdict
    assert downstream <= audit.downstream
    for path in sound:
        assert audit.found[path][0] == "verified"


def test_audit_tells_another_configuration(project: Path) -> None:
    config = json.loads((project / FOLDER / layout.EXPERIMENT).read_text())
    config["ensembles"][0]["depth"] = [5]
    audit = Audit(project, "--config", json.dumps(config))
    assert audit.code == 1 and not audit.text
    assert audit.error == (
        f"audit: {FOLDER}/{layout.EXPERIMENT} is of another configuration: "
        "ensembles.0.depth.0 was 4, is 5\n"
    )


def test_audit_names_what_an_earlier_configuration_left_over(project: Path) -> None:
    """A batch of circuits that this experiment has no use for, whoever records it."""
    draw(project, 4, 1, seed=7)
    batch = layout.batch(4, 0, 1)
    record = project / FOLDER / layout.record("sample_circuits", batch)
    record.parent.mkdir(exist_ok=True)
    shutil.copy(project / FOLDER / DRAWN, record)
    audit = Audit(project)
    assert audit.code == 1
    left = {path for path, (verdict, _) in audit.found.items() if verdict != "verified"}
    assert left == {batch, layout.record("sample_circuits", batch)}
    assert audit.found[batch] == (
        "unrecorded",
        "no record of this experiment says what made it",
    )


# What a forger changes: the files, and every hash that would tell.


def forge(project: Path, *, sizes: bool = True) -> None:
    """Make all records, and the crate, agree with the files as they are."""
    folder = project / FOLDER

    def stamp(path: Path) -> None:
        values = json.loads(path.read_text())
        listed = [
            (e, project / e["path"]) for k in ("inputs", "outputs") for e in values[k]
        ]
        for entry, file in listed:
            if file.is_file():
                entry |= {"sha256": sha256(file)}
                entry |= {"bytes": file.stat().st_size} if sizes else {}
        path.write_text(json.dumps(values))

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
    (folder / layout.CRATE).write_text(json.dumps(crate))
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
        layout.PAPER.format(table="numbers"): lambda path: edit(path, "7", "8"),
        layout.REPORT: lambda path: edit(path, "Statistics", "Static"),
        layout.AGREEMENT: lambda path: path.write_text("Yes.\n"),
        layout.record("write_paper"): lambda path: edit(path, "write_paper.py", "x.py"),
        COMPUTED: lambda path: edit(path, "--seed 7", "--seed 8"),
        CRATED: lambda path: edit(path, "--steps", "--step"),
    }
    for name, change in edits.items():
        change(folder / name)
    forge(project)
    audit = all_of(project)
    assert audit.hashes_hold
    changed = {
        name for name, (verdict, _) in audit.found.items() if verdict == "changed"
    }
    # Samples and theory do not agree with this gradient: there is no other agreement.
    edits.pop(layout.AGREEMENT)
    assert audit.found[layout.AGREEMENT][0] == "downstream"
    assert {*edits} <= changed, {*edits} - changed
    reason = audit.found[GRADIENTS][1]
    assert re.match(r"identity\S*_width-2\S*, sample 0: gradient", reason), reason
    assert {BATCH, CIRCUIT, layout.batch(2, 0, 7)} <= {*audit.found} - changed


#: What a record may claim, and what is said of it.
MISSTATED: dict[str, tuple[dict[str, object], str]] = {
    "another step": ({"step": "sample_circuits"}, "step was 'sample_circuits', is"),
    "another command": ({"command": "python evil.py"}, "command was 'python evil.py'"),
    "another parameter": ({"parameters": {"seed": 8}}, "parameters.seed was 8, is 7"),
    "a parameter more": ({"parameters": {"gpu": True}}, "parameters.gpu was True"),
    "an input less": ({"inputs": []}, "inputs.0.0 was None, is 'batches'"),
}


@pytest.mark.parametrize("name", MISSTATED)
def test_a_record_says_what_the_workflow_does(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(project)
    path, (changes, said) = Path(FOLDER, COMPUTED), MISSTATED[name]
    copy([str(path)], tmp_path / "again")
    assert differs(str(path), tmp_path / "again") == ""
    record_of(project, COMPUTED, **changes)
    assert differs(str(path), tmp_path / "again").startswith(said)


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
    record.write_text(json.dumps(values))
    run("--configfile", "config/small.yaml", "--rerun-triggers", "mtime")
    for name, content in honest.items():
        assert (project / FOLDER / name).read_bytes() != content, name
    audit = all_of(project)
    assert audit.hashes_hold
    assert audit.code == 1 and audit.first == gradients
    assert f"{keys[0]}, sample 321: gradient " in audit.found.pop(gradients)[1]
    verdicts = {verdict for verdict, _ in audit.found.values()}
    assert verdicts == {"verified", "downstream"}, audit.text
    assert {*honest} <= audit.downstream


def rewrite(batch: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change the arrays of a batch."""
    with np.load(batch) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez_compressed(batch, **arrays)


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
    audit = all_of(project)
    assert audit.hashes_hold
    changed = {
        name for name, (verdict, _) in audit.found.items() if verdict == "changed"
    }
    # The page and the crate show what the records say.
    assert changed - {layout.CRATE, layout.REPORT} == {*edits}
    assert "parameters.seed was 8, is 7" in audit.found[DRAWN][1]
    assert audit.found[GRADIENTS][0] == "downstream"
    assert not (project / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        huge,
        lambda path: rewrite(path, turn),
        lambda path: rewrite(path, lambda arrays: arrays.update(more=np.ones(1))),
        lambda path: path.write_bytes(b"PK"),
        lambda path: os.truncate(path, 1000),
    ],
)
def test_archives_are_the_same_if_all_arrays_are(
    small: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    known, path = small / FOLDER / BATCH, tmp_path / "batch.npz"
    shutil.copy(known, path)
    rewrite(path, lambda arrays: None)  # otherwise compressed
    assert path.read_bytes() != known.read_bytes() and same_arrays(path, known)
    change(path)
    assert not same_arrays(path, known)


FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "theta": (lambda g: edit_a_number(g, "theta"), "theta is"),
    "a row more": (
        lambda g: g.write_text(g.read_text() + "a,theta,2,3,4\n"),
        "not the",
    ),
    "a row twice": (
        lambda g: g.write_text(g.read_text() + g.read_text().splitlines()[1] + "\n"),
        "not the table",
    ),
    "a row less": (
        lambda g: g.write_text(g.read_text().rpartition("\n")[0].rpartition("\n")[0]),
        "no gradient of",
    ),
    "a cell more": (lambda g: edit(g, "\n", ",x\n"), "not a table"),
    "other digits": (lambda g: g.write_text(g.read_text()[:-1] + "0\n"), "gradient is"),
    "bytes": (lambda g: g.write_bytes(b"\xff" + g.read_bytes()[1:]), "not the table"),
    "many bytes": (lambda g: os.truncate(g, 2**40), "at most"),
}


@pytest.mark.parametrize("name", FORGED)
def test_gradients_that_are_not_of_their_circuits_are_refused(
    small: Path, tmp_path: Path, name: str
) -> None:
    change, reason = FORGED[name]
    experiment = Experiment.read(small / FOLDER / layout.EXPERIMENT)
    batches = {
        program: read_batch(
            small / FOLDER / layout.batch(ensemble.width, 0, 7), ensemble, 7
        )
        for program, ensemble in experiment.programs.items()
    }
    path = tmp_path / "gradients.csv"
    shutil.copy(small / FOLDER / GRADIENTS, path)
    assert len(read_gradients(path, experiment.sampled, batches)) == 6
    change(path)
    with pytest.raises(BadInput, match=reason):
        read_gradients(path, experiment.sampled, batches)


def record_of(project: Path, name: str, **changes: object) -> None:
    """Change fields of a record."""
    path = project / FOLDER / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def listed(project: Path, path: str) -> None:
    """A record that lists a file of another place as an input."""
    values = json.loads((project / FOLDER / PLOTTED).read_text())
    entry = {"option": "more", "path": path, "bytes": 1, "sha256": "0"}
    record_of(project, PLOTTED, inputs=[*values["inputs"], entry])


def run_evil(project: Path) -> None:
    """A record whose step is code among the results."""
    (project / FOLDER / "evil.py").write_text("open('ran', 'w')")
    command = f"python {FOLDER}/evil.py"
    record_of(project, PLOTTED, step=f"../{FOLDER}/evil", command=command)


def in_another_environment(project: Path) -> None:
    """In one that there is, but not the step's."""
    other = json.loads((project / FOLDER / SUMMARISED).read_text())
    record_of(project, DRAWN, environment=other["environment"])


def environment(project: Path, **changes: object) -> None:
    values = json.loads((project / FOLDER / DRAWN).read_text())
    record_of(project, DRAWN, environment=values["environment"] | changes)


CLAIMED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    # what a record claims: how it is planted, the broken file, words of the line
    "code of its own": (run_evil, PLOTTED, "not a record"),
    "a path upwards": (lambda p: listed(p, "../secret"), PLOTTED, "not a record"),
    "an absolute path": (
        lambda p: listed(p, "/etc/passwd"),
        PLOTTED,
        "not a record",
    ),
    "a name that a terminal obeys": (
        *(lambda p: listed(p, "\x1b]0;x\x07"), PLOTTED, "not a record"),
    ),
    "no environment": (
        *(lambda p: record_of(p, DRAWN, environment=None), DRAWN, "not a record"),
    ),
    "another lock": (
        lambda p: environment(p, lock_sha256="0"),
        *("envs/circuits.requirements.txt", "not the bytes that .*sample_circuits"),
    ),
    "other pins": (
        lambda p: environment(p, pins_sha256="0"),
        *("envs/circuits.linux-64.pin.txt", "not the bytes that .*sample_circuits"),
    ),
    "another package": (
        lambda p: environment(p, packages={"numpy": "1.0"}),
        *(DRAWN, "package numpy was '1.0', is '2.0.2'"),
    ),
    "another environment": (
        *(in_another_environment, DRAWN, "environment was 'tables', is 'circuits'"),
    ),
    "no code": (lambda p: record_of(p, DRAWN, code=[]), DRAWN, "code lacks scripts/"),
    "another deployer": (
        *(lambda p: environment(p, deployer="me"), DRAWN, "no deployer 'me'"),
    ),
    "a deep nest": (
        lambda p: (p / FOLDER / PLOTTED).write_text("[" * 100_000),
        *(PLOTTED, "not JSON"),
    ),
    "a size": (
        lambda p: edit(p / FOLDER / DRAWN, '"bytes": ', '"bytes": 1'),
        *(BATCH, "not the bytes that .*sample_circuits"),
    ),
}


@pytest.mark.parametrize("name", CLAIMED)
def test_audit_takes_no_record_at_its_word(project: Path, name: str) -> None:
    plant, path, words = CLAIMED[name]
    plant(project)
    with suppress(
        TypeError, ValueError, RecursionError
    ):  # of some the plant has made no record
        forge(project, sizes=name != "a size")
    audit = Audit(project)
    assert audit.code == 1
    verdict, reason = audit.found[path]
    assert verdict == "changed" and re.search(words, reason), (verdict, reason)
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
        lambda f: (f / layout.EXPERIMENT).write_text("{" * 100_000),
        "not JSON",
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
            *(sys.executable, "-s", "-E", "scripts/tools/audit.py", FOLDER),
            *("--config", config, "--snakemake", "false"),
        ],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("audit: ") and done.stderr.count("\n") == 1
    assert re.search(words, done.stderr) and "\x1b" not in done.stderr


def test_what_is_printed_never_commands_a_terminal() -> None:
    assert plain("a\x1b[2J\r\n\u202eb") == r"a\x1b[2J\r\n\u202eb"
    assert len(plain("x" * 10_000)) < 1000


def test_json_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.touch()
    os.truncate(path, 2**32)
    with pytest.raises(BadInput, match="at most"):
        read_json(path)


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
    assert power([Check("", 0.0, 0, 300, 1)] * 2) == pytest.approx(expected)
    assert power([Check("", 0.0, 0, 600, 3)]) == pytest.approx(1 - 0.8**2)
    assert power([]) == 0  # of theory alone, or where no gradients can be read
    assert found / times > expected - 3 * (0.25 / times) ** 0.5


def chosen(choice: Choice, number: int) -> list[int]:
    return choice.rows(choice.experiment.sampled[number], 0, 99)


def test_a_choice_follows_from_its_seed_and_fits_the_budget(small: Path) -> None:
    experiment = Experiment.read(small / FOLDER / layout.EXPERIMENT)
    assert Choice.within(None, experiment, 1).each == 12
    few = Choice.within(1e-9, experiment, 1)
    assert few.each == 1 and 0 < few.power([Check("", 0.0, 0, 72, 1)]) < 0.2
    choices = [
        [chosen(Choice(experiment, 3, seed), n) for n in range(6)] for seed in (1, 1, 2)
    ]
    assert choices[0] == choices[1] != choices[2]
