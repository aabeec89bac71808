"""Streams whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from connectors.log import Batch
from engine.alerts.record import Alert, read
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.cases import NOW

TURN = 1024
FIELDS = {
    "x": {"type": "number"},
    "z": {"type": "number", "required": False},
    "w": {"type": "number", "max": 10},
    "c": {"type": "category"},
}
FEATURES = ["x", "z", "w", "c"]


class Says:
    """A classifier to which `x` is the probability of True."""

    def predict_proba_one(self, x: dict[str, Any]) -> dict[bool, float]:
        return {False: 1 - x["x"], True: x["x"]}

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        pass


class SaysNumber:
    """A regressor that predicts `x`."""

    def predict_one(self, x: dict[str, Any]) -> float:
        value: float = x["x"]
        return value

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        pass


def spec(*conditions: dict[str, Any] | str, **more: Any) -> Spec:
    """A pipeline with these conditions, or bounds."""
    alerts = [{"when": each} if isinstance(each, str) else each for each in conditions]
    given = {
        "pipeline": "p",
        "events": {"fields": FIELDS},
        "labels": {"in_event": "y"},
        "features": FEATURES,
        "model": {"use": "tests.engine.alerts.streams:Says"},
        "alerts": alerts,
    }
    return Spec.model_validate(given | more)


def event(i: int) -> dict[str, Any]:
    """One in four is predicted as False; one in eight, among the others, is."""
    made = {"x": 0.25 if i % 4 == 0 else 0.75, "w": 1.0, "c": "ab"[i % 2], "y": i % 8 != 1}
    return made if i % 16 == 0 else made | {"z": 1.0}


def batch(records: Sequence[Any], first: int = 0, step_ms: int = 1, what: str = "events") -> Batch:
    """Records so far apart; what is bytes already stays as it is."""
    values = [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in records]
    offsets = list(range(first, first + len(values)))
    stamps = [NOW + step_ms * offset for offset in offsets]
    return Batch(f"p.{what}", 0, first, first + len(values), offsets, stamps, [None] * len(values), values)


def walked(shard: Shard, whole: Batch, size: int) -> Iterator[bytes]:
    """A batch walked in pieces; the values of the alerts that come of it."""
    for start in range(0, len(whole), size):
        out = shard.walk(whole.cut(start, min(start + size, len(whole))))
        yield from (value for value in out.alerts.values if value is not None)


def alerts(shard: Shard, whole: Batch) -> list[Alert]:
    """The alerts that a batch brings about."""
    return [read(value) for value in walked(shard, whole, len(whole))]


def one(wanted: Spec, whole: Batch) -> Alert:
    """The only alert of a shard."""
    (alert,) = alerts(Shard(wanted, 0), whole)
    return alert
