"""Predictions and outcomes as lines of JSON, put together by a kernel: the bytes of `outputs.py`, faster."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq
from typing import Any

import msgspec
import numpy as np

from engine.columns import Events
from engine.joined import Settlements
from engine.lines import NUMBER, TEXT, Fill, Piece, Template, alike, either, texts
from engine.models.scores import Odds, Scores
from engine.outputs import Metrics, Origin, judge


class Templates:
    """Writes the lines of one shard.

    Parameters
    ----------
    origin
        What is the same in all of them.
    fill
        The kernel, `lines_kernel.fill`.
    """

    def __init__(self, origin: Origin, fill: Fill) -> None:
        self.fill = fill
        pipeline, model, version, topic, partition = map(_json, origin)
        same = f',"pipeline":{pipeline},"model":{model},"version":{version}'
        first: list[Piece] = [f'{{"prediction_id":{_json(origin.stem)[:-1]}'.encode(), NUMBER]
        first += [b'","event_id":', TEXT, b',"entity":', TEXT]
        source = f'"topic":{topic},"partition":{partition}'
        last: list[Piece] = [f',"source":{{{source},"offset":'.encode(), NUMBER, b"}}"]
        middle = f'{same},"variant":"main","shadow":false,"prediction":'.encode()
        sure = _fields("score", "interval", "prediction_set", "confidence")
        sure += [b',"event_time":', NUMBER]
        two: list[Piece] = [b',"probabilities":{"false":', TEXT, b',"true":', TEXT, b"}"]
        self.of_two = Template(*first, middle, TEXT, *two, *sure, *last)
        self.any = Template(*first, middle, TEXT, b',"probabilities":', TEXT, *sure, *last)
        judged = _fields("score", "label", "correct", "error", "weight", "correction", "assumed")
        times: list[Piece] = [
            b',"event_time":',
            NUMBER,
            b',"label_time":',
            NUMBER,
            *_fields("covered", "metrics"),
        ]
        self.outcome = Template(*first, f'{same},"prediction":'.encode(), TEXT, *judged, *times, *last)

    def predictions(self, events: Events, offsets: Sequence[int], scores: Scores) -> bytes:
        """A line for each event; there is one at least."""
        n, odds = len(offsets), scores.probabilities
        known = [texts(events.ids, n), texts(events.entities, n), texts(scores.predictions, n)]
        score = texts(scores.scores, n)
        if isinstance(odds, Odds):
            template, no = self.of_two, texts(odds.no, n)
            shares, sure = [no, score], either(np.greater(odds.yes, odds.no), score, no)
        else:
            template, shares = self.any, [texts(odds, n)]
            sure = texts([max(each.values()) if each else None for each in odds], n)
        columns = [*known, *shares, score, texts(scores.intervals, n), texts(scores.sets, n), sure]
        return template.lines(self.fill, n, columns, [offsets, events.times, offsets])

    def outcomes(
        self, settled: Settlements, covered: Sequence[bool | None] | None, metrics: Metrics | None
    ) -> bytes:
        """A line for each label that met its event; there is one at least."""
        n, labels = len(settled), settled.labels
        right, error = _judged(settled.predictions, labels)
        columns = [
            *(texts(settled.ids, n), texts(settled.entities, n), texts(settled.predictions, n)),
            *(texts(settled.scores, n), texts(labels, n), texts(right, n), texts(error, n)),
            texts(_some(settled.weights), n),
            texts([before is not None for before in settled.before], n),
            *(texts(settled.assumed, n), texts(covered, n), alike(metrics, n)),
        ]
        numbers = [settled.offsets, settled.times, settled.label_times, settled.offsets]
        return self.outcome.lines(self.fill, n, columns, numbers)


def _fields(*names: str) -> list[Piece]:
    return [part for name in names for part in (f',"{name}":'.encode(), TEXT)]


def _judged(predictions: list[Any], labels: list[Any]) -> tuple[Sequence[Any] | None, Sequence[Any] | None]:
    """`judge` over columns."""
    if float not in set(map(type, labels)) and None not in predictions:
        return list(map(eq, predictions, labels)), None
    right, error = zip(*map(judge, predictions, labels), strict=True)
    return _some(right), _some(error)


def _some(values: Sequence[Any]) -> Sequence[Any] | None:
    """The values, or None if there is nothing but None among them."""
    return None if values.count(None) == len(values) else values


def _json(text: Any) -> str:
    return msgspec.json.encode(text).decode()
