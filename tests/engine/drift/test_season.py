"""Like is compared with like, whatever comes and goes with the day."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import Floats, Ints
from engine.drift.detectors import rank_sr
from engine.drift.panel import Panel, Watcher
from engine.drift.prepare import Options
from engine.drift.season import DEPTH_MIN, Season
from engine.drift.signals import Kind, Signal

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
UNIFORM = pytest.approx([0.5, 12**-0.5], abs=0.02)  # the mean and the standard deviation
VALUE, CATEGORY = Signal(Kind.VALUE, "x"), Signal(Kind.CATEGORY, "c", categories=True)


def ranked(values: Floats, times: Ints, period_ms: int = HOUR_MS) -> Floats:
    """What detectors see of one signal, without what is not due."""
    block = values[None].copy()
    Season([VALUE], period_ms).apply(block, times)
    return np.asarray(block[0, ~np.isnan(block[0])])


def spread_of(values: Floats) -> list[float]:
    return [float(values.mean()), float(values.std())]


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_ranks_are_uniform_at_every_hour(minutes: int) -> None:
    """Level, spread and shape of an hour don't show, at any rate."""
    times = 60_000 * minutes * np.arange(3_000)
    phase = 2 * np.pi * (times % HOUR_MS) / HOUR_MS
    rng = np.random.default_rng(1)
    values = np.sin(phase) * 10 + rng.exponential(size=3_000) * (1.1 + np.sin(phase))
    assert spread_of(ranked(values, times)) == UNIFORM


def test_a_shift_shows() -> None:
    """What is higher than ever at this hour ranks high."""
    times = 60_000 * np.arange(3_000)
    values = np.sin(2 * np.pi * times / HOUR_MS) + 0.1 * np.random.default_rng(2).normal(size=3_000)
    values[2_900:] += 1.0
    assert ranked(values, times)[-90:].min() > 0.9


def test_equal_values_are_ranked_at_random() -> None:
    """A constant says nothing at any hour: its ranks are uniform, and the same in each run."""
    times = 60_000 * np.arange(3_000)
    found = ranked(np.where(times % HOUR_MS < HOUR_MS // 2, 1.0, 0.0), times)
    assert spread_of(found) == UNIFORM
    assert abs(float(np.corrcoef(found[1:], found[:-1])[0, 1])) < 0.05


def test_many_events_make_few_values() -> None:
    """What comes within a bin of time is seen as its mean, however much that is."""
    times = np.arange(0, 20 * HOUR_MS, 500)
    found = ranked(np.random.default_rng(3).normal(size=len(times)), times)
    assert len(found) <= 20 * 288 * 5


def test_late_events_find_their_slot() -> None:
    """An event's own time says what it is compared with, in whatever order events come."""
    times = 60_000 * np.arange(3_000)
    values = np.where(times % HOUR_MS < HOUR_MS // 2, 0.0, 100.0)
    late = np.arange(3_000).reshape(-1, 100)[:, ::-1].ravel()
    assert spread_of(ranked(np.asarray(values[late]), times[late])) == UNIFORM


def test_a_slot_waits_for_three_periods() -> None:
    """A slot tells nothing before, and that can be seen."""
    season, times = Season([VALUE], DAY_MS), 60_000 * np.arange(1_440 * 3)
    block = np.random.default_rng(4).normal(size=(1, len(times)))
    season.apply(block, times)
    assert np.isnan(block).all()
    assert season.ready().tolist() == [pytest.approx(1.0, abs=0.01)]
    season.restart([0])
    assert season.ready().tolist() == [0.0]


def test_times_before_the_epoch_and_infinities() -> None:
    """Neither is an error."""
    values = np.array([np.inf, *[-np.inf] * 9] * 300)
    found = ranked(values, 60_000 * np.arange(-1_500, 1_500))
    assert 0.0 <= found.min() <= found.max() <= 1.0


def test_categories_go_on_as_they_are() -> None:
    """There is no mean of categories."""
    block = np.array([[0.25, 0.5], [1.0, 2.0]])
    season = Season([CATEGORY, VALUE], DAY_MS)
    season.apply(block, np.array([0, DAY_MS]))
    assert block[0].tolist() == [0.25, 0.5]
    assert np.isnan(block[1]).all()


def test_very_many_signals_remember_less() -> None:
    """What seasons remember is bounded."""
    assert Season([VALUE] * 10_000, DAY_MS).rings.shape[2] == DEPTH_MIN


def test_a_change_is_found_once() -> None:
    """Behind an alarm a signal forgets its season, or it would be found anew in every period."""
    times = 60_000 * np.arange(4_000)
    values = np.sin(2 * np.pi * times / HOUR_MS) + 0.1 * np.random.default_rng(5).normal(size=4_000)
    values[3_000:] += 1.0
    options = Options("none", season_ms=HOUR_MS)
    watcher = Watcher("rank_sr", 1.0, True, False, rank_sr.build(1, {}), np.array([0]))
    panel = Panel([VALUE], [watcher], options)
    panel.allow([(np.array([1e5]), np.inf)])
    found = list[int]()
    for first in range(0, 4_000, 50):
        block, index = values[None, first : first + 50].copy(), range(first, first + 50)
        found += [each.index for each in panel.take(block, index, times[first : first + 50])]
        panel.turn()
    assert len(found) == 1
    assert 3_000 <= found[0] < 3_020
