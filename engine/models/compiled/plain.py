"""Plain Python over arrays as kernels: the very functions that run without a compiler.

A model written that way needs no second form. Its functions are made known to the compiler one by one; the
kernel that calls them belongs in the file of its compiled form.
"""

from __future__ import annotations

import inspect
import zlib
from types import FunctionType, ModuleType

from numba.extending import register_jitable


def callable_from_kernels(*modules: ModuleType) -> int:
    """Let kernels call the functions of these modules; return a number that changes whenever these do.

    A kernel's machine code on disk is looked up by its own code, not by that of what it calls. So the kernel
    has to mention this number, as a variable of the function around it.
    """
    stamp = 0
    for module in modules:
        for _, part in inspect.getmembers(module, inspect.isfunction):
            if part.__module__ == module.__name__ and "empty" not in part.__name__:
                register_jitable(part)
                stamp = zlib.crc32(_code(part), stamp)
    return stamp


def _code(part: FunctionType) -> bytes:
    code = part.__code__
    used = {name: part.__globals__.get(name) for name in code.co_names}
    values = {name: value for name, value in used.items() if isinstance(value, (int, float, tuple))}
    return code.co_code + repr((code.co_consts, code.co_names, sorted(values.items()))).encode()
