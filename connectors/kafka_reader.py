"""Reads one topic-partition of Kafka in order, only what is committed."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator
from operator import attrgetter
from typing import Any

from aiokafka import TopicPartition

from connectors.kafka_batch import to_batch
from connectors.kafka_shared import Shared
from connectors.log import Batch, Gone, Unavailable

FETCH_RECORDS = 1000
STEP_MS = 200  # how long one fetch waits for records


class Reader:
    """A consumer without a group. What it has fetched beyond one run is kept for the next."""

    def __init__(self, shared: Shared, where: TopicPartition, consumer: Any) -> None:
        self.shared = shared
        self.where = where
        self.consumer = consumer
        self.buffer: list[Any] = []  # fetched, not handed over yet
        self.position: int | None = None  # all before it was handed over

    @classmethod
    async def start(cls, shared: Shared, topic: str, partition: int) -> Reader:
        async with asyncio.timeout(shared.timeout):
            consumer = await shared.consumer()
        where = TopicPartition(topic, partition)
        consumer.assign([where])
        return cls(shared, where, consumer)

    async def run(self, first: int, end: int) -> AsyncIterator[Batch]:
        """The records with first <= offset < end."""
        if self.position != first:
            self.consumer.seek(self.where, first)
            self.buffer, self.position = [], first
        while first < end:
            if not self.buffer:
                self.buffer = await self._fetch(end)
            n = bisect_left(self.buffer, end, key=attrgetter("offset"))
            taken, self.buffer = self.buffer[:n], self.buffer[n:]
            # With nothing left over, markers may lie behind the last record: the consumer is past them.
            reached = end if self.buffer else min(end, await self.consumer.position(self.where))
            batch = to_batch(self.where.topic, self.where.partition, first, reached, taken)
            first = self.position = reached
            if taken:
                yield batch

    async def _fetch(self, end: int) -> list[Any]:
        """The next records; none if only markers came. An error if nothing comes for a while."""
        before = await self.consumer.position(self.where)
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.shared.timeout
        while clock() < deadline:
            found = await self.consumer.getmany(self.where, timeout_ms=STEP_MS, max_records=FETCH_RECORDS)
            if found or await self.consumer.position(self.where) != before:
                return list(found.get(self.where, ()))
        name = f"{self.where.topic}-{self.where.partition}"
        _, last = await self.shared.bounds(*self.where)
        if last < end:
            raise Gone(f"{name}: ends at {last}, before offset {end}")
        raise Unavailable(f"reading {name}: {self.shared.servers} gives nothing at offset {before}")
