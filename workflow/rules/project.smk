# Where the project is: the folder with its scripts, locks and schemas.
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile

# Where git runs a hook, it names the repository of that one.
for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
    os.environ.pop(name, None)


def project_root(source):
    """The project's folder, from where this file comes.

    Steps run files, and Snakemake fetches of a repository only what it is told of; so a
    repository is checked out, once for each commit, in the working directory.
    """
    if isinstance(source, LocalSourceFile):
        return Path(source.path).resolve().parents[1]
    if isinstance(source, HostingProviderFile):
        return checkout(source.hosted_repo.repo_clone, source)
    if isinstance(source, LocalGitFile):
        return checkout(source.repo_path, source)
    sys.exit(f"error: {source}: only a folder or a git repository can be a module")


def checkout(repository, source):
    """The project's folder in a checkout of a repository, at the commit of a source."""
    commit = git("-C", repository, "rev-parse", "--verify", f"{source.ref}^{{commit}}")
    folder = Path.cwd() / ".snakemake" / "barren-plateaus" / commit[:12]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
            clone = Path(temporary, "clone")
            git("clone", "--quiet", "--no-checkout", repository, clone)
            git("-C", clone, "checkout", "--quiet", "--detach", commit)
            try:
                os.rename(clone, folder)
            except OSError:  # another process was first
                if not folder.exists():
                    raise
    return folder / Path(source.path).parents[1]


def git(*arguments):
    """What git prints; end with its own words if it fails."""
    done = subprocess.run(["git", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


ROOT = project_root(workflow.current_basedir)
if braced := [str(of) for of in (ROOT, Path.cwd()) if {*"{}"} & {*str(of)}]:
    sys.exit(f"error: {braced[0]}: Snakemake cannot run with braces in a folder's name")


def project(path):
    """A file of the project, from the working directory where it is inside.

    It is local, and so no prefix of an importing workflow is put before it.
    """
    path = ROOT / path
    inside = path.is_relative_to(Path.cwd())
    return local(str(path.relative_to(Path.cwd()) if inside else path))
