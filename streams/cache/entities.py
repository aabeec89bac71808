"""The newest features and prediction of each entity, written behind the commits to a cache, and read from it.

The stream never waits for the cache. What was committed is handed over and written by a task of its own,
one round trip at a time; of an entity only the newest entry waits. When the cache fails again and again a
circuit breaker leaves it alone for a while that grows, and what can't wait is dropped and counted: the next
event of the entity writes it. So it is never wrong, only old or empty.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from connectors.cache import Cache
from connectors.log import Unavailable
from engine.histogram import Histogram
from streams.cache.breaker import Breaker
from streams.cache.entityform import Entity, Form, Refused, Row

log = logging.getLogger("driftline")

ROUND_MAX = 1_000  # entities of one round trip
TRIAL_MAX = 10  # of the one that finds out whether the cache is back
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
OUTCOMES = ("written", "dropped", "failed", "found", "missing", "refused", "skipped")


class Entities:
    """The newest entry of each entity.

    Parameters
    ----------
    cache
        Where they are.
    form
        What they look like.
    pending_max
        Entities that may wait to be written.
    """

    def __init__(self, cache: Cache, form: Form, pending_max: int) -> None:
        self.cache, self.form, self.pending_max = cache, form, pending_max
        self.pending: dict[str, tuple[Row, bytes]] = {}
        self.waiting = asyncio.Event()
        self.breaker = Breaker()
        self.counts = dict.fromkeys(OUTCOMES, 0)
        self.seconds = Histogram(BOUNDS_S)  # of round trips
        self.age_s = 0.0  # how old the newest event was when it was written

    # -- writing ---------------------------------------------------------------------------------------

    def offer(self, newest: Mapping[str, Row], predictions: Mapping[bytes | None, bytes | None]) -> None:
        """Hand over what a commit brought; returns at once."""
        for entity, row in newest.items():
            prediction = predictions.get(entity.encode())
            if prediction is None:
                continue
            if len(self.pending) >= self.pending_max and entity not in self.pending:
                self.counts["dropped"] += 1
                continue
            self.pending[entity] = (row, prediction)
        self.waiting.set()

    async def run(self) -> None:
        """Write what waits, for as long as the worker runs."""
        while True:
            await self.waiting.wait()
            self.waiting.clear()
            while self.pending:
                if not self.breaker.enter():
                    await asyncio.sleep(max(0.01, self.breaker.wait()))
                    continue
                try:
                    await self.write(TRIAL_MAX if self.breaker.trying else ROUND_MAX)
                except Unavailable as exc:
                    self._failed(exc)
                else:
                    self.breaker.succeeded()

    async def write(self, most: int = ROUND_MAX) -> None:
        """One round trip. What failed waits on, unless something newer has come."""
        chosen = dict(list(self.pending.items())[:most])
        for entity in chosen:
            del self.pending[entity]
        entries = self._encoded(chosen)
        began = time.perf_counter()
        try:
            await self.cache.put(entries)
        except Unavailable:
            self.pending = chosen | self.pending
            raise
        finally:
            self.seconds.add(time.perf_counter() - began)
        self.counts["written"] += len(entries)
        self.age_s = time.time() - max(row[0] for row, _ in chosen.values()) / 1000

    def _encoded(self, chosen: dict[str, tuple[Row, bytes]]) -> dict[str, bytes]:
        entries = {}
        for name, entry in chosen.items():
            try:
                entries[self.form.key(name)] = self.form.write(*entry)
            except (TypeError, ValueError, OverflowError):  # what JSON can't hold
                self.counts["dropped"] += 1
        return entries

    def _failed(self, exc: Unavailable) -> None:
        self.breaker.failed()
        self.counts["failed"] += 1
        if self.breaker.state == "open":
            log.warning("%s; left alone for %.1f s, scoring goes on", exc, self.breaker.wait())

    # -- reading ---------------------------------------------------------------------------------------

    async def read(self, entity: str) -> Entity | None:
        """What is known of an entity; None if nothing is, or nothing that can be trusted or had in time."""
        if not self.breaker.enter():
            self.counts["skipped"] += 1
            return None
        began = time.perf_counter()
        try:
            [data] = await self.cache.get([self.form.key(entity)])
        except Unavailable as exc:
            self._failed(exc)
            return None
        finally:
            self.seconds.add(time.perf_counter() - began)
        self.breaker.succeeded()
        return self._judge(data)

    def _judge(self, data: bytes | None) -> Entity | None:
        if data is None:
            self.counts["missing"] += 1
            return None
        try:
            found = self.form.read(data)
        except Refused as exc:
            self.counts["refused"] += 1
            log.debug("the cache holds %s", exc)
            return None
        self.counts["found"] += 1
        return found
