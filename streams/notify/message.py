"""A message: Alertmanager's webhook, version 4, with Driftline's evidence in each alert."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.notifier import Parcel
from engine.alerts.record import NEVER, Alert
from engine.specnotify import Notify
from streams.notify import text
from streams.notify.routes import Way

VERSION = "4"


def parcel(alerts: Sequence[Alert], way: Way, receiver: str, notify: Notify) -> Parcel:
    """The message that tells a receiver of these alerts, the newest first if there are too many.

    Parameters
    ----------
    alerts
        At least one.
    way
        Their group.
    receiver
        Its name.
    notify
        The spec's section, which has the limits.
    """
    told = list(alerts[: notify.alerts_per_message_max])
    body = _body(told, len(alerts) - len(told), way, receiver, notify, evidence=True)
    if len(body) > notify.message_bytes_max:
        body = _body(told, len(alerts) - len(told), way, receiver, notify, evidence=False)
    while len(body) > notify.message_bytes_max and len(told) > 1:
        told = told[: len(told) // 2]
        body = _body(told, len(alerts) - len(told), way, receiver, notify, evidence=False)
    pipeline = alerts[0].labels.get("pipeline", "")
    return Parcel(
        f"msg_{uuid.uuid4().hex}",
        text.title(alerts, pipeline),
        text.body(told, len(alerts) - len(told), notify.link),
        text.level(alerts),
        msgspec.Raw(body),
    )


def _body(
    told: Sequence[Alert], truncated: int, way: Way, receiver: str, notify: Notify, evidence: bool
) -> bytes:
    return msgspec.json.encode(
        {
            "version": VERSION,
            "groupKey": way.key,
            "truncatedAlerts": truncated,
            "status": "firing" if any(alert.status != "resolved" for alert in told) else "resolved",
            "receiver": receiver,
            "groupLabels": dict(way.labels),
            "commonLabels": _common([alert.labels for alert in told]),
            "commonAnnotations": _common([alert.annotations for alert in told]),
            "externalURL": notify.link or "",
            "alerts": [_told(alert, notify, evidence) for alert in told],
        }
    )


def _told(alert: Alert, notify: Notify, evidence: bool) -> dict[str, Any]:
    over = alert.status == "resolved"
    return {
        "status": "resolved" if over else "firing",
        "labels": alert.labels,
        "annotations": text.noted(alert, notify.link),
        "startsAt": alert.starts_at,
        "endsAt": alert.ends_at if over else NEVER,
        "generatorURL": text.where(alert, notify.link),
        "fingerprint": alert.fingerprint,
        "driftline": {
            "status": alert.status,
            "transition": alert.transition,
            "revision": alert.revision,
            "source": alert.source,
            "acknowledged": alert.acknowledged,
            "by": alert.by,
            "why": alert.why,
            "held_back": alert.held_back,
            "traceparent": alert.traceparent,
        },
        **({"evidence": alert.evidence} if evidence else {}),
    }


def _common(maps: Sequence[dict[str, str]]) -> dict[str, str]:
    """What all of them have."""
    first, *others = maps
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}
