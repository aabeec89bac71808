"""Specs, batches and small models for the engine's tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.log import Batch, Headers
from engine.batch import Lines, Outputs
from engine.shard import Shard
from engine.spec import Spec

NOW = 1_700_000_000_000  # the records' timestamps begin here, in milliseconds
DAY = 86_400_000


def spec(**more: Any) -> Spec:
    """A small pipeline: an id, a time, two numbers, a category; labels on their own topic."""
    fields = {
        "id": {"type": "text"},
        "at": {"type": "timestamp", "unit": "ms", "required": False},
        "amount": {"type": "number", "min": 0, "max": 1000},
        "age": {"type": "integer", "required": False},
    }
    given: dict[str, Any] = {"pipeline": "p", "events": {"id": "id", "time": "at", "fields": fields}}
    return Spec.model_validate(given | more)


def event(name: str, amount: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"id": name, "amount": amount, **more}


def label(name: str, value: object = True, **more: Any) -> dict[str, Any]:
    return {"event_id": name, "label": value, **more}


def batch(
    topic: str,
    records: Sequence[Any],
    first: int = 0,
    at: int = NOW,
    headers: Sequence[Headers] | None = None,
) -> Batch:
    """A batch of records given as bytes or as anything that JSON can hold."""
    values = [r if isinstance(r, bytes) else msgspec.json.encode(r) for r in records]
    offsets = list(range(first, first + len(values)))
    stamps = [at + offset for offset in offsets]
    return Batch(topic, 0, first, first + len(values), offsets, stamps, [None] * len(values), values, headers)


class Feed:
    """A shard and the offsets of what it is fed."""

    def __init__(self, **more: Any) -> None:
        self.shard = Shard(spec(**more), 0)
        self.next: dict[str, int] = {}

    def __call__(
        self, what: str, *records: Any, at: int = NOW, headers: Sequence[Headers] | None = None
    ) -> Outputs:
        """Walk records of the events, labels or control topic as one batch."""
        first = self.next.get(what, 0)
        self.next[what] = first + len(records)
        return self.shard.walk(batch(f"p.{what}", records, first, at, headers))


def rows(output: Lines) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value or b"") for value in output.values]


def reasons(outputs: Outputs) -> list[str]:
    """Why each dead letter is one."""
    return [dict(headers)["driftline.reason"].decode() for headers in outputs.dead_letters.headers or []]


class Picky:
    """A classifier that counts what it learned, and raises at what it is told to."""

    def __init__(self, predict_fails: float = -1.0, learn_fails: float = -1.0) -> None:
        self.predict_fails, self.learn_fails = predict_fails, learn_fails
        self.learned: list[tuple[float, Any]] = []

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        if x["amount"] == self.predict_fails:
            raise ValueError("no such amount")
        share = len(self.learned) / (len(self.learned) + 1)
        return {False: 1 - share, True: share}

    def learn_one(self, x: dict[str, float], y: Any) -> None:
        self.learned.append((x["amount"], y))  # first it changes, then it raises
        if x["amount"] == self.learn_fails:
            raise ValueError("can't learn that")


class Learned:
    """A classifier that remembers what it learned, whole."""

    def __init__(self) -> None:
        self.learned: list[tuple[dict[str, Any], Any]] = []

    def predict_proba_one(self, x: dict[str, Any]) -> dict[bool, float]:
        return {False: 0.5, True: 0.5}

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        self.learned.append((x, y))


class Seen(Picky):
    """A classifier that remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def predict_proba_one(self, x: dict[str, Any]) -> dict[bool, float]:
        self.seen.append(x)
        return {False: 0.5, True: 0.5}
