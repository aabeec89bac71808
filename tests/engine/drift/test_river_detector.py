"""Detectors that are not ours, by their class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import drift

from engine.drift.detectors.river_detector import build
from engine.errors import SpecError


class Touchy:
    """One that can't stand negative numbers."""

    def __init__(self, least: float = 0.0) -> None:
        self.least, self.drift_detected = least, False

    def update(self, x: float) -> None:
        if x < self.least:
            raise ValueError(f"{x} is too small")
        self.drift_detected = x > 3.9


HERE = f"{__name__}:Touchy"


def test_it_finds_what_river_finds() -> None:
    """Standardised, with the reference as its first values, at the same places."""
    rng, theirs = np.random.default_rng(3), drift.KSWIN(seed=4)
    row = np.r_[rng.normal(50, 7, 400), rng.normal(80, 7, 200)]
    ours = build(1, {"use": "river.drift:KSWIN", "seed": 4, "reference": 200, "trial": 50})
    mean, scale = row[:200].mean(), row[:200].std()
    found = []
    for at, x in enumerate(((row - mean) / scale).clip(-4, 4).tolist()):
        theirs.update(x)
        if theirs.drift_detected and at >= 200:
            found.append(at)
    assert next(alarm.at for alarm in ours.update(row[None])) == found[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"use": "river.drift:KSWIN"}, "the seed of river.drift:KSWIN is not set"),
        ({"use": "river.drift:ADWIN", "dleta": 1}, 'no option .dleta.; did you mean "delta"'),
        ({"use": "river.drift:ADWIN", "trail": 1}, 'did you mean "trial"'),
        ({"use": "river.drift:ADWIN", "reference": 3}, "reference is 3; it has to be from 50 to 1,000,000"),
        ({"use": "river.drift:ADWINN"}, "the module 'river.drift' has no 'ADWINN'"),
        ({"use": "nowhere:X"}, "can't import 'nowhere'"),
        ({"use": HERE, "least": 1.0}, "raised ValueError: 0.0 is too small"),
        ({"use": "builtins:dict"}, "raised"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    """At the start, with a sentence that says what to do."""
    with pytest.raises(SpecError, match=message):
        build(1, given)


def test_its_alarms_are_counted_beforehand() -> None:
    """How often it falls for values that are drawn from the reference is told."""
    own = build(1, {"use": HERE, "reference": 100, "trial": 1000, "standardise": False})
    row = np.tile([0.0, 1.0, 2.0, 3.0, 4.0], 21)
    assert own.update(row[None, :100]) == []
    assert own.rests(0) == ["nothing: a false alarm every 5 on 1,000 values drawn from its reference"]
    assert [alarm.at for alarm in own.update(row[None, 100:])] == [4]
