"""One contract for the cache in Redis and its twin in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from connectors.cache import Cache, MemoryCache
from connectors.log import Unavailable
from connectors.redis_cache import RedisCache
from tests.parts.redis import Redis

Open = Callable[[int], Cache]


@pytest.fixture(params=["memory", "redis"])
def opened(request: pytest.FixtureRequest) -> Open:
    """A function that opens a cache with a time to live in milliseconds."""
    if request.param == "memory":
        return MemoryCache
    server: Redis = request.getfixturevalue("redis")
    return lambda ttl_ms: RedisCache(server.url, ttl_ms, timeout_ms=30_000)


def use(cache: Cache, work: Callable[[Cache], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await work(cache)
        finally:
            await cache.close()

    asyncio.run(run())


def test_what_is_put_can_be_got(opened: Open) -> None:
    """In the order asked for, None where there is nothing, the newest of two."""

    async def work(cache: Cache) -> None:
        await cache.put({"a": b"1", "b": b"\x00\xff"})
        await cache.put({"a": b"2"})
        assert await cache.get(["b", "none", "a"]) == [b"\x00\xff", None, b"2"]
        assert await cache.get([]) == []

    use(opened(60_000), work)


def test_entries_die(opened: Open) -> None:
    """After their time to live they are gone."""

    async def work(cache: Cache) -> None:
        await cache.put({"short": b"1"})
        await asyncio.sleep(0.08)
        assert await cache.get(["short"]) == [None]

    use(opened(50), work)


def test_the_twin_is_bounded() -> None:
    """What was written longest ago leaves first."""

    async def work(cache: Cache) -> None:
        await cache.put({"a": b"", "b": b""})
        await cache.put({"a": b"", "c": b""})
        assert await cache.get(["a", "b", "c"]) == [b"", None, b""]

    use(MemoryCache(60_000, entries_max=2), work)


def test_a_redis_that_is_away_or_frozen_is_unavailable_in_time(tmp_path: Path, redis: Redis) -> None:
    """Nobody there, and somebody who does not answer: said in time, without the password."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9") as told:
        use(RedisCache("redis://:secret@127.0.0.1:9/0", 1000, 200), lambda cache: cache.put({"a": b""}))
    assert "secret" not in str(told.value)
    with Redis(tmp_path) as frozen:
        frozen.pause()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            use(RedisCache(frozen.url, 1000, 200), lambda cache: cache.put({"a": b""}))
        assert time.monotonic() - began < 30


def test_a_value_of_another_type_is_overwritten(redis: Redis) -> None:
    """Somebody else's key under our name is overwritten, not tripped over."""

    async def work(cache: Cache) -> None:
        assert isinstance(cache, RedisCache)
        await cache.redis.rpush("driftline:x", "list")
        await cache.put({"driftline:x": b"1"})
        assert await cache.get(["driftline:x"]) == [b"1"]

    use(RedisCache(redis.url, 60_000, 30_000), work)
