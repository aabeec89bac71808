"""Kafka for tools, by kafka-python: blocking, some 30,000 records a second. Workers use `kafka_store.py`."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    CoordinatorNotAvailableError,
    KafkaError,
    RetriableError,
    TransactionalIdAuthorizationFailedError,
    TransactionalIdNotFoundError,
)

from connectors.kafka_batch import to_batch
from connectors.kafka_errors import explain
from connectors.kafka_settings import Settings, for_kafka_python
from connectors.kafka_topics import as_topic, creation, was_created
from connectors.log import Batch, Gone, Misfit, Payload, Topic, Unavailable

KNOCK_SECONDS_MAX = 3.0
RETRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a doctor wants to know. None: the cluster does not say."""

    id: str
    version: str
    """The newest release whose requests the first broker understands."""
    controller: int
    brokers: dict[int, str]
    """The address of each."""
    topics: dict[str, dict[str, str]]
    """The settings of each: `retention.ms`, `cleanup.policy` and all others."""
    may_create_topics: bool | None
    may_use_transactions: bool | None


class KafkaLog:
    """A cluster as a `Log`, for one thread.

    Parameters
    ----------
    servers
        `host:port,host:port`; any of them will do to find the others.
    settings
        Of the connection, see `kafka_settings`.
    timeout
        Seconds after which a cluster that does not answer is `Unavailable`.
    """

    def __init__(self, servers: str, settings: Settings | None = None, timeout: float = 10.0) -> None:
        self.servers = servers
        self.timeout = timeout
        self._options: dict[str, Any] = {
            "bootstrap_servers": servers.split(","),
            "bootstrap_timeout_ms": int(timeout * 1000),
            "request_timeout_ms": int(timeout * 1000),
            "reconnect_backoff_max_ms": 1000,
            **for_kafka_python(settings or {}),
        }
        self._producer: Any = None
        self._consumer: Any = None
        self._assigned: TopicPartition | None = None
        self._end = 0  # of what is assigned, when last asked
        knock(servers, min(timeout, KNOCK_SECONDS_MAX))
        with self._speaking("connecting"):
            self._admin: Any = KafkaAdminClient(**self._options)

    # -- topics

    def topics(self) -> dict[str, Topic]:
        counts = self._counts()
        configs = self._configs(counts)
        return {name: as_topic(name, counts[name], configs.get(name, {})) for name in sorted(counts)}

    def create(self, topics: Iterable[Topic]) -> list[str]:
        there = self._counts()
        missing = {topic.name: creation(topic) for topic in topics if topic.name not in there}
        if not missing:
            return []
        with self._speaking(f"creating {', '.join(missing)}"):
            results = self._admin.create_topics(missing, raise_errors=False)["topics"]
            created = [result["name"] for result in results if was_created(result)]
            self._admin.wait_for_topics(created, timeout_ms=self.timeout * 1000)
        return created

    def bounds(self, topic: str) -> list[tuple[int, int]]:
        self._where(topic, 0)
        wheres = [TopicPartition(topic, partition) for partition in range(self._counts()[topic])]
        consumer = self._reader()
        starts = self._ask(f"looking into {topic}", consumer.beginning_offsets, wheres)
        ends = self._ask(f"looking into {topic}", consumer.end_offsets, wheres)
        return [(starts[where], ends[where]) for where in wheres]

    def positions(self, group: str) -> dict[tuple[str, int], int]:
        """Where the consumer group goes on in each (topic, partition)."""
        found = self._ask(f"looking for the group {group}", self._admin.list_group_offsets, group)[group]
        return {(where.topic, where.partition): at.offset for where, at in found.items()}

    def _counts(self) -> dict[str, int]:
        found = self._ask("listing topics", self._admin.describe_topics)
        return {topic["name"]: len(topic["partitions"]) for topic in found if not topic["is_internal"]}

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        found = self._ask("listing topics", self._admin.describe_configs, resources, config_filter="all")
        return {
            name: {key: config["value"] for key, config in configs.items()}
            for name, configs in found["topic"].items()
        }

    def _where(self, topic: str, partition: int) -> TopicPartition:
        count = self._counts().get(topic)
        if count is None:
            raise Misfit(f"{self.servers}: there is no topic {topic}")
        if not 0 <= partition < count:
            raise Misfit(f"{topic}: there is no partition {partition}, it has {count}")
        return TopicPartition(topic, partition)

    # -- records

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> Sequence[int]:
        self._where(topic, partition)
        headers = map(list, rows.headers) if rows.headers is not None else repeat([])
        stamps = timestamps if timestamps is not None else repeat(None)
        with self._speaking(f"appending to {topic}-{partition}"):
            producer = self._writer()
            try:
                sent = [
                    producer.send(topic, value, key, pairs, partition, stamp)
                    for key, value, pairs, stamp in zip(rows.keys, rows.values, headers, stamps, strict=False)
                ]
                producer.flush(self.timeout)
                return [future.get(self.timeout).offset for future in sent]
            except KafkaError:
                self._producer = None
                _abandon(producer)
                raise

    def read(self, topic: str, partition: int, first: int, limit: int = 1000, wait: float = 0.0) -> Batch:
        deadline, give_up = time.monotonic() + wait, time.monotonic() + wait + self.timeout
        with self._speaking(f"reading {topic}-{partition}"):
            consumer, where = self._at(topic, partition, first)
            while time.monotonic() < give_up:
                position = consumer.position(where)
                if position >= self._end:
                    self._end = consumer.end_offsets([where])[where]
                if first > self._end:
                    raise Gone(f"{topic}-{partition}: no offset {first} yet, it ends at {self._end}")
                left = deadline - time.monotonic()
                if position >= self._end and left <= 0:
                    return to_batch(topic, partition, first, position, [])
                patience = left if position >= self._end else 1.0
                found = consumer.poll(int(patience * 1000), max_records=limit).get(where, [])
                if found:
                    return to_batch(topic, partition, first, consumer.position(where), found)
        raise Unavailable(f"reading {topic}-{partition}: {self.servers} gives nothing at offset {first}")

    def _at(self, topic: str, partition: int, first: int) -> tuple[Any, TopicPartition]:
        """The consumer, placed at an offset; where it is already, it keeps what it has fetched."""
        consumer, where = self._reader(), TopicPartition(topic, partition)
        if where != self._assigned:
            consumer.assign([self._where(topic, partition)])
            self._assigned, self._end = where, 0
            consumer.seek(where, first)
        elif consumer.position(where) != first:
            consumer.seek(where, first)
        return consumer, where

    def _reader(self) -> Any:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                isolation_level="read_committed",
                auto_offset_reset="none",  # an offset that is gone is an error, not a place to start from
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                fetch_max_wait_ms=100,
                metrics_enabled=False,
                **self._options,
            )
        return self._consumer

    def _writer(self) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                batch_size=256 << 10,
                delivery_timeout_ms=self._options["request_timeout_ms"] + 1000,
                max_block_ms=int(self.timeout * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
                **self._options,
            )
        return self._producer

    # -- the rest

    def describe(self, transactional_id: str = "driftline-doctor") -> Cluster:
        """Look at the cluster, and at what this user may do there. Nothing is written."""
        found = self._ask("looking at the cluster", self._admin.describe_cluster)
        brokers = {broker["broker_id"]: f"{broker['host']}:{broker['port']}" for broker in found["brokers"]}
        version = self._ask("looking at the cluster", self._admin.get_broker_version_data, min(brokers))
        configs = self._configs(self._counts())
        operations = found.get("authorized_operations")
        return Cluster(
            found["cluster_id"],
            ".".join(map(str, version.broker_version)),
            found["controller_id"],
            brokers,
            configs,
            None if operations is None else bool({"CREATE", "ALL"} & set(operations)),
            self._may_use_transactions(transactional_id),
        )

    def _may_use_transactions(self, transactional_id: str) -> bool | None:
        try:
            self._admin.describe_transactions([transactional_id])
        except TransactionalIdAuthorizationFailedError:
            return False
        except (TransactionalIdNotFoundError, CoordinatorNotAvailableError):
            pass  # nobody has used it, or any other, but we were let in
        except KafkaError:
            return None
        return True

    def close(self) -> None:
        clients = (self._producer, self._consumer, self._admin)
        self._producer = self._consumer = self._admin = None
        for client in clients:
            if client is not None:
                client.close()

    def _ask(self, doing: str, question: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Ask the cluster; while it can't be reached again and again, until the timeout."""
        deadline = time.monotonic() + self.timeout
        with self._speaking(doing):
            while True:
                try:
                    return question(*arguments, **options)
                except RetriableError:
                    if time.monotonic() > deadline:
                        raise
                time.sleep(RETRY_SECONDS)

    @contextlib.contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as exc:
            raise explain(exc, doing, self.servers) from exc


def _abandon(producer: Any) -> None:
    """End a producer together with what it still holds, which must not be sent later."""
    producer._sender.force_close()  # close() alone would give up at the first timeout and leave it running
    with contextlib.suppress(KafkaError):
        producer.close(timeout=1)


def knock(servers: str, timeout: float) -> None:
    """Raise Unavailable unless somebody listens at one of the addresses.

    kafka-python would try again and again, and tell only its log what is wrong.
    """
    reasons = []
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise Misfit(f"kafka: {server!r} is no host:port")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout).close()
            return
        except OSError as exc:
            reasons.append(f"{server}: {exc.strerror or exc}")
    raise Unavailable(f"no Kafka broker answers ({'; '.join(reasons)})")
