"""Sketches and references: small, mergeable, the same however values come, and honest about it."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from engine.drift.detector import Floats
from engine.drift.evidence import recorded
from engine.drift.evidence.counts import KEPT, ROOM, Counts
from engine.drift.evidence.reference import Reference, References, Window, made
from engine.drift.evidence.sketch import Sketch
from engine.drift.signals import Kind, Signal, place
from engine.errors import SpecError
from engine.state import digest

CUTS = (1, 7, 256, 100_000)
SIGNALS = [Signal(Kind.VALUE, "x"), Signal(Kind.CATEGORY, "country", categories=True)]
SHAPES: dict[str, Callable[[int], Floats]] = {
    "rising": lambda n: np.arange(n, dtype=float),
    "falling": lambda n: np.arange(n, dtype=float)[::-1],
    "cauchy": lambda n: np.random.default_rng(1).standard_cauchy(n),
    "ties": lambda n: np.random.default_rng(2).integers(0, 9, n).astype(float),
}


def rank_error(sketch: Sketch, values: Floats) -> float:
    """The largest difference of a rank from the true one, in shares."""
    asked = np.quantile(values, np.linspace(0, 1, 201))
    truth = np.searchsorted(np.sort(values), asked, "right") / len(values)
    return float(np.abs([sketch.rank(x) for x in asked] - truth).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_ranks_are_near(shape: str) -> None:
    """Exact up to k values, within 3 / k far beyond, and small."""
    values = SHAPES[shape](200_000)
    sketch = Sketch(128)
    sketch.add(values[:128])
    assert rank_error(sketch, values[:128]) < 1e-12
    sketch.add(values[128:])
    assert rank_error(sketch, values) < 3 / 128
    assert sum(map(len, sketch.levels)) < 5 * 128
    assert (sketch.n, sketch.low, sketch.high) == (200_000, values.min(), values.max())


def test_sketches_merge() -> None:
    """What two shards saw is as good as if one had seen it."""
    values = SHAPES["cauchy"](50_000)
    parts = [Sketch(128) for _ in range(5)]
    for sketch, part in zip(parts, np.split(values, 5), strict=True):
        sketch.add(part)
    for sketch in parts[1:]:
        parts[0].merge(sketch)
    assert parts[0].n == 50_000
    assert rank_error(parts[0], values) < 3 / 128


@pytest.mark.parametrize("cut", CUTS)
def test_cuts_change_nothing(cut: int) -> None:
    """The same values make the same sketches, counts and references, and a restart is where it is."""
    values = np.random.default_rng(3).integers(0, 900, (2, 5_000)) / 1000
    values[:, ::5] = np.nan
    found = []
    for size in (cut, 1_000):
        references = References(SIGNALS, Window("sliding", 700))
        for start in range(0, 5_000, size):
            references.add(values[:, start : start + size])
        found.append(digest(references.state()))
    assert found[0] == found[1]


@pytest.mark.parametrize("how", ["first", "sliding", "since"])
def test_windows(how: str) -> None:
    """The first values, the latest whole lot, or all up to it; before a change that is under way."""
    references = References(SIGNALS[:1], Window(how, 100))
    references.add(np.arange(1_050.0)[None])
    before, now = references.at(0, back=80), references.at(0, back=10)
    assert before is not None
    assert now is not None
    told = {"first": (0, 99, 99), "sliding": (900, 999, 899), "since": (0, 999, 899)}[how]
    upto = {"first": 99, "sliding": 999, "since": 999}[how]
    assert (before.values.low, before.values.high) == (told[0] - 100 * (how == "sliding"), told[2])  # type: ignore[union-attr]
    assert how != "first" or now.values.high == upto  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", [3, 1_000])
def test_records_without_a_value(cut: int) -> None:
    """One value in thirty: the share that is missing does not depend on the cuts, nor does the state."""
    values = np.where(np.arange(3_000) % 30 == 17, 1.0, np.nan)[None].repeat(2, axis=0)
    one, other = References(SIGNALS, Window(n=40)), References(SIGNALS, Window(n=40))
    for references, size in ((one, cut), (other, 64)):
        for start in range(0, 1_700, size):
            references.add(values[:, start : min(start + size, 1_700)])
    found = one.at(0)
    assert found is not None
    assert found.asked == 39 * 30 + 18
    assert digest(one.state()) == digest(other.state())


def test_restored_goes_on_alike() -> None:
    """A reference that was saved half-way ends up the same."""
    values = np.random.default_rng(4).normal(size=(2, 3_000))
    one, other = References(SIGNALS, Window(n=1_500)), References(SIGNALS, Window(n=1_500))
    one.add(values[:, :1_000])
    other.restore(one.state())
    for each in (one, other):
        each.add(values[:, 1_000:])
    assert digest(one.state()) == digest(other.state())
    assert one.wanted(0) == 0


def test_missing_and_restart() -> None:
    """The share without a value is told; a restart forgets; what is recorded stays until it is replaced."""
    references = References(SIGNALS[:1], Window(n=10), {"x": made(np.arange(5.0))})
    values = np.where(np.arange(40) % 4 == 0, np.nan, 1.0)[None]
    references.add(values)
    references.restart([0], by="ks")
    found = references.at(0)
    assert found is not None
    assert found.n == 5
    references.restart([0])
    assert references.at(0) is None
    references.add(values)
    found = references.at(0)
    assert found is not None
    assert found.missing == pytest.approx(4 / 14)


def test_what_was_before_an_alarm() -> None:
    """It is known to other detectors until there is something new, and to that one it is settled."""
    references = References(SIGNALS[:1], Window(n=10))
    references.add(np.arange(10.0)[None])
    references.restart([0], by="ks")
    assert (references.at(0, by="ks"), references.remembered(0)) == (None, 0)
    assert references.at(0, by="rank_sr").n == 10  # type: ignore[union-attr]
    references.add(np.full((1, 10), 5.0))
    assert references.at(0, by="ks").values.low == 5.0  # type: ignore[union-attr]


def test_a_new_category_every_record() -> None:
    """Counts stay bounded, the frequent category stays known, nothing is lost from the sum."""
    values = np.random.default_rng(5).random(20_000)
    values[::3] = place("BR")
    counts = Counts()
    for part in np.array_split(values, 13):
        counts.add(part)
    assert len(counts.known) <= ROOM
    assert counts.share(place("BR")) == pytest.approx(1 / 3, abs=0.001)
    assert sum(counts.known.values()) + counts.others == counts.n == 20_000
    assert len(counts.top()) == KEPT


@pytest.mark.parametrize("values", [[], [math.nan], [5.0] * 9, [math.inf, -math.inf, 1.0], [1e308, -1e308]])
def test_odd_values(values: list[float]) -> None:
    """Nothing, constants, infinities and the largest floats are told without a warning."""
    reference = made(np.array(values))
    told = reference.told()
    assert told["n"] == sum(not math.isnan(v) for v in values)
    assert reference.missing == (1.0 if values == [math.nan] or any(map(math.isnan, values)) else 0.0)


def test_it_is_written_and_read() -> None:
    """A reference goes to a file and comes back, small, with categories by name."""
    rng = np.random.default_rng(6)
    countries = [*map(place, ["NL", "BR", "secret"])]
    column = np.array(countries)[rng.choice(3, 5_000, p=[0.7, 0.2, 0.1])]
    names = {place("NL"): "NL", place("BR"): "BR"}
    given = {"x": made(rng.normal(size=5_000)), "country": made(column, categories=True)}
    text = recorded.written(given, lambda _, value: names.get(value))
    assert len(text) < 8_000
    back = recorded.read(text)
    assert back["x"].told()["median"] == pytest.approx(0, abs=0.08)
    assert back["country"].values.share(place("BR")) == pytest.approx(0.2, abs=0.02)  # type: ignore[union-attr]
    assert back["country"].values.others == pytest.approx(500, abs=80)  # type: ignore[union-attr]


def test_few_points_are_told() -> None:
    """Of a hundred thousand numbers 128, and no rank is off by more than 1 / 128."""
    values = SHAPES["cauchy"](100_000)
    whole = Sketch(100_000)
    whole.add(values)
    told = whole.told()
    small = Sketch.of(told["points"], told["min"], told["max"])
    assert len(told["points"]) == 128
    assert rank_error(small, values) < 1 / 128


def problem(change: dict[str, object]) -> str:
    entry = {"kind": "numbers", "n": 2, "missing": 0, "min": 0, "max": 1, "points": [[0, 1], [1, 1]]}
    text = msgspec.json.encode({"driftline_reference": 1, "signals": {"x": entry | change}})
    with pytest.raises(SpecError) as raised:
        recorded.read(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n": 3}, "it counts 2 values and says n is 3"),
        ({"points": [[7, 2]]}, "a point lies outside min and max"),
        ({"points": [[0, -1], [1, 3]]}, "a count is negative"),
        ({"kind": "text"}, "invalid value 'text' - at `$.signals[...].kind`"),
        ({"extra": 1}, "object contains unknown field `extra`"),
    ],
)
def test_a_wrong_file_is_refused(change: dict[str, object], told: str) -> None:
    """The sentence says what is wrong, and in which signal."""
    assert told in problem(change)


def test_a_file_that_is_none() -> None:
    """Neither is any other text taken, nor another version."""
    with pytest.raises(SpecError, match="not what driftline drift export writes"):
        recorded.read("amount,country\n")
    with pytest.raises(SpecError, match="has version 2, this program reads 1"):
        recorded.read('{"driftline_reference": 2, "signals": {}}')


def test_nothing_was_taken() -> None:
    """An empty reference has no figures, and no failures either."""
    told = Reference(categories=True).told()
    assert told == {"n": 0, "missing": 0.0, "categories": 0}
    assert math.isnan(Sketch().quantile(0.5))
