"""From drifts and orders to alerts."""

from __future__ import annotations

import msgspec

from connectors.log import Batch
from engine.alerts.record import Alert, read
from engine.batch import Output
from engine.control import Acknowledge, Order, Rebaseline, Resolve, encode
from engine.shard import Shard
from tests.engine.drift.test_stage import records, spec, walked


def told(out: Output) -> list[Alert]:
    return [read(value or b"") for value in out.values]


def ordered(shard: Shard, order: Order, at: int = 0) -> tuple[list[Alert], int]:
    """What is told when an order is given, and how many records were refused."""
    out = shard.walk(Batch("p.control", 0, at, at + 1, [at], [2_000_000], [None], [encode(order)]))
    return told(out.alerts), len(out.dead_letters)


def test_each_drift_has_its_alert() -> None:
    """In the same step, with what the drift's record says, under the drift's signal."""
    _, out = walked(spec(), records())
    fired = [alert for alert in told(out.alerts) if alert.transition == "fired"]
    drifted = {msgspec.json.decode(value or b"")["signal"] for value in out.drifts.values}
    assert {alert.labels["signal"] for alert in fired} == drifted
    assert len({alert.fingerprint for alert in fired}) == len(drifted)
    assert all(alert.evidence is not None and alert.evidence["statistic"] for alert in fired)


def test_a_person_takes_an_alert_and_ends_it() -> None:
    """Acknowledged, then resolved, each with who and why; afterwards it is not known any more."""
    shard, out = walked(spec(), records())
    key = told(out.alerts)[0].fingerprint
    taken, _ = ordered(shard, Acknowledge(alert=key, by="ada"))
    assert [(alert.status, alert.by) for alert in taken] == [("acknowledged", "ada")]
    ended, _ = ordered(shard, Resolve(alert=key, by="ada", why="sale"), at=1)
    assert [(alert.status, alert.why, alert.ends_at) for alert in ended] == [
        ("resolved", "sale", "1970-01-01T00:33:20.000Z")
    ]
    assert ordered(shard, Resolve(alert=key), at=2) == ([], 1)


def test_what_is_normal_now_is_no_alert() -> None:
    """A signal that is rebaselined has none."""
    shard, _ = walked(spec(), records())
    ended, _ = ordered(shard, Rebaseline())
    assert ended
    assert {alert.status for alert in ended} == {"resolved"}


def trace(offset: int) -> bytes:
    return b"00-%032x-%016x-01" % (offset + 1, offset + 1)


def test_a_trace_goes_from_the_event_to_its_prediction_and_its_alert() -> None:
    """The event at which an alert fired names the trace; one that is malformed is nobody's."""
    values = records()
    headers = [[("traceparent", trace(n) if n % 2 == 0 else b"00-nonsense")] for n in range(len(values))]
    times = [n * 1000 for n in range(len(values))]
    keys = [None] * len(values)
    out = Shard(spec(), 0).walk(
        Batch("p.events", 0, 0, len(values), [*range(len(values))], times, keys, values, headers)
    )
    assert out.predictions.headers == [headers[n] if n % 2 == 0 else [] for n in range(len(values))]
    fired = [alert for alert in told(out.alerts) if alert.transition == "fired"]
    named = {alert.time // 1000: alert.traceparent for alert in fired}
    assert named == {at: trace(at).decode() if at % 2 == 0 else None for at in named}
    assert any(named.values())
