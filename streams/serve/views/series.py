"""`GET /v1/series`: throughput, lag and latency over the last minutes.

It comes from records alone: what the journals say was taken, and the timestamps of events and predictions. So
it is the same whoever asks, and after a restart. Where a topic was at a time is found by bisection; what lies
some seconds back is asked for once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response

from connectors.log import Log
from engine.spec import Spec
from streams.serve.door import need
from streams.serve.site import Here
from streams.serve.views import answers
from streams.serve.views.entries import events_of
from streams.serve.views.latency import latencies, told
from streams.serve.views.tails import SETTLED_MS, Budget, Moments, spread
from streams.serve.views.told import answer, kept, now_ms

STEPS_MS = (1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000)
POINTS = 180
POINTS_MIN = 30
MINUTES_MAX = 24 * 60
LATENCIES = 64  # predictions of a step whose latency is looked at
LOOK_SECONDS = 1.0  # that reading may take at once; what is missing then comes with the next question
WAIT_MS = 1_000  # the newest step has ended so long ago: commits have arrived
TOPICS = ("journal", "predictions", "events")
CHUNKS = {"sqlite": 16, "memory": 16, "kafka": 500}  # records of one reading

router = APIRouter(prefix="/v1", tags=["status"], dependencies=[need("read")])


class Series:
    """What was at the ends of steps; of the loading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.moments: dict[tuple[str, int], Moments] = {}
        self.waited: dict[int, dict[int, list[int]]] = defaultdict(dict)  # by step's end and partition

    def look(self, log: Log, minutes: int) -> dict[str, Any]:
        """The last minutes, step by step."""
        spans = {what: log.bounds(self.spec.topic(what)) for what in TOPICS}
        shards, now = len(spans["journal"]), now_ms()
        points = max(POINTS_MIN, POINTS // max(1, shards))
        step = next((ms for ms in STEPS_MS if minutes * 60_000 / ms <= points), STEPS_MS[-1])
        last = (now - WAIT_MS) // step * step
        ends = np.arange(last - minutes * 60_000, last + 1, step)
        budget = Budget(LOOK_SECONDS)
        known = {what: self._counts(log, what, spans[what], ends, now, budget) for what in TOPICS}
        waited = self._latencies(log, spans["predictions"], ends, now, budget)
        taken, made, sent = known["journal"], known["predictions"], known["events"]
        return {
            "step_ms": step,
            "at_ms": ends[1:].tolist(),
            "events": _per_second(taken, step),
            "predictions": _per_second(made, step),
            "lag_records": np.maximum(0, np.round(sent - taken))[1:].tolist(),
            "latency_ms_p50": [each["p50"] for each in waited],
            "latency_ms_p99": [each["p99"] for each in waited],
            "complete": not budget.is_over,
        }

    def _counts(
        self,
        log: Log,
        what: str,
        spans: Sequence[tuple[int, int]],
        ends: Any,
        now: int,
        budget: Budget,
    ) -> Any:
        """How many there were at the end of each step, all shards together."""
        total = np.zeros(len(ends))
        for partition, span in enumerate(spans):
            moments = self._moments(what, partition)
            moments.forget(int(ends[0]) - 2 * SETTLED_MS)
            found: dict[int, int] = {}
            for at in spread(len(ends)):
                if budget.is_over and int(ends[at]) not in moments.known and len(found) > 1:
                    continue  # told by its neighbours, this time
                found[at] = moments.find(log, span, int(ends[at]), now)
            places = sorted(found)
            total += np.interp(np.arange(len(ends)), places, [found[at] for at in places])
        return total

    def _moments(self, what: str, partition: int) -> Moments:
        if (what, partition) not in self.moments:
            value = events_of(self.spec) if what == "journal" else None
            chunk = CHUNKS[self.spec.transport.partition(":")[0]]
            self.moments[what, partition] = Moments(self.spec.topic(what), partition, value, chunk)
        return self.moments[what, partition]

    def _latencies(
        self, log: Log, spans: Sequence[tuple[int, int]], ends: Any, now: int, budget: Budget
    ) -> list[dict[str, float | None]]:
        """Of each step, the latencies of the last predictions in it."""
        for end in [end for end in self.waited if end < ends[0]]:
            del self.waited[end]
        found: dict[int, list[int]] = {}
        for at in spread(len(ends) - 1):
            begin, end = int(ends[at]), int(ends[at + 1])
            for partition, span in enumerate(spans):
                waited = self.waited[end].get(partition)
                if waited is None and not budget.is_over:
                    waited = self._waited(log, partition, span, begin, end, now)
                    if end < now - SETTLED_MS:
                        self.waited[end][partition] = waited
                found.setdefault(at, []).extend(waited or ())
        return [told(found[at]) for at in sorted(found)]

    def _waited(
        self, log: Log, partition: int, span: tuple[int, int], begin: int, end: int, now: int
    ) -> list[int]:
        moments = self._moments("predictions", partition)
        first, stop = (moments.find(log, span, ms, now) for ms in (begin, end))
        if stop <= max(first, span[0]):
            return []
        return latencies(log, self.spec, partition, (max(first, span[0]), stop), LATENCIES)


def _per_second(counts: Any, step: int) -> list[float]:
    found: list[float] = np.round(np.maximum(0, np.diff(counts)) * 1000 / step, 3).tolist()
    return found


@router.get("/series", response_model=answers.Series)
async def series(
    here: Here,
    minutes: Annotated[int, Query(ge=1, le=MINUTES_MAX, description="How far back.")] = 15,
) -> Response:
    """Throughput, lag and latency, step by step; rates are a second's."""
    book = kept(here, Series)
    return answer(await here.loader.ask(lambda log: book.look(log, minutes)))
