"""What a table over slots has in common with others: arrays that grow, and lists of buckets in an arena."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.features.kernels import TOP

ROOM = 1024  # buckets of an arena at first
GROWTH = 1.5

A = TypeVar("A", bound=NDArray[Any])


def longer(array: A, length: int, fill: float = 0) -> A:
    """The array with at least so many rows."""
    have = len(array)
    if length <= have:
        return array
    more = np.full((max(length, int(have * GROWTH), 16) - have, *array.shape[1:]), fill, array.dtype)
    return np.concatenate([array, more])  # type: ignore[return-value]


class Arena:
    """Lists of buckets, one for each slot, as `kernels.py` has them.

    Parameters
    ----------
    most
        Buckets of one slot.
    width
        Columns of a bucket's stats.
    """

    def __init__(self, most: int, width: int) -> None:
        self.most = most
        self.start, self.head, self.size, self.power = (np.zeros(0, np.int64) for _ in range(4))
        self.free = np.full(most.bit_length() + 2, -1, np.int64)
        self.arena = np.zeros(1, np.int64)
        self.first, self.last = np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64)
        self.stats = np.zeros((ROOM, width))

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take, in their order."""
        return (
            self.start, self.power, self.head, self.size, self.free, self.arena,
            self.first, self.last, self.stats,
        )  # fmt: skip

    def reserve(self, slots: int) -> None:
        """Make room for so many slots."""
        self.start, self.head, self.size = (longer(a, slots) for a in (self.start, self.head, self.size))
        self.power = longer(self.power, slots, -1)

    def grow(self) -> None:
        """Make sure that the next event finds room for its bucket."""
        needed = int(self.arena[TOP]) + 2 * self.most
        if needed > len(self.first):
            self.first, self.last = longer(self.first, needed), longer(self.last, needed)
            self.stats = longer(self.stats, needed)

    def state(self, slots: int) -> list[Any]:
        """The arrays as they are, gaps included: a copy costs little, and the layout goes on the same."""
        top = int(self.arena[TOP])
        by_slot = [array[:slots].copy() for array in (self.start, self.head, self.size, self.power)]
        buckets = [array[:top].copy() for array in (self.first, self.last, self.stats)]
        return [by_slot, buckets, self.free.copy(), top]

    def one(self, slot: int) -> list[Any]:
        """The state of an arena that has this slot only."""
        power, start = int(self.power[slot]), int(self.start[slot])
        places = 1 << power if power >= 0 else 0
        at, part = slice(slot, slot + 1), slice(start, start + places)
        by_slot = [np.zeros(1, np.int64), *(array[at].copy() for array in (self.head, self.size, self.power))]
        buckets = [array[part].copy() for array in (self.first, self.last, self.stats)]
        return [by_slot, buckets, np.full(len(self.free), -1, np.int64), places]

    def restore(self, state: list[Any]) -> None:
        (self.start, self.head, self.size, self.power), buckets, self.free, self.arena[TOP] = state
        self.grow()
        for array, kept in zip((self.first, self.last, self.stats), buckets, strict=True):
            array[: len(kept)] = kept
