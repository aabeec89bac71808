"""The default detector: what is proven of it, and what it tells."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from engine.drift.detector import TOGETHER, Floats
from engine.drift.detectors.alternatives import WHAT, tables
from engine.drift.detectors.rank_kernel import RING, STORED
from engine.drift.detectors.rank_sr import RankSr, jit, warm
from engine.state import digest

NEVER = np.inf


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """These tests take many values; that the other form has the same bits is the contract's."""
    warm()


def watching(signals: int, length: float = NEVER, together: float = NEVER) -> RankSr:
    detector = RankSr(signals)
    detector.allow(np.full(signals, length), together)
    return detector


def alarms(detector: RankSr, block: Floats) -> list[tuple[int, int]]:
    """Column and signal of each alarm."""
    return [(alarm.at, alarm.signal) for alarm in detector.update(block)]


@pytest.mark.parametrize(
    "values",
    [
        (0, 0, 1, 2, 2, 5),
        (0, 1, 2, 3, 4, 5),
        (0, 0, 0, 1, 1, 1),
        (0, 1, 1, 1, 1, 1),
        (0, 0, 0, 0, 1, 1),
        (0, 0, 0, 1, 1, 2),
    ],
)
def test_bets_are_fair(values: tuple[int, ...]) -> None:
    """Over all orders of some values the charts have one a bet on average; less where some are equal."""
    orders = np.array(list(permutations(values)), np.float64)
    detector, bets = watching(len(orders)), np.zeros(len(orders))
    for t, column in enumerate(orders.T):
        detector.update(np.ascontiguousarray(column[:, None]))
        bets += (orders[:, : t + 1] != orders[:, :1]).any(axis=1)
        mean, fair = np.mean(detector.levels().statistic), np.mean(bets)
        assert mean == pytest.approx(fair, rel=1e-12) or 0.95 * fair <= mean < fair
        assert mean == pytest.approx(fair, rel=1e-12) or len(set(values)) < len(values)


def test_densities_are_densities() -> None:
    """Each has a mean of one, and is nowhere zero: a bet may be lost, but never all of it."""
    found = tables()
    assert np.diff(found.edges) @ found.densities == pytest.approx(1)
    assert found.densities.min() > 0
    assert found.weights.sum(1) + found.stakes.sum(1) == pytest.approx(1)
    assert len(WHAT) == found.weights.shape[1] + found.stakes.shape[1]


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("up", lambda rng: rng.normal(1, 1, 1000)),
        ("down", lambda rng: rng.normal(-1, 1, 1000)),
        ("wider", lambda rng: rng.normal(0, 2, 1000)),
        ("narrower", lambda rng: rng.normal(0, 0.5, 1000)),
        ("shape", lambda rng: rng.choice([-0.9, 0.9], 1000) + 0.4 * rng.normal(0, 1, 1000)),
        ("tails", lambda rng: rng.normal(0, np.where(rng.random(1000) < 0.04, 9, 1))),
    ],
)
def test_tells_what_moved(what: str, changed: object) -> None:
    """And since when, within some values."""
    rng = np.random.default_rng(3)
    assert callable(changed)
    block = np.concatenate([rng.normal(size=2000), changed(rng)])[None]
    alarm = watching(1, 1e5).update(block)[0]
    assert alarm.what == what
    assert abs(alarm.at - alarm.back + 1 - 2000) < 60


def two_and_more() -> Floats:
    """Signals of two values, of which some get more of them later, in the middle of every block."""
    rng = np.random.default_rng(12)
    block = (rng.random((5, 2400)) < 0.2).astype(np.float64)
    block[1, 1700:] = rng.random(700) < 0.4
    block[2, 901] = 0.5
    block[3, 1301:] = rng.normal(size=1099)
    block[4, 5] = np.inf
    block[:, 1000:][rng.random((5, 1400)) < 0.1] = np.nan
    return np.asarray(block)


@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_two_values_known(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bet while only two values are known is the same in every form and however a stream is cut."""
    block, whole = two_and_more(), watching(5, 500, 1e4)
    wanted = alarms(whole, block)
    assert {signal for _, signal in wanted} >= {0, 1, 3}
    if form == "plain":
        monkeypatch.setattr(jit, "compiled", {})
    for cut in (1, 7, 256, 3000):
        detector, found = watching(5, 500, 1e4), list[tuple[int, int]]()
        for start in range(0, block.shape[1], cut):
            part = np.ascontiguousarray(block[:, start : start + cut])
            found += [(start + at, signal) for at, signal in alarms(detector, part)]
        assert found == wanted
        assert digest(detector.state()) == digest(whole.state())


def test_a_share_is_found_soon() -> None:
    """Nearly as soon as if its rise were all that is looked for, which takes 301 values."""
    rng = np.random.default_rng(77)
    block = np.hstack([rng.random((600, 2000)) < 0.2, rng.random((600, 3000)) < 0.3]).astype(np.float64)
    detector, found = watching(600), np.full(600, 3000)
    detector.update(block[:, :2000])
    detector.allow(np.full(600, 1e5), NEVER)
    for at, signal in alarms(detector, np.ascontiguousarray(block[:, 2000:])):
        found[signal] = min(found[signal], at + 1)
    assert found.mean() < 320


def test_a_change_before_all_that_is_kept() -> None:
    """It is said to have begun with about the oldest rank that is kept."""
    rng = np.random.default_rng(4)
    block = np.concatenate([rng.normal(size=20_000), rng.normal(0.3, 1, 6 * RING)])[None]
    alarm = watching(1, 1e40).update(block)[0]
    assert alarm.at > 20_000 + RING
    assert 0.8 * RING < alarm.back <= RING


@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf, np.nan])
def test_a_constant_is_no_news(value: float) -> None:
    """Nothing to bet on, so nothing accrues."""
    detector = watching(1, 100)
    assert detector.update(np.full((1, 5000), value)) == []
    assert detector.levels().statistic[0] == 0


def test_infinite_values_have_ranks() -> None:
    """A thousand infinite values among numbers are seen, on either side."""
    rng = np.random.default_rng(5)
    for value in (np.inf, -np.inf):
        block = rng.normal(size=(1, 3000))
        block[0, 2000:][rng.random(1000) < 0.3] = value
        assert watching(1, 1e5).update(block)[0].at < 2100


def test_one_signal_of_ten_thousand() -> None:
    """Those without values raise nothing, and take no room in the state."""
    block = np.full((10_000, 600), np.nan)
    block[77] = np.random.default_rng(6).normal(size=600)
    block[77, 400:] += 3
    detector = watching(10_000, 1e6)
    assert {signal for _, signal in alarms(detector, block)} == {77}
    assert len(detector.state()["used"]) == 1


def test_all_signals_together() -> None:
    """Small shifts of all signals are found together, sooner than any is found alone; then all begin anew."""
    block = np.random.default_rng(7).normal(size=(40, 1400))
    block[:, 1000:] += 0.4
    found = alarms(watching(40, 1e9, 1e5), block)
    assert found[0][1] == TOGETHER
    assert 1000 < found[0][0] < 1100
    assert len(found) == 1


def test_signals_that_are_all_the_same() -> None:
    """They are together what each is alone, and raise no more alarms."""
    values = np.random.default_rng(8).normal(size=30_000)
    together = alarms(watching(8, NEVER, 1000), np.tile(values, (8, 1)))
    assert [at for at, _ in together] == [at for at, _ in alarms(watching(1, 1000), values[None])]


@pytest.mark.parametrize("share", [None, 0.2])
def test_the_run_length_holds(share: float | None) -> None:
    """On values that are all different, and on zeros and ones, there are no more alarms than were allowed."""
    rng = np.random.default_rng(9)
    block = np.asarray(rng.normal(size=(50, 12_000)))
    if share is not None:
        block = (rng.random((50, 12_000)) < share).astype(np.float64)
    found = len(alarms(watching(50, 1000), block))
    assert 300 <= found <= 600


def test_seeded() -> None:
    """A reference that was there before the first value is what values are compared with."""
    rng = np.random.default_rng(10)
    values = np.sort(rng.normal(size=5000))
    for count in (100, STORED, 1000):
        detector = watching(1, 1e5)
        detector.seed(0, values[:: 5000 // count], np.full(len(values[:: 5000 // count]), 5e3 / count))
        assert detector.update(rng.normal(size=(1, 2000))) == []
        assert detector.update(rng.normal(1, 1, size=(1, 200)))[0].what == "up"


def test_seeded_as_if_seen() -> None:
    """Few different values with their counts are as good as the values themselves."""
    values = np.random.default_rng(11).integers(0, 30, 900).astype(np.float64)
    told, seen = watching(1), watching(1)
    seen.update(values[None])
    given, counts = np.unique(values, return_counts=True)
    told.seed(0, given, counts.astype(np.float64))
    for one, other in zip(told.arrays[:4], seen.arrays[:4], strict=True):
        assert np.array_equal(one, other, equal_nan=one.dtype == np.float64)
