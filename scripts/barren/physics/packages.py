"""Modules of large packages, without all that the packages import themselves."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def parts_of(*packages: str) -> Iterator[None]:
    """Import and use modules of packages, outer ones first, without all the others.

    The packages are empty meanwhile, and forgotten afterwards. One that was imported
    before stays as it is; one that is needed whole, too, is to be imported before.
    """
    empty = [name for name in packages if name not in sys.modules]
    try:
        for name in empty:
            if spec := importlib.util.find_spec(name):
                sys.modules[name] = importlib.util.module_from_spec(spec)
        yield
    finally:
        for name in empty:
            sys.modules.pop(name, None)
