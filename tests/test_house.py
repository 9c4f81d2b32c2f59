"""The house: floors, sizes, and that what the rules say of code is what is run."""

import ast
import json
import re
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from barren.physics.families import FAMILIES
from barren.runner.sources import project_files, sources
from conftest import ROOT

SCRIPTS = ROOT / "scripts"
MODULES = sorted(SCRIPTS.rglob("*.py"))
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
#: The one module that knows the families one by one.
HOME = SCRIPTS / "barren" / "physics" / "families.py"
#: Most lines of a module; most lines of a rule, on average.
MODULE_LINES, RULE_LINES = 400, 19


def test_imports_point_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pyproject.toml says to import-linter, of all that stands in the house."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    assert lint_imports() == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SCRIPTS)))
def test_a_module_can_be_read_at_once(path: Path) -> None:
    if "benchmark" not in path.parts and "studies" not in path.parts:
        lines = len(path.read_text().splitlines())
        assert lines <= MODULE_LINES


def test_rules_say_what_is_particular_to_them() -> None:
    sizes = {}
    for path in RULES:
        text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.M)
        for name, body in re.findall(
            r"^(?:use )?rule (\w+).*:\n((?:[ \t]+.*\n|\n(?=[ \t]))+)", text, re.M
        ):
            sizes[name] = 1 + sum(bool(line.strip()) for line in body.splitlines())
    assert len(sizes) > 15
    mean = sum(sizes.values()) / len(sizes)
    assert mean <= RULE_LINES, (mean, sizes)


def names_of_families(path: Path) -> list[str]:
    """Where code asks which family something is, or says one's name."""
    classes = {of.__name__ for of in FAMILIES.values()}
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        words: set[str] = set()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = {node.value} & FAMILIES.keys()
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "isinstance",
            "issubclass",
        }:
            words = classes & set(re.findall(r"\w+", ast.unparse(node.args[1])))
        elif isinstance(node, ast.Compare):
            words = classes & set(re.findall(r"\w+", ast.unparse(node)))
        if words and id(node) not in documentation:
            found.append(f"{path.name}:{node.lineno}: {', '.join(words)}")
    return found


def test_a_family_is_known_in_one_module() -> None:
    """Elsewhere an ensemble is asked for what it does; rules have no family at all."""
    assert names_of_families(HOME)
    steps = [p for p in MODULES if p != HOME and p.parent.name != "benchmark"]
    assert [where for path in steps for where in names_of_families(path)] == []
    inside = {
        str(path.relative_to(SCRIPTS))
        for path in (SCRIPTS / "barren").rglob("*.py")
        if path != HOME
        and re.search(
            rf"\b({'|'.join(of.__name__ for of in FAMILIES.values())})\b",
            "\n".join(
                ast.unparse(node)
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom)
            ),
        )
    }
    assert inside == set()
    for path in (*RULES, ROOT / "workflow" / "Snakefile"):
        assert not re.search(rf"[\"']({'|'.join(FAMILIES)})[\"']", path.read_text())


def test_a_step_has_the_code_that_it_runs_as_its_input(small: Path) -> None:
    """The modules that each job of the small experiment had imported in the end."""
    records = [*(small / "results" / "small" / "records").rglob("*.json")]
    steps = set()
    for path in records:
        record = json.loads(path.read_text())
        run = {file["path"] for file in record["code"]}
        listed = {str(of.relative_to(ROOT)) for of in sources(record["step"])}
        assert run == listed, record["step"]
        steps.add(record["step"])
    assert len(steps) >= 9


def test_the_projects_files_are_known_without_git(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {name for name in project_files() if name.startswith("scripts/")}
    monkeypatch.setenv("PATH", "")
    assert {name for name in project_files() if name.startswith("scripts/")} == known
