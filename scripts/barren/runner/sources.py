"""Which files make up the project, and which of them a script runs."""

import ast
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from barren.physics.ensembles import BadInput
from barren.runner import step
from barren.runner.step import ROOT

SCRIPTS = ROOT / "scripts"
#: What is no part of the project where there is no checkout to ask.
NOT_SOURCES = {".git", ".venv", ".venvs", ".snakemake", "logs", "results"}
#: An import at the top of a module: of what, or what. Ruff refuses relative ones.
IMPORT = re.compile(r"(?m)^(?:from ([\w.]+) )?import (\([^)]*\)|.*)")
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@cache
def sources(script: str) -> tuple[Path, ...]:
    """The script `scripts/SCRIPT.py` and all modules of the project that it imports.

    Only imports at the top of a module count: what a function imports is for the steps
    that call it, which then import it themselves.
    """
    found: set[Path] = set()
    new = {SCRIPTS / f"{script}.py"}
    while new:
        path = new.pop()
        found.add(path)
        new |= _imported(path) - found
    packages = {folder / "__init__.py" for path in found for folder in path.parents}
    return tuple(sorted(found | {path for path in packages if path.is_file()}))


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The modules that the imports at the top of a module mean, or what is in them."""
    names = set()
    for package, listed in IMPORT.findall(path.read_text("utf-8")):
        prefix = package and f"{package}."
        names |= {package, *(prefix + word for word in re.findall(r"[\w.]+", listed))}
    modules = {f"{name.replace('.', '/')}.py" for name in names}
    return frozenset(SCRIPTS / of for of in _modules() & modules)


@cache
def _modules() -> frozenset[str]:
    """All scripts and modules, by path from their folder."""
    return frozenset(str(path.relative_to(SCRIPTS)) for path in SCRIPTS.rglob("*.py"))


def options(script: str) -> dict[str, str]:
    """The options of `scripts/SCRIPT.py`, and which part of its rule each is.

    It reads the function that the script runs, because the environment to import it may
    not be there.
    """
    text = (SCRIPTS / f"{script}.py").read_text("utf-8")
    functions = [f for f in ast.parse(text).body if isinstance(f, ast.FunctionDef)]
    (run,) = (f for f in functions if f"step.run({f.name})" in text)
    return {of.arg: _place(of) for of in run.args.args}


def _place(of: ast.arg) -> str:
    """What a rule has for a parameter of a step's function."""
    assert of.annotation
    found = re.search(r"(Input|Output)s?|Wildcard", ast.unparse(of.annotation))
    place = getattr(step, found[0]).__metadata__[0] if found else "params"
    return f"{place}.{of.arg}"


def workflow_files() -> list[str]:
    """The files that say what the workflow does, by path from the project's root.

    Not hidden ones, as an editor has while it is open.
    """
    found = (path for path in (ROOT / "workflow").rglob("[!.]*") if path.is_file())
    names = (str(path.relative_to(ROOT)) for path in found)
    return sorted(name for name in names if not name.startswith("workflow/docs/"))


def project_files() -> list[str]:
    """The files that make up the project, by path from its root.

    What git tracks; where there is no checkout to ask, all but results and caches.
    """
    names: list[str] = []
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        listed = subprocess.run(command, capture_output=True, text=True)
        if listed.returncode:  # as in somebody else's folder
            raise BadInput(f"git ls-files: {listed.stderr.partition(chr(10))[0]}")
        names = [name for name in listed.stdout.split("\0") if name]
    if not names:
        parts = [path for path in ROOT.iterdir() if path.name not in NOT_SOURCES]
        parts += [ROOT / "results" / name for name in ("README.md", "reference")]
        paths = [path for part in parts for path in (part, *part.rglob("*"))]
        paths = [path for path in paths if not CACHES & {*path.parts}]
        names = [str(path.relative_to(ROOT)) for path in paths]
    return sorted(name for name in set(names) if (ROOT / name).is_file())
