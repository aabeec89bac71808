"""How kernels are compiled: with numba, at their first call, kept on disk where that can be.

Arithmetic is IEEE's, as Python's: no reordering, no fused operations. A division by zero gives infinity or
NaN instead of an exception, so a kernel has to look where Python would raise.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

SUM_COMPENSATES = sys.version_info >= (3, 12)  # sum() of floats, by Neumaier's method


def sources() -> str:
    """A hash of every file of this folder."""
    found = hashlib.blake2b(digest_size=16)
    folder = importlib.import_module(__name__.rpartition(".")[0])
    for module in sorted(module.name for module in pkgutil.iter_modules(folder.__path__)):
        found.update(pkgutil.get_data(folder.__name__, f"{module}.py") or b"")
    return found.hexdigest()


SOURCES = sources()


def kernel(function: F) -> F:
    """Compile a function over arrays and numbers at its first call.

    The machine code is kept beside the source or in the user's cache folder; where neither can be written
    it is compiled anew in each process. numba knows it by the time of its own file, but kernels call others
    of other files, so here it is known by all files of the folder.
    """
    try:
        made: Any = numba.njit(cache=True, error_model="numpy")(function)
        made._cache._cache_file._source_stamp = (made._cache._impl.locator.get_source_stamp(), SOURCES)
    except (AttributeError, RuntimeError):  # numba found no folder for its cache, or keeps it otherwise
        made = numba.njit(error_model="numpy")(function)
    return cast(F, made)


def inlined(function: F) -> F:
    """A kernel that becomes part of those that call it, where handing over its arrays costs more than it."""
    return cast(F, numba.njit(error_model="numpy", inline="always")(function))
