"""Events with keys, late times, equal times and missing values, and a shard's features of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from engine.batch import Batch
from engine.columns import Events
from engine.fold import Fold
from engine.spec import Spec
from tests.engine.cases import NOW, batch

FIELDS: dict[str, Any] = {
    "at": {"type": "timestamp", "unit": "ms"},
    "card": {"type": "text", "required": False},
    "shop": {"type": "category", "required": False},
    "amount": {"type": "number", "required": False},
}


def spec(*features: Any, **more: Any) -> Spec:
    """A pipeline with these features beside a plain one."""
    given = {
        "pipeline": "p",
        "events": {"time": "at", "fields": FIELDS},
        "labels": {"in_event": "y"},
        "features": ["amount", *features],
    }
    return Spec.model_validate(given | more)


def payments(
    seed: int, n: int, cards: int = 5, pace: int = 10_000, late: int = 60_000
) -> list[dict[str, Any]]:
    """Payments of a few cards: some times are equal, some late, some far too late, some values missing."""
    rng, now, found = random.Random(seed), NOW, []
    for _ in range(n):
        now += rng.choice([0, 0, 1, rng.randrange(pace), rng.randrange(pace), rng.randrange(20 * pace)])
        behind = rng.choice([0, 0, 0, rng.randrange(late), rng.randrange(late), rng.randrange(3 * late)])
        card = f"c{rng.randrange(cards)}" if rng.random() > 0.05 else None
        amount = round(rng.lognormvariate(3, 1), 2) if rng.random() > 0.1 else None
        found.append({"at": now - behind, "card": card, "shop": rng.choice("abcd"), "amount": amount})
    return found


def folded(
    spec: Spec, payments: Sequence[dict[str, Any]], size: int = 100, fold: Fold | None = None
) -> list[Any]:
    """The features of each event, as dicts, from batches of a size."""
    fold = fold or Fold(spec)
    found: list[Any] = []
    for start in range(0, len(payments), size):
        part = payments[start : start + size]
        found += fold.rows(columns(batch("p.events", [b""] * len(part)), spec, part)).dicts()
    return found


def columns(of: Batch, spec: Spec, payments: Sequence[dict[str, Any]]) -> Events:
    rows = [tuple(payment.get(name) for name in spec.row_fields) for payment in payments]
    every = list(range(len(payments)))
    names = [str(i) for i in every]
    times, labels = [p["at"] for p in payments], [p.get("y") for p in payments]
    return Events(of, every, names, names, times, rows, labels)
