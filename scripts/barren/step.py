"""What every step of the workflow does around its computation.

A step is a command line with named inputs and outputs. `run` parses it, hands the
script its arguments with temporary names in place of the outputs, and when the block
ends without an error renames them, so that a file appears whole or not at all. With
`--record FILE` it leaves a record of what was done beside the outputs.
"""

import argparse
import errno
import glob
import hashlib
import json
import platform
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from barren.ensembles import BadInput

ROOT = Path(__file__).resolve().parents[2]
RECORD = "record"
_PROCESS = uuid.uuid4().hex


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with the script's docstring as its help."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


@contextmanager
def run(
    command_line: argparse.ArgumentParser,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    argv: Sequence[str] | None = None,
) -> Iterator[argparse.Namespace]:
    """Run one step; `inputs` and `outputs` name the options that hold paths.

    A script that finds files to read by itself, as in a folder, adds them to
    `arguments.read` by option, so that the record lists them as inputs too.
    What a user did wrong (BadInput) and a full disk end the step with one line and
    exit code 1.
    """
    command_line.add_argument("--record", type=Path, help="where to leave a record")
    arguments = command_line.parse_args(argv)
    given = vars(arguments)
    targets = [path for name in outputs for path in _paths(given[name])]
    read: dict[str, list[Path]] = {}
    start = datetime.now(UTC)
    try:
        _missing(inputs, given)
        for path in targets:
            _remove_rests(path)
            _temporary(path).parent.mkdir(parents=True)
        yield argparse.Namespace(
            **given | {name: _map(_temporary, given[name]) for name in outputs},
            read=read,
        )
        produced = [
            {"option": name, **_describe(path, _temporary(path))}
            for name in outputs
            for path in _paths(given[name])
        ]
        for path in targets:
            _temporary(path).replace(path)
        if arguments.record:
            record = {
                "step": Path(sys.argv[0]).stem,
                "command": shlex.join(["python", *sys.argv]).replace(f"{ROOT}/", ""),
                "parameters": {
                    name: shown(value) if isinstance(value, Path) else value
                    for name, value in given.items()
                    if name not in {*inputs, *outputs, *read, RECORD}
                },
                "inputs": [
                    {"option": name, **_describe(path, path)}
                    for name, paths in [
                        *((name, _paths(given[name])) for name in inputs),
                        *read.items(),
                    ]
                    for path in paths
                ],
                "outputs": produced,
                "code": [_describe(path, path) for path in _code()],
                "environment": _environment(),
                "source": _source(),
                "threads": given.get("threads", 1),
                "processor": processor(),
                "start": start.isoformat(timespec="milliseconds"),
                "end": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "processor_seconds": round(time.process_time(), 3),
            }
            write_json(arguments.record, record)
    except BadInput as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        written = ", ".join(map(shown, targets))
        sys.exit(f"{Path(sys.argv[0]).stem}: the disk is full, writing {written}")
    finally:
        for path in targets:
            shutil.rmtree(_temporary(path).parent, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all."""
    temporary = _temporary(path)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(value, indent=1, default=str) + "\n")
    temporary.replace(path)
    temporary.parent.rmdir()


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _paths(value: Any) -> list[Path]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _map(function: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [function(path) for path in value]
    return None if value is None else function(value)


def _temporary(path: Path) -> Path:
    # A folder beside the target: the name stays. Its own for each process, because
    # jobs outlive a run that is killed.
    return path.with_name(f".{path.name}.{_PROCESS}") / path.name


def _remove_rests(path: Path) -> None:
    """Remove what a killed job left; one that still writes there then fails."""
    for rest in path.parent.glob(f".{glob.escape(path.name)}.*"):
        shutil.rmtree(rest, ignore_errors=True)


def _missing(inputs: Sequence[str], given: dict[str, Any]) -> None:
    for name in inputs:
        for path in _paths(given[name]):
            if not path.is_file():
                raise BadInput(f"--{name.replace('_', '-')}: no file {path}")


def _describe(path: Path, content: Path) -> dict[str, Any]:
    """Path from the project's root, size and hash of a file."""
    return {
        "path": shown(path),
        "bytes": content.stat().st_size,
        "sha256": sha256(content),
    }


def shown(path: Path) -> str:
    """A path from the project's root; of one outside it, the name alone."""
    absolute = path.absolute()
    inside = absolute.is_relative_to(ROOT)
    return str(absolute.relative_to(ROOT)) if inside else absolute.name


def _code() -> list[Path]:
    """The script and every module of this package that it has imported."""
    modules = [
        module for name, module in sys.modules.items() if name.startswith("barren")
    ]
    files = {Path(module.__file__) for module in modules if module.__file__}
    return sorted({Path(sys.argv[0]).resolve(), *files})


def _environment() -> dict[str, Any] | None:
    """What the deployer left in the environment: its name, lock and packages."""
    marker = Path(sys.prefix, "environment.json")
    return json.loads(marker.read_text()) if marker.exists() else None


def _source() -> dict[str, Any] | None:
    """The commit, and whether the tree differs from it; None where no checkout is."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        if git("rev-parse", "--show-prefix"):
            return None  # an archive that was unpacked inside another project
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "clean": not changed}
    except (OSError, subprocess.CalledProcessError):
        return None


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (
        line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
    )
    return next(names, platform.machine())
