"""Alerts as they might be, one or very many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.log import Log, Rows
from engine.alerts.record import Alert, fingerprint, iso

TIME = 1_769_590_800_000
EVIDENCE: dict[str, Any] = {
    "statistic": 52_311.0,
    "p_value": 1.5e-9,
    "effect_size": 0.44,
    "suspected_cause": "most of it comes from producer=b",
    "reference": {"window": "first 1,000", "n": 1_000},
    "current": {"window": "111 records", "n": 111, "first_offset": 10_003, "last_offset": 10_113},
    "top_features": [{"signal": f"x{i}", "share": 0.1, "effect": 0.4} for i in range(10)],
}


def alert(signal: str, **changes: Any) -> Alert:
    """An alert of a drift of this signal."""
    labels = {
        "alertname": "Drift",
        "severity": "warning",
        "pipeline": "p",
        "partition": "0",
        "signal": signal,
    }
    given: dict[str, Any] = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{signal} is not what it was: mean up", "value": "52311"},
        "starts_at": iso(TIME),
        "fingerprint": fingerprint(labels),
        "time": TIME,
        "evidence": EVIDENCE,
    }
    return Alert(**(given | changes))


def storm(log: Log, topic: str, alerts: int) -> None:
    """So many alerts at once."""
    made = [*_many(alerts)]
    log.append(topic, 0, Rows([each.key for each in made], [each.json() for each in made]))


def _many(alerts: int) -> Iterator[Alert]:
    for i in range(alerts):
        yield alert(f"x{i}", time=TIME + i, status="resolved" if i % 3 else "firing")
