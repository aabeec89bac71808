"""The newest features and prediction of each entity, written behind the commits to a cache.

Other services read them: `driftline:<schema>:<pipeline>:<entity>` holds
`{"event_time": ..., "features": {...}, "prediction": {...}}`, the prediction as it was committed.

The stream never waits for the cache. What was committed is handed over and written by a task of its own,
one round trip at a time; of an entity only the newest entry waits. When the cache fails, it is left alone
for a while that grows, and what can't wait is dropped and counted: the next event of the entity writes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.cache import Cache
from connectors.log import Unavailable

log = logging.getLogger("driftline")

SCHEMA = 1
ROUND_MAX = 1_000  # entities of one round trip
PAUSE_S, PAUSE_MAX_S = 0.5, 30.0

Row = tuple[int, Sequence[Any]]  # event time, features


def key(pipeline: str, entity: str) -> str:
    return f"driftline:{SCHEMA}:{pipeline}:{entity}"


class Entities:
    """Writes the newest entry of each entity behind the commits.

    Parameters
    ----------
    cache
        Where to.
    pipeline, names
        What the keys begin with, and what the features are called.
    pending_max
        Entities that may wait.
    """

    def __init__(self, cache: Cache, pipeline: str, names: Sequence[str], pending_max: int) -> None:
        self.cache, self.pipeline, self.names, self.pending_max = cache, pipeline, names, pending_max
        self.pending: dict[str, tuple[Row, bytes]] = {}
        self.waiting = asyncio.Event()
        self.written = self.dropped = self.failures = 0
        self.seconds = 0.0  # of round trips
        self.encode = msgspec.json.Encoder().encode

    def offer(self, newest: Mapping[str, Row], predictions: Mapping[bytes | None, bytes | None]) -> None:
        """Hand over what a commit brought; returns at once."""
        for entity, row in newest.items():
            prediction = predictions.get(entity.encode())
            if prediction is None:
                continue
            if len(self.pending) >= self.pending_max and entity not in self.pending:
                self.dropped += 1
                continue
            self.pending[entity] = (row, prediction)
        self.waiting.set()

    async def run(self) -> None:
        """Write what waits, for as long as the worker runs."""
        pause = PAUSE_S
        while True:
            await self.waiting.wait()
            self.waiting.clear()
            try:
                while self.pending:
                    await self.write()
                pause = PAUSE_S
            except Unavailable as exc:
                self.failures += 1
                log.warning("%s; the cache is left alone for %.1f s, scoring goes on", exc, pause)
                await asyncio.sleep(pause)
                pause = min(PAUSE_MAX_S, pause * 2)
                self.waiting.set()

    async def write(self) -> None:
        """One round trip. What failed waits on, unless something newer has come."""
        chosen = dict(list(self.pending.items())[:ROUND_MAX])
        for entity in chosen:
            del self.pending[entity]
        began = time.perf_counter()
        try:
            await self.cache.put({key(self.pipeline, e): self._entry(*entry) for e, entry in chosen.items()})
        except Unavailable:
            self.pending = chosen | self.pending
            raise
        self.written += len(chosen)
        self.seconds += time.perf_counter() - began

    def _entry(self, row: Row, prediction: bytes) -> bytes:
        time_ms, values = row
        features = {n: v for n, v in zip(self.names, values, strict=True) if v is not None}
        fields = {"event_time": time_ms, "features": features, "prediction": msgspec.Raw(prediction)}
        return self.encode(fields)
