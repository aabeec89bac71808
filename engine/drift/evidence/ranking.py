"""Which signals of a panel carry a change: how far each is from what it was, without what chance gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence import effects
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.lots import Lots
from engine.drift.evidence.recent import View
from engine.drift.evidence.record import Feature, digits
from engine.drift.evidence.reference import Reference, References, made
from engine.drift.signals import Signal

RANKED_MAX = 64  # signals whose share of the change is worked out
RANKED = 10  # that are told
CLEAR = 2.24  # a squared distance that chance alone reaches once in twenty times, in units of its mean


def top(
    signals: Sequence[Signal],
    references: References,
    view: View,
    column: int,
    lots: Lots,
    known: Mapping[int, Reference] | None = None,
) -> list[Feature]:
    """The signals that changed most since a place, each with its share of all change.

    `known` is what some were before it, by row.
    """
    rows = ranked_rows(view, column, lots, references.records)
    measured = _measured(signals, references, view, column, rows)
    here = [row for row in known or {} if row in measured]
    for row, since, ordered in _since(view, column, here):
        measured[row] = _distance((known or {})[row], since, ordered)
    found = [
        (distance**2 - chance if distance**2 > CLEAR * chance else 0.0, distance, signals[row].name)
        for row, (distance, chance) in measured.items()
    ]
    whole = math.fsum(clear for clear, _, _ in found)
    found.sort(key=lambda each: (-each[0], each[2]))
    return [
        Feature(name, digits(clear / whole), digits(distance))
        for clear, distance, name in found[:RANKED]
        if clear
    ]


def _measured(
    signals: Sequence[Signal], references: References, view: View, column: int, rows: Sequence[int]
) -> dict[int, tuple[float, float]]:
    """By row, how far it is from what it was, and chance; asked again, that is known until records come."""
    measured = references.measured.setdefault(column, {})
    for row, since, ordered in _since(view, column, [row for row in rows if row not in measured]):
        before = _before(signals[row].categories, references, view, row, column, len(ordered))
        measured[row] = _distance(before, since, ordered)
    return {row: measured[row] for row in rows}


def _since(view: View, column: int, rows: Sequence[int]) -> Iterator[tuple[int, Floats, Floats]]:
    """The values of rows since a place: as they came, and those that are not NaN by their size."""
    since = view.values[rows, column:]
    sizes = (since.shape[1] - np.isnan(since).sum(axis=1)).tolist()
    for row, values, ordered, size in zip(rows, since, np.sort(since, axis=1), sizes, strict=True):
        yield row, values, ordered[:size]


def _before(
    categories: bool, references: References, view: View, row: int, column: int, back: int
) -> Reference:
    """What a signal was before a place, `back` values ago: its reference, unless that was made later."""
    first, found = references.records - len(view) + column, references.at(row, back)
    is_later = references.began[row] > first and bool(references.whole[row])
    return (None if is_later else found) or made(view.values[row, :column], categories)


def _distance(reference: Reference, since: Floats, ordered: Floats) -> tuple[float, float]:
    """How far a signal is from what it was, and the square of what chance alone gives."""
    n, m = reference.n, len(ordered)
    if not n or not m:
        return 0.0, 1.0
    if isinstance(reference.values, Counts):
        then, now, _ = effects.shares(reference.values, since)
        return effects.total_variation(then, now), effects.by_chance(n, m, (then * n + now * m) / (n + m))
    return effects.distance(reference.values, ordered), effects.by_chance(n, m)


def ranked_rows(view: View, column: int, lots: Lots, taken: int) -> list[int]:
    """The rows of `lots`; of very many those whose means moved most, by a first look.

    `taken` is how many records the panel had taken when the view ended. Of two rows whose means moved equally
    far, but for rounding, either may be left out.
    """
    if len(lots.rows) <= RANKED_MAX:
        return lots.rows
    column, first = min(max(column, 1), max(1, len(view) - 1)), taken - len(view)
    with np.errstate(all="ignore"):
        before = lots.moments(view, first, 0, column)
        since = lots.moments(view, first, column, len(view))
        width = np.sqrt(before.variance / before.n + since.variance / since.n + 1e-300)
        moved = np.abs(since.mean - before.mean) / width
    moved = np.nan_to_num(moved, nan=0.0, posinf=0.0)
    order = np.argsort(-moved, kind="stable")[:RANKED_MAX]
    return sorted(lots.rows[i] for i in order.tolist())
