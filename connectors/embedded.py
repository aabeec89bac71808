"""A log that lives in one place without a broker: what the worker's transport needs beyond `Log`.

One worker per group commits. It holds the group's lease, whose epoch grows with every owner: each
commit names its epoch, so an owner who was stopped for a while and woke up again is refused.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from connectors.log import Batch, Full, Gone, Log, LogError, Misfit, Payload, Refused, Rows, Store

READ_MAX = 1000  # records of one step of a replay; between steps the event loop runs


class Embedded(Log, Protocol):
    """What `SqliteLog` and `MemoryLog` share. Not for several threads at once."""

    def version(self) -> int:
        """A number that changes whenever anyone has committed, in this process or another. Cheap."""

    def offset_at(self, topic: str, partition: int, ms: int) -> int:
        """An offset below which every record is older than `ms`; retention trims up to it."""

    def positions(self, group: str) -> dict[tuple[str, int], int]:
        """Where the group goes on in each (topic, partition) that it has committed."""

    async def take_lease(self, group: str, seconds: float) -> int | None:
        """Return a new epoch, which ends every earlier one, or None while another owner has it."""

    async def renew_lease(self, group: str, epoch: int, seconds: float) -> None:
        """Keep the lease; also when it has run out and nobody took it. Raise Refused if it is over."""

    async def release_lease(self, group: str, epoch: int) -> None:
        """End the epoch, so that a standby takes over at once. Nothing happens if it is over already."""

    def store(self, group: str, partition: int, journal: str, epoch: int, lease_seconds: float) -> Store:
        """The shard's store at this epoch; every commit also renews the lease."""

    async def trim(self, topic: str, partition: int, before_offset: int) -> None:
        """Delete stored segments that lie wholly below the offset; the partition begins behind them."""


class Tx(Protocol):
    """The writes of one transaction: they all happen when it ends, or none does."""

    def end(self, topic: str, partition: int) -> int:
        """Where the next record will go."""

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> int:
        """Append and return the first record's offset."""

    def position(self, topic: str, partition: int, offset: int) -> None:
        """Remember where the group goes on."""


class Owned(Embedded, Protocol):
    """What `EmbeddedStore` asks of its log."""

    def owned(self, group: str, epoch: int, seconds: float) -> AbstractAsyncContextManager[Tx]:
        """A transaction that also renews the lease. Raise Refused if the epoch is over.

        The body must not await: nothing else may run while the log is locked.
        """

    def epoch(self, group: str) -> int:
        """The newest epoch, 0 if there was none."""

    def partitions(self, topic: str) -> int: ...


class EmbeddedStore:
    """The one `Store` of the embedded logs: each commit is one of their transactions."""

    def __init__(
        self, log: Owned, group: str, partition: int, journal: str, epoch: int, lease_seconds: float
    ) -> None:
        self.log = log
        self.group = group
        self.partition = partition
        self.journal = journal
        self.epoch = epoch
        self.lease_seconds = lease_seconds
        self.end: int | None = None  # of the journal, as this store left it; None: not open

    async def open(self) -> tuple[int, bytes] | None:
        if self.log.epoch(self.group) != self.epoch:
            raise Refused(f"{self.group}: epoch {self.epoch} is over")
        self.end = self.log.bounds(self.journal)[self.partition][1]
        if self.end == 0:
            return None
        newest = self.log.read(self.journal, self.partition, self.end - 1, 1)
        return newest.offsets[0], newest.values[0] or b""

    async def commit(self, outputs: Mapping[str, Payload], positions: Mapping[str, int], entry: bytes) -> int:
        if self.end is None:
            raise Refused(f"{self.group}-{self.partition} is not open")
        end, self.end = self.end, None  # whatever goes wrong from here on, open() comes next
        try:
            async with self._owned() as tx:
                if tx.end(self.journal, self.partition) != end:
                    raise Refused(f"{self.journal}-{self.partition}: another owner wrote behind offset {end}")
                for topic, rows in outputs.items():
                    tx.append(topic, self._home(topic), rows)
                for topic, position in positions.items():
                    tx.position(topic, self.partition, position)
                offset = tx.append(self.journal, self.partition, Rows([None], [entry]))
        except (Full, Misfit, Refused):
            raise
        except LogError as exc:
            raise Refused(str(exc)) from exc
        self.end = offset + 1
        return offset

    async def send(self, outputs: Mapping[str, Payload]) -> None:
        async with self._owned() as tx:
            for topic, rows in outputs.items():
                tx.append(topic, self._home(topic), rows)

    async def bounds(self, topic: str) -> tuple[int, int]:
        return self.log.bounds(topic)[self._home(topic)]

    async def read(self, topic: str, first: int, end: int) -> AsyncIterator[Batch]:
        while first < end:
            batch = self.log.read(topic, self._home(topic), first, min(READ_MAX, end - first))
            if batch.end == first:
                raise Gone(f"{topic}-{self.partition}: ends at {first}, before offset {end}")
            first = batch.end
            if first > end:  # a compacted topic has gaps
                batch = batch.cut(0, bisect_left(batch.offsets, end))
                batch.end = end
            if len(batch):
                yield batch
            await asyncio.sleep(0)

    async def put(self, topic: str, key: bytes, value: bytes | None) -> int:
        async with self._owned() as tx:
            return tx.append(topic, self._home(topic), Rows([key], [value]))

    async def close(self) -> None:
        self.end = None

    def _owned(self) -> AbstractAsyncContextManager[Tx]:
        return self.log.owned(self.group, self.epoch, self.lease_seconds)

    def _home(self, topic: str) -> int:
        """The shard's partition of a topic; topics of outputs may have fewer than there are shards."""
        return self.partition % self.log.partitions(topic)
