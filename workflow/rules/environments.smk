# One environment per kind of step, installed from envs/NAME.requirements.txt into
# conda environments (--sdm conda) or into venvs that a rule builds. A rule says
#     input: environment("tfq")          the environment, as an input
#     conda: "../../envs/tfq.yaml"       the same environment, for conda
#     shell: f"{python('tfq')} scripts/..."
import platform
import re
from functools import cache
from importlib import util

# From its file, because another workflow may have a module of this name.
SPEC = util.spec_from_file_location("deploy", ROOT / "scripts/tools/deploy.py")
deploy = util.module_from_spec(SPEC)
SPEC.loader.exec_module(deploy)
venv_prefix = deploy.venv_prefix

# Those that are locked; what a rule needs besides is missed by `environment`.
ENVIRONMENTS = sorted(
    path.name.split(".")[0] for path in deploy.LOCKS.glob("*.pin.txt")
)
CONDA = any(
    method.name == "CONDA" for method in workflow.deployment_settings.deployment_method
)
# For the post-deploy scripts: Snakemake runs copies of them in the working directory.
# And text is read and written as UTF-8, whatever the user's language is.
os.environ.update(BARREN_DEPLOY=deploy.__file__, LC_ALL="C.UTF-8")


@cache
def environment(name):
    """Return a file that is another one when the environment is another one."""
    if CONDA:
        return project(f"envs/{name}.{deploy.SCRIPT}")
    prefix = venv_prefix(name)
    if workflow.is_main_process and not deploy.is_complete(name, prefix):
        Path(marker(prefix)).unlink(missing_ok=True)  # so that it is built again
    # Building an environment again, equal as it is, is no reason to rerun its jobs.
    # Another lock is: it is another file.
    return ancient(marker(prefix))


def marker(prefix):
    """Return the file that a venv has when it is complete, whatever prefix results have."""
    return local(f"{prefix}/environment.json")


def python(name):
    """Return the start of a step's command line: the environment's own interpreter.

    -s and -E shut out packages of the user and of PYTHONPATH.
    """
    program = "python" if CONDA else venv_prefix(name) / "bin" / "python"
    return f"{program} -s -E"


def check_machine():
    """Stop where the environments cannot work, before anything starts."""
    machine = " ".join([platform.system(), platform.machine(), *platform.libc_ver()])
    linux = re.fullmatch(r"Linux x86_64 glibc (\d+)\.(\d+)", machine)
    if not linux or (int(linux[1]), int(linux[2])) < (2, 28):
        sys.exit(
            f"error: this machine is {machine}: TensorFlow Quantum has wheels for "
            "Linux x86_64 with glibc 2.28 or later only"
        )
    if (asked := os.environ.get("DEPLOYER", "")) not in {"", "conda", "venv"}:
        sys.exit(f"error: DEPLOYER is {asked!r}: allowed are 'conda' and 'venv'")
    if CONDA and re.search(r"\s", f"{Path.cwd()}{ROOT}"):
        sys.exit(
            "error: conda's environments do not work in a path with a space: "
            "say DEPLOYER=venv, or move the project"
        )


def check_locks(name):
    """Stop if the files of an environment do not belong together."""
    # With a script for other files, conda's environment would stay as it was before.
    for kind in (deploy.LOCK, deploy.PINS):
        if deploy.digest(name, kind) not in deploy.read(name, deploy.SCRIPT):
            sys.exit(
                f"error: envs/{name}.{deploy.SCRIPT}: "
                f"made for another envs/{name}.{kind}; run make lock"
            )
    # The pins need each other, by the records of the packages.
    table = deploy.read("pins", "dependencies.txt").splitlines()
    required = {build: packages for build, *packages in map(str.split, table)}
    pinned = deploy.pinned_builds(name)
    packages = {build.rsplit("-", 2)[0] for build in pinned}
    for build in pinned:
        lacking = {*required.get(build, ["a line in pins.dependencies.txt"])} - packages
        # What begins with __ is a property of the machine.
        if lacking := [package for package in lacking if package[:2] != "__"]:
            sys.exit(f"error: envs/{name}.{deploy.PINS}: {build} needs {min(lacking)}")


def discard_incomplete():
    """Let Snakemake make those conda environments again that lack their marker."""
    scripts = {deploy.read(name, deploy.SCRIPT): name for name in ENVIRONMENTS}
    folder = Path(workflow.deployment_settings.conda_prefix or ".snakemake/conda")
    for copy in folder.glob(f"*.{deploy.SCRIPT}"):
        name = scripts.get(copy.read_text())
        prefix = copy.with_name(copy.name[: -len(deploy.SCRIPT) - 1])
        if name and not deploy.is_complete(name, prefix):
            prefix.with_suffix(".env_setup_done").unlink(missing_ok=True)


if workflow.is_main_process:
    check_machine()
    for name in ENVIRONMENTS:
        check_locks(name)
    if CONDA:
        discard_incomplete()
    if workflow.modifier.base_snakefile is None:  # our profile reads DEPLOYER
        print(
            f"environments: {'conda' if CONDA else 'venvs in .venvs'} "
            f"(force with DEPLOYER={'venv' if CONDA else 'conda'})",
            file=sys.stderr,
        )


# A module beside this one may have the same environments, and the rule that builds them.
UNBUILT = [
    venv_prefix(name).name
    for name in ENVIRONMENTS
    if not any(rule.is_producer(marker(venv_prefix(name))) for rule in workflow.rules)
]
if UNBUILT:

    include: "build_environment.smk"
