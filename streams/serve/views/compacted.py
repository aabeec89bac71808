"""A compacted topic, of which the newest record of each key is known: read once, and then only what comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from connectors.log import Log
from engine.spec import Spec
from streams.records import Placed
from streams.serve.problems import Problem
from streams.serve.views.tails import Budget, Tail

LOOK_SECONDS = 3.0  # that one question may take; the next one goes on from there
AT_ONCE = 10_000  # records of a partition
AGAIN_SECONDS = 10.0  # between two times that all is read again, because records may have been deleted

T = TypeVar("T")


class Compacted(Generic[T]):
    """What the newest record of each key says.

    Parameters
    ----------
    spec
        The pipeline's spec.
    what
        The topic, in short.
    read
        What a record says; a MsgspecError if nothing.
    most
        Keys that are known; of more those that were written longest ago are left out,
    is_over
        and first those that are over.
    """

    def __init__(
        self,
        spec: Spec,
        what: str,
        read: Callable[[Placed], T],
        most: int,
        is_over: Callable[[T], bool] = lambda told: True,
    ) -> None:
        self.topic, self.read, self.most, self.is_over = spec.topic(what), read, most, is_over
        self.tells_deletions = spec.transport.startswith("kafka:")  # by a record without a value
        self.tail, self.known = Tail(self.topic, at_once=AT_ONCE), dict[bytes, T]()
        self.again_at = 0.0
        self.others = 0  # records that say nothing
        self.looks = 0

    def look(self, log: Log) -> list[T]:
        """What is new, by the order of each partition."""
        found = self._catch_up(log)
        self.looks += 1
        if self.looks > 1 and self.tail.gaps and not self.tells_deletions:
            self.again_at = self.again_at or time.monotonic() + AGAIN_SECONDS
        if self.again_at and time.monotonic() > self.again_at:
            self.again(log)
        return found

    def again(self, log: Log) -> None:
        """Read all there is: what was deleted is not there any more."""
        self.again_at, self.known, self.tail = 0.0, {}, Tail(self.topic, at_once=AT_ONCE)
        self._catch_up(log)

    def _catch_up(self, log: Log) -> list[T]:
        """Read to the end; 503 where that takes long, as of a topic that was not compacted for a while."""
        budget, found = Budget(LOOK_SECONDS), self._take(self.tail.new(log))
        while behind := self.tail.behind:
            if budget.is_over:
                detail = f"{self.topic} is still being read, {behind:,} records to go: ask again"
                raise Problem(503, detail, {"Retry-After": "1"})
            found += self._take(self.tail.new(log))
        return found

    def _take(self, records: list[Placed]) -> list[T]:
        found: list[T] = []
        for placed in records:
            key = placed.record.key or b""
            self.known.pop(key, None)
            if placed.record.value is None:
                continue
            try:
                self.known[key] = told = self.read(placed)
            except msgspec.MsgspecError:
                self.others += 1
            else:
                found.append(told)
        self._forget(len(self.known) - self.most)
        return found

    def _forget(self, count: int) -> None:
        """Leave so many out."""
        if count > 0:
            over = [key for key, told in self.known.items() if self.is_over(told)]
            for key in list(dict.fromkeys([*over, *self.known]))[:count]:
                del self.known[key]
