"""Events and labels by the API: what fits is in its topic when the answer comes, nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors import open_log
from engine.spec import Spec
from streams.partition import partition_of
from tests.parts.serving import Serving

FIELDS = {"id": {"type": "text"}, "card": {"type": "text"}, "amount": {"type": "number", "min": 0}}
URL = "memory://publish"
SPEC = {
    "pipeline": "p",
    "transport": URL,
    "partitions": 3,
    "events": {"id": "id", "key": "card", "fields": FIELDS},
    "serve": {"batch_max": 5},
}
EVENT = {"id": "1", "card": "anna", "amount": 1.5}
LABEL = {"event_id": "1", "card": "anna", "label": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    """A server over three partitions."""
    with Serving(Spec.model_validate(SPEC)) as server:
        yield server


def there(what: str, place: dict[str, int]) -> Any:
    """The record at a place."""
    [record, *_] = open_log(URL).read(f"p.{what}", place["partition"], place["offset"]).records()
    return record


def counts(what: str) -> int:
    return sum(end for _, end in open_log(URL).bounds(f"p.{what}"))


@pytest.mark.parametrize(("what", "row"), [("events", EVENT), ("labels", LABEL)])
def test_one_is_sent(server: Serving, what: str, row: Any) -> None:
    """It lies where the answer says, in its entity's partition, with its bytes."""
    answer = server.post(f"/v1/{what}", row, traceparent="00-1-2-01")
    [place] = answer.json["places"]
    record = there(what, place)
    assert (answer.status, answer.json["topic"]) == (202, f"p.{what}")
    assert (record.key, place["partition"]) == (b"anna", partition_of(b"anna", 3))
    assert b'"anna"' in record.value
    assert list(record.headers) == [("traceparent", b"00-1-2-01")]


@pytest.mark.parametrize("shape", ["list", "named", "lines"])
def test_many_are_sent(server: Serving, shape: str) -> None:
    """As a list, under a name, or line by line; places come in their order."""
    rows = [{**EVENT, "card": f"c{n}", "amount": n} for n in range(4)]
    lines = b"\n".join(b'{"id": "%d", "card": "c%d", "amount": %d}' % (n, n, n) for n in range(4))
    body: Any = {"list": rows, "named": {"events": rows}, "lines": lines}[shape]
    kind = "application/x-ndjson" if shape == "lines" else "application/json"
    places = server.post("/v1/events", body, Content_Type=kind).json["places"]
    assert [there("events", place).key for place in places] == [b"c0", b"c1", b"c2", b"c3"]


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({**EVENT, "amount": "much"}, "wrong_type", "amount"),
        ({**EVENT, "amount": -1}, "out_of_range", "amount"),
        ({"id": "1", "amount": 1}, "missing_field", "card"),
        ([1], "wrong_type", None),
    ],
)
def test_what_does_not_fit_is_refused(server: Serving, row: Any, reason: str, field: str | None) -> None:
    """With the reason that a dead letter would have, and the field; none of the others is sent."""
    before = counts("events")
    answer = server.post("/v1/events", [EVENT, row])
    [error] = answer.json["errors"]
    assert (answer.status, error["row"], error["reason"], error["field"]) == (422, 1, reason, field)
    assert counts("events") == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"id": ' + b"[" * 100 + b"]" * 100 + b"}", 422),
        ([EVENT] * 6, 413),
    ],
)
def test_bad_bodies_are_told(server: Serving, body: Any, status: int) -> None:
    """What is no JSON, nested without end, empty or too many."""
    answer = server.post("/v1/events", body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_label_needs_its_entity(server: Serving) -> None:
    """Of several partitions nobody can tell which holds its event."""
    answer = server.post("/v1/labels", {"event_id": "1", "label": True})
    assert (answer.status, answer.json["reason"]) == (422, "missing_field")
    assert server.post("/v1/labels", {**LABEL, "label": "perhaps"}).json["reason"] == "bad_label"
