"""What a table over slots has in common with others: arrays that grow, and lists of buckets in an arena."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.features.kernels import SMALLEST, TOP, Ints

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

    def state(self, order: Ints) -> list[Any]:
        """The buckets of the slots in this order, without the gaps between them."""
        sizes = self.size[order]
        at = spread(self.start[order] + self.head[order], sizes)
        return [sizes, self.first[at], self.last[at], self.stats[at]]

    def restore(self, state: list[Any]) -> None:
        sizes, first, last, stats = state
        n = len(sizes)
        self.reserve(n)
        power = np.full(n, -1, np.int64)
        for p in range(len(self.free) - 1, SMALLEST - 1, -1):
            power[(sizes > 0) & (sizes <= 1 << p)] = p
        rooms = np.where(power >= 0, 1 << np.maximum(power, 0), 0)
        self.power[:n], self.size[:n] = power, sizes
        self.start[:n] = np.cumsum(rooms) - rooms
        self.arena[TOP] = rooms.sum()
        self.grow()
        at = spread(self.start[:n], sizes)
        self.first[at], self.last[at], self.stats[at] = first, last, stats


def spread(starts: Ints, sizes: Ints) -> Ints:
    """All places of consecutive runs.

    >>> spread(np.array([10, 20, 30]), np.array([2, 0, 3])).tolist()
    [10, 11, 30, 31, 32]
    """
    ends = np.cumsum(sizes)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    places: Ints = np.repeat(starts, sizes) + within
    return places
