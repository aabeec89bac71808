"""A seat that one process at a time has: it follows topics, and what it writes is refused once another
process has taken its place. On logs without a broker a lease says who it is; Kafka's is in `kafka_seat.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.embedded import Owned
from connectors.log import Batch, Gone, Refused, Rows

LEASE_S = 3.0
POLL_S = 0.02  # between two looks for what others have committed
FETCH_MAX = 500
HOLD_S = 1.0  # how often `hold` is to be called


class Seat(Protocol):
    """Any of these raises Unavailable when the log can't be reached."""

    async def take(self) -> bool:
        """Sit down, unless somebody sits here; whoever did before can write no more."""

    async def hold(self) -> None:
        """Stay, every `HOLD_S`. Raise Refused once another has the place."""

    async def follow(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Read these from their beginning on; return where each partition ends now."""

    async def has_reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything before these offsets was fetched."""

    async def fetch(self, wait: float) -> list[Batch]:
        """What came since the last time; wait up to so many seconds for anything."""

    async def write(self, outputs: Mapping[str, Rows]) -> None:
        """Append to the first partitions of topics, all or nothing. Raise Refused if another sits here."""

    async def close(self) -> None:
        """Leave, so that another can sit down at once."""


class EmbeddedSeat:
    """A seat by a lease, with the log in this process's hands.

    Parameters
    ----------
    log
        It is closed together with the seat.
    group
        The name of the lease.
    """

    def __init__(self, log: Owned, group: str, lease_s: float = LEASE_S) -> None:
        self.log, self.group, self.lease_s = log, group, lease_s
        self.epoch: int | None = None
        self.at: dict[tuple[str, int], int] = {}

    async def take(self) -> bool:
        self.epoch = await self.log.take_lease(self.group, self.lease_s)
        return self.epoch is not None

    async def hold(self) -> None:
        await self.log.renew_lease(self.group, self._epoch(), self.lease_s)

    async def follow(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        bounds = {topic: self.log.bounds(topic) for topic in topics}
        self.at = {(t, p): start for t, parts in bounds.items() for p, (start, _) in enumerate(parts)}
        return {(t, p): end for t, parts in bounds.items() for p, (_, end) in enumerate(parts)}

    async def has_reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        return all(self.at[where] >= end for where, end in ends.items())

    async def fetch(self, wait: float) -> list[Batch]:
        deadline = time.monotonic() + wait
        while True:
            version = self.log.version()
            batches = [self._read(*where) for where in self.at]
            found = [batch for batch in batches if len(batch)]
            if found or time.monotonic() >= deadline:
                return found
            while self.log.version() == version and time.monotonic() < deadline:
                await asyncio.sleep(POLL_S)

    def _read(self, topic: str, partition: int) -> Batch:
        where = topic, partition
        try:
            batch = self.log.read(topic, partition, self.at[where], FETCH_MAX)
        except Gone:  # deleted meanwhile
            batch = self.log.read(topic, partition, self.log.bounds(topic)[partition][0], FETCH_MAX)
        self.at[where] = batch.end
        return batch

    async def write(self, outputs: Mapping[str, Rows]) -> None:
        async with self.log.owned(self.group, self._epoch(), self.lease_s) as tx:
            for topic, rows in outputs.items():
                tx.append(topic, 0, rows)

    async def close(self) -> None:
        epoch, self.epoch = self.epoch, None
        if epoch is not None:
            await self.log.release_lease(self.group, epoch)
        self.log.close()

    def _epoch(self) -> int:
        if self.epoch is None:
            raise Refused(f"{self.group}: nobody has sat down")
        return self.epoch
