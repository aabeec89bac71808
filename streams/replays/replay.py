"""A recorded file through the engine, without a log: what a worker would have said about it.

The walk is the worker's. What a log would add is made here: the records lie in partition 0, one behind the
other, and a record's timestamp is its own time. Labels from a file of their own are taken between the
events, when they were known: each prediction is made from what could be known at that moment.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from connectors.log import Batch, Record
from engine.batch import Output, Outputs
from engine.errors import SpecError
from engine.metrics.summary import LIFE, Told
from engine.shard import Shard
from engine.spec import Spec
from streams import cells, deadletters, rows
from streams.records import Placed, as_text
from streams.replays.judged import Judged, Trend, judged
from streams.routing import Router, What
from streams.rows import InputError, Row
from streams.warming import Warming

if TYPE_CHECKING:
    from streams.backtest.plan import Planting

BATCH = 1000
WARM_AFTER_S = 0.5  # a short file isn't worth the compiler
PIECE_MAX = 250


class Recorded(NamedTuple):
    """A record as the file gives it."""

    topic: str
    timestamp: int
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay came to."""

    events: int
    predictions: int
    outcomes: int
    dead_letters: int
    reasons: dict[str, int]  # why there are dead letters
    labels: dict[str, int]  # what happened to labels
    metrics: Told  # of the predictions that met a label
    windows: dict[str, Told]  # the same of late
    confidence: Told | None  # coverage and calibration, where the spec asks for them
    drifts: dict[str, int]  # by signal, where the spec asks for drift
    learning: bool  # whether the model stayed below limits.model_bytes_max
    seconds: float
    events_per_second: float
    quality: Judged | None = None  # all that can be told, if it was asked for


class Replay:
    """Walks recorded events, and labels if there are any.

    Parameters
    ----------
    spec
        The pipeline's spec. Its transport is not used.
    events, labels
        Names of files, see `rows.read`.
    judge
        Whether to tell all that can be told of the predictions: over time, by hour of day, and so on.
    planting
        What changes the files on their way.
    """

    def __init__(
        self,
        spec: Spec,
        events: str,
        labels: str | None = None,
        judge: bool = False,
        planting: Planting | None = None,
    ) -> None:
        if labels is not None and spec.events.time is None:
            raise SpecError(
                "events.time names no field, so nobody can tell which events came before a label; name one, "
                "or put the labels into the events (labels.in_event)"
            )
        for name in filter(None, (events, labels)):
            rows.check(name)
        asked = [str(window) for window in spec.metrics.windows]
        self.trend = Trend(asked[0] if asked else LIFE) if judge else None
        if judge:
            more = {"hours": True, "probabilities": True}
            spec = spec.model_copy(update={"metrics": spec.metrics.model_copy(update=more)})
        self.spec, self.shard = spec, Shard(spec, 0)
        changed = (unchanged, unchanged) if planting is None else (planting.events, planting.labels)
        lanes = [recorded(spec, "events", events, changed[0])]
        lanes += [recorded(spec, "labels", labels, changed[1])] if labels is not None else []
        # Of equal times the event comes first, as in a worker.
        self.records = heapq.merge(*lanes, key=attrgetter("timestamp"))
        self.outcomes = 0
        self.time = 0  # of the newest record, in milliseconds
        self.warming = Warming(spec)

    def run(self) -> Iterator[Outputs]:
        """Walk everything, batch by batch."""
        warming, began = self.warming, time.monotonic()
        try:
            for batch in self._batches():
                if time.monotonic() - began > WARM_AFTER_S:
                    warming.start()
                    warming.switch(self.shard)
                outputs = self.shard.walk(batch)
                self.outcomes += len(outputs.outcomes)
                self.time = batch.timestamps[-1]
                if self.trend is not None:
                    self.trend.see(self.shard, batch.timestamps[-1])
                yield outputs
        finally:
            warming.stop()

    def _batches(self) -> Iterator[Batch]:
        """Where it is judged how things stand, in pieces small enough to see it."""
        whole = batches(self.records)
        if (trend := self.trend) is None:
            return whole
        return (part for batch in whole for part in cut(batch, min(trend.step, PIECE_MAX)))

    def report(self, seconds: float) -> Report:
        shard, reasons = self.shard, {str(reason): n for reason, n in self.shard.rejected.items()}
        timed, summary = self.spec.events.time is not None, shard.quality.summary()
        return Report(
            events=shard.events,
            predictions=shard.predicted,
            outcomes=self.outcomes,
            dead_letters=sum(reasons.values()),
            reasons=reasons,
            labels=asdict(shard.join.counts),
            metrics=summary.told(),
            windows={name: summary.told(name) for name in summary.windows() if name != LIFE},
            confidence=None if shard.confidence is None else shard.confidence.report(),
            drifts=drifts(shard),
            learning=not shard.growth.reached,
            seconds=round(seconds, 3),
            events_per_second=round(shard.events / max(seconds, 1e-9), 1),
            quality=None if self.trend is None else judged(shard, self.trend.moments, timed),
        )


Rows = Callable[[Iterator[Row]], Iterator[Row]]


def unchanged(given: Iterator[Row]) -> Iterator[Row]:
    return given


def recorded(spec: Spec, what: What, name: str, changed: Rows = unchanged) -> Iterator[Recorded]:
    """The records of a file, with their own times.

    A record that tells no time has that of the one before it; where events have none at all, they are
    counted.
    """
    columns = cells.event_columns(spec) if what == "events" else cells.label_columns(spec)
    router, topic, stamp = Router(spec, what, 1, timed=True), spec.topic(what), 0
    counted = what == "events" and spec.events.time is None
    for n, row in enumerate(changed(rows.read(name, columns))):
        _, key, time = router.place(row)
        if counted:
            stamp = n
        elif time is not None:
            stamp = time
        elif what == "labels":
            _check_time(spec, name, row, router)
        yield Recorded(topic, stamp, key, row.value)


def _check_time(spec: Spec, name: str, row: Row, router: Router) -> None:
    """A label that is whole, but does not say when it was known, has no place among the events."""
    if isinstance(row.data, dict) and router.time(row.data) is None:
        label = row.value[:120].decode(errors="replace")
        raise InputError(
            f"{name}: a label has no {spec.labels.time!r}, so nobody can tell when it was known. "
            f"Add it to each label, or name another key in labels.time. The label: {label}"
        )


def batches(records: Iterable[Recorded]) -> Iterator[Batch]:
    """Records as batches of one topic each, as a log would give them."""
    ends: dict[str, int] = {}
    for topic, run in groupby(records, attrgetter("topic")):
        while part := list(islice(run, BATCH)):
            first = ends.get(topic, 0)
            ends[topic] = end = first + len(part)
            _, stamps, keys, values = map(list, zip(*part, strict=True))
            yield Batch(topic, 0, first, end, list(range(first, end)), stamps, keys, values)


def cut(batch: Batch, size: int) -> Iterator[Batch]:
    """A batch in pieces, so that there are places to look around."""
    return (batch.cut(start, start + size) for start in range(0, len(batch), size))


def drifts(shard: Shard) -> dict[str, int]:
    """How often each signal drifted, whoever found it."""
    found: dict[str, int] = {}
    counts = {} if shard.watch is None else shard.watch.tally.counts()
    for (signal, _), n in counts.items():
        found[signal] = found.get(signal, 0) + n
    return found


def write(
    outputs: Outputs,
    predictions: BinaryIO | None,
    outcomes: BinaryIO | None,
    dead_letters: BinaryIO | None,
    drifts: BinaryIO | None,
    alerts: BinaryIO | None,
) -> None:
    """Append outputs to those files that there are, a line each."""
    for records, found in ((drifts, outputs.drifts), (alerts, outputs.alerts)):
        if records is not None:
            records.writelines(b"%b\n" % line for line in found.values if line is not None)
    for file, lane in ((predictions, outputs.predictions), (outcomes, outputs.outcomes)):
        if file is not None:
            file.writelines(lane.chunks)
    if dead_letters is not None:
        lines = map(msgspec.json.encode, letters(outputs.dead_letters))
        dead_letters.writelines(b"%b\n" % line for line in lines)


def letters(lane: Output) -> Iterator[dict[str, Any]]:
    """Dead letters as programs read them: why each was refused, where it lay, what it was."""
    headers = lane.headers if lane.headers is not None else [()] * len(lane)
    for columns in zip(lane.keys, lane.values, headers, strict=True):
        each = deadletters.letter(Placed("", 0, Record(0, 0, *columns)))
        topic, partition = each.source or (None, None)
        yield {
            "reason": each.reason,
            "exception": each.exception,
            "message": each.message,
            "source": {"topic": topic, "partition": partition, "offset": each.offset},
            "key": as_text(each.record.key),
            "value": as_text(each.record.value),
        }
