"""Snapshots: signed for one place, whole or not at all, and nothing that nobody names stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors.log import Refused
from engine.errors import StateError
from streams.keeping import snapshot
from streams.keeping.journal import Pointer
from streams.keeping.snapshot import CHUNK_BYTES, Shelf
from streams.keeping.thrift import Thrift
from tests.streams.keepers import Faulty, Stage, until

STATE = [b"head", b"x" * CHUNK_BYTES, b"tail"]
SHELF = Shelf("p", 0, "p.snapshots", b"a key of these tests", 10 * CHUNK_BYTES)


class Place:
    """A stage and the store of its shard, open."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.store = Faulty(self.stage.log, self.stage.spec, 0)

    async def write(self, seq: int = 5, shelf: Shelf = SHELF, pieces: list[bytes] = STATE) -> Pointer:
        return await snapshot.write(shelf, self.store, seq, seq - 1, {"p.events": 7}, pieces)

    async def read(self, pointer: Pointer, shelf: Shelf = SHELF) -> bytes:
        return await snapshot.read(shelf, self.store, pointer)

    async def sweep(self, *named: Pointer, seq: int = 99, shelf: Shelf = SHELF) -> int:
        return await snapshot.sweep(shelf, self.store, named, seq)


def play(story: Any) -> None:
    """Run a story at a place."""

    async def run() -> None:
        place = Place()
        await place.store.open()
        await story(place)

    asyncio.run(run())


# -- writing and reading -------------------------------------------------------------------------------


def test_it_reads_back() -> None:
    """In chunks of at most CHUNK_BYTES, each a record under a key of its own."""

    async def story(place: Place) -> None:
        pointer = await place.write()
        assert await place.read(pointer) == b"".join(STATE)
        sizes = [len(value or b"") for _, value, _ in place.stage.lane("snapshots")]
        assert sizes == [CHUNK_BYTES, 8]
        assert (pointer.chunks, pointer.size, pointer.seq) == (2, sum(sizes), 5)
        assert place.stage.chunks() == [f"{pointer.name}/{n}".encode() for n in range(2)]

    play(story)


def test_two_of_the_same_entry() -> None:
    """A snapshot never takes the place of another one: an entry may name it."""

    async def story(place: Place) -> None:
        one, two = await place.write(), await place.write(pieces=[b"other"])
        assert (await place.read(one), await place.read(two)) == (b"".join(STATE), b"other")

    play(story)


def test_too_large_to_be_written() -> None:
    """It is given up as soon as that is known, and leaves nothing."""

    async def story(place: Place) -> None:
        shelf = replace(SHELF, size_max=CHUNK_BYTES + 5)
        with pytest.raises(StateError, match=f"larger than snapshots.size_max = {CHUNK_BYTES + 5} bytes"):
            await place.write(shelf=shelf)
        assert place.stage.chunks() == []

    play(story)


def test_too_large_to_be_read() -> None:
    """Nothing is read of a snapshot that claims to be larger than the limit."""

    async def story(place: Place) -> None:
        pointer = await place.write()
        with pytest.raises(StateError, match=r"entry 5 has .* bytes, snapshots.size_max is 1000"):
            await place.read(pointer, replace(SHELF, size_max=1000))
        assert place.store.calls["read"] == 0

    play(story)


CHANGES: dict[str, Any] = {
    "another key": lambda p: (p, replace(SHELF, key=b"another key")),
    "another pipeline": lambda p: (p, replace(SHELF, pipeline="q")),
    "another partition": lambda p: (p, replace(SHELF, partition=1)),
    "another entry": lambda p: (msgspec.structs.replace(p, seq=6), SHELF),
    "another signature": lambda p: (msgspec.structs.replace(p, sign=p.sign[::-1]), SHELF),
    "no signature": lambda p: (msgspec.structs.replace(p, sign=""), SHELF),
    "fewer chunks": lambda p: (msgspec.structs.replace(p, chunks=1), SHELF),
}


@pytest.mark.parametrize("name", CHANGES)
def test_signed_for_one_place(name: str) -> None:
    """The signature covers the bytes, and whose state at which entry they are."""

    async def story(place: Place) -> None:
        pointer, shelf = CHANGES[name](await place.write())
        with pytest.raises(StateError, match=r"is not signed with this pipeline's key \(snapshots.key\)"):
            await place.read(pointer, shelf)

    play(story)


@pytest.mark.parametrize("chunk", [0, 1])
def test_a_byte_is_another(chunk: int) -> None:
    """Not one byte of a damaged snapshot is used."""

    async def story(place: Place) -> None:
        pointer = await place.write()
        place.stage.damage(pointer.first + chunk)
        with pytest.raises(StateError, match="is not signed"):
            await place.read(pointer)

    play(story)


@pytest.mark.parametrize("chunk", [0, 1])
def test_a_chunk_is_missing(chunk: int) -> None:
    """The sentence says how many of how many."""

    async def story(place: Place) -> None:
        pointer = await place.write()
        await place.store.put("p.snapshots", f"{pointer.name}/{chunk}".encode(), None)
        with pytest.raises(StateError, match="the snapshot of entry 5 lacks 1 of 2 chunks"):
            await place.read(pointer)

    play(story)


def test_everything_is_missing() -> None:
    """Also when the topic no longer reaches back to it."""

    async def story(place: Place) -> None:
        pointer = await place.write()
        await place.stage.log.trim("p.snapshots", 0, pointer.end)
        with pytest.raises(StateError, match="lacks 2 of 2 chunks"):
            await place.read(pointer)

    play(story)


def test_other_records_in_between() -> None:
    """What lies between the chunks of a snapshot does not disturb it."""

    async def story(place: Place) -> None:
        first = snapshot.cut(STATE)
        pieces = [next(first)]
        pointer = await place.write(pieces=pieces)
        await place.store.put("p.snapshots", b"1/5/other/0", b"of another shard")
        assert await place.read(msgspec.structs.replace(pointer, end=pointer.end + 1)) == pieces[0]

    play(story)


# -- sweeping ------------------------------------------------------------------------------------------


def test_only_what_nobody_names_is_swept() -> None:
    """Orphans go; named snapshots, other shards and what is newer than the opening stay."""

    async def story(place: Place) -> None:
        older, orphan, newest = await place.write(3), await place.write(4), await place.write(5)
        other = await place.write(4, replace(SHELF, partition=1))
        late = await place.write(6)
        assert await place.sweep(newest, older, seq=5) == 2
        left = {key.decode().rpartition("/")[0] for key in place.stage.chunks()}
        assert left == {older.name, newest.name, other.name, late.name}
        assert orphan.name not in left
        assert await place.sweep(newest, older, seq=5) == 0

    play(story)


def test_with_no_name_everything_is_swept() -> None:
    """Before the first entry that names a snapshot, none exists."""

    async def story(place: Place) -> None:
        await place.write(1)
        await place.write(2)
        assert await place.sweep() == 4
        assert place.stage.chunks() == []

    play(story)


def test_what_was_removed_is_not_removed_again() -> None:
    """Tombstones that a log still shows are not counted as orphans."""

    async def story(place: Place) -> None:
        orphan = await place.write(1)
        await snapshot.drop(SHELF, place.store, orphan.name, orphan.chunks)
        assert await place.sweep() == 0

    play(story)


# -- what crashes leave --------------------------------------------------------------------------------


async def grown(stage: Stage) -> None:
    """Take events one by one, each followed by a snapshot."""
    keeper = await stage.keeper().opened()
    for i in range(3):
        stage.events(i, i + 1)
        await stage.settle(keeper)
    await keeper.park()


def names(stage: Stage) -> list[str]:
    return [pointer.name for pointer in stage.entries()[-1].snapshots]


def test_due_by_records() -> None:
    """After every so many records, however they were cut."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 25})
        keeper = await stage.keeper().opened()
        for first in range(0, 60, 10):
            stage.events(first, first + 10)
            await stage.settle(keeper)
        assert [pointer.next["p.events"] for pointer in keeper.snapshots] == [60, 30]

    asyncio.run(story())


def test_due_by_time() -> None:
    """After so long, too, but only if there was a record since the last one."""

    async def story() -> None:
        stage = Stage(snapshots={"every": "10m"})
        keeper = await stage.keeper().opened()
        stage.events(0, 10)
        await stage.settle(keeper)
        assert keeper.snapshots == []
        keeper.upkeep.at -= 601
        assert keeper.upkeep.is_due()
        stage.events(10, 11)
        await stage.settle(keeper)
        assert [pointer.next["p.events"] for pointer in keeper.snapshots] == [11]
        keeper.upkeep.at -= 601
        assert not keeper.upkeep.is_due()

    asyncio.run(story())


def test_a_small_state_is_saved_each_second() -> None:
    """Long before `snapshots.every`, but never twice within a second."""

    async def story() -> None:
        stage = Stage()
        keeper = await stage.keeper().opened()
        for n in range(30):
            keeper.now = n / 10
            stage.events(n, n + 1)
            await stage.settle(keeper)
        assert [pointer.next["p.events"] for pointer in keeper.snapshots] == [23, 12]

    asyncio.run(story())


@pytest.mark.parametrize(("every", "rest_s"), [("10m", 140), ("20s", 20)])
def test_a_large_state_is_left_alone(every: str, rest_s: int) -> None:
    """As long as its bytes ask for, also after a restart; but no longer than the spec says."""
    upkeep = Stage(snapshots={"every": every}).keeper().upkeep
    upkeep.opened([Pointer(5, 4, {}, "0/5/x", 0, 1, 27, 14_000_000, "", 0)], {})
    upkeep.records = 1
    upkeep.at -= rest_s
    assert not upkeep.is_due()
    upkeep.at -= 1
    assert upkeep.is_due()


def test_what_shards_share() -> None:
    """Neither time nor bytes grow with their number, and a slow disk is spared like a slow model."""
    alone, many = Thrift(), Thrift(shards=lambda: 64)
    assert [each.rest_s(0.0, 0.0, 0) for each in (alone, many)] == [1, 1]
    assert [each.rest_s(0.5, 0.6, 1_000) for each in (alone, many)] == [50, 3_200]
    assert [each.rest_s(0.001, 2.0, 1_000) for each in (alone, many)] == [20, 1_280]
    assert [each.rest_s(0.001, 0.002, 3_000_000) for each in (alone, many)] == [30, 1_920]


def test_one_that_failed_is_tried_again_later() -> None:
    """After `snapshots.every`: a broker that refuses chunks is not asked each second."""

    async def story() -> None:
        stage = Stage()
        keeper = await stage.keeper().opened()
        keeper.store.fail("put", Refused("no room"))
        for now, events in ((2.0, 1), (500.0, 2), (603.0, 3)):
            keeper.now = now
            stage.events(events - 1, events)
            await stage.settle(keeper)
            assert len(keeper.snapshots) == (now > 600)

    asyncio.run(story())


def test_a_stream_that_stands_still_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came last is in a snapshot soon, with no further record; and a recovery goes on from there."""
    monkeypatch.setattr("streams.keeping.upkeep.LOOK_S", 0.0)

    async def story() -> None:
        stage = Stage()
        keeper = await stage.keeper().opened()
        stage.events(0, 10)
        await stage.settle(keeper)
        keeper.now = 2.0
        await until(lambda: bool(keeper.snapshots))
        assert keeper.snapshots[0].next["p.events"] == 10
        keeper.now, entries = 10.0, keeper.seq
        await asyncio.sleep(0.02)
        assert keeper.seq == entries  # nothing came, so there is nothing to save
        other = await stage.keeper().opened()
        assert other.shard is not None
        assert other.shard.digest() == stage.history().digest()

    asyncio.run(story())


@pytest.mark.parametrize("saved", [False, True])
def test_what_a_recovery_walked_is_saved(saved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing new comes, so that it is not walked twice; but not what a snapshot has already."""
    monkeypatch.setattr("streams.keeping.upkeep.LOOK_S", 0.0)

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 10 if saved else 100})
        stage.events(0, 10)
        await (await stage.settle(await stage.keeper().opened())).park()
        keeper = await stage.keeper().opened()
        before, keeper.now = keeper.seq, 2.0
        if saved:
            await asyncio.sleep(0.02)
        else:
            await until(lambda: bool(keeper.snapshots))
        assert keeper.snapshots[0].next["p.events"] == 10
        assert (keeper.seq == before) == saved
        await keeper.park()

    asyncio.run(story())


def test_two_are_kept() -> None:
    """The third is named by the entry in which it falls out, and by none after it is gone."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        assert len(stage.chunks()) == 2
        assert [len(entry.snapshots) for entry in stage.entries()] == [0, 1, 1, 2, 2, 3]
        stage.events(3, 4)
        await stage.settle(await stage.keeper().opened())
        assert [len(entry.snapshots) for entry in stage.entries()] == [0, 1, 1, 2, 2, 3, 2, 3]

    asyncio.run(story())


def test_a_crash_between_commit_and_removal() -> None:
    """The next opening removes what fell out, since the entry still names it."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        stage.events(3, 4)
        keeper = await stage.keeper().opened()
        await until(lambda: len(keeper.tasks) == 1)
        keeper.store.fail("put", Refused("crashed"), skip=1)  # the first put writes the new snapshot
        await stage.settle(keeper)
        assert (len(names(stage)), len(stage.chunks())) == (3, 3)
        await stage.settle(await stage.keeper().opened())
        assert [key.decode()[:-2] for key in stage.chunks()] == names(stage)[1::-1]

    asyncio.run(story())


def test_a_crash_before_the_commit() -> None:
    """A snapshot that no entry came to name is swept by the next opening."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        before = stage.chunks()
        stage.events(3, 4)
        keeper = await stage.keeper().opened()
        await until(lambda: len(keeper.tasks) == 1)
        keeper.store.fail("commit", Refused("crashed"), skip=1)  # the second commit would name it
        await stage.settle(keeper)
        assert len(stage.chunks()) == 3
        later = await stage.keeper().opened()
        await until(lambda: len(later.tasks) == 1)
        assert stage.chunks() == before

    asyncio.run(story())


def test_a_write_that_fails() -> None:
    """The keeper goes on; what was written of it is gone before the next one is written."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        keeper = await stage.keeper().opened()
        await until(lambda: len(keeper.tasks) == 1)
        keeper.store.fail("put", Refused("no answer"), after=True)
        for i in range(3, 8):
            stage.events(i, i + 1)
            await stage.settle(keeper)
        assert keeper.failures == []
        assert sorted(key.decode()[:-2] for key in stage.chunks()) == sorted(names(stage)[:2])

    asyncio.run(story())


def test_a_sweep_that_is_slow_to_begin() -> None:
    """It does not take what is written meanwhile for an orphan."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        keeper = stage.keeper()
        keeper.store.faults["bounds"].extend([None] * 4)  # of three inputs and the journal
        gate = keeper.store.hold("bounds")
        await keeper.opened()
        stage.events(3, 4)
        stage.fetch(keeper)
        await until(lambda: keeper.seq == 8)
        gate.set()
        await stage.settle(keeper)
        assert sorted(key.decode()[:-2] for key in stage.chunks()) == sorted(names(stage)[:2])

    asyncio.run(story())


def test_after_fresh_the_old_ones_go() -> None:
    """The first entry of a new state does not name them, and then nobody does."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        model = {"use": "tests.streams.keepers:Chain", "with": {"start": 0.1}}
        stage = Stage(stage.log, model=model)
        stage.events(3, 4)
        await stage.settle(await stage.keeper(fresh=True).opened())
        assert stage.entries()[-1].snapshots == []
        assert stage.chunks() == []

    asyncio.run(story())


def test_finished_too_late_to_be_named() -> None:
    """One that is finished while the shard is let go is not named later: another owner may have swept it."""

    async def story() -> None:
        stage = Stage(snapshots={"every_records": 1})
        await grown(stage)
        stage = Stage(stage.log, snapshots={"every_records": 1}, commit={"every": "30s"})
        keeper = await stage.keeper().opened()
        await until(lambda: len(keeper.tasks) == 1)
        writing = keeper.store.hold("put")
        stage.events(3, 4)
        stage.fetch(keeper)
        await until(lambda: keeper.seq == 7)
        committing = keeper.store.hold("commit")
        stage.events(4, 5)
        stage.fetch(keeper)
        parked = asyncio.create_task(keeper.park())
        await until(lambda: keeper.in_flight > 0)
        writing.set()
        await until(lambda: keeper.finished is not None)
        assert keeper.finished is not None
        late = keeper.finished.name
        committing.set()
        await parked
        await (await stage.keeper().opened()).park()
        stage.events(5, 6)
        stage.fetch(await keeper.opened())
        await until(lambda: keeper.seq == 9)
        assert keeper.meter.recoveries == 1
        assert late not in [pointer.name for entry in stage.entries() for pointer in entry.snapshots]

    asyncio.run(story())
