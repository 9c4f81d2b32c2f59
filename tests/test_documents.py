"""What the documents say: every command and every block of code is run or parsed."""

import functools
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from conftest import ROOT, copy_project, run_in, snakemake_program

OUTPUTS = ROOT / "workflow" / "docs" / "outputs.md"
DOCUMENTS = sorted(
    path
    for folder in (ROOT, ROOT / "config", ROOT / "workflow" / "docs", ROOT / "results")
    for path in folder.glob("*.md")
)
SHELL = ("bash", "sh", "shell", "console")


class Block(NamedTuple):
    """A fenced block of a document."""

    document: str
    section: str
    line: int
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks in some languages."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text()
        for match in re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S):
            before = text[: match.start()]
            section = ["", *re.findall(r"^## (.*)$", before, re.M)][-1]
            place = str(path.relative_to(ROOT)), section, before.count("\n") + 1
            language, code = match.groups()
            found.append(Block(*place, language, textwrap.dedent(code)))
    return [block for block in found if block.language in languages]


def commands() -> list[str]:
    """Every command line, once, without its comment."""
    lines: dict[str, None] = {}
    for block in blocks(*SHELL):
        text = block.text.replace("\\\n", " ")
        lines |= dict.fromkeys(
            shlex.join(words)
            for line in text.splitlines()
            if (words := shlex.split(line, comments=True))
        )
    return list(lines)


def snakemake(project: Path, words: list[str]) -> None:
    """A dry run, of the rules or of what else is asked."""
    # Large batches: there are fewer jobs, of the same rules.
    words = [re.sub(r"^batch_size=\d+$", "batch_size=1000", word) for word in words]
    if "--profile" in words:
        # Its executor may not be installed here; the rest of the line is tried.
        at = words.index("--profile")
        profile = yaml.safe_load((project / words[at + 1] / "config.yaml").read_text())
        assert profile["executor"]
        words = [*words[:at], *words[at + 2 :], "--cores", "1"]
    if "--report" in words:
        return  # of a run that is over: see test_report.py
    dry = [] if "--lint" in words else ["-n"]
    done = subprocess.run(
        [snakemake_program(), *words, *dry],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def script(project: Path, words: list[str]) -> None:
    """A cheap script is run; of a dear one every option is looked up in its help."""
    name, *arguments = words
    if name.endswith("tools/deploy.py") and arguments[0] == "run":
        assert (project / "envs" / f"{arguments[1]}.requirements.txt").exists()
        script(project, arguments[2:])
        return
    path = project / name
    assert path.is_file(), name
    if name.endswith("tools/predict.py"):
        # As far as 12 qubits and layers, in no time.
        cut = [str(min(int(a), 12)) if a.isdecimal() else a for a in arguments]
        run_script(path, *(word for word, _ in itertools.groupby(cut)))
        return
    for argument in arguments:
        if re.match(r"--?[a-z]", argument):
            option = argument.partition("=")[0]
            texts = run_script(path, "--help") + path.read_text()
            assert option in texts, f"{name} has no {option}"


@functools.cache
def run_script(path: Path, *arguments: str) -> str:
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def module(words: list[str]) -> None:
    """A module of the tests' environment; what it is given exists."""
    name, *arguments = words
    subprocess.run(
        [sys.executable, "-c", f"import {name}"], check=True, cwd=ROOT / "scripts"
    )
    for argument in arguments:
        if "/" in argument:
            assert (ROOT / argument.partition("::")[0]).exists(), argument


def check(command: str, project: Path) -> None:
    """Run or parse a command; an unknown program is an error."""
    words = shlex.split(command)
    variables = dict(
        word.split("=", 1)
        for word in itertools.takewhile(re.compile("[A-Z_]+=").match, words)
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        check_words(words[len(variables) :], project)


def check_words(words: list[str], project: Path) -> None:
    program, *rest = words
    name = Path(program).name
    if name.startswith("python"):
        python(project, [word for word in rest if word not in {"-s", "-E"}])
    elif name == "make":
        subprocess.run(["make", "-n", *rest], cwd=ROOT, check=True, capture_output=True)
    elif name == "snakemake":
        snakemake(project, rest)
    elif name in {"snakefmt", "pdflatex"}:
        assert (ROOT / rest[-1]).exists()
    elif name in {"git", "cd", "snakedeploy"}:  # test_module.py runs the last
        assert rest
    else:
        raise AssertionError(f"nothing checks this command: {shlex.join(words)}")


def python(project: Path, words: list[str]) -> None:
    """A module, a test or a script; nothing is an interactive Python."""
    if words[:1] == ["-m"]:
        module(words[1:])
    elif words and words[0].startswith("tests/"):
        assert (ROOT / words[0]).is_file()
    elif words:
        script(project, words)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the files that the documents make up."""
    folder = copy_project(tmp_path_factory.mktemp("documented") / "project")
    write_examples(folder)
    return folder


def write_examples(project: Path, section: str = "") -> None:
    """Do to a copy of the project what the documents say, or a section of one."""
    for block in blocks("python", "rst", "snakemake", "yaml", "diff"):
        if block.document not in {"CONTRIBUTING.md", "README.md"}:
            continue
        if section not in {"", block.section}:
            continue
        first, _, rest = block.text.partition("\n")
        name, _, where = first.lstrip("#. ").partition(", ")
        path = project / name
        if block.language == "diff":
            insert(path, rest)
        elif where == "at the end":
            path.write_text(path.read_text() + rest)
        elif where.startswith("before "):
            place = "\n" + where.removeprefix("before ")
            text = path.read_text()
            assert text.count(place) == 1
            path.write_text(text.replace(place, f"\n{rest.strip()}\n\n{place}"))
        elif "/" in name and " " not in name:
            path.write_text(rest.lstrip("\n"))


def insert(path: Path, change: str) -> None:
    """Put the lines with + where those with - or without are, which it has once."""
    lines = change.splitlines(keepends=True)
    place = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text()
    assert text.count(place) == 1, (
        f"{path.name} has {place!r} {text.count(place)} times"
    )
    path.write_text(text.replace(place, new))


@pytest.mark.parametrize("command", commands())
def test_commands(command: str, documented: Path) -> None:
    check(command, documented)


def test_a_wrong_command_is_noticed(documented: Path) -> None:
    for command in (
        "make nonsense",
        "snakemake --cores 1 results/tutorial/figures/nonsense.pdf",
        "python scripts/nonsense.py",
        "python scripts/tools/predict.py --nonsense 1",
        "nonsense",
    ):
        with pytest.raises((AssertionError, subprocess.CalledProcessError)):
            check(command, documented)


def test_the_worked_examples_run(small: Path, tmp_path: Path) -> None:
    """The figure and the step of CONTRIBUTING.md, in a copy of a finished run."""
    project = tmp_path / "project"
    shutil.copytree(small, project, symlinks=True)
    write_examples(project)
    shutil.rmtree(project / ".snakemake" / "locks", ignore_errors=True)
    results = Path("results", "small")
    figure = results / "figures" / "gradient_std_by_depth.svg"
    count = results / "tables" / "small_gradients.txt"
    run_in(project)(figure, count, "--configfile", "config/small.yaml")
    assert "<svg" in (project / figure).read_text()
    rows = (project / results / "tables" / "gradients.csv").read_text().splitlines()[1:]
    expected = sum(abs(float(row.split(",")[-1])) < 0.01 for row in rows)
    assert int((project / count).read_text()) == expected


@pytest.mark.parametrize("name", ["mine", "ring", "observable"])
def test_the_configurations_in_documents_are_valid(documented: Path, name: str) -> None:
    snakemake(documented, ["--cores", "1", "--configfile", f"config/{name}.yaml"])


def test_the_index_of_kept_results_is_current() -> None:
    from index import index

    reference = ROOT / "results" / "reference"
    text = (reference / "README.md").read_text()
    assert text == index(reference), "run scripts/tools/index.py"
    for target in re.findall(r'(?:\]\(|src="|href=")([^)"]+)', text):
        assert (reference / target).exists(), target
    folders = [path.parent.name for path in reference.glob("*/verdict.md")]
    assert all(f"[{name}]({name}/verdict.md)" in text for name in folders)


def test_an_answer_is_one_cell_of_the_index(tmp_path: Path) -> None:
    from index import row

    (tmp_path / "experiment.json").write_text('{"samples": 2, "seed": 1}')
    (tmp_path / "verdict.md").write_text("# Verdict\n\nOf |x|\none.\n\n| claim |\n")
    assert r" | Of \|x\| one. |" in row(tmp_path)


def test_the_environment_example_is_like_the_others() -> None:
    (example,) = (
        yaml.safe_load(block.text)
        for block in blocks("yaml")
        if block.text.startswith("# envs/")
    )
    real = yaml.safe_load((ROOT / "envs" / "tables.yaml").read_text())
    assert example.keys() == real.keys()
    assert example["channels"] == real["channels"]
    assert example["dependencies"][0] == real["dependencies"][0]
    assert example["dependencies"][-1].keys() == real["dependencies"][-1].keys()


def test_python_runs(tmp_path: Path) -> None:
    """Every other block of Python, by document, after a part of the tutorial."""
    project = copy_project(tmp_path / "project")
    gradients = "results/tutorial/gradients/widths-4-10_samples-0-199.csv"
    run_in(project)(gradients)
    sources: dict[str, str] = {}
    for block in blocks("python", "py"):
        if not block.text.startswith("# scripts/"):
            start = sources.get(block.document, "")
            blank = "\n" * (block.line - start.count("\n"))
            sources[block.document] = start + blank + block.text
    program = "".join(
        f"exec(compile({text!r}, {name!r}, 'exec'), {{}})\n"
        for name, text in sources.items()
    )
    assert "gallery.md" in program
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env=os.environ | {"PYTHONPATH": "scripts", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if "://" not in target and not target.startswith(("#", "mailto:")):
                file = path.parent / target.partition("#")[0]
                # Results but for the reference come from a run.
                assert file.exists(), f"{path.name} links to {target}"


@functools.cache
def rule_graph() -> str:
    """The rules of the tutorial's experiment as Mermaid, without colours."""
    done = subprocess.run(
        [snakemake_program(), "--rulegraph", "mermaid-js"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", done.stdout))
    edges = {
        (names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", done.stdout)
    }
    hidden = {"build_environment", "all"}
    lines = sorted(f"  {a} --> {b}" for a, b in edges if not {a, b} & hidden)
    return "\n".join(["graph LR", *lines])


def mermaid(text: str) -> str:
    """The graph in a document."""
    match = re.search(r"^```mermaid\n(.*?)\n```$", text, re.M | re.S)
    assert match
    return match.group(1)


def test_the_rule_graph_is_current() -> None:
    assert mermaid(OUTPUTS.read_text()) == rule_graph(), (
        "run .venvs/test/bin/python tests/test_documents.py"
    )


def test_every_output_is_in_the_table(project: Path) -> None:
    """Each with the rule that makes it, for the tutorial's experiment."""
    rows = re.findall(r"^\| `(\S+)` \| `(\w+)` \|", OUTPUTS.read_text(), re.M)
    listed = {
        name.replace("*", form): rule
        for name, rule in rows
        for form in ("pdf", "svg", "png", "csv")
    }
    summary = subprocess.run(
        [snakemake_program(), "--summary"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    cells = [line.split("\t") for line in summary.splitlines()]
    assert cells[0][0] == "output_file" and cells[0][2] == "rule"
    made = {cell[0].removeprefix("results/tutorial/"): cell[2] for cell in cells[1:]}
    assert len(made) > 50
    kinds = ("tables/", "figures/", "paper/", "report", "verdict", "agreement", "ro-")
    for path, rule in made.items():
        if path.startswith(kinds):
            assert listed.get(path) == rule, path
    single = {p for p in listed if not re.search(r"-N|FIRST|ENSEMBLE", p)}
    assert single <= made.keys()
    assert {rule for _, rule in rows} <= set(made.values())


@pytest.mark.parametrize("name", ["mcclean", "grant", "observables", "sigma"])
def test_the_figures_of_other_experiments(project: Path, name: str) -> None:
    """Those in the table are made."""
    (row,) = re.findall(
        rf"^\| `config/{name}.yaml` \| (.*) \|$", OUTPUTS.read_text(), re.M
    )
    listed = set(re.findall(r"`figures/(\w+)\.\*`", row))
    summary = subprocess.run(
        [snakemake_program(), "--configfile", f"config/{name}.yaml", "--summary"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    made = set(re.findall(rf"^results/{name}/figures/(\w+)\.svg\t", summary, re.M))
    assert listed <= made


def main() -> None:
    """Bring the rule graph in outputs.md up to date."""
    text = OUTPUTS.read_text()
    OUTPUTS.write_text(text.replace(mermaid(text), rule_graph()))


if __name__ == "__main__":
    main()
