"""Outputs to bytes. Nothing here depends on the wall clock: the log's own timestamp says when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.batch import Batch, Headers, Output
from engine.columns import Events
from engine.joined import Settled
from engine.models.scores import Scores
from engine.reasons import Rejection

MESSAGE_MAX = 500
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class Prediction(msgspec.Struct, gc=False):
    """What consumers read, one an event; `Encoder` appends what is the same for all, and the source."""

    prediction_id: str
    event_id: str
    entity: str
    prediction: Any
    probabilities: dict[str, float] | None
    score: float | None
    confidence: float | None
    event_time: int


class Outcome(msgspec.Struct, gc=False):
    """A prediction and the label that it met; `Encoder` appends the same to it."""

    prediction_id: str
    event_id: str
    entity: str
    prediction: Any
    score: float | None
    label: Any
    correct: bool | None
    error: float | None
    weight: float | None
    correction: bool
    event_time: int
    label_time: int


class Encoder:
    """Encodes the outputs of one shard.

    What is the same in all of them (pipeline, model, version, the source's topic) is encoded once and put
    behind each, with the source's offset last.
    """

    def __init__(self, pipeline: str, model: str, version: str, topic: str, partition: int) -> None:
        self.model, self.version = model, version
        self.stem = f"{topic}-{partition}-"
        self.encode = msgspec.json.Encoder().encode
        same = {"pipeline": pipeline, "model": model, "version": version}
        source = {"source": {"topic": topic, "partition": partition}}
        # Interval, variant and shadow wait for the models that have them.
        more = {"variant": "main", "shadow": False, "interval": None}
        self.prediction_tail = self._tail({**same, **more, **source})
        self.outcome_tail = self._tail({**same, **source})

    def _tail(self, fields: dict[str, Any]) -> bytes:
        """Bytes that take the place of an object's closing brace; the offset is to be filled in."""
        text = self.encode(fields).replace(b"%", b"%%")
        return b"," + text[1:-2] + b',"offset":%d}}'

    def predictions(self, events: Events, scores: Scores, out: Output) -> None:
        """One prediction for each event on which the model did not fail."""
        if scores.failures:
            failed = {failure.index for failure in scores.failures}
            rows = [row for row in range(len(events)) if row not in failed]
            events, scores = events.pick(rows), scores.pick(rows)
        offsets, headers = events.batch.offsets, events.batch.headers
        encode, stem, tail = self.encode, self.stem, self.prediction_tail
        places = [offsets[i] for i in events.index]
        columns = (
            places,
            events.ids,
            events.entities,
            events.times,
            scores.predictions,
            scores.scores,
            scores.probabilities,
        )
        values: list[bytes | None] = []
        for offset, event_id, entity, time, prediction, score, odds in zip(*columns, strict=True):
            sure = max(odds.values()) if odds else None
            known = Prediction(f"{stem}{offset}", event_id, entity, prediction, odds, score, sure, time)
            values.append(encode(known)[:-1] + tail % offset)
        traces = None if headers is None else [trace(headers[i]) for i in events.index]
        out.extend(Output([entity.encode() for entity in events.entities], values, traces))

    def outcomes(self, settled: Sequence[Settled], out: Output) -> None:
        encode, stem, tail = self.encode, self.stem, self.outcome_tail
        for s in settled:
            _, time, offset, entity, prediction, score = s.entry
            label = s.label
            judged = prediction is not None
            number = isinstance(label, float)
            known = Outcome(
                f"{stem}{offset}",
                s.event_id,
                entity,
                prediction,
                score,
                label,
                prediction == label if judged and not number else None,
                label - prediction if judged and number else None,
                s.weight,
                s.before is not None,
                time,
                s.label_time,
            )
            out.add(entity.encode(), encode(known)[:-1] + tail % offset)


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
