"""What the walk has, as blocks of signals: a row a signal, a column an event, NaN where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from engine.drift.correlation import Correlations
from engine.drift.detector import Floats
from engine.drift.known import Known
from engine.drift.signals import Kind, Signal, place
from engine.fold import Rows
from engine.joined import Settlements
from engine.metrics.block import Kind as Judged
from engine.metrics.segments import Segments
from engine.models.scores import Scores
from engine.spec import Spec
from engine.specparts import Kind as FieldKind

NAMED = (FieldKind.CATEGORY, FieldKind.TEXT)


Features = Floats | list[Floats]  # a row a feature
Read = Callable[[Features, Scores], Features]


def numbers(values: Iterable[Any]) -> Floats:
    """Numbers as floats, NaN for None, infinite where a float has no room.

    >>> numbers([1, None, True, 10**400])
    array([ 1., nan,  1., inf])
    """
    values = list(values)
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return np.array([_number(value) for value in values])


def _number(value: Any) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def places(values: Iterable[Any]) -> Floats:
    """Categories as the numbers that stand for them, NaN for None."""
    return np.array([np.nan if value is None else place(value) for value in values], np.float64)


class Inputs:
    """The signals of events: features, and what was predicted from them.

    Parameters
    ----------
    spec
        The pipeline's spec; what to watch stands in `drift.watch`.
    judged
        What is predicted.
    """

    def __init__(self, spec: Spec, judged: Judged) -> None:
        assert spec.drift is not None
        watch, self.names, kinds = spec.drift.watch, spec.feature_names, spec.feature_kinds
        self.named = [kind in NAMED for kind in kinds]
        self.columns = {name: i for i, name in enumerate(self.names)}
        self.strange = [i for i, kind in enumerate(kinds) if _strangeness(kind, watch)]
        self.known = Known([self.named[i] for i in self.strange], spec.drift.reference.first)
        self.parts: list[tuple[list[Signal], Read]] = []
        if "features" in watch:
            self.parts.append((self._features(), lambda features, _: features))
        if self.strange:
            self.parts.append(
                (self._unknown(), lambda features, _: self.known.strange(_some(features, self.strange)))
            )
        self.pairs = Correlations([], 1)
        numeric = [i for i, kind in enumerate(kinds) if kind in (FieldKind.NUMBER, FieldKind.INTEGER)]
        if "correlations" in watch and len(numeric) > 1:
            self.pairs = Correlations([self.names[i] for i in numeric], spec.drift.reference.first)
            self.parts.append(
                (self.pairs.signals, lambda features, _: self.pairs.block(_some(features, numeric)))
            )
        gaps = [i for i, name in enumerate(self.names) if "missing" in watch and can_miss(spec, name)]
        if gaps:
            missing = [Signal(Kind.MISSING, self.names[i]) for i in gaps]
            self.parts.append((missing, lambda features, _: np.isnan(_some(features, gaps))))
        self.parts += _told(judged, watch)
        self.width = sum(len(signals) for signals, _ in self.parts)

    @property
    def signals(self) -> list[Signal]:
        """By row. Which pairs are watched of many is known when they are chosen."""
        pairs = iter(self.pairs.signals)
        signals = (signal for signals, _ in self.parts for signal in signals)
        return [next(pairs) if signal.kind is Kind.CORRELATION else signal for signal in signals]

    def _features(self) -> list[Signal]:
        named = zip(self.names, self.named, strict=True)
        return [Signal(Kind.CATEGORY if is_named else Kind.VALUE, name, is_named) for name, is_named in named]

    def _unknown(self) -> list[Signal]:
        kinds = [Kind.UNSEEN if self.named[i] else Kind.OUTSIDE for i in self.strange]
        return [Signal(kind, self.names[i]) for kind, i in zip(kinds, self.strange, strict=True)]

    def block(self, rows: Rows, scores: Scores) -> Floats:
        """A row for each of `signals`."""
        features, at = self._numbers(rows), 0
        block = np.empty((self.width, len(rows.rows)))
        for signals, read in self.parts:
            block[at : at + len(signals)] = read(features, scores)
            at += len(signals)
        return block

    def _numbers(self, rows: Rows) -> Features:
        width, size = len(self.named), len(rows.rows)
        if (flat := rows.flat()) is not None:
            return flat.reshape(size, width).T
        columns = zip(self.named, zip(*rows.rows, strict=True), strict=True)
        return [places(column) if named else numbers(column) for named, column in columns]

    def restart(self, names: Sequence[str] | None) -> None:
        """What comes next is what is normal for these signals."""
        unknown = self._unknown()
        self.known.restart([i for i, each in enumerate(unknown) if names is None or each.name in names])
        if names is None or any(each.name in names for each in self.pairs.signals):
            self.pairs.restart()

    def state(self) -> list[Any]:
        return [self.known.state(), self.pairs.state()]

    def restore(self, state: list[Any]) -> None:
        known, pairs = state
        self.known.restore(known)
        self.pairs.restore(pairs)


def _strangeness(kind: FieldKind, watch: Sequence[str]) -> bool:
    if kind in NAMED:
        return "unseen" in watch
    return "outside" in watch and kind in (FieldKind.NUMBER, FieldKind.INTEGER)


def _some(features: Features, wanted: Sequence[int]) -> Floats:
    return np.stack([features[i] for i in wanted])


def _told(judged: Judged, watch: Sequence[str]) -> list[tuple[list[Signal], Read]]:
    """The signals of what was predicted, each with how to read it."""
    found: list[tuple[Signal, Callable[[Scores], Floats]]] = []
    if "predictions" in watch:
        if judged is Judged.MULTICLASS:
            found.append((Signal(Kind.PREDICTION, categories=True), lambda s: places(s.predictions)))
        if judged is Judged.REGRESSION:
            found.append((Signal(Kind.PREDICTION), lambda s: numbers(s.predictions)))
        else:
            found.append((Signal(Kind.SCORE), lambda s: numbers(s.scores)))
    if "confidence" in watch and judged in (Judged.BINARY, Judged.MULTICLASS):
        found.append((Signal(Kind.CONFIDENCE), lambda s: numbers(map(_confidence, s.probabilities))))
    return [([signal], _alone(read)) for signal, read in found]


def _alone(read: Callable[[Scores], Floats]) -> Read:
    return lambda _, scores: [read(scores)]


def _confidence(odds: dict[str, float] | None) -> float | None:
    return max(odds.values()) if odds else None


def can_miss(spec: Spec, name: str) -> bool:
    """Whether a feature can be missing at all: what is made of others can."""
    field = spec.events.fields.get(name)
    made = any(not isinstance(entry, str) and entry.name == name for entry in spec.features)
    return made or field is None or not field.is_there


class Outcomes:
    """The signals of outcomes: labels, and how far predictions were from them.

    An error is, for true and false, how far the score was from the label; of numbers, how far the prediction
    was; of several classes, 1 if the prediction was wrong, else what the score lacked to 1.
    """

    def __init__(self, spec: Spec, judged: Judged) -> None:
        assert spec.drift is not None
        watch, self.judged = spec.drift.watch, judged
        classes = judged is Judged.MULTICLASS
        wanted = {
            Signal(Kind.LABEL, categories=classes, share=judged is Judged.BINARY): "labels" in watch,
            Signal(Kind.ERROR, share=classes or judged is Judged.BINARY): "errors" in watch
            and judged is not Judged.ANOMALY,
            Signal(Kind.CALIBRATION): "calibration" in watch and judged is Judged.BINARY,
        }
        self.signals = [signal for signal, asked in wanted.items() if asked]

    def block(self, settled: Settlements) -> Floats:
        """A row for each of `signals`."""
        block = np.empty((len(self.signals), len(settled)))
        labels = places(settled.labels) if self.judged is Judged.MULTICLASS else numbers(settled.labels)
        for row, signal in zip(block, self.signals, strict=True):
            if signal.kind is Kind.LABEL:
                row[:] = labels
            elif signal.kind is Kind.ERROR:
                row[:] = self._errors(settled, labels)
            else:
                row[:] = labels - numbers(settled.scores)
        return block

    def _errors(self, settled: Settlements, labels: Floats) -> Floats:
        if self.judged is Judged.REGRESSION:
            return np.abs(labels - numbers(settled.predictions))
        scores = numbers(settled.scores)
        if self.judged is Judged.BINARY:
            return np.abs(labels - scores)
        guesses = places(settled.predictions)
        errors = np.where(guesses == labels, 1.0 - scores, 1.0)
        errors[np.isnan(guesses)] = np.nan
        return errors


class Split:
    """The same signals once more for each value of some features.

    Which values there are is found out as they come: each of the first few gets rows of its own.
    """

    def __init__(self, spec: Spec, signals: Sequence[Signal]) -> None:
        assert spec.drift is not None
        fields, names = spec.drift.segments, spec.feature_names
        self.at = [names.index(field) for field in fields]
        self.segments = Segments(fields, spec.drift.segments_max)
        self.signals = [signal for signal in signals if fields]
        self.groups = [
            field * (self.segments.most + 1) + seat
            for field in range(len(fields))
            for seat in range(self.segments.most)
        ]

    def __len__(self) -> int:
        """How many rows there are in all."""
        return len(self.groups) * len(self.signals)

    @property
    def seen(self) -> int:
        """How many values of the features came so far, of those that are told apart."""
        return sum(map(len, self.segments.seats))

    def named(self) -> list[Signal]:
        """The signals, by what their segments are called today; those not seen yet by their number.

        A name stays once it is there.
        """
        known = {group: name for name, group in self.segments.known()}
        called = [known.get(group, f"#{i}") for i, group in enumerate(self.groups)]
        return [signal._replace(segment=name) for name in called for signal in self.signals]

    def block(self, rows: Sequence[tuple[Any, ...]], block: Floats) -> Floats:
        """The rows of all segments."""
        seats = self.segments.places([[row[i] for i in self.at] for row in rows])
        found = np.full((len(self.groups), len(self.signals), len(rows)), np.nan)
        for i, group in enumerate(self.groups):
            here = (seats == group).any(axis=1)
            found[i][:, here] = block[: len(self.signals), here]
        return found.reshape(len(self), len(rows))
