"""What one receiver was told, and what it is to be told next. Pure: the time is passed in, in milliseconds.

What counts is what is true now, not each record: alerts that change while a message waits, or while its
receiver is away, are told as they are when it goes. One message of a group is under way at a time, and does
not change until it was taken or given up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.log import Headers
from connectors.notifier import Parcel
from engine.alerts.record import Alert
from engine.specnotify import Notify
from streams.notify.message import parcel as pack
from streams.notify.routes import Way, plain_way
from streams.notify.told import AGAIN, Entry, Mark, Status

BACKOFF_MS, BACKOFF_MAX_MS = 500, 60_000
MINUTE_MS = 60_000
MARKS_MAX = 3_000  # of one group that are written; what is told beyond is told again after a restart


class Standing(NamedTuple):
    """An alert as its newest record has it."""

    alert: Alert
    stamp: int
    """The record's own time."""
    old: bool
    """It lies before the first record that its receiver could have been told of."""


@dataclass
class Group:
    """Alerts that are told together, and their message under way."""

    way: Way
    key: str
    """Of its record on the topic of deliveries."""
    alerts: dict[str, Standing] = field(default_factory=dict)
    parcel: Parcel | None = None
    telling: dict[str, Mark] = field(default_factory=dict)
    stamp: int = 0
    """Of the oldest record that the message tells of."""
    began: int = 0
    attempts: int = 0
    due: int | None = None
    sent_at: int = 0
    headers: Headers = ()


class Rounds:
    """All groups of one receiver.

    Parameters
    ----------
    name
        The receiver's.
    notify
        The spec's section.
    seed
        Of the jitter between attempts.
    """

    def __init__(self, name: str, notify: Notify, seed: int = 0) -> None:
        self.name, self.notify = name, notify
        self.resolved = notify.receivers[name].resolved
        self.groups: dict[str, Group] = {}
        self.marks: dict[str, Mark] = {}
        self.tokens, self.counted_at = float(notify.messages_per_minute_max), 0
        self.random = random.Random(seed)

    # -- what was told before, and what is true now

    def load(self, key: str, entry: Entry, headers: Headers = ()) -> None:
        """Go on with what a record tells; a message that was under way goes out again."""
        for fingerprint, mark in entry.marks.items():
            known = self.marks.get(fingerprint)
            if known is None or known.at <= mark.at:
                self.marks[fingerprint] = mark
        if entry.status == "sending" and entry.parcel is not None:
            self.groups[key] = Group(
                plain_way(self.notify, entry.labels),
                key,
                parcel=entry.parcel,
                telling=dict(entry.telling),
                stamp=entry.began,
                began=entry.began,
                attempts=entry.attempts,
                due=entry.at,
                headers=headers,
            )

    def take(self, standing: Standing, way: Way, now: int) -> None:
        """An alert, as it is now."""
        key = f"{self.name}/{way.digest}"
        group = self.groups.setdefault(key, Group(way, key))
        group.way = way
        alert, mark = standing.alert, self.marks.get(standing.alert.fingerprint)
        group.alerts[alert.fingerprint] = standing
        if group.parcel is not None:
            return
        if self._is_news(alert.fingerprint, standing, way, now):
            self._hurry(group, now)
        elif mark is not None and mark.starts == alert.starts_at:
            again = self._again_at(alert, mark, way)
            group.due = min((at for at in (group.due, again) if at is not None), default=None)

    def drop(self, fingerprint: str) -> Iterator[str]:
        """An alert that is no longer on the topic; the records that nobody needs without it."""
        self.marks.pop(fingerprint, None)
        for key, group in [*self.groups.items()]:
            if group.alerts.pop(fingerprint, None) and not group.alerts and group.parcel is None:
                del self.groups[key]
                yield key

    # -- what is next

    def next(self, now: int) -> tuple[int, Group] | None:
        """The group that comes next, and when; None while there is nothing to tell."""
        room = self._room_at(now)
        due = (
            (group.due if group.parcel is not None else max(group.due, room), group)
            for group in self.groups.values()
            if group.due is not None
        )
        return min(due, key=lambda pair: pair[0], default=None)

    @property
    def waiting(self) -> int:
        """Messages under way, and groups with news."""
        return sum(group.due is not None for group in self.groups.values())

    def begin(self, group: Group, now: int) -> bool:
        """Make the message, unless it is there; False if there is nothing to tell any more."""
        if group.parcel is not None:
            return True
        news = set(self._news(group, now))
        told = [s for key, s in group.alerts.items() if key in news or self._stands(key, s)]
        if not news:
            self._plan(group, now)
            return False
        told.sort(key=lambda s: (s.alert.fingerprint not in news, s.alert.status == "resolved", -s.stamp))
        group.telling = {
            s.alert.fingerprint: Mark(
                "resolved" if s.alert.status == "resolved" else "firing", s.alert.starts_at, now
            )
            for s in told
        }
        group.parcel = pack([s.alert for s in told], group.way, self.name, self.notify)
        group.stamp = min(s.stamp for s in told if s.alert.fingerprint in news)
        group.began, group.attempts, group.due = now, 0, now
        self.tokens -= 1
        return True

    # -- how it went

    def taken(self, group: Group, now: int) -> None:
        """The message was taken."""
        for fingerprint, mark in group.telling.items():
            if not group.key.startswith(AGAIN) or self._failed_in(fingerprint, mark.starts):
                self.marks[fingerprint] = Mark(mark.what, mark.starts, now)
        self._end(group, now)

    def failed(self, group: Group, now: int, after_s: float | None) -> bool:
        """Nobody took it now; False if it is time to give it up."""
        group.attempts += 1
        if now - group.began >= self.notify.give_up_after:
            return False
        pause = min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** min(group.attempts - 1, 20))
        jittered = pause * self.random.uniform(0.5, 1.0)
        group.due = now + int(max(jittered, (after_s or 0) * 1000))
        return True

    def given_up(self, group: Group, now: int) -> None:
        """It is a dead letter now; what still fires is told anew after a while."""
        for fingerprint, mark in group.telling.items() if not group.key.startswith(AGAIN) else ():
            over = mark.what == "resolved"
            self.marks[fingerprint] = Mark("resolved" if over else "failed", mark.starts, now)
        self._end(group, now)

    def entry(self, group: Group, status: Status, now: int) -> Entry:
        """What is written of a group."""
        marks = {key: self.marks[key] for key in (*group.alerts, *group.telling) if key in self.marks}
        entry = Entry(self.name, group.way.labels, status, now, group.began, group.attempts, _newest(marks))
        if status == "sending":
            entry.telling, entry.parcel = _newest(group.telling), group.parcel
        return entry

    def _end(self, group: Group, now: int) -> None:
        group.parcel, group.telling, group.sent_at, group.due = None, {}, now, None
        if group.key.startswith(AGAIN):
            del self.groups[group.key]
        else:
            self._plan(group, now)

    def _failed_in(self, fingerprint: str, life: str) -> bool:
        """Whether its receiver is still to be told of this life of an alert, since a message was given up."""
        mark = self.marks.get(fingerprint)
        return mark is not None and mark.what == "failed" and mark.starts == life

    # -- what is news

    def _stands(self, fingerprint: str, standing: Standing) -> bool:
        """Whether it fires, and the receiver is to see it beside what is new."""
        alert = standing.alert
        if alert.status == "resolved" or alert.muted:
            return False
        return alert.status == "firing" or fingerprint in self.marks

    def _news(self, group: Group, now: int) -> Iterator[str]:
        return (key for key, standing in group.alerts.items() if self._is_news(key, standing, group.way, now))

    def _is_news(self, fingerprint: str, standing: Standing, way: Way, now: int) -> bool:
        alert, mark = standing.alert, self.marks.get(fingerprint)
        known = mark is not None and mark.starts == alert.starts_at
        if alert.status == "resolved":
            if not self.resolved:
                return False
            if known:
                return mark is not None and mark.what != "resolved"
            return not standing.old and not alert.muted
        if alert.muted:
            return False
        if not known:
            return alert.status == "firing"
        again = self._again_at(alert, mark, way)
        return again is not None and again <= now

    def _again_at(self, alert: Alert, mark: Mark | None, way: Way) -> int | None:
        """When an alert that was told is told again, if it is."""
        if mark is None or alert.status != "firing" or alert.muted:
            return None
        if mark.what == "failed":
            return mark.at + self.notify.give_up_after
        return mark.at + way.repeat_ms if way.repeat_ms else None

    def _plan(self, group: Group, now: int) -> None:
        """When to look at the group next."""
        if group.parcel is not None:
            return
        if any(True for _ in self._news(group, now)):
            self._hurry(group, now)
            return
        again = (
            self._again_at(s.alert, self.marks.get(key), group.way)
            for key, s in group.alerts.items()
            if s.alert.starts_at == getattr(self.marks.get(key), "starts", None)
        )
        group.due = min((at for at in again if at is not None), default=None)

    def _hurry(self, group: Group, now: int) -> None:
        """There is news: the first that comes waits for others, for so long."""
        at = now + group.way.wait_ms
        waited = at if group.due is None else min(group.due, at)
        group.due = max(waited, group.sent_at + group.way.interval_ms)

    def _room_at(self, now: int) -> int:
        """When the receiver may get another message."""
        per_ms = self.notify.messages_per_minute_max / MINUTE_MS
        gained = (now - self.counted_at) * per_ms if self.counted_at else 0.0
        self.tokens = min(float(self.notify.messages_per_minute_max), self.tokens + max(0.0, gained))
        self.counted_at = now
        return now if self.tokens >= 1 else now + int((1 - self.tokens) / per_ms) + 1


def _newest(marks: dict[str, Mark]) -> dict[str, Mark]:
    """As many as a record may hold: what fires first, then the newest."""
    if len(marks) <= MARKS_MAX:
        return marks
    ranked = sorted(marks.items(), key=lambda pair: (pair[1].what == "resolved", -pair[1].at))
    return dict(ranked[:MARKS_MAX])
