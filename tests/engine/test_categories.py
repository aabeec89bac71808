"""Categories without end: a model is shown so many by name, the rest as one."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from engine.categories import OTHER
from engine.shard import Shard
from engine.spec import Spec
from tests.engine.cases import batch

FIELDS: dict[str, Any] = {
    "id": {"type": "text"},
    "shop": {"type": "category", "required": False},
    "channel": {"type": "category", "one_of": ["web", "app"]},
    "amount": {"type": "number"},
}


def shard(most: int, use: str = "tests.engine.cases:Seen") -> Shard:
    given = {
        "pipeline": "p",
        "events": {"id": "id", "fields": FIELDS},
        "labels": {"in_event": "y"},
        "model": {"use": use},
        "limits": {"categories_max": most},
    }
    return Shard(Spec.model_validate(given), 0)


def events(shops: list[str | None]) -> list[dict[str, Any]]:
    return [
        {"id": str(i), "shop": shop, "channel": "web", "amount": 1.0, "y": i % 2 == 0}
        for i, shop in enumerate(shops)
    ]


def test_the_first_are_shown_by_name() -> None:
    """Those that were there first keep their names; what is missing stays missing; the rest is counted."""
    limited = shard(2)
    limited.walk(batch("p.events", events(["a", None, "b", "c", "a", "d", None, "b"])))
    seen = [x.get("shop") for x in limited.model.model.seen]
    assert seen == ["a", None, "b", OTHER, "a", OTHER, None, "b"]
    assert limited.fold.categories.others == {"shop": 2}
    assert {x["channel"] for x in limited.model.model.seen} == {"web"}


def test_a_label_that_comes_later_teaches_what_was_shown() -> None:
    """The remembered row is the one that the prediction was made on."""
    limited = shard(1)
    limited.walk(batch("p.events", [{**e, "y": None} for e in events(["a", "b"])]))
    remembered = [x for x in limited.model.model.seen if x["shop"] == OTHER]
    assert len(remembered) == 1
    learned: list[Any] = []
    limited.model.river._learn = lambda x, y: learned.append(x["shop"])
    limited.walk(batch("p.labels", [{"event_id": "1", "label": True}, {"event_id": "0", "label": True}]))
    assert learned == [OTHER, "a"]


def test_cuts_and_a_snapshot_do_not_show() -> None:
    """One by one, at once, or thawed half-way: the same rows, and an equal state."""
    rng = random.Random(1)
    records = events([f"s{rng.randrange(60)}" for _ in range(600)])
    whole, single, half = shard(20), shard(20), shard(20)
    whole.walk(all_of := batch("p.events", records))
    for i in range(len(all_of)):
        single.walk(all_of.cut(i, i + 1))
    half.walk(all_of.cut(0, 250))
    half = Shard.thaw(half.spec, 0, b"".join(half.freeze()))
    half.walk(all_of.cut(250, 600))
    assert whole.digest() == single.digest() == half.digest()
    assert whole.fold.categories.others["shop"] > 200


@pytest.mark.parametrize("use", ["logistic_regression", "hoeffding_tree"])
def test_an_explosion_does_not_grow_the_model(use: str) -> None:
    """Two thousand different shops: what is kept is a fifth, at most, of what it would be without a bound."""
    limited, endless = shard(50, use), shard(1_000_000, use)
    part = batch("p.events", events([f"shop-{i}" for i in range(2_000)]))
    for each in (limited, endless):
        each.walk(part)
    small, large = (len(pickle.dumps([each.model.state(), each.fold.state()])) for each in (limited, endless))
    assert small * 5 < large
