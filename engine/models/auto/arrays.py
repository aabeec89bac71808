"""The arrays of `use: auto`: their types, and how they grow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Shape = tuple[int, ...]


def room_for(count: int, least: int) -> int:
    """How many places to keep for so many: a power of two, so that arrays seldom grow.

    >>> room_for(3, 8), room_for(9, 8)
    (8, 16)
    """
    size = least
    while size < count:
        size *= 2
    return size


def fitted(state: Any, empty: Any) -> Any:
    """The arrays of `state`, put into the corners of those of `empty`, which are as large or larger."""
    for old, new in zip(state, empty, strict=True):
        new[tuple(map(slice, old.shape))] = old
    return empty
