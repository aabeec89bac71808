"""Conformal intervals for numbers: as far from the prediction as its recent errors reach.

Of the last `window` errors (label less prediction, made before the label was learned) a quantile on each
side gives the interval. Each side has half of what may be missed, and its own level (`control.py`), so errors
may be lopsided, as delays are. A level below zero reaches beyond the largest error that is remembered. With
a level that is never corrected this is `river.conf.RegressionJackknife`.

The coverage holds over the stream as a whole, not for each kind of event.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from engine.confidence.control import corrected

LABELS_MIN = 20
STEP = 0.001  # a label; more would often reach for the few largest errors, and make intervals wide


class Intervals:
    """The last errors, the level of each side, and how far the interval reaches.

    Parameters
    ----------
    coverage
        The share of labels that the intervals are to hold.
    window
        How many errors are remembered.
    """

    def __init__(self, coverage: float, window: int) -> None:
        self.allowed = (1 - coverage) / 2
        self.least = max(LABELS_MIN, math.ceil(1 / self.allowed - 1e-9))
        self.errors: deque[float] = deque(maxlen=window)
        self.levels = (self.allowed, self.allowed)
        self.reach: tuple[float, float] | None = None

    def around(self, prediction: float) -> tuple[float, float] | None:
        """The interval around a prediction; None while too few labels came."""
        if self.reach is None:
            return None
        return prediction + self.reach[0], prediction + self.reach[1]

    def learn(self, errors: Sequence[float]) -> None:
        """Take a block of errors, label less prediction, and set the reach anew."""
        if self.reach is not None:
            low, high = self.reach
            below, above = sum(e < low for e in errors), sum(e > high for e in errors)
            self.levels = (
                corrected(self.levels[0], self.allowed, below, len(errors), STEP),
                corrected(self.levels[1], self.allowed, above, len(errors), STEP),
            )
        self.errors.extend(error for error in errors if math.isfinite(error))
        if len(self.errors) >= self.least:
            found = sorted(self.errors)
            low, high = self._end(found, self.levels[0], 0), self._end(found, self.levels[1], -1)
            self.reach = (min(low, high), max(low, high))

    def _end(self, found: list[float], level: float, side: int) -> float:
        """How far the interval reaches on one side; `side` is the place of the outermost error there."""
        if level >= 0:
            place = rank(level, len(found))
            return found[place if side == 0 else side - place]
        usual = rank(self.allowed, len(found))
        beyond = (found[-1 - usual] - found[usual]) / 2 * (-level / self.allowed)
        return found[0] - beyond if side == 0 else found[-1] + beyond

    def state(self) -> list[Any]:
        return [list(self.errors), self.levels, self.reach]

    def restore(self, state: list[Any]) -> None:
        errors, self.levels, self.reach = state
        self.errors.extend(errors)


def rank(level: float, n: int) -> int:
    """Which of n sorted values has `level` of what may come next before it.

    >>> rank(0.05, 99), rank(0.0, 99), rank(1.0, 99)
    (4, 0, 98)
    """
    return min(max(0, math.floor(level * (n + 1)) - 1), n - 1)
