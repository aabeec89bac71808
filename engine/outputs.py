"""Predictions and outcomes as they are published, and how they become lines of JSON.

`templates.py` makes the same bytes with a kernel. Nothing here depends on the wall clock: the log's own
timestamp says when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from engine.columns import Events
from engine.joined import Settlements
from engine.models.scores import Scores

_lines = msgspec.json.Encoder().encode_lines


Metrics = dict[str, float | int | None]


class Origin(NamedTuple):
    """What is the same in all outputs of one shard."""

    pipeline: str
    model: str
    version: str
    topic: str
    partition: int

    @property
    def stem(self) -> str:
        """What a prediction's id begins with; the event's offset follows."""
        return f"{self.topic}-{self.partition}-"


class Source(msgspec.Struct, gc=False):
    """Where the event lies."""

    topic: str
    partition: int
    offset: int


class Prediction(msgspec.Struct, gc=False, omit_defaults=True):
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
    forecast: Sequence[float] | None = None  # written only where a series is forecast


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
    metrics: Metrics | None  # how good predictions were of late, where it is asked for
    source: Source


def predictions(origin: Origin, events: Events, offsets: Sequence[int], scores: Scores) -> bytes:
    """A line for each event."""
    pipeline, model, version, topic, partition = origin
    stem, nothing = origin.stem, [None] * len(events)
    columns = (
        offsets,
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
    if scores.forecasts is not None:
        for each, values in zip(made, scores.forecasts, strict=True):
            each.forecast = values
    return _lines(made)


def outcomes(
    origin: Origin,
    settled: Settlements,
    covered: Sequence[bool | None] | None,
    metrics: Metrics | None,
) -> bytes:
    """A line for each label that met its event."""
    pipeline, model, version, topic, partition = origin
    stem = origin.stem
    columns = (
        *(settled.ids, settled.entities, settled.predictions, settled.scores, settled.labels),
        *(settled.weights, [None] * len(settled) if covered is None else covered),
        *(settled.before, settled.assumed, settled.times, settled.label_times, settled.offsets),
    )
    return _lines(
        [
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
    )


def judge(prediction: Any, label: Any) -> tuple[bool | None, float | None]:
    """Whether a prediction was right; for numbers, by how much it was not.

    >>> judge(True, False), judge(1.5, 2.0), judge(None, True)
    ((False, None), (None, 0.5), (None, None))
    """
    if prediction is None:
        return None, None
    return (None, label - prediction) if isinstance(label, float) else (prediction == label, None)
