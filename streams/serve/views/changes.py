"""When a pipeline's spec changed, as its journals tell: looked for by bisection, since they are long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from connectors.log import Gone, Log
from engine.spec import Spec
from streams.keeping import journal
from streams.keeping.journal import Entry
from streams.serve.views.tails import Budget

STEPS = 32  # parts of a journal whose ends are looked at; a spec that came and went within one stays unseen
SHARDS = 4  # whose journals are looked at: all shards of a pipeline have the same spec
LOOK_SECONDS = 0.5


class Change(NamedTuple):
    """The first commit under another spec."""

    time: int
    partition: int
    offset: int
    what: str  # spec or conditions
    fingerprint: str
    fresh: bool

    @property
    def place(self) -> str:
        return f"{self.partition}-{self.offset}"

    @property
    def text(self) -> str:
        how = ", with an untrained model" if self.fresh else ""
        return f"new {self.what}: {self.fingerprint}{how}"


class _At(NamedTuple):
    offset: int
    time: int
    entry: Entry

    @property
    def kind(self) -> tuple[str, str]:
        return self.entry.spec, self.entry.judge


class Changes:
    """The changes that were found; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.topic = spec.topic("journal")
        self.known: dict[int, list[Change]] = {}
        self.upto: dict[int, _At] = {}  # by partition: the last entry that was looked at
        self.first: dict[int, _At] = {}

    def look(self, log: Log) -> list[Change]:
        """All that are known by now."""
        budget = Budget(LOOK_SECONDS)
        for partition, (start, end) in enumerate(log.bounds(self.topic)[:SHARDS]):
            if not budget.is_over:
                self._advance(log, partition, start, end, budget)
        found = (each for changes in self.known.values() for each in changes)
        first: dict[tuple[str, str], Change] = {}
        for each in sorted(found):
            first.setdefault((each.what, each.fingerprint + str(each.time // 60_000)), each)
        return list(first.values())

    def since(self, log: Log) -> int | None:
        """Since when the spec is as it is: its first commit; None before there was any."""
        changes = [each.time for each in self.look(log) if each.what == "spec"]
        begun = [at.time for at in self.first.values()]
        return max(changes) if changes else min(begun, default=None)

    def _advance(self, log: Log, partition: int, start: int, end: int, budget: Budget) -> None:
        known = self.known.setdefault(partition, [])
        last = self._last(log, partition, start, end)
        at = self.upto.get(partition) or self._at(log, partition, start)
        if last is None or at is None:
            return
        self.first.setdefault(partition, at)
        step = max(1, (last.offset - at.offset) // STEPS)
        while at.offset < last.offset and not budget.is_over:
            nearby = self._at(log, partition, min(at.offset + step, last.offset))
            to = nearby if nearby is not None and nearby.offset <= last.offset else last
            known.extend(self._between(log, partition, at, to))
            self.upto[partition] = at = to

    def _between(self, log: Log, partition: int, low: _At, high: _At) -> Iterator[Change]:
        """Changes behind one entry and up to another."""
        if low.kind == high.kind:
            return
        middle = self._at(log, partition, (low.offset + high.offset) // 2)
        if middle is None or not low.offset < middle.offset < high.offset:
            middle = self._at(log, partition, low.offset + 1)
        if middle is None or middle.offset >= high.offset:
            entry = high.entry
            what = "spec" if low.entry.spec != entry.spec else "conditions of alerts"
            told = entry.spec if what == "spec" else entry.judge
            yield Change(high.time, partition, high.offset, what, told, entry.fresh)
            return
        yield from self._between(log, partition, low, middle)
        yield from self._between(log, partition, middle, high)

    def _last(self, log: Log, partition: int, start: int, end: int) -> _At | None:
        for back in (1, 2, 8, 64):  # the last offset may be a mark of a transaction
            if end - back >= start and (found := self._at(log, partition, end - back)) is not None:
                return found
        return None

    def _at(self, log: Log, partition: int, offset: int) -> _At | None:
        """The entry at an offset, or the next one."""
        try:
            found = next(log.read(self.topic, partition, offset, 1).records(), None)
        except Gone:
            return None
        if found is None:
            return None
        return _At(found.offset, found.timestamp, journal.decode(found.value or b""))
