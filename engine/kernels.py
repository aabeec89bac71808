"""Kernels, as they stand in their modules or compiled by numba: with the same results on the same arrays.

Nobody waits for the compiler. Everything runs uncompiled until the kernels are put into `compiled`, at any
moment, and from then on in that form; what is kept in arrays is there for both.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np


class Kernels:
    """The functions of some modules, by name, each behind those that it calls.

    Parameters
    ----------
    modules
        Written in that part of Python which numba compiles.
    instead
        By name, what stands for a kernel while it is not compiled: the same results, but in numpy's loops.

    Examples
    --------
    >>> from engine.features import kernels
    >>> "walk" in Kernels(kernels).plain
    True
    """

    def __init__(self, *modules: ModuleType, instead: dict[str, Callable[..., Any]] | None = None) -> None:
        self.plain = {
            name: (module, found)
            for module in modules
            for name, found in vars(module).items()
            if isinstance(found, FunctionType) and found.__module__ == module.__name__
        }
        self.instead = instead or {}
        self.compiled: dict[str, Callable[..., Any]] = {}  # filled at once, when all are ready

    def run(self, name: str, *arguments: Any) -> Any:
        """Call a kernel in its fastest form."""
        if found := self.compiled.get(name):
            return found(*arguments)
        with np.errstate(all="ignore"):  # as in compiled code
            return self.instead.get(name, self.plain[name][1])(*arguments)

    def compile_all(self) -> dict[str, Callable[..., Any]]:
        """Every kernel for numba; each is compiled when it is first called.

        Raises
        ------
        ImportError
            If numba is not there.
        """
        from engine.models.compiled.jit import kernel

        made: dict[str, Callable[..., Any]] = {}
        for name, (module, plain) in self.plain.items():
            copy = FunctionType(plain.__code__, {**vars(module), **made}, name, plain.__defaults__)
            copy.__module__, copy.__qualname__ = plain.__module__, plain.__qualname__
            made[name] = kernel(copy)
        return made
