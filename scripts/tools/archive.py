"""Pack an experiment for deposit: the crate alone (.zip), or all it takes (.tar.gz).

The crate holds results, records and copies of the code. The other archive is the whole
project with the experiment's results in their place: what was left over, timings and
environments are not in it. Both are the same to the byte for the same files. Results
that an audit by hashes would not pass are refused.
"""

import gzip
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

from barren import step
from barren.ensembles import BadInput
from barren.provenance import BROKEN, LEFT_OVER, hashes, judge, read_crate, read_records
from barren.provenance import CRATE as METADATA

parser = step.parser(__doc__)
parser.add_argument("--folder", type=Path, required=True, help="results/NAME")
parser.add_argument("--archive", type=Path, required=True, help="the file to write")

#: Where there is no checkout to ask, all but these make up the project.
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
NOT_SOURCES = {".git", ".venv", ".venv.lock", ".venvs", ".snakemake", "logs", "results"}
#: Results are dated before the code, so that Snakemake takes them for out of date:
#: `make reproduce` in an unpacked archive computes everything again.
RESULTS_DATE, SOURCES_DATE = 315532800, 315619200  # 1 and 2 January 1980


def sound_results(folder: Path) -> list[str]:
    """The files of an experiment, if all of them hold; without what is left over."""
    crate = read_crate(folder / METADATA)
    records = read_records(folder / "records")
    findings = judge(str(folder), [], records, hashes(folder), crate, {})
    for finding in findings:
        if finding.verdict in BROKEN:
            raise BadInput(
                f"{finding.path}: {finding.verdict}; run `snakemake audit` to see why"
            )
    return sorted(f.path for f in findings if f.verdict != LEFT_OVER)


def project_files() -> list[str]:
    """The files of the project, without results but for those that it keeps."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
    )
    if not listed.returncode and (step.ROOT / ".git").exists():
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        parts = [path for path in Path().iterdir() if path.name not in NOT_SOURCES]
        kept = [Path("results", "README.md"), Path("results", "reference")]
        names = [
            str(path)
            for part in (*parts, *kept)
            for path in (part, *part.rglob("*"))
            if not CACHES & set(path.parts)
        ]
    return sorted({name for name in names if Path(name).is_file()})


def write_zip(target: Path, folder: Path, names: list[str]) -> None:
    """Write files as a zip archive with the folder as its root."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(str(Path(name).relative_to(folder)))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, Path(name).read_bytes())


def write_tar(target: Path, root: str, names: dict[str, int]) -> None:
    """Write files, with their dates, as a compressed tar archive below a root."""
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, date in sorted(names.items()):
            content = Path(name).read_bytes()
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size, entry.mtime = len(content), date
            entry.mode = 0o755 if Path(name).stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))


with step.run(parser, outputs=["archive"]) as args:
    results = sound_results(args.folder)
    if args.archive.suffix == ".zip":
        write_zip(args.archive, args.folder, results)
    else:
        dates = dict.fromkeys(project_files(), SOURCES_DATE)
        dates |= dict.fromkeys(results, RESULTS_DATE)
        write_tar(args.archive, f"barren-plateaus-{args.folder.name}", dates)
