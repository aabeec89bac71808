"""Conformal sets for classes: every class that is probable enough to be the label.

A set holds the class that was predicted, and each other whose probability is above a threshold. Where the
threshold has to lie, the model's own probabilities tell before any label came: a class of probability p is
left out at a price of p missed labels. So these are added up by level, and the threshold is the highest
below which no more is missed than may be. What they tell wrongly, labels correct (`control.py`).

Probabilities are told apart in 256 levels, finer towards 0, so that a prediction which waits for its label
keeps a byte a class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.confidence.control import corrected

LEVELS = 256
STEP = 0.003  # a label; 256 of them correct three quarters of an error
LABELS_MIN = 20  # until then all classes are in the set


def level_of(p: float) -> int:
    """The level of a probability.

    >>> level_of(0.0), level_of(0.25), level_of(1.0)
    (0, 128, 255)
    """
    return min(LEVELS - 1, int(LEVELS * math.sqrt(p))) if p > 0 else 0


class Sets:
    """What the model expects to miss, by level; what may be missed; and the threshold.

    Parameters
    ----------
    coverage
        The share of labels that the sets are to hold.
    window
        Over about how many events the model's own probabilities are added up.
    """

    def __init__(self, coverage: float, window: int) -> None:
        self.allowed = 1 - coverage
        self.keep = 1 - 1 / window
        self.mass = [0.0] * LEVELS  # of classes that were not predicted
        self.events = 0.0
        self.fresh_mass, self.fresh_events = [0.0] * LEVELS, 0  # since the last block
        self.labels = 0
        self.may_miss = self.allowed
        self.threshold = 0  # a level; a class below it is left out

    def saw(self, level: int, p: float) -> None:
        """Add a class that was not predicted, with its probability."""
        self.fresh_mass[level] += p

    def learn(self, truths: Sequence[int]) -> None:
        """Set the threshold anew, by what was seen since the last time and by labels that came.

        Parameters
        ----------
        truths
            For each label, the level that it had; LEVELS where it was predicted, -1 where it was not known.
        """
        if self.labels >= LABELS_MIN:
            missed = sum(level < self.threshold for level in truths)
            self.may_miss = corrected(self.may_miss, self.allowed, missed, len(truths), STEP)
        self.labels += len(truths)
        fade = self.keep**self.fresh_events
        self.mass = [fade * m + new for m, new in zip(self.mass, self.fresh_mass, strict=True)]
        self.events = fade * self.events + self.fresh_events
        self.fresh_mass, self.fresh_events = [0.0] * LEVELS, 0
        if self.labels >= LABELS_MIN and self.events:
            # More than all can't be missed: do not wind up beyond it.
            self.may_miss = min(self.may_miss, sum(self.mass) / self.events)
            self.threshold = self._threshold(self.may_miss * self.events)

    def _threshold(self, budget: float) -> int:
        for level, mass in enumerate(self.mass):
            budget -= mass
            if budget < 0:
                return level
        return LEVELS

    def state(self) -> list[Any]:
        fresh = [self.fresh_mass, self.fresh_events]
        return [self.mass, self.events, fresh, self.labels, self.may_miss, self.threshold]

    def restore(self, state: list[Any]) -> None:
        self.mass, self.events, fresh, self.labels, self.may_miss, self.threshold = state
        self.fresh_mass, self.fresh_events = fresh
