"""Predictions and outcomes as lines of JSON, put together by a kernel: the bytes of `outputs.py`, faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import eq
from typing import Any

import msgspec

from engine.columns import Events
from engine.joined import Settlements
from engine.lines import Fill, Piece, Template
from engine.models.scores import Odds, Scores
from engine.outputs import Metrics, Origin, judge

OUTCOME = ["score", "label", "correct", "error", "weight", "correction", "assumed"]
OFFSET, TIME, LABEL_TIME = ~0, ~1, ~2  # columns of whole numbers
Column = Sequence[Any] | None  # None: nothing but nulls


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
        self.stem = _json(origin.stem)[:-1]
        pipeline, model, version, topic, partition = map(_json, origin)
        self.same = f',"pipeline":{pipeline},"model":{model},"version":{version}'
        self.source = f',"source":{{"topic":{topic},"partition":{partition},"offset":'
        self.made: dict[tuple[str, ...], Template] = {}

    def predictions(self, events: Events, offsets: Sequence[int], scores: Scores) -> bytes:
        """A line for each event; there is one at least."""
        odds = scores.probabilities
        known: list[Column] = [events.ids, events.entities, scores.predictions]
        if isinstance(odds, Odds):
            kind = "two"
            known += [
                scores.scores,
                odds.no,
                scores.intervals,
                scores.sets,
                list(map(max, odds.no, odds.yes)),
            ]
        else:
            kind, sure = "any", [max(each.values()) if each else None for each in odds]
            known += [scores.scores, odds, scores.intervals, scores.sets, sure]
        return self._lines(kind, known, [offsets, events.times])

    def outcomes(self, settled: Settlements, covered: Column, metrics: Metrics | None) -> bytes:
        """A line for each label that met its event; there is one at least."""
        labels, corrected = settled.labels, [before is not None for before in settled.before]
        known: list[Column] = [settled.ids, settled.entities, settled.predictions]
        known += [settled.scores, labels, *_judged(settled.predictions, labels), _some(settled.weights)]
        known += [corrected, settled.assumed, covered, None if metrics is None else [metrics] * len(labels)]
        return self._lines("outcome", known, [settled.offsets, settled.times, settled.label_times])

    def _lines(self, kind: str, known: list[Column], numbers: Sequence[Sequence[int]]) -> bytes:
        there = [column for column in known if column is not None]
        key = (kind, *("" if column is None else "x" for column in known))
        if key not in self.made:
            self.made[key] = Template(list(self._pieces(kind, known)))
        return self.made[key].lines(self.fill, len(numbers[0]), there, numbers)

    def _pieces(self, kind: str, known: list[Column]) -> Iterator[Piece]:
        """A line of a kind, without the columns that are nothing but nulls."""
        places = [sum(other is not None for other in known[:i]) for i in range(len(known))]
        column = iter([b"null" if c is None else place for place, c in zip(places, known, strict=True)])
        yield from (f'{{"prediction_id":{self.stem}'.encode(), OFFSET, b'","event_id":', next(column))
        yield from (b',"entity":', next(column), self.same.encode())
        if kind != "outcome":
            yield b',"variant":"main","shadow":false'
        yield from (b',"prediction":', next(column))
        if kind == "outcome":
            yield from _fields(OUTCOME, column)
            yield from (b',"event_time":', TIME, b',"label_time":', LABEL_TIME)
            yield from _fields(["covered", "metrics"], column)
        else:
            score, odds = next(column), next(column)
            two = (b',"probabilities":{"false":', odds, b',"true":', score, b"}")
            yield from two if kind == "two" else (b',"probabilities":', odds)
            yield from (b',"score":', score)
            yield from _fields(["interval", "prediction_set", "confidence"], column)
            yield from (b',"event_time":', TIME)
        yield from (self.source.encode(), OFFSET, b"}}")


def _fields(names: Sequence[str], column: Iterator[Piece]) -> Iterator[Piece]:
    for name in names:
        yield from (f',"{name}":'.encode(), next(column))


def _judged(predictions: list[Any], labels: list[Any]) -> tuple[Column, Column]:
    """`judge` over columns."""
    if float not in set(map(type, labels)) and None not in predictions:
        return list(map(eq, predictions, labels)), None
    right, error = zip(*map(judge, predictions, labels), strict=True)
    return _some(right), _some(error)


def _some(values: Sequence[Any]) -> Column:
    """The values, or None if there is nothing but None among them."""
    return None if values.count(None) == len(values) else values


def _json(text: Any) -> str:
    return msgspec.json.encode(text).decode()
