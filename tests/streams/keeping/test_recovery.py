"""Recovery: the newest snapshot that holds, else the older, else nothing; and a replay that is checked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from connectors.log import Rows
from engine.errors import ReplayError, StateError
from engine.shard import Shard
from streams.keeping import journal, recovery
from streams.keeping.journal import Digest, Entry, Refusal
from streams.keeping.pace import Pace
from tests.engine.cases import batch, event
from tests.streams.keepers import Kept, Slow, Stage, quick, until


async def told(every_records: int = 30, n: int = 100) -> Stage:
    """A stage on which a keeper took events and labels in runs of ten, with snapshots as asked for."""
    stage = Stage(snapshots={"every_records": every_records})
    keeper = await stage.keeper().opened()
    for first in range(0, n, 10):
        stage.events(first, first + 10)
        stage.labels(first, first + 7)
        await stage.settle(keeper)
    await keeper.park()
    return stage


async def opened(stage: Stage) -> Kept:
    """A new keeper, recovered; its state is that of one walk from nothing."""
    keeper = await stage.keeper().opened()
    assert keeper.failures == []
    assert keeper.shard is not None
    assert keeper.shard.digest() == stage.history().digest()
    return keeper


# -- where it begins -----------------------------------------------------------------------------------


@pytest.mark.parametrize("aside", [0, recovery.ASIDE_BYTES])
def test_from_the_newest(aside: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what came behind it is walked again; a large one is read in a thread."""
    monkeypatch.setattr(recovery, "ASIDE_BYTES", aside)

    async def story() -> None:
        stage = await told()
        newest = stage.entries()[-1].snapshots[0]
        await stage.log.trim("p.events", 0, newest.next["p.events"])
        await stage.log.trim("p.labels", 0, newest.next["p.labels"])
        await stage.log.trim("p.journal", 0, newest.journal + 1)
        keeper = await stage.keeper().opened()
        assert keeper.failures == []
        assert keeper.shard is not None
        assert keeper.shard.events == 100

    asyncio.run(story())


def flip(stage: Stage) -> None:
    stage.damage(stage.entries()[-1].snapshots[0].first)


def lose(stage: Stage) -> None:
    name = stage.entries()[-1].snapshots[0].name
    stage.log.append("p.snapshots", 0, Rows([f"{name}/0".encode()], [None]))


@pytest.mark.parametrize(("damage", "said"), [(flip, "is not signed"), (lose, "lacks 1 of 1 chunks")])
def test_from_the_older(damage: Callable[[Stage], None], said: str, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged snapshot is reported and passed over."""

    async def story() -> None:
        stage = await told()
        damage(stage)
        newest, older = stage.entries()[-1].snapshots[:2]
        assert older.next["p.events"] > 0
        await opened(stage)
        assert f"shard 0: the snapshot of entry {newest.seq} {said}" in caplog.text
        assert f"entry {older.seq} " not in caplog.text

    asyncio.run(story())


def test_from_nothing() -> None:
    """When both are damaged everything is walked again, if it is there."""

    async def story() -> None:
        stage = await told()
        for pointer in stage.entries()[-1].snapshots:
            stage.damage(pointer.first)
        await opened(stage)

    asyncio.run(story())


def test_with_another_key(caplog: pytest.LogCaptureFixture) -> None:
    """Snapshots that were signed with another key are not unpickled; the state is had without them."""

    async def story() -> None:
        stage = await told()
        keeper = stage.keeper()
        keeper.shelf = replace(keeper.shelf, key=b"somebody else's key")
        await keeper.opened()
        assert keeper.shard is not None
        assert keeper.shard.digest() == stage.history().digest()
        assert caplog.text.count("is not signed with this pipeline's key (snapshots.key)") == 2

    asyncio.run(story())


def test_with_a_smaller_limit(caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot larger than `snapshots.size_max` is not loaded."""

    async def story() -> None:
        stage = await told()
        stage = Stage(stage.log, snapshots={"size_max": 100})
        await opened(stage)
        assert "snapshots.size_max is 100; going on with what is older" in caplog.text

    asyncio.run(story())


def test_a_snapshot_of_another_spec(caplog: pytest.LogCaptureFixture) -> None:
    """Signed well and still of no use: it is passed over like any other that does not hold."""

    async def story() -> None:
        stage = await told()
        last = stage.entries()[-1]
        other = Stage(stage.log, model={"use": "tests.streams.keepers:Chain", "with": {"start": 0.1}})
        keeper = other.keeper()
        await keeper.store.open()
        with pytest.raises(ReplayError):
            await recovery.recover(other.spec, 0, keeper.store, keeper.shelf, last)
        assert "the snapshot was made under another spec" in caplog.text

    asyncio.run(story())


# -- what it walks -------------------------------------------------------------------------------------


def rewrite(stage: Stage, seq: int, **changes: object) -> None:
    """Make an entry say something else."""
    part = stage.log.partition("p.journal", 0)
    at = part.offsets[0] + seq - 1 - part.start
    entry = journal.decode(part.values[at] or b"")
    part.values[at] = journal.encode(msgspec.structs.replace(entry, **changes))


def test_other_bytes() -> None:
    """A replay that does not give what was committed is an error: nobody may go on from there."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        rewrite(stage, 5, digest="0" * 16)
        keeper = await stage.keeper().opened()
        (error,) = keeper.failures
        assert isinstance(error, ReplayError)
        assert "shard 0: walking entry 5 again gives other bytes" in str(error)
        assert (keeper.ready, keeper.shard) == (False, None)

    asyncio.run(story())


def test_the_model_changed_behind_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spec is the same, and the code that it names is not."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        monkeypatch.setattr("tests.streams.keepers.Chain.learn_one", lambda self, x, y: None)
        keeper = await stage.keeper().opened()
        (error,) = keeper.failures
        assert "Is the model the same" in str(error)

    asyncio.run(story())


def test_refused_records_are_not_walked() -> None:
    """What an entry calls refused becomes the same dead letter again, though it could be walked now."""

    async def story() -> None:
        spec, shard, digest = quick(), Shard(quick(), 0), Digest()
        run = batch("p.events", [event(f"e{i}") for i in range(5)])
        refusal = Refusal("p.events", 2, "TypeError", "it failed then")
        made = list(recovery.walk(shard, run, {("p.events", 2): refusal}))
        for out in made:
            digest.add(out.lanes())
        assert [len(out.predictions) for out in made] == [2, 0, 2]
        assert [len(out.dead_letters) for out in made] == [0, 1, 0]
        entry = Entry(spec.pipeline, 1, [("p.events", 0, 5)], {}, digest.hex(), "", refused=[refusal])
        stage = Stage()
        stage.produce("events", *(event(f"e{i}") for i in range(5)))
        store = stage.keeper().store
        await store.open()
        again = Shard(spec, 0)
        assert len(await recovery.replay(again, store, entry, Pace())) == 5
        assert again.digest() == shard.digest()

    asyncio.run(story())


@pytest.mark.parametrize("refused", [{0}, {4}, {0, 4}, {1, 2}, {0, 1, 2, 3, 4}])
def test_refused_at_any_place(refused: set[int]) -> None:
    """First, last, side by side, all: the others are walked, and nothing is left out."""
    shard, run = Shard(quick(), 0), batch("p.events", [event(f"e{i}") for i in range(5)])
    known = {("p.events", i): Refusal("p.events", i, "TypeError", "no") for i in refused}
    outs = list(recovery.walk(shard, run, known))
    assert sum(len(out.predictions) for out in outs) == 5 - len(refused)
    assert shard.rejected.get("engine_error", 0) == len(refused)
    assert shard.taken == 5


def test_a_long_replay_is_no_stall() -> None:
    """Whoever watches over progress hears of it all the while."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        keeper, heard = stage.keeper(), list[None]()
        found = await keeper.store.open()
        assert found is not None
        place = (stage.spec, 0, keeper.store, keeper.shelf, journal.decode(found[1]))
        await recovery.recover(*place, lambda: heard.append(None))
        assert len(heard) >= len(stage.entries())

    asyncio.run(story())


def test_a_slow_model_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are kept and heartbeats sent while it walks, and while it walks again."""

    async def longest_stretch(until_done: Callable[[], bool]) -> int:
        worst, last = 0, Slow.calls
        while not until_done():
            await asyncio.sleep(0)
            worst, last = max(worst, Slow.calls - last), Slow.calls
        return worst

    async def story() -> None:
        stage = Stage(model={"use": "tests.streams.keepers:Slow"})
        stage.events(0, 400)
        keeper = await stage.keeper().opened()
        gate = keeper.store.hold("commit")
        stage.fetch(keeper)
        await until(lambda: keeper.next["p.events"] == 400)
        gate.set()
        await stage.settle(keeper)
        assert len(stage.entries()) == 2
        monkeypatch.setattr(Slow, "seconds", 0.002)
        later = stage.keeper()
        await later.start()
        assert 0 < await longest_stretch(lambda: later.ready) < 200
        stage.events(400, 700)
        stage.fetch(later)
        assert 0 < await longest_stretch(lambda: later.next["p.events"] == 700) < 200

    asyncio.run(story())


# -- what is not there any more ------------------------------------------------------------------------


def test_the_journal_is_too_short() -> None:
    """The sentence says from where on it is needed, and what to do."""

    async def story() -> None:
        stage = await told(every_records=60)
        newest = stage.entries()[-1].snapshots[0]
        await stage.log.trim("p.journal", 0, newest.journal + 2)
        (error,) = (await stage.keeper().opened()).failures
        assert isinstance(error, StateError)
        assert f"p.journal-0 begins at offset {newest.journal + 2}" in str(error)
        assert f"entry {newest.seq} needs it from {newest.journal + 1} on" in str(error)
        assert "--fresh" in str(error)

    asyncio.run(story())


def test_the_journal_is_too_short_for_nothing() -> None:
    """Without a snapshot every entry is needed."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        await stage.log.trim("p.journal", 0, 3)
        (error,) = (await stage.keeper().opened()).failures
        assert str(error) == "p.journal-0: entry 1 is missing, and no snapshot covers it"

    asyncio.run(story())


def test_the_inputs_are_too_short() -> None:
    """The sentence names the topic, and what to do."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        await stage.log.trim("p.labels", 0, 1)
        (error,) = (await stage.keeper().opened()).failures
        assert isinstance(error, StateError)
        assert "p.labels-0: no offset 0" in str(error)
        assert "The inputs' retention is shorter than the snapshot's age" in str(error)

    asyncio.run(story())


def test_what_lies_before_fresh_does_not_count() -> None:
    """Entries before the last fresh one are not walked, whatever became of them and their records."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        rewrite(stage, 3, digest="0" * 16)
        stage = Stage(stage.log, model={"use": "tests.streams.keepers:Chain", "with": {"start": 0.1}})
        stage.events(100, 120)
        await (await stage.settle(await stage.keeper(fresh=True).opened())).park()
        await stage.log.trim("p.events", 0, 50)
        keeper = await stage.keeper().opened()
        assert keeper.failures == []
        assert keeper.shard is not None
        assert keeper.shard.events == 20

    asyncio.run(story())


def test_a_second_fresh() -> None:
    """Only the last one counts."""

    async def story() -> None:
        stage = await told(every_records=10_000)
        for round_, start in enumerate((0.1, 0.2)):
            model = {"use": "tests.streams.keepers:Chain", "with": {"start": start}}
            stage = Stage(stage.log, model=model)
            stage.events(100 + round_ * 20, 120 + round_ * 20)
            await (await stage.settle(await stage.keeper(fresh=True).opened())).park()
        keeper = await stage.keeper().opened()
        assert keeper.shard is not None
        assert (keeper.failures, keeper.shard.events) == ([], 20)

    asyncio.run(story())


def test_where_it_came_to(caplog: pytest.LogCaptureFixture) -> None:
    """A recovery says where it came to, and how long that took."""

    async def story() -> None:
        await opened(await told())

    with caplog.at_level(logging.INFO, "driftline"):
        asyncio.run(story())
    assert "shard 0: at entry" in caplog.text
