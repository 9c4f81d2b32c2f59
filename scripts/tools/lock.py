"""Refresh every lock from envs/*.yaml (steps) and envs/*.in (runners): `make lock`.

`test` comes first and constrains the steps: they run what is tested. What is locked
stays unless a source asks otherwise, or --upgrade; the pins, unless conda is on PATH.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from deploy import LOCK, LOCKS, PINS, SCRIPT, digest, find_uv, read, run

COMPILE = """pip compile - --generate-hashes --only-binary :all: --emit-build-options
--python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-annotate
--no-emit-index-url --custom-compile-command"""
# Snakemake's hash of an environment covers this script, not the lock: so the digests.
POST_DEPLOY = """\
#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${{BARREN_DEPLOY:-scripts/tools/deploy.py}}" \\
    conda {} {} {}
"""


def compile_lock(name: str, source: str, *options: Any) -> None:
    """Let uv compile the lock of an environment from pip requirements."""
    lock = LOCKS / f"{name}.{LOCK}"
    command = [*find_uv(), *COMPILE.split(), "make lock", *options]
    run([*command, "--output-file", lock], f"envs/{lock.name} failed", input=source)


def solve_pins(requirements: list[str]) -> str:
    """Return the pins, solved by conda; write down what each of them requires."""
    create = ["conda", "create", "--yes", "--quiet", "--no-default-packages"]
    create += ["--override-channels", "--channel", "conda-forge", "--prefix"]
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder, "environment")
        run([*create, prefix, *requirements], "conda create failed")
        table = ""
        for path in sorted(prefix.glob("conda-meta/*.json")):
            depends = json.loads(path.read_text())["depends"]
            table += " ".join([path.stem, *(of.split()[0] for of in depends)]) + "\n"
        (LOCKS / "pins.dependencies.txt").write_text(table)
        explicit = ["conda", "list", "--explicit", "--md5", "--prefix", prefix]
        return run(explicit, "conda list failed")


def main(*options: str) -> None:
    """Refresh all locks; the options are uv's."""
    for path in LOCKS.glob("*.in"):
        compile_lock(path.stem, path.read_text(), *options)
    for name in sorted((path.stem for path in LOCKS.glob("*.yaml")), key="test".__ne__):
        *conda, pip = yaml.safe_load(read(name, "yaml"))["dependencies"]
        if name == "test":
            pins = solve_pins(conda) if shutil.which("conda") else read(name, PINS)
        (LOCKS / f"{name}.{PINS}").write_text(pins)
        tested = [] if name == "test" else ["--constraints", LOCKS / f"test.{LOCK}"]
        compile_lock(name, "\n".join(pip["pip"]), *options, *tested)
        script = POST_DEPLOY.format(name, digest(name), digest(name, PINS))
        (LOCKS / f"{name}.{SCRIPT}").write_text(script)


if __name__ == "__main__":
    main(*sys.argv[1:])
