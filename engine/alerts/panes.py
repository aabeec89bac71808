"""What was counted of late, in panes: the newest `over`, and where it is asked for the `over` before it.

A pane is closed once it holds a sixteenth of `over`. A window is made of the fewest newest panes that
together hold `over`, so it may hold up to a sixteenth more, or what came in between two looks if that is
more: panes end where the shard looks, never within. Counts are kept as sums, so that a window costs the same
whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.metrics.block import Floats

PANES = 16
NONE = -1  # an offset that is not known


@dataclass(slots=True)
class Pane:
    """What came between some looks."""

    sums: Floats
    held: float = 0.0  # what `over` counts: outcomes, events, ...; or milliseconds
    ms: int = 0  # of the records' time that went by
    first: int = NONE  # the offsets of the events that it tells of
    last: int = NONE

    def add(self, sums: Floats, held: float, ms: int, first: int, last: int) -> None:
        """What came since the last look."""
        self.sums = self.sums + sums
        self.held += held
        self.ms += ms
        if first != NONE:
            self.first = first if self.first == NONE else min(self.first, first)
        self.last = max(self.last, last)

    def state(self) -> list[Any]:
        return [self.sums.copy(), self.held, self.ms, self.first, self.last]


@dataclass(slots=True)
class Panes:
    """The newest of what comes.

    Parameters
    ----------
    size
        How many sums there are.
    over
        How much a window holds.
    past
        Whether the window before is kept, too.

    Examples
    --------
    >>> panes = Panes(size=1, over=100, past=True)
    >>> for n in range(1, 7):
    ...     panes.add(np.array([n], float), held=50, ms=1000, first=50 * n, last=50 * n + 49)
    >>> now, before = panes.windows()
    >>> now.sums.tolist(), now.held, (now.first, now.last), before.sums.tolist()
    ([11.0], 100.0, (250, 349), [7.0])
    """

    size: int
    over: float
    past: bool = False
    panes: list[Pane] = field(default_factory=list)  # oldest first; the last one is open
    since: float = 0.0  # what came since a window was asked for

    def add(self, sums: Floats, held: float, ms: int, first: int, last: int) -> None:
        """What came since the last look."""
        if not self.panes or self.panes[-1].held * PANES >= self.over:
            self._open()
        self.panes[-1].add(sums, held, ms, first, last)
        self.since += held

    def _open(self) -> None:
        keep = self._reach(self._reach(len(self.panes))) if self.past else self._reach(len(self.panes))
        self.panes = [*self.panes[keep:], Pane(np.zeros(self.size))]

    def _reach(self, stop: int) -> int:
        """Where the window begins that ends before a pane."""
        held = 0.0
        while stop > 0 and held < self.over:
            stop -= 1
            held += self.panes[stop].held
        return stop

    def windows(self) -> tuple[Pane, Pane | None]:
        """The newest window; and the one before it, once it holds as much as it should."""
        self.since = 0.0
        start = self._reach(len(self.panes))
        now = _sum(self.size, self.panes[start:])
        if not self.past or not start:
            return now, None
        before = _sum(self.size, self.panes[self._reach(start) : start])
        return now, before if before.held >= self.over else None

    @property
    def is_news(self) -> bool:
        """Whether enough came for a window to be worth a look: a quarter of a pane."""
        return self.since * 4 * PANES >= self.over

    def state(self) -> list[Any]:
        return [[pane.state() for pane in self.panes], self.since]

    def restore(self, state: Sequence[Any]) -> None:
        panes, self.since = state
        self.panes = [Pane(np.array(sums), *rest) for sums, *rest in panes]


def _sum(size: int, panes: Sequence[Pane]) -> Pane:
    whole = Pane(np.zeros(size))
    for pane in panes:
        whole.add(pane.sums, pane.held, pane.ms, pane.first, pane.last)
    return whole
