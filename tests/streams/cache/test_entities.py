"""The newest entry of each entity gets to the cache, and the stream never waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from redis import Redis as Client
from redis.exceptions import RedisError

from connectors.cache import MemoryCache
from connectors.log import Rows, Unavailable
from connectors.redis_cache import RedisCache
from connectors.sqlite import SqliteLog
from engine.shard import Shard
from streams.cache.breaker import FAILURES_MAX
from streams.cache.entities import Entities
from streams.cache.entityform import Entity, Form
from streams.specs.specfile import load
from tests.engine.cases import NOW, batch, spec
from tests.parts.processes import ALONE
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


SPEC = spec(
    events={"key": "card", "fields": {"card": {"type": "text"}, "amount": {"type": "number"}}},
    cache="redis://nowhere:1/0",
)
FORM = Form(SPEC)


def offered(entities: Entities, *amounts: float) -> None:
    """Offer what a commit of events of two cards brings."""
    records = [{"card": f"c{i % 2}", "amount": amount} for i, amount in enumerate(amounts)]
    out = Shard(SPEC, 0).walk(batch("p.events", records))
    latest = dict(zip(out.predictions.keys, out.predictions.values, strict=True))
    entities.offer(out.newest, latest)


def test_the_newest_of_each_entity_is_written() -> None:
    """One entry an entity: its event time, its features by name, and the prediction as it was committed."""

    async def run() -> None:
        entities = Entities(MemoryCache(60_000), FORM, 10)
        offered(entities, 1.0, 2.0, 3.0)
        await entities.write()
        found = [await entities.read(name) for name in ("c0", "c1", "c2")]
        assert [None if each is None else each.features for each in found] == [
            {"amount": 3.0},
            {"amount": 2.0},
            None,
        ]
        assert found[0] is not None
        assert found[0].event_time == NOW + 2
        assert found[0].prediction["source"]["offset"] == 2
        assert entities.age_s == pytest.approx(time.time() - NOW / 1000, abs=60)
        assert entities.seconds.counts != [0] * len(entities.seconds.counts)

    asyncio.run(run())


def test_an_event_on_which_the_model_failed_is_not_told() -> None:
    """Its features would stand beside the prediction of another event."""
    model = {"use": "tests.engine.cases:Picky", "with": {"predict_fails": 13}}
    failing = SPEC.model_copy(update={"model": type(SPEC.model).model_validate(model)})
    records = [{"card": "c0", "amount": amount} for amount in (1, 13)]
    out = Shard(failing, 0).walk(batch("p.events", records))
    assert out.newest == {"c0": (NOW, (1.0,))}


def test_a_failure_is_tried_again_and_newer_entries_win() -> None:
    """What could not be written waits, bounded, and is written when the cache is back."""

    async def run() -> None:
        entities = Entities(Failing(1), FORM, 1)
        offered(entities, 1.0, 2.0)
        assert entities.counts["dropped"] == 1
        with pytest.raises(Unavailable):
            await entities.write()
        offered(entities, 5.0)
        await entities.write()
        found = await entities.read("c0")
        assert found is not None
        assert found.features == {"amount": 5.0}

    asyncio.run(run())


def test_the_breaker_opens_and_a_small_trial_closes_it() -> None:
    """After failures in a row nobody asks, readers neither; then a few entries go first."""

    class Sizes(Failing):
        async def put(self, entries: Mapping[str, bytes]) -> None:
            await super().put(entries)
            sizes.append(len(entries))

    async def run() -> None:
        entities = Entities(Sizes(FAILURES_MAX), FORM, 100)
        now = 0.0
        entities.breaker.clock = lambda: now
        entities.pending = {f"e{i}": ((0, (1.0,)), b"{}") for i in range(50)}
        entities.waiting.set()
        task = asyncio.create_task(entities.run())
        while entities.breaker.state == "closed":
            await asyncio.sleep(0)
        assert await entities.read("e0") is None
        assert entities.counts["skipped"] == 1
        now = 1.0
        while entities.pending:
            await asyncio.sleep(0.01)
        task.cancel()
        assert entities.breaker.state == "closed"
        assert entities.counts["failed"] == FAILURES_MAX

    sizes: list[int] = []
    asyncio.run(asyncio.wait_for(run(), 60))
    assert sizes == [10, 40]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x80",
        b"[]",
        b'{"schema":2}',
        {"schema": 1},
        {"spec": "0123456789abcdef"},
        {"features": {"amount": "1.5"}},
        {"features": {"amount": 1.5, "other": 1}},
        {"event_time": "now"},
        {"prediction": []},
    ],
)
def test_what_another_wrote_is_refused(wrong: bytes | dict[str, object]) -> None:
    """Another schema, another spec, other features, other types: read as nothing, and counted."""

    async def run() -> None:
        cache = MemoryCache(60_000)
        entities = Entities(cache, FORM, 10)
        good = FORM.write((0, (1.5,)), b"{}")
        data = wrong if isinstance(wrong, bytes) else msgspec.json.encode(msgspec.json.decode(good) | wrong)
        await cache.put({FORM.key("good"): good, FORM.key("bad"): data})
        assert await entities.read("good") is not None
        assert await entities.read("bad") is None
        assert (entities.counts["found"], entities.counts["refused"]) == (1, 1)

    asyncio.run(run())


def test_what_can_not_be_written_is_dropped() -> None:
    """An odd value of one entity does not keep the others waiting, nor does it end the task."""

    async def run() -> None:
        entities = Entities(MemoryCache(60_000), FORM, 10)
        entities.pending = {"odd": ((0, (object(),)), b"{}"), "fine": ((0, (1.0,)), b"{}")}
        await entities.write()
        assert (entities.counts["written"], entities.counts["dropped"]) == (1, 1)

    asyncio.run(run())


def test_every_kind_of_feature_is_read_as_it_was() -> None:
    """Numbers, integers, truths, categories, missing ones, and names that are none in Python."""
    kinds = {"a b": "number", "class": "integer", "yes": "boolean", "land": "category", "none": "number"}
    form = Form(spec(events={"fields": {name: {"type": kind} for name, kind in kinds.items()}}))
    found = form.read(form.write((7, (0.1, 3, True, "NL", None)), b'{"score":null}'))
    assert repr(found.features) == "{'a b': 0.1, 'class': 3, 'yes': True, 'land': 'NL'}"
    assert found.prediction == {"score": None}


def test_a_redis_that_goes_and_comes_back(tmp_path: Path, redis: Redis) -> None:
    """The task goes on by itself; meanwhile offering returns at once."""

    async def run() -> None:
        with Redis(tmp_path) as server:
            cache = RedisCache(server.url, 600_000, 1_000)
            entities = Entities(cache, FORM, 10)
            task = asyncio.create_task(entities.run())
            server.pause()
            offered(entities, 1.0)
            while entities.counts["failed"] == 0:
                await asyncio.sleep(0.05)
            server.start()
            while entities.counts["written"] == 0:
                await asyncio.sleep(0.05)
            task.cancel()
            assert await entities.read("c0") is not None
            await cache.close()

    asyncio.run(asyncio.wait_for(run(), 100))


class Cards:
    """A worker on a log of its own, with a cache; events go in, predictions and entries are looked at."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path, self.file, self.sent = folder / "driftline.yaml", folder / "log.db", 0
        self.path.write_text(
            f"""
pipeline: cached
transport: sqlite:///{self.file}
cache: {{url: "{url}", timeout: 1s}}
http: {{port: null}}
events: {{key: card, fields: {{card: {{type: text}}, amount: {{type: number}}}}}}
"""
        )
        self.form = Form(load(self.path, environ={}))
        self.worker = start("run", *ALONE, "--spec", str(self.path), folder=folder)
        self.log = SqliteLog(str(self.file))
        while "cached.snapshots" not in self.log.topics():
            time.sleep(0.05)

    def pay(self, amount: float) -> None:
        """Send a payment, and wait until it is predicted."""
        self.log.append("cached.events", 0, Rows([None], [b'{"card": "c1", "amount": %g}' % amount]))
        self.sent += 1
        while self.log.bounds("cached.predictions")[0][1] < self.sent:
            time.sleep(0.02)

    def seen(self, client: Client, amount: float) -> Entity:
        """Wait until the cache holds this payment, as other services would read it."""
        while True:
            with suppress(RedisError):
                found = client.get(self.form.key("c1"))
                if (
                    isinstance(found, bytes)
                    and (entity := self.form.read(found)).features["amount"] == amount
                ):
                    return entity
            time.sleep(0.02)

    def stop(self) -> int:
        self.log.close()
        self.worker.terminate()
        return self.worker.wait(60)


def test_whatever_happens_to_redis_scoring_goes_on(tmp_path: Path, redis: Redis) -> None:
    """Down at the start, there, emptied, of somebody else's type, frozen, killed, there again: it refills."""
    server = Redis(tmp_path)
    cards = Cards(tmp_path, server.url)
    try:
        cards.pay(1)
        server.start()
        with Client.from_url(server.url) as client:
            assert cards.seen(client, 1).prediction["entity"] == "c1"  # it waited
            client.flushall()
            cards.pay(2)
            cards.seen(client, 2)
            client.delete(cards.form.key("c1"))
            client.rpush(cards.form.key("c1"), "not ours")
            cards.pay(3)
            cards.seen(client, 3)
            server.pause()
            for amount in (4, 5, 6, 7):
                cards.pay(amount)
            server.start()
            cards.seen(client, 7)
            server.stop(kill=True)
            cards.pay(8)
        server.start()
        with Client.from_url(server.url) as client:
            cards.seen(client, 8)
        assert cards.worker.poll() is None
    finally:
        code = cards.stop()
        server.stop(kill=True)
    assert code == 0
