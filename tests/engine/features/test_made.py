"""What is made of an event's own values, and of the labels of those before."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SpecError
from engine.features import warm
from engine.features.jit import jit
from engine.shard import Shard
from engine.specparts import Kind
from tests.engine.cases import NOW, batch
from tests.engine.features.streams import FIELDS, folded, spec


def event(**more: Any) -> dict[str, Any]:
    return {"at": NOW, "card": "a", "shop": "s", "amount": 1.0} | more


def made(events: list[dict[str, Any]], **feature: Any) -> list[Any]:
    """What a feature is for each of some events."""
    return [row.get("made") for row in folded(spec({"name": "made", **feature}), events, 2)]


def test_a_ratio_is_missing_where_there_is_none() -> None:
    """Of fields, or of features above it."""
    mean = {"name": "mean", "agg": "mean", "of": "amount", "over": "1h"}
    share = {"name": "share", "make": "ratio", "of": ["amount", "mean"]}
    events = [event(amount=x) for x in (1.0, 3.0, 0.0, None, 1e308, 5e-324)]
    found = [row.get("share") for row in folded(spec(mean, share), events, 4)]
    assert found[:5] == [1.0, 1.5, 0.0, None, pytest.approx(4.0)]
    none = [event(amount=x) for x in (0.0, 1e-320)]
    assert made(none, make="ratio", of=["amount", "amount"]) == [None, 1.0]


def test_interactions() -> None:
    """Numbers are multiplied, categories joined; missing where a part is, or beyond all numbers."""
    numbers = [event(amount=x) for x in (2.0, None, 1e200)]
    assert made(numbers, make="product", of=["amount", "amount"]) == [4.0, None, None]
    events = [event(), event(shop=None), event(card="b")]
    assert made(events, make="cross", of=["card", "shop"]) == ["a & s", None, "b & s"]


def test_a_hash_has_so_many_values() -> None:
    """The same for the same value, in every process."""
    found = made([event(card=str(i % 500)) for i in range(1000)], make="hash", of="card", into=32)
    assert found[:500] == found[500:]
    assert len(set(found)) == 32
    assert found[:3] == ["h1", "h23", "h13"]


def test_gaps_are_filled() -> None:
    """With a constant, with what was there last, with the mean so far."""
    events = [event(amount=x) for x in (None, 1.0, None, 4.0, None)]
    assert made(events, make="fill", of="amount", value=7) == [7, 1.0, 7, 4.0, 7]
    assert made(events, make="fill", of="amount", value="last") == [None, 1.0, 1.0, 4.0, 4.0]
    assert made(events, make="fill", of="amount", value="mean") == [None, 1.0, 1.0, 4.0, 2.5]
    shops = [event(shop=x) for x in ("a", None)]
    assert made(shops, make="fill", of="shop", value="none") == ["a", "none"]


def test_features_are_made_of_those_above() -> None:
    """A name means the feature above it, or else the field."""
    fill = {"name": "amount_", "make": "fill", "of": "amount", "value": 3}
    square = {"name": "square", "make": "product", "of": ["amount_", "amount_"]}
    wanted = spec(fill, square, {"name": "h", "make": "hash", "of": "shop", "into": 8})
    assert [row["square"] for row in folded(wanted, [event(amount=x) for x in (None, 2.0)])] == [9.0, 4.0]
    assert wanted.feature_kinds == (Kind.NUMBER, Kind.NUMBER, Kind.NUMBER, Kind.CATEGORY)
    assert wanted.row_fields == ("amount", "shop")


RISK = {"name": "risk", "make": "target", "of": "shop", "prior": 2}
BY_ID = {"id": "id", "time": "at", "fields": FIELDS | {"id": {"type": "text"}}}


def test_a_target_sees_only_labels_that_came_before() -> None:
    """Not its own, nor those behind it in the batch; drawn to the mean of all labels."""
    events = [event(shop=shop, y=y) for shop, y in (("a", True), ("a", False), ("b", None), ("a", None))]
    for size in (1, 2, 4):
        found = [row.get("risk") for row in folded(spec(RISK), events, size)]
        assert found == [None, 1.0, 0.5, 0.5]


def test_labels_that_come_later_teach_it_too() -> None:
    """A correction takes the wrong label back; the row that the model sees has no more than its features."""
    wanted = spec(RISK, events=BY_ID, labels={}, model={"use": "tests.engine.cases:Learned"})
    shard = Shard(wanted, 0)
    shard.walk(batch("p.events", [event(id="1", shop="a"), event(id="2", shop="b")]))
    told = {"event_id": "1", "label": True, "label_time": NOW / 1000}
    shard.walk(batch("p.labels", [told, told | {"event_id": "2", "label": False}]))
    assert shard.fold.made is not None
    target = shard.fold.made.targets["risk"]
    assert target.run(["a", "b"], [None, None]) == [2 / 3, 1 / 3]
    shard.walk(batch("p.labels", [told | {"label": False}], 2))
    assert target.run(["a", "b"], [None, None]) == [0.0, 0.0]
    assert shard.model.state().learned[0] == ({"amount": 1.0}, True)
    thawed = Shard.thaw(wanted, 0, b"".join(shard.freeze()))
    assert thawed.digest() == shard.digest()


def test_a_target_of_categories_is_refused() -> None:
    """They have no mean."""
    with pytest.raises(SpecError, match="they are true or false"):
        Shard(spec(RISK, labels={"in_event": "y", "type": "category"}, model={"use": "naive_bayes"}), 0)


def test_the_newest_of_an_entity_is_what_the_model_saw() -> None:
    """And nothing of what lies behind it."""
    wanted = spec(RISK, events=BY_ID | {"key": "card"}, cache="redis://localhost")
    out = Shard(wanted, 0).walk(batch("p.events", [event(id="1", y=True), event(id="2")]))
    assert out.newest == {"a": (NOW, (1.0, 1.0))}


def test_kernels_are_compiled_aside() -> None:
    """Whoever warms a spec with windows finds them compiled; without windows nothing is."""
    warm(spec(RISK), [(1.0, "a")])
    assert not jit.compiled
    warm(spec({"name": "n", "agg": "count", "by": "card", "over": "1h"}), [(1.0, "a"), (2.0, None)])
    assert {"walk", "clock"} <= set(jit.compiled)
