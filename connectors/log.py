"""What a log is: topics of records that batches are read from and appended to.

Two faces, each with a contract that one test suite holds for every log (`tests/connectors`):

`Log`    what tools use, blocking: create topics, append, read.
`Store`  what a worker uses for the one shard that it owns, async: fence, commit, replay.

Nothing here knows what the bytes mean.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

Headers = Sequence[tuple[str, bytes]]


class LogError(Exception):
    """The root of what a log raises.

    LogError
    ├── Refused      nothing was committed, or nobody can tell: drop the shard's memory, reopen, recover
    ├── Unavailable  the log can't be reached now: say so, wait, try again
    ├── Full         no room left: stop loudly; what was committed is still there
    ├── Gone         the records asked for were deleted (retention, compaction)
    └── Misfit       a topic is missing, or has the wrong shape: a person has to act
    """


class Refused(LogError):
    pass


class Unavailable(LogError):
    pass


class Full(LogError):
    pass


class Gone(LogError):
    pass


class Misfit(LogError):
    pass


class Record(NamedTuple):
    offset: int
    timestamp: int  # milliseconds since the epoch, as the producer or the log set it
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Batch:
    """Consecutive records of one topic-partition as columns: first <= offset < end.

    Offsets may have gaps (Kafka's transaction markers), and the first record may lie behind
    `first`; two batches in sequence always join up. `headers` is None when no record has any.
    """

    topic: str
    partition: int
    first: int
    end: int
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def cut(self, start: int, stop: int) -> Batch:
        """The records from index `start` to `stop` as a batch that joins up with its neighbours.

        >>> batch = Batch("t", 0, 5, 9, [5, 6, 8], [0, 0, 0], [None] * 3, [b"a", b"b", b"c"])
        >>> [(b.first, b.end) for b in (batch.cut(0, 1), batch.cut(1, 3))]
        [(5, 6), (6, 9)]
        """
        first = self.first if start == 0 else self.offsets[start - 1] + 1
        end = self.end if stop >= len(self.offsets) else self.offsets[stop - 1] + 1
        part = slice(start, stop)
        return Batch(
            self.topic,
            self.partition,
            first,
            end,
            self.offsets[part],
            self.timestamps[part],
            self.keys[part],
            self.values[part],
            self.headers[part] if self.headers is not None else None,
        )

    def records(self) -> Iterator[Record]:
        headers = self.headers if self.headers is not None else [()] * len(self)
        columns = (self.offsets, self.timestamps, self.keys, self.values, headers)
        return map(Record._make, zip(*columns, strict=True))


class Payload(Protocol):
    """Records to be appended, as columns; `headers` is None when no record has any."""

    @property
    def keys(self) -> Sequence[bytes | None]: ...
    @property
    def values(self) -> Sequence[bytes | None]: ...
    @property
    def headers(self) -> Sequence[Headers] | None: ...


@runtime_checkable
class Lined(Protocol):
    """A payload whose values are kept together, as lines; they can be stored without being parted."""

    def lines(self) -> Sequence[tuple[int, bytes]]:
        """All values in order: how many lines, and the lines themselves, a line break at the end of each."""


@dataclass(slots=True)
class Rows:
    """The plain `Payload`."""

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers] | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be, or as it is. `retention_ms` None: the log's own default, -1: for ever."""

    name: str
    partitions: int
    compacted: bool = False
    retention_ms: int | None = None


class Log(Protocol):
    """What tools need: blocking, for one thread. Raise Unavailable when the log can't be reached."""

    def topics(self) -> dict[str, Topic]:
        """Every topic there is, by name."""

    def create(self, topics: Iterable[Topic]) -> list[str]:
        """Create those that are missing and return their names; leave the others as they are."""

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> Sequence[int]:
        """Return the offsets once all rows are durable, in their order.

        Raise Misfit if there is no such partition.
        """

    def bounds(self, topic: str) -> list[tuple[int, int]]:
        """For each partition the first offset that is there, and where the next record will go."""

    def read(self, topic: str, partition: int, first: int, limit: int = 1000, wait: float = 0.0) -> Batch:
        """At most `limit` committed records from `first` on; wait up to so many seconds for one.

        `end` says where to go on, also when there are no records. Raise Gone if `first` was deleted.
        """

    def close(self) -> None: ...


class Store(Protocol):
    """One shard's part of a log, seen by its owner. `topic` is a topic's full name everywhere."""

    async def open(self) -> tuple[int, bytes] | None:
        """Fence every earlier owner, settle what it left open; return the journal's newest record.

        Called again after a Refused, and after `close`. Raise Refused when this worker may not own
        the shard now, Unavailable when the log can't be reached.
        """

    async def commit(self, outputs: Mapping[str, Payload], positions: Mapping[str, int], entry: bytes) -> int:
        """Make outputs, input positions and the journal's entry durable together; return its offset.

        Raise Refused when another owner has come or when the result is unknown, and leave nothing
        behind in the first case: the caller drops its memory and opens anew. Raise Full when there is
        no room, and Misfit when a topic is missing, forbidden, or does not take an output (too large):
        nothing was committed. After any error only `open` may follow.
        """

    async def send(self, outputs: Mapping[str, Payload]) -> None:
        """Make outputs durable now, outside any commit (at_least_once)."""

    async def bounds(self, topic: str) -> tuple[int, int]:
        """The first offset that is there, and where the next record will go."""

    def read(self, topic: str, first: int, end: int) -> AsyncIterator[Batch]:
        """The committed records with first <= offset < end. Raise Gone when some of them were deleted."""

    async def put(self, topic: str, key: bytes, value: bytes | None) -> int:
        """Append a record outside any commit; where a topic is compacted None deletes the key.

        Return the offset.
        """

    async def close(self) -> None: ...
