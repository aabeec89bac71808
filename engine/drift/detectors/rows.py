"""Arrays with a row for each signal that needs one, made when it does.

Thousands of signals may be named of which a few ever have values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.drift.detector import Ints

Shapes = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]


class Rows:
    """Some arrays, which have the same rows.

    Parameters
    ----------
    signals
        How many there may be.
    shapes
        The type and the shape of a row, by the array's name.

    Examples
    --------
    >>> rows = Rows(10_000, {"ring": (np.uint16, (4,))})
    >>> rows.admit(np.array([7, 9_999]))
    >>> rows.of[[7, 9_999]].tolist(), rows["ring"][1].tolist(), rows.known().tolist()
    ([0, 1], [0, 0, 0, 0], [7, 9999])
    """

    def __init__(self, signals: int, shapes: Shapes) -> None:
        self.of = np.full(signals, -1)  # a signal's row
        self.used = 0
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.zeros((0, *shape), kind) for name, (kind, shape) in shapes.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def admit(self, signals: Ints) -> None:
        """Give these signals rows of zeros, if they have none."""
        fresh = signals[self.of[signals] < 0]
        if fresh.size == 0:
            return
        self.of[fresh] = np.arange(self.used, self.used + fresh.size)
        self.used += fresh.size
        for name, array in self.arrays.items():
            if len(array) < self.used:
                room = min(max(self.used, len(array) * 3 // 2), self.of.size)
                grown = np.zeros((room, *array.shape[1:]), array.dtype)
                grown[: len(array)] = array
                self.arrays[name] = grown

    def known(self) -> Ints:
        """The signals that have a row."""
        return np.flatnonzero(self.of >= 0)

    def clear(self) -> None:
        """Take all rows back."""
        self.of[:] = -1
        self.used = 0
        for array in self.arrays.values():
            array[:] = 0

    def bytes_all(self) -> int:
        """What it takes when every signal has a row."""
        return self.of.size * sum(
            int(np.prod(array.shape[1:])) * array.dtype.itemsize for array in self.arrays.values()
        )
