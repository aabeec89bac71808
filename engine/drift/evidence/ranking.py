"""Which signals of a panel carry a change: how far each is from what it was, without what chance gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence import effects
from engine.drift.evidence.counts import Counts
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
    known: Mapping[int, Reference] | None = None,
) -> list[Feature]:
    """The signals that changed most since a place, each with its share of all change.

    `known` is what some were before it, by row.
    """
    found, known = [], known or {}
    for row in ranked_rows(signals, view, column):
        reference = known.get(row) or _before(signals[row].categories, references, view, row, column)
        distance, chance = _distance(reference, view, row, column)
        clear = distance**2 - chance if distance**2 > CLEAR * chance else 0.0
        found.append((clear, distance, signals[row].name))
    whole = math.fsum(clear for clear, _, _ in found)
    found.sort(key=lambda each: (-each[0], each[2]))
    return [
        Feature(name, digits(clear / whole), digits(distance))
        for clear, distance, name in found[:RANKED]
        if clear
    ]


def _before(categories: bool, references: References, view: View, row: int, column: int) -> Reference:
    """What a signal was before a place: its reference, unless that was made of what came later."""
    before, now = (part[~np.isnan(part)] for part in np.split(view.values[row], [column]))
    first = references.records - len(view) + column
    is_later = references.began[row] > first and bool(references.whole[row])
    found = None if is_later else references.at(row, len(now))
    return found or made(before, categories)


def _distance(reference: Reference, view: View, row: int, column: int) -> tuple[float, float]:
    """How far a signal is from what it was, and the square of what chance alone gives."""
    now = view.values[row, column:]
    now = now[~np.isnan(now)]
    if not reference.n or not len(now):
        return 0.0, 1.0
    if isinstance(reference.values, Counts):
        then, since, _ = effects.shares(reference.values, now)
        both = (then * reference.n + since * len(now)) / (reference.n + len(now))
        return effects.total_variation(then, since), effects.by_chance(reference.n, len(now), both)
    steps = effects.steps(reference.values, np.sort(now))
    return effects.kolmogorov(steps), effects.by_chance(reference.n, len(now))


def ranked_rows(signals: Sequence[Signal], view: View, column: int) -> list[int]:
    """All signals but those of segments; of very many those whose means moved most, by a first look."""
    rows = [row for row, signal in enumerate(signals) if not signal.segment]
    if len(rows) <= RANKED_MAX:
        return rows
    column = min(max(column, 1), max(1, len(view) - 1))
    values = np.where(np.isfinite(view.values[rows]), view.values[rows], np.nan)
    with np.errstate(all="ignore"):
        before, since = _moments(values[:, :column]), _moments(values[:, column:])
        moved = np.abs(since[0] - before[0]) / np.sqrt(before[1] / before[2] + since[1] / since[2] + 1e-300)
    moved = np.nan_to_num(moved, nan=0.0, posinf=0.0)
    order = np.argsort(-moved, kind="stable")[:RANKED_MAX]
    return sorted(rows[i] for i in order.tolist())


def _moments(values: Floats) -> tuple[Any, Any, Any]:
    """Means, variances and counts of the rows, without what is NaN; never fewer than one."""
    n = (~np.isnan(values)).sum(axis=1)
    mean = np.nansum(values, axis=1) / n
    return mean, np.nansum((values - mean[:, None]) ** 2, axis=1) / n, n
