"""The budget is shared out to the last part, and in time it follows the rate of events."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift import budget, rate
from engine.drift.budget import Share, assumed, events_between, shared
from engine.drift.detector import RUN_LENGTH_MIN
from engine.drift.prepare import Told
from engine.drift.rate import Rate
from engine.specdrift import FalseAlarms
from engine.state import digest

DAY_MS = 86_400_000
SHARES = [Share("rank_sr", name) for name in ("a", "b", "c", "together")] + [Share("ks", "a", 3.0, 0.25)]


@pytest.mark.parametrize("per", [1_000_000, "30d"])
@pytest.mark.parametrize("partitions", [1, 8])
def test_parts_sum_to_the_budget(per: int | str, partitions: int) -> None:
    """All parts of all shards together raise what is allowed in that time, and no more."""
    asked = FalseAlarms.model_validate({"at_most": 3, "per": per})
    rate = 5.0  # of each shard
    came = 1_000_000 / partitions if per == 1_000_000 else rate * 30 * 86_400  # events of a shard
    found = shared(events_between(asked, partitions, rate), SHARES, partitions)
    assert partitions * sum(came / each.events for each in found) == pytest.approx(3.0)
    assert partitions * sum(each.part for each in found) == pytest.approx(1.0)


def test_a_detector_sees_its_own_values() -> None:
    """A signal of which a value comes with every fourth event, say, has a quarter of the run length."""
    found = shared(1e6, SHARES, 1)
    assert found[-1].values == found[-1].events / 4
    assert found[0].values == found[0].events == 3 * found[-1].events


def test_lengths_are_bounded() -> None:
    """However little or much is allowed, a detector can be told."""
    assert shared(1e-9, SHARES, 1)[0].values == RUN_LENGTH_MIN
    assert shared(1e300, SHARES, 1)[0].values == budget.RUN_LENGTH_MAX


def turned(rate: Rate, times: list[int], size: int = 1_000) -> Rate:
    for first in range(0, len(times), size):
        rate.add(times[first : first + size])
        rate.turn()
    return rate


def test_one_event_an_hour() -> None:
    """The rate is known from the first turn on."""
    found = turned(Rate(30 * DAY_MS), [hour * 3_600_000 for hour in range(1_000)])
    assert found.per_second == pytest.approx(1 / 3_600)


@pytest.mark.parametrize("wrong", [0, 10**14])
def test_wrong_times_do_not_matter(wrong: int) -> None:
    """Neither a first event from another age, nor one in a hundred."""
    times = [1_700_000_000_000 + 100 * i for i in range(20_000)]
    times[::100] = [wrong] * 200
    assert turned(Rate(DAY_MS), times).per_second == pytest.approx(10.0, rel=0.02)


def test_the_rate_follows() -> None:
    """What lies longer ago than the budget's span is forgotten."""
    slow = [1_000 * i for i in range(50_000)]
    fast = [slow[-1] + 10 * i for i in range(200_000)]
    assert turned(Rate(1_000_000), slow + fast).per_second == pytest.approx(100.0, rel=0.02)


def test_a_long_past_is_thinned() -> None:
    """However many turns there were, few are remembered, and they reach as far back."""
    found = turned(Rate(3650 * DAY_MS), list(range(0, 4_000_000, 4)), 250)
    assert len(found.turns) <= rate.TURNS_MAX
    assert found.turns[0][1] < 1_000
    assert found.per_second == pytest.approx(250.0, rel=0.01)


def test_time_that_stands_still() -> None:
    """Events of one moment tell nothing: what was known stays."""
    assert turned(Rate(DAY_MS), [5] * 5_000).per_second == rate.RATE_UNKNOWN


def test_goes_on_from_its_state() -> None:
    """Restored within a turn, it finds what the other finds."""
    times = np.random.default_rng(1).integers(0, 10**9, 3_500).tolist()
    one, other = turned(Rate(DAY_MS), times[:3_000]), Rate(DAY_MS)
    one.add(times[3_000:3_200])
    other.restore(one.state())
    for each in (one, other):
        each.add(times[3_200:])
        each.turn()
    assert one.per_second == other.per_second
    assert digest(one.state()) == digest(other.state())


def test_what_a_budget_rests_on() -> None:
    """Slots without values and restless times are named."""
    told = Told(0, 1.1, 80, 0.25, True)
    season, restless = assumed(told, "auto")[1:]
    assert season.startswith("25% of its season's slots are judged")
    assert restless.startswith("quiet and restless times")
