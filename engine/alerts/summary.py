"""The alert about alerts: how many changes of which were held back, and for how many there was no room.

It is told at most once a minute, in a place that the bound keeps free for it, and is over when for some
minutes nothing more was held back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.alerts.bound import MINUTE_MS, Room
from engine.alerts.lives import Lives, Row
from engine.alerts.record import Transition, fingerprint
from engine.alerts.sight import Rule
from engine.outputs import Origin

NAME = "AlertsHeldBack"
RULE = Rule(NAME, "warning", lasts_ms=36_500 * 86_400_000)
QUIET_MS = 5 * MINUTE_MS
NAMED_MAX = 5


class Summary:
    """Tells of what `lives` could not tell.

    Parameters
    ----------
    lives
        The alerts of a shard, this one among them once it fires.
    origin
        What is the same in all outputs of the shard.
    """

    def __init__(self, lives: Lives, origin: Origin) -> None:
        self.lives = lives
        self.labels = {
            "alertname": NAME,
            "severity": RULE.severity,
            "pipeline": origin.pipeline,
            "partition": str(origin.partition),
        }
        self.key = fingerprint(self.labels)
        self.count = 0  # of what is told of, as it was seen last
        self.moved = 0  # when there was more of it
        self.told = 0  # when that was told
        self.room = Room(1)

    def rows(self, now: int) -> Sequence[Row]:
        """A record, if there is one to be made."""
        life, count = self.lives.all.get(self.key), self._count()
        if life is None and not count:
            return []
        if count != self.count:
            self.count, self.moved = count, now
        self.moved, self.told = min(self.moved, now), min(self.told, now)
        if not self.room.left(now):
            return []
        if life is None:
            life = self.lives.begin(self.labels, self.key, now)
            self.lives.fire(life, now)
            return [self._row("fired", now)]
        if not self.lives.outbox.waiting and now - self.moved >= QUIET_MS:
            row = self._row("resolved", now)
            self.lives.all.pop(self.key)
            self.lives.firing[NAME] -= 1
            self.forget()
            return [row]
        return [self._row("updated", now)] if self.moved > self.told else []

    def forget(self) -> None:
        """It is over; what comes next is counted from 0."""
        self.lives.outbox.held.clear()
        self.lives.turned_away.clear()
        self.count = 0

    def _row(self, transition: Transition, now: int) -> Row:
        life, self.told = self.lives.all[self.key], now
        held, away = self.lives.outbox.held, self.lives.turned_away
        life.alert.annotations = {
            "summary": _counted(held, "change of an alert was", "changes of alerts were") + " held back",
            "description": _described(held, away, len(self.lives.outbox.waiting), self.lives.most),
            "value": str(self._count()),
            "threshold": str(self.lives.outbox.most),
        }
        life.alert.evidence = {
            "held_back": dict(held),
            "turned_away": dict(away),
            "waiting": len(self.lives.outbox.waiting),
        }
        life.seen = now
        life.change(transition, now)
        self.room.take(now)
        return self.lives.written(life, 0)

    def _count(self) -> int:
        return sum(self.lives.outbox.held.values()) + sum(self.lives.turned_away.values())

    def state(self) -> list[Any]:
        return [self.count, self.moved, self.told, self.room.told]

    def restore(self, state: Sequence[Any]) -> None:
        self.count, self.moved, self.told, told = state
        self.room.told = [*told]


def _counted(counts: Mapping[str, int], one: str, more: str) -> str:
    count = sum(counts.values())
    return f"{count:,} {one if count == 1 else more}"


def _described(held: Mapping[str, int], away: Mapping[str, int], waiting: int, most: int) -> str:
    parts = [f"Held back by limits.alerts_per_minute_max: {_named(held)}; {waiting:,} wait to be told."]
    if away:
        parts.append(f"Turned away since limits.alerts_max = {most:,} are open: {_named(away)}.")
    return " ".join(parts)


def _named(counts: Mapping[str, int]) -> str:
    """The names with the most, and how many others there are.

    >>> _named({"Drift": 3, "AccuracyLow": 12})
    'AccuracyLow 12, Drift 3'
    """
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    told = [f"{name} {count:,}" for name, count in ordered[:NAMED_MAX]]
    others = ordered[NAMED_MAX:]
    return ", ".join(told) + (f" and {len(others):,} other conditions" if others else "") or "none"
