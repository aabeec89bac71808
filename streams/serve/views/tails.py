"""Reading a topic on from where one was, and finding what it held at a time; bounded, and only when asked."""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from connectors.log import Gone, Log, Record
from streams.records import CHUNK, Placed

SETTLED_MS = 10_000  # what lies further back is not added to any more


class Tail:
    """A place in each partition of a topic, from which it is read on.

    Parameters
    ----------
    topic
        Its full name.
    back
        How many offsets before the end it begins; None: with all there is.
    most
        Records of a partition that one look reads; what is older then is skipped. None: all.
    at_once
        Records of a partition after which a look ends, for the next one to go on from there.
    """

    def __init__(
        self, topic: str, back: int | None = None, most: int | None = None, at_once: int | None = None
    ) -> None:
        self.topic, self.back, self.most, self.at_once = topic, back, most, at_once
        self.spans: list[tuple[int, int]] = []
        self.at: dict[int, int] = {}
        self.skipped = 0  # offsets, in the last look
        self.gaps = False  # whether the last look met offsets without a record

    def new(self, log: Log) -> list[Placed]:
        """What came since the last look, partition by partition."""
        spans, at = log.bounds(self.topic), dict(self.at)
        self.skipped, self.gaps = 0, False
        found: list[Placed] = []
        for partition, (start, end) in enumerate(spans):
            found += self._lane(log, partition, self._first(partition, start, end), end, at)
        self.spans, self.at = spans, at  # only now: whoever is interrupted reads all of it again
        return found

    @property
    def behind(self) -> int:
        """Offsets that the last look has left for the next one."""
        return sum(max(0, end - self.at.get(p, start)) for p, (start, end) in enumerate(self.spans))

    def _first(self, partition: int, start: int, end: int) -> int:
        at = self.at.get(partition)
        if at is None or at > end:  # never read, or the topic was made anew
            return start if self.back is None else max(start, end - self.back)
        first = at if self.most is None else max(at, end - self.most)
        self.skipped += first - at
        return max(first, start)

    def _lane(self, log: Log, partition: int, first: int, end: int, at: dict[int, int]) -> Iterator[Placed]:
        began, count = first, 0
        while first < end and (self.at_once is None or count < self.at_once):
            try:
                batch = log.read(self.topic, partition, first, CHUNK)
            except Gone:  # deleted meanwhile
                batch = log.read(self.topic, partition, log.bounds(self.topic)[partition][0], CHUNK)
            for record in batch.records():
                count += 1
                yield Placed(self.topic, partition, record)
            first = batch.end if batch.end > first else end
        at[partition] = first
        self.gaps = self.gaps or count < at[partition] - began


class Budget:
    """Time that one look may take: what it does not get done then, the next one goes on with."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until


class Moments:
    """What a partition held at given times, found by bisection and remembered.

    Parameters
    ----------
    topic, partition
        Where to look.
    value
        What the last record before a time tells of all before it. None: how many offsets there were.
    chunk
        Records of one reading: on a log where a reading takes long the more.
    """

    def __init__(
        self, topic: str, partition: int, value: Callable[[Record], int] | None = None, chunk: int = 1
    ) -> None:
        self.topic, self.partition, self.value, self.chunk = topic, partition, value, chunk
        self.times: list[int] = []
        self.known: dict[int, tuple[int, int]] = {}  # by time: an offset behind all before it, and the value

    def find(self, log: Log, span: tuple[int, int], ms: int, now: int) -> int:
        """The value of the last record before `ms`."""
        if (found := self.known.get(ms)) is not None:
            return found[1]
        low, high, value = self._between(span, ms)
        while low < high:
            middle = max(low, (low + high - self.chunk) // 2)
            records = [each for each in self._records(log, middle) if each.offset < high]
            before = [each for each in records if each.timestamp < ms]
            if before:
                low = before[-1].offset + 1
                value = low if self.value is None else self.value(before[-1])
            if not before or len(before) < len(records):
                high = max(low, middle) if not before else low
        if ms < now - SETTLED_MS:
            insort(self.times, ms)
            self.known[ms] = low, value
        return value

    def forget(self, before_ms: int) -> None:
        """Times that nobody asks for any more."""
        while self.times and self.times[0] < before_ms:
            del self.known[self.times.pop(0)]

    def _between(self, span: tuple[int, int], ms: int) -> tuple[int, int, int]:
        """The offsets between which the answer lies, by what is known of earlier and later times."""
        at = bisect_left(self.times, ms)
        none = span[0] if self.value is None else 0
        low, value = self.known[self.times[at - 1]] if at else (span[0], none)
        high = self.known[self.times[at]][0] if at < len(self.times) else span[1]
        return max(low, span[0]), min(high, span[1]), value

    def _records(self, log: Log, offset: int) -> Iterator[Record]:
        try:
            return log.read(self.topic, self.partition, offset, self.chunk).records()
        except Gone:
            return iter(())


def spread(count: int) -> Iterator[int]:
    """All places of a row, such that the first few of them are already spread over the whole.

    >>> list(spread(6))
    [5, 0, 4, 2, 1, 3]
    """
    if not count:
        return
    yield count - 1
    step, seen = 1 << (count - 1).bit_length(), {count - 1}
    while step:
        for place in range(0, count, step):
            if place not in seen:
                seen.add(place)
                yield place
        step //= 2
