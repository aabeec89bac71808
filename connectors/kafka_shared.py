"""What the Kafka stores of one process share: settings, a plain producer, and how clients come and go."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.producer import sender

from connectors.kafka_errors import explain
from connectors.kafka_settings import Settings, for_aiokafka
from connectors.log import Misfit

# A transaction that follows the last one closely meets its markers still being written; aiokafka then
# sleeps this long, 20 ms by default.
sender.BACKOFF_OVERRIDE = 0.002

BATCH_BYTES = 1_000_000
REQUEST_BYTES_MAX = 1 << 20  # as much as a broker takes by default
START_AGAIN_S = 0.1
STOP_SECONDS = 2.0  # how long a client may take to say goodbye


class Shared:
    """One per process and cluster; pass it to every `KafkaStore`, and close it last.

    Parameters
    ----------
    servers
        `host:port,host:port`
    settings
        Of the connection, see `kafka_settings`.
    timeout
        Seconds that opening, a commit, or a read without progress may take.
    """

    def __init__(self, servers: str, settings: Settings | None = None, timeout: float = 10.0) -> None:
        self.servers = servers
        self.settings = {"request_timeout_ms": int(timeout * 1000), **for_aiokafka(settings or {})}
        self.timeout = timeout
        self._lent: dict[str, Any] = {}  # one producer and one consumer, see `lend`
        self._starting = asyncio.Lock()
        self._counts: dict[str, int] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    async def start(self, **options: Any) -> Any:
        """A new producer, connected."""
        return await self._started(
            lambda: AIOKafkaProducer(
                bootstrap_servers=self.servers,
                max_batch_size=BATCH_BYTES,
                max_request_size=REQUEST_BYTES_MAX,
                retry_backoff_ms=10,
                **options,
                **self.settings,
            )
        )

    async def consumer(self) -> Any:
        """A new consumer without a group, connected, with nothing assigned."""
        return await self._started(
            lambda: AIOKafkaConsumer(
                bootstrap_servers=self.servers,
                isolation_level="read_committed",
                auto_offset_reset="none",  # an offset that is gone is an error, not a place to start from
                enable_auto_commit=False,
                fetch_max_wait_ms=10,
                retry_backoff_ms=10,
                **self.settings,
            )
        )

    async def _started(self, make: Callable[[], Any]) -> Any:
        """A client that is connected.

        A broker that has just started may say that there is no broker, on which aiokafka fails an
        assertion: then it is asked again, for as long as an answer may take.
        """
        deadline = time.monotonic() + self.timeout
        while True:
            client = make()
            try:
                await client.start()
            except BaseException as exc:
                self.discard(client)
                if not isinstance(exc, AssertionError):
                    raise
                if time.monotonic() > deadline:
                    raise KafkaConnectionError("the broker that answers knows of no broker") from exc
            else:
                return client
            await asyncio.sleep(START_AGAIN_S)

    def discard(self, client: Any) -> None:
        """Stop a client beside, since that may take a while on a broken connection."""
        self._lent = {kind: other for kind, other in self._lent.items() if other is not client}
        task = asyncio.create_task(_stop(client))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    @contextlib.asynccontextmanager
    async def lend(self, kind: Literal["producer", "consumer"], doing: str) -> AsyncIterator[Any]:
        """The client for what stands outside any transaction. After an error the next one is new."""
        client = None
        with speaking(self, doing):
            try:
                async with asyncio.timeout(self.timeout):
                    client = await self._kept(kind)
                    yield client
            except (KafkaError, OSError) as exc:  # a timeout is an OSError
                if client is not None and not isinstance(explain(exc, doing, self.servers), Misfit):
                    self.discard(client)
                raise

    async def _kept(self, kind: str) -> Any:
        async with self._starting:
            if kind not in self._lent:
                starting = self.start(enable_idempotence=True) if kind == "producer" else self.consumer()
                self._lent[kind] = await starting
            return self._lent[kind]

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; Misfit if there is no such topic."""
        if topic not in self._counts:
            async with self.lend("producer", f"looking for {topic}") as producer:
                cluster = await producer.client.fetch_all_metadata()
            self._counts = {name: len(cluster.partitions_for_topic(name)) for name in cluster.topics()}
        if topic not in self._counts:
            raise Misfit(f"{self.servers}: there is no topic {topic}")
        return self._counts[topic]

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset, and the one behind the last that is committed."""
        where = TopicPartition(topic, partition)
        async with self.lend("consumer", f"looking into {topic}-{partition}") as consumer:
            start = await consumer.beginning_offsets([where])
            end = await consumer.end_offsets([where])
        return start[where], end[where]

    async def close(self) -> None:
        for client in self._lent.values():
            self.discard(client)
        await asyncio.gather(*self._stopping)


@contextlib.contextmanager
def speaking(shared: Shared, doing: str) -> Iterator[None]:
    """Turn aiokafka's errors into the log's."""
    try:
        yield
    except (KafkaError, OSError) as exc:
        raise explain(exc, doing, shared.servers) from exc


def notice(future: asyncio.Future[Any]) -> None:
    """Look at an error that something else reports; asyncio would log it as forgotten otherwise."""
    if future.done() and not future.cancelled():
        future.exception()


async def _stop(client: Any) -> None:
    _notice_all(client)
    # On a broken connection this may hang or fail in many ways, none of which matters any more.
    with contextlib.suppress(Exception):
        await asyncio.wait_for(client.stop(), STOP_SECONDS)
        return
    # aiokafka waits for a broker to come back, for ever: end whatever the client has running.
    parts = {id(part) for part in vars(client).values() if part is not None}
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        if inspect.iscoroutine(coroutine) and id(inspect.getcoroutinelocals(coroutine).get("self")) in parts:
            task.cancel()
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client
    with contextlib.suppress(Exception):
        await asyncio.wait_for(inner.close(), STOP_SECONDS)


def _notice_all(client: Any) -> None:
    """A producer that was fenced leaves errors for which nobody waits."""
    if isinstance(client, AIOKafkaProducer):
        for batches in client._message_accumulator._batches.values():
            for batch in batches:
                notice(batch._drain_waiter)
        waiter = client._txn_manager and client._txn_manager.wait_for_transaction_end()
        if waiter is not None:
            notice(waiter)
