"""What is told at once and what has to wait: never more than so many records in any minute of the stream.

An alert that waits has one entry, whatever happens to it: what is told in the end is how it stands then. One
that fired and was over while it waited is told nobody; it is in the summary's counts, as all others are.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from typing import Any

import msgspec

from engine.alerts.life import Life

MINUTE_MS = 60_000
BACK_MS = 60 * MINUTE_MS  # a clock that goes back further was wrong before
SPARE = 9  # one of so many records is kept for what people do
RANKS = {"critical": 1, "warning": 2, "info": 3}


class Clock:
    """The records' time, which does not go back: unless it goes back so far that it was wrong before.

    >>> clock = Clock()
    >>> [clock.at(ms) for ms in (5_000, 4_000, 90_000_000_000, 6_000)]
    [5000, 5000, 90000000000, 6000]
    """

    def __init__(self) -> None:
        self.now = 0

    def at(self, now: int) -> int:
        """How late it is, at a record of this time."""
        if now > self.now or now < self.now - BACK_MS:
            self.now = now
        return self.now


class Room:
    """How much may still be told in the minute that ends now.

    >>> room = Room(2)
    >>> room.take(0), room.take(1), room.left(59_999), room.left(60_000)
    (None, None, 0, 1)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.told: list[int] = []  # when, of the last minute

    def left(self, now: int) -> int:
        self.told = [at for at in self.told if 0 <= now - at < MINUTE_MS]
        return self.most - len(self.told)

    def take(self, now: int) -> None:
        self.told.append(now)


class Waiting(msgspec.Struct):
    """An alert that is to be told."""

    life: Life
    rank: int  # what a person did first, then the most severe
    number: int
    passed_over: bool = False
    held: int = 0  # what happened to it before, while it waited


class Outbox:
    """What is to be told, and what was held back.

    Parameters
    ----------
    most
        Records that may be told in any minute; the summary is one of them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.room = Room(most - 1)
        self.waiting: dict[str, Waiting] = {}
        self.fresh: set[str] = set()  # of those the ones to which something happened just now
        self.ordered: set[str] = set()  # those to which people did something
        self.number = 0
        self.held: dict[str, int] = {}  # by name of alert, since the summary fired
        self.held_total = 0  # ever

    def put(self, life: Life, by_order: bool) -> None:
        """Something happened to an alert."""
        key, rank = life.alert.fingerprint, 0 if by_order else RANKS[life.alert.labels["severity"]]
        before = self.waiting.pop(key, None)
        self.fresh.add(key)
        if by_order:
            self.ordered.add(key)
        if before is None:
            self.number += 1
            self.waiting[key] = Waiting(life, rank, self.number)
            return
        before.life, before.rank = life, min(rank, before.rank)
        self.waiting[key] = before
        if before.passed_over:
            before.held += 1
            self._count(life)

    def flush(self, now: int) -> list[tuple[Life, int]]:
        """Those that are told now, the most urgent first, and how much of each was held back."""
        fresh, self.fresh = sorted(self.fresh), set()
        for key in fresh:  # the others were looked at before
            if self.waiting[key].life.is_nothing:
                self._take(key)
        chosen = self._next(now) if self.waiting else []
        for each in chosen:
            self._take(each.life.alert.fingerprint)
            self.room.take(now)
        for each in (self.waiting[key] for key in fresh if key in self.waiting):
            if not each.passed_over:
                each.passed_over = True
                self._count(each.life)
        return [(each.life, each.held) for each in chosen]

    def _next(self, now: int) -> list[Waiting]:
        """Those for which there is room; some of it is kept for what people do, that they see it."""
        room, spare = self.room.left(now), self.room.most // SPARE
        if not room or (room <= spare and not self.ordered):
            return []
        some = [self.waiting[key] for key in self.ordered] if room <= spare else self.waiting.values()
        first = nsmallest(room, some, key=lambda each: (each.rank, each.number))
        return [each for i, each in enumerate(first) if each.rank == 0 or i < room - spare]

    def _take(self, key: str) -> None:
        del self.waiting[key]
        self.ordered.discard(key)

    def _count(self, life: Life) -> None:
        name = life.alert.labels["alertname"]
        self.held[name] = self.held.get(name, 0) + 1
        self.held_total += 1

    def state(self) -> dict[str, Any]:
        return {
            "told": self.room.told,
            "waiting": [msgspec.to_builtins(each) for each in self.waiting.values()],
            "number": self.number,
            "held": [dict(self.held), self.held_total],
        }

    def restore(self, state: Mapping[str, Any], lives: Mapping[str, Life]) -> None:
        """`lives` are those that are open: an alert that waits is the same one."""
        self.room.told, self.number = [*state["told"]], state["number"]
        held, self.held_total = state["held"]
        self.held = dict(held)
        self.waiting = {}
        for told in state["waiting"]:
            each = msgspec.convert(told, Waiting)
            key = each.life.alert.fingerprint
            known = lives.get(key)
            if known is not None and each.life == known:
                each.life = known
            self.waiting[key] = each
        self.ordered = {key for key, each in self.waiting.items() if each.rank == 0}
