"""`GET /v1/status`: how a pipeline is at this moment, from the ends of its topics and the newest records."""

from __future__ import annotations

from collections import deque
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from connectors.log import Gone, Log
from engine.choice import model_version, task_name
from engine.spec import Spec
from streams.serve.door import need
from streams.serve.site import Here
from streams.serve.views import answers
from streams.serve.views.alerts import Alerts
from streams.serve.views.entries import RATE_MS, Journals
from streams.serve.views.latency import latencies, told
from streams.serve.views.told import answer, kept, now_ms

COUNTED = {
    "events": "events",
    "predictions": "predictions",
    "outcomes": "outcomes",
    "labels": "labels",
    "dead_letters": "dead_letters",
}
FRESH_MS = 500  # who asks again so soon gets the same answer
SHARDS = 4  # whose latencies one look renews
SAMPLE = 500  # offsets, by which it is told how many of them hold a record
SAMPLED_MS = 30_000  # after which that is asked again

router = APIRouter(prefix="/v1", tags=["status"], dependencies=[need("read")])


class Status:
    """Looks at the topics; of the reading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.journals = spec, Journals(spec)
        self.model = {"use": spec.model.use, "version": model_version(spec), "task": task_name(spec)}
        self.waited: dict[int, list[int]] = {}  # by partition
        self.turn = 0  # whose latencies come next
        self.ends: deque[tuple[int, int]] = deque()  # when, and how many predictions there were
        self.shares: dict[str, tuple[int, float]] = {}  # by topic: until when, and of offsets with a record
        self.found: dict[str, Any] = {}

    def look(self, log: Log, alerts: Alerts) -> dict[str, Any]:
        """How it is now."""
        now = now_ms()
        if self.found and now - self.found["now_ms"] < FRESH_MS:
            return self.found
        self.journals.look(log)
        alerts.look(log)
        spans = {name: log.bounds(self.spec.topic(what)) for name, what in COUNTED.items()}
        totals = {name: self._count(log, self.spec.topic(COUNTED[name]), spans[name], now) for name in spans}
        self._wait(log, spans["predictions"])
        saved, committed = self.journals.saved, self.journals.committed_ms
        self.found = {
            "pipeline": self.spec.pipeline,
            "transport": self.spec.transport.partition(":")[0],
            "version": version("driftline"),
            "now_ms": now,
            "model": self.model,
            "totals": {**totals, "alerts": len(alerts.book.known)},
            "rates": self._rates(now, totals["predictions"]),
            "lag": self._lag(log, now, spans),
            "latency_ms": told(ms for each in self.waited.values() for ms in each),
            "commit_age_seconds": None if committed is None else max(0.0, (now - committed) / 1000),
            "snapshot": None
            if saved is None
            else {
                "age_seconds": max(0.0, (now - saved[0]) / 1000),
                "made_ms": saved[0],
                "partition": saved[1],
            },
            "alerts": alerts.firing(),
        }
        return self.found

    def _rates(self, now: int, predictions: int) -> dict[str, float]:
        """Of events that were taken, as the journal says; of predictions, as their topic grew meanwhile."""
        events = self.journals.per_second(now)
        self.ends.append((now, predictions))
        while len(self.ends) > 2 and self.ends[1][0] < now - RATE_MS:
            self.ends.popleft()
        then, before = self.ends[0]
        grown = 1000 * (predictions - before) / (now - then) if now - then > RATE_MS / 2 else events
        return {"events_per_second": round(events, 3), "predictions_per_second": round(max(0.0, grown), 3)}

    def _lag(self, log: Log, now: int, spans: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
        """What is there and not taken: how many records, and since when the first of them waits."""
        records = 0
        for what in ("events", "labels", "control"):
            topic = self.spec.topic(what)
            ends, taken = spans.get(what) or log.bounds(topic), self.journals.taken(topic)
            behind = {p: max(0, end - max(taken.get(p, 0), start)) for p, (start, end) in enumerate(ends)}
            records += sum(behind.values())
            if what == "events":
                late = max(behind, key=lambda p: behind[p], default=None)
                seconds = 0.0
                if late is not None and behind[late]:
                    seconds = self._since(log, topic, late, max(taken.get(late, 0), ends[late][0]), now)
        return {"records": records, "seconds": seconds}

    def _since(self, log: Log, topic: str, partition: int, offset: int, now: int) -> float:
        try:
            first = next(log.read(topic, partition, offset, 1).records(), None)
        except Gone:
            return 0.0
        return 0.0 if first is None else max(0.0, (now - first.timestamp) / 1000)

    def _wait(self, log: Log, spans: list[tuple[int, int]]) -> None:
        """Renew the latencies of a few shards."""
        count = len(spans)
        for partition in {(self.turn + i) % count for i in range(min(SHARDS, count))}:
            self.waited[partition] = latencies(log, self.spec, partition, spans[partition])
        self.turn = (self.turn + SHARDS) % max(1, count)

    def _count(self, log: Log, topic: str, spans: list[tuple[int, int]], now: int) -> int:
        """How many records there were. Kafka numbers the marks of transactions, too: there it is estimated,
        by the newest offsets; of few it is exact."""
        ends = sum(end for _, end in spans)
        if not self.spec.transport.startswith("kafka:") or not ends:
            return ends
        until, share = self.shares.get(topic, (0, 1.0))
        if now > until:
            share = _share(log, topic, spans)
            self.shares[topic] = now + SAMPLED_MS, share
        return round(ends * share)


def _share(log: Log, topic: str, spans: list[tuple[int, int]]) -> float:
    """Of the newest offsets, how many hold a record."""
    partition = max(range(len(spans)), key=lambda p: spans[p][1])
    start, end = spans[partition]
    first = max(start, end - SAMPLE)
    if first == end:
        return 1.0
    try:
        batch = log.read(topic, partition, first, SAMPLE)
        return len(batch) / max(1, batch.end - first)
    except Gone:
        return 1.0


@router.get("/status", response_model=answers.Status)
async def status(here: Here) -> Response:
    """How the pipeline is now: totals, rates, lag, latency, and what fires."""
    book, alerts = kept(here, Status), kept(here, Alerts)
    return answer(await here.reader.ask(lambda log: book.look(log, alerts)))
