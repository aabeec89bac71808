"""What only Kafka can do to a log: brokers that go away, transactions that stay open."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from connectors.kafka import KafkaLog
from connectors.kafka_shared import Shared
from connectors.kafka_store import KafkaStore
from connectors.log import Misfit, Refused, Topic, Unavailable
from tests.connectors.worlds import PATIENCE_S, KafkaWorld, make_topic, rows, values
from tests.parts.kafka import Broker
from tests.parts.processes import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def world(kafka: Broker) -> Any:
    world = KafkaWorld(kafka)
    make_topic(world, "out")
    make_topic(world, "journal")
    yield world
    world.close()


def test_no_broker() -> None:
    """Tools and workers say in one sentence, and soon, that no broker answers, and where they looked."""
    servers = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"no Kafka broker answers .*{servers.split(',')[1]}"):
        KafkaLog(servers)

    async def story() -> None:
        shared = Shared(servers)
        with pytest.raises(Unavailable, match="opening g-0"):
            await KafkaStore(shared, "g", 0, "journal").open()
        await shared.close()

    asyncio.run(story())
    assert time.monotonic() - began < 30


def test_no_address() -> None:
    """A server without a port is told apart from one that does not answer."""
    with pytest.raises(Misfit, match="'broker' is no host:port"):
        KafkaLog("broker")


def test_open_transaction_of_a_dead_owner(world: KafkaWorld) -> None:
    """What a dead owner left open is not visible, and does not keep the next one waiting."""

    async def story() -> None:
        dead = AIOKafkaProducer(bootstrap_servers=world.servers, transactional_id=f"{world.prefix}-0")
        await dead.start()
        await dead.begin_transaction()
        await dead.send_and_wait(f"{world.prefix}.journal", b"half done", partition=0)
        began = time.monotonic()
        store = await world.owner()
        assert await store.open() is None
        at = await store.commit({f"{world.prefix}.out": rows(b"a")}, {}, b"one")
        assert await store.open() == (at, b"one")
        assert time.monotonic() - began < 30  # by itself it would end after 60
        await dead.stop()

    world.play(story())
    assert values(world.log, f"{world.prefix}.journal") == [b"one"]


def test_an_output_that_fails(world: KafkaWorld) -> None:
    """If the broker refuses an output, the entry is not committed without it."""
    out = f"{world.prefix}.out"

    async def story() -> None:
        store = await world.owner()
        await store.open()
        with pytest.raises(Misfit, match=r"larger than the topic's max\.message\.bytes"):
            await store.commit({out: rows(b"x" * 2_000_000)}, {out: 1}, b"one")
        assert await store.open() is None

    world.play(story())
    assert values(world.log, f"{world.prefix}.journal") == []


def test_newest_behind_many_markers(world: KafkaWorld) -> None:
    """The newest entry is found although hundreds of aborted ones lie behind it."""

    async def story() -> None:
        store = await world.owner()
        await store.open()
        at = await store.commit({}, {}, b"one")
        await store.close()
        aborting = AIOKafkaProducer(bootstrap_servers=world.servers, transactional_id=f"{world.prefix}-x")
        await aborting.start()
        await aborting.begin_transaction()
        for _ in range(300):
            await aborting.send(f"{world.prefix}.journal", b"aborted", partition=0)
        await aborting.abort_transaction()
        await aborting.stop()
        assert await store.open() == (at, b"one")

    world.play(story())


def test_describe(world: KafkaWorld) -> None:
    """The doctor learns what the cluster is, and what this user may do there."""
    found = world.logs[0].describe()
    assert found.brokers == {1: world.servers}
    assert (found.version, found.controller) == ("4.1", 1)
    assert found.topics[f"{world.prefix}.out"]["cleanup.policy"] == "delete"
    assert (found.may_create_topics, found.may_use_transactions) == (True, True)


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a story, after which nothing may be left running."""

    async def and_look() -> None:
        await story
        deadline = time.monotonic() + PATIENCE_S
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            assert time.monotonic() < deadline, others
            await asyncio.sleep(0.05)

    asyncio.run(and_look())


@pytest.fixture
def tidy() -> Iterator[None]:
    """Close what kafka-python leaves open: the socket of every connection that failed."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(3)
    for thing in gc.get_objects():
        if issubclass(type(thing), socket.socket) and thing.fileno() >= 0 and not is_used(thing):
            thing.close()


def is_used(link: socket.socket) -> bool:
    try:
        return bool(link.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or link.getpeername())
    except OSError:
        return False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["frozen", "killed"])
def test_outage(breakable_kafka: Broker, tidy: None, kind: str) -> None:
    """Without a broker commits are refused in time; when it is back the shard goes on where it was."""
    out, journal = f"{kind}.out", f"{kind}.journal"

    async def story() -> None:
        shared = Shared(breakable_kafka.servers, timeout=PATIENCE_S)
        store = KafkaStore(shared, kind, 0, journal)
        await store.open()
        at = await store.commit({out: rows(b"a")}, {}, b"one")
        shared.timeout = 1
        breakable_kafka.pause() if kind == "frozen" else breakable_kafka.stop(kill=True)
        with pytest.raises(Refused, match="no answer from 127"):
            await store.commit({out: rows(b"b")}, {}, b"two")
        for ask in (
            store.open(),
            store.bounds(out),
            store.put(out, b"k", b"v"),
            store.send({out: rows(b"b")}),
        ):
            with pytest.raises(Unavailable, match="127"):
                await ask
        breakable_kafka.start()
        shared.timeout = PATIENCE_S
        newest = await store.open()
        assert newest in ((at, b"one"), (at + 2, b"two"))  # a frozen broker may have taken the commit in
        await store.commit({out: rows(b"c")}, {}, b"three")
        await store.close()
        await shared.close()

    with closing(KafkaLog(breakable_kafka.servers, timeout=PATIENCE_S)) as log:
        log.create([Topic(out, 1), Topic(journal, 1)])
        play(story())
        entries, outputs = values(log, journal), values(log, out)
    assert entries in ([b"one", b"three"], [b"one", b"two", b"three"])
    assert outputs[0] == b"a"
    assert outputs[-1] == b"c"


class Shy:
    """A client whose broker has just started, and says at first that there is none."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    async def start(self) -> None:
        if self.refusals:
            raise AssertionError("Did we not perform bootstrap?")

    async def stop(self) -> None: ...


def test_a_broker_that_knows_of_no_broker_is_asked_again() -> None:
    """As long as an answer may take; then it counts as away."""

    async def story() -> None:
        clients = iter([Shy(1), Shy(1), last := Shy(0)])
        assert await Shared("nowhere:1")._started(lambda: next(clients)) is last
        with pytest.raises(KafkaConnectionError, match="knows of no broker"):
            await Shared("nowhere:1", timeout=0.2)._started(lambda: Shy(1))

    asyncio.run(story())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tools_without_a_broker(breakable_kafka: Broker, tidy: None) -> None:
    """A log that was open says Unavailable when its broker is gone, within its timeout."""
    with closing(KafkaLog(breakable_kafka.servers, timeout=PATIENCE_S)) as patient:
        patient.create([Topic("tools", 1)])
    log = KafkaLog(breakable_kafka.servers, timeout=1)
    found: list[bytes | None] = []
    while not found:
        with suppress(Unavailable):  # on a busy machine an answer may take longer than that
            log.append("tools", 0, rows(b"a"))
            found = values(log, "tools")
    assert set(found) == {b"a"}
    breakable_kafka.stop(kill=True)
    began = time.monotonic()
    for ask in (
        log.topics,
        lambda: log.append("tools", 0, rows(b"b")),
        lambda: log.read("tools", 0, 1, wait=0.1),
    ):
        with pytest.raises(Unavailable, match="127"):
            ask()
    assert time.monotonic() - began < 30
    log.close()
