"""When a change began is told by the values themselves, and by what the detector said."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.evidence.marks import marks, start
from engine.drift.evidence.reference import made
from engine.drift.signals import place


@pytest.mark.parametrize("shift", [2.0, -2.0])
def test_a_clear_start(shift: float) -> None:
    """It is found, whatever the detector said; with or without a reference."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(size=500), rng.normal(shift, 1, 100)])
    before, itself = made(rng.normal(size=1_000)), made(values)
    for back in (0, 50, 200):
        assert abs(start(marks(values, before.values), 1_000, 0, back).column - 500) <= 6
    assert abs(start(marks(values, itself.values), None).column - 500) <= 6


def test_a_faint_start() -> None:
    """Where the values tell little the detector is believed, unless it does not know."""
    rng = np.random.default_rng(2)
    found = marks(rng.normal(size=600), made(rng.normal(size=1_000)).values)
    assert abs(start(found, 1_000, 0, 40).column - 560) <= 25
    assert start(found, 1_000, 0, 0).open or start(found, 1_000).clear < 30


def test_marks_are_even() -> None:
    """While nothing changes each has mean 0 and spread 1: of numbers, with ties, and of categories."""
    rng = np.random.default_rng(3)
    countries = np.array([*map(place, "abcd")])[rng.choice(4, 20_000, p=[0.5, 0.3, 0.15, 0.05])]
    for values in (rng.normal(size=20_000), rng.poisson(2, 20_000).astype(np.float64)):
        found = marks(values[10_000:], made(values[:10_000], k=10_000).values)
        assert np.abs(found.mean(axis=1)).max() < 0.05
        assert found.std(axis=1) == pytest.approx(1, abs=0.06)
    found = marks(countries[10_000:], made(countries[:10_000], True).values)
    assert np.abs(found.mean(axis=1)).max() < 0.05
