"""Faust's aiokafka driver, with batches, keepers, and positions from the journal.

Group membership, rebalances, TLS and SASL are Faust's and aiokafka's. What differs: one message carries a
whole fetch, only committed records are read, and every seek goes where the keeper's journal says.
"""

from __future__ import annotations

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from connectors import kafka_records
from connectors.kafka_batch import to_batch
from connectors.kafka_shared import Shared
from connectors.kafka_store import KafkaStore
from connectors.log import Store
from connectors.urls import split_url
from streams.transports.message import Delivery
from streams.transports.sharded import ShardedConsumer

# One fetch at a time goes to a broker. While records of one topic are buffered, the next fetch asks for the
# idle topics only, and everything else waits behind it for as long as this (Faust: 1,500 ms).
FETCH_WAIT_MS = 20
# Short, since a seek waits for a fetch to end, and so does a shard that is not yet wanted.
GETMANY_S = 0.1
FULL_S = 0.005

kafka_records.install()


class ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust reads uncommitted records
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class Consumer(ShardedConsumer, driver.Consumer):
    """A member of the pipeline's consumer group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spec = self.work.spec
        self.shared = Shared(split_url(spec.transport)[1], spec.kafka, spec.commit.timeout / 1000)
        self.settle = self.app.conf.broker_heartbeat_interval + 0.5

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def new_store(self, partition: int) -> Store:
        spec = self.work.spec
        return KafkaStore(self.shared, spec.pipeline, partition, spec.topic("journal"))

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Delivery]]:
        active = active_partitions or set()
        wanted = set(filter(self.wants, active))
        if not wanted:
            await asyncio.sleep(0.002)
            return {}
        async with self.fetch_lock:
            # While a queue is full, don't let it run empty waiting for what the other topics may bring.
            found = await super()._getmany(wanted, GETMANY_S if wanted == active else FULL_S) or {}
            batches = {}
            for (topic, partition), records in found.items():
                tp = TP(topic, partition)
                if records and tp in self.fetched:
                    end = records[-1].offset + 1
                    batches[tp] = self.deliver(to_batch(topic, partition, self.fetched[tp], end, records))
        return batches

    def lag(self, tp: TP) -> int:
        if tp not in self.fetched:
            return 0
        end = self.highwater(tp)
        return 1 if end is None else max(0, end - self.fetched[tp])  # None: not asked yet, so it may be

    async def seek_all(self, offsets: dict[TP, int]) -> None:
        thread = self._thread

        async def seek() -> None:
            # A rebalance may have taken a partition away since.
            for tp, offset in offsets.items():
                if tp in thread.assignment():
                    thread.seek(tp, offset)

        await thread.call_thread(seek)

    async def on_stop(self) -> None:
        await super().on_stop()
        await self.shared.close()


class Transport(driver.Transport):
    Consumer = Consumer
