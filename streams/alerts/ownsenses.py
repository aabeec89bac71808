"""What a worker notices of a shard by its clock, for the alerts about itself. A line each subject in `look`.

Nothing here asks the log or waits: what is looked at is counted anyway.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from math import inf
from typing import TYPE_CHECKING

from connectors.log import LogError
from connectors.urls import size, split_url

if TYPE_CHECKING:
    from streams.cache.entities import Entities
    from streams.keeping.keeper import Keeper

MINUTE_S = 60.0
LATENCY_S, ERRORS_S, REOPENED_S = MINUTE_S, 5 * MINUTE_S, 10 * MINUTE_S  # how far back they look
ANSWERS_MIN = 100  # of which a latency can be told
PLACES_MAX = 1_000  # looks that are remembered


class Past:
    """How much a counter rose within the last so many seconds.

    >>> past = Past(60)
    >>> past.rose(10, 0.0), past.rose(13, 30.0), past.rose(13, 100.0)
    (0, 3, 0)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.seen: deque[tuple[float, int]] = deque(maxlen=PLACES_MAX)

    def rose(self, count: int, now: float) -> int:
        self.seen.append((now, count))
        while self.seen[0][0] < now - self.seconds:
            self.seen.popleft()
        return count - self.seen[0][1]


class Still:
    """For how long a value has stayed the same.

    >>> still = Still()
    >>> still.since(5, 10.0), still.since(5, 12.0), still.since(6, 13.0)
    (0.0, 2.0, 0.0)
    """

    def __init__(self) -> None:
        self.value: object = None
        self.at = 0.0

    def since(self, value: object, now: float) -> float:
        if value != self.value:
            self.value, self.at = value, now
        return now - self.at


class Senses:
    """Of one shard, as long as this worker has it.

    Parameters
    ----------
    keeper
        Who holds the shard.
    room
        How full the log's disk is, from 0 to 1; None if nobody can tell.
    clock
        Seconds that only rise.
    """

    def __init__(
        self,
        keeper: Keeper,
        room: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keeper, self.room, self.clock = keeper, room, clock
        self.began = clock()
        self.events, self.written, self.open = Still(), Still(), Still()
        self.is_untried = False  # the cache
        self.reopened, self.failed = Past(REOPENED_S), Past(ERRORS_S)
        self.answers: deque[tuple[float, Sequence[int]]] = deque(maxlen=PLACES_MAX)

    def look(self, entities: Entities | None = None) -> Mapping[str, float]:
        """How each subject stands; those that can't be told now are left out. Durations in milliseconds.

        `entities` is what writes to the cache, if this shard is the one to tell of it.
        """
        keeper, meter, wall, now = self.keeper, self.keeper.meter, time.time(), self.clock()
        totals = meter.totals
        told: dict[str, float | None] = {
            "lag": sum(keeper.queues.lags().values()),
            "event_lag": max(0.0, wall * 1000 - meter.newest_ms) if meter.newest_ms else None,
            "latency": self._latency(now),
            "commit_age": 1000 * (wall - meter.commit_at) if meter.commit_at else None,
            "snapshot_age": self._snapshot_age(wall, now),
            "no_data": None if totals is None else 1000 * self.events.since(totals.events, now),
            "stalled": 1000 * (time.monotonic() - meter.progress_at) if keeper.has_work() else 0.0,
            "reopened": self.reopened.rose(meter.refusals, now),
            "retention_short": meter.retention_short,
            "storage": self.room(),
            **self._cache(entities, now),
        }
        return {subject: max(0.0, value) for subject, value in told.items() if value is not None}

    @property
    def least(self) -> Collection[str]:
        """Subjects of which only a least value is known, since they began before this worker came."""
        meter = self.keeper.meter
        is_idle = meter.totals is None or meter.totals.events == meter.events_before
        return [*(["no_data"] if is_idle else []), *(["cache_away"] if self.is_untried else [])]

    def _snapshot_age(self, wall: float, now: float) -> float:
        """Of the newest, if anything came since; before there is one, since this worker has the shard."""
        meter = self.keeper.meter
        if not self.keeper.upkeep.records:
            return 0.0
        return 1000 * (wall - meter.snapshot_at if meter.snapshot_at else now - self.began)

    def _latency(self, now: float) -> float | None:
        """99 of 100 answers of the last minute came within this time; None for records of the past."""
        histogram = self.keeper.meter.latency
        self.answers.append((now, list(histogram.counts)))
        while self.answers[0][0] < now - LATENCY_S:
            self.answers.popleft()
        before = self.answers[0][1]
        counts = [a - b for a, b in zip(histogram.counts, before, strict=True)]
        found = quantile(0.99, (*histogram.bounds, inf), counts) if sum(counts) >= ANSWERS_MIN else None
        return None if found == inf else found

    def _cache(self, entities: Entities | None, now: float) -> Mapping[str, float]:
        self.is_untried = entities is not None and not entities.counts["written"]
        if entities is None:  # another shard tells of it, and what this one told is over
            return dict.fromkeys(("feature_age", "cache_errors", "cache_away"), 0.0)
        idle = self.written.since(entities.counts["written"], now)
        away = self.open.since(entities.breaker.state == "closed", now)
        return {
            "feature_age": 1000 * (entities.age_s + (idle if entities.pending else 0.0)),
            "cache_errors": self.failed.rose(entities.counts["failed"], now),
            "cache_away": 0.0 if entities.breaker.state == "closed" else 1000 * away,
        }


def quantile(share: float, bounds: Sequence[float], counts: Sequence[int]) -> float:
    """Below what so large a share lies, between the bounds as if evenly spread.

    >>> quantile(0.5, (10, 20, inf), [0, 10, 0]), quantile(0.99, (10, 20, inf), [5, 0, 5])
    (15.0, inf)
    """
    wanted, below = share * sum(counts), 0
    for (low, high), (before, upto) in zip(
        pairwise((0.0, *bounds)), pairwise((0, *accumulate(counts))), strict=True
    ):
        below = upto
        if below >= wanted and below > before:
            return high if high == inf else low + (high - low) * (wanted - before) / (upto - before)
    return inf


def room_of(transport: str) -> Callable[[], float | None]:
    """What tells how full the place of an embedded log is."""
    scheme, path, options = split_url(transport)
    if scheme != "sqlite":
        return lambda: None
    from connectors.sqlite_file import fullness

    most = size(options["size_max"]) if "size_max" in options else None

    def room() -> float | None:
        try:
            return fullness(path, most)
        except (OSError, LogError):
            return None

    return room
