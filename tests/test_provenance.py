"""Records, the crate made from them, the comparison with a reference, and archives."""

import getpass
import json
import platform
import random
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest
import requests
import yaml
from requests_cache import CachedSession
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from runcrate.report import dump_crate_actions
from urllib3 import HTTPResponse

from barren import crate, provenance
from barren.provenance import File, Record, chain, compare_tables, read_records
from conftest import ROOT, Run, copy_project, run_in

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
FOLDER = "results/small"


def run_script(project: Path, name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a script, run in a copy of the project."""
    done = subprocess.run(
        [sys.executable, "-s", "-E", f"scripts/{name}.py", *arguments],
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
    assert len(texts) > 20
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
    records = records_of(small)
    drawn = [r for r in records if r["step"] == "sample_circuits"]
    for record in drawn:
        stream = record["parameters"]
        assert stream["seed"] == 7 and stream["stream"] == "seed_sequence"
        assert f"{stream['first']}-{stream['last']}.npz" in record["outputs"][0]["path"]
    for record in records:
        code = {file["path"] for file in record["code"]}
        assert (
            f"scripts/{record['step']}.py" in code and "scripts/barren/step.py" in code
        )
        environment = record["environment"]
        lock = small / provenance.lock(environment["name"])
        assert environment["lock_sha256"] == provenance.sha256(lock)
        assert environment["packages"]["numpy"] == "2.0.2"
        assert environment["deployer"] in {"venv", "conda"}
        assert record["start"] < record["end"] and record["processor_seconds"] > 0
        assert record["threads"] >= 1 and record["processor"]
        for file in record["outputs"]:
            path = small / file["path"]
            assert file["sha256"] == provenance.sha256(path)
            assert file["bytes"] == path.stat().st_size


def a_record(step: str, inputs: str = "", outputs: str = "", **more: object) -> Record:
    """A record with the given files, each with its own name for a hash."""
    files = [
        tuple(File(p, f"#{p}") for p in names.split()) for names in (inputs, outputs)
    ]
    record = Record(
        file=File(f"r/records/{step}.json", "#"),
        step=step,
        command="",
        parameters={},
        inputs=files[0],
        outputs=files[1],
        code=(),
        environment=None,
        source=None,
        threads=1,
        processor="",
        start="",
        end="",
    )
    return replace(record, **more)


def test_chain_puts_every_record_after_those_it_rests_on() -> None:
    records = [
        a_record("describe", "", "r/experiment.json"),
        a_record("draw", "", "r/batch"),
        a_record("compute", "r/batch", "r/gradients"),
        a_record("plot", "r/table", "r/figure"),
        a_record("gather", "r/gradients r/experiment.json", "r/table"),
        a_record("left", "", "r/other"),
    ]
    for seed in range(20):
        random.Random(seed).shuffle(records)
        steps = [r.step for r in chain(["r/figure"], records, "r/experiment.json")]
        assert sorted(steps) == ["compute", "describe", "draw", "gather", "plot"]
        order = {step: place for place, step in enumerate(steps)}
        assert order["describe"] < order["draw"] < order["compute"] < order["gather"]
        assert order["gather"] < order["plot"]


def test_chain_ends_even_if_records_form_a_ring() -> None:
    ring = [a_record("a", "r/y", "r/x"), a_record("b", "r/x", "r/y")]
    assert len(chain(["r/x"], ring, "r/experiment.json")) == 2


def test_two_records_that_claim_a_file_break_the_chain() -> None:
    records = [
        a_record("describe", "", "r/experiment.json"),
        a_record("plot", "", "r/figure"),
        a_record("forged", "", "r/figure"),
    ]
    present = {f.path: f.sha256 for r in records for f in (r.file, *r.outputs)}
    findings = provenance.judge("r", ["r/figure"], records, present, {}, {})
    verdicts = {finding.path: finding for finding in findings}
    assert verdicts["r/figure"].verdict == provenance.CHANGED
    assert "forged" in verdicts["r/figure"].reason


@pytest.mark.parametrize(
    ("expected", "actual", "excess"),
    [
        ("a,x\n1,0.5\n", "a,x\n1,0.5\n", 0),
        ("a,x\n1,0.5\n", "a,x\n1,0.5005\n", 0.5),
        ("a,x\n1,0.5\n", "a,x\n1,0.502\n", 2),
        ("a,x\n1,0.5\n", "a,x\n1,nan\n", float("inf")),
        ("a,x\n1,\n", "a,x\n1,\n", 0),
    ],
)
def test_tables_are_compared_in_units_of_the_tolerance(
    expected: str, actual: str, excess: float
) -> None:
    deviations = compare_tables(expected, actual, {"x": (0.0, 0.001)})
    assert max(d.excess for d in deviations) == pytest.approx(excess, rel=1e-6)


@pytest.mark.parametrize(
    "actual", ["a,x\n2,0.5\n", "a,x\n1,\n", "a,y\n1,0.5\n", "a,x\n1,0.5\n1,0.5\n"]
)
def test_other_keys_columns_or_rows_are_not_comparable(actual: str) -> None:
    with pytest.raises(ValueError):
        compare_tables("a,x\n1,0.5\n", actual, {"": (1.0, 1.0)})


def test_difference_names_the_first_place() -> None:
    old = {"seed": 1, "ensembles": [{"width": [4, 6]}]}
    assert provenance.difference("", old, json.loads(json.dumps(old))) == ""
    new = {"seed": 1, "ensembles": [{"width": [4, 8]}]}
    assert provenance.difference("", old, new) == "ensembles[0].width[1] was 6, is 8"
    assert provenance.difference("", old, {"seed": 1}) != ""


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
    metadata = folder / provenance.CRATE
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
    records = records_of(small)
    behind = [r for r in records if r["step"] not in AFTER_THE_CRATE]
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
    assert rules | {"workflow/Snakefile", "scripts/barren/step.py"} <= sources
    for path in sources:
        assert listed[copies + path] == provenance.sha256(small / path)
        assert (small / copies / path).read_bytes() == (small / path).read_bytes()


#: Steps that read what the crate lists, or write it.
AFTER_THE_CRATE = ("assemble_crate", "confirm_agreement", "write_pages")


def read_crate_in(small: Path) -> dict[str, str]:
    graph = json.loads((small / FOLDER / provenance.CRATE).read_text())["@graph"]
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
    monkeypatch.setattr(provenance, "ROOT", small)
    monkeypatch.setattr("barren.step.ROOT", small)
    monkeypatch.chdir(small)
    metadata = json.loads(Path(FOLDER, provenance.CRATE).read_text())["@graph"]
    run = next(e for e in metadata if e["@id"] == "#run")
    targets = [f"{FOLDER}/{result['@id']}" for result in run["result"]]
    records = read_records(Path(FOLDER, "records"))
    texts = set()
    for seed in range(3):
        random.Random(seed).shuffle(records)
        ordered = chain(targets, records, f"{FOLDER}/experiment.json")
        files = [
            File(path, provenance.sha256(Path(path)), Path(path).stat().st_size)
            for path in provenance.sources(ordered)
        ]
        made = crate.describe_run(FOLDER, ordered, targets, files, "9")
        texts.add(crate.write(made).replace('"softwareVersion": "9"', ""))
    assert len(texts) == 1


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
def compared(small: Path, tmp_path: Path) -> Path:
    """A copy of the project with the small experiment as its own reference."""
    project = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, project / FOLDER)
    reference = project / "results" / "reference" / "small"
    reference.mkdir(parents=True)
    for name in ("tables", "figures"):
        shutil.copytree(project / FOLDER / name, reference / name)
    for name in ("experiment.json", "verdict.md"):
        shutil.copy(project / FOLDER / name, reference / name)
    return project


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def test_verify_says_in_one_line_that_the_reference_is_reproduced(
    compared: Path,
) -> None:
    code, text = run_script(compared, "verify", FOLDER)
    assert code == 0
    last = text.splitlines()[-1]
    assert re.fullmatch(r"REPRODUCED: (\d+) files: \1 the same to the byte", last)


def shift(path: Path, column: str, factor: float) -> None:
    """Multiply the first number of a column."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    at = lines[0].index(column)
    lines[1][at] = repr(float(lines[1][at]) * factor)
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def test_verify_allows_what_processors_may_differ_by(compared: Path) -> None:
    tables = compared / FOLDER / "tables"
    shift(tables / "statistics.csv", "variance", 1 + 1e-9)
    shift(tables / "theory.csv", "exact_variance", 1 + 1e-13)
    figure = compared / FOLDER / "figures" / "gradient_variance_random"
    shift(figure.with_suffix(".csv"), "sampled", 1 + 1e-9)
    figure.with_suffix(".png").write_bytes(b"drawn from other digits")
    code, text = run_script(compared, "verify", FOLDER)
    assert code == 0
    assert "4 within tolerance" in text.splitlines()[-1]


@pytest.mark.parametrize(
    "plant",
    [
        lambda f: shift(f / "tables" / "statistics.csv", "variance", 1.02),
        lambda f: shift(f / "tables" / "theory.csv", "exact_variance", 1 + 1e-8),
        lambda f: shift(f / "tables" / "gradients.csv", "sample", 2),
        lambda f: edit(f / "tables" / "claims.csv", r",\w+\n$", ",supported indeed\n"),
        lambda f: (f / "figures" / "random_vs_identity.png").write_bytes(b"other"),
        lambda f: (f / "figures" / "random_vs_identity.svg").unlink(),
        lambda f: (f / "verdict.md").write_text("All is well."),
    ],
)
def test_verify_tells_what_is_not_the_reference(compared: Path, plant) -> None:
    plant(compared / FOLDER)
    if not (compared / FOLDER / "tables" / "gradients.csv").exists():
        pytest.fail("the plant removed too much")
    code, text = run_script(compared, "verify", FOLDER)
    assert code == 1
    assert text.splitlines()[-1].startswith("NOT REPRODUCED")


def test_verify_refuses_another_experiment(compared: Path) -> None:
    edit(compared / FOLDER / "experiment.json", '"seed": 7', '"seed": 8')
    code, text = run_script(compared, "verify", FOLDER)
    assert code == 1
    assert text.strip() == (
        "verify: results/reference/small is of another experiment: seed was 7, is 8"
    )


def test_verify_takes_any_batch_size(compared: Path) -> None:
    path = compared / FOLDER / "experiment.json"
    edit(path, r'"batch_size": \d+', '"batch_size": 1')
    assert run_script(compared, "verify", FOLDER)[0] == 0


# Archives.


@pytest.fixture(scope="module")
def packed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the small experiment and both its archives."""
    project = copy_project(tmp_path_factory.mktemp("packed") / "project", small)
    shutil.copytree(small / FOLDER, project / FOLDER)
    for name in ("Makefile", "LICENSE"):
        shutil.copy(ROOT / name, project / name)
    for name in ("small.crate.zip", "small.tar.gz"):
        options = ("--folder", FOLDER, "--archive", f"results/{name}")
        code, text = run_script(project, "archive_experiment", *options)
        assert code == 0, text
    return project


def test_zipped_crate_is_whole(packed: Path, cache: Path, tmp_path: Path) -> None:
    archive = packed / "results" / "small.crate.zip"
    assert issues(archive, cache, Severity.REQUIRED) == []
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    listed = {path.removeprefix(f"{FOLDER}/") for path in read_crate_in(packed)}
    assert listed | {provenance.CRATE} <= names


def test_archive_can_be_audited_and_reproduced(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(packed / "results" / "small.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path)
    project = tmp_path / "barren-plateaus-small"
    assert not [name for name in names if "/.venv" in name or "/logs/" in name]
    assert {"Makefile", "LICENSE", "envs", "workflow"} <= {
        p.name for p in project.iterdir()
    }
    audit = run_script(project, "audit", FOLDER, "--samples", "0", "--longest", "0")
    assert audit[0] == 0, audit[1]
    (project / ".venvs").symlink_to(ROOT / ".venvs")
    run: Run = run_in(project)
    planned = run("--configfile", "config/small.yaml", "--dry-run").stdout
    for step in ("sample_circuits", "compute_gradients", "plot_variance"):
        assert re.search(rf"^{step} +\d+$", planned, re.MULTILINE), step


def test_archives_are_the_same_to_the_byte(packed: Path, tmp_path: Path) -> None:
    for name in ("small.crate.zip", "small.tar.gz"):
        first = (packed / "results" / name).read_bytes()
        options = ("--folder", FOLDER, "--archive", f"results/again-{name}")
        assert run_script(packed, "archive_experiment", *options)[0] == 0
        again = packed / "results" / f"again-{name}"
        assert again.read_bytes() == first
        again.unlink()


def test_archive_refuses_results_that_were_changed(small: Path, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project", small)
    shutil.copytree(small / FOLDER, project / FOLDER)
    with (project / FOLDER / "tables" / "statistics.csv").open("a") as file:
        file.write("\n")
    options = ("--folder", FOLDER, "--archive", "results/small.tar.gz")
    code, text = run_script(project, "archive_experiment", *options)
    assert code == 1
    assert text.startswith(
        f"archive_experiment: {FOLDER}/tables/statistics.csv: changed"
    )
    assert not (project / "results" / "small.tar.gz").exists()
