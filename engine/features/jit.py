"""The kernels, as they stand in `kernels.py` or compiled by numba: with the same results on the same arrays.

Nobody waits for the compiler. Everything runs uncompiled until `warm` was called, in a thread of the
worker's say, and from then on compiled; what is kept in arrays is there for both.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from engine.features import kernels

# Each may call those before it.
NAMES = (
    "absorb", "nothing", "alone", "copy_bucket", "find_room", "leave", "move", "close_up", "insert", "forget",
    "gather", "clock", "walk",
)  # fmt: skip

compiled: dict[str, Callable[..., Any]] = {}  # filled at once, when all are ready


def run(name: str, *arguments: Any) -> Any:
    """Call a kernel in its fastest form."""
    if found := compiled.get(name):
        return found(*arguments)
    with np.errstate(all="ignore"):  # as in compiled code
        return getattr(kernels, name)(*arguments)


def compile_all() -> dict[str, Callable[..., Any]]:
    """Every kernel for numba; each is compiled when it is first called.

    Raises
    ------
    ImportError
        If numba is not there.
    """
    import numba

    made: dict[str, Callable[..., Any]] = {}
    for name in NAMES:
        plain = getattr(kernels, name)
        copy = FunctionType(plain.__code__, {**vars(kernels), **made}, name)
        copy.__module__, copy.__qualname__ = plain.__module__, plain.__qualname__
        made[name] = _jit(numba, copy)
    return made


def _jit(numba: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        made: Callable[..., Any] = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder to keep compiled code in
        made = numba.njit(error_model="numpy")(function)
    return made
