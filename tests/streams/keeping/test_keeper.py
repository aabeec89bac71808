"""A keeper's life: it opens, takes, commits and lets go, and whatever happens there is one history."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from connectors.log import Full, Misfit, Refused, Unavailable
from engine.errors import StateError
from streams.keeping import pace
from streams.keeping.queues import RECORDS_MAX
from tests.engine.cases import batch, event
from tests.streams.keepers import Fault, Kept, Stage, until

OTHER_MODEL = {"use": "tests.streams.keepers:Chain", "with": {"start": 0.25}}


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is walked at a stretch does not depend on how busy the machine is."""
    monkeypatch.setattr(pace, "STRETCH_S", 1e6)


def ids(first: int, end: int) -> list[str]:
    return [f"e{i}" for i in range(first, end)]


# -- opening, taking, committing -----------------------------------------------------------------------


def test_opens_from_nothing() -> None:
    """On an empty log a keeper begins at the beginning, with an untrained model."""

    async def story() -> None:
        stage = Stage()
        keeper = await stage.keeper().opened()
        assert keeper.ready
        assert keeper.next == dict.fromkeys(stage.spec.inputs, 0)
        assert (keeper.seq, stage.entries()) == (0, [])

    asyncio.run(story())


def test_takes_and_commits() -> None:
    """What is offered is walked, and comes out once, with an entry that says what was taken."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 500)
        keeper = await stage.settle(await stage.keeper().opened())
        assert stage.ids() == ids(0, 500)
        assert stage.entries()[-1].next == keeper.next == {"p.events": 500, "p.labels": 0, "p.control": 0}
        assert keeper.shard is not None
        assert keeper.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_positions_are_committed_with_the_outputs() -> None:
    """The group's offsets in the log, which other tools show, are where the keeper goes on."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 10)
        keeper = await stage.settle(await stage.keeper().opened())
        positions = {topic: at for (topic, _), at in stage.log.positions("p.0").items()}
        assert positions == keeper.next

    asyncio.run(story())


def test_the_next_one_goes_on() -> None:
    """After a clean stop another keeper goes on where the first one was, with its state."""

    async def story() -> None:
        stage = Stage()
        for round_ in range(3):
            stage.events(round_ * 100, round_ * 100 + 100)
            stage.labels(round_ * 100, round_ * 100 + 80)
            keeper = await stage.settle(await stage.keeper().opened())
            await keeper.park()
        assert stage.ids() == ids(0, 300)
        assert keeper.shard is not None
        assert keeper.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_memory_is_kept() -> None:
    """If nobody committed since it was parked, nothing is recovered, though another owner was there."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 100)
        keeper = await stage.settle(await stage.keeper().opened())
        before = keeper.shard
        await keeper.park()
        await (await stage.keeper().opened()).park()
        await keeper.opened()
        assert keeper.shard is before
        assert keeper.meter.recoveries == 1

    asyncio.run(story())


def test_open_runs_are_kept() -> None:
    """What was taken and not committed before it was parked is committed after it is opened again."""

    async def story() -> None:
        stage = Stage(commit={"every": "30s"})
        stage.events(0, 1)
        keeper = await stage.keeper().opened()
        await stage.settle(keeper)  # the first commit is due at once
        stage.events(1, 100)
        stage.fetch(keeper)
        await until(lambda: not keeper.queues)
        await keeper.park(save=False)
        assert stage.ids() == ids(0, 1)
        await stage.settle(await keeper.opened())
        assert keeper.meter.recoveries == 1
        assert stage.ids() == ids(0, 100)
        stage.history()

    asyncio.run(story())


def test_another_owner_committed() -> None:
    """What is in memory is worth nothing then: the keeper recovers, and there is one history."""

    async def story() -> None:
        stage = Stage()
        one, two = stage.keeper(), stage.keeper()
        for round_ in range(6):
            keeper = (one, two)[round_ % 2]
            stage.events(round_ * 50, round_ * 50 + 50)
            stage.labels(round_ * 50, round_ * 50 + 50)
            await stage.settle(await keeper.opened())
            await keeper.park()
        assert stage.ids() == ids(0, 300)
        assert (one.meter.recoveries, two.meter.recoveries) == (3, 3)
        assert two.shard is not None
        assert two.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_a_gap_is_refused() -> None:
    """A batch that does not join up with the last one is not taken: it would be lost, or taken twice."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 30)
        keeper = await stage.keeper().opened()
        assert not keeper.offer(stage.log.read("p.events", 0, 10))
        assert keeper.offer(stage.log.read("p.events", 0, 0, 10))
        assert not keeper.offer(stage.log.read("p.events", 0, 20))
        assert not keeper.offer(stage.log.read("p.events", 0, 5))
        await stage.settle(keeper)
        assert stage.ids() == ids(0, 30)

    asyncio.run(story())


# -- commits that fail ---------------------------------------------------------------------------------

ERRORS = [Refused("no"), Unavailable("away"), Full("no room"), Misfit("no topic"), TimeoutError("late")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_a_commit_is_refused(error: Exception) -> None:
    """The state is thrown away, the owner is told, nothing was committed; recovered, nothing is lost."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 100)
        keeper = await stage.settle(await stage.keeper().opened())
        stage.events(100, 200)
        keeper.store.fail("commit", error)
        await stage.settle(keeper)
        assert keeper.failures == [error]
        assert (keeper.ready, keeper.shard) == (False, None)
        assert stage.ids() == ids(0, 100)
        await stage.settle(await keeper.reset())
        assert stage.ids() == ids(0, 200)
        stage.history()

    asyncio.run(story())


def test_the_answer_is_lost() -> None:
    """A commit that took place, though nobody could tell, is found in the journal: nothing comes twice."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 200)
        keeper = await stage.keeper().opened()
        keeper.store.fail("commit", Refused("timed out"), after=True, skip=1)
        await stage.settle(keeper, 50)
        assert [type(e) for e in keeper.failures] == [Refused]
        assert len(stage.entries()) == 2
        await stage.settle(await keeper.reset())
        assert stage.ids() == ids(0, 200)
        assert keeper.shard is not None
        assert keeper.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_a_zombie_is_refused() -> None:
    """An owner who was frozen in its commit, and wakes when there is another one, commits nothing."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 50)
        zombie = await stage.keeper().opened()
        gate = zombie.store.hold("commit")
        stage.fetch(zombie)
        await until(lambda: zombie.in_flight == 50)
        await stage.settle(await stage.keeper().opened())
        gate.set()
        await until(lambda: bool(zombie.failures))
        assert [type(e) for e in zombie.failures] == [Refused]
        assert stage.ids() == ids(0, 50)

    asyncio.run(story())


def test_batches_are_taken_during_a_commit() -> None:
    """They belong to the next entry; when the commit fails they are taken anew."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 10)
        keeper = await stage.keeper().opened()
        gate = keeper.store.hold("commit")
        stage.fetch(keeper)
        await until(lambda: keeper.in_flight == 10)
        stage.events(10, 30)
        stage.fetch(keeper)
        await until(lambda: keeper.open.records == 20)
        gate.set()
        await stage.settle(keeper)
        assert [entry.runs for entry in stage.entries()] == [[("p.events", 0, 10)], [("p.events", 10, 30)]]
        assert stage.ids() == ids(0, 30)

    asyncio.run(story())


# -- letting go ----------------------------------------------------------------------------------------


def test_park_commits() -> None:
    """A keeper that is told to let go commits what it took."""

    async def story() -> None:
        stage = Stage(commit={"every": "30s"})
        stage.events(0, 1)
        keeper = await stage.settle(await stage.keeper().opened())
        stage.events(1, 100)
        stage.fetch(keeper)
        await until(lambda: not keeper.queues)
        await keeper.park()
        assert stage.ids() == ids(0, 100)

    asyncio.run(story())


def test_park_keeps_its_limit() -> None:
    """A log that does not answer holds nobody up; nobody can tell what became of the commit, then."""

    async def story() -> None:
        stage = Stage(commit={"every": "30s"})
        stage.events(0, 1)
        keeper = await stage.settle(await stage.keeper().opened())
        stage.events(1, 100)
        stage.fetch(keeper)
        await until(lambda: not keeper.queues)
        keeper.store.hold("commit")
        await asyncio.wait_for(keeper.park(limit=0.05), 30)
        assert keeper.shard is None
        await stage.settle(await keeper.opened())
        assert stage.ids() == ids(0, 100)

    asyncio.run(story())


@pytest.mark.parametrize("slow", [False, True])
def test_park_when_it_is_over(slow: bool) -> None:
    """A last commit that is refused is no failure, however many records still wait to be walked."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 3000)
        keeper = await stage.keeper().opened()
        gate = keeper.store.hold("commit")
        stage.fetch(keeper)
        await until(lambda: keeper.in_flight > 0 and keeper.open.records > 0 and bool(keeper.queues))
        await stage.settle(await stage.keeper().opened())
        parked = asyncio.create_task(keeper.park())
        for _ in range(3 if slow else 0):
            await asyncio.sleep(0)
        gate.set()
        await parked
        assert [e for e in keeper.failures if not isinstance(e, Refused)] == []
        assert keeper.shard is None
        assert stage.ids() == ids(0, 3000)

    asyncio.run(story())


def test_park_when_it_was_over_before() -> None:
    """The last commit itself is refused, and the walk has no state any more: nobody is told of a failure."""

    async def story() -> None:
        stage = Stage(commit={"every": "30s"})
        stage.events(0, 1)
        keeper = await stage.settle(await stage.keeper().opened())
        await stage.settle(await stage.keeper().opened())
        stage.events(1, 3000)
        stage.fetch(keeper)
        await until(lambda: keeper.open.records > 0)
        assert keeper.queues
        await keeper.park()
        assert (keeper.failures, keeper.shard) == ([], None)

    asyncio.run(story())


def test_park_twice() -> None:
    """Nothing happens the second time: what was in memory stays there."""

    async def story() -> None:
        stage = Stage()
        stage.events(0, 10)
        keeper = await stage.settle(await stage.keeper().opened())
        await keeper.park()
        await keeper.park()
        await stage.settle(await keeper.opened())
        assert keeper.meter.recoveries == 1

    asyncio.run(story())


# -- back-pressure -------------------------------------------------------------------------------------


def test_a_full_queue_wants_nothing() -> None:
    """No more is fetched of a topic of which enough records wait; the others go on."""

    async def story() -> None:
        stage = Stage()
        keeper = await stage.keeper().opened()
        at = 0
        while keeper.wants("p.events"):
            keeper.offer(batch("p.events", [event(f"e{i}") for i in range(at, at + 1000)], at))
            at += 1000
        assert at == RECORDS_MAX
        assert keeper.wants("p.labels")
        await until(lambda: not keeper.queues and not keeper.in_flight)
        assert keeper.wants("p.events")

    asyncio.run(story())


def test_open_records_are_bounded() -> None:
    """While a commit hangs, no more is fetched than `commit.open_max` and what was fetched before."""

    async def story() -> None:
        stage = Stage(commit={"every": 0, "open_max": 100})
        stage.events(0, 1000)
        keeper = await stage.keeper().opened()
        gate = keeper.store.hold("commit")

        def fetched() -> bool:
            stage.fetch(keeper, 30)
            return not keeper.wants("p.events") and not keeper.queues

        await until(fetched)
        assert 100 <= keeper.open.records + keeper.in_flight < 160
        gate.set()
        await stage.settle(keeper, 30)
        assert stage.ids() == ids(0, 1000)

    asyncio.run(story())


def test_nothing_is_wanted_before_it_is_ready() -> None:
    """A shard that still recovers, or was let go, takes nothing."""

    async def story() -> None:
        stage = Stage()
        keeper = stage.keeper()
        assert not keeper.wants("p.events")
        await keeper.opened()
        assert keeper.wants("p.events")
        await keeper.park()
        assert not keeper.wants("p.events")

    asyncio.run(story())


# -- at_least_once -------------------------------------------------------------------------------------

AT_LEAST: dict[str, Any] = {"transport": "kafka://nobody:9092", "delivery": "at_least_once"}


def test_outputs_are_sent_at_once() -> None:
    """With at_least_once a prediction does not wait for the commit, which follows later."""

    async def story() -> None:
        stage = Stage(**AT_LEAST, commit={"every": "30s"})
        stage.events(0, 1)
        keeper = await stage.settle(await stage.keeper().opened())
        stage.events(1, 100)
        stage.fetch(keeper)
        await until(lambda: len(stage.ids()) == 100)
        assert len(stage.entries()) == 1
        await keeper.park()
        assert stage.entries()[-1].next["p.events"] == 100
        stage.history()

    asyncio.run(story())


def test_what_comes_twice_has_the_same_id() -> None:
    """After a crash between sending and committing, the predictions come again under their ids."""

    async def story() -> None:
        stage = Stage(**AT_LEAST)
        stage.events(0, 40)
        keeper = await stage.keeper().opened()
        keeper.store.fail("commit", Refused("crashed"))
        await stage.settle(keeper)
        sent = stage.lane("predictions")
        assert 0 < len(sent) <= 40
        await stage.settle(await stage.keeper().opened())
        assert stage.ids() == ids(0, len(sent)) + ids(0, 40)
        assert stage.lane("predictions")[len(sent) : 2 * len(sent)] == sent

    asyncio.run(story())


def test_the_order_of_what_is_sent() -> None:
    """However sends and commits overlap, predictions leave in the order of their events."""

    async def story() -> None:
        stage = Stage(**AT_LEAST)
        keeper = await stage.keeper().opened()
        for first in range(0, 400, 20):
            gate = keeper.store.hold("send" if first % 40 else "commit")
            stage.events(first, first + 20)
            stage.fetch(keeper, 7)
            for _ in range(first % 23):
                await asyncio.sleep(0)
            gate.set()
        await stage.settle(keeper)
        assert stage.ids() == ids(0, 400)
        stage.history()

    asyncio.run(story())


def test_the_journal_is_fenced_all_the_same() -> None:
    """With at_least_once, too, a zombie commits no entry, so that no record is taken in two orders."""

    async def story() -> None:
        stage = Stage(**AT_LEAST)
        stage.events(0, 40)
        zombie = await stage.keeper().opened()
        gate = zombie.store.hold("commit")
        stage.fetch(zombie)
        await until(lambda: zombie.store.calls["commit"] == 1)
        await stage.settle(await stage.keeper().opened())
        gate.set()
        await until(lambda: bool(zombie.failures))
        assert len(stage.entries()) == 1

    asyncio.run(story())


@pytest.mark.parametrize("parks", [False, True])
def test_what_did_not_arrive_is_sent_again(parks: bool) -> None:
    """If a send fails while a commit waits for it, the commit must not go on as if it had arrived."""

    async def story() -> None:
        stage = Stage(**AT_LEAST)
        stage.events(0, 40)
        keeper, gate = await stage.keeper().opened(), asyncio.Event()
        keeper.store.faults["send"].append(Fault(Unavailable("away"), gate=gate))
        stage.fetch(keeper)
        await until(lambda: keeper.store.calls["send"] == 1)
        if parks:
            parked = asyncio.create_task(keeper.park())
        await until(keeper.commit_lock.locked)
        gate.set()
        if parks:
            await parked
        await until(lambda: not keeper.ready)
        await stage.settle(await keeper.reset())
        assert stage.ids() == ids(0, 40)

    asyncio.run(story())


def test_at_least_once_on_an_embedded_log() -> None:
    """There a commit is as quick as a send, so outputs and entry still go together."""
    stage = Stage(delivery="at_least_once")
    assert not stage.keeper().eager
    assert Stage(**AT_LEAST).keeper().eager


# -- the spec changes ----------------------------------------------------------------------------------


async def committed(**changes: Any) -> Stage:
    """A stage on which a keeper took 50 events."""
    stage = Stage(**changes)
    stage.events(0, 50)
    stage.labels(0, 50)
    await (await stage.settle(await stage.keeper().opened())).park()
    return stage


def test_a_changed_spec_is_refused() -> None:
    """A state made under another spec is not gone on with; the sentence says what to do."""

    async def story() -> None:
        stage = await committed()
        with pytest.raises(StateError, match=r"the spec changed since entry .* --fresh"):
            await Stage(stage.log, model=OTHER_MODEL).keeper().start()
        await stage.keeper().opened()  # put back, it goes on

    asyncio.run(story())


def test_what_may_change() -> None:
    """How often to commit or to save does not touch the state, and may change at any time."""

    async def story() -> None:
        stage = await committed()
        other = Stage(stage.log, commit={"every": "7ms"}, snapshots={"every_records": 7})
        stage.events(50, 90)
        await other.settle(await other.keeper().opened())
        assert stage.ids() == ids(0, 90)
        stage.history()

    asyncio.run(story())


async def begun_anew(every_records: int) -> Stage:
    """A stage whose spec was changed after 50 events, with --fresh, and that took 50 more."""
    stage = await committed()
    stage = Stage(stage.log, model=OTHER_MODEL, snapshots={"every_records": every_records})
    stage.events(50, 100)
    keeper = await stage.settle(await stage.keeper(fresh=True).opened())
    await keeper.park()
    return stage


@pytest.mark.parametrize("every_records", [10, 10_000])
def test_fresh(every_records: int) -> None:
    """An untrained model goes on from there, its first entry says so, and so does every recovery."""

    async def story() -> None:
        stage = await begun_anew(every_records)
        assert stage.ids() == ids(0, 100)
        fresh = [entry.seq for entry in stage.entries() if entry.fresh]
        assert len(fresh) == 1
        assert stage.entries()[fresh[0] - 1].runs == [("p.events", 50, 100)]
        assert [len(e.snapshots) for e in stage.entries() if e.fresh] == [0]
        stage.events(100, 150)
        keeper = await stage.settle(await stage.keeper().opened())
        assert keeper.failures == []
        assert keeper.shard is not None
        assert (keeper.shard.events, stage.ids()) == (100, ids(0, 150))

    asyncio.run(story())


def test_fresh_when_the_state_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    """A state that can't be rebuilt is given up with --fresh, and only with it."""

    async def story() -> None:
        stage = await committed(snapshots={"every_records": 1})
        for pointer in stage.entries()[-1].snapshots:
            stage.damage(pointer.first)
        await stage.log.trim("p.events", 0, 1)
        (error,) = (await stage.keeper().opened()).failures
        assert isinstance(error, StateError)
        stage.events(50, 60)
        keeper = await stage.settle(await stage.keeper(fresh=True).opened())
        assert keeper.shard is not None
        assert (keeper.shard.events, stage.ids()) == (10, ids(0, 60))
        assert [entry.fresh for entry in stage.entries() if entry.fresh] == [True]
        assert (await stage.keeper().opened()).failures == []

    asyncio.run(story())
    assert "--fresh: a new state goes on from here" in caplog.text


def test_fresh_when_nothing_changed() -> None:
    """The option alone throws nothing away: it is for a state that can't be gone on with."""

    async def story() -> None:
        stage = await committed()
        stage.events(50, 60)
        keeper = await stage.settle(await stage.keeper(fresh=True).opened())
        assert not any(entry.fresh for entry in stage.entries())
        assert keeper.shard is not None
        assert keeper.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_fresh_can_be_taken_back() -> None:
    """Until the first commit of the new spec, the old one finds its state and its snapshots again."""

    async def story() -> None:
        stage = await committed(snapshots={"every_records": 10})
        before = stage.chunks()
        assert len(before) == 2
        changed = Stage(stage.log, model=OTHER_MODEL)
        keeper = await changed.keeper(fresh=True).opened()
        await until(lambda: len(keeper.tasks) == 1)
        await keeper.park()
        assert stage.chunks() == before
        old = await stage.keeper().opened()
        assert old.shard is not None
        assert old.shard.digest() == stage.history().digest()

    asyncio.run(story())


def test_the_journal_of_another_pipeline() -> None:
    """Two pipelines don't share a journal; nothing is fenced off or taken."""

    async def story() -> None:
        stage = await committed()
        other = Stage(stage.log, pipeline="q", topics={"journal": "p.journal"})
        with pytest.raises(Misfit, match=r"p\.journal belongs to the pipeline 'p'"):
            await other.keeper().start()

    asyncio.run(story())


# -- records that are gone -----------------------------------------------------------------------------


def test_deleted_untaken(caplog: pytest.LogCaptureFixture) -> None:
    """Records that were deleted before they were taken are reported and counted, and the rest is taken."""

    async def story() -> Kept:
        stage = await committed(snapshots={"every_records": 1})
        stage.events(50, 90)
        await stage.log.trim("p.events", 0, 70)
        keeper = await stage.settle(await stage.keeper().opened())
        assert stage.ids() == ids(0, 50) + ids(70, 90)
        return keeper

    with caplog.at_level(logging.ERROR, "driftline"):
        keeper = asyncio.run(story())
    assert keeper.meter.records_gone == 20
    assert "p.events-0: the records from offset 50 to 69 were deleted before they were taken" in caplog.text


def test_deleted_before_it_began(caplog: pytest.LogCaptureFixture) -> None:
    """A new pipeline on an old topic begins with what is there: it has lost nothing."""

    async def story() -> Kept:
        stage = Stage()
        stage.events(0, 90)
        await stage.log.trim("p.events", 0, 70)
        keeper = await stage.settle(await stage.keeper().opened())
        assert stage.ids() == ids(70, 90)
        return keeper

    keeper = asyncio.run(story())
    assert keeper.meter.records_gone == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
