"""What the journals tell: where the shards are, how quickly they go on, and when the spec changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from connectors.log import Log, Record
from engine.spec import Spec
from streams.keeping import journal
from streams.keeping.journal import Entry
from streams.records import Placed, last
from streams.serve.views.tails import Tail

RATE_MS = 10_000  # a rate is that of the last so long
ENTRIES = 4_096  # of all shards, that are read to know it


class Taken(NamedTuple):
    """Where a shard was at a commit."""

    time: int  # of the commit, ms
    events: int


class Journals:
    """The newest entry of each shard, and how quickly events were taken of late."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.topic = spec, spec.topic("journal")
        back = max(64, ENTRIES // max(1, spec.partitions))
        self.tail = Tail(self.topic, back, back)
        self.newest: dict[int, tuple[int, Entry]] = {}  # by partition: when, and what
        self.lately: dict[int, deque[Taken]] = {}

    def look(self, log: Log) -> None:
        """Read on."""
        for placed in self.tail.new(log):
            self._take(placed)
        for partition, span in enumerate(self.tail.spans):
            if partition not in self.newest:  # what was read had no entry in it
                for placed in last(log, self.topic, partition, span, 1):
                    self._take(placed)

    def _take(self, placed: Placed) -> None:
        entry, time = journal.decode(placed.record.value or b""), placed.record.timestamp
        self.newest[placed.partition] = time, entry
        lately = self.lately.setdefault(placed.partition, deque())
        lately.append(Taken(time, entry.next.get(self.spec.topic("events"), 0)))
        while len(lately) > 2 and lately[1].time < time - RATE_MS:
            lately.popleft()

    def per_second(self, now: int) -> float:
        """Events that were taken a second, over the last ten."""
        return sum(_rate(lately, now) for lately in self.lately.values())

    def taken(self, topic: str) -> dict[int, int]:
        """By partition, the first offset that is not taken."""
        return {partition: entry.next.get(topic, 0) for partition, (_, entry) in self.newest.items()}

    @property
    def committed_ms(self) -> int | None:
        """When anything was committed last."""
        return max((time for time, _ in self.newest.values()), default=None)

    @property
    def saved(self) -> tuple[int, int] | None:
        """When the oldest of the shards' newest snapshots was made, and of which shard it is."""
        found = [
            (entry.snapshots[0].made_ms, partition)
            for partition, (_, entry) in self.newest.items()
            if entry.snapshots
        ]
        return min(found, default=None)


def _rate(lately: deque[Taken], now: int) -> float:
    inside = [each for each in lately if each.time >= now - RATE_MS]
    if not inside:
        return 0.0
    before = [each for each in lately if each.time < now - RATE_MS]
    first = before[-1] if before else inside[0]
    span = RATE_MS if before else max(now - first.time, 1_000)
    return 1000 * (inside[-1].events - first.events) / span


def events_of(spec: Spec) -> Callable[[Record], int]:
    """Of a journal's record how many events were taken up to it.

    >>> fields = {"x": {"type": "number"}}
    >>> spec = Spec.model_validate({"pipeline": "p", "events": {"fields": fields}})
    >>> entry = Entry(pipeline="p", seq=1, runs=[], next={"p.events": 7}, digest="", spec="")
    >>> events_of(spec)(Record(0, 0, None, journal.encode(entry), ()))
    7
    """
    topic = spec.topic("events")
    return lambda record: journal.decode(record.value or b"").next.get(topic, 0)
