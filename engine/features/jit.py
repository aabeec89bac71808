"""The kernels, as they stand in `kernels.py` or compiled by numba: with the same results on the same arrays.

Nobody waits for the compiler. Everything runs uncompiled until the kernels are put into `compiled`, at any
moment, and from then on in that form; what is kept in arrays is there for both.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from engine.features import kernels, sketches

MODULES = (kernels, sketches)
# By name, each behind those that it calls.
PLAIN = {
    name: (module, found)
    for module in MODULES
    for name, found in vars(module).items()
    if isinstance(found, FunctionType) and found.__module__ == module.__name__
}

compiled: dict[str, Callable[..., Any]] = {}  # filled at once, when all are ready


def run(name: str, *arguments: Any) -> Any:
    """Call a kernel in its fastest form."""
    if found := compiled.get(name):
        return found(*arguments)
    with np.errstate(all="ignore"):  # as in compiled code
        return PLAIN[name][1](*arguments)


def compile_all() -> dict[str, Callable[..., Any]]:
    """Every kernel for numba; each is compiled when it is first called.

    Raises
    ------
    ImportError
        If numba is not there.
    """
    from engine.models.compiled.jit import kernel

    made: dict[str, Callable[..., Any]] = {}
    for name, (module, plain) in PLAIN.items():
        copy = FunctionType(plain.__code__, {**vars(module), **made}, name)
        copy.__module__, copy.__qualname__ = plain.__module__, plain.__qualname__
        made[name] = kernel(copy)
    return made
