"""A seat on Kafka: a consumer group of which one member at a time has the one partition, and a transactional
producer whose id fences whoever had it before.

The group finds a successor when a process dies or freezes; the transactional id sees to it that one that
wakes up again can write nothing. What is written together is one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, ProducerFenced

from connectors.kafka_batch import to_batch
from connectors.kafka_errors import explain
from connectors.kafka_settings import CONSUMER, Settings
from connectors.kafka_shared import Shared, speaking
from connectors.log import Batch, Misfit, Refused, Rows

JOIN_S = 0.5
SESSION_MS, HEARTBEAT_MS = 10_000, 1_000
TRANSACTION_MS = 15_000
FETCH_MAX = 500
GROUP_SETTINGS = tuple(name for name in CONSUMER if name != "group_instance_id")


class KafkaSeat:
    """See `seat.Seat`.

    Parameters
    ----------
    shared
        Closed together with the seat.
    group
        The name of the consumer group and of the transactional id.
    place
        A topic with one partition: whose it is has the seat.
    settings
        Of the connection, see `kafka_settings`.
    """

    def __init__(self, shared: Shared, group: str, place: str, settings: Settings | None = None) -> None:
        self.shared, self.group, self.place = shared, group, place
        given = settings or {}
        times = {name: given[name] for name in GROUP_SETTINGS if given.get(name) is not None}
        self.times = {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": HEARTBEAT_MS, **times}
        self.at: dict[tuple[str, int], int] = {}
        self._member: Any = None
        self._writer: Any = None
        self._reader: Any = None
        self._turn = asyncio.Lock()

    async def take(self) -> bool:
        with speaking(self.shared, f"joining {self.group}"):
            if self._member is None:
                await self.shared.partitions(self.place)  # a Misfit, where there is no such topic
                self._member = await self._join()
            await self._member.getmany(timeout_ms=int(JOIN_S * 1000))
            if not self._member.assignment():
                return False
            self._writer = await self.shared.start(
                transactional_id=self.group, transaction_timeout_ms=TRANSACTION_MS
            )
            return True

    async def _join(self) -> Any:
        class Own(StickyPartitionAssignor):  # type: ignore[misc]
            """Who comes takes it from nobody. What a member had lies on its class, so each has its own."""

        member = AIOKafkaConsumer(
            self.place,
            bootstrap_servers=self.shared.servers,
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            partition_assignment_strategy=(Own,),
            **self.times,
            **self.shared.settings,
        )
        await member.start()
        return member

    async def hold(self) -> None:
        with speaking(self.shared, f"staying in {self.group}"):
            await self._member.getmany(timeout_ms=0)  # whose records nobody fetches is taken for dead
            if not self._member.assignment():
                raise Refused(f"{self.group}: another process has it")

    async def follow(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        with speaking(self.shared, f"looking into {', '.join(topics)}"):
            self._reader = await self.shared.consumer()
            parts = [TopicPartition(t, p) for t in topics for p in range(await self.shared.partitions(t))]
            self._reader.assign(parts)
            starts = await self._reader.beginning_offsets(parts)
            ends = await self._reader.end_offsets(parts)
            for part, start in starts.items():
                self._reader.seek(part, start)
        self.at = {(part.topic, part.partition): start for part, start in starts.items()}
        return {(part.topic, part.partition): end for part, end in ends.items()}

    async def has_reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        # Behind the last record there may be markers of transactions: only the client knows that it is past.
        with speaking(self.shared, "reading"):
            return all([await self._reader.position(TopicPartition(*w)) >= end for w, end in ends.items()])

    async def fetch(self, wait: float) -> list[Batch]:
        with speaking(self.shared, "reading"):
            found = await self._reader.getmany(timeout_ms=int(wait * 1000), max_records=FETCH_MAX)
        batches = []
        for part, records in found.items():
            where, end = (part.topic, part.partition), records[-1].offset + 1
            batches.append(to_batch(part.topic, part.partition, self.at[where], end, records))
            self.at[where] = end
        return batches

    async def write(self, outputs: Mapping[str, Rows]) -> None:
        if self._writer is None:
            raise Refused(f"{self.group}: nobody has sat down")
        try:
            async with self._turn, asyncio.timeout(self.shared.timeout), self._writer.transaction():
                await asyncio.gather(*[f for t, rows in outputs.items() for f in await self._send(t, rows)])
        except (KafkaError, OSError) as exc:  # nobody can tell what became of it
            raise self._refusal(exc) from exc

    async def _send(self, topic: str, rows: Rows) -> list[asyncio.Future[Any]]:
        headers = rows.headers if rows.headers is not None else repeat(())
        return [
            await self._writer.send(topic, value, key, partition=0, headers=list(pairs))
            for key, value, pairs in zip(rows.keys, rows.values, headers, strict=False)
        ]

    def _refusal(self, exc: Exception) -> Refused | Misfit:
        if isinstance(exc, ProducerFenced):
            return Refused(f"{self.group}: another process has it")
        error = explain(exc, f"writing for {self.group}", self.shared.servers)
        return error if isinstance(error, Misfit) else Refused(str(error))

    async def close(self) -> None:
        clients = self._writer, self._reader, self._member
        self._writer = self._reader = self._member = None
        for client in clients:
            if client is not None:
                self.shared.discard(client)
        await self.shared.close()
