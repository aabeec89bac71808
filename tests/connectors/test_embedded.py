"""What the embedded logs offer beyond `Log`: leases, a version, trimming."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.log import Refused, Topic
from connectors.memory import MemoryLog
from connectors.sqlite import SqliteLog
from tests.connectors.worlds import EMBEDDED, EmbeddedWorld, rows, values

Pair = tuple[SqliteLog | MemoryLog, SqliteLog | MemoryLog]


@pytest.fixture(params=EMBEDDED)
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """One log, as two processes have it open."""
    world = EMBEDDED[request.param](tmp_path)
    assert isinstance(world, EmbeddedWorld)
    world.log.create([Topic("events", 1), Topic("journal", 1)])
    yield world.logs[0], world.logs[1]
    world.close()


def test_one_lease_at_a_time(logs: Pair) -> None:
    """While one worker holds the lease no other gets it; released, it is free at once."""

    async def story() -> None:
        epoch = await logs[0].take_lease("g", 60)
        assert epoch is not None
        assert await logs[1].take_lease("g", 60) is None
        assert await logs[1].take_lease("another group", 60) is not None
        await logs[0].release_lease("g", epoch)
        later = await logs[1].take_lease("g", 60)
        assert later is not None
        assert later > epoch

    asyncio.run(story())


def test_a_lease_that_ran_out(logs: Pair) -> None:
    """It can be renewed until another worker takes it; then it is over for good."""

    async def story() -> None:
        epoch = await logs[0].take_lease("g", 0.01)
        assert epoch is not None
        await asyncio.sleep(0.02)
        await logs[0].renew_lease("g", epoch, 0.01)
        await asyncio.sleep(0.02)
        assert await logs[1].take_lease("g", 60) is not None
        with pytest.raises(Refused, match="g: epoch 1 is over"):
            await logs[0].renew_lease("g", epoch, 60)
        await logs[0].release_lease("g", epoch)  # nothing of ours: nothing happens
        assert await logs[0].take_lease("g", 60) is None

    asyncio.run(story())


def test_a_released_lease_is_over(logs: Pair) -> None:
    """Who has released the lease can't commit any more, even if nobody took it."""

    async def story() -> None:
        epoch = await logs[0].take_lease("g", 60)
        assert epoch is not None
        store = logs[0].store("g", 0, "journal", epoch, 60)
        await store.open()
        await logs[0].release_lease("g", epoch)
        with pytest.raises(Refused):
            await store.commit({"events": rows(b"late")}, {}, b"late")
        with pytest.raises(Refused):
            await store.open()
        with pytest.raises(Refused):
            await store.put("events", b"k", b"late")
        with pytest.raises(Refused):
            await store.send({"events": rows(b"late")})

    asyncio.run(story())
    assert values(logs[1], "events") == []


def test_a_commit_renews_the_lease(logs: Pair) -> None:
    """A worker that commits keeps the lease without doing anything else for it."""

    async def story() -> None:
        epoch = await logs[0].take_lease("g", 0.01)
        assert epoch is not None
        store = logs[0].store("g", 0, "journal", epoch, 60)
        await store.open()
        await asyncio.sleep(0.02)
        await store.commit({}, {}, b"one")
        assert await logs[1].take_lease("g", 60) is None

    asyncio.run(story())


def test_two_stores_of_one_epoch(logs: Pair) -> None:
    """An entry that does not follow the store's last one is refused."""

    async def story() -> None:
        epoch = await logs[0].take_lease("g", 60)
        assert epoch is not None
        first, second = (log.store("g", 0, "journal", epoch, 60) for log in logs)
        await first.open()
        await second.open()
        await second.commit({}, {}, b"one")
        with pytest.raises(Refused, match="journal-0"):
            await first.commit({}, {}, b"also one")

    asyncio.run(story())
    assert values(logs[0], "journal") == [b"one"]


def test_version(logs: Pair) -> None:
    """The version changes with every commit of anyone, and only then."""
    seen = [[log.version() for log in logs]]
    for log in (logs[0], logs[1], logs[0]):
        log.append("events", 0, rows(b"a"))
        seen.append([each.version() for each in logs])
        values(log, "events")
        assert [each.version() for each in logs] == seen[-1]
    assert all(len(set(column)) == 4 for column in zip(*seen, strict=True))


def test_trim(logs: Pair) -> None:
    """Trimming deletes below the offset, never above it, and moves the partition's start."""
    for at in range(100):
        logs[0].append("events", 0, rows(b"%d" % at))
    for before, start in ((0, 0), (70, 70), (30, 70), (1000, 100)):
        asyncio.run(logs[1].trim("events", 0, before))
        assert logs[0].bounds("events") == [(start, 100)]
        assert values(logs[0], "events") == [b"%d" % at for at in range(start, 100)]


def test_offset_at(logs: Pair) -> None:
    """What lies below the offset of a time is older; retention can trim up to it."""
    for stamp in (10, 20, 30):
        logs[0].append("events", 0, rows(b"a", b"b"), [stamp, stamp])
    assert [logs[0].offset_at("events", 0, ms) for ms in (0, 10, 11, 30, 31)] == [0, 0, 2, 4, 6]
