"""A quiet stream, in which nothing changes, and a pipeline that watches it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from engine.spec import Spec

ROWS, START_S = 6_000, 1_767_225_600
FIELDS: dict[str, Any] = {
    "id": {"type": "text"},
    "at": {"type": "timestamp"},
    "x": {"type": "number"},
    "z": {"type": "number"},
    "n": {"type": "integer", "required": False},
    "country": {"type": "category"},
}
SPEC: dict[str, Any] = {
    "pipeline": "p",
    "events": {"id": "id", "time": "at", "fields": FIELDS},
    "labels": {"in_event": "y"},
    "drift": {"false_alarms": {"at_most": 1, "per": 100_000}, "dependence": "none"},
}


def rows() -> Iterator[dict[str, Any]]:
    rng = random.Random(5)
    for i in range(ROWS):
        x, z = rng.gauss(10, 2), rng.gauss(0, 1)
        yield {
            "id": f"e{i}",
            "at": START_S + 60 * i,
            "x": x,
            "z": z,
            "n": rng.randrange(50),
            "country": rng.choice("AABC"),
            "y": (x - 10) / 2 + z + rng.gauss(0, 0.5) > 0,
        }


def spec(**more: Any) -> Spec:
    return Spec.model_validate({**SPEC, **more})
