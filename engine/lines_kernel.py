"""The kernel that puts JSON lines together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from engine.lines import FIXED
from engine.models.compiled.jit import kernel


def _copy_eight(context: Any, target: Any, source: Any) -> Any:
    """Copy eight bytes from one address to another."""

    def build(compiler: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        word = ir.IntType(64).as_pointer()
        found = builder.load(builder.inttoptr(arguments[1], word), align=1)
        builder.store(found, builder.inttoptr(arguments[0], word), align=1)
        return compiler.get_dummy_value()

    return types.void(types.int64, types.int64), build


copy_eight: Any = intrinsic(_copy_eight)


@kernel
def address(buffer: Any) -> Any:
    return np.int64(buffer.ctypes.data)


@kernel
def copy(out: int, source: int, size: int) -> int:
    """Copy so many bytes, and up to seven more; return where to go on."""
    done = 0
    while done < size:
        copy_eight(out + done, source + done)
        done += 8
    return out + size


@kernel
def put(out: Any, at: int, number: int) -> int:
    """Write a whole number in decimal; return where to go on."""
    if number < 0:
        out[at] = ord("-")
        at += 1
        number = -number
    size, rest = 1, number // 10
    while rest:
        size += 1
        rest //= 10
    for place in range(at + size - 1, at - 1, -1):
        out[place] = ord("0") + number % 10
        number //= 10
    return at + size


@kernel
def fill(
    out: Any,
    count: int,
    plan: Any,
    fixed: Any,
    bounds: Any,
    flat: Any,
    starts: Any,
    ends: Any,
    numbers: Any,
) -> int:
    """Write all lines; return their size."""
    base, here, there = address(out), address(fixed), address(flat)
    at = 0
    for row in range(count):
        stand = 0
        for piece in plan:
            if piece == FIXED:
                start, size = bounds[0, stand], bounds[1, stand] - bounds[0, stand]
                at = copy(base + at, here + start, size) - base
                stand += 1
            elif piece >= 0:
                start = starts[piece, row]
                at = copy(base + at, there + start, ends[piece, row] - start) - base
            else:
                at = put(out, at, numbers[~piece, row])
    return at
