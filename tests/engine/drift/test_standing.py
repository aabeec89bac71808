"""Where each signal stands, as a person asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.standing import Standing, State, standings
from engine.shard import Shard
from tests.engine.cases import Feed

RECORDS = 900


@pytest.fixture(scope="module")
def shard() -> Shard:
    """Two thirds into its events, the amounts rise; some lack an age, no label ever comes."""
    detector = {"use": "cusum", "with": {"reference": 200}}
    drift = {"detectors": [detector], "dependence": "none", "warm_up": 100, "recent_max": 400}
    feed = Feed(drift=drift)
    rng = np.random.default_rng(5)
    for n in range(RECORDS):
        amount = 500 + 20 * rng.normal() + (80 if n >= 600 else 0)
        age = {} if rng.random() < 0.3 else {"age": int(rng.integers(20, 60))}
        feed("events", {"id": f"e{n}", "amount": amount, **age})
    return feed.shard


def standing(shard: Shard, signal: str) -> Standing:
    assert shard.watch is not None
    return next(each for each in standings(shard.watch) if each.signal == signal)


def test_what_drifted(shard: Shard) -> None:
    """Is drifting as long as the newest records still tell of it."""
    found = standing(shard, "amount")
    assert (found.state, found.clock, found.detector) == (State.DRIFTING, "events", "cusum")
    assert found.counted is not None
    assert found.counted.drifts == 1
    assert 600 <= found.counted.offset < 620
    assert found.ago == RECORDS - 1 - found.counted.offset


def test_all_signals_at_once() -> None:
    """What is said of all of them is told once, though the model's own signals have a watcher besides."""
    drift = {"dependence": "none", "warm_up": 100, "reference": {"first": 200}}
    feed, rng = Feed(drift=drift), np.random.default_rng(5)
    for n in range(RECORDS):
        fresh = 80 if n >= 600 else 0
        feed("events", {"id": f"e{n}", "amount": 500 + fresh + 20 * rng.normal(), "age": 30 + fresh})
    assert feed.shard.watch is not None
    found = [each for each in standings(feed.shard.watch) if each.signal == "together"]
    assert [each.state for each in found] == [State.DRIFTING]


def test_what_is_quiet(shard: Shard) -> None:
    """Has a threshold, and is below it."""
    found = standing(shard, "age.missing")
    assert (found.state, found.counted, found.ago) == (State.QUIET, None, None)
    assert 0 <= found.statistic < found.threshold < np.inf


def test_what_has_no_values(shard: Shard) -> None:
    """Warms up for ever."""
    assert standing(shard, "error").state is State.WARMING
    assert standing(shard, "error").taken == 0
