"""Which files of the project a script runs: itself and the modules it imports.

Only imports at the top of a module count: what a function imports is for the steps that
call it, which then import it themselves.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from barren.runner.step import ROOT

SCRIPTS = ROOT / "scripts"


@cache
def sources(script: str) -> tuple[Path, ...]:
    """The script `scripts/SCRIPT.py` and all modules of the project that it imports."""
    found: set[Path] = set()
    new = {SCRIPTS / f"{script}.py"}
    while new:
        path = new.pop()
        found.add(path)
        imported = set(_imported(path))
        packages = {parent / "__init__.py" for p in imported for parent in p.parents}
        new |= {p for p in imported | packages if p.exists()} - found
    return tuple(sorted(found))


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """The modules that the imports at the top of a module may mean."""
    return tuple(
        SCRIPTS.joinpath(*name.split(".")).with_suffix(".py")
        for node in ast.parse(path.read_text()).body
        for name in _names(node, path)
    )


def _names(node: ast.stmt, path: Path) -> Iterator[str]:
    """The dotted names that an import may mean: modules, or what is in them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        of = path.relative_to(SCRIPTS).parent.parts
        base = [*of[: len(of) - node.level + 1]] if node.level else []
        base += node.module.split(".") if node.module else []
        yield ".".join(base)
        yield from (".".join([*base, alias.name]) for alias in node.names)
