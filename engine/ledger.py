"""What a shard remembers of its events: a million of them in some 200 bytes each, found by id.

Events enter at the end and are forgotten from the front, so each has a slot: its number in the order of
entry. They lie in pages of 1,024. The newest are open columns, and in a dict by id: nothing is done to them
twice, and a ledger of the default size is never anything else. When there are more, older pages are packed
(`page.py`) and found through an index of hashes (`idindex.py`): a sixth of the memory for about one more
microsecond an event.

Where an event lies is no part of what the state means: `items` and every other answer are the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from engine.idindex import IdIndex
from engine.joined import Entry
from engine.page import PAGE, Open, Packed, plain, restored

OPEN_VALUES = 1 << 20  # feature values, about, up to which all pages are open: 131,072 rows of eight features
OPEN_MIN = 2  # pages that are open in any case
AT_ONCE = 2  # pages that are packed at a turn: four turns fill one


class Ledger:
    """The remembered events of one shard, by slot: from `first` up to and without `end`.

    Parameters
    ----------
    width
        How many values a feature row has.
    """

    def __init__(self, width: int) -> None:
        self.open_max = max(OPEN_MIN, OPEN_VALUES // (PAGE * max(1, width)))
        self.first = self.base = self.end = 0  # of the remembered, of the pages, of what is to come
        self.pages: list[Packed | Open] = []
        self.packed = 0  # of the pages
        self.by_id: dict[str, int] = {}  # slots in open pages
        self.index = IdIndex()  # of slots in packed pages

    def __len__(self) -> int:
        return self.end - self.first

    # -- asking ----------------------------------------------------------------------------------------

    def find(self, name: str) -> int | None:
        """The slot of an id, if it is remembered."""
        if (slot := self.by_id.get(name)) is not None or not self.packed:
            return slot
        return next((slot for slot in self.index.find(name) if self._is(slot, name)), None)

    def knows_any(self, ids: Sequence[str]) -> bool:
        """Whether one of the ids is remembered."""
        if not self.by_id.keys().isdisjoint(ids):
            return True
        return self.packed > 0 and any(self._is(slot, ids[i]) for i, slot in self.index.search(ids))

    def _is(self, slot: int, name: str) -> bool:
        page, i = self._place(slot)
        return page.holds(i, name)

    def find_offset(self, offset: int) -> int | None:
        """The slot of the event that lay at an offset of its topic, if it is remembered."""
        k = bisect_right(self.pages, offset, key=lambda page: page.offsets[0]) - 1
        if k < 0:
            return None
        offsets = self.pages[k].offsets
        i = bisect_left(offsets, offset)
        slot = self.base + k * PAGE + i
        return slot if i < len(offsets) and offsets[i] == offset and slot >= self.first else None

    def _place(self, slot: int) -> tuple[Packed | Open, int]:
        k, i = divmod(slot - self.base, PAGE)
        return self.pages[k], i

    def entry(self, slot: int) -> tuple[str, Entry]:
        """An event's id, and what is remembered of it."""
        page, i = self._place(slot)
        return page.entry(i)

    def time(self, slot: int) -> int:
        page, i = self._place(slot)
        return page.times[i]

    def offset(self, slot: int) -> int:
        """Where its event lies."""
        page, i = self._place(slot)
        return page.offsets[i]

    def label(self, slot: int) -> Any:
        """The label that an event has, None while it waits."""
        page, i = self._place(slot)
        return page.labels[i]

    def unlabelled(self, start: int, stop: int) -> int:
        """How many events between two slots have no label."""
        return sum(page.labels[some].count(None) for page, some, _ in self._runs(start, stop))

    def not_before(self, time: int, start: int) -> int:
        """The first slot from `start` on whose event is not older than `time`."""
        for page, some, slot in self._runs(start, self.end):
            for i, at in enumerate(page.times[some], slot):
                if at >= time:
                    return i
        return self.end

    def _runs(self, start: int, stop: int) -> Iterator[tuple[Packed | Open, slice, int]]:
        """The slots between two, by page: where they lie in it, and the first of them."""
        while start < stop:
            page, i = self._place(start)
            j = min(PAGE, i + stop - start)
            yield page, slice(i, j), start
            start += j - i

    def items(self) -> Iterator[tuple[str, Entry, Any]]:
        """All that is remembered, in order: id, entry and label."""
        for slot in range(self.first, self.end):
            yield (*self.entry(slot), self.label(slot))

    # -- changing --------------------------------------------------------------------------------------

    def extend(self, ids: Sequence[str], *columns: Sequence[Any]) -> None:
        """Events to remember, as the columns of `Open`; none of them is remembered already."""
        n, done = len(ids), 0
        self.by_id.update(zip(ids, range(self.end, self.end + n), strict=True))
        while done < n:
            if (self.end - self.base) % PAGE == 0:
                self.pages.append(Open())
            page = self.pages[-1]
            assert isinstance(page, Open)
            stop = min(n, done + PAGE - len(page))
            for mine, new in zip(page.columns(), (ids, *columns), strict=True):
                mine.extend(new if stop - done == n else new[done:stop])
            self.end, done = self.end + stop - done, stop

    def settle(self, slot: int, label: Any) -> None:
        """Write down an event's label, or None to take it back."""
        page, i = self._place(slot)
        page.labels[i] = label

    def forget(self, first: int) -> None:
        """Forget what lies before the slot `first`."""
        for page, some, _ in self._runs(max(self.first, self.base + self.packed * PAGE), first):
            for name in page.ids()[some]:
                del self.by_id[name]
        self.first = first
        gone = min((first - self.base) // PAGE, len(self.pages))
        del self.pages[:gone]
        self.base += gone * PAGE
        self.packed = max(0, self.packed - gone)
        self.index.forget(first)

    def pack(self) -> None:
        """Pack some pages, if there are more than may all be open."""
        for _ in range(AT_ONCE if len(self.pages) > self.open_max else 0):
            if len(self.pages) - self.packed <= OPEN_MIN:
                break
            page, start = self.pages[self.packed], self.base + self.packed * PAGE
            assert isinstance(page, Open)
            for name in page.names[max(0, self.first - start) :]:
                del self.by_id[name]
            if not self.packed:
                self.index.begin(start)
            self.index.append(page.names)
            self.index.forget(self.first)
            self.pages[self.packed] = page.packed()
            self.packed += 1

    # -- its state -------------------------------------------------------------------------------------

    def parts(self) -> Iterator[Any]:
        """The ledger as it is now, in parts that may be asked for later: full pages but for their labels."""
        head = [self.first, self.base, self.packed]
        frozen = [(page, list(page.labels)) for page in self.pages]
        if frozen and isinstance(self.pages[-1], Open):
            frozen[-1] = (Open(*map(list, self.pages[-1].columns())), frozen[-1][1])

        def later() -> Iterator[Any]:
            yield head
            for page, labels in frozen:
                yield plain(page, labels)

        return later()

    @classmethod
    def restored(cls, width: int, parts: Iterator[Any]) -> Ledger:
        """The inverse of `parts`."""
        self = cls(width)
        self.first, self.base, self.packed = next(parts)
        self.pages = list(map(restored, parts))
        self.end = self.base + sum(map(len, self.pages))
        self.index = IdIndex(self.base)
        for page in self.pages[: self.packed]:
            self.index.append(page.ids())
        self.index.forget(self.first)
        start = self.base + self.packed * PAGE
        names = (name for page in self.pages[self.packed :] for name in page.ids())
        self.by_id = {name: slot for slot, name in enumerate(names, start) if slot >= self.first}
        return self
