"""What comes in and what goes out is counted, whether or not a label ever comes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.metrics import Kind
from engine.metrics.inputs import Inputs
from engine.metrics.spread import BINS, Spread
from engine.shard import Shard
from tests.engine.cases import Feed, spec
from tests.engine.test_walk import stream, total

FIELDS = {
    "amount": {"type": "number", "min": 0, "path": "pay.amount"},
    "age": {"type": "integer", "required": False},
    "country": {"type": "category", "required": False},
    "channel": {"type": "category", "one_of": ["web", "app"]},
}


def report(*events: dict[str, Any], **metrics: Any) -> dict[str, dict[str, int]]:
    feed = Feed(events={"fields": FIELDS}, metrics=metrics)
    good = {"pay": {"amount": 1}, "age": 30, "country": "NL", "channel": "web"}
    feed("events", *(good | event for event in events))
    inputs = feed.shard.traffic.inputs
    assert inputs is not None
    return inputs.report()


def test_missing() -> None:
    """A feature that is null or not there at all."""
    found = report({"age": None}, {"age": None, "country": None}, {})
    assert (found["age"], found["country"]["missing"]) == ({"missing": 2}, 1)


def test_new_values() -> None:
    """A value of a category counts once, when it is first seen."""
    found = report({"country": "NL"}, {"country": "BE"}, {"country": "NL"}, {"country": "BE"})
    assert found == {"country": {"new": 2}, "channel": {"new": 1}}


def test_a_category_without_end() -> None:
    """Beyond the bound each value that is not remembered is new every time; those that are stay known."""
    events = [{"country": name} for name in ["a", "b", "c", "c", "a", "d"]]
    assert report(*events, values_max=2)["country"] == {"new": 5}


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        ({"pay": {"amount": -1}}, "amount", "out_of_range"),
        ({"pay": {"amount": "x"}}, "amount", "wrong_type"),
        ({"pay": {}}, "amount", "missing_field"),
        ({"channel": "phone"}, "channel", "unknown_category"),
        ({"channel": None}, "channel", "missing_field"),
    ],
)
def test_refused(event: dict[str, Any], field: str, reason: str) -> None:
    """The field for which an event was refused, with the reason of its dead letter."""
    assert report(event) == {field: {reason: 1}}


def test_what_is_not_asked_for() -> None:
    """Is not counted."""
    traffic = Feed(metrics={"inputs": False, "predictions": False}).shard.traffic
    assert (traffic.inputs, traffic.spread, traffic.state()) == (None, None, [None, None])


def test_predictions_by_class() -> None:
    """Each class that was predicted, the first so many on their own."""
    spread = Spread(Kind.MULTICLASS, 2)
    spread.add([None, "a", "b", "c", "a"], [None, 0.5, 1.0, 0.3, 0.2])
    assert spread.classes == {"none": 1, "a": 2, "other": 2}
    assert spread.histogram() == [(0.2, 0.25, 1), (0.3, 0.35, 1), (0.5, 0.55, 1), (0.95, 1.0, 1)]
    assert len(spread.below()) == BINS + 1


def test_numbers_of_any_size() -> None:
    """Each falls into a bin that holds it, some 6 % wide; the counts below each bound are right."""
    rng = random.Random(1)
    values = [rng.choice([-1, 1]) * 10 ** rng.uniform(-8, 13) for _ in range(500)] + [0.0]
    spread = Spread(Kind.REGRESSION, 10)
    spread.add(values, values)
    for low, high, n in spread.histogram():
        assert sum(low <= value < high or low < value <= high for value in values) >= n
        assert abs(high - low) <= max(0.0626 * max(abs(low), abs(high)), 1e-9)
    counts = {le: sum(value <= float(le) for value in values) for le, _ in spread.below()}
    assert dict(spread.below()) == pytest.approx(counts, abs=20)
    assert counts["+Inf"] == dict(spread.below())["+Inf"] == 501


def test_cuts_and_snapshots() -> None:
    """However a stream is cut, and from a snapshot at any place, the counts are the same."""
    fields = {
        "id": {"type": "text"},
        "at": {"type": "timestamp", "unit": "ms"},
        "amount": {"type": "number", "max": 15},
        "kind": {"type": "category", "required": False},
    }
    asked = spec(events={"id": "id", "time": "at", "fields": fields}, metrics={"values_max": 3})
    runs, whole = stream(11, 700), Shard(asked, 0)
    total(whole, runs[:7], None)
    thawed = Shard.thaw(asked, 0, b"".join(whole.freeze()))
    total(whole, runs[7:], None)
    total(thawed, runs[7:], random.Random(2))
    assert thawed.traffic.state() == whole.traffic.state()
    assert whole.traffic.inputs is not None
    assert set(whole.traffic.inputs.report()) == {"amount", "kind"}


def test_other_features_begin_anew() -> None:
    """Counts of features that are not there any more are left out."""
    before, after = (Inputs(names, [], {}, False, 10) for names in (["a", "b"], ["a"]))
    before.add([(None, 1.0)])
    after.restore(before.state())
    assert after.report() == {}
