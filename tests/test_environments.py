"""Environments: locks, pins, both deployers, and every leak that each must not have.

Conda itself is replaced by a stand-in that does what Snakemake asks of it with venvs:
no package is fetched from a conda channel. A toy wheel stands in for real packages
where only the way it is installed matters, so that nothing here needs the network.
"""

import ast
import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import deploy
import lock
from conftest import ROOT, snakemake_program

TOOLS = Path(deploy.__file__).parent
NAMES = sorted(path.stem for path in deploy.LOCKS.glob("*.yaml"))
RUNNERS = sorted(path.stem for path in deploy.LOCKS.glob("*.in"))
PYTHON = str(Path(sys.base_prefix, "bin", "python3.11"))
NOTHING = "error: envs/nothing.requirements.txt: not found; run make lock\n"
CHANNEL = "https://conda.anaconda.org/conda-forge/"


def requirements(name: str) -> tuple[list[str], list[str]]:
    """The conda and the pip requirements of an environment."""
    if name in RUNNERS:
        lines = deploy.read(name, "in").splitlines()
        return [], [line for line in lines if line[0] not in "#-"]
    *conda, pip = yaml.safe_load(deploy.read(name, "yaml"))["dependencies"]
    return conda, pip["pip"]


def locked_versions(name: str) -> dict[str, str]:
    """The package versions that an environment's lock pins."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", deploy.read(name), re.MULTILINE))


def pins(name: str) -> list[tuple[str, str, str]]:
    """(package, version, build) of an environment's pins, in order."""
    parts = [build.rsplit("-", 2) for build in deploy.pinned_builds(name)]
    return [(package, version, build) for package, version, build in parts]


def real_uv() -> str:
    """The path of a uv that does its work."""
    return str(Path(deploy.find_uv()[0]).absolute())


# The files of every environment


@pytest.mark.parametrize("name", [*NAMES, *RUNNERS])
def test_every_locked_package_has_hashes(name: str) -> None:
    text = deploy.read(name)
    joined = text.replace("\\\n", " ").splitlines()
    lines = [line for line in joined if line and not line.startswith("#")]
    options = [lines.pop(0) for line in lines.copy() if line.startswith("--")]
    source_only = "--no-binary connection-pool"
    assert options == [source_only] * ("snakemake" in text) + ["--only-binary :all:"]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line)
    assert len(lines) == len(locked_versions(name)) > 0
    assert "/" not in text  # neither a machine's path nor an index


@pytest.mark.parametrize("name", [*NAMES, *RUNNERS])
def test_the_lock_satisfies_its_source(name: str) -> None:
    locked = locked_versions(name)
    for requirement in map(Requirement, requirements(name)[1]):
        assert requirement.specifier.contains(locked[requirement.name.lower()])


@pytest.mark.parametrize("name", NAMES)
def test_steps_and_tests_run_the_same_versions(name: str) -> None:
    tested = locked_versions("test")
    locked = locked_versions(name)
    assert locked["numpy"] == "2.0.2"
    if name == "benchmark":  # has simulators that the tests do not import
        locked = {package: locked[package] for package in locked.keys() & tested.keys()}
    assert locked.items() <= tested.items()


def test_only_tensorflow_steps_carry_tensorflow() -> None:
    carriers = {name for name in NAMES if "tensorflow" in locked_versions(name)}
    assert carriers == {"tfq", "audit", "test"}


def test_the_runner_carries_nothing_that_steps_compute_with() -> None:
    wanted = {Requirement(r).name for name in NAMES for r in requirements(name)[1]}
    shared = {"jinja2", "jsonschema", "packaging", "pyyaml", "setuptools"}
    assert not (wanted - shared) & locked_versions("snakemake").keys()


def test_the_runner_is_compiled_where_python_writes_no_bytecode() -> None:
    packages = next((ROOT / ".venv").glob("lib/python3.*/site-packages"))
    sources = [*packages.glob("snakemake/**/*.py")]
    assert len(sources) > 50
    assert all(Path(cache_from_source(str(path))).exists() for path in sources)


@pytest.mark.parametrize("name", NAMES)
def test_pins_are_explicit_closed_and_agree_with_the_yaml(name: str) -> None:
    lines = deploy.read(name, deploy.PINS).splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages.pop(0) == "@EXPLICIT"
    form = re.escape(CHANNEL) + r"(linux-64|noarch)/[\w.-]+\.conda#[0-9a-f]{32}"
    assert all(re.fullmatch(form, line) for line in packages)
    pinned = {package: (version, build) for package, version, build in pins(name)}
    assert len(pinned) == len(packages) == len(set(packages))
    table = map(str.split, deploy.read("pins", "dependencies.txt").splitlines())
    required = {build.rsplit("-", 2)[0]: packages for build, *packages in table}
    # Closed, nothing superfluous, and in an order that conda can install in.
    done: set[str] = set()
    for package in pinned:
        assert set(required[package]) <= done, package
        done.add(package)
    roots = dict(spec.split(" =") for spec in requirements(name)[0])
    needed, queue = set(), list(roots)
    while queue:
        needed.add(package := queue.pop())
        queue += required[package]
    assert needed == done == required.keys()
    for package, version in roots.items():
        assert pinned[package][0] == version
    assert pinned["python"][1].endswith("_cpython")


def test_all_environments_share_their_pins() -> None:
    assert len({deploy.digest(name, deploy.PINS) for name in NAMES}) == 1
    assert len({str(requirements(name)[0]) for name in NAMES}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_pip_replaces_no_package_that_conda_installs(name: str) -> None:
    pinned = {package: version for package, version, _ in pins(name)}
    for package, version in locked_versions(name).items():
        assert pinned.get(package, version) == version or package == "tzdata"


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_has_its_four_files_and_one_channel(name: str) -> None:
    files = {path.name for path in deploy.LOCKS.glob(f"{name}.*")}
    kinds = ("yaml", deploy.LOCK, deploy.PINS, deploy.SCRIPT)
    assert files == {f"{name}.{kind}" for kind in kinds}
    digests = [
        hashlib.sha256((deploy.LOCKS / f"{name}.{kind}").read_bytes()).hexdigest()
        for kind in (deploy.LOCK, deploy.PINS)
    ]
    script = deploy.read(name, deploy.SCRIPT)
    assert script == lock.POST_DEPLOY.format(name, *digests)
    # `nodefaults` is one that `conda env create` of conda 26.7 does not find.
    channels = yaml.safe_load(deploy.read(name, "yaml"))["channels"]
    assert channels == ["conda-forge"]


def test_the_installer_is_small_and_any_python_starts_it(tmp_path: Path) -> None:
    texts = {name: (TOOLS / name).read_text() for name in ("deploy.py", "lock.py")}
    assert sum(len(text.splitlines()) for text in texts.values()) <= 250
    tree = ast.parse(texts["deploy.py"], feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", None) or names[0]
            assert module in sys.stdlib_module_names
    find = [real_uv(), "python", "find", "--no-python-downloads", "3.8"]
    old = subprocess.run(find, capture_output=True, text=True, cwd=tmp_path)
    if old.returncode:
        pytest.skip("no Python 3.8")
    command = [old.stdout.strip(), TOOLS / "deploy.py", "venv", "nothing"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (
        run.stderr == "error: envs/nothing.requirements.txt: not found; run make lock\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["venv", "circuits", "mine"], "error: mine: allowed: .venv, or a folder in "),
        (["venv", "circuits", ".venvs/../mine"], "error: .venvs/../mine: allowed: "),
        (["venv", "nothing", ".venvs/mine"], "error: envs/nothing.requirements.txt: "),
        (["venv", "circuits", ".venvs", "mine"], "Install an environment"),
        (["conda", "circuits"], "Install an environment"),
    ],
)
def test_the_installer_deletes_nothing_but_environments(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    for folder in ("mine", ".venvs/mine"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "thesis.tex").write_text("")
    command = [sys.executable, TOOLS / "deploy.py", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode and run.stderr.startswith(told) and not run.stdout
    assert len([*tmp_path.rglob("thesis.tex")]) == 2


def test_make_says_in_one_line_that_there_is_no_python(tmp_path: Path) -> None:
    for program in ("make", "sh"):
        found = shutil.which(program)
        assert found
        (tmp_path / program).symlink_to(found)
    shutil.copy(ROOT / "Makefile", tmp_path)
    run = subprocess.run(
        ["make", "--silent", "reproduce"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode
    assert run.stderr.startswith("error: neither Python 3.8 or later nor uv")
    assert len([line for line in run.stderr.splitlines() if "make:" not in line]) == 1
    assert not (tmp_path / ".venv").exists()


# A project with the workflow's environment rules and a step of its own

STEP = """\
import importlib.util, json, os, sys
names = ("toy", "leak_path", "leak_user", "snakemake", "yaml")
found = [name for name in names if importlib.util.find_spec(name)]
print(json.dumps({"prefix": os.path.relpath(sys.prefix), "found": found}))
"""
SNAKEFILE = """\
include: "rules/project.smk"
include: "rules/environments.smk"

rule step:
    default_target: True
    input:
        environment=environment("circuits"),
        script="scripts/step.py",
        large="large.bin",
    output:
        "step.json",
    conda:
        "../envs/circuits.yaml"
    params:
        python=python("circuits"),
    shell:
        "{params.python} {input.script} > {output}"
"""
# A stand-in for conda, as far as Snakemake and lock.py use it.
CONDA = """\
import json, os, pathlib, re, subprocess, sys
arguments = sys.argv[1:]
base = pathlib.Path(__file__).resolve().parent.parent
def option(name):
    return pathlib.Path(arguments[arguments.index(name) + 1])
def record(build, depends=()):
    path = option("--prefix") / "conda-meta" / (build + ".json")
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps({"depends": depends}))
if arguments == ["info", "--json"]:
    print(json.dumps({"conda_prefix": str(base), "platform": "linux-64"}))
elif arguments == ["--version"]:
    print("conda", os.environ.get("CONDA_VERSION", "24.7.1"))
elif arguments[0] == "clean":
    pass
elif arguments[0] == "config":
    print(json.dumps({"get": {"channel_priority": "strict"}}))
elif arguments[0] == "list":
    print("# platform: linux-64", "@EXPLICIT", sep="\\n")
    print((option("--prefix") / "pin").read_text())
elif "--channel" in arguments:
    record("python-3.11.15-hnew_0", ["libnew >=3", "__glibc >=2.17"])
    record("libnew-3.1-0")
    (option("--prefix") / "pin").write_text(" ".join(arguments))
else:
    text = option("--file").read_text()
    if arguments[0] == "create" and os.environ.get("PINS_FAIL"):
        sys.exit("PackagesNotFoundError")
    if "nodefaults" in text:
        sys.exit("UnavailableInvalidChannel: HTTP 404 for channel nodefaults")
    venv = [PYTHON, "-m", "venv", "--without-pip", option("--prefix")]
    subprocess.run(venv, check=True)
    for build in re.findall(r"/([^/]+)[.]conda#", text) or ["python-3.11.15-hany_0"]:
        record(build)
"""


class Project:
    """A copy of what environments are made of, with a toy in place of numpy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("workflow/rules", "workflow/profiles/default", "scripts/tools"):
            (folder / part).mkdir(parents=True)
        shutil.copytree(deploy.LOCKS, folder / "envs")
        for source in [
            ROOT / "workflow/rules/project.smk",
            *ROOT.glob("workflow/rules/*environment*.smk"),
            ROOT / "workflow/profiles/default/config.yaml",
            *TOOLS.glob("*.py"),
        ]:
            shutil.copy(source, folder / source.relative_to(ROOT))
        (folder / "scripts/step.py").write_text(STEP)
        (folder / "workflow/Snakefile").write_text(SNAKEFILE)
        # Snakemake compares contents up to 1 MB unless told otherwise.
        (folder / "large.bin").write_bytes(bytes(2_000_000))
        for kind in ("path", "user/lib/python3.11/site-packages"):
            (folder / kind).mkdir(parents=True)
            (folder / kind / f"leak_{kind.split('/')[0]}.py").touch()
        self.toy = make_wheel(folder / "wheels", "toy", {"toy.py": ""})
        self.lock(self.toy)
        self.uv = real_uv()
        self.add_program("uv", f'exec {self.uv} "$@"')
        folders = os.environ["PATH"].split(os.pathsep)
        rest = [
            folder
            for folder in folders
            if not Path(folder, "conda").exists() and not Path(folder, "uv").exists()
        ]
        wheels = str(folder / "wheels")
        self.environment = {
            "PATH": os.pathsep.join([str(folder / "bin"), *rest]),
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(folder / "path"),
            "PYTHONUSERBASE": str(folder / "user"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels,
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": wheels,
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def lock(self, digest: str, comment: str = "") -> None:
        """Lock ``circuits`` to the toy, consistently."""
        text = f"{comment}toy==1.0 \\\n    --hash=sha256:{digest}\n"
        (self.folder / "envs/circuits.requirements.txt").write_text(text)
        self.write_script()

    def write_script(self) -> None:
        """Write the post-deploy script as `make lock` does."""
        files = [self.folder / f"envs/circuits.{k}" for k in (deploy.LOCK, deploy.PINS)]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        script = lock.POST_DEPLOY.format("circuits", *digests)
        (self.folder / "envs/circuits.post-deploy.sh").write_text(script)

    def add_program(self, name: str, text: str, start: str = "#!/bin/sh") -> None:
        """Put a program on PATH, before all others."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{start}\n{text}\n")
        path.chmod(0o755)

    def add_conda(self) -> None:
        """Put a stand-in for conda on PATH."""
        self.add_program("conda", f"PYTHON = {PYTHON!r}\n{CONDA}", f"#!{PYTHON}")
        activate = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"'
        self.add_program("activate", activate)

    def snakemake(
        self, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run(snakemake_program(), "--cores", "1", *arguments, **variables)

    def deploy(
        self, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "scripts/tools/deploy.py", *arguments]
        return self.run(*command, **variables)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def step(self) -> dict[str, object]:
        report: dict[str, object] = json.loads((self.folder / "step.json").read_text())
        return report

    @property
    def prefix(self) -> Path:
        """The path of the venv of ``circuits``."""
        text = (self.folder / "envs/circuits.requirements.txt").read_bytes()
        digest = hashlib.sha256(text).hexdigest()[:12]
        return self.folder / f".venvs/circuits-{digest}"


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel, version 1.0; return its sha256."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    } | files
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        record += f"{path},sha256={digest.decode().rstrip('=')},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16  # programs among them run
            archive.writestr(entry, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("built") / "project")
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    assert "environments: venvs in .venvs" in run.stdout
    return project.folder


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Iterator[Project]:
    """A project whose step has run in its venv, and that has moved since."""
    project = Project(tmp_path / "project")
    shutil.rmtree(project.folder)
    shutil.copytree(built_once, project.folder, symlinks=True)
    project.add_program("uv", f'exec {project.uv} "$@"')
    yield project


def marker_of(folder: Path) -> dict[str, object]:
    marker: dict[str, object] = json.loads((folder / "environment.json").read_text())
    return marker


# The venv half


def test_a_step_runs_in_its_venv_and_sees_nothing_else(built: Project) -> None:
    control = built.run(PYTHON, "scripts/step.py")
    assert {"leak_path", "leak_user"} <= set(json.loads(control.stdout)["found"])
    prefix = str(built.prefix.relative_to(built.folder))
    assert built.step() == {"prefix": prefix, "found": ["toy"]}


def test_the_marker_tells_what_is_installed_and_not_where(built: Project) -> None:
    marker = marker_of(built.prefix)
    lock_bytes = (built.folder / "envs/circuits.requirements.txt").read_bytes()
    assert marker.pop("lock_sha256") == hashlib.sha256(lock_bytes).hexdigest()
    assert re.fullmatch(r"3\.11\.\d+", str(marker.pop("python")))
    assert marker == {
        "name": "circuits",
        "deployer": "venv",
        "pins_sha256": None,
        "packages": {"toy": "1.0"},
    }


def test_moving_touching_and_deleting_rerun_nothing(built: Project) -> None:
    marker = built.prefix / "environment.json"
    later = time.time() + 10
    inputs = [built.folder / "scripts/step.py", built.folder / "large.bin"]
    for path in [marker, *inputs, *built.folder.glob("envs/*")]:
        os.utime(path, (later, later))
    assert "Nothing to be done" in built.snakemake("--dry-run").stdout
    shutil.rmtree(built.prefix)
    assert "Nothing to be done" in built.snakemake("--dry-run").stdout


def test_editing_a_script_reruns(built: Project) -> None:
    script = built.folder / "scripts/step.py"
    script.write_text(script.read_text() + "# edited\n")
    later = time.time() + 20
    os.utime(script, (later, later))
    dry = built.snakemake("--dry-run").stdout
    assert re.search(r"^step +1$", dry, re.MULTILINE)
    assert "build_environment" not in dry


def test_another_lock_is_another_environment(built: Project) -> None:
    lock_file = built.folder / "envs/circuits.requirements.txt"
    lock_file.write_text("# by hand\n" + lock_file.read_text())
    refused = built.snakemake("--dry-run")
    assert refused.returncode
    assert refused.stdout.splitlines()[-1] == (
        "error: envs/circuits.post-deploy.sh: made for another "
        "envs/circuits.requirements.txt; run make lock"
    )
    built.lock(built.toy, "# by make lock\n")
    dry = built.snakemake("--dry-run").stdout
    assert re.search(r"^build_environment +1$", dry, re.MULTILINE)
    assert re.search(r"^step +1$", dry, re.MULTILINE)


@pytest.mark.parametrize("damage", ["marker", "other marker", "base", "half"])
def test_a_damaged_environment_is_built_again(built: Project, damage: str) -> None:
    marker, python = built.prefix / "environment.json", built.prefix / "bin/python"
    match damage:
        case "marker":
            marker.write_text(marker.read_text()[:100])
        case "other marker":
            marker.write_text("[]")
        case "base":  # its Python was uninstalled
            python.unlink()
            python.symlink_to("/nonexistent/python3.11")
        case "half":
            marker.unlink()
            shutil.rmtree(built.prefix / "lib")
    run = built.snakemake("--forcerun", "step")
    assert run.returncode == 0, run.stdout
    assert "installing the circuits environment" in run.stdout
    assert marker_of(built.prefix)["packages"] == {"toy": "1.0"}
    assert built.step()["found"] == ["toy"]


def test_a_wrong_hash_is_refused_and_leaves_nothing_complete(project: Project) -> None:
    project.lock("0" * 64)
    run = project.snakemake()
    assert run.returncode
    assert "Hash mismatch for `toy==1.0`" in run.stdout
    assert "error: envs/circuits.requirements.txt: not installed" in run.stdout
    assert not (project.prefix / "environment.json").exists()
    assert not (project.folder / "step.json").exists()


def test_a_lock_that_lacks_a_dependency_is_refused(project: Project) -> None:
    needs = "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\nRequires-Dist: lost\n"
    files = {"toy.py": "", "toy-1.0.dist-info/METADATA": needs}
    project.lock(make_wheel(project.folder / "wheels", "toy", files))
    run = project.deploy("venv", "circuits")
    assert run.returncode and "lost" in run.stdout
    assert not (project.prefix / "environment.json").exists()


def test_settings_that_put_packages_elsewhere_are_shut_out(project: Project) -> None:
    (project.folder / "uv.toml").write_text('[pip]\ntarget = "elsewhere"\n')
    run = project.deploy(
        "venv",
        "circuits",
        UV_SYSTEM_PYTHON="1",
        UV_PYTHON="3.12",
        UV_CONSTRAINT="nonexistent.txt",
        UV_CONFIG_FILE="uv.toml",
    )
    assert run.returncode == 0, run.stdout
    assert not (project.folder / "elsewhere").exists()
    assert list(project.prefix.glob("lib/python3.11/site-packages/toy.py"))


def test_what_another_run_has_built_meanwhile_stays(project: Project) -> None:
    """Its steps are at work there: nothing is built again."""
    with (project.folder / "workflow/Snakefile").open("a") as snakefile:
        snakefile.write(
            "\n\nonstart:\n"
            f"    shell('{sys.executable} scripts/tools/deploy.py venv circuits')\n"
            "    shell('cd .venvs/circuits-*/ && touch theirs')\n"
        )
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    assert (project.prefix / "theirs").exists()


def test_environments_share_files_where_links_work(project: Project) -> None:
    assert project.deploy("venv", "circuits").returncode == 0
    assert project.deploy("venv", "circuits", ".venvs/other").returncode == 0
    (toy,) = project.prefix.glob("lib/python3.11/site-packages/toy.py")
    (again,) = project.folder.glob(".venvs/other/lib/python3.11/site-packages/toy.py")
    assert toy.samefile(again)


@pytest.mark.skipif(
    not os.access("/dev/shm", os.W_OK)
    or Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev,
    reason="no second file system",
)
def test_copies_without_noise_where_links_do_not_work(project: Project) -> None:
    cache = Path("/dev/shm", f"cache-{os.getpid()}")
    try:
        run = project.deploy("venv", "circuits", UV_CACHE_DIR=str(cache))
        assert run.returncode == 0
        prefix = project.prefix.relative_to(project.folder)
        expected = f"installing envs/circuits.requirements.txt into {prefix}\n"
        assert run.stdout == expected
    finally:
        shutil.rmtree(cache)


@pytest.mark.parametrize("there", ["an old uv", "a broken uv"])
def test_uv_comes_from_its_lock_where_none_is_recent(
    project: Project, there: str
) -> None:
    script = {"uv-1.0.data/scripts/uv": f'#!/bin/sh\nexec {project.uv} "$@"\n'}
    digest = make_wheel(project.folder / "wheels", "uv", script)
    text = f"uv==1.0 --hash=sha256:{digest}\n"
    (project.folder / "envs/uv.requirements.txt").write_text(text)
    match there:
        case "an old uv":
            project.add_program("uv", "echo uv 0.4.30")
        case "a broken uv":
            project.add_program("uv", "echo uv 9.9.9; exit 127", "#!/nonexistent")
    run = project.deploy("venv", "circuits", PIP_TARGET="elsewhere", PIP_USER="1")
    assert run.returncode == 0, run.stdout
    own = f".venvs/uv-{hashlib.sha256(text.encode()).hexdigest()[:12]}/bin/uv"
    assert (project.folder / own).exists()
    assert marker_of(project.prefix)["packages"] == {"toy": "1.0"}
    if there == "a broken uv":
        return
    text = text.replace(digest, "0" * 64)
    (project.folder / "envs/uv.requirements.txt").write_text(text)
    run = project.deploy("venv", "circuits", ".venvs/other")
    assert run.stdout.splitlines()[-1] == "error: pip could not install uv (see above)"


def test_one_line_says_that_there_is_no_python_311(project: Project) -> None:
    project.environment["PATH"] = f"{project.folder}/bin"
    run = project.deploy("venv", "circuits")
    assert run.returncode == 1
    (line,) = run.stdout.splitlines()[1:]
    assert line.startswith("error: no Python 3.11: install it, or let uv")
    assert "No interpreter found for Python 3.11" in line


def test_a_killed_build_is_built_again(project: Project) -> None:
    """A killed installer's child goes on; nobody builds before it has ended."""
    waits = "case $* in *pip\\ install*) until [ -e go ]; do sleep 0.02; done;; esac"
    project.add_program("uv", f'{waits}\nexec {project.uv} "$@"')
    command = [sys.executable, "scripts/tools/deploy.py", "venv", "circuits"]
    where = {"cwd": project.folder, "env": project.environment}
    first = subprocess.Popen(command, **where)  # type: ignore[call-overload]
    while not (project.prefix / "bin/python").exists():
        time.sleep(0.02)
        assert first.poll() is None
    time.sleep(0.5)  # its child waits now
    first.send_signal(signal.SIGKILL)
    first.wait()
    (project.prefix / "left-over").touch()
    again = subprocess.Popen(command, **where)  # type: ignore[call-overload]
    with pytest.raises(subprocess.TimeoutExpired):
        again.wait(timeout=1)
    assert (project.prefix / "left-over").exists()
    with Path(f"{project.prefix}.lock").open() as turn, pytest.raises(BlockingIOError):
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (project.folder / "go").touch()
    assert again.wait() == 0
    assert marker_of(project.prefix)["name"] == "circuits"
    assert not (project.prefix / "left-over").exists()
    # Once complete it is left alone.
    (project.prefix / "left-over").touch()
    assert project.deploy("venv", "circuits").stdout == ""
    assert (project.prefix / "left-over").exists()


# What is checked before anything starts


@pytest.mark.parametrize("package", ["readline", "libgomp", "packaging"])
def test_pins_that_lack_a_dependency_are_refused(
    project: Project, package: str
) -> None:
    file = project.folder / "envs/circuits.linux-64.pin.txt"
    line = re.compile(rf".*/{package}-[\d.]+-\w+\.conda#.*\n")
    file.write_text(line.sub("", file.read_text()))
    changed = project.snakemake("--dry-run")
    assert changed.stdout.splitlines()[-1] == (
        "error: envs/circuits.post-deploy.sh: made for another "
        "envs/circuits.linux-64.pin.txt; run make lock"
    )
    project.write_script()
    refused = project.snakemake("--dry-run")
    assert refused.returncode
    last = refused.stdout.splitlines()[-1]
    assert last.startswith("error: envs/circuits.linux-64.pin.txt: ")
    assert last.endswith(f" needs {package}")


@pytest.mark.parametrize(
    "missing",
    ["circuits.post-deploy.sh", "tfq.requirements.txt", "pins.dependencies.txt"],
)
def test_a_missing_file_is_one_line(project: Project, missing: str) -> None:
    (project.folder / "envs" / missing).unlink()
    run = project.snakemake("--dry-run")
    assert run.returncode
    assert (
        run.stdout.splitlines()[-1]
        == f"error: envs/{missing}: not found; run make lock"
    )
    assert "Traceback" not in run.stdout


def test_refuses_a_machine_without_wheels(project: Project) -> None:
    snakefile = project.folder / "workflow/Snakefile"
    patch = "import platform\nplatform.machine = lambda: 'aarch64'\n"
    snakefile.write_text(patch + SNAKEFILE)
    run = project.snakemake("--dry-run")
    assert run.returncode
    assert run.stdout.splitlines()[-1].startswith(
        "error: this machine is Linux aarch64"
    )
    snakefile.write_text(
        "import platform\nplatform.libc_ver = lambda: ('glibc', '2.17')\n" + SNAKEFILE
    )
    last = project.snakemake("--dry-run").stdout.splitlines()[-1]
    assert re.fullmatch(r"error: .* glibc 2\.17: .* 2\.28 or later only", last)


# The conda half


def test_conda_is_chosen_where_it_is_and_either_can_be_forced(
    project: Project,
) -> None:
    def chosen(**variables: str) -> str:
        return project.snakemake("--dry-run", **variables).stdout

    assert "environments: venvs" in chosen()
    assert "conda: command not found" in chosen(DEPLOYER="conda")
    wrong = chosen(DEPLOYER="docker").splitlines()[-1]
    assert wrong == "error: DEPLOYER is 'docker': allowed are 'conda' and 'venv'"
    project.add_conda()
    assert "environments: conda" in chosen()
    assert "environments: venvs" in chosen(DEPLOYER="venv")
    assert "environments: venvs" in chosen(CONDA_VERSION="24.7.0")


def test_a_step_runs_in_its_conda_environment(project: Project, tmp_path: Path) -> None:
    project.add_conda()
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    report = project.step()
    assert str(report["prefix"]).startswith(".snakemake/conda/")
    assert report["found"] == ["toy"]
    prefix = project.folder / str(report["prefix"])
    marker = marker_of(prefix)
    pin_bytes = (project.folder / "envs/circuits.linux-64.pin.txt").read_bytes()
    assert marker["deployer"] == "conda"
    assert marker["pins_sha256"] == hashlib.sha256(pin_bytes).hexdigest()
    assert not list(project.folder.glob(".venvs/*/"))
    # A command finds it there too.
    found = project.deploy("run", "circuits", "scripts/step.py")
    assert json.loads(found.stdout) == report
    assert "Nothing to be done" in project.snakemake("--dry-run").stdout
    # One that was left without its marker is made again.
    (prefix / "environment.json").unlink()
    again = project.snakemake("--forcerun", "step")
    assert again.returncode == 0, again.stdout
    assert "Removing incomplete Conda environment" in again.stdout
    assert marker_of(prefix) == marker
    # Elsewhere its results are as good.
    moved = project.folder.rename(tmp_path / "moved")
    project.folder = moved
    project.add_conda()
    project.environment["PATH"] = f"{moved}/bin:{project.environment['PATH']}"
    assert "Nothing to be done" in project.snakemake("--dry-run").stdout
    project.lock(project.toy, "# by make lock\n")
    dry = project.snakemake("--dry-run").stdout
    assert re.search(r"^step +1$", dry, re.MULTILINE)
    assert "Conda environment envs/circuits.yaml will be created" in dry


def test_a_failed_pin_is_an_error_and_no_silent_fallback(project: Project) -> None:
    project.add_conda()
    run = project.snakemake(PINS_FAIL="1")
    assert "Failed to install conda environment from pin file" in run.stdout
    assert run.returncode
    assert "error: conda did not use envs/circuits.linux-64.pin.txt" in run.stdout
    assert not (project.folder / "step.json").exists()


def test_a_path_with_a_space(tmp_path: Path) -> None:
    project = Project(tmp_path / "a project")
    project.add_program("uv", f'exec {project.uv} "$@"')
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    assert project.step()["found"] == ["toy"]
    project.add_conda()
    refused = project.snakemake("--dry-run")
    assert refused.returncode
    last = refused.stdout.splitlines()[-1]
    assert last.startswith("error: conda's environments do not work in a path with a s")
    assert "DEPLOYER=venv" in last


@pytest.mark.parametrize(
    "fault", ["none", "inactive", "lock", "pins", "missing", "md5", "extra", "hash"]
)
def test_post_deploy_refuses_all_but_the_pinned_environment(
    project: Project, fault: str
) -> None:
    prefix = project.folder / "environment"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", prefix], check=True)
    records = prefix / "conda-meta"
    records.mkdir()
    for build, md5 in deploy.pinned_builds("circuits").items():
        (records / f"{build}.json").write_text(json.dumps({"md5": md5}))
    python = next(records.glob("python-3*"))
    script = Path(f"{prefix}.post-deploy.sh")
    shutil.copy(project.folder / "envs/circuits.post-deploy.sh", script)
    variables = {"CONDA_PREFIX": str(prefix)}
    expected = {
        "inactive": "conda did not use envs/circuits.linux-64.pin.txt",
        "lock": "envs/circuits.post-deploy.sh: made for other locks; run make lock",
        "pins": "envs/circuits.post-deploy.sh: made for other locks; run make lock",
        "missing": "conda did not use envs/circuits.linux-64.pin.txt: python-3.11",
        "md5": "conda did not use envs/circuits.linux-64.pin.txt: python-3.11",
        "extra": "conda did not use envs/circuits.linux-64.pin.txt: numpy-2.0.2-0",
        "hash": "envs/circuits.requirements.txt: not installed",
    }
    match fault:
        case "inactive":
            variables["CONDA_PREFIX"] = sys.prefix
        case "lock" | "pins":
            kind = deploy.LOCK if fault == "lock" else deploy.PINS
            with (project.folder / f"envs/circuits.{kind}").open("a") as file:
                file.write("\n")
        case "missing":
            python.unlink()
        case "md5":
            python.write_text(json.dumps({"md5": "0" * 32}))
        case "extra":
            (records / "numpy-2.0.2-0.json").write_text("{}")
        case "hash":
            project.lock("0" * 64)
            shutil.copy(project.folder / "envs/circuits.post-deploy.sh", script)
    run = project.run("/usr/bin/env", "bash", str(script), **variables)
    if fault == "none":
        assert run.returncode == 0, run.stdout
        assert marker_of(prefix)["deployer"] == "conda"
    else:
        assert run.returncode == 1
        assert f"error: {expected[fault]}" in run.stdout
        assert not (prefix / "environment.json").exists()


def test_locking_takes_the_pins_and_what_they_require_from_conda(
    project: Project,
) -> None:
    project.add_conda()
    calls = project.folder / "calls"
    project.add_program("uv", f'echo "$@" >> {calls}; echo uv 1.0')  # compiles nothing
    runner = str(Path(snakemake_program()).parent / "python")
    run = project.run(runner, "scripts/tools/lock.py", "--upgrade", PYTHONPATH="")
    assert run.returncode == 0, run.stdout
    compiled = [line for line in calls.read_text().splitlines() if "compile" in line]
    assert len(compiled) == len(NAMES) + len(RUNNERS)
    assert all("--upgrade" in line for line in compiled)
    assert sum("--constraints" in line for line in compiled) == len(NAMES) - 1
    for name in NAMES:
        pin_file = project.folder / f"envs/{name}.linux-64.pin.txt"
        header, explicit, asked = pin_file.read_text().splitlines()
        assert (header, explicit) == ("# platform: linux-64", "@EXPLICIT")
        for requirement in requirements(name)[0]:
            assert requirement in asked
        assert "--override-channels --channel conda-forge" in asked
        lock_file = pin_file.with_name(f"{name}.requirements.txt")
        files = [path.read_bytes() for path in (lock_file, pin_file)]
        digests = " ".join(hashlib.sha256(data).hexdigest() for data in files)
        script = pin_file.with_name(f"{name}.post-deploy.sh").read_text()
        assert script.endswith(f" {name} {digests}\n")
    table = (project.folder / "envs/pins.dependencies.txt").read_text()
    assert table == "libnew-3.1-0\npython-3.11.15-hnew_0 libnew __glibc\n"


def test_an_environment_of_another_lock_is_not_complete(tmp_path: Path) -> None:
    """As those that conda has left in .snakemake/conda may be."""
    marker = {"name": "plot", "lock_sha256": deploy.digest("plot")}
    marker["pins_sha256"] = deploy.digest("plot", deploy.PINS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()

    def is_complete(**other: str) -> bool:
        (tmp_path / "environment.json").write_text(json.dumps(marker | other))
        return deploy.is_complete("plot", tmp_path)

    assert is_complete()
    assert not any(is_complete(**{key: "0"}) for key in marker)


def test_a_command_builds_the_venv_that_it_needs(project: Project) -> None:
    run = project.deploy("run", "circuits", "-c", "import sys; print(sys.prefix)")
    assert run.returncode == 0, run.stdout
    assert run.stdout.splitlines()[-1] == str(project.prefix)
    assert project.deploy("run", "circuits", "-c", "exit(3)").returncode == 3
    # Where it is, nothing is written: it may be somebody else's.
    lock = project.prefix.with_name(f"{project.prefix.name}.lock")
    lock.unlink()
    lock.mkdir()
    assert project.deploy("run", "circuits", "-c", "exit(3)").returncode == 3
    unknown = project.deploy("run", "nothing", "-c", "")
    assert (
        unknown.stdout
        == "error: envs/nothing.requirements.txt: not found; run make lock\n"
    )


# The same on bare machines


def test_the_public_checks_run_what_is_here() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"][1:]]
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([\w ]+):", makefile, re.MULTILINE)
    known = {target for line in targets for target in line.split()}
    for command in commands:
        if made := re.fullmatch(r"make (\w+)", command):
            assert made[1] in known
    assert {"make test", "make reproduce", "make verify"} <= set(commands)
    assert sum("snakemake" in c and "--sdm conda" in c for c in commands) == 2
    for action in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)
