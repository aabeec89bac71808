"""Where a row goes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.spec import Spec
from streams.cells import boolean, loose
from streams.partition import partition_of
from streams.routing import Homeless, Router, milliseconds
from streams.rows import Row

FIELDS = {
    "id": {"type": "text"},
    "card": {"type": "category", "path": "card.number"},
    "x": {"type": "number"},
}


def spec(labels: dict[str, Any] | None = None, **events: str) -> Spec:
    return Spec.model_validate(
        {"pipeline": "p", "events": {"fields": FIELDS, **events}, "labels": labels or {}}
    )


def row(**data: Any) -> Row:
    return Row(b"...", data)


def test_an_event_goes_by_its_key() -> None:
    """Which may be nested."""
    place = Router(spec(id="id", key="card"), "events", 8).place(row(id="e", card={"number": 17}))
    assert place[:2] == (partition_of(b"17", 8), b"17")


def test_an_event_without_key_goes_by_its_id() -> None:
    """And so does its label."""
    event = Router(spec(id="id"), "events", 8).place(row(id="e1"))
    label = Router(spec(id="id"), "labels", 8).place(row(event_id="e1", label=True))
    assert event == label == (partition_of(b"e1", 8), b"e1", None)


def test_events_without_any_name_take_turns() -> None:
    """Their labels find them by the place that is their id."""
    router = Router(spec(), "events", 3)
    assert [router.place(row(x=1)).partition for _ in range(4)] == [0, 1, 2, 0]
    assert Router(spec(), "labels", 3).place(row(event_id="p.events-2-5")).partition == 2


def test_a_label_without_entity_has_no_home() -> None:
    """What is no JSON has one: it is a dead letter wherever it is."""
    router = Router(spec(id="id", key="card"), "labels", 4)
    with pytest.raises(Homeless, match="Add 'card' to each label"):
        router.place(row(event_id="e1"))
    assert router.place(Row(b"{", None)).partition == 0


def test_a_label_may_name_its_entity_otherwise() -> None:
    """With `labels.key`."""
    router = Router(spec({"key": "who"}, key="card"), "labels", 4)
    assert router.place(row(event_id="e1", who="c")).key == b"c"


@pytest.mark.parametrize("named", ["p.events-99-5", "e1", ""])
def test_a_place_that_there_is_not_goes_somewhere(named: str) -> None:
    """The engine finds no event for it there either."""
    router = Router(spec({"by": "prediction_id"}), "labels", 4)
    assert router.place(row(event_id=named)).partition == 0


@pytest.mark.parametrize("value", [None, "soon", [], float("inf"), -5, 1e300, msgspec.Raw(b"-1")])
def test_a_time_that_is_none(value: Any) -> None:
    """Then the record has the time when it is sent."""
    assert milliseconds(value, 1000) is None


def test_cells_look_like_what_they_are() -> None:
    """Booleans in several spellings; without a type what a cell looks like."""
    assert [boolean(cell) for cell in ("Yes", "0", "maybe")] == [True, False, "maybe"]
    assert [loose(cell) for cell in ("TRUE", "x")] == [True, "x"]
