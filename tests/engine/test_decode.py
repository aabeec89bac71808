"""What fits the spec goes on; what does not becomes a dead letter with a reason, and nothing else changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.reasons import Reason
from engine.shard import Shard
from tests.engine.cases import DAY, NOW, Feed, event, label, reasons, rows

BAD_EVENTS: dict[str, tuple[Any, Reason]] = {
    "broken JSON": (b'{"id": "b", "amount": 1', Reason.MALFORMED),
    "no JSON": (b"hello", Reason.MALFORMED),
    "an empty value": (b"", Reason.MALFORMED),
    "no UTF-8": (b'{"id": "b\xff", "amount": 1}', Reason.MALFORMED),
    "a list": ([1, 2], Reason.WRONG_TYPE),
    "a text for a number": (event("b", amount="7"), Reason.WRONG_TYPE),  # type: ignore[arg-type]
    "a fraction for an integer": (event("b", age=1.5), Reason.WRONG_TYPE),
    "a missing field": ({"id": "b"}, Reason.MISSING_FIELD),
    "null for a required field": (event("b", amount=None), Reason.MISSING_FIELD),  # type: ignore[arg-type]
    "an empty id": (event(""), Reason.MISSING_FIELD),
    "NaN": (b'{"id": "b", "amount": NaN}', Reason.NOT_FINITE),
    "infinity": (b'{"id": "b", "amount": -Infinity}', Reason.NOT_FINITE),
    "beyond a float": (b'{"id": "b", "amount": 1e999}', Reason.NOT_FINITE),
    "below min": (event("b", amount=-1), Reason.OUT_OF_RANGE),
    "above max": (event("b", amount=1001), Reason.OUT_OF_RANGE),
    "far past": (event("b", at=NOW - 9126 * DAY), Reason.TIME_OUT_OF_RANGE),
    "far future": (event("b", at=NOW + 2 * DAY), Reason.TIME_OUT_OF_RANGE),
    "no time at all": (event("b", at=1e300), Reason.TIME_OUT_OF_RANGE),
    "too large": (event("b", more="x" * 1_000_000), Reason.TOO_LARGE),
    "too deep": (b'{"id": "b", "amount": 1, "more": ' + b"[" * 40 + b"]" * 40 + b"}", Reason.TOO_DEEP),
    "very deep": (b'{"id": "b", "amount": 1, "more": ' + b"[" * 5000 + b"]" * 5000 + b"}", Reason.TOO_DEEP),
    "a repeated id": (event("a"), Reason.DUPLICATE_ID),
}
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_bad_event_is_a_dead_letter_and_its_neighbours_are_untouched(name: str) -> None:
    """The original bytes are kept, with the reason and the place; the events around it are predicted."""
    bad, reason = BAD_EVENTS[name]
    out = Feed()("events", event("a"), bad, event("c"))
    assert [row["event_id"] for row in rows(out.predictions)] == ["a", "c"]
    assert reasons(out) == [reason]
    assert out.dead_letters.values == [bad if isinstance(bad, bytes) else msgspec.json.encode(bad)]
    headers = dict((out.dead_letters.headers or [])[0])
    assert (headers["__streams.errors.topic"], headers["__streams.errors.offset"]) == (b"p.events", b"1")


BAD_LABELS: dict[str, tuple[Any, Reason]] = {
    "broken JSON": (b"{", Reason.MALFORMED),
    "no id": ({"label": True}, Reason.MISSING_FIELD),
    "no label": ({"event_id": "a"}, Reason.MISSING_FIELD),
    "a null label": (label("a", None), Reason.BAD_LABEL),
    "a text for a boolean": (label("a", "yes"), Reason.BAD_LABEL),
    "a negative weight": (label("a", weight=-1), Reason.OUT_OF_RANGE),
    "outside the wait": (label("a", label_time=NOW + 8 * DAY), Reason.LABEL_LATE),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_a_bad_label_is_a_dead_letter_and_the_event_goes_on_waiting(name: str) -> None:
    """A bad label does not use up the event: the right one still finds it."""
    bad, reason = BAD_LABELS[name]
    feed = Feed(labels={"time": "label_time"})
    feed("events", event("a", at=NOW))
    assert reasons(feed("labels", bad)) == [reason]
    assert len(feed("labels", label("a")).outcomes) == 1


def test_control_records_are_not_known_yet() -> None:
    """Until there are any, a control record is a dead letter, not a silence."""
    assert reasons(Feed()("control", {"do": "promote"})) == [Reason.UNKNOWN_CONTROL]


def test_brackets_in_texts_are_not_depth() -> None:
    """Only nesting counts as nesting."""
    assert len(Feed()("events", event("a", more="[{" * 100)).predictions) == 1


def test_fields_by_path_defaults_and_null() -> None:
    """Nested fields are read by path; a missing or null field with a default has it."""
    fields = {
        "country": {"type": "category", "path": "card.issuer.country", "default": "xx"},
        "amount": {"type": "number"},
        "limit": {"type": "number", "default": 5},
    }
    feed = Feed(events={"fields": fields}, model={"use": "tests.engine.cases:Seen"})
    feed(
        "events",
        {"amount": 1, "card": {"issuer": {"country": "de"}}, "limit": 7},
        {"amount": 1, "card": {"issuer": {}}, "limit": None},
        {"amount": 1},
    )
    seen = [tuple(x.values()) for x in feed.shard.model.model.seen]
    assert seen == [("de", 1.0, 7.0), ("xx", 1.0, 5.0), ("xx", 1.0, 5.0)]


def test_a_missing_optional_feature_is_left_out() -> None:
    """A model sees the features that are there, as River does it."""
    feed = Feed(model={"use": "tests.engine.cases:Seen"})
    feed("events", event("a", age=3), event("b"))
    assert feed.shard.model.model.seen == [{"amount": 1.0, "age": 3}, {"amount": 1.0}]


def test_categories_outside_one_of_are_refused_and_others_let_in() -> None:
    """`one_of` is a closed list; without it any text is a category."""
    fields = {"kind": {"type": "category", "one_of": ["a", "b"]}, "shop": {"type": "category"}}
    out = Feed(events={"fields": fields})("events", {"kind": "a", "shop": "new"}, {"kind": "c", "shop": "x"})
    assert len(out.predictions) == 1
    assert reasons(out) == [Reason.UNKNOWN_CATEGORY]


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (b'"2023-11-14T22:13:20Z"', NOW),
        (b'"2023-11-14T23:13:20+01:00"', NOW),
        (b'"2023-11-14T22:13:20.5"', NOW + 500),
        (b"1700000000", NOW),
        (b"1700000000.25", NOW + 250),
        (b"null", NOW + 7),
    ],
)
def test_times(value: bytes, ms: int) -> None:
    """ISO 8601 with or without a zone, seconds since the epoch, or else the record's own timestamp."""
    fields = {"at": {"type": "timestamp", "required": False}, "x": {"type": "number"}}
    out = Feed(events={"time": "at", "fields": fields})(
        "events", b'{"x": 1, "at": ' + value + b"}", at=NOW + 7
    )
    assert rows(out.predictions)[0]["event_time"] == ms


STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]
BINARY = [("ce_specversion", b"1.0"), ("ce_id", b"c7"), ("ce_time", b"2023-11-14T22:13:21Z")]


def cloud(**more: Any) -> dict[str, Any]:
    data = {
        "specversion": "1.0",
        "id": "c7",
        "source": "/shop",
        "type": "paid",
        "time": "2023-11-14T22:13:21Z",
    }
    return data | more


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ({"amount": 2}, BINARY),
        (cloud(data={"amount": 2}), STRUCTURED),
        (cloud(data_base64="eyJhbW91bnQiOiAyfQ=="), STRUCTURED),
    ],
)
def test_cloud_events_give_id_and_time(value: Any, headers: list[tuple[str, bytes]]) -> None:
    """Binary and structured mode: the attributes stand in for the id and the time of the event."""
    feed = Feed(events={"fields": {"amount": {"type": "number"}}})
    [row] = rows(feed("events", value, headers=[headers]).predictions)
    assert (row["event_id"], row["event_time"]) == ("c7", NOW + 1000)


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ({"amount": 2}, [("ce_specversion", b"0.3")]),
        ({"amount": 2}, STRUCTURED),
        (cloud(), STRUCTURED),
        (cloud(data_base64="%"), STRUCTURED),
    ],
)
def test_what_says_it_is_a_cloud_event_and_is_none(value: Any, headers: list[tuple[str, bytes]]) -> None:
    """It is a dead letter."""
    feed = Feed(events={"fields": {"amount": {"type": "number"}}})
    assert reasons(feed("events", value, headers=[headers]))[0] in (
        "malformed",
        "wrong_type",
        "missing_field",
    )


def test_a_trace_is_passed_on() -> None:
    """`traceparent` goes from the event to its prediction, and nothing else does."""
    headers = [TRACE, ("other", b"x"), ("tracestate", b"a=1")]
    out = Feed()("events", event("a"), event("b"), headers=[headers, []])
    assert out.predictions.headers == [[TRACE, ("tracestate", b"a=1")], []]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"00-1",
        TRACE[1][:-1],
        TRACE[1].upper(),
        TRACE[1] + b"-01",
        TRACE[1] + b"\n",
        b"ff" + TRACE[1][2:],
        b"00-" + b"0" * 32 + TRACE[1][35:],
        TRACE[1][:36] + b"0" * 16 + TRACE[1][52:],
    ],
)
def test_what_is_no_trace_is_dropped(text: bytes) -> None:
    """With what belongs to it; the event is scored all the same."""
    headers = [("traceparent", text), ("tracestate", b"a=1")]
    out = Feed()("events", event("a"), headers=[headers])
    assert out.predictions.headers in (None, [[]])
    assert len(out.predictions) == 1


def test_one_trace_at_most() -> None:
    """Two are none; a state that is too long is left out; a later version may say more."""
    later = ("traceparent", b"01" + TRACE[1][2:] + b"-more")
    given = [[TRACE, TRACE], [TRACE, ("tracestate", b"a" * 513)], [later]]
    out = Feed()("events", event("a"), event("b"), event("c"), headers=given)
    assert out.predictions.headers == [[], [TRACE], [later]]


@pytest.mark.parametrize(
    ("labels", "given", "wanted"),
    [
        ({}, [True, 0, 1.0], [True, False, True]),
        ({"positive": "UP"}, ["UP", "DOWN", "up"], [True, False, False]),
        ({"positive": 2}, [2, "2", 1], [True, True, False]),
        ({"type": "category"}, ["a", 7], ["a", "7"]),
    ],
)
def test_kinds_of_labels(labels: dict[str, Any], given: list[Any], wanted: list[Any]) -> None:
    """Booleans, categories, and any label made boolean by `positive`."""
    feed = Feed(labels={"in_event": "y", **labels}, model={"use": "tests.engine.cases:Picky"})
    feed("events", *(event(str(i), y=y) for i, y in enumerate(given)))
    assert [y for _, y in feed.shard.model.model.learned] == wanted


BIG = b"1" + b"0" * 400  # whole, and beyond a float
BAD, FAR = Reason.BAD_LABEL, Reason.NOT_FINITE
ANYTHING: list[bytes] = [
    *(b"true", b"1", b"1.0", b"-1", b"0.5", b"1e400", b"NaN", BIG),
    *(b'"x"', b'"1"', b'""', b"[]", b"[1]", b"{}"),
]
ALL_BAD: list[Reason | None] = [BAD, BAD, BAD, BAD]
NAMES: list[Reason | None] = [None, BAD, None, BAD, FAR, FAR, None, None, None, None, *ALL_BAD[1:]]
KINDS_OF_LABELS: dict[str, tuple[dict[str, Any], list[Reason | None]]] = {
    "boolean": ({"type": "boolean"}, [None, None, None, BAD, BAD, FAR, FAR, BAD, BAD, BAD, *ALL_BAD]),
    "category": (
        {"type": "category"},
        [BAD, *NAMES],
    ),
    "number": ({"type": "number"}, [BAD, None, None, None, None, FAR, FAR, FAR, BAD, BAD, *ALL_BAD]),
    "positive": (
        {"positive": "x"},
        [None, *NAMES],
    ),
}


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("kind", KINDS_OF_LABELS)
def test_labels_of_any_type(kind: str, within: bool) -> None:
    """Whatever JSON holds as a label, in an event or in a record: it is learned, or a dead letter."""
    labels, wanted = KINDS_OF_LABELS[kind]
    use = "linear_regression" if kind == "number" else "tests.engine.cases:Picky"
    found = list[str | None]()
    for given in ANYTHING:
        feed = Feed(labels=labels | ({"in_event": "y"} if within else {}), model={"use": use})
        if within:
            out = feed("events", b'{"id": "a", "amount": 1, "y": %b}' % given)
        else:
            feed("events", event("a"))
            out = feed("labels", b'{"event_id": "a", "label": %b}' % given)
        found.append(next(iter(reasons(out)), None))
        assert len(out.outcomes) == (found[-1] is None)
    assert found == wanted


def test_one_class_too_many() -> None:
    """Of labels that are categories so many classes are taught; a label of another is a dead letter."""
    given = {"labels": {"type": "category"}, "limits": {"classes_max": 2}}
    feed = Feed(**given, model={"use": "tests.engine.cases:Picky"})
    feed("events", *(event(str(i)) for i in range(5)))
    out = feed("labels", *(label(str(i), y) for i, y in enumerate(["a", "b", "c", "a", "d"])))
    assert reasons(out) == ["bad_label", "bad_label"]
    assert [row["label"] for row in rows(out.outcomes)] == ["a", "b", "a"]
    assert len(feed("labels", label("2", "b")).outcomes) == 1  # the event waited on


def test_one_class_too_many_in_events() -> None:
    """However cut, and from a snapshot: the same two of the three classes."""
    given = {"labels": {"in_event": "y", "type": "category"}, "limits": {"classes_max": 2}}
    whole, single = Feed(**given, model={"use": "naive_bayes"}), Feed(**given, model={"use": "naive_bayes"})
    records = [event(str(i), y=y) for i, y in enumerate(["a", None, "b", "c", "a", "c"])]
    wanted = reasons(whole("events", *records))
    found = []
    for record in records:
        found += reasons(single("events", record))
        single.shard = Shard.thaw(single.shard.spec, 0, b"".join(single.shard.freeze()))
    assert found == wanted == ["bad_label", "bad_label"]
    assert single.shard.digest() == whole.shard.digest()
