"""Outcomes as arrays: what every family of metrics counts from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Cell = tuple[Ints | int, Floats | float]
"""Which statistic each outcome adds to, and how much; one number where it is the same for all."""


class Kind(StrEnum):
    """What is judged: two classes, one of which counts as positive; many; a number; how odd an event is."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True)
class Shape:
    """What is judged, and how many classes have statistics of their own."""

    kind: Kind
    classes: int = 2


@dataclass(frozen=True)
class Block:
    """Outcomes, a row each.

    Classes are coded: False is 0 and True is 1, or by the order in which they came. Of a regressor `truth`
    and `found` are the numbers.
    """

    origin: float  # the first label of a regressor: sums of squares are taken around it
    label: Ints
    guess: Ints
    truth: Floats
    found: Floats
    score: Floats  # of True, of the predicted class, or how odd; NaN where there is none
    given: Floats  # of many classes: the probability of the label; NaN where it is not remembered
    square: Floats  # and the sum of the squares of all
    same: Floats  # 1 where the label is that of the outcome before
    time: Ints
    place: Ints  # the event's offset, by which a correction finds it
    seats: Ints  # a column for each field by which outcomes are told apart

    def __len__(self) -> int:
        return len(self.time)

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        return (
            self.label,
            self.guess,
            self.truth,
            self.found,
            self.score,
            self.given,
            self.square,
            self.same,
            self.time,
            self.place,
            self.seats,
        )

    def pick(self, rows: NDArray[np.bool_] | Ints | slice) -> Block:
        return Block(self.origin, *(column[rows] for column in self.columns))

    @cached_property
    def scored(self) -> Block:
        """Those that have a score."""
        none = np.isnan(self.score)
        return self.pick(~none) if none.any() else self

    @property
    def hit(self) -> NDArray[np.bool_]:
        return np.equal(self.label, self.guess)
