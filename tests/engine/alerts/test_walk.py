"""Alerts in the walk: however the stream is cut, whoever goes on, the same bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from connectors.log import Batch
from engine.alerts.record import Alert, fingerprint, read
from engine.batch import Outputs
from engine.control import (
    Acknowledge,
    Forget,
    Left,
    Matcher,
    Order,
    Rebaseline,
    Resolve,
    Silence,
    Unsilence,
    encode,
)
from engine.shard import Shard
from engine.spec import Spec

FIELDS = {name: {"type": "number"} for name in "abcd"}
CONDITIONS = [
    {"when": "drift"},
    {"when": "error_rate > 40%", "over": 50, "for": "1m", "clear": "35%", "inhibits": ["Often"]},
    {"when": "accuracy < 0.6", "over": 50, "name": "Often"},
    {"when": "error_rate rises 20%", "over": "2m", "at_least": 30, "severity": "info"},
]
SIZE, EVERY = 2_400, 300  # records; every so many one changes
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spec(**more: Any) -> Spec:
    told = {
        "pipeline": "p",
        "events": {"fields": FIELDS},
        "labels": {"in_event": "y"},
        "drift": {
            "watch": ["features"],
            "dependence": "none",
            "false_alarms": {"per": 10_000},
            "warm_up": 100,
            "reference": {"first": 100},
        },
        "limits": {"alerts_per_minute_max": 10},
        "alerts": CONDITIONS,
    }
    return Spec.model_validate(told | more)


def events() -> list[bytes]:
    """Four features, each of which jumps in its turn."""
    rng, found = np.random.default_rng(2), list[bytes]()
    for t in range(SIZE):
        turn, at = divmod(t // EVERY, len(FIELDS))
        row = {name: rng.normal() + 3.0 * (turn + (at >= i)) for i, name in enumerate(FIELDS)}
        found.append(msgspec.json.encode(row | {"y": bool(rng.random() < 0.5)}))
    return found


def alert_of(signal: str) -> str:
    told = {"alertname": "Drift", "severity": "warning", "pipeline": "p", "partition": "0", "feature": signal}
    return fingerprint(told | {"model": "logistic_regression", "signal": signal, "detector": "rank_sr"})


ORDERS: dict[int, list[Order]] = {
    500: [Acknowledge(alert=alert_of("b"), by="ada"), Acknowledge(alert="nobody")],
    700: [Silence(id="s", matchers=(Matcher("signal", "[bc]", regex=True),), until_ms=1_500_000, by="bob")],
    900: [
        Resolve(alert=alert_of("b"), why="known"),
        Silence(id="t", matchers=(Matcher("x", ""),), until_ms=1),
    ],
    1_300: [Rebaseline(signals=("d",)), Unsilence(id="u")],
    1_900: [Silence(id="t", matchers=(Matcher("signal", ""),), until_ms=9_000_000), Unsilence(id="t")],
}


def walked(asked: Spec, values: list[bytes], cut: int, thaw: bool = False) -> tuple[Shard, Outputs]:
    """Events a second apart with orders between them, in pieces; an order is a batch, or several are one."""
    shard, out, at, ordered = Shard(asked, 0), Outputs(), 0, 0
    for stop in [*ORDERS, len(values)]:
        for start in range(at, stop, cut):
            part = values[start : min(start + cut, stop)]
            out.extend(
                shard.walk(batch("events", start, part, [1000 * (start + i) for i in range(len(part))]))
            )
        orders = [encode(order) for order in ORDERS.get(stop, ())]
        for some in [orders] if cut > 7 else [[order] for order in orders]:
            out.extend(shard.walk(batch("control", ordered, some, [1000 * stop] * len(some))))
            ordered += len(some)
        at = stop
        if thaw:
            shard = Shard.thaw(asked, 0, b"".join(shard.freeze()))
    return shard, out


def batch(what: str, first: int, values: list[bytes], stamps: list[int]) -> Batch:
    end, headers = first + len(values), [(("traceparent", TRACE.encode()),)] * len(values)
    offsets, keys = [*range(first, end)], [None] * len(values)
    return Batch(f"p.{what}", 0, first, end, offsets, stamps, keys, values, headers)


def told(out: Outputs) -> list[Alert]:
    return [read(value or b"") for value in out.alerts.values]


@pytest.fixture(scope="module")
def whole() -> tuple[Shard, Outputs]:
    return walked(spec(), events(), SIZE)


@pytest.mark.parametrize(("cut", "thaw"), [(1, False), (7, True), (256, True)])
def test_cuts_and_crashes_change_nothing(whole: tuple[Shard, Outputs], cut: int, thaw: bool) -> None:
    """Whatever people order meanwhile, the same bytes, the same dead letters, the same state."""
    shard, out = walked(spec(), events(), cut, thaw)
    assert out.alerts == whole[1].alerts
    assert out.dead_letters == whole[1].dead_letters
    assert shard.digest() == whole[0].digest()


def test_there_is_a_story(whole: tuple[Shard, Outputs]) -> None:
    """All that can happen to an alert does happen; what can't be done is refused with a sentence."""
    found = told(whole[1])
    wanted = {"fired", "updated", "acknowledged", "silenced", "unsilenced", "inhibited", "resolved"}
    assert {alert.transition for alert in found} == wanted
    assert len(whole[1].dead_letters) == 3
    assert {alert.traceparent for alert in found if "detector" in alert.labels} == {TRACE}
    assert [alert.revision for alert in found if alert.fingerprint == alert_of("b")][:3] == [0, 1, 2]


def test_an_alert_comes_with_its_drift() -> None:
    """In the same walk, so with the same commit."""
    shard = Shard(spec(), 0)
    for i, value in enumerate(events()[:1_000]):
        out = shard.walk(batch("events", i, [value], [i * 1000]))
        drifts = {(key or b"").decode() for key in out.drifts.keys}
        assert drifts <= {alert.evidence.get("drift") for alert in told(out) if alert.evidence is not None}
    assert shard.judge.open


def test_a_storm_of_orders() -> None:
    """A bound holds for what people do, too; the newest state is told when there is room."""
    shard, _ = walked(spec(), events(), SIZE)
    key = next(key for key, alert in shard.judge.open.items() if "detector" in alert.labels)
    orders = [encode(Acknowledge(alert=key, why=str(n))) for n in range(500)]
    out = shard.walk(batch("control", 50, orders, [3_000_000 + n for n in range(500)]))
    assert len(out.alerts) <= 10
    later = shard.walk(batch("control", 550, [encode(Rebaseline())], [3_100_000]))
    newest = {alert.fingerprint: alert for alert in told(out) + told(later)}
    assert newest[key].status == "resolved"


def test_what_nobody_knows() -> None:
    """An order ends an alert that only the topic knows, once; one that is known goes on."""
    shard, _ = walked(spec(), events(), SIZE)
    known = next(iter(shard.judge.open.values()))
    gone = {"alertname": "Gone", "severity": "info", "partition": "0"}
    order = Forget(alerts=(Left(gone, "2026-01-01T00:00:00.000Z"), Left(known.labels, known.starts_at)))
    (ended,) = told(shard.walk(batch("control", 50, [encode(order)], [3_000_000])))
    assert (ended.labels, ended.status, ended.starts_at) == (gone, "resolved", "2026-01-01T00:00:00.000Z")
    assert told(shard.walk(batch("control", 51, [encode(order)], [3_000_001]))) == []
    wrong = Forget(alerts=(Left({"alertname": "Gone"}, ""),))
    assert len(shard.walk(batch("control", 52, [encode(wrong)], [3_000_002])).dead_letters) == 1
