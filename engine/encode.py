"""Outputs to bytes. Nothing here depends on the wall clock: the log's own timestamp says when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.batch import Batch, Headers, Lines, Output
from engine.columns import Events
from engine.joined import Settlements
from engine.models.scores import Scores
from engine.reasons import Rejection

MESSAGE_MAX = 500
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class Source(msgspec.Struct, gc=False):
    """Where the event lies."""

    topic: str
    partition: int
    offset: int


class Prediction(msgspec.Struct, gc=False):
    """What consumers read, one an event."""

    prediction_id: str
    event_id: str
    entity: str
    pipeline: str
    model: str
    version: str
    variant: str  # waits for rollouts, as shadow does
    shadow: bool
    prediction: Any
    probabilities: dict[str, float] | None
    score: float | None
    interval: tuple[float, float] | None
    prediction_set: Sequence[Any] | None
    confidence: float | None
    event_time: int
    source: Source


class Outcome(msgspec.Struct, gc=False):
    """A prediction and the label that it met."""

    prediction_id: str
    event_id: str
    entity: str
    pipeline: str
    model: str
    version: str
    prediction: Any
    score: float | None
    label: Any
    correct: bool | None
    error: float | None
    weight: float | None
    correction: bool
    assumed: bool  # no label came, and this one was taken for it
    event_time: int
    label_time: int
    covered: bool | None  # whether the label lay in the prediction's interval or set
    metrics: dict[str, float | int | None] | None  # how good predictions were of late, where it is asked for
    source: Source


class Encoder:
    """Encodes the outputs of one shard: those of a step at once, a line of JSON each."""

    def __init__(self, pipeline: str, model: str, version: str, topic: str, partition: int) -> None:
        self.pipeline, self.model, self.version = pipeline, model, version
        self.topic, self.partition = topic, partition
        self.stem = f"{topic}-{partition}-"
        self.encode_lines = msgspec.json.Encoder().encode_lines

    def predictions(self, events: Events, scores: Scores, out: Lines) -> None:
        """One prediction for each event on which the model did not fail."""
        if scores.failures:
            failed = {failure.index for failure in scores.failures}
            rows = [row for row in range(len(events)) if row not in failed]
            events, scores = events.pick(rows), scores.pick(rows)
        offsets, headers = events.batch.offsets, events.batch.headers
        stem, topic, partition = self.stem, self.topic, self.partition
        pipeline, model, version = self.pipeline, self.model, self.version
        nothing = [None] * len(events)
        columns = (
            [offsets[i] for i in events.index],
            events.ids,
            events.entities,
            events.times,
            scores.predictions,
            scores.scores,
            scores.probabilities,
            nothing if scores.intervals is None else scores.intervals,
            nothing if scores.sets is None else scores.sets,
        )
        made = [
            Prediction(
                f"{stem}{offset}",
                event_id,
                entity,
                pipeline,
                model,
                version,
                "main",
                False,
                prediction,
                odds,
                score,
                interval,
                classes,
                max(odds.values()) if odds else None,
                time,
                Source(topic, partition, offset),
            )
            for offset, event_id, entity, time, prediction, score, odds, interval, classes in zip(
                *columns, strict=True
            )
        ]
        traces = None if headers is None else [trace(headers[i]) for i in events.index]
        out.add([entity.encode() for entity in events.entities], self.encode_lines(made), traces)

    def outcomes(
        self,
        settled: Settlements,
        out: Lines,
        covered: Sequence[bool | None] | None = None,
        metrics: dict[str, float | int | None] | None = None,
    ) -> None:
        """One outcome for each label that met its event."""
        if not settled:
            return
        stem, topic, partition = self.stem, self.topic, self.partition
        pipeline, model, version = self.pipeline, self.model, self.version
        columns = (
            *(settled.ids, settled.entities, settled.predictions, settled.scores, settled.labels),
            *(settled.weights, [None] * len(settled) if covered is None else covered),
            *(settled.before, settled.assumed, settled.times, settled.label_times, settled.offsets),
        )
        made = [
            Outcome(
                f"{stem}{offset}",
                event_id,
                entity,
                pipeline,
                model,
                version,
                prediction,
                score,
                label,
                *judge(prediction, label),
                weight,
                before is not None,
                assumed,
                time,
                label_time,
                inside,
                metrics,
                Source(topic, partition, offset),
            )
            for (
                event_id,
                entity,
                prediction,
                score,
                label,
                weight,
                inside,
                before,
                assumed,
                time,
                label_time,
                offset,
            ) in zip(*columns, strict=True)
        ]
        out.add([entity.encode() for entity in settled.entities], self.encode_lines(made), None)


def judge(prediction: Any, label: Any) -> tuple[bool | None, float | None]:
    """Whether a prediction was right; for numbers, by how much it was not.

    >>> judge(True, False), judge(1.5, 2.0), judge(None, True)
    ((False, None), (None, 0.5), (None, None))
    """
    if prediction is None:
        return None, None
    return (None, label - prediction) if isinstance(label, float) else (prediction == label, None)


def dead_letter(batch: Batch, rejection: Rejection, out: Output) -> None:
    """The original record, with headers that say what was wrong (Kafka Streams' names)."""
    i = rejection.index
    original = batch.headers[i] if batch.headers is not None else ()
    out.add(batch.keys[i], batch.values[i], [*original, *reasons(batch, rejection)])


def reasons(batch: Batch, rejection: Rejection) -> Headers:
    said = {
        "exception": rejection.exception,
        "message": plain(rejection.message),
        "topic": batch.topic,
        "partition": str(batch.partition),
        "offset": str(batch.offsets[rejection.index]),
    }
    named = [(f"__streams.errors.{name}", text.encode()) for name, text in said.items()]
    return [*named, ("driftline.reason", rejection.reason.value.encode())]


def plain(message: str) -> str:
    """A message that a replay will give again: no addresses of objects, and not too long.

    >>> plain("bad <Thing object at 0x7f3a>")
    'bad <Thing object at 0x>'
    """
    return ADDRESS.sub("0x", message)[:MESSAGE_MAX]


def trace(headers: Headers) -> Headers:
    """What is passed on from an event to its prediction."""
    return [(name, content) for name, content in headers if name in ("traceparent", "tracestate")]
