"""Asking a shard beside the stream: it says what the stream would say next, and nothing changes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from connectors.log import Batch
from engine.peek import Peek
from engine.shard import Shard
from engine.spec import Spec

FIELDS = {
    "id": {"type": "text"},
    "card": {"type": "text"},
    "at": {"type": "timestamp", "unit": "ms"},
    "amount": {"type": "number", "required": False},
    "shop": {"type": "category", "required": False},
}
WINDOWS = [
    *("amount", "shop"),
    {"name": "sum", "agg": "sum", "of": "amount", "by": "card", "over": "1m"},
    {"name": "most", "agg": "max", "of": "amount", "by": "card", "over": "10s", "own": False},
    {"name": "z", "agg": "zscore", "of": "amount", "by": "shop", "over": "1m"},
    {"name": "today", "agg": "count", "by": ["card", "shop"], "over": "30s", "window": "tumbling"},
    {"name": "shops", "agg": "distinct", "of": "shop", "by": "card", "over": "1m"},
    {"name": "gap", "agg": "since_last", "by": "card"},
    {"name": "before", "agg": "last", "of": "shop", "by": "card"},
    {"name": "fading", "agg": "ewm", "of": "amount", "by": "card", "half_life": "20s"},
    {"name": "filled", "make": "fill", "of": "amount", "value": "mean"},
    {"name": "risk", "make": "target", "of": "shop"},
]
SPECS: dict[str, dict[str, Any]] = {
    "fields": {"features": ["amount", "shop"]},
    "windows": {
        "features": WINDOWS,
        "limits": {"window_events_max": 4, "distinct_max": 4, "lateness_max": "5s"},
    },
    "few keys": {"features": WINDOWS, "limits": {"entities_max": 3, "categories_max": 2}},
    "tree": {"features": WINDOWS, "model": {"use": "hoeffding_tree"}, "confidence": {"coverage": 0.8}},
    "anomalies": {"features": ["amount"], "model": {"use": "half_space_trees"}, "labels": {}},
    "series": {"forecast": {"of": "amount", "horizon": 2}, "model": {"use": "holt_winters"}, "labels": {}},
}


def spec(**changes: Any) -> Spec:
    events = {"id": "id", "key": "card", "time": "at", "fields": FIELDS}
    return Spec.model_validate({"pipeline": "p", "events": events, "labels": {"in_event": "bad"}, **changes})


def made(count: int) -> list[dict[str, Any]]:
    """Events of a few cards, some late, some with gaps."""
    draw = random.Random(7)
    events = []
    for n in range(count):
        event = {
            "id": f"e{n}",
            "card": draw.choice("abcde"),
            "at": 1000 * n - draw.choice([0, 0, 4000, 9000]),
        }
        if draw.random() < 0.8:
            event["amount"] = round(draw.gauss(50, 20), 2)
        if draw.random() < 0.8:
            event["shop"] = f"s{draw.randrange(9)}"
        events.append({**event, "bad": draw.random() < 0.3})
    return events


def batch(first: int, *events: dict[str, Any]) -> Batch:
    values, end = [json.dumps(event).encode() for event in events], first + len(events)
    return Batch(
        "p.events", 0, first, end, range(first, end), [10**6] * len(events), [None] * len(events), values
    )


@pytest.mark.parametrize("name", SPECS)
def test_a_peek_says_what_comes_next(name: str) -> None:
    """The next event's prediction is the one that a copy of the shard was asked for before it came."""
    shard, events, asked = Shard(spec(**SPECS[name]), 0), made(120), 0
    for n, event in enumerate(events):
        if n % 10 == 9:
            twin = Shard.thaw(shard.spec, 0, b"".join(shard.freeze()))
            peek, before = Peek(twin), twin.fold.state()
            found, _ = shard.decoder.events(batch(n, event))
            scores = peek.ask(found)
            told = json.loads(shard.walk(batch(n, event)).predictions.values[0] or b"")
            assert (scores.predictions[0], scores.scores[0]) == (told["prediction"], told["score"])
            assert str(twin.fold.state()) == str(before)
            asked += 1
        else:
            shard.walk(batch(n, event))
    assert asked == 12


@pytest.mark.parametrize("name", SPECS)
def test_asking_changes_nothing(name: str) -> None:
    """The same question gets the same answer, alone or among others, however often it is asked."""
    shard, events = Shard(spec(**SPECS[name]), 0), made(80)
    shard.walk(batch(0, *events[:60]))
    peek = Peek(Shard.thaw(shard.spec, 0, b"".join(shard.freeze())))
    found, _ = shard.decoder.events(batch(60, *events[60:]))
    whole = list(peek.ask(found).scores)
    alone = [peek.ask(found.pick([row])).scores[0] for row in range(len(found))]
    assert alone == whole == list(peek.ask(found).scores)


def test_a_switched_model_says_the_same() -> None:
    """Compiled or not."""
    shard, events = Shard(spec(features=["amount"]), 0), made(80)
    shard.walk(batch(0, *events[:60]))
    plain, compiled = (Peek(Shard.thaw(shard.spec, 0, b"".join(shard.freeze()))) for _ in range(2))
    compiled.shard.switch()
    found, _ = shard.decoder.events(batch(60, *events[60:]))
    assert list(compiled.ask(found).scores) == list(plain.ask(found).scores)
