"""What every step of the workflow does around its computation.

A step is a function; the annotations of its parameters say what its command line takes:
files that it reads and writes, and values. `run` parses the command line, calls the
function with temporary names in place of the outputs, and if it returns renames them:
a file appears whole or not at all. With `--record FILE` it leaves a record of what was
done.
"""

import argparse
import atexit
import errno
import gc
import glob
import hashlib
import inspect
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypedDict,
    get_args,
    get_origin,
)

from barren.physics.ensembles import BadInput
from barren.runner import layout

#: The project; results are below the working directory, which may be another.
ROOT = Path(__file__).resolve().parents[3]
INPUT, OUTPUT, WILDCARD = "input", "output", "wildcards"
OTHER_BYTES = "has other bytes than its job left; delete it and run the workflow again"
#: Errors of a full disk.
FULL = {errno.ENOSPC, errno.EDQUOT}
#: Letters of what a step says of a mistake, which may name several.
LONGEST = 10_000
# What a step's parameters may be, besides Path, int, float, str, these or None,
# list[str] and Literal. Those by keyword alone are for who uses it, not for its rule.
Input = Annotated[Path, INPUT]
Inputs = Annotated[Sequence[Path], INPUT]
Output = Annotated[Path, OUTPUT]
Outputs = Annotated[list[Path], OUTPUT]
Json = Annotated[Any, json.loads]
Wildcard = Annotated[int, WILDCARD]
#: Files that a step found by itself, as in a folder, by what they are.
Found = dict[str, list[Path]]


class Described(TypedDict):
    """A file as it is listed; `option` is that of the step that named it."""

    path: str
    bytes: int
    sha256: str
    option: NotRequired[str]


class Record(TypedDict):
    """What one job leaves about itself; `file`, if it was read, is the record's own."""

    step: str
    command: str
    parameters: dict[str, Any]
    inputs: list[Described]
    outputs: list[Described]
    code: list[Described]
    environment: dict[str, Any]
    source: dict[str, Any] | None
    threads: int
    processor: str
    start: str
    end: str
    processor_seconds: float
    file: NotRequired[Described]


_PROCESS = uuid.uuid4().hex


def run(step: Callable[..., Found | None]) -> None:
    """Run a step as its command line says.

    A user's mistake (BadInput), a full disk, and what comes of a file that has other
    bytes than its job left, end it with one line and code 1.
    """
    collect_seldom()
    parser, marks = command_line(step)
    given = vars(parser.parse_args())
    record = given.pop("record")
    files = {n: [of] if isinstance(of, Path) else of for n, of in given.items()}
    inputs, outputs = (
        [(n, path) for n in given if marks[n] == mark for path in files[n]]
        for mark in (INPUT, OUTPUT)
    )
    written = [path for _, path in outputs] + [record] * bool(record)
    start = datetime.now(UTC)
    try:
        _prepare(inputs, written)
        before = _states([*(path for _, path in inputs), *_code()])
        moved = {
            n: _temporary(of) if isinstance(of, Path) else [*map(_temporary, of)]
            for n, of in given.items()
            if marks[n] == OUTPUT
        }
        found = step(**given | moved)
        inputs += [(name, path) for name, of in (found or {}).items() for path in of]
        produced = [describe(name, path, _temporary(path)) for name, path in outputs]
        values = {n: v for n, v in given.items() if marks[n] not in {INPUT, OUTPUT}}
        done = record and _record(values, inputs, produced, start)
        if changed := [p for p, of in _states(before).items() if of != before[p]]:
            told = "changed while this ran; run the workflow again"
            raise BadInput(f"{shown(changed[0])} {told}")
        for _, path in outputs:
            _temporary(path).replace(path)
        if record:
            write_json(record, done)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            names = ", ".join(map(shown, written)) or tempfile.gettempdir()
            told = f"the disk is full, writing {names}"
        else:
            told = _damaged(record, inputs, start) if record else ""
            told += f" (or else: {error!r})" if told else ""
        if not told and not isinstance(error, BadInput):
            raise
        sys.exit(plain(f"{Path(sys.argv[0]).stem}: {told or error}", LONGEST))
    finally:
        for path in written:
            shutil.rmtree(_temporary(path).parent, ignore_errors=True)


def _prepare(inputs: Iterable[tuple[str, Path]], written: Iterable[Path]) -> None:
    """Make room for what is written, if the inputs are there.

    What a killed job left is removed; one that still writes there then fails.
    """
    for name, path in inputs:
        if not path.is_file():
            raise BadInput(f"--{name.replace('_', '-')}: no file {path}")
    for path in written:
        for rest in path.parent.glob(f".{glob.escape(path.name)}.*"):
            shutil.rmtree(rest, ignore_errors=True)
        _temporary(path).parent.mkdir(parents=True)


def _states(paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """When files were last written, and their sizes."""
    return {p: (s.st_mtime_ns, s.st_size) for p in paths for s in [p.stat()]}


def _damaged(record: Path, inputs: Iterable[tuple[str, Path]], start: datetime) -> str:
    """Which file had other bytes than its job left when this one began, if any.

    Of what the job is known to rest on, bytes count; of all else sizes alone.
    """
    folder = next((p for p in record.parents if p.name == layout.RECORDS), record)
    made: dict[str, Described] = {}
    read: dict[str, tuple[str, ...]] = {}
    for path in folder.rglob("*.json"):
        with suppress(OSError, LookupError, TypeError, ValueError):
            known = json.loads(path.read_text())
            of_job = {of["path"]: of for of in known["outputs"]}
            made |= of_job
            read |= dict.fromkeys(of_job, tuple(of["path"] for of in known["inputs"]))
    behind = [shown(path) for _, path in inputs]
    for name in behind:  # which grows
        behind += [path for path in read.pop(name, ()) if path in made]
    rests_on = {*behind}
    for name, of in made.items():
        with suppress(OSError):
            state = Path(name).stat()
            if state.st_mtime < start.timestamp() and (
                state.st_size != of["bytes"]
                or (name in rests_on and sha256(Path(name)) != of["sha256"])
            ):
                return f"{name} {OTHER_BYTES}"
    return ""


def collect_seldom() -> None:
    """Look for garbage seldom, and not in the end.

    What Python looks through are mostly modules, or Snakemake's jobs, which stay.
    """
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


def command_line(
    step: Callable[..., Any],
) -> tuple[argparse.ArgumentParser, dict[str, Any]]:
    """The parser of a step's options, and what each of them holds."""
    parser = argparse.ArgumentParser(
        description=inspect.getdoc(step),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    marks: dict[str, Any] = {}
    for name, of in inspect.signature(step, eval_str=True).parameters.items():
        kind, mark = of.annotation, None
        if get_origin(kind) is Annotated:
            kind, mark = get_args(kind)
        elif isinstance(kind, UnionType):  # with None
            kind, _ = get_args(kind)
        options: dict[str, Any] = {"type": mark if callable(mark) else kind}
        if get_origin(kind) in {list, Sequence}:
            options = {"type": get_args(kind)[0], "nargs": "*"}
        elif get_origin(kind) is Literal:
            options = {"choices": get_args(kind)}
        options |= {"required": of.default is of.empty, "default": of.default}
        parser.add_argument(f"--{name.replace('_', '-')}", **options)
        marks[name] = mark
    parser.add_argument("--record", type=Path, help="where to leave a record")
    return parser, marks


def _record(
    values: dict[str, Any],
    inputs: Iterable[tuple[str, Path]],
    produced: list[Described],
    start: datetime,
) -> Record:
    script = Path(sys.argv[0]).resolve()
    names = {str(path): shown(path) for _, path in inputs}
    arguments = [names.get(argument, argument) for argument in sys.argv[1:]]
    # What the deployer left: the environment's name, lock and packages.
    marker = Path(sys.prefix, "environment.json")
    if not marker.exists():
        raise BadInput(
            f"{sys.prefix} is no environment of this workflow: no {marker.name}"
        )
    return {
        "step": script.stem,
        "command": shlex.join(["python", shown(script), *arguments]),
        "parameters": values,
        "inputs": [describe(name, path, path) for name, path in inputs],
        "outputs": produced,
        "code": [describe("", path, path) for path in _code()],
        "environment": json.loads(marker.read_text()),
        "source": _source(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", 1)),  # by Snakemake
        "processor": processor(),
        "start": start.isoformat(timespec="milliseconds"),
        "end": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "processor_seconds": round(time.process_time(), 3),
    }


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


def _temporary(path: Path) -> Path:
    # A folder beside the target: the name stays. Its own for each process, because
    # jobs outlive a run that is killed.
    return path.with_name(f".{path.name}.{_PROCESS}") / path.name


def describe(option: str, path: Path, content: Path) -> Described:
    """A file as records list it."""
    described: Described = {
        "path": shown(path),
        "bytes": content.stat().st_size,
        "sha256": sha256(content),
    }
    return {"option": option, **described} if option else described


def shown(path: Path) -> str:
    """A path from the working directory or the project; elsewhere the name alone.

    Where one of them is inside the other, the inner one counts first.
    """
    absolute = path.absolute()
    for folder in sorted((Path.cwd(), ROOT), key=lambda f: len(f.parts), reverse=True):
        if absolute.is_relative_to(folder):
            return str(absolute.relative_to(folder))
    return absolute.name


def plain(text: str, most: int = 500) -> str:
    """A line for a terminal: what does not print, or is long, is not let through."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if len(line) <= most else f"{line[:most]}..."


def _code() -> Iterator[Path]:
    """The script and every module of the project that it has imported."""
    script = Path(sys.argv[0]).resolve()
    files = [getattr(module, "__file__", None) for module in [*sys.modules.values()]]
    # Of thousands, few need to be resolved.
    ours = (Path(file).resolve() for file in files if file and "scripts" in file)
    paths = {script, *ours}
    return (p for p in sorted(paths) if p.is_relative_to(ROOT / "scripts"))


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
    known = Path("/proc/cpuinfo")
    text = known.read_text() if known.exists() else ""
    found = re.search(r"(?m)^model name\s*: (.*)", text)
    return found[1] if found else platform.machine()
