"""How kernels are compiled: with numba, at their first call, kept on disk where that can be.

Arithmetic is IEEE's, as Python's: no reordering, no fused operations. A division by zero gives infinity or
NaN instead of an exception, so a kernel has to look where Python would raise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

SUM_COMPENSATES = sys.version_info >= (3, 12)  # sum() of floats, by Neumaier's method


def kernel(function: F) -> F:
    """Compile a function over arrays and numbers at its first call.

    The machine code is kept beside the source or in the user's cache folder; where neither can be written
    it is compiled anew in each process. It is known by its own file's time, so a kernel lies in one file
    with those that it calls.
    """
    try:
        return cast(F, numba.njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(F, numba.njit(error_model="numpy")(function))


def inlined(function: F) -> F:
    """A kernel that becomes part of those that call it, where handing over its arrays costs more than it."""
    return cast(F, numba.njit(error_model="numpy", inline="always")(function))
