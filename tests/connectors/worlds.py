"""Every kind of log, made ready for one test: the contract suites run on each member of `WORLDS`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient, TopicPartition

from connectors.kafka import KafkaLog
from connectors.kafka_shared import Shared
from connectors.kafka_store import KafkaStore
from connectors.log import Log, Rows, Store, Topic
from connectors.memory import MemoryLog
from connectors.sqlite import SqliteLog
from tests.parts.kafka import Broker

BRIEF = 0.01  # seconds of a lease: an owner who falls silent is soon followed by another
PATIENCE_S = 30.0  # with a broker: more than anything here takes


class World(Protocol):
    """A log, a prefix for names that no other test uses, and owners for the log's shards."""

    log: Log
    prefix: str

    def another(self) -> Log:
        """The same log, as another process would open it."""

    async def owner(self, partition: int = 0) -> Store:
        """The store of a new owner of a shard, who has not opened it yet."""

    def positions(self) -> dict[tuple[str, int], int]:
        """Where the group goes on in shard 0."""

    def forget(self, topic: str, before: int) -> None:
        """Delete the records of partition 0 below an offset, as retention does."""

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        """Run a story to its end, then close the owners."""

    def close(self) -> None: ...


class EmbeddedWorld:
    def __init__(self, *logs: SqliteLog | MemoryLog) -> None:
        self.logs = logs
        self.log: Log = logs[0]
        self.prefix = "test"
        self.owners = 0

    def another(self) -> Log:
        return self.logs[1]

    async def owner(self, partition: int = 0) -> Store:
        self.owners += 1
        log, group = self.logs[self.owners % 2], self._group(partition)
        while (epoch := await log.take_lease(group, BRIEF)) is None:
            await asyncio.sleep(BRIEF)
        return log.store(group, partition, f"{self.prefix}.journal", epoch, BRIEF)

    def positions(self) -> dict[tuple[str, int], int]:
        return self.logs[0].positions(self._group(0))

    def forget(self, topic: str, before: int) -> None:
        asyncio.run(self.logs[0].trim(topic, 0, before))

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        asyncio.run(story)

    def close(self) -> None:
        for log in self.logs:
            log.close()

    def _group(self, partition: int) -> str:
        return f"{self.prefix}.{partition}"  # an epoch is a whole group's, but here shards come and go alone


class KafkaWorld:
    def __init__(self, broker: Broker) -> None:
        self.servers = broker.servers
        self.logs = [KafkaLog(self.servers, timeout=PATIENCE_S)]
        self.log: Log = self.logs[0]
        self.prefix = uuid.uuid4().hex[:8]
        self.stores: list[KafkaStore] = []

    def another(self) -> Log:
        self.logs.append(KafkaLog(self.servers, timeout=PATIENCE_S))
        return self.logs[-1]

    async def owner(self, partition: int = 0) -> Store:
        shared = Shared(self.servers, timeout=PATIENCE_S)
        self.stores.append(KafkaStore(shared, self.prefix, partition, f"{self.prefix}.journal"))
        return self.stores[-1]

    def positions(self) -> dict[tuple[str, int], int]:
        return self.logs[0].positions(self.prefix)

    def forget(self, topic: str, before: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.servers)
        admin.delete_records({TopicPartition(topic, 0): before})
        admin.close()

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        asyncio.run(self._play(story))

    async def _play(self, story: Coroutine[Any, Any, None]) -> None:
        try:
            await story
        finally:
            while self.stores:
                store = self.stores.pop()
                await store.close()
                await store.shared.close()

    def close(self) -> None:
        for log in self.logs:
            log.close()


def memory(folder: Path) -> World:
    name = uuid.uuid4().hex
    return EmbeddedWorld(MemoryLog(name), MemoryLog(name))


def sqlite(folder: Path) -> World:
    path = str(folder / "log.db")
    return EmbeddedWorld(SqliteLog(path), SqliteLog(path))


EMBEDDED = {"memory": memory, "sqlite": sqlite}
KINDS = [*EMBEDDED, "kafka"]


def make_topic(world: World, name: str, partitions: int = 1, compacted: bool = False) -> str:
    """Create a topic that is the test's own; return its full name."""
    full = f"{world.prefix}.{name}"
    world.log.create([Topic(full, partitions, compacted)])
    return full


def rows(*values: bytes | None, key: bytes | None = None) -> Rows:
    return Rows([key] * len(values), values)


def values(log: Log, topic: str, partition: int = 0) -> list[bytes | None]:
    """All values of a partition."""
    at, end = log.bounds(topic)[partition]
    found: list[bytes | None] = []
    while at < end:
        batch = log.read(topic, partition, at)
        found, at = [*found, *batch.values], batch.end
    return found
