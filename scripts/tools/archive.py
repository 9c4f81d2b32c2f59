import gzip
import io
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

# A command of its own, below `scripts`: the package is beside its folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.physics.ensembles import BadInput
from barren.provenance.records import inventory, read_json, read_record
from barren.runner import layout, step
from barren.runner.sources import project_files

#: What a run leaves beside what the crate lists.
BESIDE = [layout.CRATE, *map(layout.record, ("assemble_crate", "confirm_agreement"))]
#: Results are dated before the code, so that Snakemake takes them for out of date:
#: `make reproduce` in an unpacked archive computes everything again.
RESULTS_DATE, SOURCES_DATE = 315532800, 315619200  # 1 and 2 January 1980
#: Seconds after it, one of which each content of a source has: what Python has compiled
#: it takes for any file of that size and date.
SECONDS = 10**9


def pack(crate: step.Input, archive: step.Output, functions: step.Inputs = ()) -> None:
    """Pack an experiment for deposit: the crate (.zip), or all it takes (.tar.gz).

    The crate holds results, records and copies of the code, as far as it lists them.
    The other archive is the whole project with these results in their place; what git
    does not track, and environments, are not in it. Both are the same to the byte for
    the same files. Results of other bytes than the crate lists are refused.
    functions: files of the user's, with circuits of the experiment.
    """
    folder = crate.parent
    results = listed_results(folder)
    if archive.suffix == ".zip":
        write_zip(archive, folder, results)
    else:
        files = {name: step.ROOT / name for name in project_files()}
        files |= {str(path): path for path in functions}
        made = {step.shown(folder / name): folder / name for name in results}
        write_tar(archive, f"barren-plateaus-{folder.name}", files, made)


def listed_results(folder: Path) -> list[str]:
    """The files of an experiment that the crate lists, if they are those."""
    there = {*inventory(folder)}
    try:
        graph = read_json(folder / layout.CRATE)["@graph"]
        listed = {str(of["@id"]): of["sha256"] for of in graph if "sha256" in of}
    except (LookupError, TypeError):
        raise BadInput(f"{step.shown(folder / layout.CRATE)}: not a crate") from None
    beside = [name for name in BESIDE if name in there]
    if layout.AGREEMENT in there:  # made after the crate
        made = read_record(folder / layout.record("confirm_agreement"))["outputs"]
        listed[layout.AGREEMENT] = made[0]["sha256"] if made else ""
    for name, sha256 in listed.items():
        if name not in there or step.sha256(folder / name) != sha256:
            raise BadInput(
                f"{step.shown(folder / name)}: not the bytes that crate or record say; "
                f"delete it and {layout.CRATE} and run the workflow again, or run "
                "`snakemake audit` to see why"
            )
    return sorted([*listed, *beside])


def write_zip(target: Path, folder: Path, names: list[str]) -> None:
    """Write files as a zip archive with the folder as its root."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            content = (folder / name).read_bytes()
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def write_tar(
    target: Path, root: str, sources: Mapping[str, Path], made: Mapping[str, Path]
) -> None:
    """Write files, by the name each gets, as a compressed tar below a root."""
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in sorted({**sources, **made}.items()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"{root}/{name}")
            own = SOURCES_DATE + zlib.crc32(content) % SECONDS
            entry.mtime = RESULTS_DATE if name in made else own
            entry.size = len(content)
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    step.run(pack)
