"""Which alerts an Alertmanager is to be shown. Pure: the time is passed in, in milliseconds.

It takes an alert for resolved when it was not shown it for a while, so all that fires is shown again and
again, with a time at which it ends unless it is shown once more. What is over is shown with its end, until
that was taken. Nothing has to be remembered for it: after a restart everything is shown anew, which changes
nothing there.
"""

from __future__ import annotations

from typing import Any

from engine.alerts.record import Alert, iso
from engine.specnotify import Notify
from streams.notify.rounds import BACKOFF_MAX_MS, BACKOFF_MS, Standing
from streams.notify.text import noted, said, where

MISSED = 4  # shows that may fail before it takes an alert for resolved
OVER_MS = 900_000  # what has been over for longer is not shown after a restart


class Mirrored:
    """One Alertmanager's alerts.

    Parameters
    ----------
    notify
        The spec's section.
    """

    def __init__(self, notify: Notify) -> None:
        self.notify = notify
        self.alerts: dict[str, Standing] = {}
        self.fresh: dict[str, None] = {}  # not shown yet as they are now
        self.shown: set[str] = set()
        self.hushed: dict[str, tuple[str, str]] = {}  # silences there: their ids, and when they began
        self.shown_at = self.again_at = self.failures = 0

    @property
    def waiting(self) -> int:
        """Alerts that it has not been shown as they are."""
        return len(self.fresh)

    def take(self, standing: Standing, now: int) -> None:
        """An alert, as it is now."""
        alert, key = standing.alert, standing.alert.fingerprint
        if alert.status == "resolved" and now - standing.stamp > OVER_MS:
            return
        if alert.muted and key not in self.shown and key not in self.alerts:
            return
        self.alerts[key] = standing
        self.fresh[key] = None

    def next(self, now: int) -> int | None:
        """When to show something; None while there is nothing."""
        if self.fresh:
            return max(now, self.again_at)
        return max(self.shown_at + self.notify.resend, self.again_at) if self.alerts else None

    def due(self, now: int) -> list[str]:
        """What to show now: what is new; or all, if it is time."""
        if now >= self.shown_at + self.notify.resend:
            return [*self.alerts]
        return [*self.fresh]

    def told(self, fingerprint: str, now: int) -> dict[str, Any]:
        """An alert as Alertmanager's API takes it: none may begin after it ends."""
        alert = self.alerts[fingerprint].alert
        ends = min(alert.ends_at, iso(now)) if alert.status == "resolved" else None
        told = {**noted(alert, self.notify.link), **_quieted(alert)}
        return {
            "labels": {name: value for name, value in alert.labels.items() if value},
            "annotations": {name: value for name, value in told.items() if value},
            "startsAt": min(alert.starts_at, ends or iso(now)),
            "endsAt": ends or iso(now + MISSED * self.notify.resend),
            "generatorURL": where(alert, self.notify.link),
        }

    def taken(self, shown: list[tuple[str, Standing]], now: int) -> None:
        """These were taken as they were; what is over is done with."""
        self.failures = self.again_at = 0
        for key, standing in shown:
            self.shown.add(key)
            if self.alerts.get(key) is standing:
                self.fresh.pop(key, None)
                if standing.alert.status == "resolved":
                    self.alerts.pop(key)
                    self.shown.discard(key)

    def all_shown(self, now: int) -> None:
        """Everything was shown."""
        self.shown_at = now

    def failed(self, now: int, after_s: float | None) -> None:
        """It took nothing now."""
        self.failures += 1
        pause = min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** min(self.failures - 1, 20))
        self.again_at = now + int(max(pause, (after_s or 0) * 1000))

    # -- silences: there is no word for acknowledged there

    def to_hush(self, everything: bool) -> list[str]:
        """Alerts that need a silence, or to have theirs kept."""
        quiet = [key for key in self.shown if key in self.alerts and _is_quiet(self.alerts[key].alert)]
        return [key for key in quiet if everything or key not in self.hushed]

    def to_unhush(self) -> list[str]:
        """Alerts that have one which they no longer need."""
        return [k for k in self.hushed if k not in self.alerts or not _is_quiet(self.alerts[k].alert)]

    def silence(self, fingerprint: str, now: int) -> dict[str, Any]:
        """What is posted: it names the alert by all of its labels."""
        alert, (id_, since) = self.alerts[fingerprint].alert, self.hushed.get(fingerprint, ("", iso(now)))
        labels = [(name, value) for name, value in sorted(alert.labels.items()) if value]
        return {
            **({"id": id_} if id_ else {}),
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels
            ],
            "startsAt": since,
            "endsAt": iso(now + MISSED * self.notify.resend),
            "createdBy": "driftline",
            "comment": f"{_why(alert)} ({fingerprint})",
        }


def _is_quiet(alert: Alert) -> bool:
    return alert.status == "acknowledged" or (bool(alert.muted) and alert.status != "resolved")


def _why(alert: Alert) -> str:
    """Why nobody is to be told."""
    if alert.acknowledged is not None and not alert.muted:
        return f"acknowledged by {said(alert.acknowledged)}"
    return f"{alert.muted}: {alert.why}" if alert.why and alert.transition == "silenced" else alert.muted


def _quieted(alert: Alert) -> dict[str, str]:
    """Who acknowledged or silenced it: an Alertmanager has no word of its own for it."""
    return {
        "acknowledged_by": alert.acknowledged.by if alert.acknowledged is not None else "",
        "muted": alert.muted,
    }
