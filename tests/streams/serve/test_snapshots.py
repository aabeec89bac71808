"""Shards out of snapshots, for those who serve."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from engine.errors import StateError
from streams.serve.snapshots import Snapshots
from tests.streams.keepers import KEY, Stage

SAVED: dict[str, Any] = {"snapshots": {"every_records": 100, "key": KEY.decode()}}


def saved(events: int, stage: Stage | None = None, **changes: Any) -> Stage:
    """A pipeline whose worker has taken so many events more, and saved its state."""
    stage = stage or Stage(**SAVED, **changes)
    first = len(stage.ids())

    async def work() -> None:
        keeper = await stage.keeper().opened()
        stage.events(first, first + events)
        await stage.settle(keeper, limit=50)
        await keeper.park()

    asyncio.run(work())
    return stage


def test_the_newest_is_loaded_once() -> None:
    """Who holds it and who asks see the same shard; when nobody holds it, it is gone."""
    stage = saved(250)
    found = Snapshots(stage.spec)
    first = found.newest(stage.log, 0)
    assert first is not None
    assert first is found.newest(stage.log, 0)
    assert 100 <= first.shard.events <= 250
    del first
    gc.collect()
    assert not found.held


def test_a_newer_one_takes_its_place() -> None:
    """Whoever asks gets what the newest entry names."""
    stage = saved(250)
    found, seen = Snapshots(stage.spec), list[int]()
    before = found.newest(stage.log, 0)
    after = Snapshots(saved(250, stage).spec, lambda shard: seen.append(shard.events)).newest(stage.log, 0)
    assert before is not None
    assert after is not None
    assert before.shard.events < after.shard.events == seen[0]


def test_there_may_be_none() -> None:
    """Before a shard was saved there is nothing, and that is no error."""
    assert Snapshots(Stage(**SAVED).spec).newest(Stage(**SAVED).log, 0) is None


def test_one_that_is_damaged() -> None:
    """The older one does, too; without any the caller is told why."""
    stage = saved(250)
    newest, older = stage.entries()[-1].snapshots[:2]
    stage.damage(newest.first)
    found = Snapshots(stage.spec).newest(stage.log, 0)
    assert found is not None
    assert found.kept.pointer.seq == older.seq
    stage.damage(older.first)
    with pytest.raises(StateError, match="is not signed with this pipeline's key"):
        Snapshots(stage.spec).newest(stage.log, 0)
