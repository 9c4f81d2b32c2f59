"""Records, the crate made from them, the comparison with a reference, and archives."""

import getpass
import itertools
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from requests_cache import CachedSession
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from runcrate.report import dump_crate_actions
from urllib3 import HTTPResponse

from barren import columns
from barren.physics.ensembles import BadInput
from barren.provenance import crate, records
from barren.provenance.compare import deviates, difference
from barren.provenance.records import read_record
from barren.runner import configuration, layout
from barren.runner.experiment import Experiment, widths
from barren.runner.step import run as run_step
from barren.runner.step import sha256
from confirm_agreement import confirm_agreement
from conftest import ROOT, Run, copy_project, run_in
from test_audit import SNAKEMAKE
from verify import tolerances_of

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
FOLDER = "results/small"
REFERENCE = "results/reference/small/experiment.json"


def run_script(project: Path, name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a script, run in a copy of the project."""
    done = subprocess.run(
        [sys.executable, "-s", "-E", f"scripts/tools/{name}.py", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def records_of(small: Path) -> list[dict]:
    folder = small / FOLDER / "records"
    return [json.loads(path.read_text()) for path in folder.rglob("*.json")]


def test_records_name_no_user_host_or_absolute_path(small: Path) -> None:
    texts = [path.read_text() for path in (small / FOLDER).rglob("*.json")]
    assert len(texts) > 15
    names = {
        str(small),
        str(ROOT),
        str(Path.home()),
        platform.node(),
        getpass.getuser(),
    }
    for text in texts:
        for name in names - {""}:
            assert not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text), name
        # A path starts after a quote, a blank or an equals sign.
        assert not re.search(r"""["' =]/(?:usr|tmp|home|root|work|opt|var)/""", text)


def test_records_hold_what_made_each_file(small: Path) -> None:
    found = records_of(small)
    drawn = [r for r in found if r["step"] == "sample_circuits"]
    for record in drawn:
        stream = record["parameters"]
        assert stream["seed"] == 7 and stream["stream"] == "seed_sequence"
        samples = f"samples-{stream['first']}-{stream['last']}.npz"
        assert samples in record["outputs"][0]["path"]
    for record in found:
        code = {file["path"] for file in record["code"]}
        assert (
            f"scripts/{record['step']}.py" in code
            and "scripts/barren/runner/step.py" in code
        )
        environment = record["environment"]
        lock = small / records.lock(environment["name"])
        assert environment["lock_sha256"] == sha256(lock)
        assert environment["packages"]["numpy"] == "2.0.2"
        assert environment["deployer"] in {"venv", "conda"}
        assert record["start"] < record["end"] and record["processor_seconds"] > 0
        assert record["threads"] >= 1 and record["processor"]
        for file in record["outputs"]:
            path = small / file["path"]
            assert file["sha256"] == sha256(path)
            assert file["bytes"] == path.stat().st_size


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        ("a,mean\n1,0.5\n", ""),
        ("a,mean\n1,0.5005\n", ""),
        ("a,mean\n1,0.502\n", "mean is '0.502', was '0.5'"),
        ("a,mean\n1,nan\n", "mean is 'nan'"),
        ("a,mean\n1.0005,0.5\n", "a is '1.0005'"),
        ("a,mean\n1,\n", "mean is ''"),
        ("a,std\n1,0.5\n", "mean is 'std'"),
        ("a,mean\n1,0.5\n1,0.5\n", "other rows"),
        ("a,mean\n1,0.50\n", "mean is '0.50'"),
        ("a,mean\n1,5e-1\n", "mean is '5e-1'"),
        ("a,mean\n1,0.5 \n", "mean is '0.5 '"),
        ("a,mean\n1,0.5_0\n", "mean is '0.5_0'"),
        ("a,mean\n1,\u0660.5\n", "mean is "),
        ('a,mean\n1,"0.5"\n', "other quotes"),
        ("a,mean\r\n1,0.5\r\n", "ends of lines"),
        ("\ufeffa,mean\n1,0.5\n", "row 0: a is "),
        ("a,mean\n1,0.5,2\n", "other rows or columns"),
        ("\n", "other rows"),
    ],
)
def test_numbers_alone_are_compared_within_a_tolerance(actual: str, words: str) -> None:
    said = deviates(b"a,mean\n1,0.5\n", actual.encode(), default=(0.0, 0.001))
    assert words in said if words else not said


def test_tables_of_other_text_are_told() -> None:
    assert deviates(b"a\n", b"\xff\n", default=(1.0, 1.0))


@pytest.mark.parametrize(
    ("old", "new"), [("0.9999999999", "1"), ("-1", "-1.0001"), ("-1.0001", "-1")]
)
def test_whole_numbers_have_no_tolerance(old: str, new: str) -> None:
    said = deviates(
        f"mean\n{old}\n".encode(), f"mean\n{new}\n".encode(), None, (0.01, 0.0)
    )
    assert f"mean is '{new}', was '{old}'" in said


@pytest.mark.parametrize("key", [columns.SIGMA, "a_keyword"])
def test_keys_have_no_tolerance(key: str) -> None:
    """Rows with another are of no ensemble: what is made of them leaves them out."""
    said = deviates(f"{key}\n0.1\n".encode(), f"{key}\n0.1000000001\n".encode())
    assert f"{key} is '0.1000000001', was '0.1'" in said


def test_a_tolerance_is_of_its_column() -> None:
    tables = b"a,mean\n0.5,0.5\n", b"a,mean\n0.5,0.51\n", b"a,mean\n0.51,0.5\n"
    assert not deviates(tables[0], tables[1], {"mean": (0.1, 0.0)})
    assert "a is '0.51'" in deviates(tables[0], tables[2], {"mean": (0.1, 0.0)})
    # By default one in the last digit.
    one, near, far = (f"mean\n0.{of}\n".encode() for of in (1, 10**9 + 1, 10**9 + 3))
    assert not deviates(one, near) and deviates(one, far)


def test_difference_names_the_first_place() -> None:
    old = {"seed": 1, "ensembles": [{"width": [4, 6]}]}
    assert difference(old, json.loads(json.dumps(old))) == ""
    new = {"seed": 1, "ensembles": [{"width": [4, 8]}]}
    assert difference(old, new) == "ensembles.0.width.1 was 6, is 8"
    assert difference(old, {"seed": 1}) != ""


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("end"),
        lambda record: record.update(evil=1),
        lambda record: record.update(inputs=[7]),
        lambda record: record["outputs"][0].update(evil=1),
        lambda record: record["code"][0].pop("sha256"),
    ],
)
def test_what_is_no_record_is_told(
    small: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    record = json.loads((small / FOLDER / layout.record("write_paper")).read_text())
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    assert read_record(path)["step"] == "write_paper"
    change(record)
    for text in (json.dumps(record), json.dumps(record)[:100]):
        path.write_text(text)
        with pytest.raises(BadInput, match=r"record.json: not a whole record; delete"):
            read_record(path)


# The crate.


class _FromDisk(requests.adapters.BaseAdapter):
    """Serves the context of RO-Crate 1.1 from the tests' data, and nothing else."""

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        assert request.url == CONTEXT
        text = (ROOT / "tests/data/ro-crate-1.1-context.jsonld").read_bytes()
        response = requests.Response()
        response.status_code, response.url, response.request = 200, CONTEXT, request
        response.headers["Content-Type"] = "application/ld+json"
        response._content = text
        response.raw = HTTPResponse(
            BytesIO(text), headers=response.headers, status=200, preload_content=False
        )
        return response

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's cache, filled without the network."""
    path = tmp_path_factory.mktemp("cache") / "http"
    with CachedSession(
        cache_name=str(path), backend="sqlite", expire_after=-1
    ) as session:
        session.mount("https://", _FromDisk())
        assert session.get(CONTEXT).status_code == 200
    return path


def issues(place: Path, cache: Path, severity: Severity) -> list[str]:
    settings = ValidationSettings.parse(
        {
            "rocrate_uri": str(place),
            "profile_identifier": "provenance-run-crate-0.5",
            "requirement_severity": severity,
            "cache_path": str(cache),
            "offline": True,
        }
    )
    found = services.validate(settings).get_issues(severity)
    return [f"{issue.check.identifier}: {issue.message}" for issue in found]


def test_crate_conforms_to_provenance_run_crate(small: Path, cache: Path) -> None:
    assert issues(small / FOLDER, cache, Severity.REQUIRED) == []


def test_validator_sees_a_broken_crate(
    small: Path, cache: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "crate"
    shutil.copytree(small / FOLDER, folder)
    metadata = folder / layout.CRATE
    graph = json.loads(metadata.read_text())
    for entity in graph["@graph"]:
        if entity["@type"] == "ControlAction":
            del entity["instrument"]
    metadata.write_text(json.dumps(graph))
    assert issues(folder, cache, Severity.REQUIRED)


def test_recommendations_left_open_are_known(small: Path, cache: Path) -> None:
    """What has no true answer: an address of the project, who ran it, a README."""
    found = issues(small / FOLDER, cache, Severity.RECOMMENDED)
    known = ("SHOULD have a url", "SHOULD have a URL", "absolute URI", "README.md")
    known += ("SHOULD have an agent",)
    assert [issue for issue in found if not any(word in issue for word in known)] == []


def test_crate_lists_every_job_and_every_file(small: Path) -> None:
    metadata = ROCrate(small / FOLDER)
    actions = [e for e in metadata.contextual_entities if e.type == "CreateAction"]
    behind = [r for r in records_of(small) if r["step"] not in AFTER_THE_CRATE]
    assert len(actions) == len(behind) + 1
    commands = {action.get("description") for action in actions}
    assert {record["command"] for record in behind} <= commands
    listed = read_crate_in(small)
    for record in behind:
        for file in record["outputs"]:
            assert listed[file["path"]] == file["sha256"]
    copies = f"{FOLDER}/sources/"
    sources = {path.removeprefix(copies) for path in listed if path.startswith(copies)}
    rules = {
        str(path.relative_to(small)) for path in small.glob("workflow/rules/*.smk")
    }
    assert rules | {"workflow/Snakefile", "scripts/barren/runner/step.py"} <= sources
    for path in sources:
        assert listed[copies + path] == sha256(small / path)
        assert (small / copies / path).read_bytes() == (small / path).read_bytes()


#: Steps that read what the crate lists, or write it.
AFTER_THE_CRATE = ("assemble_crate", "confirm_agreement")


def read_crate_in(small: Path) -> dict[str, str]:
    graph = json.loads((small / FOLDER / layout.CRATE).read_text())["@graph"]
    return {f"{FOLDER}/{e['@id']}": e["sha256"] for e in graph if "sha256" in e}


def test_runcrate_reports_every_action(small: Path) -> None:
    report = StringIO()
    dump_crate_actions(str(small / FOLDER), report)
    text = report.getvalue()
    jobs = [r for r in records_of(small) if r["step"] not in AFTER_THE_CRATE]
    assert text.count("action: ") == len(jobs) + 1
    assert "tables/statistics.csv <- #parameter-plot_variance-statistics" in text


def test_crate_is_the_same_to_the_byte(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small)
    metadata = json.loads(Path(FOLDER, layout.CRATE).read_text())["@graph"]
    run = next(e for e in metadata if e["@id"] == "#run")
    targets = [f"{FOLDER}/{result['@id']}" for result in run["result"]]
    paths = Path(FOLDER, layout.RECORDS).rglob("*.json")
    found = [r for r in map(read_record, paths) if r["step"] not in AFTER_THE_CRATE]
    files = records.behind(found)
    crated = read_record(Path(FOLDER, layout.record("assemble_crate")))
    version = crated["parameters"]["snakemake"]
    text = crate.describe_run(FOLDER, found, targets, files, version)
    assert text == Path(FOLDER, layout.CRATE).read_text()
    # Also where jobs of a step started in the same millisecond.
    sampled = [record for record in found if record["step"] == "sample_circuits"]
    for record in sampled:
        record["start"] = sampled[0]["start"]
    one, other = (
        crate.describe_run(FOLDER, order, targets, files, version)
        for order in (found, found[::-1])
    )
    assert len(sampled) > 1 and one == other


def restamp(path: Path, key: str, name: str, digest: str) -> None:
    """Another hash of a file in a record."""
    record = json.loads(path.read_text())
    (file,) = (of for of in record[key] if of["path"].endswith(name))
    file["sha256"] = digest
    path.write_text(json.dumps(record))


def append(path: Path) -> str:
    """One more line; the hash of it all."""
    with path.open("a") as file:
        file.write("\n")
    return sha256(path)


BATCH = layout.batch(3, 0, 7)
DRAWN = layout.record("sample_circuits", BATCH)
OTHER = "names other bytes of"
#: What may be of another run than the rest; how it is told.
MIXED: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a target": (lambda p, f: append(f / layout.VERDICT), "verdict.md has other bytes"),
    "a lock": (
        lambda p, f: append(p / "envs/plot.requirements.txt"),
        rf"\w+.json {OTHER} envs/plot.requirements.txt than",
    ),
    "a script": (
        lambda p, f: append(p / "scripts/plot_variance.py"),
        rf"plot_variance.json {OTHER} scripts/plot_variance.py than",
    ),
    "a batch that was drawn again": (
        lambda p, f: restamp(f / DRAWN, "outputs", BATCH, append(f / BATCH)),
        rf"\w+.json {OTHER} {FOLDER}/{BATCH} than",
    ),
    "a batch that was edited": (
        lambda p, f: restamp(f / DRAWN, "outputs", BATCH, "0" * 64),
        f"{FOLDER}/{BATCH} has other bytes",
    ),
}


@pytest.mark.parametrize("name", [*MIXED, ""])
def test_a_crate_is_of_one_run(finished: Path, name: str) -> None:
    """All that records name is what others left, and the code that is here."""
    folder = finished / FOLDER
    told = read_record(folder / layout.record("assemble_crate"))["command"]
    command = told.partition(" --record ")[0].removeprefix("python ")
    (folder / layout.SOURCES / "left.py").touch()
    # An editor is open.
    (finished / "workflow" / "rules" / ".common.smk.swp").touch()
    plant, said = MIXED.get(name, (lambda p, f: None, ""))
    plant(finished, folder)
    before = (folder / layout.CRATE).read_bytes()
    done = subprocess.run(
        [sys.executable, "-s", "-E", *shlex.split(command)],
        cwd=finished,
        capture_output=True,
        text=True,
    )
    assert done.returncode == bool(name) and re.search(said, done.stderr), done.stderr
    assert (folder / layout.CRATE).read_bytes() == before
    assert (folder / layout.SOURCES / "left.py").exists() == bool(name)


def test_a_record_names_the_commit_of_this_project_alone(project: Path) -> None:
    """Not of another one that it was unpacked in; files beside it do not count."""

    def source() -> Any:
        code = "from barren.runner.step import _source; import json"
        return json.loads(
            subprocess.run(
                [sys.executable, "-c", f"{code}; print(json.dumps(_source()))"],
                cwd=project / "scripts",
                capture_output=True,
                check=True,
            ).stdout
        )

    def commit(folder: Path) -> str:
        git = ("git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x")
        for command in (["init"], ["add", "."], ["commit", "-m", "x"]):
            subprocess.run([*git, *command], check=True, capture_output=True)
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True
        )
        return head.stdout.strip()

    assert source() is None
    commit(project.parent)
    assert source() is None
    head = commit(project)
    (project / "notes.txt").touch()
    assert source() == {"commit": head, "clean": True}
    append(project / "scripts/plot_variance.py")
    assert source() == {"commit": head, "clean": False}


def test_a_record_names_no_repository_whose_hook_runs_the_workflow(
    project: Path, tmp_path: Path
) -> None:
    git = ("git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-qm", "x", "--allow-empty"], check=True)
    options = ("--configfile", "config/small.yaml")
    run_in(project)(
        f"{FOLDER}/experiment.json", *options, GIT_DIR=str(tmp_path / ".git")
    )
    path = project / FOLDER / layout.record("describe_experiment")
    assert json.loads(path.read_text())["source"] is None


def test_a_record_needs_an_environment_of_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header = ",".join((columns.CLAIM, columns.VERDICT, columns.STATEMENT))
    Path("claims.csv").write_text(f"{header}\n{columns.AGREEMENT},supported,so\n")
    options = "--claims claims.csv --agreement a.txt --record r.json"
    script = str(ROOT / "scripts/confirm_agreement.py")
    monkeypatch.setattr(sys, "argv", [script, *options.split()])
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(SystemExit, match="is no environment of this workflow: no env"):
        run_step(confirm_agreement)
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]
    Path("environment.json").write_text("{}")
    run_step(confirm_agreement)
    assert Path("a.txt").read_text() == "supported: so\n"
    assert read_record(Path("r.json"))["step"] == "confirm_agreement"


def test_author_is_that_of_the_citation_file() -> None:
    assert f'"{crate.AUTHOR}"' in (ROOT / "CITATION.cff").read_text()


def test_codecheck_lists_every_figure_and_table(tmp_path: Path) -> None:
    """Of the default experiment, as the workflow makes them."""
    manifest = yaml.safe_load((ROOT / "codecheck.yml").read_text())["manifest"]
    listed = {entry["file"] for entry in manifest}
    run = run_in(copy_project(tmp_path / "project"))
    made = {line.split("\t")[0] for line in run("--summary").stdout.splitlines()}
    shown = {
        path
        for path in made
        if re.search(r"/figures/.*\.pdf$|/tables/.*\.csv$|/verdict\.md$", path)
    }
    assert listed == shown


# The reference.


@pytest.fixture
def finished(small: Path, tmp_path: Path) -> Path:
    """A copy of the project with the small experiment."""
    project = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, project / FOLDER)
    return project


@pytest.fixture
def compared(finished: Path) -> Path:
    """A copy of the project with the small experiment as its own reference."""
    reference = finished / "results" / "reference" / "small"
    reference.mkdir(parents=True)
    for name in ("tables", "figures"):
        shutil.copytree(finished / FOLDER / name, reference / name)
    for name in ("experiment.json", "verdict.md"):
        shutil.copy(finished / FOLDER / name, reference / name)
    return finished


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def verify(project: Path, snakemake: str = SNAKEMAKE) -> tuple[int, str]:
    config = (project / FOLDER / layout.EXPERIMENT).read_text()
    options = ("--folder", FOLDER, "--config", config, "--reference", REFERENCE)
    return run_script(project, "verify", *options, "--snakemake", snakemake)


def test_verify_says_in_one_line_that_the_reference_is_reproduced(
    compared: Path,
) -> None:
    code, text = verify(compared)
    assert code == 0
    *_, audited, last = text.splitlines()
    assert audited.startswith("not compared, for the audit: ")
    assert {"batches", "records", layout.REPORT} < {*re.split(r", |: ", audited)}
    assert re.fullmatch(
        r"REPRODUCED: \d+ files: \d+ the same to the byte, 4 not in the reference", last
    )


def shift(path: Path, column: str, factor: float) -> None:
    """Multiply the first number of a column."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    at = lines[0].index(column)
    lines[1][at] = f"{float(lines[1][at]) * factor:.10g}"
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def test_verify_makes_again_what_follows_from_other_digits(compared: Path) -> None:
    """Of figures of other bytes those pass that show the numbers at hand."""
    folder, reference = compared / FOLDER, compared / "results/reference/small"
    shift(reference / layout.STATISTICS, "kurtosis", 1 + 1e-9)
    (reference / "figures/random_vs_identity.pdf").write_bytes(b"of other digits")
    (reference / layout.VERDICT).write_text("of other digits")
    code, text = verify(compared)
    assert code == 0, text
    assert "3 within tolerance" in text.splitlines()[-1]
    assert text.count("made again from the numbers at hand, the same") == 2
    (folder / "figures/random_vs_identity_std.pdf").write_bytes(b"")
    edit(folder / layout.VERDICT, "e", "i")
    code, text = verify(compared)
    assert code == 1
    within = re.findall(r"(?m)^(\S+) +within tolerance(.*)$", text)
    shows = ": made again from the numbers at hand, the same"
    assert within == [
        ("figures/random_vs_identity.pdf", shows),
        (layout.STATISTICS, ""),
    ]
    assert re.search(r"random_vs_identity_std.pdf +differs: comes out otherwise", text)
    assert re.search(r"verdict.md +differs: comes out otherwise", text)
    assert "2 within tolerance, 2 differs" in text.splitlines()[-1]


def test_verify_allows_qsim_what_its_kernels_differ_by(compared: Path) -> None:
    shift(compared / FOLDER / layout.GRADIENTS, "gradient", 1 + 1e-6)
    assert verify(compared, "false")[0] == 1
    for of in (FOLDER, "results/reference/small"):
        edit(compared / of / layout.EXPERIMENT, '"engine": "tfq"', '"engine": "qsim"')
    assert verify(compared, "false")[0] == 0
    shift(compared / FOLDER / layout.STATISTICS, "variance", 1.02)
    code, text = verify(compared, "false")
    assert code == 1 and "variance is" in text
    shift(compared / FOLDER / layout.STATISTICS, "variance", 1 / 1.02)
    # What theory says does not depend on the kernels.
    shift(compared / FOLDER / layout.STATISTICS, "exact_variance", 1.009)
    code, text = verify(compared, "false")
    assert code == 1 and "exact_variance is" in text


def test_tolerances_are_those_of_what_a_gradient_may_differ_by() -> None:
    """Of the smallest observable; the square of it for what is made of squares."""
    entry = {"family": "random", "width": [2], "depth": [3]}
    config = {
        "symbol": {"layer": 0, "qubit": 0},
        "observable": "Z0",
        "ensembles": [entry | {"observable": ["20 Z0 Z1", "10 Z0"]}],
    }
    found = tolerances_of(config | {"engine": "qsim"})
    assert found[layout.GRADIENTS] == {columns.GRADIENT: (0.0, pytest.approx(1e-4))}
    for column in columns.STATISTICS:
        root = column in {columns.MEAN, columns.STD}
        expected = (0.01, pytest.approx(1e-4 if root else 1e-8))
        assert found[layout.STATISTICS][column] == expected
    assert not any(tolerances_of(config | {"engine": "tfq"}).values())


@pytest.mark.parametrize(
    "plant",
    [
        lambda f: shift(f / "tables" / "statistics.csv", "variance", 1 + 1e-8),
        lambda f: shift(f / "tables" / "theory.csv", "exact_variance", 1 + 1e-8),
        lambda f: edit(f / "tables" / "gradients.csv", ",1,", ",2,"),
        lambda f: shift(f / "tables" / "gradients.csv", "gradient", 1 + 1e-7),
        lambda f: edit(f / "tables" / "claims.csv", r",\w+\n$", ",supported indeed\n"),
        lambda f: (f / "figures" / "random_vs_identity.png").write_bytes(b"other"),
        lambda f: (f / "figures" / "random_vs_identity.pdf").write_bytes(b""),
        lambda f: (f / "figures" / "random_vs_identity.svg").unlink(),
        lambda f: (f / "verdict.md").write_text("All is well."),
    ],
)
def test_verify_tells_what_is_not_the_reference(compared: Path, plant) -> None:
    plant(compared / FOLDER)
    code, text = verify(compared, "false")
    assert code == 1
    assert text.splitlines()[-1].startswith("NOT REPRODUCED")


def test_verify_refuses_another_experiment(compared: Path) -> None:
    edit(compared / FOLDER / "experiment.json", '"seed": 7', '"seed": 8')
    code, text = verify(compared, "false")
    assert code == 1
    assert text.strip() == (
        "verify: results/reference/small is of another experiment: seed was 7, is 8"
    )


def test_verify_takes_any_batch_size(compared: Path) -> None:
    path = compared / FOLDER / "experiment.json"
    edit(path, r'"batch_size": \d+', '"batch_size": 1')
    assert verify(compared, "false")[0] == 0


# Other processors and machines.

MULTIPLY = """
import hashlib, numpy
matrix = numpy.random.default_rng(1).normal(size=(50, 50))
print(hashlib.sha256(matrix @ matrix).hexdigest())
"""


def run_by(environment: str, *command: str | Path, **variables: str) -> str:
    """What a program prints in an environment of the workflow."""
    deploy = [sys.executable, "scripts/tools/deploy.py", "run", environment]
    done = subprocess.run(
        [*deploy, *map(str, command)],
        cwd=ROOT,
        env=os.environ | {"DEPLOYER": "venv"} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_kernels(kernels: str, *command: str) -> str:
    """What numpy prints with some kernels of OpenBLAS."""
    return run_by("circuits", *command, OPENBLAS_CORETYPE=kernels)


def test_kernels_of_processors_differ() -> None:
    """Or else the next test could not fail."""
    kinds = ("Haswell", "Nehalem")
    assert len({by_kernels(kind, "-c", MULTIPLY) for kind in kinds}) == 2


@pytest.mark.parametrize(
    "name", ["config", "costs", "grant", "mcclean", "observables", "sigma"]
)
def test_theory_is_the_same_by_the_kernels_of_other_processors(
    name: str, tmp_path: Path
) -> None:
    """Of all experiments, up to 8 qubits, to the byte."""
    config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    configuration.check(config)
    narrow = [w for w in widths(Experiment(config).ensembles) if w <= 8]
    told = Experiment(config).of_widths(narrow)
    tables = []
    for kind in ("Haswell", "Nehalem"):
        path = tmp_path / f"{kind}.csv"
        command = ["scripts/predict_variance.py", "--ensembles", json.dumps(told)]
        by_kernels(kind, *command, "--theory", str(path))
        tables.append(path.read_bytes())
    assert len(tables[0].splitlines()) > 100
    assert tables[0] == tables[1]


def test_figures_are_the_same_whatever_the_home_folder_has(
    small: Path, tmp_path: Path
) -> None:
    """A list of fonts that other programs left, or the user's settings of figures."""
    seen = {"MPLCONFIGDIR": str(tmp_path)}
    run_by("plot", "-c", "import matplotlib.font_manager", **seen)
    (path,) = tmp_path.glob("fontlist-*.json")
    listed = json.loads(path.read_text())
    for font in listed["ttflist"]:
        font["fname"] = "fonts/ttf/cmex10.ttf"
    path.write_text(json.dumps(listed))
    (tmp_path / "matplotlibrc").write_text("axes.grid: True\nsavefig.bbox: tight\n")
    results, name = small / FOLDER, "random_vs_identity.svg"
    tables = ("statistics", "theory", "fits")
    options = [(f"--{table}", results / f"tables/{table}.csv") for table in tables]
    options += [("--experiment", results / "experiment.json")]
    options += [("--figures", tmp_path / name)]
    run_by("plot", "scripts/plot_variance.py", *itertools.chain(*options), **seen)
    assert (tmp_path / name).read_bytes() == (results / "figures" / name).read_bytes()


# Archives.


@pytest.fixture(scope="module")
def packed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the small experiment and both its archives."""
    project = copy_project(tmp_path_factory.mktemp("packed") / "project", small)
    shutil.copytree(small / FOLDER, project / FOLDER)
    for name in ("Makefile", "LICENSE"):
        shutil.copy(ROOT / name, project / name)
    for name in ("small.crate.zip", "small.tar.gz"):
        code, text = pack(project, name)
        assert code == 0, text
    return project


def pack(project: Path, name: str) -> tuple[int, str]:
    options = ("--crate", f"{FOLDER}/{layout.CRATE}", "--archive", f"results/{name}")
    return run_script(project, "archive", *options)


def test_zipped_crate_is_whole(packed: Path, cache: Path, tmp_path: Path) -> None:
    archive = packed / "results" / "small.crate.zip"
    assert issues(archive, cache, Severity.REQUIRED) == []
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    listed = {path.removeprefix(f"{FOLDER}/") for path in read_crate_in(packed)}
    assert listed | {layout.CRATE} <= names


def test_archive_can_be_audited_and_reproduced(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(packed / "results" / "small.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path)
        found = [(of, archive.extractfile(of)) for of in archive]
        contents = {(of.size, of.mtime, file and file.read()) for of, file in found}
    # What Python has compiled of another version cannot be taken for one of these.
    sizes = [(size, date) for size, date, _ in contents if date >= 315619200]
    assert len({*sizes}) == len(sizes)
    project = tmp_path / "barren-plateaus-small"
    assert not [name for name in names if "/.venv" in name or "/logs/" in name]
    assert {"Makefile", "LICENSE", "envs", "workflow"} <= {
        p.name for p in project.iterdir()
    }
    config = (project / FOLDER / layout.EXPERIMENT).read_text()
    options = ("--folder", FOLDER, "--config", config)
    audit = run_script(project, "audit", *options, "--snakemake", SNAKEMAKE)
    assert audit[0] == 0, audit[1]
    (project / ".venvs").symlink_to(ROOT / ".venvs")
    run: Run = run_in(project)
    planned = run("--configfile", "config/small.yaml", "--dry-run").stdout
    for step in ("sample_circuits", "compute_gradients", "plot_variance"):
        assert re.search(rf"^{step} +\d+$", planned, re.MULTILINE), step


def test_archives_are_the_same_to_the_byte(packed: Path) -> None:
    for name in ("small.crate.zip", "small.tar.gz"):
        first = (packed / "results" / name).read_bytes()
        assert pack(packed, f"again-{name}")[0] == 0
        again = packed / "results" / f"again-{name}"
        assert again.read_bytes() == first
        again.unlink()


@pytest.mark.parametrize("name", [layout.STATISTICS, layout.AGREEMENT])
def test_archive_refuses_results_that_were_changed(finished: Path, name: str) -> None:
    with (finished / FOLDER / name).open("a") as file:
        file.write("\n")
    code, text = pack(finished, "small.tar.gz")
    assert code == 1
    assert text.startswith(f"archive: {FOLDER}/{name}: not the bytes")
    assert not (finished / "results" / "small.tar.gz").exists()


@pytest.mark.parametrize("name", ["../../config/small.yaml", "lost.csv", 7])
def test_archive_refuses_a_crate_that_lists_what_is_not_there(
    finished: Path, name: str | int
) -> None:
    """Also a file outside of the folder, whatever its hash."""
    path = finished / FOLDER / layout.CRATE
    text = json.loads(path.read_text())
    known = sha256(finished / "config/small.yaml")
    text["@graph"].append({"@id": name, "@type": "File", "sha256": known})
    path.write_text(json.dumps(text))
    code, told = pack(finished, "small.crate.zip")
    assert code == 1 and told.count("\n") == 1 and "not the bytes that crate" in told
    assert not (finished / "results" / "small.crate.zip").exists()


def test_archive_refuses_an_agreement_that_no_record_names(finished: Path) -> None:
    path = finished / FOLDER / layout.record("confirm_agreement")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"outputs": []}))
    code, told = pack(finished, "small.crate.zip")
    assert code == 1 and told.count("\n") == 1 and layout.AGREEMENT in told


@pytest.mark.parametrize("text", ["{}", '{"@graph": [1]}'])
def test_archive_refuses_what_is_no_crate(project: Path, text: str) -> None:
    (project / FOLDER).mkdir(parents=True)
    (project / FOLDER / layout.CRATE).write_text(text)
    code, told = pack(project, "small.crate.zip")
    assert (code, told) == (1, f"archive: {FOLDER}/{layout.CRATE}: not a crate\n")


def test_archive_packs_what_git_tracks_and_nothing_else(finished: Path) -> None:
    (finished / "README.md").write_text("Read me.\n")
    git = ("git", "-C", str(finished))
    parts = ("README.md", "workflow", "scripts", "envs", "config")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", *parts], check=True)
    (finished / "scripts" / "index.py").touch()
    (finished / "scripts" / "index.py").chmod(0o700)
    subprocess.run([*git, "add", "scripts/index.py"], check=True)
    (finished / "scripts" / "notes.txt").write_text("not to be shared")
    assert pack(finished, "small.tar.gz")[0] == 0
    with tarfile.open(finished / "results" / "small.tar.gz") as archive:
        names = archive.getnames()
        modes = {of.name.partition("/")[2]: of.mode for of in archive}
    assert modes["scripts/index.py"] == 0o755 and modes["README.md"] == 0o644
    assert "barren-plateaus-small/README.md" in names
    assert not [name for name in names if name.endswith("notes.txt")]


def test_archive_packs_nothing_where_git_does_not_tell(finished: Path) -> None:
    """As in a folder of another user: what it tracks is unknown, not everything."""
    (finished / ".git").write_text("gitdir: /nowhere\n")
    (finished / "notes.txt").write_text("not to be shared")
    code, said = pack(finished, "small.tar.gz")
    assert code == 1 and said.startswith("archive: git ls-files: fatal: ")
    assert said.count("\n") == 1


def test_archive_measures_nothing_again(project: Path) -> None:
    """Of a checkout that has the benchmark's results, as a fresh clone does."""
    shutil.copytree(ROOT / "results/benchmark", project / "results/benchmark")
    for path in (project / "results/benchmark").iterdir():
        os.utime(path, (1e9, 1e9))  # git may write the code after it
    git = ("git", "-C", str(project))
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "workflow", "scripts", "envs", "results"], check=True)
    dry = ("archive", "--configfile", "config/small.yaml", "--dry-run")
    planned = run_in(project)(*dry).stdout
    assert re.search(r"^archive +1$", planned, re.MULTILINE)
    assert not re.search(r"^benchmark +1$", planned, re.MULTILINE)


def test_archive_is_made_again_when_a_document_is_edited(
    small: Path, tmp_path: Path
) -> None:
    """Of the rule's inputs: README, tests and documents are among them."""
    project = copy_project(tmp_path / "project", small)
    for name in ("README.md", "workflow/docs/provenance.md", "tests/test_a.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("text\n")
    for name in (FOLDER, ".snakemake"):
        shutil.copytree(small / name, project / name, copy_function=shutil.copy2)
    run = run_in(project)
    options = ("archive", "--configfile", "config/small.yaml")
    run(*options, "--rerun-triggers", "mtime")
    dry = (*options, "--rerun-triggers", "mtime", "--dry-run")
    assert "Nothing to be done" in run(*dry).stdout
    for name in ("README.md", "workflow/docs/provenance.md", "tests/test_a.py"):
        with (project / name).open("a") as file:
            file.write("more\n")
        assert re.search(r"^archive +1$", run(*dry).stdout, re.MULTILINE), name
