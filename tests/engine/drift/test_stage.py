"""Watching, in the walk."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from connectors.log import Batch
from engine.batch import Outputs
from engine.shard import Shard
from engine.spec import Spec

EVERYTHING = [
    *("features", "missing", "outside", "unseen", "correlations", "predictions", "confidence", "labels"),
    *("errors", "calibration", "performance", "together"),
]
FIELDS = {
    "a": {"type": "number", "required": False},
    "b": {"type": "number"},
    "n": {"type": "integer", "default": 3},
    "c": {"type": "category", "required": False},
    "f": {"type": "boolean", "required": False},
}
DRIFT = {"false_alarms": {"per": 10_000}, "warm_up": 256}
SIZE, CHANGE = 1800, 1000


def spec(drift: dict[str, Any] | None = None, **more: Any) -> Spec:
    told = {
        "pipeline": "p",
        "events": {"fields": FIELDS},
        "labels": {"in_event": "y"},
        "drift": DRIFT | {"reference": {"first": 256}} | (drift or {}),
    }
    return Spec.model_validate(told | more)


def records(label: Any = None) -> list[bytes]:
    """Events; half-way b moves, c has another category and a is missing more often."""
    rng, found = np.random.default_rng(5), list[bytes]()
    for t in range(SIZE):
        after = t >= CHANGE
        b = float(rng.normal() + 1.5 * after)
        each = {
            "a": float(rng.normal()) if rng.random() < (0.5 if after else 0.95) else None,
            "b": b,
            "c": str(rng.choice(["x", "y", "z" if after else "w"])),
            "f": bool(rng.random() < 0.5),
            "y": bool(b + rng.normal() > 0.5) if label is None else label(b),
        }
        found.append(msgspec.json.encode({k: v for k, v in each.items() if v is not None}))
    return found


def walked(asked: Spec, values: list[bytes], cut: int = 500, thaw: bool = False) -> tuple[Shard, Outputs]:
    """Events a second apart through a shard, in pieces."""
    shard, out = Shard(asked, 0), Outputs()
    for start in range(0, len(values), cut):
        part = values[start : start + cut]
        offsets = range(start, start + len(part))
        times = [offset * 1000 for offset in offsets]
        batch = Batch("p.events", 0, start, offsets.stop, [*offsets], times, [None] * len(part), part)
        out.extend(shard.walk(batch))
        if thaw:
            shard = Shard.thaw(asked, 0, b"".join(shard.freeze()))
    return shard, out


def drifts(out: Outputs) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value or b"") for value in out.drifts.values]


def first(alert: dict[str, Any]) -> str:
    """The signal that moved, or of all together the one that moved most."""
    top: str = alert["top_features"][0]["signal"] if alert["signal"] == "together" else alert["signal"]
    return top


def test_cuts_and_crashes_change_nothing() -> None:
    """Whatever is watched: the same records, the same state."""
    asked = spec({"watch": EVERYTHING, "segments": ["f"]})
    values = records()
    whole, expected = walked(asked, values, SIZE)
    for cut, thaw in ((113, True), (499, False)):
        shard, out = walked(asked, values, cut, thaw)
        assert (out.drifts, out.alerts) == (expected.drifts, expected.alerts)
        assert shard.digest() == whole.digest()
    assert len(expected.drifts) > 3


def test_a_planted_change_is_found() -> None:
    """On the signals that it is in, soon, and on no other feature."""
    shard, out = walked(spec(), records())
    found = {each["signal"]: each for each in reversed(drifts(out))}
    assert {"b", "a.missing"} <= set(found)
    assert not {"a", "n", "f"} & set(found)
    assert shard.watch is not None
    assert shard.watch.tally.of("b", "rank_sr") is not None


def test_learning_is_no_drift() -> None:
    """What a model says changes while it learns, and nobody is told; of an error that grows they are."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=8000)
    y = x + rng.normal(size=8000) > 0
    y[6000:] = ~y[6000:]
    fields = {"x": {"type": "number"}}
    asked = spec({"watch": ["errors"], "dependence": "none"}, events={"fields": fields})
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    shard, out = walked(asked, [msgspec.json.encode({"x": a, "y": b}) for a, b in pairs])
    assert {each["detected"]["offset"] // 1000 for each in drifts(out)} == {6}
    assert shard.watch is not None
    assert shard.watch.witnesses[1].learned > 0


def test_an_order_begins_anew() -> None:
    """What came before is forgotten, so the change that was just made is not told."""
    asked, values = spec(), records()
    shard, _ = walked(asked, values[:CHANGE])
    order = b'{"do": "rebaseline", "why": "new prices"}'
    shard.walk(Batch("p.control", 0, 0, 1, [0], [0], [None], [order]))
    out = Outputs()
    for start in range(CHANGE, SIZE, 100):
        part, offsets = values[start : start + 100], [*range(start, start + 100)]
        times = [offset * 1000 for offset in offsets]
        out.extend(shard.walk(Batch("p.events", 0, start, start + 100, offsets, times, [None] * 100, part)))
    assert not {"b", "a.missing"} & {each["signal"] for each in drifts(out)}
    assert shard.rejected == {}


@pytest.mark.parametrize(
    ("use", "labels", "label"),
    [
        ("linear_regression", {"in_event": "y"}, lambda b: b * 2),
        ("softmax_regression", {"in_event": "y", "type": "category"}, lambda b: "low" if b < 0.5 else "high"),
        ("half_space_trees", {"in_event": "y"}, lambda b: b > 2),
    ],
)
def test_every_task_is_watched(use: str, labels: dict[str, Any], label: Any) -> None:
    """Numbers, classes and anomalies have predictions and errors, each of their own kind."""
    asked = spec({"watch": EVERYTHING}, model={"use": use}, labels=labels)
    values = records(label)
    shard, out = walked(asked, values)
    other, again = walked(asked, values, 77, thaw=True)
    assert "b" in {first(each) for each in drifts(out)}
    assert out.drifts == again.drifts
    assert shard.digest() == other.digest()


def test_odd_values() -> None:
    """A feature that is never there, one that never changes, and a category that is new each time."""
    asked = spec({"watch": EVERYTHING}, labels={})
    values = [msgspec.json.encode({"b": 1.0, "c": f"c{t}", "n": 10**300}) for t in range(800)]
    shard, out = walked(asked, values)
    assert shard.rejected == {}
    assert {each["signal"] for each in drifts(out)} <= {"c.unseen"}


def test_a_forecast_is_watched() -> None:
    """Of series, too: values, what was foretold, and how far off that was."""
    fields = {"load": {"type": "number"}}
    asked = spec(events={"fields": fields}, labels={}, forecast={"of": "load"}, model={"use": "holt_winters"})
    rng = np.random.default_rng(2)
    loads = rng.normal(size=SIZE) + 3.0 * (np.arange(SIZE) >= CHANGE)
    _, out = walked(asked, [msgspec.json.encode({"load": load}) for load in loads.tolist()])
    assert "load" in {each["signal"] for each in drifts(out)}


@pytest.mark.parametrize(
    ("use", "arguments", "signal"),
    [
        ("river.drift:PageHinkley", {"threshold": 25}, "b"),
        ("tests.engine.drift.test_river_detector:Touchy", {"least": -4.0}, "b"),
        ("ddm", {}, "error"),
        ("hddm_w", {}, "label"),
    ],
)
def test_each_finds_its_signals(use: str, arguments: dict[str, Any], signal: str) -> None:
    """Classes of others watch numbers, DDM what is wrong or right; and all go on from a snapshot."""
    detectors, watch = [{"use": use, "with": arguments}], ["features", "labels", "errors"]
    asked = spec({"detectors": detectors, "watch": watch, "dependence": "none"})
    values = records(lambda b: bool(b > 0.5) ^ (b > 2.0))
    _, out = walked(asked, values)
    _, again = walked(asked, values, 77, thaw=True)
    assert signal in {each["signal"] for each in drifts(out)}
    assert out.drifts == again.drifts


def test_a_batch_of_which_nothing_fits() -> None:
    """Is a dead letter and no more."""
    shard = Shard(spec({"watch": EVERYTHING}), 0)
    out = shard.walk(Batch("p.events", 0, 0, 1, [0], [0], [None], [b"{"]))
    assert (len(out.dead_letters), len(out.drifts)) == (1, 0)
