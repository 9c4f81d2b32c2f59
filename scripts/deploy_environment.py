"""Install an environment from its hash lock, as a venv or into a conda environment.

Standard library only. Any Python 3 may run it; the environment gets Python 3.11:

    python3 scripts/deploy_environment.py venv NAME [PREFIX]
    python3 scripts/deploy_environment.py conda NAME DIGEST   (envs/NAME.post-deploy.sh)

Both end with PREFIX/environment.json. It is written last and whole, so an
environment without it is incomplete and is built again from nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path("envs")
VENVS = Path(".venvs")
PROBE = "import ensurepip, sys, venv; print(*sys.version_info[:2], sys.executable)"
# Lists what is installed, from inside: {"python": ..., "packages": {name: version}}.
INVENTORY = """
import importlib.metadata, json, platform, re
print(json.dumps({"python": platform.python_version(), "packages": {
    re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d.version
    for d in importlib.metadata.distributions()}}))
"""


class DeploymentError(Exception):
    """An environment cannot be installed; the message is one line for the user."""


def lock_digest(name: str) -> str:
    """Return the sha256 of an environment's pip lock, ``envs/NAME.requirements.txt``.

    Raises DeploymentError if there is no such environment.
    """
    path = LOCKS / f"{name}.requirements.txt"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise DeploymentError(f"{path}: not found; no environment {name!r}") from None


def venv_prefix(name: str) -> Path:
    """Return where an environment's venv stands: ``.venvs/NAME-DIGEST``."""
    return VENVS / f"{name}-{lock_digest(name)[:12]}"


def locked_versions(name: str) -> dict[str, str]:
    """Return the package versions that an environment's pip lock pins."""
    text = (LOCKS / f"{name}.requirements.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def pinned_builds(name: str) -> dict[str, str]:
    """Return ``{NAME-VERSION-BUILD: md5}`` of an environment's conda pins, in order."""
    text = (LOCKS / f"{name}.linux-64.pin.txt").read_text()
    return dict(re.findall(r"/([^/]+)\.conda#([0-9a-f]{32})$", text, re.MULTILINE))


def check_platform() -> None:
    """Raise DeploymentError where TensorFlow Quantum has no wheel."""
    machine = f"{platform.system()} {platform.machine()}"
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        glibc = ""
    version = tuple(int(part) for part in re.findall(r"\d+", glibc))
    if machine != "Linux x86_64" or version < (2, 28):
        raise DeploymentError(
            f"this machine is {machine} with {glibc or 'no glibc'}: TensorFlow Quantum "
            "has wheels for Linux x86_64 with glibc 2.28 or later only"
        )


def find_python() -> str:
    """Return a Python 3.11 that can make venvs: on PATH, else the one that runs this.

    Raises DeploymentError if there is none.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [
        Path(folder, program)
        for program in ("python3.11", "python3", "python")
        for folder in folders
    ]
    for candidate in filter(Path.is_file, [*candidates, Path(sys.executable)]):
        try:
            probe = subprocess.run(
                [candidate, "-s", "-E", "-c", PROBE], capture_output=True, text=True
            )
        except OSError:  # not executable
            continue
        if probe.stdout.startswith("3 11 "):
            return probe.stdout[len("3 11 ") :].rstrip("\n")
    raise DeploymentError(
        "no Python 3.11 with venv and ensurepip found on PATH "
        "(Debian, Ubuntu: apt install python3.11-venv)"
    )


def install(name: str, prefix: Path, deployer: str, turn: tuple[int, ...] = ()) -> None:
    """Install a pip lock into the Python at ``prefix`` and write its marker.

    ``turn`` holds file descriptors that pip keeps open as long as it runs.
    Raises DeploymentError unless the locked versions are there afterwards.
    """
    lock = LOCKS / f"{name}.requirements.txt"
    text = lock.read_text()
    python = [str(prefix / "bin" / "python"), "-s", "-E"]
    # pip keeps the user's settings (mirror, proxy, certificates): hashes make them
    # harmless. Those that would put packages elsewhere are shut out.
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT"}
    } | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    options = ["install", "-qq", "--no-deps", "--require-hashes"]
    options += ["--only-binary", ":all:"]
    steps = [[*options, "-r", str(lock)], ["check"]]
    if re.search(r"^--no-binary .*", text, re.MULTILINE):
        # Build what has no wheel with the locked tools, not with pip's choice of them.
        tools = prefix / "build-tools.txt"
        tools.write_text(
            "".join(re.findall(r"^(?:setuptools|wheel)==(?:.*\\\n)*.*\n", text, re.M))
        )
        steps[0] += ["--no-build-isolation", "--use-pep517"]
        steps.insert(0, [*options, "-r", str(tools)])
    for step in steps:
        pip = [*python, "-m", "pip", *step]
        if subprocess.run(pip, env=environment, pass_fds=turn).returncode:
            raise DeploymentError(f"{lock}: pip {step[0]} failed (see above)")
    inventory = json.loads(
        subprocess.run(
            [*python, "-c", INVENTORY], check=True, capture_output=True, text=True
        ).stdout
    )
    installed = inventory["packages"]
    for package, version in locked_versions(name).items():
        if installed.get(package) != version:
            raise DeploymentError(
                f"{prefix}: {package} is {installed.get(package)}, {lock} has {version}"
            )
    marker = {
        "name": name,
        "lock_sha256": lock_digest(name),
        "deployer": deployer,
        "python": inventory["python"],
        "packages": dict(sorted(installed.items())),
    }
    temporary = prefix / "environment.json.part"
    temporary.write_text(json.dumps(marker, indent=2) + "\n")
    temporary.replace(prefix / "environment.json")


def is_complete(name: str, prefix: Path) -> bool:
    """Tell whether a venv stands complete at ``prefix`` for the lock as it is now."""
    try:
        marker = json.loads((prefix / "environment.json").read_text())
    except (OSError, ValueError):
        return False
    usable = (prefix / "bin" / "python").exists()  # False if its base Python is gone
    return usable and marker.get("lock_sha256") == lock_digest(name)


def deploy_venv(name: str, prefix: Path) -> None:
    """Build an environment as a venv at ``prefix``, unless it stands there complete."""
    check_platform()
    lock_digest(name)
    VENVS.mkdir(exist_ok=True)
    # The kernel drops this file lock when the last process that holds it ends, however
    # it ends: pip holds it too, so nothing is rebuilt under a pip left behind.
    with (VENVS / f"{prefix.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if is_complete(name, prefix):
            return
        python = find_python()
        if prefix.exists():
            shutil.rmtree(prefix)
        turns = (turn.fileno(),)
        make = [python, "-s", "-E", "-m", "venv", str(prefix)]
        subprocess.run(make, check=True, pass_fds=turns)
        install(name, prefix, "venv", turns)


def deploy_conda(name: str, digest: str) -> None:
    """Complete the active conda environment, made from the pins, with the pip lock.

    ``digest`` is the lock's sha256 that the post-deploy script carries.
    Raises DeploymentError if this Python is not the active environment's, if the lock
    is another, or if the environment is not exactly the pinned one: Snakemake only
    warns when a pin file fails, and solves the yaml instead.
    """
    prefix = Path(os.environ.get("CONDA_PREFIX", "/nonexistent"))
    if Path(sys.prefix).resolve() != prefix.resolve():
        raise DeploymentError(f"{name}: run by no active conda environment's Python")
    if lock_digest(name) != digest:
        raise DeploymentError(
            f"envs/{name}.requirements.txt: not the lock that "
            f"envs/{name}.post-deploy.sh was made for; run make lock"
        )
    pins = pinned_builds(name)
    records = {path.stem: path for path in (prefix / "conda-meta").glob("*.json")}
    for build, md5 in pins.items():
        if build not in records:
            raise DeploymentError(
                f"{name}: {build} is not installed; conda could not use "
                f"envs/{name}.linux-64.pin.txt and took other packages"
            )
        if json.loads(records[build].read_text()).get("md5", md5) != md5:
            raise DeploymentError(f"{name}: {build} has another md5 than its pin")
    if extra := sorted(records.keys() - pins.keys()):
        raise DeploymentError(f"{name}: {extra[0]} is installed but not pinned")
    install(name, prefix, "conda")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="deployer", required=True)
    venv = commands.add_parser("venv")
    venv.add_argument("name")
    venv.add_argument(
        "prefix", nargs="?", type=Path, help="default: .venvs/NAME-DIGEST"
    )
    conda = commands.add_parser("conda")
    conda.add_argument("name")
    conda.add_argument("digest")
    options = parser.parse_args(arguments)
    try:
        if options.deployer == "conda":
            deploy_conda(options.name, options.digest)
        else:
            deploy_venv(options.name, options.prefix or venv_prefix(options.name))
    except (DeploymentError, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
