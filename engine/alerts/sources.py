"""Where the numbers of a condition come from: sums of what came since they were asked for last.

Nothing is counted for a condition that is not counted anyway, but for outcomes: of those the family of
statistics that the metric is told from is added up, block by block, as `engine.metrics` counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from engine.alerts.panes import NONE
from engine.metrics.block import Block, Floats
from engine.metrics.tally import Layout, Tally

if TYPE_CHECKING:
    from engine.drift.stage import Watch
    from engine.growth import Growth
    from engine.join import Join
    from engine.metrics import Quality, Traffic


class Seen(Protocol):
    """What of a shard is looked at."""

    quality: Quality
    traffic: Traffic
    join: Join
    growth: Growth
    watch: Watch | None
    taken: int
    newest: int
    rejected: dict[str, int]


class Fresh(NamedTuple):
    """What came since the last look."""

    sums: Floats
    """A row for each group."""
    first: int = NONE
    """The offsets of the events that it tells of; none where it is the events that came meanwhile."""
    last: int = NONE


class Source(Protocol):
    """Where sums come from."""

    size: int
    """How many of them, of a group."""

    def groups(self) -> Sequence[tuple[str, int]]:
        """What each group is called, and its row."""

    def take(self) -> Fresh:
        """What came since the last time."""

    def begin(self) -> None:
        """What is to come is all that counts."""

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


class Counts:
    """What the shard counts anyway, and never forgets.

    Examples
    --------
    >>> seen = [3, 10]
    >>> counts = Counts(lambda: seen)
    >>> counts.begin()
    >>> seen[:] = 4, 14
    >>> counts.take().sums.tolist()
    [[1.0, 4.0]]
    """

    def __init__(self, read: Callable[[], Sequence[float]]) -> None:
        self.read, self.size = read, len(read())
        self.before = np.zeros(self.size)

    def groups(self) -> Sequence[tuple[str, int]]:
        return [("", 0)]

    def take(self) -> Fresh:
        now = np.array(self.read(), np.float64)
        sums, self.before = now - self.before, now
        return Fresh(sums[None, :])

    def begin(self) -> None:
        self.before = np.array(self.read(), np.float64)

    def state(self) -> Any:
        return self.before.copy()

    def restore(self, state: Any) -> None:
        self.before = np.array(state)


class Outcomes:
    """Statistics of one family, of all outcomes or of each value of a segment.

    Parameters
    ----------
    quality
        What hands on its outcomes.
    family
        Of metrics.
    by
        The segment; None: all outcomes together.
    """

    def __init__(self, quality: Quality, family: ModuleType, by: str | None) -> None:
        self.quality, self.by = quality, by
        self.layout = Layout(quality.layout.shape, family)
        self.size = self.layout.size
        self.column = 0 if by is None else quality.wanted.segments.index(by)
        self.rows = 1 if by is None else quality.wanted.segments_max + 1
        self.begin()
        quality.heard.append(self.hear)

    def begin(self) -> None:
        self.tally = Tally(self.layout, self.rows)
        self.first, self.last = NONE, NONE

    def hear(self, block: Block, sign: float) -> None:
        """Take outcomes; with a sign of -1 take them away again."""
        at = 0 if self.by is None else block.seats[:, self.column] - self.column * self.rows
        self.tally.add(block, at, sign)
        first, last = int(block.place.min()), int(block.place.max())
        self.first = first if self.first == NONE else min(first, self.first)
        self.last = max(last, self.last)

    def groups(self) -> Sequence[tuple[str, int]]:
        if self.by is None:
            return [("", 0)]
        base = self.column * self.rows
        known = self.quality.segments.known()
        return [(name, row - base) for name, row in known if 0 <= row - base < self.rows]

    def take(self) -> Fresh:
        fresh = Fresh(self.tally.rows, self.first, self.last)
        self.begin()
        return fresh

    def state(self) -> Any:
        return [self.tally.state(), self.first, self.last]

    def restore(self, state: Any) -> None:
        rows, self.first, self.last = state
        self.tally.restore(rows)
