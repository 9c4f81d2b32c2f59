"""Environments: locks, pins, both deployers, and every leak that each must not have.

Conda itself is replaced by a stand-in that does what Snakemake asks of it with venvs:
no package is fetched from a conda channel. A toy wheel stands in for real packages
where only the way it is installed matters, so that nothing here needs the network.
"""

import base64
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import deploy_environment as deploy
import lock_environments as lock

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / ".venv/bin/snakemake"
SNAKEMAKE = str(RUNNER) if RUNNER.exists() else shutil.which("snakemake")

NAMES = lock.ENVIRONMENTS
# What each pinned package requires, as conda-forge's recipes for these builds say.
DEPENDENCIES = {
    "python": "bzip2 ld_impl_linux-64 libexpat libffi libgcc liblzma libnsl libsqlite "
    "libuuid libxcrypt libzlib ncurses openssl readline tk tzdata",
    "pip": "python setuptools wheel",
    "setuptools": "python",
    "wheel": "packaging python",
    "packaging": "python",
    "bzip2": "libgcc",
    "icu": "libgcc libstdcxx",
    "ld_impl_linux-64": "zstd",
    "libexpat": "libgcc",
    "libffi": "libgcc",
    "libgcc": "_openmp_mutex",
    "libgcc-ng": "libgcc",
    "liblzma": "libgcc",
    "libnsl": "libgcc",
    "libsqlite": "icu libgcc libzlib",
    "libstdcxx": "libgcc",
    "libuuid": "libgcc",
    "libxcrypt": "libgcc-ng",
    "libzlib": "libgcc",
    "ncurses": "libgcc",
    "openssl": "ca-certificates libgcc",
    "readline": "libgcc ncurses",
    "tk": "libgcc libzlib",
    "zstd": "libzlib",
    "_openmp_mutex": "libgomp",
    "ca-certificates": "",
    "libgomp": "",
    "tzdata": "",
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def pins(name: str) -> list[tuple[str, str, str]]:
    """Return (package, version, build) of an environment's pins, in order."""
    parts = [build.rsplit("-", 2) for build in deploy.pinned_builds(name)]
    return [(package, version, build) for package, version, build in parts]


# The files of every environment


@pytest.mark.parametrize("name", [*NAMES, *lock.RUNNERS])
def test_every_locked_package_has_hashes(name: str) -> None:
    text = Path(f"envs/{name}.requirements.txt").read_text()
    joined = text.replace("\\\n", " ").splitlines()
    lines = [line for line in joined if line and not line.startswith("#")]
    if name in lock.RUNNERS:
        assert lines.pop(0) == f"--no-binary {lock.SOURCE_ONLY}"
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line)
    assert len(lines) == len(deploy.locked_versions(name)) > 0
    # neither a machine's path nor an index
    assert "/" not in text.replace(f"scripts/{lock.__name__}.py", "").replace(
        f"envs/{name}.yaml", ""
    )


@pytest.mark.parametrize("name", [*NAMES, *lock.RUNNERS])
def test_the_lock_satisfies_the_yaml(name: str) -> None:
    locked = deploy.locked_versions(name)
    for requirement in map(Requirement, lock.sections(name)[1]):
        assert requirement.specifier.contains(locked[requirement.name.lower()])


@pytest.mark.parametrize("name", NAMES)
def test_steps_and_tests_run_the_same_versions(name: str) -> None:
    tested = deploy.locked_versions("test")
    locked = deploy.locked_versions(name)
    assert locked["numpy"] == "2.0.2"
    if name == "benchmark":  # has simulators that the tests do not import
        locked = {package: locked[package] for package in locked.keys() & tested.keys()}
    assert locked.items() <= tested.items()


def test_only_tensorflow_steps_carry_tensorflow() -> None:
    carriers = {name for name in NAMES if "tensorflow" in deploy.locked_versions(name)}
    assert carriers == {"tfq", "test"}


def test_the_runner_carries_nothing_that_steps_import() -> None:
    wanted = {Requirement(r).name for name in NAMES for r in lock.sections(name)[1]}
    tools = {"hypothesis", "jsonschema", "pyyaml", "pytest", "mypy", "ruff"}
    assert not (wanted - tools) & deploy.locked_versions("snakemake").keys()


@pytest.mark.parametrize("name", NAMES)
def test_pins_are_explicit_closed_and_agree_with_the_yaml(name: str) -> None:
    lines = Path(f"envs/{name}.linux-64.pin.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages.pop(0) == "@EXPLICIT"
    form = (
        r"https://conda\.anaconda\.org/conda-forge/(linux-64|noarch)/"
        r"[\w.-]+-[\w.]+-\w+\.conda#[0-9a-f]{32}"
    )
    assert all(re.fullmatch(form, line) for line in packages)
    pinned = {package: (version, build) for package, version, build in pins(name)}
    assert len(pinned) == len(packages) == len(set(packages))
    # Closed, nothing superfluous, and in an order that conda can install in.
    done: set[str] = set()
    for package in pinned:
        assert set(DEPENDENCIES[package].split()) <= done, package
        done.add(package)
    roots = dict(spec.split(" =") for spec in lock.sections(name)[0])
    needed, queue = set(), list(roots)
    while queue:
        needed.add(package := queue.pop())
        queue += DEPENDENCIES[package].split()
    assert needed == done
    for package, version in roots.items():
        assert pinned[package][0] == version
    assert pinned["python"][1].endswith("_cpython")


def test_all_environments_share_their_pins() -> None:
    texts = {Path(f"envs/{name}.linux-64.pin.txt").read_text() for name in NAMES}
    assert len(texts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_pip_replaces_no_package_that_conda_installs(name: str) -> None:
    pinned = {package: version for package, version, _ in pins(name)}
    for package, version in deploy.locked_versions(name).items():
        assert pinned.get(package, version) == version or package == "tzdata"


@pytest.mark.parametrize("name", NAMES)
def test_the_post_deploy_script_carries_the_digest_of_its_lock(name: str) -> None:
    digest = hashlib.sha256(
        Path(f"envs/{name}.requirements.txt").read_bytes()
    ).hexdigest()
    script = Path(f"envs/{name}.post-deploy.sh").read_text()
    assert script == lock.POST_DEPLOY.format(name=name, digest=digest)


def test_every_environment_of_the_workflow_is_locked() -> None:
    workflow = Path("workflow/rules/environments.smk").read_text()
    listed = re.search(r"^ENVIRONMENTS = \(([^)]*)\)$", workflow, re.MULTILINE)
    assert listed
    assert sorted(re.findall(r'"(\w+)"', listed[1])) == sorted(NAMES)
    files = {path.name for path in Path("envs").iterdir()}
    suffixes = ("yaml", "linux-64.pin.txt", "requirements.txt", "post-deploy.sh")
    expected = {f"{name}.{suffix}" for name in NAMES for suffix in suffixes}
    runners = {f"{name}.{s}" for name in lock.RUNNERS for s in suffixes[::2]}
    assert files == expected | runners


# Where the environments cannot work


def test_refuses_a_machine_without_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy.check_platform()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(deploy.DeploymentError, match=r"^this machine is Linux aarch64"):
        deploy.check_platform()
    monkeypatch.undo()
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.17")
    with pytest.raises(deploy.DeploymentError, match=r"glibc 2\.17: .* 2\.28 or later"):
        deploy.check_platform()


def test_finds_python_past_broken_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = deploy.find_python()
    for folder, text in {
        "shim": "#!/bin/sh\nexit 127\n",
        "other": "#!/bin/sh\necho 3 12 /python3.12\n",
        "no-interpreter": "#!/nonexistent\n",
        "good": f'#!/bin/sh\nexec "{good}" "$@"\n',
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "python3").write_text(text)
        (tmp_path / folder / "python3").chmod(0o755)
    folders = ["shim", "other", "no-interpreter"]
    monkeypatch.setattr(sys, "executable", "")
    path = os.pathsep.join(str(tmp_path / folder) for folder in [*folders, "good"])
    monkeypatch.setenv("PATH", path)
    assert Path(deploy.find_python()).samefile(good)
    monkeypatch.setenv("PATH", path.removesuffix(f"{os.pathsep}{tmp_path}/good"))
    with pytest.raises(deploy.DeploymentError, match=r"^no Python 3\.11 with venv"):
        deploy.find_python()


def test_make_says_in_one_line_that_there_is_no_python(tmp_path: Path) -> None:
    for program in ("make", "sh"):
        found = shutil.which(program)
        assert found
        (tmp_path / program).symlink_to(found)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "envs").mkdir()
    shutil.copy(ROOT / "envs/snakemake.requirements.txt", tmp_path / "envs")
    run = subprocess.run(
        ["make", "--silent", "reproduce"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode
    assert run.stderr.startswith("error: no Python 3.11")
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
# A stand-in for conda, as far as Snakemake and lock_environments.py use it.
CONDA = """\
import json, os, pathlib, re, subprocess, sys
arguments = sys.argv[1:]
base = pathlib.Path(__file__).resolve().parent.parent
def option(name):
    return pathlib.Path(arguments[arguments.index(name) + 1])
if arguments == ["info", "--json"]:
    print(json.dumps({"conda_prefix": str(base), "platform": "linux-64"}))
elif arguments == ["--version"]:
    print("conda 24.7.1")
elif arguments[0] == "clean":
    pass
elif arguments[0] == "config":
    print(json.dumps({"get": {"channel_priority": "strict"}}))
elif arguments[0] == "list":
    print("# platform: linux-64", "@EXPLICIT", sep="\\n")
    print((option("--prefix") / "pin").read_text())
elif "--channel" in arguments:
    option("--prefix").mkdir()
    (option("--prefix") / "pin").write_text(" ".join(arguments))
else:
    if arguments[0] == "create" and os.environ.get("PINS_FAIL"):
        sys.exit("PackagesNotFoundError")
    prefix = option("--prefix")
    subprocess.run([PYTHON, "-m", "venv", prefix], check=True)
    text = option("--file").read_text()
    builds = re.findall(r"/([^/]+)[.]conda#", text) or ["python-3.11.15-hsolved_0"]
    (prefix / "conda-meta").mkdir()
    for build in builds:
        (prefix / "conda-meta" / (build + ".json")).write_text("{}")
"""


class Project:
    """A copy of what environments are made of, with a toy in place of numpy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("envs", "workflow/rules", "workflow/profiles/default"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for source in [
            *Path("envs").iterdir(),
            *Path("workflow/rules").glob("*environment*.smk"),
            Path("workflow/profiles/default/config.yaml"),
        ]:
            shutil.copy(source, folder / source)
        (folder / "scripts").mkdir(exist_ok=True)
        shutil.copy("scripts/deploy_environment.py", folder / "scripts")
        (folder / "scripts/step.py").write_text(STEP)
        (folder / "workflow/Snakefile").write_text(SNAKEFILE)
        # Snakemake compares contents up to 1 MB unless told otherwise.
        (folder / "large.bin").write_bytes(bytes(2_000_000))
        for kind in ("path", "user/lib/python3.11/site-packages"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            leak = f"leak_{kind.split('/')[0]}.py"
            (folder / kind / leak).touch()
        self.lock(make_wheel(folder / "wheels"))
        folders = os.environ["PATH"].split(os.pathsep)
        self.environment = {
            "PATH": os.pathsep.join(
                folder for folder in folders if not Path(folder, "conda").exists()
            ),
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(folder / "path"),
            "PYTHONUSERBASE": str(folder / "user"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder / "wheels"),
            "PIP_NO_CACHE_DIR": "1",
        }

    def lock(self, digest: str, comment: str = "") -> None:
        """Lock ``circuits`` to the toy, consistently."""
        text = f"{comment}toy==1.0 \\\n    --hash=sha256:{digest}\n"
        (self.folder / "envs/circuits.requirements.txt").write_text(text)
        script = lock.POST_DEPLOY.format(
            name="circuits", digest=hashlib.sha256(text.encode()).hexdigest()
        )
        (self.folder / "envs/circuits.post-deploy.sh").write_text(script)

    def add_conda(self) -> None:
        """Put a stand-in for conda on PATH."""
        tools = self.folder / "conda/bin"
        tools.mkdir(parents=True)
        python = deploy.find_python()
        (tools / "conda").write_text(f"#!{python}\nPYTHON = {python!r}\n{CONDA}")
        (tools / "conda").chmod(0o755)
        activate = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'
        (tools / "activate").write_text(activate)
        self.environment["PATH"] = f"{tools}{os.pathsep}{self.environment['PATH']}"

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert SNAKEMAKE, "make .venv/environment.json installs Snakemake"
        return self.run(SNAKEMAKE, "--cores", "1", *arguments)

    def deploy(self, *arguments: str) -> list[str]:
        return [sys.executable, "scripts/deploy_environment.py", *arguments]

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


def make_wheel(folder: Path) -> str:
    """Write toy-1.0, a package of one empty module; return its sha256."""
    folder.mkdir(exist_ok=True)
    info = "toy-1.0.dist-info"
    files = {
        "toy.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        record += f"{name},sha256={digest.decode().rstrip('=')},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose step has run in its venv."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        project = Project(tmp_path_factory.mktemp("built"))
        run = project.snakemake()
        assert run.returncode == 0, run.stdout
        assert "environments: venvs in .venvs" in run.stdout
        yield project


def prefix_of(project: Project) -> Path:
    """Return the relative path of the venv of ``circuits``."""
    text = (project.folder / "envs/circuits.requirements.txt").read_bytes()
    return Path(f".venvs/circuits-{hashlib.sha256(text).hexdigest()[:12]}")


def marker_of(folder: Path) -> dict[str, object]:
    marker: dict[str, object] = json.loads((folder / "environment.json").read_text())
    return marker


# The venv half


def test_a_step_runs_in_its_venv_and_sees_nothing_else(built: Project) -> None:
    control = built.run(deploy.find_python(), "scripts/step.py")
    assert {"leak_path", "leak_user"} <= set(json.loads(control.stdout)["found"])
    assert built.step() == {"prefix": str(prefix_of(built)), "found": ["toy"]}


def test_the_marker_tells_what_is_installed_and_not_where(built: Project) -> None:
    marker = marker_of(built.folder / prefix_of(built))
    lock_bytes = (built.folder / "envs/circuits.requirements.txt").read_bytes()
    assert marker["name"] == "circuits"
    assert marker["lock_sha256"] == hashlib.sha256(lock_bytes).hexdigest()
    assert marker["deployer"] == "venv"
    assert re.fullmatch(r"3\.11\.\d+", str(marker["python"]))
    packages = marker["packages"]
    assert isinstance(packages, dict)
    assert packages["toy"] == "1.0"
    assert list(packages) == sorted(packages)
    assert "/" not in json.dumps(marker)


def test_touching_and_deleting_rerun_nothing(built: Project) -> None:
    marker = built.folder / prefix_of(built) / "environment.json"
    later = time.time() + 10
    inputs = [built.folder / "scripts/step.py", built.folder / "large.bin"]
    for path in [marker, *inputs, *built.folder.glob("envs/*")]:
        os.utime(path, (later, later))
    assert "Nothing to be done" in built.snakemake("--dry-run").stdout
    away = marker.with_suffix(".away")
    marker.rename(away)
    try:
        assert "Nothing to be done" in built.snakemake("--dry-run").stdout
    finally:
        away.rename(marker)


def test_editing_a_script_reruns(built: Project) -> None:
    script = built.folder / "scripts/step.py"
    before = script.read_text()
    script.write_text(before + "# edited\n")
    later = time.time() + 20
    os.utime(script, (later, later))
    try:
        dry = built.snakemake("--dry-run").stdout
        assert re.search(r"^step +1$", dry, re.MULTILINE)
        assert "build_environment" not in dry
    finally:
        script.write_text(before)


def test_another_lock_is_another_environment(built: Project) -> None:
    lock_file = built.folder / "envs/circuits.requirements.txt"
    before = lock_file.read_text()
    digest = re.findall(r"sha256:(\w+)", before)[0]
    try:
        lock_file.write_text("# by hand\n" + before)
        refused = built.snakemake("--dry-run")
        assert refused.returncode
        assert refused.stdout.splitlines()[-1] == (
            "error: envs/circuits.post-deploy.sh: made for another "
            "envs/circuits.requirements.txt; run make lock"
        )
        built.lock(digest, "# by make lock\n")
        dry = built.snakemake("--dry-run").stdout
        assert re.search(r"^build_environment +1$", dry, re.MULTILINE)
        assert re.search(r"^step +1$", dry, re.MULTILINE)
    finally:
        built.lock(digest)


def test_a_wrong_hash_is_refused_and_leaves_nothing_complete(project: Project) -> None:
    project.lock("0" * 64)
    run = project.snakemake()
    assert run.returncode
    assert "pip install failed" in run.stdout
    assert not (project.folder / prefix_of(project) / "environment.json").exists()
    assert not (project.folder / "step.json").exists()


def test_pip_settings_that_put_packages_elsewhere_are_shut_out(
    project: Project,
) -> None:
    elsewhere = project.folder / "elsewhere"
    command = project.deploy("venv", "circuits")
    run = project.run(*command, PIP_TARGET=str(elsewhere), PIP_USER="1")
    assert run.returncode == 0, run.stdout
    assert not elsewhere.exists()


def test_a_killed_build_is_built_again(project: Project) -> None:
    prefix = project.folder / prefix_of(project)
    command = project.deploy("venv", "circuits")
    turn = project.folder / f"{prefix}.lock"
    first = subprocess.Popen(command, cwd=project.folder, env=project.environment)
    while not (prefix / "bin/python").exists():  # its child is installing pip now
        time.sleep(0.02)
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (prefix / "environment.json").exists()
    (prefix / "left-over").touch()
    with turn.open() as held:
        # The orphaned child still writes, so it is nobody else's turn ...
        with pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # ... and whoever comes waits: first for the orphan, then for this test.
        fcntl.flock(held, fcntl.LOCK_EX)
        again = subprocess.Popen(command, cwd=project.folder, env=project.environment)
        with pytest.raises(subprocess.TimeoutExpired):
            again.wait(timeout=1)
        assert (prefix / "left-over").exists()
    assert again.wait() == 0
    assert marker_of(prefix)["name"] == "circuits"
    assert not (prefix / "left-over").exists()
    toy = project.run(str(prefix / "bin/python"), "-s", "-E", "-c", "import toy")
    assert toy.returncode == 0, toy.stdout
    # Once complete it is left alone.
    (prefix / "left-over").touch()
    assert project.run(*command).returncode == 0
    assert (prefix / "left-over").exists()


# The conda half


def test_conda_is_chosen_where_it_is_and_either_can_be_forced(
    project: Project,
) -> None:
    def chosen(**variables: str) -> str:
        run = project.run(str(SNAKEMAKE), "--dry-run", **variables)
        return run.stdout

    assert "environments: venvs" in chosen()
    assert "conda: command not found" in chosen(DEPLOYER="conda")
    wrong = chosen(DEPLOYER="docker").splitlines()[-1]
    assert wrong == "error: DEPLOYER is 'docker': allowed are 'conda' and 'venv'"
    project.add_conda()
    assert "environments: conda" in chosen()
    assert "environments: venvs" in chosen(DEPLOYER="venv")


def test_a_step_runs_in_its_conda_environment(project: Project) -> None:
    project.add_conda()
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    report = project.step()
    assert str(report["prefix"]).startswith(".snakemake/conda/")
    assert report["found"] == ["toy"]
    assert not (project.folder / ".venvs").exists()
    marker = marker_of(project.folder / str(report["prefix"]))
    assert marker["deployer"] == "conda"
    assert "Nothing to be done" in project.snakemake("--dry-run").stdout
    text = (project.folder / "envs/circuits.requirements.txt").read_text()
    project.lock(re.findall(r"sha256:(\w+)", text)[0], "# by make lock\n")
    dry = project.snakemake("--dry-run").stdout
    assert re.search(r"^step +1$", dry, re.MULTILINE)
    assert "Conda environment envs/circuits.yaml will be created" in dry


def test_a_failed_pin_is_an_error_and_no_silent_fallback(project: Project) -> None:
    project.add_conda()
    project.environment["PINS_FAIL"] = "1"
    run = project.snakemake()
    assert "Failed to install conda environment from pin file" in run.stdout
    assert run.returncode
    assert "conda could not use envs/circuits.linux-64.pin.txt" in run.stdout
    assert not (project.folder / "step.json").exists()


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv that passes for a conda environment made from the pins."""
    folder = tmp_path_factory.mktemp("conda") / "environment"
    python = deploy.find_python()
    subprocess.run([python, "-m", "venv", folder], check=True)
    (folder / "conda-meta").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for build, md5 in deploy.pinned_builds("circuits").items():
            record = folder / "conda-meta" / f"{build}.json"
            record.write_text(json.dumps({"md5": md5}))
    return folder


@pytest.mark.parametrize(
    "fault",
    ["none", "inactive", "another", "lock", "missing", "md5", "extra", "hash"],
)
def test_post_deploy_refuses_all_but_the_pinned_active_environment(
    project: Project, prefix: Path, fault: str
) -> None:
    script = Path(f"{prefix}.post-deploy.sh")
    shutil.copy(project.folder / "envs/circuits.post-deploy.sh", script)
    variables = {"CONDA_PREFIX": str(prefix)}
    records = prefix / "conda-meta"
    record = next(records.glob("python-3*"))
    text = record.read_text()
    expected = {
        "inactive": "not the active conda environment",
        "another": "not the active conda environment",
        "lock": "not the lock that envs/circuits.post-deploy.sh was made for",
        "missing": "could not use envs/circuits.linux-64.pin.txt",
        "md5": "has another md5 than its pin",
        "extra": "numpy-2.0.2-0 is installed but not pinned",
        "hash": "pip install failed",
    }
    try:
        match fault:
            case "inactive":
                variables = {}
            case "another":
                variables["CONDA_PREFIX"] = sys.prefix
            case "lock":
                (project.folder / "envs/circuits.requirements.txt").write_text("")
            case "missing":
                record.unlink()
            case "md5":
                record.write_text(json.dumps({"md5": "0" * 32}))
            case "extra":
                (records / "numpy-2.0.2-0.json").write_text("{}")
            case "hash":
                project.lock("0" * 64)
                shutil.copy(project.folder / "envs/circuits.post-deploy.sh", script)
        run = project.run("/usr/bin/env", "bash", str(script), **variables)
    finally:
        record.write_text(text)
        (records / "numpy-2.0.2-0.json").unlink(missing_ok=True)
    if fault == "none":
        assert run.returncode == 0, run.stdout
        assert marker_of(prefix)["deployer"] == "conda"
        (prefix / "environment.json").unlink()
        python = str(prefix / "bin/python")
        project.run(python, "-m", "pip", "uninstall", "--yes", "toy")
    else:
        assert run.returncode == 1
        assert expected[fault] in run.stdout
        assert not (prefix / "environment.json").exists()


def test_locking_takes_the_pins_from_conda(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add_conda()
    monkeypatch.setenv("PATH", project.environment["PATH"])
    header, explicit, asked = lock.solve_pins("tables").splitlines()
    assert (header, explicit) == ("# platform: linux-64", "@EXPLICIT")
    for requirement in lock.sections("tables")[0]:
        assert requirement in asked
    assert "--override-channels --channel conda-forge" in asked
