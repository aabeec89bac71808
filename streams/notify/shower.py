"""Shows one Alertmanager which alerts there are."""

from __future__ import annotations

import logging
from collections.abc import Callable

from connectors.notifier import Later, Mirror, NotifyError, Rejected
from streams.notify.carrier import IDLE_S, Alarm
from streams.notify.counts import Counts
from streams.notify.mirrored import Mirrored

log = logging.getLogger("driftline")


class Shower:
    """One Alertmanager's.

    Parameters
    ----------
    name
        The receiver's.
    mirrored
        What it is to be shown.
    mirror
        The receiver.
    counts
        Where it is counted.
    clock
        Milliseconds.
    """

    def __init__(
        self, name: str, mirrored: Mirrored, mirror: Mirror, counts: Counts, clock: Callable[[], int]
    ) -> None:
        self.name, self.mirrored, self.mirror = name, mirrored, mirror
        self.counts, self.clock = counts, clock
        self.alarm = Alarm()

    async def run(self) -> None:
        """Show what is due, until told to end."""
        while not self.alarm.ending:
            at, now = self.mirrored.next(self.clock()), self.clock()
            if at is None or at > now:
                await self.alarm.wait(IDLE_S if at is None else (at - now) / 1000)
            else:
                await self._show(now)

    async def _show(self, now: int) -> None:
        due, size = self.mirrored.due(now), self.mirrored.notify.alerts_per_message_max
        for first in range(0, len(due), size):
            if not await self._show_some(due[first : first + size]):
                return
        everything = len(due) >= len(self.mirrored.alerts)
        if everything:
            self.mirrored.all_shown(now)
        try:
            await self._hush(now, everything)
        except NotifyError as exc:  # it is only told more often than need be; the next show tries again
            log.warning("%s: silences: %s", self.name, exc)

    async def _hush(self, now: int, everything: bool) -> None:
        mirrored = self.mirrored
        for key in mirrored.to_hush(everything):
            silence = mirrored.silence(key, now)
            mirrored.hushed[key] = await self.mirror.hush(silence), silence["startsAt"]
        for key in mirrored.to_unhush():
            await self.mirror.unhush(mirrored.hushed.pop(key)[0])

    async def _show_some(self, keys: list[str]) -> bool:
        mirrored, now = self.mirrored, self.clock()
        shown = [(key, mirrored.alerts[key]) for key in keys]
        fresh = [standing.stamp for key, standing in shown if key in mirrored.fresh]
        try:
            await self.mirror.show([mirrored.told(key, now) for key in keys])
        except Later as exc:
            mirrored.failed(self.clock(), exc.after)
            self.counts.outcomes[self.name, "failed"] += 1
            log.warning("%s: %s; trying again in %.1f s", self.name, exc, (mirrored.again_at - now) / 1000)
            return False
        except Rejected as exc:
            if len(keys) > 1:  # find out which it is
                return all([await self._show_some([key]) for key in keys])
            self.counts.outcomes[self.name, "dead"] += bool(fresh)
            log.error("%s does not take the alert %s: %s", self.name, keys[0], exc)
        else:
            if fresh:
                self.counts.sent(self.name, (self.clock() - min(fresh)) / 1000)
        mirrored.taken(shown, self.clock())
        return True
