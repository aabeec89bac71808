"""Evidence: since when, what kind, how much, in which signals and from where; the same whatever the cuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.drift.detector import TOGETHER, Alarm, Floats
from engine.drift.evidence.record import Drift, read
from engine.drift.evidence.reference import Window
from engine.drift.evidence.witness import Witness
from engine.drift.panel import Found
from engine.drift.signals import Kind, Signal, place
from engine.outputs import Origin
from engine.state import digest

ORIGIN = Origin("p", "logistic_regression", "v1", "p.events", 0)
SIGNALS = [
    Signal(Kind.VALUE, "x"),
    Signal(Kind.VALUE, "y"),
    Signal(Kind.CATEGORY, "country", categories=True),
    Signal(Kind.MISSING, "y"),
]
N, AT = 3_000, 2_500
NAMES = ["NL", "BE", "BR"]


def stream(seed: int = 1) -> Floats:
    """Two numbers, a category, and the share in which the second number is missing."""
    rng = np.random.default_rng(seed)
    countries = np.array([*map(place, NAMES)])[rng.choice(3, N, p=[0.6, 0.3, 0.1])]
    missing = (rng.random(N) < 0.1).astype(float)
    y = np.where(missing > 0, np.nan, rng.normal(size=N))
    return np.stack([rng.normal(size=N), y, countries, missing])


def alarm(row: int, at: int, back: int = 0) -> Alarm:
    return Alarm(at, row, 1e6, 1e5, back, "up")


def walked(
    block: Floats,
    alarms: list[Alarm],
    cut: int = 256,
    producer: Callable[[int], Any] = lambda i: "a",
    restore_at: int = -1,
) -> tuple[list[Drift | None], Witness]:
    """What is told of alarms whose columns are those of the whole stream."""
    made = partial(Witness, "events", ORIGIN, SIGNALS, Window(n=1_000), by=["producer"])
    witness, told = made(), []
    witness.names.learn("country", NAMES)
    for start in range(0, block.shape[1], cut):
        if start >= restore_at >= 0:
            other, restore_at = made(), -1
            other.restore(witness.state())
            witness = other
        part = block[:, start : start + cut].copy()
        size = part.shape[1]
        here = [a._replace(at=a.at - start) for a in alarms if start <= a.at < start + size]
        found = [Found(a.at, a.at, size - 1 - a.at, a.signal, "rank_sr", a, a.back) for a in here]
        numbers = np.arange(start, start + size)
        origins = [[*map(producer, numbers.tolist())]]
        taken = witness.take(part, numbers, 1_000 * numbers, origins, found)
        told += [each.drift for each in taken]
    return told, witness


def one(block: Floats, given: Alarm, **more: Any) -> Drift:
    drift = walked(block, [given], **more)[0][0]
    assert drift is not None
    return drift


def test_a_shift_is_told() -> None:
    """Since when, of which kind, how large, and in which signal most."""
    block = stream()
    block[0, AT:] += 1.5
    drift = one(block, alarm(0, AT + 30, back=25))
    assert abs(drift.start.offset - AT) <= 6
    assert (drift.change, drift.direction, drift.effect) == ("mean", "up", "cohens_d")
    assert drift.effect_size == pytest.approx(1.5, abs=0.4)
    assert drift.p_value is not None
    assert drift.p_value < 1e-6
    assert (drift.top_features[0].signal, drift.top_features[0].share > 0.8) == ("x", True)
    assert drift.detected.offset == drift.current.last_offset == AT + 30
    assert not drift.start.bounded


CHANGES: dict[str, tuple[int, Callable[[Floats, Any], Floats], str]] = {
    "spread": (0, lambda x, rng: 2 * x, "spread"),
    "two humps": (0, lambda x, rng: np.sign(x) * 0.98 + 0.2 * rng.normal(size=len(x)), "shape"),
    "integers": (0, lambda x, rng: rng.poisson(3, len(x)).astype(float), "mean"),
    "a constant": (0, lambda x, rng: np.full(len(x), 0.3), "spread"),
    "missing": (3, lambda x, rng: (rng.random(len(x)) < 0.6).astype(float), "missing"),
    "categories": (2, lambda x, rng: np.where(rng.random(len(x)) < 0.5, place("BR"), x), "categories"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_kinds(name: str) -> None:
    """Each kind of change is called by its name, and its start is found."""
    row, change, kind = CHANGES[name]
    block = stream()
    block[row, AT:] = change(block[row, AT:], np.random.default_rng(7))
    drift = one(block, alarm(row, AT + 200))
    assert drift.change == kind
    assert abs(drift.start.offset - AT) <= 12
    assert read(drift.json()) == drift


def test_categories_are_named() -> None:
    """Shares then and now; what was not there is new, what has no name says so."""
    block = stream()
    block[2, AT::2] = place("XX")
    drift = one(block, alarm(2, AT + 150))
    first = drift.categories[0]
    assert (first.category, first.before, first.new) == ("(unnamed)", 0.0, True)
    assert {c.category for c in drift.categories[1:]} == set(NAMES)
    assert drift.shows is not None
    assert drift.effect == "total_variation"
    assert drift.effect_size == pytest.approx(0.5, abs=0.08)


def test_who_carries_it() -> None:
    """A producer that is new, and one that was there, are named; one that all come from is not."""
    block = stream()
    block[0, AT::3] += 4
    new = one(block, alarm(0, AT + 60), producer=lambda i: "b" if i >= AT and (i - AT) % 3 == 0 else "a")
    assert new.suspected_cause == f"all of it comes from producer=b, first seen at offset {AT:,}"
    old = one(block, alarm(0, AT + 60), producer=lambda i: "b" if (i - AT) % 3 == 0 else "a")
    assert old.suspected_cause is not None
    assert "producer=b" in old.suspected_cause
    assert "first seen" not in old.suspected_cause
    assert one(block, alarm(0, AT + 60)).suspected_cause is None
    shares = {group.value: group.share for group in old.groups}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("cut", [1, 7, 1_024, N])
def test_cuts_change_nothing(cut: int) -> None:
    """The same drifts to the byte and the same state, restored half-way or not."""
    block = stream(3)
    block[0, 1_400:] += 2
    block[2, AT:] = place("BR")
    alarms = [alarm(0, 1_430, 40), alarm(TOGETHER, 1_435), alarm(0, 1_800, 5), alarm(2, AT + 9, 9)]
    producer = lambda i: f"p{i * i % 101}"  # noqa: E731
    told, witness = walked(block, alarms, cut, producer, restore_at=1_433)
    same, other = walked(block, alarms, 256, producer)
    assert [drift and drift.json() for drift in told] == [drift and drift.json() for drift in same]
    assert digest(witness.state()) == digest(other.state())


def test_all_together() -> None:
    """An alarm of all signals is told by the signal that shows it best."""
    block = stream()
    block[1, AT:] -= 2
    drift = one(block, alarm(TOGETHER, AT + 40))
    assert (drift.signal, drift.feature) == ("together", "")
    assert drift.top_features[0].signal == "y"
    assert abs(drift.start.offset - AT) <= 5


def test_other_things_that_moved() -> None:
    """Values that go missing, and another rate of records, are told beside the change itself."""
    block = stream()
    block[1, AT:] += 2
    block[1, AT::2] = np.nan
    found = {change.kind: change for change in one(block, alarm(1, AT + 150)).changes}
    assert found["missing"].now == pytest.approx(0.55, abs=0.1)
    assert found["missing"].before == pytest.approx(0.1, abs=0.03)


def test_before_the_reference_is_there() -> None:
    """With few values it is compared with those before the change, and says so."""
    block = stream()[:, :300]
    block[0, 250:] += 3
    drift = one(block, alarm(0, 280))
    assert drift.reference.window == f"the {drift.reference.n} before"
    assert abs(drift.start.offset - 250) <= 3


def test_it_began_before_what_is_remembered() -> None:
    """The start is told as the latest it can be."""
    block = stream()
    block[0, 1_100:] += 1
    drift = one(block, alarm(0, N - 1))
    assert drift.start.bounded
    assert drift.start.records >= 1_000


ODD = {
    "constant": np.zeros(N),
    "missing": np.full(N, np.nan),
    "infinite": np.where(np.arange(N) % 2, np.inf, -np.inf),
    "huge": np.where(np.arange(N) % 2, 1e308, -1e308),
    "one value": np.where(np.arange(N) == AT, 1.0, np.nan),
    "new every record": np.random.default_rng(1).random(N),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("row", [0, 2, 3, TOGETHER])
def test_odd_streams(odd: str, row: int) -> None:
    """Whatever a signal is, an alarm is told, in JSON that holds."""
    block = stream()
    block[[0, 2, 3]] = ODD[odd]
    told, _ = walked(block, [alarm(row, 0), alarm(row, AT, 20), alarm(row, AT + 1)])
    for drift in told:
        assert drift is not None
        assert read(drift.json()) == drift


def test_a_constant_that_changes() -> None:
    """It has no spread to be measured by, and is found nevertheless."""
    block = stream()
    block[0] = np.where(np.arange(N) < AT, 5.0, 6.0)
    drift = one(block, alarm(0, AT + 5))
    assert (drift.start.offset, drift.change, drift.direction) == (AT, "mean", "up")


def test_too_many_to_be_told() -> None:
    """So many are told between two turns, the others are counted."""
    signals = [Signal(Kind.VALUE, f"x{i}") for i in range(10_000)]
    witness = Witness("events", ORIGIN, signals, told_max=3)
    block = np.full((10_000, 8), np.nan)
    block[5] = np.arange(8.0)
    found = [Found(7, 7, 0, row, "ks", alarm(row, 7), 0) for row in range(5)]
    told = witness.take(block, np.arange(8), np.arange(8), [], found)
    assert [each.drift is not None for each in told] == [True, True, True, False, False]
    assert witness.dropped == 2
    witness.turn([])
    assert (witness.told, witness.dropped) == (0, 0)
