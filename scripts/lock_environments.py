"""Refresh every lock of every environment from envs/*.yaml: `make lock`.

The pip layer is compiled by uv, with hashes, for Python 3.11 on Linux x86-64. The
`test` environment comes first and constrains the others, so that tests run the
versions that the steps run. What is locked stays unless a yaml asks otherwise;
`make lock UPGRADE=1` takes the latest. Where conda is on PATH, the pins are solved
anew too; elsewhere they stay as they are.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from deploy_environment import LOCKS, lock_digest, pinned_builds

ENVIRONMENTS = (
    "test",
    "benchmark",
    "circuits",
    "plot",
    "provenance",
    "qsim",
    "tables",
    "tfq",
    "theory",
)
# Made by make, never by Snakemake: neither pins nor a post-deploy script. The Slurm
# plugin is apart because it brings numpy and pandas, which only steps should have.
RUNNERS = ("snakemake", "slurm")
CONDA_PYTHON_PACKAGES = ("packaging==", "pip==", "setuptools==", "wheel==")
SOURCE_ONLY = "connection-pool"  # Snakemake requires it; there is no wheel of it

HEADER = """\
# Written by scripts/lock_environments.py from envs/{name}.yaml; do not edit.
# Python 3.11, Linux x86-64 with glibc 2.28 or later.
"""
# The digest makes a changed lock a changed environment: Snakemake's hash covers this
# file, not the lock. Snakemake runs a copy of it, at PREFIX.post-deploy.sh.
POST_DEPLOY = """\
#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${{CONDA_PREFIX:-}}" -ef "${{0%.post-deploy.sh}}" ]]; then
    echo "error: {name}: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda {name} \\
    {digest}
"""


def sections(name: str) -> tuple[list[str], list[str]]:
    """Return the conda and the pip requirements of ``envs/NAME.yaml``."""
    dependencies = yaml.safe_load((LOCKS / f"{name}.yaml").read_text())["dependencies"]
    conda = [item for item in dependencies if isinstance(item, str)]
    pip = [
        spec for item in dependencies if isinstance(item, dict) for spec in item["pip"]
    ]
    return conda, pip


def conda_constraints(name: str) -> str:
    """Return pip constraints to the Python packages that the conda pins install.

    So pip finds them installed, and conda's record of them stays true.
    """
    pinned = (build.rsplit("-", 2)[:2] for build in pinned_builds(name))
    lines = [f"{package}=={version}\n" for package, version in pinned]
    return "".join(line for line in lines if line.startswith(CONDA_PYTHON_PACKAGES))


def compile_pip_lock(name: str, upgrade: bool) -> str:
    """Return an environment's pip lock, compiled by uv."""
    lock = LOCKS / f"{name}.requirements.txt"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "requirements.txt")
        if lock.exists() and not upgrade:
            shutil.copy(lock, output)  # uv keeps what an output file already has
        command = ["uv", "pip", "compile", "-", "--output-file", str(output), "--quiet"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-config"]
        command += ["--system-certs"]
        command += ["--no-emit-index-url", "--only-binary", ":all:"]
        command += ["--python-version", "3.11"]
        command += ["--python-platform", "x86_64-manylinux_2_28"]
        if name in RUNNERS:
            command += ["--no-binary", SOURCE_ONLY]
        else:
            constraints = Path(folder, "constraints.txt")
            constraints.write_text(conda_constraints(name))
            command += ["--constraints", str(constraints)]
            if name != "test":
                command += ["--constraints", str(LOCKS / "test.requirements.txt")]
        subprocess.run(
            [sys.executable, "-m", *command],
            input="\n".join(sections(name)[1]),
            check=True,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        header = HEADER.format(name=name)
        if name in RUNNERS:
            header += f"--no-binary {SOURCE_ONLY}\n"
        return header + output.read_text()


def solve_pins(name: str) -> str:
    """Return an environment's conda pins, solved and listed by the conda on PATH."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = ["--prefix", str(Path(folder, "environment"))]
        channel = ["--override-channels", "--channel", "conda-forge"]
        create = ["conda", "create", "--yes", "--quiet", "--no-default-packages"]
        subprocess.run(
            [*create, *prefix, *channel, *sections(name)[0]],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        listed = ["conda", "list", "--explicit", "--md5", *prefix]
        return subprocess.run(listed, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Refresh the locks named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the latest")
    upgrade = parser.parse_args().upgrade
    conda = shutil.which("conda")
    if not conda:
        print("no conda on PATH: the conda pins stay as they are", file=sys.stderr)
    for name in (*ENVIRONMENTS, *RUNNERS):
        print(f"locking {name}", file=sys.stderr)
        if conda and name in ENVIRONMENTS:
            (LOCKS / f"{name}.linux-64.pin.txt").write_text(solve_pins(name))
        lock = compile_pip_lock(name, upgrade)
        (LOCKS / f"{name}.requirements.txt").write_text(lock)
        if name in ENVIRONMENTS:
            (LOCKS / f"{name}.post-deploy.sh").write_text(
                POST_DEPLOY.format(name=name, digest=lock_digest(name))
            )


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {' '.join(error.cmd[:5])} ... failed (see above)")
