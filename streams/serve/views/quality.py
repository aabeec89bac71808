"""`GET /v1/metrics`: how good predictions were over time, and are by window and segment.

Over time is told from outcomes: samples of consecutive ones, at places that stay the same while the topic
grows, so that each is read once. Of a short topic the samples cover everything. Windows and segments are told
by the newest snapshots, which have counted every outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Response

from connectors.log import Gone, Log
from engine.choice import model_version
from engine.control import Rebaseline
from engine.joined import Settlements
from engine.metrics import Quality, Summary, measures, merged
from engine.metrics.summary import LIFE
from engine.nearest import nearest
from engine.shard import Shard
from engine.spec import Spec
from engine.specmetrics import Metrics
from streams.serve.door import need
from streams.serve.problems import Problem
from streams.serve.site import Here, Site
from streams.serve.views import answers
from streams.serve.views.changes import Changes
from streams.serve.views.drifts import Drifts
from streams.serve.views.orders import Orders
from streams.serve.views.shards import Look, Shards
from streams.serve.views.tails import Budget, spread
from streams.serve.views.told import answer, from_snapshots, kept, snapshots

SAMPLE = 256  # outcomes of a point
POINTS_MAX = 500
LOOK_SECONDS = 1.0  # that reading may take at once; what is missing then comes with the next question
MARKS_MAX = 200
SEGMENTS_SHOWN = 1_000
PLAIN = Metrics(windows=())

router = APIRouter(prefix="/v1", tags=["metrics"], dependencies=[need("read")])


class _Outcome(msgspec.Struct, gc=False):
    """As much of an outcome as judging it takes."""

    prediction: Any
    score: float | None
    label: Any
    weight: float | None
    correction: bool
    event_time: int
    label_time: int


_decode = msgspec.json.Decoder(_Outcome).decode


class Sample(NamedTuple):
    """Some consecutive outcomes of a shard."""

    at_ms: int  # when the last of them was written
    events: int  # outcomes up to there
    summary: Summary


class Samples:
    """Samples of the outcomes of all shards; of the loading thread only."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.topic = spec, spec.topic("outcomes")
        shard = Shard(spec, 0)
        self.kind, self.features = shard.quality.kind, spec.feature_names
        self.names = list(measures(self.kind))
        self.known: dict[tuple[int, int], Sample] = {}

    def look(self, log: Log, points: int) -> tuple[list[Sample], bool]:
        """About so many samples, oldest first; and whether these are all that there should be."""
        spans, budget = log.bounds(self.topic), Budget(LOOK_SECONDS)
        each = max(1, points // max(1, len(spans)))
        wanted = [(partition, first) for partition, span in enumerate(spans) for first in places(span, each)]
        found: dict[tuple[int, int], Sample] = {}
        for place in spread(len(wanted)):
            at = wanted[place]
            if budget.is_over and at not in self.known:
                continue
            if (sample := self.known.get(at) or self._read(log, *at, spans[at[0]][1])) is not None:
                found[at] = sample
        self.known = {at: each for at, each in found.items() if at[1] + SAMPLE <= spans[at[0]][1]}
        told = sorted(found.values(), key=lambda sample: sample.at_ms)
        return list(_together(told, len(spans))), not budget.is_over

    def _read(self, log: Log, partition: int, first: int, end: int) -> Sample | None:
        try:
            batch = log.read(self.topic, partition, first, min(SAMPLE, end - first))
        except Gone:
            return None
        rows = [_decode(value or b"") for value in batch.values]
        if not rows:
            return None
        return Sample(batch.timestamps[-1], batch.offsets[-1] + 1, self._judged(rows))

    def _judged(self, rows: Sequence[_Outcome]) -> Summary:
        """The engine's own metrics of these outcomes; corrections are of outcomes that were told before."""
        first = [row for row in rows if not row.correction]
        n, settled = len(first), Settlements()
        settled.index, settled.offsets = list(range(n)), list(range(n))
        settled.rows, settled.ids, settled.entities = [()] * n, [""] * n, [""] * n
        settled.notes, settled.before, settled.assumed = [None] * n, [None] * n, [False] * n
        settled.predictions = [row.prediction for row in first]
        settled.scores, settled.labels = [row.score for row in first], [row.label for row in first]
        settled.times, settled.label_times = [r.event_time for r in first], [r.label_time for r in first]
        settled.weights = [row.weight for row in first]
        quality = Quality(self.kind, [], PLAIN)
        quality.update(settled)
        quality.turn()
        return quality.summary()


def places(span: tuple[int, int], points: int) -> list[int]:
    """Where samples of a partition begin: side by side, or every second, fourth, ... of these places.

    >>> places((0, 1000), 10), places((0, 1000), 2), places((300, 1000), 2), places((0, 0), 2)
    ([0, 256, 512, 768], [0, 512], [512], [])
    """
    start, end = span
    stride = SAMPLE
    while (end - start) / stride > points:
        stride *= 2
    first = -(-start // stride) * stride
    return list(range(first, end, stride)) or ([start] if start < end else [])


def _together(samples: Sequence[Sample], shards: int) -> Iterator[Sample]:
    """Neighbours in time, one of each shard or so, as one."""
    for i in range(0, len(samples), max(1, shards)):
        part = samples[i : i + max(1, shards)]
        yield Sample(
            part[-1].at_ms, sum(each.events for each in part), merged([each.summary for each in part])
        )


# -- the routes ----------------------------------------------------------------------------------------


@router.get("/metrics", response_model=answers.Metrics)
async def metrics(
    here: Here,
    metric: Annotated[str | None, Query(description="Which one over time. Default: the first.")] = None,
    points: Annotated[int, Query(ge=1, le=POINTS_MAX, description="About so many.")] = 200,
) -> Response:
    """How good predictions were over time, with drifts and versions; and are by window and segment."""
    shelf, shards = snapshots(here), kept(here, Shards)

    def look(log: Log) -> dict[str, Any]:
        book = kept(here, Samples)
        if metric is not None and metric not in book.names:
            near = nearest(metric, book.names) or f"; there is {', '.join(book.names)}"
            raise Problem(422, f"metric {metric!r} is unknown{near}", field="metric")
        chosen = metric or book.names[0]
        samples, whole = book.look(log, points)
        return {
            "metrics": book.names,
            "metric": chosen,
            "at_ms": [each.at_ms for each in samples],
            "values": [each.summary.told()[chosen] for each in samples],
            "events": [each.events for each in samples],
            "complete": whole,
            **summaries(shards.look(log, shelf)),
        }

    found = await from_snapshots(here, look)
    return answer({**found, "marks": await marks(here)})


def summaries(looks: Sequence[Look]) -> dict[str, Any]:
    """All shards together, by window and by segment."""
    summary = merged([each.summary for each in looks])
    segments = summary.segments()[:SEGMENTS_SHOWN]
    return {
        "latest": {window: summary.told(window) for window in summary.windows()},
        "segments": {segment: summary.told(LIFE, segment) for segment in segments},
    }


async def marks(here: Site) -> list[dict[str, Any]]:
    """What may explain a change of a curve: drifts, versions, and what was taken for normal by order."""
    drifts, orders, changes = kept(here, Drifts), kept(here, Orders), kept(here, Changes)

    def look(log: Log) -> list[dict[str, Any]]:
        drifts.look(log)
        told = [_mark(each.recorded_ms, "drift", each.text, each.key) for each in drifts.items]
        for given in orders.look(log):
            if isinstance(given.order, Rebaseline):
                place = "-".join(map(str, given.places[0]))
                signals = given.order.signals
                what = "all signals" if signals is None else ", ".join(signals[:10])
                told.append(_mark(given.time, "rebaseline", f"{what}: {given.order.why}", place))
        told += [_mark(each.time, "version", each.text, each.place) for each in changes.look(log)]
        return sorted(told, key=lambda mark: mark["at_ms"])[-MARKS_MAX:]

    return await here.reader.ask(look)


def _mark(at_ms: int, kind: str, text: str, id_: str) -> dict[str, Any]:
    return {"at_ms": at_ms, "kind": kind, "text": text, "id": id_}


@router.get("/models", response_model=answers.Models)
async def models(here: Here) -> Response:
    """The variants of the model, and how good each is; today there is one."""
    shelf, shards, changes = snapshots(here), kept(here, Shards), kept(here, Changes)
    looks = await from_snapshots(here, lambda log: shards.look(log, shelf))
    since = await here.reader.ask(changes.since)
    summary = merged([each.summary for each in looks])
    variant = {
        "model": here.spec.model.use,
        "version": model_version(here.spec),
        "variant": "main",
        "stage": "live",
        "share": 1.0,
        "since_ms": since,
        "predictions": sum(each.predicted for each in looks),
        "metrics": summary.told(summary.windows()[-1]),
    }
    return answer({"models": [variant]})
