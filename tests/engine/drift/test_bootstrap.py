"""Thresholds by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.detector import Floats
from engine.drift.detectors import DETECTORS, charts
from engine.drift.detectors.bootstrap import PATHS, PIECES, drawn, tail
from engine.drift.detectors.charts import PACE, REFERENCE_MAX, Charts
from engine.drift.detectors.charts_kernel import N
from engine.drift.detectors.held import deviations, tamed


def test_blocks_keep_what_values_have_to_do_with_each_other() -> None:
    """Neighbours stay neighbours but at the edges of blocks; one by one they don't."""
    values, rng = np.arange(100.0), np.random.default_rng(1)
    steps = [np.diff(drawn(values, 50, 200, block, rng)) % 100 == 1 for block in (1, 20)]
    assert steps[0].mean() < 0.05
    assert steps[1].mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e12])
def test_thresholds_rise_with_the_run_length(scale: float) -> None:
    """Without a jump from what was seen to what is extrapolated, and near what theory says."""
    rng = np.random.default_rng(2)
    found = tail(rng.exponential(size=(PATHS, PIECES, 64)).max(axis=2) * scale, 64)
    lengths = np.geomspace(100, 1e9, 200)
    thresholds = np.array([found.threshold(length) for length in lengths]) / scale
    assert (np.diff(thresholds) >= 0).all()
    assert np.diff(thresholds).max() < 0.3
    assert thresholds == pytest.approx(np.log(lengths), rel=0.15)


@pytest.mark.parametrize("tops", [np.zeros((PATHS, PIECES)), np.ones((PATHS, PIECES))])
def test_a_statistic_that_does_not_move(tops: Floats) -> None:
    """There is a threshold all the same, above everything that was seen."""
    assert 0 < tail(tops, 64).threshold(1e6) < 100


def test_tamed_values_have_a_mean() -> None:
    """Whatever they were: a few that are far out don't decide, infinite ones neither."""
    values = np.r_[np.random.default_rng(3).normal(size=1000), np.inf, -np.inf, 1e300]
    mean, scale = deviations(tamed(values))
    assert abs(mean) < 0.2
    assert 0.8 < scale < 1.5
    assert set(tamed(np.array([np.inf, -np.inf]))) == {1.0, -1.0}


def test_one_signal_after_the_other_is_calibrated() -> None:
    """Not all at the same record; values that come meanwhile are counted, and passed over."""
    cusum = DETECTORS["cusum"].build(3, {"reference": 50})
    assert isinstance(cusum, Charts)
    block = np.random.default_rng(4).normal(size=(3, 50 + 3 * PACE))
    cusum.update(block[:, :50])
    assert sorted(cusum.running) == [0]
    cusum.update(block[:, 50 : 50 + PACE])
    assert sorted(cusum.running) == [0, 1]
    cusum.update(block[:, 50 + PACE :])
    assert cusum.levels().taken.tolist() == [50 + 3 * PACE] * 3
    assert [cusum.running[signal].state[N] for signal in range(3)] == [3 * PACE, 2 * PACE, PACE]


def test_a_long_reference_is_cut() -> None:
    """What a simulation takes is bounded, whatever the spec asks for."""
    cusum = DETECTORS["cusum"].build(1, {"reference": 100_000})
    cusum.update(np.random.default_rng(5).normal(size=(1, REFERENCE_MAX)))
    assert np.isfinite(cusum.levels().threshold).all()


def test_a_reference_that_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is simulated by blocks, without which a signal that resembles itself raises many more alarms."""
    stream = np.random.default_rng(6).normal(size=(4, 7000))
    for at in range(1, stream.shape[1]):
        stream[:, at] += 0.6 * stream[:, at - 1]
    found = []
    for memory in (charts.MEMORY, np.inf):
        monkeypatch.setattr(charts, "MEMORY", memory)
        cusum = DETECTORS["cusum"].build(4, {})
        cusum.allow(np.full(4, 5000.0), np.inf)
        found.append(len(cusum.update(stream)))
    assert found[0] <= 4 * 6000 / 5000 / 0.5
    assert found[1] > 2 * found[0]
