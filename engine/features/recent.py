"""What was there last: the time since the last event, its value, and a mean in which older ones fade."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.features.kernels import NEVER, TOO_LATE, Floats
from engine.features.moment import Column, Moment, gaps
from engine.features.slots import longer
from engine.specfeatures import Feature


class SinceLast:
    """Seconds since the newest event of the same key; missing for the first, and for one that is late.

    The newest time of each key is kept by those who ask (`memory.py`), so there is nothing to remember.
    """

    def reserve(self, slots: int) -> None:
        """Nothing is kept by slot."""

    def run(self, at: Moment) -> list[Floats]:
        apart, behind = gaps(at)
        known = (at.before != NEVER) & (behind == 0)
        return [np.where(known, apart / 1000, np.nan)]

    def state(self, slots: int) -> list[Any]:
        return []

    def one(self, slot: int) -> list[Any]:
        return []

    def restore(self, state: list[Any]) -> None:
        """Nothing was kept."""


class Last:
    """The last value of a field before the event, of any kind; missing if it is older than `over`."""

    def __init__(self, feature: Feature) -> None:
        self.source, self.over = feature.source or "", feature.over
        self.values: list[Any] = []
        self.times = np.zeros(0, np.int64)

    def reserve(self, slots: int) -> None:
        self.times = longer(self.times, slots, NEVER)
        self.values += [None] * (len(self.times) - len(self.values))

    def run(self, at: Moment) -> list[Column]:
        values, times, found = self.values, self.times, list[Any]()
        over = self.over or -NEVER
        columns = (at.slots, at.fresh, at.times, at.late)
        for s, fresh, time, late, value in zip(
            *(c.tolist() for c in columns), at.read[self.source], strict=True
        ):
            if s < 0:
                found.append(None)
                continue
            if fresh:
                values[s], times[s] = None, NEVER
            age = time - int(times[s])
            found.append(values[s] if 0 <= age < over else None)
            if value is not None and late != TOO_LATE and age >= 0:
                values[s], times[s] = value, time
        return [found]

    def state(self, slots: int) -> list[Any]:
        return [self.times[:slots].copy(), self.values[:slots]]

    def one(self, slot: int) -> list[Any]:
        return [self.times[slot : slot + 1].copy(), self.values[slot : slot + 1]]

    def restore(self, state: list[Any]) -> None:
        self.times, self.values = state


class Ewm:
    """The mean of a field, in which a value's weight halves with each `half_life` of event time."""

    def __init__(self, feature: Feature) -> None:
        assert feature.half_life is not None
        self.source, self.own = feature.source or "", feature.own
        self.rate = -math.log(2.0) / feature.half_life
        self.mean, self.weight = np.zeros(0), np.zeros(0)

    def reserve(self, slots: int) -> None:
        self.mean, self.weight = longer(self.mean, slots), longer(self.weight, slots)

    def run(self, at: Moment) -> list[Floats]:
        apart, behind = gaps(at)
        # Not with numpy, whose exp differs by the last bit between processors.
        factors = np.array([math.exp(self.rate * gap) for gap in apart.tolist()])
        without, with_own = np.full(len(at), np.nan), np.full(len(at), np.nan)
        at.call(
            "fade", at.slots, at.fresh, at.late, behind, factors, at.numbers[self.source],
            self.mean, self.weight, without, with_own,
        )  # fmt: skip
        return [with_own if self.own else without]

    def state(self, slots: int) -> list[Any]:
        return [self.mean[:slots].copy(), self.weight[:slots].copy()]

    def one(self, slot: int) -> list[Any]:
        return [self.mean[slot : slot + 1].copy(), self.weight[slot : slot + 1].copy()]

    def restore(self, state: list[Any]) -> None:
        self.mean, self.weight = state
