"""Retention deletes what is old, and nothing that a replay from the older snapshot needs."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.log import Topic
from connectors.memory import MemoryLog
from streams.keeping.retention import trim
from tests.engine.cases import NOW
from tests.streams.keepers import Kept, Stage

LATER = NOW + 10**12
INPUTS = ("p.events", "p.labels", "p.control", "p.journal")


async def grown(every_records: int = 30, n: int = 100) -> tuple[Stage, Kept]:
    stage = Stage(snapshots={"every_records": every_records})
    keeper = await stage.keeper().opened()
    for first in range(0, n, 10):
        stage.events(first, first + 10)
        stage.labels(first, first + 10)
        await stage.settle(keeper)
    return stage, keeper


def starts(stage: Stage) -> dict[str, int]:
    return {topic: stage.log.bounds(topic)[0][0] for topic in stage.log.topics()}


def test_nothing_without_two_snapshots() -> None:
    """A replay from nothing needs everything."""

    async def story() -> None:
        for every_records in (10_000, 150):
            stage, keeper = await grown(every_records)
            assert len(keeper.snapshots) < 2
            await trim(keeper, stage.log, LATER)
            assert set(starts(stage).values()) == {0}

    asyncio.run(story())


def test_up_to_the_older_snapshot() -> None:
    """However old they are, the records behind it stay; outputs are needed by nobody here."""

    async def story() -> None:
        stage, keeper = await grown()
        older = keeper.snapshots[1]
        await trim(keeper, stage.log, LATER)
        found = starts(stage)
        assert {topic: found[topic] for topic in INPUTS} == {**older.next, "p.journal": older.journal}
        assert found["p.predictions"] == 100
        assert found["p.snapshots"] == 0

    asyncio.run(story())


def test_only_what_is_old() -> None:
    """What is younger than the retention stays, though no snapshot needs it."""

    async def story() -> None:
        stage, keeper = await grown()
        await trim(keeper, stage.log, NOW + 12)
        assert (starts(stage)["p.events"], starts(stage)["p.labels"]) == (12, 12)
        assert (starts(stage)["p.journal"], starts(stage)["p.predictions"]) == (0, 0)
        await trim(keeper, stage.log, int(time.time() * 1000) - 60_000)
        assert starts(stage)["p.journal"] == 0  # its entries were written just now

    asyncio.run(story())


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_recovery_still_finds_all_it_needs(damaged: int) -> None:
    """From the newest snapshot, and from the older one when the newest is damaged."""

    async def story() -> None:
        stage, keeper = await grown()
        await trim(keeper, stage.log, LATER)
        if damaged:
            stage.damage(keeper.snapshots[0].first)
        assert keeper.shard is not None
        other = await stage.keeper().opened()
        assert other.failures == []
        assert other.shard is not None
        assert other.shard.digest() == keeper.shard.digest()

    asyncio.run(story())


def test_again_and_again() -> None:
    """The log stays short while the pipeline goes on; what it keeps is enough at any time."""

    async def story() -> None:
        stage, keeper = await grown(20, 40)
        for first in range(40, 200, 10):
            stage.events(first, first + 10)
            await stage.settle(keeper)
            await trim(keeper, stage.log, LATER)
            start, end = stage.log.bounds("p.events")[0]
            assert end - start <= 60
            assert (await stage.keeper().opened()).failures == []
            await keeper.reset()

    asyncio.run(story())


@pytest.mark.parametrize("topic", ["p.events", "p.journal"])
def test_what_somebody_else_deletes(topic: str, caplog: pytest.LogCaptureFixture) -> None:
    """If a replay from the older snapshot is no longer possible, it is said and shown, and mended at once."""

    async def story() -> None:
        stage, keeper = await grown(60)
        await stage.log.trim(topic, 0, stage.log.bounds(topic)[0][1] - 1)
        assert keeper.shard is not None
        await keeper.upkeep.tidy(keeper.shard, keeper.snapshots, keeper.seq)
        assert keeper.meter.retention_short == 1
        assert keeper.upkeep.is_due()
        assert f"shard 0: {topic} no longer reach back to the snapshot of entry" in caplog.text

    asyncio.run(story())


def test_outputs_with_fewer_partitions() -> None:
    """An output topic may have fewer partitions than there are shards, and is trimmed all the same."""

    async def story() -> None:
        log = MemoryLog()
        log.create([Topic("p.outcomes", 1)])
        stage = Stage(log, partitions=2, snapshots={"every_records": 1})
        keeper = await stage.keeper(partition=1).opened()
        for i in range(5):
            stage.produce("events", {"id": f"e{i}", "amount": 1}, partition=1)
            stage.produce("labels", {"event_id": f"e{i}", "label": True}, partition=1)
            await stage.settle(keeper)
        await trim(keeper, log, LATER)
        assert log.bounds("p.outcomes") == [(5, 5)]
        assert log.bounds("p.dead-letters") == [(0, 0), (0, 0)]

    asyncio.run(story())
