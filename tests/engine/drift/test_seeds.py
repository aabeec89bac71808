"""Detectors that begin with what a signal was before, and how far it is carried since."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from engine.drift.detector import Seeded
from engine.drift.detectors import DETECTORS
from engine.drift.evidence.effects import steps, wasserstein
from engine.drift.evidence.sketch import Sketch
from engine.state import digest


@pytest.mark.parametrize("name", ["ks", "chi_square", "stability", "jensen_shannon"])
def test_a_recorded_reference(name: str) -> None:
    """What comes is compared with it at once; it goes through the state like any other."""
    rng = np.random.default_rng(1)
    seeded, other = (DETECTORS[name].build(2, {}) for _ in range(2))
    assert isinstance(seeded, Seeded)
    seeded.allow(np.full(2, 1e5), np.inf)
    seeded.seed(1, np.arange(4.0), np.array([100.0, 2000.0, 500.0, 4000.0]))
    assert np.isinf(seeded.levels().threshold).all()
    steady = rng.choice(4, (2, 600), p=np.array([1, 20, 5, 40]) / 66).astype(float)
    assert seeded.update(steady) == []
    assert np.isfinite(seeded.levels().threshold).tolist() == [False, True]
    other.restore(seeded.state())
    assert digest(other.state()) == digest(seeded.state())
    changed = rng.choice(4, (2, 300)).astype(float)
    found = seeded.update(changed)
    assert {alarm.signal for alarm in found} == {1}
    assert other.update(changed) == found


@pytest.mark.parametrize("name", ["ks", "chi_square"])
def test_too_small_a_reference(name: str) -> None:
    """One of fewer values than are needed is none."""
    seeded, fresh = (DETECTORS[name].build(1, {}) for _ in range(2))
    assert isinstance(seeded, Seeded)
    values = np.random.default_rng(2).choice(3, (1, 1700)).astype(float)
    for each in (seeded, fresh):
        each.update(values[:, :300])
    seeded.seed(0, np.arange(3.0), np.full(3, 300.0))
    assert seeded.levels().taken.tolist() == [0]
    seeded.update(values)
    fresh.restart([0])
    fresh.update(values)
    assert digest(seeded.state()) == digest(fresh.state())


@pytest.mark.parametrize("size", [1, 10, 300])
def test_wasserstein(size: int) -> None:
    """The distance that is reported is scipy's, ties and weights included."""
    rng = np.random.default_rng(size)
    for digits in (0, 1, 8):
        before, now = rng.normal(size=500).round(digits), rng.exponential(size=size).round(digits)
        sketch = Sketch()
        sketch.add(before)
        found = wasserstein(steps(sketch, np.sort(now)))
        points, weights = sketch.points()
        assert found == pytest.approx(wasserstein_distance(points, now, weights), abs=1e-9)
