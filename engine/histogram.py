"""Counts by size, as Prometheus wants them: how many values were at or below each of some bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import Any


class Histogram:
    """Counts and a sum.

    Parameters
    ----------
    bounds
        The upper bounds, rising; one more stands for all that is above.

    Examples
    --------
    >>> delays = Histogram((1, 10))
    >>> for value in (0, 1, 5, 100):
    ...     delays.add(value)
    >>> delays.total, list(delays.below())
    (106, [(1, 2), (10, 3), (inf, 4)])
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value; -1 times takes it out again."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def below(self) -> Iterator[tuple[float, int]]:
        """Each bound, and how many values were not above it."""
        return zip((*self.bounds, inf), accumulate(self.counts), strict=True)

    def __add__(self, other: Histogram) -> Histogram:
        both = self.copy()
        both.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        both.total += other.total
        return both

    def copy(self) -> Histogram:
        """The same, as it is now."""
        same = Histogram(self.bounds)
        same.restore(self.state())
        return same

    def state(self) -> list[Any]:
        return [list(self.counts), self.total]

    def restore(self, state: list[Any]) -> None:
        counts, self.total = state
        self.counts = list(counts)
