"""Outputs to bytes. Nothing here depends on the wall clock: the log's own timestamp says when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.batch import Batch, Headers, Output, Rejection
from engine.decode import Events
from engine.join import Settled
from engine.models.river import Scores

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
    variant: str
    shadow: bool
    prediction: Any
    probabilities: dict[str, float] | None
    score: float | None
    interval: list[float] | None
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
    event_time: int
    label_time: int
    source: Source


class Encoder:
    """Encodes the outputs of one shard."""

    def __init__(self, pipeline: str, model: str, version: str, topic: str, partition: int) -> None:
        self.pipeline, self.model, self.version = pipeline, model, version
        self.topic, self.partition = topic, partition
        self.stem = f"{topic}-{partition}-"
        self.encode = msgspec.json.Encoder().encode

    def predictions(self, events: Events, scores: Scores, skip: set[int], out: Output) -> None:
        """One prediction for each event whose row is not in `skip`."""
        offsets, headers = events.batch.offsets, events.batch.headers
        encode, stem, topic, partition = self.encode, self.stem, self.topic, self.partition
        columns = (
            events.index,
            events.ids,
            events.entities,
            events.times,
            scores.predictions,
            scores.scores,
            scores.probabilities,
        )
        for row, (i, event_id, entity, time, prediction, score, odds) in enumerate(
            zip(*columns, strict=True)
        ):
            if row in skip:
                continue
            offset = offsets[i]
            value = encode(
                Prediction(
                    f"{stem}{offset}",
                    event_id,
                    entity,
                    self.pipeline,
                    self.model,
                    self.version,
                    "main",
                    False,
                    prediction,
                    odds,
                    score,
                    None,
                    max(odds.values()) if odds else None,
                    time,
                    Source(topic, partition, offset),
                )
            )
            out.add(entity.encode(), value, trace(headers[i]) if headers is not None else ())

    def outcomes(self, settled: Sequence[Settled], out: Output) -> None:
        encode, stem, topic, partition = self.encode, self.stem, self.topic, self.partition
        for _, event_id, entry, before, label, label_time, weight in settled:
            _, time, offset, entity, prediction, score = entry
            regression = isinstance(label, float)
            value = encode(
                Outcome(
                    f"{stem}{offset}",
                    event_id,
                    entity,
                    self.pipeline,
                    self.model,
                    self.version,
                    prediction,
                    score,
                    label,
                    None if regression or prediction is None else prediction == label,
                    label - prediction if regression and prediction is not None else None,
                    weight,
                    before is not None,
                    time,
                    label_time,
                    Source(topic, partition, offset),
                )
            )
            out.add(entity.encode(), value)


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
