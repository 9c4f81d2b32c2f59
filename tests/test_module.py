"""The workflow in other people's hands: their module, deployed, catalogued, cited."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from barren.runner import layout
from conftest import ROOT, run_in, snakemake_program
from test_documents import blocks
from test_environments import Project

MODULE = ROOT / "workflow" / "docs" / "module.md"
#: Newer than the project's own.
NEWEST = ROOT / ".venvs" / "slurm" / "bin" / "snakemake"
SNAKEDEPLOY = ROOT / ".venvs" / "snakedeploy" / "bin" / "snakedeploy"
#: Where the repository of the tests stands in for that of `OWNER` on GitHub.
ADDRESS = "https://github.com/OWNER/barren-plateaus"
TAG = f"v{yaml.safe_load((ROOT / 'CITATION.cff').read_text())['version']}"
#: An experiment in seconds.
TINY = {
    "experiment": "tiny",
    "seed": 7,
    "samples": 4,
    "batch_size": 4,
    "ensembles": [{"family": "random", "width": [2], "depth": [2]}],
}
NOTHING = "Nothing to be done"

Git = Callable[..., str]


def git(*arguments: str | Path) -> str:
    """What git prints."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *who, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, tag: str) -> None:
    """Commit all of a folder and tag it."""
    git("-C", folder, "add", "--all")
    git("-C", folder, "commit", "--quiet", "--message", "A version")
    git("-C", folder, "tag", tag)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in a git repository of its own, with two tagged versions."""
    folder = tmp_path_factory.mktemp("host") / "OWNER" / "barren-plateaus"
    kept = "--cached", "--others", "--exclude-standard"
    for name in git("-C", ROOT, "ls-files", *kept).splitlines():
        source = ROOT / name
        if not name.startswith("results/") and source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not source.is_symlink():
                shutil.copy(source, folder / name)
    git("init", "--quiet", folder)
    commit(folder, TAG)
    # A later version: another step, and another schema.
    with (folder / "scripts" / "write_paper.py").open("a") as script:
        script.write("# of a later version\n")
    schema = folder / "workflow" / "schemas" / "config.schema.yaml"
    text = schema.read_text()
    assert "\n  samples:\n" in text
    schema.write_text(text.replace("\n  samples:\n", "\n  circuits:\n", 1))
    commit(folder, "later")
    return folder


@pytest.fixture
def internet(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For git, the tests' repository is at its public address."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    place = f"url.{repository.as_uri()}.insteadOf"
    monkeypatch.setenv("GIT_CONFIG_KEY_0", place)
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", ADDRESS)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def workflow(folder: Path, snakefile: str, **configuration: object) -> Path:
    """Somebody's workflow, which shares the environments of the tests."""
    (folder / "workflow").mkdir(parents=True, exist_ok=True)
    (folder / "config").mkdir(exist_ok=True)
    (folder / "workflow" / "Snakefile").write_text(snakefile)
    (folder / "config" / "config.yaml").write_text(json.dumps(configuration))
    (folder / ".venvs").symlink_to(ROOT / ".venvs")
    return folder


def source(repository: Path, tag: str) -> str:
    """A tagged Snakefile, as Snakemake names one in a local repository."""
    return f"git+{repository.as_uri()}/workflow/Snakefile@{tag}"


def records(results: Path) -> dict[str, dict[str, object]]:
    """What the steps of an experiment recorded, by step."""
    found = {}
    for path in (results / "records").rglob("*.json"):
        record = json.loads(path.read_text())
        found[record["step"]] = record
    return found


def checkouts(folder: Path) -> list[Path]:
    """Where versions of the project are in somebody's working directory."""
    return [*(folder / ".snakemake" / "barren-plateaus").iterdir()]


TWO = """\
configfile: "config/config.yaml"


module local:
    snakefile: "{root}/workflow/Snakefile"
    config: config["local"]
    prefix: "below"
    pathvars: results="found/tiny"


module tagged:
    snakefile: "{source}"
    config: config["tagged"]


use rule * from local as local_*
use rule * from tagged as tagged_*


onstart:
    local.onstart()
    tagged.onstart()


rule theirs:
    default_target: True
    input:
        rules.local_all.input,
        rules.tagged_all.input,
    output:
        "theirs.txt",
    shell:
        "cat {{input[0]}} > {{output}}"
"""
#: A circuit of theirs, in a file of theirs.
CIRCUIT = """\
import cirq
import sympy


def mine(qubits):
    turns = [cirq.rx(sympy.Symbol(f"t{i}"))(q) for i, q in enumerate(qubits)]
    return cirq.Circuit(turns, cirq.CZ(*qubits[:2]))
"""


def test_two_modules_run_in_one_workflow(repository: Path, tmp_path: Path) -> None:
    """One from a folder, results elsewhere; one from a tag, a circuit of theirs."""
    own = {"family": "ansatz", "circuit": "circuits/mine.py:mine", "width": [2]}
    folder = workflow(
        tmp_path / "theirs",
        TWO.format(root=ROOT, source=source(repository, TAG)),
        local=TINY,
        tagged=TINY | {"ensembles": [own]},
    )
    (folder / "circuits").mkdir()
    (folder / "circuits" / "mine.py").write_text(CIRCUIT)
    run = run_in(folder, NEWEST)
    done = run()
    # The time left is known of the steps of the one whose onstart is called.
    assert re.search(r"\d+ steps, about \d+ s on 2 cores", done.stdout + done.stderr)
    assert (folder / "theirs.txt").stat().st_size
    places = Path("results/tiny"), Path("below/found/tiny")
    assert all((folder / place / layout.VERDICT).exists() for place in places)
    # Nothing of theirs is anywhere else, and nothing of ours is beside it.
    names = {path.name for path in folder.iterdir()} - {".snakemake", ".venvs"}
    mine = {"workflow", "config", "circuits"}
    assert names == {*mine, "below", "results", "logs", "theirs.txt"}
    assert [path.name for path in (folder / "config").iterdir()] == ["config.yaml"]
    [checkout] = checkouts(folder)
    version = git("-C", repository, "rev-parse", TAG).strip()
    assert version.startswith(checkout.name)
    # Records name code from the project, results and circuits from where they are.
    tagged, local = (records(folder / place) for place in places)
    assert tagged.keys() - local.keys() == {"build_circuits"}
    for place, steps in zip(places, (tagged, local), strict=True):
        for step, record in steps.items():
            assert record["command"].startswith(f"python scripts/{step}.py ")
            assert all(f["path"].startswith("scripts/") for f in record["code"])
            produced = {f["path"] for f in record["outputs"]}
            assert all(p.startswith(f"{place}/") for p in produced)
    assert {r["source"]["commit"] for r in tagged.values()} == {version}
    assert all(record["source"]["clean"] for record in tagged.values())
    sources = [f["path"] for f in tagged["build_circuits"]["inputs"]]
    assert sources == ["circuits/mine.py"]
    assert NOTHING in run().stderr
    # The crate has the workflow of the project, not theirs, and both audits hold.
    copies = folder / "results" / "tiny" / layout.SOURCES
    ours = checkout / "workflow" / "Snakefile"
    assert (copies / "workflow" / "Snakefile").read_text() == ours.read_text()
    assert (copies / "circuits" / "mine.py").read_text() == CIRCUIT
    for target in ("tagged_audit", "local_audit"):
        audit = run(target, "--quiet", "all")
        assert "audit: everything holds" in audit.stdout + audit.stderr
    # What one keeps, it finds again; an archive has the circuits of one's own.
    run("local_reference")
    assert "REPRODUCED" in run("local_verify").stdout
    run("tagged_archive")
    with tarfile.open(folder / "results" / "tiny.tar.gz") as archive:
        assert "barren-plateaus-tiny/circuits/mine.py" in archive.getnames()
    # Their report has our figures and captions, and their own beginning.
    run("--report", "report.html")
    report = (folder / "report.html").read_text()
    assert (
        "Answer, verdict, figures and numbers" in report
        and "Barren plateaus:" not in report
    )


def test_two_versions_do_not_mix(repository: Path, tmp_path: Path) -> None:
    """Each has its own schema, scripts and Python package in the one process."""
    # The later version calls `samples` something else, and only there.
    later = {"circuits" if k == "samples" else k: v for k, v in TINY.items()}
    folder = workflow(
        tmp_path / "theirs",
        TWO.format(root=ROOT, source=source(repository, "later")),
        local=TINY,
        tagged=later,
    )
    refused = run_in(folder, NEWEST)("--dry-run", check=False)
    # Its schema lets the key pass; its code asks for the name that it had.
    assert "unknown key" not in refused.stdout + refused.stderr
    assert "'samples'" in refused.stdout + refused.stderr
    with (folder / "config" / "config.yaml").open("w") as file:
        json.dump({"local": TINY, "tagged": TINY}, file)
    refused = run_in(folder, NEWEST)("--dry-run", check=False)
    assert "unknown key samples" in refused.stdout + refused.stderr


FIRST = "results/tiny/experiment.json"


def test_snakemake_runs_in_another_directory(tmp_path: Path) -> None:
    """Of the project itself with --directory; results and logs are there."""
    elsewhere = workflow(tmp_path / "elsewhere", "", **TINY)
    run = run_in(ROOT)
    configuration = elsewhere / "config" / "config.yaml"
    run(FIRST, "--directory", elsewhere, "--configfile", configuration)
    assert json.loads((elsewhere / FIRST).read_text())["seed"] == 7
    assert (elsewhere / "logs" / "tiny" / "describe_experiment.log").exists()


ELSEWHERE = """\
configfile: "config/config.yaml"


module barren:
    snakefile: "{root}/workflow/Snakefile"
    config: config
    pathvars: results="{results}"


use rule * from barren
"""


def test_their_first_rule_is_what_they_make(tmp_path: Path) -> None:
    first = 'rule theirs:\n    shell:\n        "true"\n\n\n'
    text = first + ELSEWHERE.format(root=ROOT, results="out/mine")
    done = run_in(workflow(tmp_path / "theirs", text, **TINY))("-n", "--quiet", "rules")
    assert "theirs" in done.stdout + done.stderr
    assert "write_report" not in done.stdout + done.stderr


@pytest.mark.parametrize("logs", ["out/mine", "out/mine/logs"])
def test_logs_lie_outside_the_results(tmp_path: Path, logs: str) -> None:
    """An audit would call them extra."""
    text = ELSEWHERE.format(root=ROOT, results=f'out/mine", logs="{logs}')
    theirs = workflow(tmp_path / "theirs", text, **TINY)
    done = run_in(theirs)("-n", check=False)
    said = f"error: logs={logs}: allowed: a folder outside the results"
    assert done.returncode and said in done.stdout + done.stderr


@pytest.mark.parametrize("results", ["/tmp/results", "../results"])
def test_results_lie_in_the_working_directory(tmp_path: Path, results: str) -> None:
    text = ELSEWHERE.format(root=ROOT, results=results)
    theirs = workflow(tmp_path / "theirs", text, **TINY)
    done = run_in(theirs)("-n", check=False)
    said = f"error: results={results}: allowed: a folder in the working directory"
    assert said in (done.stdout + done.stderr).splitlines()


def test_a_url_is_refused_with_one_line(tmp_path: Path) -> None:
    """A file by itself has no project around it."""
    snakefile = tmp_path / "project.smk"
    text = (ROOT / "workflow" / "rules" / "project.smk").read_text()
    snakefile.write_text(text.replace("workflow.current_basedir", "'http://x'"))
    done = run_in(tmp_path)("--snakefile", snakefile, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert "error: http://x: only a folder or a git repository can be a module" in said


def test_readme_is_a_workflow(internet: None, tmp_path: Path) -> None:
    """The lines as they stand, from GitHub's address."""
    found = blocks("snakemake")
    [text] = [b.text for b in found if b.section == "Inside your own workflow"]
    assert TAG in text and "OWNER/barren-plateaus" in text
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 5
    start = 'configfile: "config/config.yaml"\n'
    folder = workflow(tmp_path / "theirs", start + text, barren=TINY)
    run = run_in(folder)
    run(FIRST)
    assert json.loads((folder / FIRST).read_text())["seed"] == 7
    assert NOTHING in run(FIRST).stderr


def test_the_page_on_modules_has_a_workflow(internet: None, tmp_path: Path) -> None:
    """With its configuration, as far as planning it."""
    page = [b for b in blocks("snakemake", "yaml") if b.document.endswith("module.md")]
    snakefile, configuration = page
    folder = workflow(tmp_path / "theirs", snakefile.text)
    (folder / "config" / "config.yaml").write_text(configuration.text)
    done = run_in(folder, NEWEST)("--dry-run", "--quiet", "rules")
    assert re.search(r"^paper +1$", done.stdout + done.stderr, re.M)


@pytest.mark.skipif(
    not SNAKEDEPLOY.exists(), reason="run make .venvs/snakedeploy/environment.json"
)
def test_snakedeploy_deploys_what_runs(internet: None, tmp_path: Path) -> None:
    folder = tmp_path / "deployed"
    deploy = [str(SNAKEDEPLOY), "deploy-workflow", ADDRESS, str(folder), "--tag", TAG]
    subprocess.run(deploy, check=True, capture_output=True)
    assert (folder / "config" / "README.md").exists()
    (folder / "config" / "config.yaml").write_text(json.dumps(TINY))
    (folder / ".venvs").symlink_to(ROOT / ".venvs")
    command = [snakemake_program(), "--cores", "all"]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    for name in (layout.VERDICT, layout.CRATE, layout.AGREEMENT):
        assert (folder / "results" / "tiny" / name).stat().st_size
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert NOTHING in again.stderr


TOY = """\
include: "rules/project.smk"
include: ROOT / "workflow/rules/environments.smk"

rule step:
    input:
        environment=environment("circuits"),
        script=project("scripts/step.py"),
    output:
        "step.json",
    conda:
        "../envs/circuits.yaml"
    params:
        python=python("circuits"),
    shell:
        "{params.python} {input.script} > {output}"
"""
USER = """\
module toy:
    snakefile: "{source}"
    config: {{}}
    prefix: "below"

use rule * from toy as toy_*
"""


@pytest.mark.parametrize("deployer", ["conda", "venv"])
def test_environments_are_the_projects_own(tmp_path: Path, deployer: str) -> None:
    """Built in the user's directory from the repository's locks, by either deployer."""
    toy = Project(tmp_path / "toy")
    toy.add_conda()
    (toy.folder / "workflow" / "Snakefile").write_text(TOY)
    git("init", "--quiet", toy.folder)
    commit(toy.folder, "v1")
    user = tmp_path / "user"
    user.mkdir()
    (user / "Snakefile").write_text(USER.format(source=source(toy.folder, "v1")))
    command = [snakemake_program(), "--cores", "1", "below/step.json"]
    command += ["--sdm", "conda"] if deployer == "conda" else []
    run = subprocess.run(
        command, cwd=user, env=toy.environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    where = ".snakemake/conda/" if deployer == "conda" else ".venvs/circuits-"
    step = json.loads((user / "below" / "step.json").read_text())
    assert step["found"] == ["toy"] and step["prefix"].startswith(where)
    run = subprocess.run(
        command, cwd=user, env=toy.environment, capture_output=True, text=True
    )
    assert NOTHING in run.stderr


# What is promised, and where it is registered.


#: What stands for a part of a name in workflow/docs/module.md.
PLACEHOLDERS = {"EXPERIMENT": "[a-z]+", "N": r"\d+", "FIRST": r"\d+", "LAST": r"\d+"}
PLACEHOLDERS |= {"PROGRAM": r"[\w.-]+_width-[\w.-]+", "FORMAT": "pdf|svg|png|csv|md"}
PLACEHOLDERS |= {"DIGEST": "[0-9a-f]{12}", "NAME": r"[\w-]+", "STEP": "[a-z_]+"}
PLACEHOLDERS |= {"TABLE": "[a-z]+", "WIDTHS": r"\d+(-\d+)?"}


def pattern(name: str) -> str:
    """A regular expression for the files that a documented name stands for."""
    parts = re.split(rf"(?<![A-Za-z])({'|'.join(PLACEHOLDERS)})(?![A-Za-z])", name)
    return "".join(
        f"(?:{PLACEHOLDERS[part]})" if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )


def test_the_promised_rules_and_outputs_are_those_of_the_workflow() -> None:
    """Every rule is in workflow/docs/module.md, with every file that it makes."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|$", MODULE.read_text(), re.M)
    promised = {rule: re.findall(r"`([\w./-]+\.\w+)`", cell) for rule, cell in rows}
    run = run_in(ROOT)
    assert {*promised} == {*run("--list-rules").stdout.split()}
    unseen = {(rule, name) for rule, names in promised.items() for name in names}
    record = re.compile(rf"{pattern('records/STEP')}(/.*)?\.json")
    targets = ("archive", "archive_crate", "benchmark")
    for arguments in (("all", *targets), ("--configfile", "config/ansatz.yaml")):
        summary = run("--summary", *arguments).stdout.splitlines()[1:]
        for path, _, rule, *_ in (line.split("\t") for line in summary):
            name = re.sub("^results/(tutorial|ansatz)/", "", path)
            if record.fullmatch(name):
                continue
            of = [p for p in promised[rule] if re.fullmatch(pattern(p), name)]
            assert of, f"{rule} makes {name}, which workflow/docs/module.md lacks"
            unseen -= {(rule, p) for p in of}
    assert not unseen


def test_the_version_is_one() -> None:
    """CHANGELOG.md has it; citation, README and the module's page say the same."""
    changes = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (\S+)", changes, re.M)
    assert versions and f"v{versions[0]}" == TAG
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
    for path in (ROOT / "README.md", MODULE):
        assert {*re.findall(r"\bv\d+\.\d+\.\d+", path.read_text())} <= {TAG}


def test_the_catalogue_finds_its_standardised_usage() -> None:
    """What the Snakemake workflow catalogue asks of a workflow that it lists."""
    for name in ("workflow/Snakefile", "config/README.md", "README.md", "LICENSE"):
        assert (ROOT / name).is_file()
    text = (ROOT / ".snakemake-workflow-catalog.yml").read_text()
    assert yaml.safe_load(text) == {
        "usage": {
            "software-stack-deployment": {
                "conda": True,
                "apptainer": False,
                "apptainer+conda": False,
                "report": True,
            }
        }
    }


def test_registries_find_a_diagram_and_the_documents() -> None:
    """By the names under which WorkflowHub's repo2rocrate looks for them."""
    diagram = ROOT / "images" / "rulegraph.svg"
    assert diagram.read_text().count("<svg") == 1
    for name in ("README.md", "LICENSE", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"):
        assert (ROOT / name).is_file()
    for name in ("rules", "report", "schemas", "docs"):
        assert (ROOT / "workflow" / name).is_dir()
    graph = run_in(ROOT)("--rulegraph", "dot", "--quiet", "all").stdout
    labels = dict(re.findall(r'(\d+)\[label = "(\w+)', graph))
    edges = {(labels[a], labels[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph)}
    text = diagram.read_text()
    node = r"<title>(\d+)</title>\n<path.*/>\n<text[^>]*>(\w+)</text>"
    labels = dict(re.findall(node, text))
    drawn = re.findall(r"<title>(\d+)&#45;&gt;(\d+)</title>", text)
    assert closure({(labels[a], labels[b]) for a, b in drawn}) == closure(edges), (
        "run snakemake --rulegraph dot | tred | dot -Grankdir=LR -Tsvg"
        " > images/rulegraph.svg"
    )


def closure(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What follows from what, by whatever way."""
    while more := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges = edges | more
    return edges


def test_lint_and_format_are_clean() -> None:
    """As the catalogue checks them."""
    program = Path(snakemake_program())
    env = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    for command in (["snakemake", "--lint"], ["snakefmt", "--check", "workflow"]):
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
