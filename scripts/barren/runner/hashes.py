"""Hashes of names that are the same in every process.

Python draws them anew for each, and a set of names is in their order: a function that
makes a circuit may depend on it.
"""

import os
import sys
from multiprocessing import parent_process


def fix() -> None:
    """Start Python again with fixed hashes, unless it has them or is a fork."""
    if sys.flags.hash_randomization and parent_process() is None:
        # As -E does, but for this variable.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        command = [sys.executable, "-s", *sys.argv]
        os.execve(sys.executable, command, kept | {"PYTHONHASHSEED": "0"})
