"""Faust's transport for logs without a broker: `sqlite://` and `memory://`.

Who holds the group's lease has all partitions; everybody else is a hot standby that asks for it. Taking and
losing the lease happens to Faust as a rebalance, in the order in which a Kafka coordinator makes it happen.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, cast

from faust.transport import base
from faust.types import TP
from mode import Service

from connectors import split_url
from connectors.embedded import Embedded
from connectors.log import LogError, Refused, Store, Unavailable
from streams.transports.message import Delivery
from streams.transports.sharded import ShardedConsumer

log = logging.getLogger("driftline")

BATCH_MAX = 4096  # records of one fetch and topic: whole steps of the walk
LEASE_MS = 1000
POLL_MS = 2


class Consumer(ShardedConsumer, base.Consumer):
    """Delivers batches of all partitions while it holds the lease."""

    settle = 0.05
    consumer_stopped_errors = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = split_url(self.work.spec.transport)[2]
        self.log_file: Embedded = self.work.log
        self.group: str = self.app.conf.id
        self.poll = int(options.get("poll_ms", POLL_MS)) / 1000
        self.lease = int(options.get("lease_ms", LEASE_MS)) / 1000
        self.epoch: int | None = None  # None: a hot standby
        self.topics: list[str] = []
        self.assigned: set[TP] | None = None
        self.ends: dict[TP, int] = {}

    # -- who has the lease -----------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        self.topics = sorted(topics)

    @Service.task
    async def _coordinate(self) -> None:
        while not self.should_stop:
            if self.topics:
                try:
                    await self._keep_lease()
                except Unavailable as exc:
                    log.warning("%s; asking again", exc)
                except LogError as exc:
                    self.work.stop(str(exc), exc)
                    return
            await self.sleep(self.lease / 5 if self.topics else 0.01)

    async def _keep_lease(self) -> None:
        if self.epoch is not None:
            try:
                await self.log_file.renew_lease(self.group, self.epoch, self.lease)
            except Refused as exc:
                self.log.warning("lost the lease: %s", exc)
                self.epoch = None
                await self._rebalance(set())
        if self.epoch is None:
            self.epoch = await self.log_file.take_lease(self.group, self.lease)
        assigned = self._mine()
        if assigned != self.assigned:
            await self._rebalance(assigned)

    def _mine(self) -> set[TP]:
        if self.epoch is None:
            return set()
        known = self.log_file.topics()
        return {TP(topic, p) for topic in self.topics for p in range(known[topic].partitions)}

    async def _rebalance(self, assigned: set[TP]) -> None:
        self.app.on_rebalance_start()
        await self.on_partitions_revoked(self.assigned or set())
        self.assigned = assigned
        self.app.consumer_generation_id += 1
        await self.on_partitions_assigned(set(assigned), self.app.consumer_generation_id)
        if not assigned and not self.work.standby:
            log.info("another worker is active; standing by")
        self.work.standby = not assigned

    async def on_stop(self) -> None:
        await super().on_stop()
        if self.epoch is not None:
            await self.log_file.release_lease(self.group, self.epoch)
            self.epoch = None

    def assignment(self) -> set[TP]:
        return set(self.assigned or ())

    # -- fetching --------------------------------------------------------------------------------------

    async def _wait_next_records(self, timeout: float) -> Any:
        # Faust's own sleeps a full second whenever every partition is paused.
        if not self.flow_active:
            await self.wait(cast(Any, self.can_resume_flow))
        active = self._get_active_partitions()
        return await self._getmany(active, timeout), active

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Delivery]]:
        active = active_partitions or set()
        deadline = self.app.loop.time() + timeout
        seen = -1  # the log's version at the last look that found nothing
        while self.flow_active and self.app.loop.time() < deadline and not self.should_stop:
            version = self.log_file.version()
            if version != seen:
                if found := self._fetch(active):
                    return found
                # A shard that is not ready, or full, is looked at again soon.
                seen = version if all(map(self.wants, active)) else -1
            await asyncio.sleep(self.poll)
        return {}

    def _fetch(self, active: set[TP]) -> dict[TP, list[Delivery]]:
        found = {}
        for tp in active & self.assignment():
            if not self.wants(tp):
                continue
            self.ends[tp] = self.log_file.bounds(tp.topic)[tp.partition][1]
            if self.ends[tp] > self.fetched[tp]:
                batch = self.log_file.read(tp.topic, tp.partition, self.fetched[tp], BATCH_MAX)
                if len(batch):
                    found[tp] = self.deliver(batch)
        return found

    def lag(self, tp: TP) -> int:
        return max(0, self.ends.get(tp, 0) - self.fetched[tp]) if tp in self.fetched else 0

    # -- positions -------------------------------------------------------------------------------------

    def new_store(self, partition: int) -> Store:
        return LeasedStore(self, partition)

    async def seek_all(self, offsets: dict[TP, int]) -> None:
        """Nothing: `fetched` is where the next fetch begins."""

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.fetched.update(partitions)

    async def _seek(self, partition: TP, offset: int) -> None:
        self.fetched[partition] = offset

    async def position(self, tp: TP) -> int | None:
        return self.fetched.get(tp)

    def highwater(self, tp: TP) -> int:
        return self.ends.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.log_file.bounds(tp.topic)[tp.partition][1] for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.log_file.bounds(tp.topic)[tp.partition][0] for tp in partitions}

    async def _commit(self, offsets: Mapping[TP, Any]) -> bool:
        return True  # the keepers commit

    # -- topics ----------------------------------------------------------------------------------------

    async def create_topic(self, topic: str, partitions: int, replication: int = 1, **kwargs: Any) -> None:
        """Nothing: `streams.topics` creates them before the worker starts."""

    def topic_partitions(self, topic: str) -> int | None:
        known = self.log_file.topics().get(topic)
        return known.partitions if known else None

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int:
        return partition or 0

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)


class LeasedStore:
    """A shard's store under the lease that the consumer has when it is opened.

    A later lease of the same process does not cover what the shard did in between, so every opening takes
    the store of the epoch at hand.
    """

    def __init__(self, consumer: Consumer, partition: int) -> None:
        self.consumer, self.partition = consumer, partition
        self.store: Store | None = None

    async def open(self) -> tuple[int, bytes] | None:
        consumer = self.consumer
        if consumer.epoch is None:
            raise Refused("no lease")
        journal = consumer.work.spec.topic("journal")
        self.store = consumer.log_file.store(
            consumer.group, self.partition, journal, consumer.epoch, consumer.lease
        )
        return await self.store.open()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Producer(base.Producer):
    """Faust wants one; all that is written goes through the keepers."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("outputs are committed by the keepers")

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("outputs are committed by the keepers")

    async def flush(self) -> None:
        """Nothing is buffered."""

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: `streams.topics` creates them before the worker starts."""

    def key_partition(self, topic: str, key: bytes) -> TP:
        return TP(topic, 0)

    def supports_headers(self) -> bool:
        return True


class Transport(base.Transport):
    Consumer = Consumer
    Producer = Producer
    default_port = 0
    driver_version = f"sqlite={sqlite3.sqlite_version}"
