"""Alerts that lie open on the topic and that the state knows nothing of.

There are some when a state began anew, or when what brought it about was walked again under other conditions.
Nobody could end them any more, so an order does: what is told of each lies in the order.
"""

from __future__ import annotations

from engine.alerts.bound import RANKS
from engine.alerts.life import By, Life
from engine.alerts.lives import Lives
from engine.alerts.record import Alert, fingerprint
from engine.control import Forget, Left
from engine.reasons import Reason, Unfit

SUMMARY = "nobody knows any more whether this holds"


def is_left(lives: Lives, alert: Alert) -> bool:
    """Whether a record of the topic tells of an alert that is open, and of which nothing is known."""
    known = _is_known(lives, alert.fingerprint)
    return alert.source == "engine" and alert.status != "resolved" and not known


def forget(lives: Lives, order: Forget, now: int) -> None:
    """End those of which nothing is known; Unfit if the order tells of what can be no alert."""
    for left in order.alerts:
        if not left.labels.get("alertname") or left.labels.get("severity") not in RANKS:
            said = "labels of an alert are at least alertname and severity: info, warning or critical"
            raise Unfit(Reason.UNKNOWN_CONTROL, said)
    by = By(order.by, order.why)
    for left in order.alerts:
        key = fingerprint(left.labels)
        if not _is_known(lives, key):
            lives.end(_opened(lives, left, key, now), now, by)


def _is_known(lives: Lives, key: str) -> bool:
    return key in lives.all or key in lives.ended or key in lives.outbox.waiting


def _opened(lives: Lives, left: Left, key: str, now: int) -> Life:
    """As it would be, had it fired here."""
    life = lives.begin(left.labels, key, now)
    life.stage, life.shown = "open", True
    life.alert.starts_at, life.alert.annotations = left.starts_at, {"summary": SUMMARY}
    lives.firing[life.name] += 1
    return life
