"""The embedded log's twin in memory, for tests and for trying things out. Lost with the process."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connectors.embedded import EmbeddedStore
from connectors.log import Batch, Gone, Headers, Misfit, Payload, Refused, Topic
from connectors.segments import now_ms


@dataclass(slots=True)
class _Partition:
    """The records of one partition as columns."""

    start: int = 0
    end: int = 0
    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    newest: dict[bytes, int] = field(default_factory=dict)  # by key, of a compacted topic

    def append(self, rows: Payload, timestamps: Sequence[int]) -> None:
        count = len(rows.values)
        self.offsets += range(self.end, self.end + count)
        self.timestamps += timestamps
        self.keys += rows.keys
        self.values += rows.values
        self.headers += rows.headers if rows.headers is not None else [()] * count
        self.end += count

    def compact(self, rows: Payload) -> None:
        """Delete what the newest rows, appended already, have taken the place of."""
        pairs = zip(rows.keys, rows.values, strict=True)
        for offset, (key, value) in enumerate(pairs, self.end - len(rows.values)):
            assert key is not None
            self._delete(self.newest.pop(key, None))
            if value is None:
                self._delete(offset)
            else:
                self.newest[key] = offset

    def _delete(self, offset: int | None) -> None:
        if offset is not None and offset >= self.start:
            at = bisect_left(self.offsets, offset)
            self._drop(slice(at, at + 1))

    def _drop(self, part: slice) -> None:
        for column in (self.offsets, self.timestamps, self.keys, self.values, self.headers):
            del column[part]

    def trim(self, before: int) -> None:
        if before > self.start:
            self._drop(slice(0, bisect_left(self.offsets, before)))
            self.start = min(before, self.end)


@dataclass(slots=True)
class _Lease:
    epoch: int = 0
    expires: float = 0.0


class _State:
    """One named log: what every `MemoryLog` of that name shares."""

    def __init__(self) -> None:
        self.changed = threading.Condition()  # its lock guards all below
        self.version = 0
        self.topics: dict[str, Topic] = {}
        self.records: dict[str, list[_Partition]] = {}
        self.positions: dict[tuple[str, str, int], int] = {}  # by group, topic, partition
        self.leases: dict[str, _Lease] = {}

    def commit(self) -> None:
        self.version += 1
        self.changed.notify_all()


LOGS: dict[str, _State] = {}  # by name; tests may clear it


class MemoryLog:
    """A log in memory. Those of the same name share their records; without a name it is alone.

    >>> from connectors.log import Rows
    >>> log = MemoryLog()
    >>> log.create([Topic("events", 1)])
    ['events']
    >>> log.append("events", 0, Rows([b"key"], [b"value"]))
    range(0, 1)
    >>> log.read("events", 0, 0).values
    [b'value']
    """

    def __init__(self, name: str | None = None) -> None:
        self.state = _State() if name is None else LOGS.setdefault(name, _State())

    # -- reading

    def topics(self) -> dict[str, Topic]:
        return dict(sorted(self.state.topics.items()))

    def partitions(self, topic: str) -> int:
        return len(self._topic(topic))

    def bounds(self, topic: str) -> list[tuple[int, int]]:
        with self.state.changed:
            return [(part.start, part.end) for part in self._topic(topic)]

    def read(self, topic: str, partition: int, first: int, limit: int = 1000, wait: float = 0.0) -> Batch:
        part = self.partition(topic, partition)
        with self.state.changed:
            self.state.changed.wait_for(lambda: bool(part.offsets) and part.offsets[-1] >= first, wait)
            if not part.start <= first <= part.end:
                raise Gone(f"{topic}-{partition}: no offset {first}, there are {part.start} to {part.end}")
            at = bisect_left(part.offsets, first)
            cut = slice(at, at + limit)
            offsets, headers = part.offsets[cut], part.headers[cut]
            return Batch(
                topic,
                partition,
                first,
                offsets[-1] + 1 if len(offsets) == limit else part.end,
                offsets,
                part.timestamps[cut],
                part.keys[cut],
                part.values[cut],
                headers if any(headers) else None,
            )

    def offset_at(self, topic: str, partition: int, ms: int) -> int:
        part = self.partition(topic, partition)
        with self.state.changed:
            found = (at for at, stamp in zip(part.offsets, part.timestamps, strict=True) if stamp >= ms)
            return next(found, part.end)

    def positions(self, group: str) -> dict[tuple[str, int], int]:
        found = list(self.state.positions.items())
        return {(topic, partition): at for (name, topic, partition), at in found if name == group}

    def version(self) -> int:
        return self.state.version

    # -- writing

    def create(self, topics: Iterable[Topic]) -> list[str]:
        with self.state.changed:
            missing = [topic for topic in topics if topic.name not in self.state.topics]
            for topic in missing:
                self.state.topics[topic.name] = topic
                self.state.records[topic.name] = [_Partition() for _ in range(topic.partitions)]
            if missing:
                self.state.commit()
            return [topic.name for topic in missing]

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> Sequence[int]:
        with self.state.changed:
            tx = _Tx(self, "")
            first = tx.append(topic, partition, rows, timestamps)
            tx.finish()
        return range(first, first + len(rows.keys))

    async def trim(self, topic: str, partition: int, before_offset: int) -> None:
        part = self.partition(topic, partition)
        with self.state.changed:
            part.trim(before_offset)
            self.state.commit()

    def close(self) -> None:
        """Nothing to do: the records stay with the name."""

    # -- leases

    def epoch(self, group: str) -> int:
        return self._lease(group).epoch

    async def take_lease(self, group: str, seconds: float) -> int | None:
        with self.state.changed:
            lease, now = self._lease(group), time.monotonic()
            if lease.expires > now:
                return None
            lease.epoch, lease.expires = lease.epoch + 1, now + seconds
            self.state.commit()
            return lease.epoch

    async def renew_lease(self, group: str, epoch: int, seconds: float) -> None:
        async with self.owned(group, epoch, seconds):
            pass

    async def release_lease(self, group: str, epoch: int) -> None:
        with self.state.changed:
            lease = self._lease(group)
            if lease.epoch == epoch:
                lease.epoch, lease.expires = epoch + 1, 0.0
                self.state.commit()

    def store(
        self, group: str, partition: int, journal: str, epoch: int, lease_seconds: float
    ) -> EmbeddedStore:
        return EmbeddedStore(self, group, partition, journal, epoch, lease_seconds)

    @asynccontextmanager
    async def owned(self, group: str, epoch: int, seconds: float) -> AsyncIterator[_Tx]:
        """See `embedded.Owned`."""
        with self.state.changed:
            lease = self._lease(group)
            if lease.epoch != epoch:
                raise Refused(f"{group}: epoch {epoch} is over, another worker has the lease")
            tx = _Tx(self, group)
            yield tx
            lease.expires = time.monotonic() + seconds
            tx.finish()

    def partition(self, topic: str, partition: int) -> _Partition:
        parts = self._topic(topic)
        if not 0 <= partition < len(parts):
            raise Misfit(f"{topic}: there is no partition {partition}, it has {len(parts)}")
        return parts[partition]

    def _topic(self, topic: str) -> list[_Partition]:
        if topic not in self.state.records:
            raise Misfit(f"there is no topic {topic}")
        return self.state.records[topic]

    def _lease(self, group: str) -> _Lease:
        return self.state.leases.setdefault(group, _Lease())


class _Tx:
    """The writes of one transaction, kept until it ends well."""

    def __init__(self, log: MemoryLog, group: str) -> None:
        self.log, self.group = log, group
        self.appends: list[tuple[str, int, Payload, Sequence[int]]] = []
        self.positions: dict[tuple[str, str, int], int] = {}

    def end(self, topic: str, partition: int) -> int:
        waiting = (len(rows.values) for *where, rows, _ in self.appends if where == [topic, partition])
        return self.log.partition(topic, partition).end + sum(waiting)

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> int:
        first = self.end(topic, partition)
        if self.log.state.topics[topic].compacted and None in rows.keys:
            raise Misfit(f"{topic}: a record of a compacted topic needs a key")
        stamps = timestamps if timestamps is not None else [now_ms()] * len(rows.values)
        self.appends.append((topic, partition, rows, stamps))
        return first

    def position(self, topic: str, partition: int, offset: int) -> None:
        self.log.partition(topic, partition)
        self.positions[self.group, topic, partition] = offset

    def finish(self) -> None:
        for topic, partition, rows, stamps in self.appends:
            part = self.log.partition(topic, partition)
            part.append(rows, stamps)
            if self.log.state.topics[topic].compacted:
                part.compact(rows)
        self.log.state.positions.update(self.positions)
        self.log.state.commit()
