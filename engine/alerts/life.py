"""One alert's life: pending -> firing -> acknowledged -> resolved, and what is remembered of it meanwhile.

    pending   it holds, but not for long enough yet; nobody knows of it
    open      it fires, or somebody has acknowledged it
    closed    a person resolved it though it still holds: it says no more until it has not held

What times are taken from are records; a time that lies ahead, since a clock was wrong, counts as now.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from engine.alerts.record import NEVER, Alert, Transition, iso

Stage = Literal["pending", "open", "closed"]
NOVEL = 0.25  # a value that is so much other than what was told is worth telling
UPDATE_MS = 300_000  # so long after it fired; the next one when twice as much time has passed


class By(NamedTuple):
    """Who did something, and why."""

    who: str = ""
    why: str = ""


NOBODY = By()


class Life(msgspec.Struct):
    """An alert and its bookkeeping."""

    alert: Alert
    stage: Stage
    since: int  # when it began to hold; once it is open, when it fired
    seen: int  # when it was found last
    quiet: int | None = None  # since when it has not held
    value: float | None = None  # as it was told last
    update: int = 0  # from when on a value is worth telling again
    shown: bool = False  # the topic says that it is open

    @property
    def name(self) -> str:
        return self.alert.labels["alertname"]

    @property
    def is_nothing(self) -> bool:
        """Whether it is over, and nobody ever knew that it was."""
        return self.alert.status == "resolved" and not self.shown

    def fire(self, now: int) -> None:
        """It holds for long enough."""
        self.stage, self.since, self.quiet, self.update = "open", now, None, now + UPDATE_MS
        self.alert.status, self.alert.ends_at, self.alert.revision = "firing", NEVER, 0
        self.alert.starts_at, self.alert.acknowledged = iso(now), None

    def change(self, transition: Transition, now: int, by: By = NOBODY) -> None:
        """What the next record tells."""
        alert = self.alert
        alert.transition, alert.time, alert.by, alert.why = transition, now, by.who, by.why
        if transition == "resolved":
            alert.status, alert.ends_at = "resolved", iso(now)

    def holds(self, now: int) -> None:
        """It was found to hold."""
        self.seen, self.quiet = now, None
        self.since = min(self.since, now)

    def is_quiet(self, now: int, wait_ms: int) -> bool:
        """Whether it has not held for so long, now that it does not."""
        self.seen = now
        self.quiet = now if self.quiet is None else min(self.quiet, now)
        return now - self.quiet >= wait_ms

    def is_news(self, value: float, bound: float, now: int) -> bool:
        """Whether a value is worth telling: it is another one, and not too soon."""
        if now < self.update:
            return False
        before = 0.0 if self.value is None else self.value
        return abs(value - before) >= NOVEL * max(abs(before), abs(bound), 1e-12)

    def told_again(self, now: int) -> None:
        """Ever more seldom: as long again as it has fired."""
        self.update = now + max(UPDATE_MS, now - self.since)

    def record(self, held: int) -> Alert:
        """What is written now; the first that is told of an alert tells that it fired."""
        alert = self.alert
        told = msgspec.structs.replace(
            alert,
            transition="fired" if alert.revision == 0 and alert.status != "resolved" else alert.transition,
            held_back=held,
        )
        alert.revision += 1
        self.shown = alert.status != "resolved"
        return told
