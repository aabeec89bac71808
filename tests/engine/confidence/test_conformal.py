"""Intervals and sets hold as many labels as they say, whatever the stream does."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from river import conf, dummy, stats

from engine.confidence.control import corrected
from engine.confidence.intervals import Intervals, rank
from engine.confidence.sets import LEVELS, Sets, level_of

BLOCK = 256
N = 20_000


def steady(rng: random.Random, i: int) -> float:
    return rng.gauss(0, 1)


def growing(rng: random.Random, i: int) -> float:
    return rng.gauss(0, 1 + 9 * i / N)


def jumping(rng: random.Random, i: int) -> float:
    return rng.gauss(3 if i > N / 2 else 0, 5 if i > N / 2 else 1)


def lopsided(rng: random.Random, i: int) -> float:
    return rng.expovariate(1.0)


def seasonal(rng: random.Random, i: int) -> float:
    return rng.gauss(0, 3 if i // 2_000 % 2 else 1)


STREAMS = [steady, growing, jumping, lopsided, seasonal]


def covered(errors: list[float], intervals: Intervals) -> list[bool]:
    """Whether each error lay in the interval that was said of it; learned a block at a time."""
    inside = []
    for start in range(0, len(errors), BLOCK):
        block = errors[start : start + BLOCK]
        if (found := intervals.around(0.0)) is not None:
            inside += [found[0] <= error <= found[1] for error in block]
        intervals.learn(block)
    return inside


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("stream", STREAMS)
def test_intervals_cover_under_drift(stream: Callable[[random.Random, int], float], coverage: float) -> None:
    """Errors that grow, jump or come and go: the coverage is within 0.015 of what was asked."""
    rng = random.Random(7)
    inside = covered([stream(rng, i) for i in range(N)], Intervals(coverage, 1000))
    assert sum(inside) / len(inside) == pytest.approx(coverage, abs=0.015)


def test_where_quantiles_alone_fall_short() -> None:
    """Errors that grow all the time: River's jackknife, over the same window, falls behind, these do not."""
    rng = random.Random(3)
    errors = [rng.gauss(0, 1.0003**i) for i in range(N)]
    jackknife = conf.RegressionJackknife(dummy.StatisticRegressor(stats.Shift(1)), 0.9, window_size=1000)
    rivers = []
    for error in errors:
        low, high = jackknife._lower.get() or 0, jackknife._upper.get() or 0
        rivers.append(low <= error <= high)
        jackknife._lower.update(error)
        jackknife._upper.update(error)
    ours = covered(errors, Intervals(0.9, 1000))
    assert sum(rivers) / N < 0.88
    assert sum(ours) / len(ours) == pytest.approx(0.9, abs=0.01)


def test_each_side_has_its_share() -> None:
    """Errors all of one sign: the interval lies on that side, and each end is passed about as often."""
    rng, intervals = random.Random(5), Intervals(0.9, 1000)
    errors = [lopsided(rng, 0) for _ in range(N)]
    covered(errors, intervals)
    assert intervals.reach is not None
    low, high = intervals.reach
    assert 0 < low < 0.15
    assert 2.0 < high < 4.5


def test_too_few_labels_give_no_interval() -> None:
    """Twenty labels are not enough for 99 percent."""
    few, enough = Intervals(0.99, 1000), Intervals(0.9, 1000)
    for intervals in (few, enough):
        intervals.learn([0.5, -0.5] * 10)
    assert few.around(1.0) is None
    assert enough.around(1.0) == (0.5, 1.5)


def test_labels_that_come_late_do_not_make_it_swing() -> None:
    """With 5,000 predictions always waiting for their labels the coverage stays near, all the time."""
    rng, intervals, inside = random.Random(2), Intervals(0.9, 1000), []
    errors = [steady(rng, i) for i in range(3 * N)]
    for start in range(0, len(errors), BLOCK):
        found = intervals.around(0.0)
        if found is not None:
            inside += [found[0] <= e <= found[1] for e in errors[start : start + BLOCK]]
        intervals.learn(errors[max(0, start - 5_000) : max(0, start - 5_000 + BLOCK)])
    parts = [inside[i : i + 2_000] for i in range(0, len(inside) - 2_000, 2_000)]
    assert all(0.85 < sum(part) / len(part) < 0.95 for part in parts)


def test_the_level_answers_for_the_long_run() -> None:
    """Even against an opponent who answers each level, the misses come to what is allowed."""
    level, allowed, missed = 0.1, 0.1, 0
    for _ in range(50_000):
        miss = int(level > 0.05)
        missed += miss
        level = corrected(level, allowed, miss, 1, 0.003)
    assert abs(missed / 50_000 - allowed) <= 1.003 / (0.003 * 50_000)


@pytest.mark.parametrize("n", [1, 20, 100, 999])
def test_ranks_are_places(n: int) -> None:
    """Every level names one of the values, and higher ones no earlier one."""
    found = [rank(level / 50, n) for level in range(51)]
    assert all(0 <= r < n for r in found)
    assert all(a <= b for a, b in pairwise(found))


Odds = list[float]


def classes(n: int, wrong: Callable[[int], float], seed: int = 4) -> list[tuple[Odds, int]]:
    """Odds of five classes, and labels that follow them but for a share that is anything."""
    rng, made = random.Random(seed), []
    for i in range(n):
        weights = [rng.gammavariate(0.4, 1.0) + 1e-9 for _ in range(5)]
        odds = [w / sum(weights) for w in weights]
        label = rng.randrange(5) if rng.random() < wrong(i) else rng.choices(range(5), odds)[0]
        made.append((odds, label))
    return made


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("wrong", [lambda i: 0.0, lambda i: 0.4 * (i > N / 2), lambda i: 0.5 * i / N])
def test_sets_cover_under_drift(wrong: Callable[[int], float], coverage: float) -> None:
    """A model that becomes wrong, at once or slowly: the sets grow, and hold what they say."""
    sets, inside, sizes = Sets(coverage, 1000), list[bool](), list[int]()
    stream = classes(N, wrong)
    for start in range(0, N, BLOCK):
        truths = []
        for odds, label in stream[start : start + BLOCK]:
            levels, top = [level_of(p) for p in odds], odds.index(max(odds))
            for k, p in enumerate(odds):
                if k != top:
                    sets.saw(levels[k], p)
            sets.fresh_events += 1
            truth = LEVELS if label == top else levels[label]
            truths.append(truth)
            inside.append(truth >= sets.threshold)
            sizes.append(sum(k == top or level >= sets.threshold for k, level in enumerate(levels)))
        sets.learn(truths)
    assert sum(inside) / N == pytest.approx(coverage, abs=0.02)
    sharper, wider = sum(sizes[BLOCK : N // 4]) / (N // 4 - BLOCK), sum(sizes[-N // 4 :]) / (N // 4)
    assert sharper < 1.05 * wider < 5.05


def test_a_model_that_is_good_enough_has_sets_of_one() -> None:
    """Where the predicted class is right more often than asked, it stands alone; nothing winds up."""
    sets = Sets(0.9, 1000)
    for _ in range(100):
        for _ in range(BLOCK):
            sets.saw(level_of(0.02), 0.02)
        sets.fresh_events += BLOCK
        sets.learn([LEVELS] * BLOCK)
    assert sets.threshold == LEVELS
    assert sets.may_miss <= 0.021
