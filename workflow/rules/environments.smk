# One environment per kind of step, installed from envs/NAME.requirements.txt into
# conda environments (--sdm conda) or into venvs that a rule below builds. A rule says
#     input: environment("tfq")          the environment, as an input where it is built
#     conda: "../envs/tfq.yaml"          the same environment, for conda
#     shell: f"{python('tfq')} scripts/..."
import os
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))
from deploy_environment import (
    DeploymentError,
    check_platform,
    find_python,
    lock_digest,
    venv_prefix,
)

sys.path.pop(0)

ENVIRONMENTS = (
    "benchmark",
    "circuits",
    "plot",
    "provenance",
    "qsim",
    "tables",
    "test",
    "tfq",
    "theory",
)
CONDA = any(
    method.name == "CONDA" for method in workflow.deployment_settings.deployment_method
)


@cache
def environment(name):
    """Return the marker of an environment's venv as an input; nothing under conda."""
    if CONDA:
        return []
    prefix = venv_prefix(name)
    if workflow.is_main_process and not (prefix / "bin" / "python").exists():
        require_python()
    # Building an environment again, equal as it is, is no reason to rerun its jobs.
    # Another lock is: it is another file.
    return ancient(str(prefix / "environment.json"))


def python(name):
    """Return the start of a step's command line: the environment's own interpreter.

    -s and -E shut out packages of the user and of PYTHONPATH.
    """
    program = "python" if CONDA else venv_prefix(name) / "bin" / "python"
    return f"{program} -s -E"


@cache
def require_python():
    """Stop unless there is a Python 3.11 to build venvs with."""
    try:
        find_python()
    except DeploymentError as error:
        sys.exit(f"error: {error}")


def check_environments():
    """Stop where the environments cannot work, before anything starts."""
    check_platform()
    if (asked := os.environ.get("DEPLOYER", "")) not in {"", "conda", "venv"}:
        raise DeploymentError(f"DEPLOYER is {asked!r}: allowed are 'conda' and 'venv'")
    for name in ENVIRONMENTS:
        # A post-deploy script made for another lock would leave conda's environment
        # as it was before the lock changed.
        script = Path(f"envs/{name}.post-deploy.sh")
        if lock_digest(name) not in script.read_text():
            raise DeploymentError(
                f"{script}: made for another envs/{name}.requirements.txt; run make lock"
            )


if workflow.is_main_process:
    try:
        check_environments()
    except DeploymentError as error:
        sys.exit(f"error: {error}")
    print(
        f"environments: {'conda' if CONDA else 'venvs in .venvs'} "
        f"(force with DEPLOYER={'venv' if CONDA else 'conda'})",
        file=sys.stderr,
    )


include: "build_environment.smk"
