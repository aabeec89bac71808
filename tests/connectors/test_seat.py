"""The contract of a seat, held on every log: one sits, and who was replaced can write no more."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import KafkaLog
from connectors.kafka_seat import KafkaSeat
from connectors.kafka_shared import Shared
from connectors.log import Log, Refused, Rows, Topic
from connectors.memory import MemoryLog
from connectors.seat import EmbeddedSeat, Seat
from connectors.sqlite import SqliteLog
from tests.parts.kafka import Broker

NUMBERS = itertools.count()
QUICK = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500}
Make = Callable[[], Seat]


class Room:
    """Seats of one name on one log, and two topics."""

    def __init__(self, log: Log, make: Callable[[str, str], Seat]) -> None:
        name = f"seat{next(NUMBERS)}"
        self.log, self.topic, self.news = log, f"{name}.told", f"{name}.news"
        log.create([Topic(self.topic, 1, compacted=True), Topic(self.news, 2, compacted=True)])
        self.make: Make = lambda: make(name, self.topic)


@pytest.fixture(params=["memory", "sqlite", "kafka"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    """A room on each log."""
    rooms: dict[str, Callable[[Any, Any], Room]] = {
        "memory": in_memory,
        "sqlite": on_sqlite,
        "kafka": on_kafka,
    }
    made = rooms[request.param](request, tmp_path)
    yield made
    made.log.close()


def in_memory(*_: object) -> Room:
    name = f"seats-{next(NUMBERS)}"
    return Room(MemoryLog(name), lambda group, _: EmbeddedSeat(MemoryLog(name), group, 0.3))


def on_sqlite(_: object, folder: Path, lease_s: float = 0.3) -> Room:
    path = f"{folder}/seat.db"
    return Room(SqliteLog(path), lambda group, _: EmbeddedSeat(SqliteLog(path), group, lease_s))


def on_kafka(request: pytest.FixtureRequest, _: object) -> Room:
    broker: Broker = request.getfixturevalue("kafka")
    servers = broker.servers
    return Room(KafkaLog(servers), lambda group, topic: KafkaSeat(Shared(servers), group, topic, QUICK))


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


async def seated(room: Room) -> Seat:
    """A new seat that is taken, as soon as it is free."""
    seat = room.make()
    while not await seat.take():
        await asyncio.sleep(0.02)
    return seat


def rows(*keys: str) -> Rows:
    return Rows([key.encode() for key in keys], [b"{}"] * len(keys))


def test_one_sits(room: Room) -> None:
    """Until it leaves; then another does at once, and who has left can't write."""

    async def story() -> None:
        first, other = await seated(room), room.make()
        await first.write({room.topic: rows("a")})
        assert not await other.take()
        await first.close()
        while not await other.take():
            await asyncio.sleep(0.02)
        with pytest.raises(Refused):
            await first.write({room.topic: rows("b")})
        await other.write({room.topic: rows("c")})
        await other.close()

    play(story())
    assert room.log.read(room.topic, 0, 0).keys == [b"a", b"c"]


def test_it_reads_what_is_there_and_what_comes(room: Room) -> None:
    """All partitions from their beginning to where they end, and then what anybody appends."""
    room.log.append(room.news, 0, rows("a", "b"))
    room.log.append(room.news, 1, rows("c"))

    async def story() -> None:
        seat, found = await seated(room), set[bytes | None]()
        ends = await seat.follow([room.topic, room.news])
        while not await seat.has_reached(ends):
            found |= {key for batch in await seat.fetch(0.2) for key in batch.keys}
        assert found == {b"a", b"b", b"c"}
        assert await seat.fetch(0.05) == []
        await asyncio.to_thread(room.log.append, room.news, 1, rows("d"))
        await seat.write({room.topic: rows("e")})
        while not found >= {b"d", b"e"}:
            found |= {key for batch in await seat.fetch(0.2) for key in batch.keys}
        await seat.hold()
        await seat.close()

    play(story())


def test_who_fell_silent_is_replaced_and_refused(tmp_path: Path) -> None:
    """The lease ends, another sits down; the first one finds out when it wants to stay, or to write."""
    room = on_sqlite(None, tmp_path, lease_s=0.05)

    async def story() -> None:
        first, second = await seated(room), await seated(room)
        for attempt in (first.hold(), first.write({room.topic: rows("late")})):
            with pytest.raises(Refused):
                await attempt
        await second.write({room.topic: rows("now")})
        await second.close()
        await first.close()

    play(story())
    assert room.log.read(room.topic, 0, 0).keys == [b"now"]
    room.log.close()


def test_a_fenced_producer_is_refused(kafka: Broker, request: pytest.FixtureRequest) -> None:
    """On Kafka whoever starts with the same transactional id ends the one before, whatever the group says."""
    room = on_kafka(request, None)

    async def story() -> None:
        seat, other = await seated(room), Shared(kafka.servers)
        assert isinstance(seat, KafkaSeat)
        thief = await other.start(transactional_id=seat.group)
        with pytest.raises(Refused):
            await seat.write({room.topic: rows("late")})
        await thief.stop()
        await other.close()
        await seat.close()

    play(story())
    assert room.log.read(room.topic, 0, 0).keys == []
    room.log.close()
