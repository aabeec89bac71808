"""What is told of a drift that no signal shows by itself: how two of them go together, before and since."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence.case import Case
from engine.drift.evidence.recent import View
from engine.drift.evidence.record import Change, Drift, told_number
from engine.drift.scale import scale_of, scaled
from engine.drift.signals import Signal

RECORDS_MIN = 10  # with both, that a correlation is taken from


def tell(drift: Drift, signals: Sequence[Signal], view: View, case: Case) -> None:
    """If it is of two signals, say so instead of what one of them shows."""
    if not case.together or len(case.alarm.rows) != 2:
        return
    rows = list(case.alarm.rows)
    values, at = view.values[rows].astype(np.float64), case.column
    there = np.flatnonzero(~np.isnan(values).any(axis=0))
    begin = int(np.searchsorted(there, at))
    parts = values[:, there[:begin]], values[:, there[begin:]]
    if min(part.shape[1] for part in parts) < RECORDS_MIN:
        return
    before, now = (correlation(part) for part in parts)
    drift.change, drift.direction = "correlation", "up" if now > before else "down"
    drift.effect, drift.effect_size = "correlation_difference", told_number(now - before)
    drift.p_value = told_number(p_value(before, now, *(part.shape[1] for part in parts)))
    figures = (told_number(before), told_number(now), told_number(now - before))
    drift.effects, drift.histogram = {}, None  # one of them alone shows nothing
    drift.changes = [Change("correlation", *figures), *drift.changes[1:]]
    one, other = (signals[row].name for row in rows)
    told = f"{one} and {other} go together otherwise: their correlation was {before:.2f} and is {now:.2f}"
    drift.warnings = [*drift.warnings, told]


def correlation(both: Floats) -> float:
    """Of two rows, with outliers moved up to the others; 0 where one is constant.

    >>> correlation(np.array([[1.0, 2.0, 3.0, 4.0], [-1.0, -2.0, -3.0, -4.0]]))
    -1.0
    """
    x, y = (scaled(row, *scale_of(row)) for row in both)
    x, y = x - x.mean(), y - y.mean()
    width = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return round(float((x * y).sum()) / width, 12) if width else 0.0


def p_value(before: float, now: float, n: int, m: int) -> float:
    """How probable so large a difference is if there is none (Fisher's transformation).

    >>> p_value(0.5, 0.5, 100, 100)
    1.0
    """
    most = 1 - 1e-9
    far = math.atanh(min(max(now, -most), most)) - math.atanh(min(max(before, -most), most))
    return math.erfc(abs(far) / math.sqrt(2 * (1 / (n - 3) + 1 / (m - 3))))
