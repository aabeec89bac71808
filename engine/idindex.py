"""Where in a ledger an id may lie: 8 bytes a cell, asked for a whole batch at once.

A cell holds 32 bits of an id's hash and 32 bits of its slot. Eight cells are a bucket, one line of the
processor's cache, and an id may lie in any cell of its hash's bucket. Nothing is ever deleted: slots are
given in rising order and forgotten from the front, so a cell whose slot lies before the first remembered
one is free. What finds its bucket full goes into a dict; with at most half of the cells taken these are
less than one in a hundred. The ids themselves are not here, so what is found is a candidate, to be
compared with the id in its slot.

Hashes are Python's own: they cost nothing, since the dicts that the ids went through have computed them.
They differ between processes, so an index is never saved; it is built anew from the ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.uint32]

WIDE = 8  # cells in a bucket
BUCKETS_MIN = 256
MASK = (1 << 32) - 1
FEW = 10  # ids that are quicker asked for one by one


def hashes_of(ids: Sequence[str]) -> Cells:
    """The lower half of each id's hash."""
    return np.fromiter(map(hash, ids), np.int64, len(ids)).astype(np.uint32)


class IdIndex:
    """Candidates by id, among slots from `first` up to and without `end`."""

    def __init__(self, first: int = 0) -> None:
        self.first = self.end = first
        self.full: dict[int, list[int]] = {}  # by hash, the slots that found their bucket full
        self.full_max = 1024  # when these are looked through for those that are forgotten
        forgotten = np.full((BUCKETS_MIN, WIDE), (first - 1) & MASK, np.uint32)
        self._use(np.zeros_like(forgotten), forgotten)

    def _use(self, hashes: Cells, slots: Cells) -> None:
        self.hashes, self.slots = hashes, slots
        # The same memory, quicker to reach for one id.
        self._hashes, self._slots = (a.data.cast("B").cast("I") for a in (hashes, slots))

    def find(self, name: str) -> list[int]:
        """Slots that may hold an id."""
        key = hash(name) & MASK
        start = (key & (len(self.hashes) - 1)) * WIDE
        cells, found = self._hashes[start : start + WIDE].tolist(), list[int]()
        if key in cells:
            slots = self._slots[start : start + WIDE].tolist()
            found = [self._whole(slot) for cell, slot in zip(cells, slots, strict=True) if cell == key]
            found = [slot for slot in found if slot < self.end]
        return found + self._full(key) if self.full else found

    def search(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """Rows of `ids`, and slots that may hold them."""
        if self.first == self.end:
            return []
        if len(ids) < FEW:
            return [(row, slot) for row, name in enumerate(ids) for slot in self.find(name)]
        keys = hashes_of(ids)
        buckets = keys & np.uint32(len(self.hashes) - 1)
        found = []
        if (same := self.hashes.take(buckets, axis=0) == keys[:, None]).any():
            rows, cells = np.nonzero(same)
            pairs = zip(
                rows.tolist(), map(self._whole, self.slots[buckets[rows], cells].tolist()), strict=True
            )
            found = [(row, slot) for row, slot in pairs if slot < self.end]
        if self.full and not self.full.keys().isdisjoint(wanted := keys.tolist()):
            found += [(row, slot) for row, key in enumerate(wanted) for slot in self._full(key)]
        return found

    def _full(self, key: int) -> list[int]:
        return [slot for slot in self.full.get(key, ()) if slot >= self.first]

    def _whole(self, slot: int) -> int:
        """A slot from its lower half; beyond `end` if it was forgotten."""
        return self.first + ((slot - self.first) & MASK)

    def begin(self, first: int) -> None:
        """Go on at `first`, with nothing before it."""
        self.first = self.end = first

    def forget(self, first: int) -> None:
        """Slots before `first` are forgotten."""
        self.first, self.end = first, max(first, self.end)

    def append(self, ids: Sequence[str]) -> None:
        """The next ids, one a slot."""
        start, self.end = self.end, self.end + len(ids)
        while (self.end - self.first) * 2 > self.hashes.size:
            self._grow()
        slots = np.arange(start, self.end, dtype=np.int64).astype(np.uint32)
        self._put(hashes_of(ids), slots)

    def _grow(self) -> None:
        """Twice as many buckets: of what lay in one, half stays, and half goes to its twin."""
        buckets, forgotten = len(self.hashes), np.uint32((self.first - 1) & MASK)
        goes = (self.hashes & np.uint32(buckets)) != 0
        slots = np.concatenate([np.where(goes, forgotten, self.slots), np.where(goes, self.slots, forgotten)])
        self._use(np.concatenate([self.hashes, self.hashes]), slots)
        full, self.full = self.full, {}
        pairs = [(key, slot & MASK) for key, slots in full.items() for slot in slots if slot >= self.first]
        if pairs:
            self._put(*np.array(pairs, np.uint32).T)

    def _put(self, hashes: Cells, slots: Cells) -> None:
        """Put each into a free cell of its bucket; of several that chose the same cell, all but one again."""
        while len(slots):
            buckets = (hashes & np.uint32(len(self.hashes) - 1)).astype(np.intp)
            age = self.slots.take(buckets, axis=0) - np.uint32(self.first & MASK)
            taken = age < np.uint32(self.end - self.first)
            cell = taken.argmin(axis=1)
            full = taken[np.arange(len(cell)), cell]
            for key, slot in zip(hashes[full].tolist(), slots[full].tolist(), strict=True):
                self.full.setdefault(key, []).append(self._whole(slot))
            places = (buckets * WIDE + cell)[~full]
            hashes, slots = hashes[~full], slots[~full]
            self.slots.put(places, slots)
            self.hashes.put(places, hashes)
            lost = self.slots.take(places) != slots  # both were put in the same order: the last one won both
            hashes, slots = hashes[lost], slots[lost]
        if len(self.full) > self.full_max:
            self._sift()

    def _sift(self) -> None:
        """Let go of what was forgotten among those that found their bucket full."""
        live = {key: [s for s in slots if s >= self.first] for key, slots in self.full.items()}
        self.full = {key: slots for key, slots in live.items() if slots}
        self.full_max = max(1024, 2 * len(self.full))
