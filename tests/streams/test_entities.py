"""The newest entry of each entity gets to the cache, and the stream never waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from redis import Redis as Client

from connectors.cache import MemoryCache
from connectors.log import Rows, Unavailable
from connectors.redis_cache import RedisCache
from connectors.sqlite import SqliteLog
from engine.shard import Shard
from streams.entities import Entities, key
from tests.engine.cases import batch, spec
from tests.parts.redis import Redis
from tests.streams.cli import start


class Failing(MemoryCache):
    """A cache that fails so many times first."""

    def __init__(self, fails: int) -> None:
        super().__init__(60_000)
        self.fails = fails

    async def put(self, entries: Mapping[str, bytes]) -> None:
        if self.fails > 0:
            self.fails -= 1
            raise Unavailable("away")
        await super().put(entries)


def offered(entities: Entities, *amounts: float) -> None:
    """Offer what a commit of events of two cards brings."""
    fields = {"card": {"type": "text"}, "amount": {"type": "number"}}
    wanted = spec(events={"key": "card", "fields": fields}, cache="redis://nowhere:1/0")
    records = [{"card": f"c{i % 2}", "amount": amount} for i, amount in enumerate(amounts)]
    out = Shard(wanted, 0).walk(batch("p.events", records))
    latest = dict(zip(out.predictions.keys, out.predictions.values, strict=True))
    entities.offer(out.newest, latest)


def test_the_newest_of_each_entity_is_written() -> None:
    """One entry an entity: its event time, its features by name, and the prediction as it was committed."""

    async def run() -> None:
        cache = MemoryCache(60_000)
        entities = Entities(cache, "p", ("amount",), 10)
        offered(entities, 1.0, 2.0, 3.0)
        await entities.write()
        found = [msgspec.json.decode(v or b"") for v in await cache.get([key("p", "c0"), key("p", "c1")])]
        assert [entry["features"] for entry in found] == [{"amount": 3.0}, {"amount": 2.0}]
        assert found[0]["prediction"]["source"]["offset"] == 2

    asyncio.run(run())


def test_a_failure_is_tried_again_and_newer_entries_win() -> None:
    """What could not be written waits, bounded, and is written when the cache is back."""

    async def run() -> None:
        entities = Entities(Failing(1), "p", ("amount",), 1)
        offered(entities, 1.0, 2.0)
        assert entities.dropped == 1
        with pytest.raises(Unavailable):
            await entities.write()
        offered(entities, 5.0)
        await entities.write()
        [entry] = await entities.cache.get([key("p", "c0")])
        assert msgspec.json.decode(entry or b"")["features"] == {"amount": 5.0}

    asyncio.run(run())


def test_a_redis_that_goes_and_comes_back(tmp_path: Path, redis: Redis) -> None:
    """The task goes on by itself; meanwhile offering returns at once."""

    async def run() -> None:
        with Redis(tmp_path) as server:
            cache = RedisCache(server.url, 60_000, 200)
            entities = Entities(cache, "p", ("amount",), 10)
            task = asyncio.create_task(entities.run())
            server.pause()
            offered(entities, 1.0)
            while entities.failures == 0:
                await asyncio.sleep(0.05)
            server.start()
            while entities.written == 0:
                await asyncio.sleep(0.05)
            task.cancel()
            assert (await cache.get([key("p", "c0")]))[0] is not None
            await cache.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_worker_fills_redis(tmp_path: Path, redis: Redis) -> None:
    """From an event on the log to an entry in Redis, through a real worker."""
    path = tmp_path / "driftline.yaml"
    path.write_text(
        f"""
pipeline: cached
transport: sqlite:///{tmp_path}/log.db
cache: {redis.url}
http: {{port: null}}
events: {{key: card, fields: {{card: {{type: text}}, amount: {{type: number}}}}}}
"""
    )
    worker = start("run", "--spec", str(path), folder=tmp_path)
    try:
        with closing(SqliteLog(str(tmp_path / "log.db"))) as log:
            while "cached.snapshots" not in log.topics():
                time.sleep(0.05)
            log.append("cached.events", 0, Rows([None], [b'{"card": "c1", "amount": 7}']))
        with Client.from_url(redis.url) as client:
            while (found := client.get(key("cached", "c1"))) is None:
                time.sleep(0.05)
    finally:
        worker.terminate()
        assert worker.wait(10) == 0
    assert isinstance(found, bytes)
    entry = msgspec.json.decode(found)
    assert entry["features"] == {"amount": 7.0}
    assert entry["prediction"]["entity"] == "c1"
