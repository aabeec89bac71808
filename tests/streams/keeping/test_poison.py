"""A record on which the walk itself fails is met once, known from then on, and a dead letter for ever."""

from __future__ import annotations

import asyncio

import pytest

from connectors.log import Refused
from engine.shard import Shard
from streams.keeping.journal import Refusal
from streams.keeping.poison import Poison
from tests.engine.cases import DAY, NOW, batch, event
from tests.streams.keepers import POISON, Kept, Stage, quick

SAID = "Encoding objects of type complex is unsupported"


def stage(poisoned: set[int], n: int = 40) -> Stage:
    """A stage whose events at some offsets can't be walked."""
    made = Stage()
    made.produce("events", *(event(f"e{i}", POISON if i in poisoned else float(i)) for i in range(n)))
    made.labels(0, n, at=NOW + DAY)
    return made


async def through(stage: Stage, keeper: Kept) -> list[BaseException]:
    """Take everything, opening the keeper anew as often as it fails; return how it failed."""
    failures: list[BaseException] = []
    while (await stage.settle(keeper)).failures:
        failures += keeper.failures
        await keeper.reset()
    return failures


def test_it_becomes_a_dead_letter() -> None:
    """With the reason engine_error and the original record; its neighbours are predicted as ever."""

    async def story() -> None:
        made = stage({7})
        failures = await through(made, await made.keeper().opened())
        assert made.ids() == [f"e{i}" for i in range(40) if i != 7]
        (_, value, headers), *rest = made.lane("dead_letters")
        said = {name: content.decode() for name, content in headers}
        assert (value, rest) == (made.lane("events")[7][1], [])
        assert said["driftline.reason"] == "engine_error"
        assert said["__streams.errors.message"] == SAID
        assert len(failures) == 2  # the batch, then the record
        assert all(isinstance(exc, Refused) for exc in failures)

    asyncio.run(story())


def test_the_entry_says_so() -> None:
    """So a replay refuses it, too, without walking it, and gives the same bytes."""

    async def story() -> None:
        made = stage({7})
        keeper = await made.keeper().opened()
        await through(made, keeper)
        refused = [refusal for entry in made.entries() for refusal in entry.refused]
        assert refused == [Refusal("p.events", 7, "TypeError", SAID)]
        assert keeper.shard is not None
        assert keeper.shard.digest() == made.history().digest()

    asyncio.run(story())


def test_a_restart_does_not_meet_it_again() -> None:
    """Once it is committed, no later process fails on it."""

    async def story() -> None:
        made = stage({7})
        await through(made, await made.keeper().opened())
        made.events(40, 60)
        keeper = await made.keeper().opened()
        assert await through(made, keeper) == []
        assert keeper.shard is not None
        assert keeper.shard.rejected["engine_error"] == 1
        assert made.ids()[-1] == "e59"

    asyncio.run(story())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_in_a_short_batch(n: int) -> None:
    """Only the record itself is taken for poison, in however small a batch it came."""

    async def story() -> None:
        made = stage({n - 1}, n)
        await through(made, await made.keeper().opened())
        assert made.ids() == [f"e{i}" for i in range(n - 1)]
        assert made.reasons() == ["engine_error"]

    asyncio.run(story())


def test_several() -> None:
    """Each is found in its turn, also side by side, at the ends of a batch, and in what comes later."""

    async def story() -> None:
        made = stage({0, 10, 11, 39})
        keeper = await made.keeper().opened()
        await through(made, keeper)
        made.produce("events", event("e40", POISON), event("e41"))
        await through(made, keeper)
        assert made.ids() == [f"e{i}" for i in range(42) if i not in (0, 10, 11, 39, 40)]
        assert made.reasons() == ["engine_error"] * 5
        assert keeper.shard is not None
        assert keeper.shard.digest() == made.history().digest()

    asyncio.run(story())


def test_a_crash_before_it_is_committed() -> None:
    """What was known is lost with the process; it is found again, and comes out once."""

    async def story() -> None:
        made = stage({7})
        first = await made.keeper().opened()
        await made.settle(first)
        await made.settle(await first.reset())
        assert len(first.poison.known) == 1
        await through(made, await made.keeper().opened())
        assert made.reasons() == ["engine_error"]
        made.history()

    asyncio.run(story())


def test_only_the_suspect_batch_is_walked_one_by_one() -> None:
    """What comes behind it goes on at full speed."""
    poison, shard = Poison(), Shard(quick(), 0)
    poison.suspect = ("p.events", 10)
    ahead = batch("p.events", [event(f"e{i}") for i in range(10)])
    assert len(list(poison.walk(shard, ahead))) == 10
    behind = batch("p.events", [event(f"f{i}") for i in range(10)], first=10)
    assert len(list(poison.walk(shard, behind))) == 1
    assert len(list(poison.walk(shard, batch("p.labels", [{}, {}])))) == 1
