"""Alerts and specs for the tests of delivery."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.log import Log, Rows
from engine.alerts.record import Alert, fingerprint, iso
from engine.spec import DELIVERIES, Spec
from engine.specnotify import Notify

START_MS = 1_769_590_800_000
EVIDENCE = {"p_value": 1e-9, "effect_size": 0.4, "current": {"n": 120, "first_offset": 3, "last_offset": 122}}


def alert(name: str = "Drift", feature: str = "amount", **changes: Any) -> Alert:
    """One that fires."""
    labels = {"alertname": name, "severity": "warning", "pipeline": "p", "partition": "0", "feature": feature}
    labels |= changes.pop("labels", {})
    given = {"status": "firing", "annotations": {"summary": f"{feature} is not what it was"}, **changes}
    made = {"starts_at": iso(START_MS), "time": START_MS, "evidence": EVIDENCE, **given}
    return Alert(labels=labels, fingerprint=fingerprint(labels), **made)


def over(one: Alert, **changes: Any) -> Alert:
    """The same, resolved a minute later."""
    ended = {"status": "resolved", "transition": "resolved", "ends_at": iso(START_MS + 60_000), **changes}
    return msgspec.structs.replace(one, **ended)


def notify(**given: Any) -> Notify:
    """The spec's section, with one webhook unless told otherwise."""
    return Notify.model_validate({"receivers": {"oncall": {"webhook": "http://127.0.0.1:9"}}, **given})


def spec(transport: str, url: str, **given: Any) -> Spec:
    """A pipeline with one webhook."""
    receiver = {"webhook": url, "secret": "whsec_c2VjcmV0", "timeout": "30s", **given.pop("receiver", {})}
    asked = {"group_wait": "20ms", "group_interval": "20ms", "receivers": {"oncall": receiver}, **given}
    events = {"fields": {"x": {"type": "number"}}}
    return Spec.model_validate({"pipeline": "p", "transport": transport, "events": events, "notify": asked})


def publish(log: Log, *alerts: Alert, partition: int = 0) -> None:
    """As a worker does."""
    log.append("p.alerts", partition, Rows([a.key for a in alerts], [a.json() for a in alerts]))


def deliveries(log: Log, of: Spec) -> dict[str, Any]:
    """What stands on the topic of deliveries, by key."""
    batch = log.read(of.topic(DELIVERIES), 0, log.bounds(of.topic(DELIVERIES))[0][0], 10_000)
    pairs = zip(batch.keys, batch.values, strict=True)
    return {key.decode(): msgspec.json.decode(value) for key, value in pairs if key and value}
