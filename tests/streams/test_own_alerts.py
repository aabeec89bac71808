"""The alerts that a worker makes about itself: their life on the topic, and that nothing else notices."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.cache import MemoryCache
from connectors.log import Unavailable
from connectors.sqlite_file import fullness, open_file
from engine.alerts.record import Alert, fingerprint, read
from engine.alerts.subjects import SUBJECTS
from engine.control import Acknowledge, Matcher, Order, Resolve, Silence, Unsilence, encode
from streams.alerts.own import conditions
from streams.alerts.ownloop import Owns
from streams.alerts.ownsenses import Senses
from streams.app import Work
from streams.cache.entities import Entities
from streams.cache.entityform import Form
from tests.streams.keepers import KEY, Kept, Stage, quick

YEAR_3000_MS = 32_503_680_000_000


class Desk:
    """A worker that holds one shard, whose looks come when the test wants them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.keeper = stage, stage.keeper()
        self.keepers: dict[int, Kept] = {0: self.keeper}
        self.work = Work(stage.spec, stage.log, KEY)
        self.work.consumer = self
        self.owns: Owns = self.work.own
        self.owns.clock = itertools.count(time.time()).__next__  # a second each look

    async def look(self) -> list[Alert]:
        """Take what waits, look once; the alerts that the topic holds since."""
        topic, log = self.stage.spec.topic("alerts"), self.stage.log
        before = log.bounds(topic)[0][1]
        await self.stage.settle(self.keeper)
        await self.owns.look()
        return [read(value) for value in log.read(topic, 0, before).values if value]

    async def short(self, topics: int) -> list[Alert]:
        """So many topics no longer reach back far enough."""
        self.keeper.meter.retention_short = topics
        return await self.look()

    def order(self, order: Order) -> None:
        self.stage.produce("control", encode(order))


def played(story: Callable[[Desk], Awaitable[None]], stage: Stage | None = None, **changes: Any) -> Stage:
    """A story at a desk."""

    async def run() -> Stage:
        desk = Desk(Stage(**changes) if stage is None else Stage(stage.log, **changes))
        await desk.keeper.opened()
        try:
            await story(desk)
        finally:
            await desk.keeper.park()
        return desk.stage

    return asyncio.run(run())


async def fires(desk: Desk) -> None:
    assert await desk.short(0) == []
    [alert] = await desk.short(2)
    assert alert.transition == "fired"


def test_it_fires_and_is_over() -> None:
    """Told once while it lasts, with what an engineer needs, and once when it is over."""

    async def story(desk: Desk) -> None:
        [fired] = await desk.short(2)
        assert (fired.status, fired.source, fired.labels["source"]) == ("firing", "worker", "worker")
        assert (fired.labels["alertname"], fired.labels["severity"]) == ("RetentionShort", "critical")
        assert fired.fingerprint == fingerprint(fired.labels)
        assert fired.annotations["runbook_url"] == "README.md#driftlineretentionshort"
        assert fired.annotations["summary"] == "retention_short is 2, above 0"
        assert await desk.short(2) == []
        [over] = await desk.short(0)
        assert (over.status, over.transition, over.revision) == ("resolved", "resolved", 1)
        assert over.starts_at == fired.starts_at < over.ends_at

    played(story)


def test_after_a_restart() -> None:
    """What fired is read back: still true it is not told again, and over it is told to be over."""
    stage = played(fires)

    async def still_true(desk: Desk) -> None:
        assert await desk.short(2) == []
        [over] = await desk.short(0)
        assert (over.transition, over.revision) == ("resolved", 1)

    async def all_over(desk: Desk) -> None:
        assert await desk.short(0) == []
        [anew] = await desk.short(1)
        assert (anew.transition, anew.revision) == ("fired", 0)

    played(still_true, stage)
    played(all_over, stage)


def test_who_takes_the_shard_resolves() -> None:
    """An alert of the worker before is over if it is not true here."""
    stage = played(fires)

    async def story(desk: Desk) -> None:
        [over] = await desk.short(0)
        assert over.status == "resolved"

    played(story, stage)


def test_a_restart_is_no_event() -> None:
    """That no data comes was so before this worker looked: an event ends it, and no new worker."""

    async def hours_later(desk: Desk, hours: int) -> list[Alert]:
        desk.owns.senses[0].clock = lambda: time.monotonic() + 3600 * hours
        return await desk.look()

    async def silent(desk: Desk) -> None:
        assert await desk.look() == []
        [fired] = await hours_later(desk, 3)
        assert (fired.labels["alertname"], fired.transition) == ("Silent", "fired")

    async def taken_up(desk: Desk) -> None:
        assert await desk.look() == []
        assert await hours_later(desk, 1) == []
        await over(desk)

    async def over(desk: Desk) -> None:
        desk.stage.events(0, 10)
        [alert] = await desk.look()
        assert (alert.labels["alertname"], alert.transition) == ("Silent", "resolved")

    alerts = [{"when": "no_data > 2h", "name": "Silent"}]
    played(taken_up, played(silent, alerts=alerts), alerts=alerts)
    played(over, played(silent, alerts=alerts), alerts=alerts)


def test_what_a_new_worker_does_not_know() -> None:
    """Since when nothing came, and whether the cache is there; of that only the first shard tells."""

    async def story(desk: Desk) -> None:
        entities = Entities(MemoryCache(1000), Form(desk.stage.spec), 10)
        senses = Senses(desk.keeper, lambda: 0.5)
        senses.look(entities)
        assert list(senses.least) == ["no_data", "cache_away"]
        senses.look()
        assert list(senses.least) == ["no_data"]
        desk.stage.events(0, 10)
        await desk.stage.settle(desk.keeper)
        entities.counts["written"] += 10
        senses.look(entities)
        assert list(senses.least) == []

    played(story)


def test_orders() -> None:
    """A person acknowledges and resolves it; the shard makes no dead letter of an order for the worker."""

    async def story(desk: Desk) -> None:
        [fired] = await desk.short(2)
        desk.order(Acknowledge(alert=fired.fingerprint, by="ada", why="on it", source="worker"))
        [taken] = await desk.look()
        assert (taken.status, taken.by, taken.why) == ("acknowledged", "ada", "on it")
        desk.order(Resolve(alert=fired.fingerprint, by="ada", source="worker"))
        [over] = await desk.look()
        assert (over.status, over.by) == ("resolved", "ada")
        assert desk.stage.reasons() == []

    played(story, drift={})


def test_a_silence() -> None:
    """It mutes what fires, also after a restart, and no longer once it is taken back."""
    silence = Silence(
        id="s1", matchers=(Matcher("alertname", "Retention.*", regex=True),), until_ms=YEAR_3000_MS
    )

    async def before(desk: Desk) -> None:
        desk.order(silence)
        assert await desk.look() == []

    async def after(desk: Desk) -> None:
        [muted] = await desk.short(2)
        assert (muted.status, muted.muted) == ("firing", "silence:s1")
        desk.order(Unsilence(id="s1", by="ada"))
        [loud] = await desk.look()
        assert (loud.transition, loud.muted) == ("unsilenced", "")

    stage = played(before)
    played(after, stage)


def test_the_log_does_not_take_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once and counted, waits for the next look, and scoring goes on meanwhile."""

    async def story(desk: Desk) -> None:
        await desk.look()
        for _ in range(2):
            desk.keeper.store.fail("put", Unavailable("the log is away"))
            assert await desk.short(1) == []
        assert desk.owns.unwritten == 2
        desk.stage.events(0, 100)
        [fired] = await desk.look()
        assert fired.transition == "fired"
        assert len(desk.stage.ids()) == 100

    played(story)
    assert len([r for r in caplog.records if "own alerts have to wait: the log is away" in r.message]) == 1


def test_nobody_looks_at_a_shard_that_recovers() -> None:
    """Whoever has it then tells of it; what is open is read back once it is ready again."""

    async def story(desk: Desk) -> None:
        await fires(desk)
        desk.keeper.ready = False
        await desk.owns.look()
        assert desk.owns.shards == {}
        desk.keeper.ready = True
        assert await desk.short(2) == []
        [over] = await desk.short(0)
        assert over.revision == 1

    played(story)


def test_what_is_told_of() -> None:
    """Some conditions for everybody; what the spec says of a subject goes before; `[]` means nothing."""
    everybody = {when.subject for _, when in conditions(quick())}
    assert everybody == {"stalled", "lag", "reopened", "retention_short"}
    given = [{"when": "lag > 5", "name": "Behind"}, {"when": "no_data > 1h"}]
    asked = conditions(quick(alerts=given))
    assert {when.subject for _, when in asked} == everybody | {"no_data"}
    assert [each.name for each, when in asked if when.subject == "lag"] == ["Behind"]
    assert conditions(quick(alerts=[])) == []
    assert {"storage", "cache_away"} <= {
        when.subject for _, when in conditions(quick(transport="sqlite:///x.db", cache="memory"))
    }


def test_every_subject_of_the_worker_is_noticed() -> None:
    """What a condition may name can be told, and nothing is told that none may name."""

    async def story(desk: Desk) -> None:
        entities = Entities(MemoryCache(1000), Form(desk.stage.spec), 10)
        senses = Senses(desk.keeper, lambda: 0.5)
        senses.look(entities)
        desk.stage.events(0, 200)
        await desk.stage.settle(desk.keeper)
        desk.keeper.meter.latency.add(4.0, times=100_000)
        told = senses.look(entities)
        wanted = {name for name, subject in SUBJECTS.items() if subject.where == "worker"}
        assert set(told) == wanted
        assert (told["lag"], told["storage"], told["stalled"]) == (0, 0.5, 0)
        assert 2.5 < told["latency"] <= 5

    played(story)


def test_a_stall_is_told_before_the_worker_ends() -> None:
    """Records wait, and nothing was committed for half of `watchdog.stall`."""

    async def story(desk: Desk) -> None:
        await desk.look()
        async with desk.keeper.commit_lock:
            desk.stage.events(0, 10)
            desk.stage.fetch(desk.keeper)
            desk.keeper.meter.progress_at -= 31
            await desk.owns.look()
        [alert] = [read(value) for _, value, _ in desk.stage.lane("alerts") if value]
        assert (alert.labels["alertname"], alert.labels["severity"]) == ("Stalled", "critical")

    played(story)


def test_how_full_a_log_is(tmp_path: Path) -> None:
    """Its disk tells, and `size_max`, of which pages that are free again do not count."""
    path = str(tmp_path / "log.db")
    db = open_file(path)
    assert 0 < fullness(path, None) < 1
    empty = fullness(path, 1 << 16)
    db.execute("CREATE TABLE filler (body BLOB)")
    db.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
    assert fullness(path, 1 << 16) > empty + 10
    db.execute("DROP TABLE filler")
    assert fullness(path, 1 << 16) == pytest.approx(empty)
    db.close()
