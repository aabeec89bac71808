"""The Faust app of a pipeline: one agent over its input topics, and what the worker holds besides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.tables import TableManager
from faust.transport.drivers import TRANSPORTS

from connectors.cache import Cache, MemoryCache
from connectors.embedded import Embedded
from connectors.log import Batch, Store
from engine.shard import Shard
from engine.spec import Spec
from engine.specparts import MEMORY
from engine.specparts import Cache as CacheSpec
from streams.alerts.ownloop import Owns
from streams.cache.entities import Entities
from streams.cache.entityform import Form
from streams.keeping.keeper import Keeper
from streams.keeping.snapshot import Shelf
from streams.keeping.thrift import Thrift
from streams.warming import Warming

TRANSPORTS.aliases["sqlite"] = "streams.transports.embedded:Transport"
TRANSPORTS.aliases["memory"] = "streams.transports.embedded:Transport"
TRANSPORTS.aliases["kafka"] = "streams.transports.kafka:Transport"

SESSION_MS = 6_000  # the shortest that brokers allow by default: how long a dead member is waited for
HEARTBEAT_MS = 300  # a member learns from its heartbeat that another is gone
REBALANCE_S = 20.0
FETCH_RECORDS = 4096  # whole steps of the walk
FETCH_BYTES = 4 << 20

logger = logging.getLogger("driftline")


class Work:
    """What one worker holds: the spec, its keepers, and why it ends.

    Parameters
    ----------
    spec
        The pipeline's spec.
    log
        The embedded log, where the transport is one.
    key
        What signs the snapshots.
    fresh
        Begin anew where the spec changed.
    """

    def __init__(self, spec: Spec, log: Embedded | None, key: bytes, fresh: bool = False) -> None:
        self.spec, self.log, self.key, self.fresh = spec, log, key, fresh
        self.consumer: Any = None
        self.standby = False
        self.error: BaseException | None = None
        self.ended = asyncio.Event()
        self.entities = entities(spec)
        self.warming = Warming(spec)
        self.thrift = Thrift(lambda: len(self.keepers))
        self.own = Owns(self)
        Shard(spec, 0)  # a model that can't be built is told now, before anything else starts

    @property
    def keepers(self) -> dict[int, Keeper]:
        return self.consumer.keepers if self.consumer is not None else {}

    def new_keeper(
        self,
        partition: int,
        store: Store,
        failed: Callable[[Keeper, BaseException], None],
        lag: Callable[[int, str], int],
    ) -> Keeper:
        spec = self.spec
        shelf = Shelf(spec.pipeline, partition, spec.topic("snapshots"), self.key, spec.snapshots.size_max)
        beside = (self.entities, self.warming, self.thrift)
        return Keeper(spec, partition, store, shelf, failed, lag, self.fresh, *beside)

    def at_hand(self) -> list[tuple[Batch, float]]:
        """What is being walked, and since when."""
        return [keeper.timing.at_hand for keeper in [*self.keepers.values()] if keeper.timing.at_hand]

    def stop(self, why: str, exc: BaseException | None = None) -> None:
        """End the worker; with an exception, loudly."""
        if not self.ended.is_set():
            logger.log(logging.CRITICAL if exc else logging.INFO, "the worker stops: %s", why)
            self.error = exc
            self.ended.set()


def entities(spec: Spec) -> Entities | None:
    """What writes to the spec's cache."""
    if spec.cache is None:
        return None
    return Entities(opened(spec.cache), Form(spec), spec.cache.pending_max)


def opened(cache: CacheSpec) -> Cache:
    """The cache that a spec names."""
    if cache.url == MEMORY:
        return MemoryCache(cache.ttl, cache.entries_max)
    from connectors.redis_cache import RedisCache

    return RedisCache(cache.url, cache.ttl, cache.timeout)


class Tables(TableManager):
    """There are none, so there is nothing to wait a second for."""

    async def sleep(self, n: Any, **kwargs: Any) -> None:
        await super().sleep(0.0, **kwargs)


class Boot(BootStrategy):
    """Without Faust's producer: keepers have their own."""

    enable_kafka_producer = False


class App(faust.App):
    """A Faust app that knows its work."""

    BootStrategy = Boot
    work: Work

    def _create_directories(self) -> None:
        """None: there are no tables."""


def make_app(work: Work) -> App:
    """The Faust app that runs a pipeline."""
    spec = work.spec
    kafka = spec.kafka

    def seconds(name: str, default_ms: float) -> float:
        return float(kafka.get(name) or default_ms) / 1000

    app = App(
        spec.pipeline,
        broker=spec.transport.partition("?")[0],
        store="memory://",
        TableManager=Tables,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=kafka.get("group_instance_id"),
        consumer_max_fetch_size=FETCH_BYTES,
        broker_client_id=str(kafka.get("client_id") or f"driftline-{spec.pipeline}"),
        broker_credentials=credentials(spec),
        broker_max_poll_records=FETCH_RECORDS,
        broker_session_timeout=seconds("session_timeout_ms", SESSION_MS),
        broker_heartbeat_interval=seconds("heartbeat_interval_ms", HEARTBEAT_MS),
        broker_request_timeout=seconds("request_timeout_ms", 90_000),
        broker_rebalance_timeout=REBALANCE_S,
        stream_buffer_maxsize=4,  # batches
        stream_wait_empty=False,
    )
    app.work = work
    topic = app.topic(*spec.inputs, key_type=bytes, value_type=None, value_serializer="raw", acks=False)

    @app.agent(topic)
    async def walk(stream: Any) -> None:
        async for event in stream.noack().events():
            work.consumer.take(event.value)

    return app


def credentials(spec: Spec) -> Any:
    """TLS and SASL as Faust wants them."""
    if not spec.transport.startswith("kafka:") or not spec.kafka.get("security_protocol"):
        return None
    from connectors.kafka_settings import for_aiokafka

    context = for_aiokafka(spec.kafka).get("ssl_context")
    protocol = str(spec.kafka["security_protocol"])
    if not protocol.startswith("SASL"):
        return faust.SSLCredentials(context) if context is not None else None
    return faust.SASLCredentials(
        username=str(spec.kafka.get("sasl_plain_username") or ""),
        password=str(spec.kafka.get("sasl_plain_password") or ""),
        ssl_context=context,
        mechanism=str(spec.kafka.get("sasl_mechanism") or "PLAIN"),
    )
