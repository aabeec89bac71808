"""The kernel that frames records for Kafka."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def _kernel(function: F) -> F:
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:  # there is no folder for its cache
        return cast(F, numba.njit(function))


@_kernel
def size_of(number: int) -> int:
    """The bytes of a number that is not negative, as a zigzag varint."""
    number *= 2
    size = 1
    while number >= 128:
        number >>= 7
        size += 1
    return size


@_kernel
def put(out: Any, at: int, number: int) -> int:
    """Write such a number; return where to go on."""
    number *= 2
    while number >= 128:
        out[at] = 128 | (number & 127)
        number >>= 7
        at += 1
    out[at] = number
    return at + 1


@_kernel
def copy(out: Any, at: int, source: Any, start: int, size: int) -> int:
    """Copy so many bytes; return where to go on. A loop over two slices becomes one block copy."""
    to, of = out[at : at + size], source[start : start + size]
    for i in range(size):
        to[i] = of[i]
    return at + size


@_kernel
def frame(
    out: Any, at: int, count: int, first: int, keys: Any, key_ends: Any, lines: Any, line_ends: Any
) -> tuple[int, int]:
    """Frame the lines from `first` on, behind `count` records, until `out` is full.

    Return the line that did not fit, or how many there are, and where the records end.
    """
    for i in range(first, line_ends.size):
        key, line = (key_ends[i - 1], line_ends[i - 1] + 1) if i else (0, 0)
        key_size, size = key_ends[i] - key, line_ends[i] - line
        delta = count + i - first
        body = 3 + size_of(delta) + size_of(key_size) + key_size + size_of(size) + size
        if at + size_of(body) + body > out.size:
            return i, at
        at = put(out, at, body)
        out[at] = out[at + 1] = 0
        at = put(out, at + 2, delta)
        at = copy(out, put(out, at, key_size), keys, key, key_size)
        at = copy(out, put(out, at, size), lines, line, size)
        out[at] = 0
        at += 1
    return line_ends.size, at
