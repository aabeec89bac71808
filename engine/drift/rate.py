"""At which rate a shard's events come, in event time.

It is found at turns only, from the middle of each turn's times, so that no single wrong time matters and
a replay finds the same. As much is looked back as the budget's own span: turns are kept, every second of
them is forgotten when there are too many, and so are those older than the span.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.drift.detector import Ints

TURNS_MAX = 128  # turns that are remembered
RATE_MIN, RATE_MAX = 1 / 86_400, 1e6  # events a second
RATE_UNKNOWN = 1_000.0  # before the first turn: rather too few alarms than too many


class Rate:
    """Finds the rate.

    Parameters
    ----------
    span_ms
        How far to look back.

    Examples
    --------
    >>> rate = Rate(86_400_000)
    >>> rate.add(range(0, 500_000, 500))
    >>> rate.turn()
    >>> round(rate.per_second, 3)
    2.0
    """

    def __init__(self, span_ms: int) -> None:
        self.span_ms, self.per_second = span_ms, RATE_UNKNOWN
        self.times: list[Ints] = []  # of the turn at hand
        self.turns: list[tuple[int, int]] = []  # the middle time, and how many events came until then
        self.count = 0

    def add(self, times: npt.ArrayLike) -> None:
        """Take the times of events, in ms."""
        self.times.append(np.asarray(times, np.int64))

    def turn(self) -> None:
        """Find the rate anew."""
        times, self.times = np.sort(self._taken()).tolist(), []
        if not times:
            return
        self.turns.append((times[len(times) // 2], self.count + len(times) // 2))
        self.count += len(times)
        self._forget()
        (first, before), (last, now) = self.turns[0], self.turns[-1]
        if len(self.turns) == 1:  # what lies between its first and last tenth
            tenth = len(times) // 10
            first, last, before, now = times[tenth], times[-1 - tenth], tenth, len(times) - 1 - tenth
        if last > first and now > before:
            self.per_second = min(max(1_000 * (now - before) / (last - first), RATE_MIN), RATE_MAX)

    def _taken(self) -> Ints:
        return np.concatenate([*self.times, np.empty(0, np.int64)])

    def _forget(self) -> None:
        newest = self.turns[-1][0]
        old = [i for i, (time, _) in enumerate(self.turns[:-2]) if abs(newest - time) > self.span_ms]
        if old:
            del self.turns[: old[-1] + 1]
        if len(self.turns) > TURNS_MAX:
            self.turns = [*self.turns[:-1:2], self.turns[-1]]

    def state(self) -> list[Any]:
        return [self.per_second, self._taken(), list(self.turns), self.count]

    def restore(self, state: list[Any]) -> None:
        self.per_second, times, turns, self.count = state
        self.times, self.turns = [times], [(time, count) for time, count in turns]
