"""Carries one receiver's messages, one at a time.

Around each stand two records, see `told.py`: a kill between the receiver's answer and the second one sends
the message once more, with the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from connectors.log import Headers, Rows
from connectors.notifier import Later, Notifier, NotifyError, Rejected
from streams.cache.breaker import Breaker
from streams.notify.counts import Counts
from streams.notify.letters import letter
from streams.notify.rounds import Group, Rounds
from streams.notify.told import Status, encode

log = logging.getLogger("driftline")

IDLE_S = 3600.0

Told = tuple[str, bytes | None, Headers]
"""Key, value and headers of a record on the topic of deliveries."""


class Writes(Protocol):
    """Writes down what was told."""

    deliveries: str
    dead_letters: str

    async def write(self, records: Sequence[Told], more: Mapping[str, Rows] | None = None) -> None: ...


class Alarm:
    """Wakes a task that waits for a time or for news, and tells it to end."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.ending = False

    def wake(self) -> None:
        self.news.set()

    def end(self) -> None:
        """After what it is at."""
        self.ending = True
        self.news.set()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), seconds)
        self.news.clear()


class Carrier:
    """One receiver's.

    Parameters
    ----------
    rounds
        What it was told, and is to be told.
    notifier
        The receiver.
    writes
        Where it is written down.
    counts
        Where it is counted.
    clock
        Milliseconds.
    """

    def __init__(
        self, rounds: Rounds, notifier: Notifier, writes: Writes, counts: Counts, clock: Callable[[], int]
    ) -> None:
        self.name, self.rounds, self.notifier = rounds.name, rounds, notifier
        self.writes, self.counts, self.clock = writes, counts, clock
        self.alarm, self.breaker = Alarm(), Breaker()

    async def run(self) -> None:
        """Send what is due, until told to end."""
        while not self.alarm.ending:
            found, now = self.rounds.next(self.clock()), self.clock()
            if found is None:
                await self.alarm.wait(IDLE_S)
                continue
            wait = max((found[0] - now) / 1000, self.breaker.wait())
            if wait > 0:
                await self.alarm.wait(wait)
            elif self.breaker.enter():
                await self._deliver(found[1])

    async def _deliver(self, group: Group) -> None:
        is_new = group.parcel is None
        if not self.rounds.begin(group, self.clock()) or group.parcel is None:
            self.breaker.trying = False
            return
        if is_new:
            await self._note(group, "sending")
        try:
            answer = await self.notifier.send(group.parcel)
        except Later as exc:
            self.breaker.failed()
            await self._put_off(group, exc)
        except Rejected as exc:
            self.breaker.succeeded()
            await self._give_up(group, exc)
        else:
            self.breaker.succeeded()
            log.info("%s took %s (%s): %s", self.name, group.parcel.id, answer, group.parcel.title)
            self.counts.sent(self.name, (self.clock() - group.stamp) / 1000)
            self.rounds.taken(group, self.clock())
            await self._note(group, "sent")

    async def _put_off(self, group: Group, exc: Later) -> None:
        if self.rounds.failed(group, self.clock(), exc.after):
            self.counts.outcomes[self.name, "failed"] += 1
            wait = max(((group.due or 0) - self.clock()) / 1000, self.breaker.wait())
            log.warning("%s: %s; trying again in %.1f s", self.name, exc, max(0.0, wait))
        else:
            await self._give_up(group, exc)

    async def _give_up(self, group: Group, exc: NotifyError) -> None:
        self.counts.outcomes[self.name, "dead"] += 1
        log.error("%s: %s; the message is a dead letter now (delivery_failed)", self.name, exc)
        entry = self.rounds.entry(group, "sending", self.clock())
        dead = letter(entry, exc, group.attempts + 1, self.writes.deliveries)
        self.rounds.given_up(group, self.clock())
        await self._note(group, "dead", {self.writes.dead_letters: dead})

    async def _note(self, group: Group, status: Status, more: Mapping[str, Rows] | None = None) -> None:
        entry = self.rounds.entry(group, status, self.clock())
        await self.writes.write([(group.key, encode(entry), group.headers)], more)
