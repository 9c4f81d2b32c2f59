"""Install an environment from its hash lock: a venv, or the pip part of a conda one.

    python3 scripts/tools/deploy.py run NAME SCRIPT ...    with the environment's Python
    python3 scripts/tools/deploy.py venv NAME [PREFIX]     [default: .venvs/NAME-DIGEST]
    python3 scripts/tools/deploy.py conda NAME LOCK PINS   from envs/NAME.post-deploy.sh

Standard library only; any Python from 3.8 on may run it. An environment ends with
PREFIX/environment.json, written last and whole; without it, it is built again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

LOCKS = Path(__file__).resolve().parents[2] / "envs"
VENVS = Path(".venvs")
LOCK, PINS, SCRIPT = "requirements.txt", "linux-64.pin.txt", "post-deploy.sh"
OLDEST_UV, QUIET = (0, 5), ("--quiet", "--no-config")
# Of the settings of pip and uv only those count that say whence and how packages come.
DROPPED = re.compile(
    "PIP_(TARGET|PREFIX|ROOT|USER|REQUIRE|CONSTRAINT)|UV_(?!.*(INDEX|FIND_LINKS|HOST|"
    "CERT|TLS|HTTP|KEYRING|CACHE|OFFLINE|LINK_MODE|CONCURRENT|DOWNLOADS|MIRROR))"
)


def read(name: str, kind: str = LOCK) -> str:
    """Return ``envs/NAME.KIND``, to the byte; end with one line if there is none."""
    if not (path := LOCKS / f"{name}.{kind}").exists():
        sys.exit(f"error: envs/{path.name}: not found; run make lock")
    return path.read_bytes().decode()


def digest(name: str, kind: str = LOCK) -> str:
    """Return the sha256 of ``envs/NAME.KIND``."""
    return hashlib.sha256(read(name, kind).encode()).hexdigest()


def pinned_builds(name: str) -> dict[str, str]:
    """Return ``{NAME-VERSION-BUILD: md5}`` of an environment's conda pins, in order."""
    return dict(re.findall(r"/([^/]+)\.conda#([0-9a-f]{32})\n", read(name, PINS)))


def venv_prefix(name: str) -> Path:
    """Return where an environment's venv stands: ``.venvs/NAME-DIGEST``."""
    return VENVS / f"{name}-{digest(name)[:12]}"


def is_complete(name: str, prefix: Path) -> bool:
    """Tell whether an environment stands at ``prefix``, with its Python, as locked."""
    expected: dict[str, Any] = {"name": name, "lock_sha256": digest(name)}
    try:
        marker = json.loads((prefix / "environment.json").read_text())
        expected["pins_sha256"] = marker["pins_sha256"] and digest(name, PINS)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return (prefix / "bin" / "python").exists() and expected.items() <= marker.items()


def await_turn(prefix: Path) -> IO[str]:
    """Wait until nobody else builds at ``prefix``; return what to close in the end."""
    VENVS.mkdir(exist_ok=True)
    lock = (VENVS / f"{prefix.name}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # However we end, the kernel drops the lock, but not before our children end too.
    os.set_inheritable(lock.fileno(), True)
    return lock


def run(command: list[Any], failure: str, **options: Any) -> str:
    """Return what a program prints; end with one line if it fails."""
    kept = {key: value for key, value in os.environ.items() if not DROPPED.match(key)}
    settings = {"UV_LINK_MODE": "hardlink", "UV_SYSTEM_CERTS": "1", "PIP_USER": "0"}
    options = {"env": {**settings, **kept}, "close_fds": False, "text": True, **options}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, **options)
    if done.returncode:
        said = (done.stderr or "see above").splitlines()[0]
        sys.exit(f"error: {failure} ({said})")
    return str(done.stdout)


def find_uv() -> list[str]:
    """Return how to run uv: the one on PATH, or our own, from its hash lock."""
    prefix = venv_prefix("uv")
    own = str(prefix / "bin" / "uv")
    with await_turn(prefix):
        for uv in (shutil.which("uv") or own, own):
            said = subprocess.getoutput(f"'{uv}' --version")
            version = re.match(r"uv (\d+)\.(\d+)", said)
            if version and tuple(map(int, version.groups())) >= OLDEST_UV:
                return [uv, *QUIET]
        shutil.rmtree(prefix, ignore_errors=True)
        failure = "no uv, and no venv with pip to install it: install uv, or these"
        run([sys.executable, "-m", "venv", prefix], failure)
        pip = [prefix / "bin" / "python", "-m", "pip", "install", "--require-hashes"]
        run([*pip, "-qq", "-r", LOCKS / f"uv.{LOCK}"], "pip could not install uv")
        return [own, *QUIET]


def install(name: str, prefix: Path, **marks: str | None) -> None:
    """Install a pip lock into the Python at ``prefix`` and mark it as complete."""
    pip, where = [*find_uv(), "pip"], ["--python", prefix]
    failure = f"envs/{name}.{LOCK}: not installed"
    options = ["--no-deps", "--require-hashes", "--no-build-isolation", *where, "-r"]
    # Or each start would compile it where no bytecode is written, as in containers.
    options[:0] = ["--compile-bytecode"] * ("\nsnakemake==" in read(name))
    # What has no wheel is built with the locked tool, not with uv's choice of it.
    tool = "".join(re.findall(r"^setuptools==(?:.*\\\n)*.*\n", read(name), re.M))
    run([*pip, "install", *options, "-"], failure, input=tool)
    run([*pip, "install", *options, LOCKS / f"{name}.{LOCK}"], failure)
    run([*pip, "check", *where], failure)
    listed = run([*pip, "list", "--format=freeze", *where], failure)
    marker: dict[str, Any] = {"name": name, "lock_sha256": digest(name), **marks}
    marker["python"] = run([prefix / "bin" / "python", "-VV"], failure).split()[1]
    marker["packages"] = dict(sorted(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", listed)))
    part = prefix / "environment.json.part"
    part.write_text(json.dumps(marker, indent=2) + "\n")
    part.replace(prefix / "environment.json")


def deploy_venv(name: str, prefix: Path) -> Path:
    """Return ``prefix`` with an environment's venv, built unless it is there."""
    if prefix.parts[:1] not in {(".venv",), VENVS.parts} or ".." in prefix.parts:
        sys.exit(f"error: {prefix}: allowed: .venv, or a folder in {VENVS}")
    with await_turn(prefix):
        if not is_complete(name, prefix):
            print(f"installing envs/{name}.{LOCK} into {prefix}", file=sys.stderr)
            shutil.rmtree(prefix, ignore_errors=True)
            venv = [*find_uv(), "venv", "--relocatable", "--python", "3.11", prefix]
            failure = "no Python 3.11: install it, or let uv, where there is a network"
            run(venv, failure, stderr=subprocess.PIPE)
            install(name, prefix, deployer="venv", pins_sha256=None)
    return prefix


def deploy_conda(name: str, lock: str, pins: str) -> None:
    """Install a pip lock into the conda environment that runs this.

    Refuses other files than those whose sha256 the post-deploy script carries, and all
    but the pinned packages: Snakemake only warns of a bad pin file and solves the yaml.
    """
    if (digest(name), digest(name, PINS)) != (lock, pins):
        sys.exit(f"error: envs/{name}.{SCRIPT}: made for other locks; run make lock")
    prefix, pinned = Path(sys.prefix), pinned_builds(name)
    found = {
        path.stem: json.loads(path.read_text()).get("md5") or pinned.get(path.stem)
        for path in (prefix / "conda-meta").glob("*.json")
    }
    if wrong := found.items() ^ pinned.items():
        sys.exit(f"error: conda did not use envs/{name}.{PINS}: {min(wrong)[0]}")
    install(name, prefix, deployer="conda", pins_sha256=pins)


def main(command: str = "", name: str = "", *arguments: str) -> None:
    """Run the command line; `run` takes what is there, conda's first, or a venv."""
    if command == "run":
        places = [*Path(".snakemake/conda").glob("*"), venv_prefix(name)]
        there = next((place for place in places if is_complete(name, place)), None)
        prefix = there or deploy_venv(name, places[-1])
        os.execv(python := f"{prefix}/bin/python", [python, "-s", "-E", *arguments])
    elif command == "venv" and len(arguments) < 2:
        deploy_venv(name, Path(*arguments) if arguments else venv_prefix(name))
    elif command == "conda" and len(arguments) == 2:
        deploy_conda(name, *arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"error: {error}")
