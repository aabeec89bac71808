"""Whose memory: keys to slots. The least recently seen key leaves when there are too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NOBODY = -1  # the slot of an event without a key


class Keys:
    """The keys of one shard in the order in which they were seen last, each with its slot.

    A slot is a place in the arrays of whatever remembers something by key. Which slot a key has means
    nothing: a state is written in the order of the keys.

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
        self.slots: OrderedDict[Any, int] = OrderedDict()
        self.left = 0  # keys that had to leave

    def __len__(self) -> int:
        return len(self.slots)

    def take(self, keys: Sequence[Any]) -> tuple[Ints, NDArray[np.uint8]]:
        """The slot of each key, and whether it begins anew there."""
        slots, fresh = self.slots, np.zeros(len(keys), np.uint8)
        seen = slots.move_to_end
        taken: list[int] = []
        for i, key in enumerate(keys):
            slot = slots.get(key, NOBODY)
            if slot >= 0:
                seen(key)
            elif key is not None:
                slot = slots[key] = self._room()
                fresh[i] = 1
            taken.append(slot)
        return np.array(taken, np.int64), fresh

    def _room(self) -> int:
        if len(self.slots) < self.entities_max:
            return len(self.slots)
        self.left += 1
        return self.slots.popitem(last=False)[1]

    def order(self) -> Ints:
        """The slots, the least recently seen key first."""
        return np.fromiter(self.slots.values(), np.int64, len(self.slots))

    def state(self) -> list[Any]:
        return [list(self.slots), self.left]

    def restore(self, state: list[Any]) -> None:
        names, self.left = state
        self.slots = OrderedDict(zip(names, range(len(names)), strict=True))
