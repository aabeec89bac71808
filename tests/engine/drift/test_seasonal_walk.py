"""A season through the whole walk: what comes and goes is no drift, what moves besides is."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from engine.batch import Outputs
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.drift.test_stage import drifts, walked

SIZE, CHANGE = 1_800, 1_300


def spec(dependence: str) -> Spec:
    drift = {"watch": ["features"], "warm_up": 256, "season": "1m", "dependence": dependence}
    drift |= {"false_alarms": {"per": 100_000}}
    fields = {"x": {"type": "number"}}
    return Spec.model_validate({"pipeline": "p", "events": {"fields": fields}, "drift": drift})


def values(shift: float) -> list[bytes]:
    """Events a second apart; x comes and goes by the minute."""
    rng = np.random.default_rng(6)
    waves = [10 * math.sin(2 * math.pi * t / 60) + rng.normal() + shift * (t >= CHANGE) for t in range(SIZE)]
    return [msgspec.json.encode({"x": float(each)}) for each in waves]


def told(walk: tuple[Shard, Outputs]) -> set[int]:
    """At which offsets something was found."""
    return {each["detected"]["offset"] for each in drifts(walk[1])}


def test_what_comes_and_goes_is_no_drift() -> None:
    """Compared with the same second of earlier minutes, nothing happens."""
    assert told(walked(spec("auto"), values(0.0))) == set()


def test_what_moves_besides_is_found() -> None:
    """A shift that is small beside the wave is found soon."""
    found = told(walked(spec("none"), values(3.0)))
    assert CHANGE <= min(found) < CHANGE + 60


def test_cuts_and_crashes_change_nothing() -> None:
    """Whatever the pieces, and whoever goes on: the same records, the same state."""
    shard, out = walked(spec("auto"), values(3.0), SIZE)
    other, again = walked(spec("auto"), values(3.0), 77, thaw=True)
    assert again.drifts == out.drifts
    assert other.digest() == shard.digest()
