"""A shard's store on Kafka: one transactional producer per partition.

A transactional id made of group and partition is what fences: whoever opens the shard anew ends the
producer that had it before, aborts what that one left open, and is told so by the broker before
anything else happens. Inside a transaction go the outputs, the journal's entry and the group's offsets.

After any error nobody can tell whether a commit took place. The producer is thrown away then; opening
a new one settles it, and the journal's newest entry says how.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from itertools import chain, repeat
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from connectors.kafka_errors import explain
from connectors.kafka_frames import framed
from connectors.kafka_reader import Reader
from connectors.kafka_shared import BATCH_BYTES, Shared, notice, speaking
from connectors.log import Batch, Misfit, Payload, Refused, Rows
from connectors.segments import now_ms

Sent = list[asyncio.Future[Any]]
TRANSACTION_SECONDS_MAX = 15  # then the broker ends what a dead worker left open


class KafkaStore:
    """See `log.Store`. Every method returns or raises within some of `shared.timeout`."""

    def __init__(self, shared: Shared, group: str, partition: int, journal: str) -> None:
        self.shared = shared
        self.group = group
        self.partition = partition
        self.journal = journal
        self._writer: Any = None
        self._readers: dict[str, Reader] = {}

    async def open(self) -> tuple[int, bytes] | None:
        await self.close()
        with speaking(self.shared, f"opening {self.group}-{self.partition}"):
            async with asyncio.timeout(self.shared.timeout):
                # Returns once the broker has settled whatever the shard's last producer left open.
                self._writer = await self.shared.start(
                    transactional_id=f"{self.group}-{self.partition}",
                    transaction_timeout_ms=TRANSACTION_SECONDS_MAX * 1000,
                )
                return await self._newest()

    async def _newest(self) -> tuple[int, bytes] | None:
        """The journal's last record. The partition's last offsets may be the markers of transactions."""
        start, end = await self.bounds(self.journal)
        back, found = 16, None
        while found is None and end > start:
            first = max(start, end - back)
            async for batch in self.read(self.journal, first, end):
                found = batch.offsets[-1], batch.values[-1] or b""
            if first == start:
                break
            back *= 16
        return found

    async def commit(self, outputs: Mapping[str, Payload], positions: Mapping[str, int], entry: bytes) -> int:
        writer = self._writer
        if writer is None:
            raise Refused(f"{self.group}-{self.partition} is not open")
        try:
            async with asyncio.timeout(self.shared.timeout):
                return await self._commit(writer, outputs, positions, entry)
        except BaseException as exc:
            self._writer = None
            self.shared.discard(writer)
            if isinstance(exc, Exception):
                raise self._refusal(exc) from exc
            raise

    async def _commit(
        self, writer: Any, outputs: Mapping[str, Payload], positions: Mapping[str, int], entry: bytes
    ) -> int:
        await self._close_readers()  # recovery is over
        await writer.begin_transaction()
        # aiokafka sends one batch of a topic after the other, so the topics go side by side.
        lanes = [*outputs.items(), (self.journal, Rows([None], [entry]))]
        sent = await _together([self._send(writer, topic, rows) for topic, rows in lanes])
        if positions:
            offsets = {TopicPartition(topic, self.partition): at for topic, at in positions.items()}
            await writer.send_offsets_to_transaction(offsets, self.group)
        # aiokafka would commit although a batch has failed: first see that every one of them arrived.
        done = await asyncio.gather(*chain.from_iterable(sent))
        await writer.commit_transaction()
        return int(done[-1].offset)

    def _refusal(self, exc: Exception) -> Refused | Misfit:
        if isinstance(exc, ProducerFenced):
            return Refused(f"{self.group}-{self.partition}: another owner has opened it")
        error = explain(exc, f"committing {self.group}-{self.partition}", self.shared.servers)
        return error if isinstance(error, Misfit) else Refused(str(error))

    async def send(self, outputs: Mapping[str, Payload]) -> None:
        async with self.shared.lend("producer", f"sending to {', '.join(outputs)}") as producer:
            sent = [
                future
                for topic, rows in outputs.items()
                for future in await self._send(producer, topic, rows)
            ]
            await asyncio.gather(*sent)

    async def _send(self, producer: Any, topic: str, rows: Payload) -> list[asyncio.Future[Any]]:
        """Hand rows to a producer as whole batches: six times as fast as one by one."""
        if not rows.keys:
            return []
        home, now, transactional = await self._home(topic), now_ms(), producer is self._writer
        frames = framed(rows, BATCH_BYTES, now, transactional)
        sent = [await self._hand_over(producer, frame, topic, home) for frame in frames]
        return sent or await self._append(producer, topic, home, rows, now)

    async def _hand_over(self, producer: Any, batch: Any, topic: str, home: int) -> asyncio.Future[Any]:
        """Give a producer a batch; what becomes of it is looked at, whether somebody waits for it or not."""
        future: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=home)
        future.add_done_callback(notice)
        return future

    async def _append(
        self, producer: Any, topic: str, home: int, rows: Payload, now: int
    ) -> list[asyncio.Future[Any]]:
        """Record by record, into aiokafka's own batches."""
        headers = map(list, rows.headers) if rows.headers is not None else repeat([], len(rows.keys))
        sent, builder = [], producer.create_batch()
        for key, value, pairs in zip(rows.keys, rows.values, headers, strict=True):
            if builder.append(key=key, value=value, timestamp=now, headers=pairs) is None:
                sent.append(await self._hand_over(producer, builder, topic, home))
                builder = producer.create_batch()
                builder.append(key=key, value=value, timestamp=now, headers=pairs)
        sent.append(await self._hand_over(producer, builder, topic, home))
        return sent

    async def bounds(self, topic: str) -> tuple[int, int]:
        return await self.shared.bounds(topic, await self._home(topic))

    async def read(self, topic: str, first: int, end: int) -> AsyncIterator[Batch]:
        if first >= end:
            return
        with speaking(self.shared, f"reading {topic}-{self.partition}"):
            reader = self._readers.pop(topic, None)  # kept for the next run, unless this one goes wrong
            if reader is None:
                reader = await Reader.start(self.shared, topic, await self._home(topic))
            try:
                async for batch in reader.run(first, end):
                    yield batch
                self._readers.setdefault(topic, reader)
            finally:
                if self._readers.get(topic) is not reader:
                    self.shared.discard(reader.consumer)

    async def put(self, topic: str, key: bytes, value: bytes | None) -> int:
        home = await self._home(topic)
        async with self.shared.lend("producer", f"writing to {topic}") as producer:
            done = await producer.send_and_wait(topic, value=value, key=key, partition=home)
        return int(done.offset)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self.shared.discard(writer)
        await self._close_readers()

    async def _close_readers(self) -> None:
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            self.shared.discard(reader.consumer)

    async def _home(self, topic: str) -> int:
        """The shard's partition of a topic; topics of outputs may have fewer than there are shards."""
        return self.partition % await self.shared.partitions(topic)


async def _together(work: list[Coroutine[Any, Any, Sent]]) -> list[Sent]:
    """Do several things at once; when one of them fails, none goes on behind our back."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
