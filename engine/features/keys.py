"""Whose memory: keys to slots. The least recently seen key leaves when there are too many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.features.slots import longer

Ints = NDArray[np.int64]
NOBODY = -1  # the slot of an event without a key


class Keys:
    """The keys of one shard, each with its slot, and when it was seen last.

    A slot is a place in the arrays of whatever remembers something by key. There are no gaps: a key that
    leaves gives its slot to the one that comes.

    Parameters
    ----------
    entities_max
        How many keys there may be.

    Examples
    --------
    >>> keys = Keys(2)
    >>> slots, fresh = keys.take(["a", "b", "a", None, "c"])
    >>> slots.tolist(), fresh.tolist(), keys.left
    ([0, 1, 0, -1, 1], [1, 1, 0, 0, 1], 1)
    """

    def __init__(self, entities_max: int) -> None:
        self.entities_max = entities_max
        self.slots: dict[Any, int] = {}
        self.names: list[Any] = []  # by slot
        self.seen = np.zeros(0, np.int64)  # by slot: the number of the last event
        self.events = 0
        self.left = 0  # keys that had to leave
        self.oldest: Iterator[tuple[int, int]] = iter(())

    def __len__(self) -> int:
        return len(self.names)

    def take(self, keys: Sequence[Any]) -> tuple[Ints, NDArray[np.uint8]]:
        """The slot of each key, and whether it begins anew there."""
        get, n = self.slots.get, len(keys)
        fresh = np.zeros(n, np.uint8)
        slots = np.array([get(key, NOBODY) for key in keys], np.int64)
        if n and slots.min() < 0:
            for i, key in enumerate(keys):
                slots[i] = slot = get(key, NOBODY)
                if slot < 0 and key is not None:
                    slots[i], fresh[i] = self._enter(key), 1
                if slots[i] >= 0:
                    self.seen[slots[i]] = self.events + i
        else:
            self.seen[slots] = np.arange(self.events, self.events + n)  # of equal ones the last one stays
        self.events += n
        return slots, fresh

    def _enter(self, key: Any) -> int:
        slot = len(self.names)
        if slot < self.entities_max:
            self.names.append(key)
            self.seen = longer(self.seen, slot + 1)
        else:
            slot = self._leave()
            self.names[slot] = key
        self.slots[key] = slot
        return slot

    def _leave(self) -> int:
        """The slot of the least recently seen key, which is no more.

        All are sorted once in a while. Whoever was not seen since then comes before all who were.
        """
        while True:
            for slot, seen in self.oldest:
                if self.seen[slot] == seen:
                    del self.slots[self.names[slot]]
                    self.left += 1
                    return slot
            order = np.argsort(self.seen[: len(self.names)])
            self.oldest = zip(order.tolist(), self.seen[order].tolist(), strict=True)

    def state(self) -> list[Any]:
        return [list(self.names), self.seen[: len(self.names)].copy(), self.events, self.left]

    def restore(self, state: list[Any]) -> None:
        self.names, self.seen, self.events, self.left = state
        self.slots = {name: slot for slot, name in enumerate(self.names)}
