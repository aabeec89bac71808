"""The classifier: finds what no signal shows by itself, and holds its budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.drift.detector import TOGETHER, Alarm, Floats
from engine.drift.detectors.classifier import Classifier, build, jit, warm
from engine.drift.detectors.classifier_kernel import odd

AT, AFTER = 3_000, 1_500
Made = Callable[[np.random.Generator, int], Floats]
Change = Callable[[Floats, np.random.Generator], Floats]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    if not jit.compiled:
        warm()


def found(stream: Floats, length: float = 1e5, every: int = 0) -> list[Alarm]:
    """All alarms on a stream, at their columns of the whole."""
    detector = Classifier(len(stream), 1000, 16, every)
    detector.allow(np.ones(len(stream)), length)
    starts = range(0, stream.shape[1], 1024)
    blocks = ((at, np.ascontiguousarray(stream[:, at : at + 1024])) for at in starts)
    return [alarm._replace(at=at + alarm.at) for at, block in blocks for alarm in detector.update(block)]


def noise(rng: np.random.Generator, records: int) -> Floats:
    """Four signals, the first two with a correlation of 0.7."""
    values = rng.normal(size=(4, records))
    values[1] = 0.7 * values[0] + np.sqrt(0.51) * values[1]
    return values


def bits(rng: np.random.Generator, records: int) -> Floats:
    found: Floats = (rng.random((4, records)) < 0.5).astype(np.float64)
    return found


def flipped(values: Floats, rng: np.random.Generator) -> Floats:
    """The correlation has the other sign; each signal is as it was."""
    return np.concatenate([-values[:1], values[1:]])


def swapped(values: Floats, rng: np.random.Generator) -> Floats:
    """Two columns have changed places; both are normal as ever."""
    found: Floats = values[[2, 1, 0, 3]]
    return found


def agreeing(values: Floats, rng: np.random.Generator) -> Floats:
    """Two bits agree more often than not, each as often 1 as before."""
    agree = rng.random(values.shape[1]) < 0.6
    return np.concatenate([np.where(agree, values[1:2], values[:1]), values[1:]])


def wider(values: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(values * np.array([[1.0], [1.0], [1.0], [1.6]]))


CHANGES: dict[str, tuple[Made, Change, str]] = {
    "a correlation turns round": (noise, flipped, "correlation"),
    "columns are swapped": (noise, swapped, "correlation"),
    "bits agree": (bits, agreeing, "correlation"),
    "a spread grows": (noise, wider, "scale"),
    "a mean moves": (noise, lambda values, _: values + np.array([[0.0], [0.0], [1.0], [0.0]]), "mean"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_finds(name: str) -> None:
    """In each of eleven streams it fires behind the change and not before; most tell what moved, and when."""
    made, change, what = CHANGES[name]
    alarms = []
    for seed in range(11):
        rng = np.random.default_rng(seed)
        stream = np.concatenate([made(rng, AT), change(made(rng, AFTER), rng)], axis=1)
        alarms.append(found(stream)[0])
    assert {alarm.signal for alarm in alarms} == {TOGETHER}
    assert min(alarm.at for alarm in alarms) >= AT
    assert np.median([alarm.at - AT for alarm in alarms]) < 300
    assert sum(alarm.what == what for alarm in alarms) >= 8
    assert np.median([abs(alarm.at - alarm.back + 1 - AT) for alarm in alarms]) < 150


STEADY: dict[str, Made] = {
    "copies": lambda rng, n: np.tile(rng.normal(size=(1, n)), (4, 1)),
    "constants": lambda rng, n: np.repeat([[1.0], [0.0], [-3.0], [1e300]], n, axis=1),
    "missing": lambda rng, n: np.where(rng.random((4, n)) < 0.4, np.nan, noise(rng, n)),
    "heavy tails": lambda rng, n: rng.standard_cauchy((4, n)),
    "categories": lambda rng, n: rng.choice([0.137, 0.5, 0.91], (4, n), p=[0.9, 0.07, 0.03]),
    "rare ones": lambda rng, n: (rng.random((4, n)) < 0.01).astype(np.float64),
    "memory": lambda rng, n: remembering(rng.normal(size=(4, n)), 0.8),
}


def remembering(values: Floats, share: float) -> Floats:
    """An autoregression."""
    for t in range(1, values.shape[1]):
        values[:, t] += share * values[:, t - 1]
    return values


@pytest.mark.parametrize("name", STEADY)
def test_the_budget_holds(name: str) -> None:
    """One alarm in 5,000 records is allowed: in 300,000 hardly more than the sixty come."""
    alarms = sum(len(found(STEADY[name](np.random.default_rng(seed), 50_000), 5_000)) for seed in range(6))
    assert alarms <= 75
    assert (alarms == 0) == (name == "constants")


def test_a_bet_is_fair() -> None:
    """Turning a pair round turns the bet round, and nothing else."""
    x = np.linspace(-9, 9, 1001).tolist()
    assert [odd(-each) for each in x] == [-odd(each) for each in x]
    assert all(abs(odd(each)) < 1 for each in x)


def test_who_is_looked_at() -> None:
    """The first signals that have values get the seats; those that come too late or too many don't."""
    stream = np.full((10_000, 600), np.nan)
    stream[[7, 9_000]] = 1.0
    stream[3, 20:] = 2.0
    stream[5, 550:] = 2.0
    detector = Classifier(10_000, 1000, 2, 1)
    detector.update(stream)
    assert detector.seats.tolist() == [7, 9_000]
    wide = Classifier(10_000, 1000, 16, 1)
    wide.update(stream)
    assert wide.seats.tolist() == [7, 9_000, 3]


def test_every() -> None:
    """Signals that remember are looked at more seldom, as far as the spec does not say how often."""
    rng = np.random.default_rng(1)
    free, slow = Classifier(2, 1000, 16, 0), Classifier(2, 1000, 16, 0)
    free.update(rng.normal(size=(2, 600)))
    slow.update(remembering(rng.normal(size=(2, 600)), 0.8))
    assert free.every == 1
    assert free.rests(0) == ["records 1 apart are independent, by what their first 500 tell"]
    assert 5 <= slow.every <= 20
    assert build(2, {"every": 7}).asked == 7


def test_begun_anew() -> None:
    """Wholly, if one of its signals is rebaselined; others don't matter."""
    detector = Classifier(20, 1000, 16, 1)
    detector.allow(np.ones(20), 1e5)
    detector.update(np.random.default_rng(2).normal(size=(20, 1200)))
    detector.restart([18, 19])
    assert detector.levels().taken.tolist() == [1200] * 20
    assert np.isfinite(detector.levels().threshold).all()
    detector.restart([3])
    assert detector.levels().taken.tolist() == [0] * 20
    assert np.isposinf(detector.levels().threshold).all()


def test_without_a_part_of_its_own() -> None:
    """It has the parts of its signals put together."""
    detector = Classifier(4, 1000, 16, 1)
    detector.allow(np.full(4, 4_000.0), np.inf)
    assert detector.length == 1_000
