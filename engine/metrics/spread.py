"""What goes out: how many predictions of each class, and how scores and numbers are spread.

Scores from 0 to 1 are counted in twenty equal bins. Numbers can have any magnitude: their bins are sixteen
to a doubling, so that each is known to 6 %, and a single wild one spoils nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.metrics.block import Floats, Ints, Kind
from engine.metrics.segments import OTHER, named

BINS = 20
FEW = 16  # scores that are not worth an array
FINE = 16  # bins to a doubling
LOW, HIGH = -30, 50  # doublings: from a billionth to 10 to the 15th
SIDE = (HIGH - LOW) * FINE
POWERS = range(-3, 10)  # of ten, by which numbers are told apart in /metrics
FIXED = 1 << 32  # scores from 0 to 1 are added up in such parts, so that their order does not matter


def magnitude(values: Floats) -> Ints:
    """The bin of each number, in their order; those nearer to 0 than a billionth have the middle one.

    >>> found = magnitude(np.array([-2e9, -1.0, 0.0, 1.0, 1.1, 1e99]))
    >>> bool((np.diff(found) > 0).all())
    True
    """
    part, power = np.frexp(np.abs(values))
    steps = (power - 1 - LOW) * FINE + ((2 * part - 1) * FINE).astype(np.int64)
    steps = np.where(values == 0, 0, np.clip(steps + 1, 0, SIDE))
    return np.asarray(SIDE + np.where(values < 0, -steps, steps), np.int64)


def edges(bins: Ints) -> Floats:
    """The lower edge, by magnitude, of bins of numbers.

    >>> edges(magnitude(np.array([-2.0, 0.0, 1.0, 3.0]))).tolist()
    [-2.0, 0.0, 1.0, 3.0]
    """
    steps = np.abs(bins - SIDE)
    power, part = np.divmod(np.maximum(steps, 1) - 1, FINE)
    size = np.ldexp(1 + part / FINE, power + LOW)
    return np.asarray(np.where(steps == 0, 0.0, np.sign(bins - SIDE) * size), np.float64)


class Spread:
    """Counts of one shard's predictions.

    Parameters
    ----------
    kind
        What is predicted.
    classes_max
        How many classes are counted on their own.
    """

    def __init__(self, kind: Kind, classes_max: int) -> None:
        self.kind, self.classes_max = kind, classes_max
        self.unit = kind in (Kind.BINARY, Kind.MULTICLASS)
        self.classes: dict[str, int] = {}
        self.bins = [0] * BINS if self.unit else [0] * (2 * SIDE + 1)
        self.mass = 0  # of scores from 0 to 1

    def add(self, predictions: Sequence[Any], scores: Sequence[float | None]) -> None:
        """Count predictions with their scores."""
        bins = self.bins
        if self.unit:
            if len(scores) > FEW:
                values = np.array([score for score in scores if score is not None], np.float64)
                inside = np.clip(values, 0, 1)
                self.mass += int(np.rint(inside * FIXED).sum())  # below 2^53, so exact
                spots = np.minimum((inside * BINS).astype(np.int64), BINS - 1)
                found = np.bincount(spots, minlength=BINS)
                self.bins = [n + more for n, more in zip(bins, found.tolist(), strict=True)]
            else:
                for score in scores:
                    if score is not None:
                        held = min(max(score, 0.0), 1.0)
                        self.mass += round(held * FIXED)
                        bins[min(BINS - 1, int(held * BINS))] += 1
            for value in dict.fromkeys(predictions):
                self._count(value, predictions.count(value))
        elif known := [score for score in scores if score is not None]:
            for spot in magnitude(np.array(known, np.float64)).tolist():
                bins[spot] += 1

    def _count(self, value: Any, n: int) -> None:
        name = "none" if value is None else named(value)
        if name not in self.classes and len(self.classes) >= self.classes_max:
            name = OTHER
        self.classes[name] = self.classes.get(name, 0) + n

    def histogram(self) -> list[tuple[float, float, int]]:
        """Where each bin that holds anything begins and ends, and how much it holds.

        >>> spread = Spread(Kind.BINARY, 10)
        >>> spread.add([True, False], [0.81, 0.02])
        >>> spread.histogram()
        [(0.0, 0.05, 1), (0.8, 0.85, 1)]
        """
        held = np.flatnonzero(self.bins)
        counts = [self.bins[i] for i in held]
        if self.unit:
            return [(i / BINS, (i + 1) / BINS, n) for i, n in zip(held.tolist(), counts, strict=True)]
        # Bins end where the next one away from 0 begins; below 0 that is to the left.
        low = edges(np.where(held < SIDE, held - 1, held))
        high = edges(np.where(held < SIDE, held, held + 1))
        return list(zip(low.tolist(), high.tolist(), counts, strict=True))

    def below(self) -> list[tuple[str, int]]:
        """How many scores lie at or below some bounds, the last of which is infinite, as `le` says it."""
        ends = [i / BINS for i in range(1, BINS + 1)] if self.unit else [*(-(10.0**k) for k in POWERS[::-1])]
        if not self.unit:
            ends += [0.0, *(10.0**k for k in POWERS)]
        rows = self.histogram()
        told = [(f"{end:g}", sum(n for _, high, n in rows if high <= end)) for end in ends]
        return [*told, ("+Inf", sum(self.bins))]

    def told(self) -> Spread:
        """The counts at this moment."""
        now = copy.copy(self)
        now.classes, now.bins = self.classes.copy(), self.bins.copy()
        return now

    def state(self) -> list[Any]:
        return [self.kind.value, self.classes_max, self.classes, self.bins, self.mass]

    def restore(self, state: list[Any]) -> None:
        """The inverse; counts of another kind are left out."""
        kind, classes_max, classes, bins, mass = state
        if (kind, classes_max) == (self.kind.value, self.classes_max):
            self.classes, self.bins, self.mass = classes, bins, mass
