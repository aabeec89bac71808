"""The latest records of a panel: what evidence is made of when there is an alarm.

One array, filled from left to right. When it is full the latest records move to its front, so a view of
them lies in one piece and a record costs two copies, whatever the cuts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import Floats, Ints

RECORDS = 1024  # that are remembered
RECORDS_MIN = 64
VALUES_MAX = 1 << 21  # with more signals fewer records are remembered: of 10,000 the latest 209


class View(NamedTuple):
    """Some latest records, the oldest first. Don't write into it, and don't keep it."""

    values: Floats  # (signals, records)
    offsets: Ints
    times: Ints  # event time, ms
    groups: Ints  # (dimensions of provenance, records): codes

    def __len__(self) -> int:
        return len(self.offsets)

    def cut(self, start: int) -> View:
        """Those from `start` on."""
        return View(self.values[:, start:], self.offsets[start:], self.times[start:], self.groups[:, start:])


class Recent:
    """Remembers the latest records of all signals of a panel.

    Parameters
    ----------
    signals
        How many there are.
    dimensions
        In how many ways it is told where records come from.
    records
        So many are remembered, or fewer if there are very many signals (`VALUES_MAX`).

    Examples
    --------
    >>> recent = Recent(1, records=3)
    >>> recent.add(np.array([[1.0, 2.0, 3.0, 4.0]]), np.arange(4), np.arange(4) * 1000)
    >>> recent.view().values.tolist(), recent.view(behind=1).offsets.tolist()
    ([[2.0, 3.0, 4.0]], [0, 1, 2])
    """

    def __init__(self, signals: int, dimensions: int = 0, records: int = RECORDS) -> None:
        self.records = min(records, max(RECORDS_MIN, VALUES_MAX // max(1, signals)))
        self.end = 0  # of what is filled
        self._make(signals, dimensions, 2 * self.records)

    def _make(self, signals: int, dimensions: int, width: int) -> None:
        self.values: Floats = np.empty((signals, width))
        self.offsets: Ints = np.empty(width, np.int64)
        self.times: Ints = np.empty(width, np.int64)
        self.groups: Ints = np.empty((dimensions, width), np.int64)

    def add(self, block: Floats, offsets: Ints, times: Ints, groups: Ints | None = None) -> None:
        """Remember the records of a block."""
        start = self._room(block.shape[1])
        part = slice(start, self.end)
        self.values[:, part] = block
        self.offsets[part] = offsets
        self.times[part] = times
        if groups is not None:
            self.groups[:, part] = groups

    def _room(self, more: int) -> int:
        """Where the next records go, behind the latest that have to stay."""
        if self.end + more > len(self.offsets):
            kept = self.view()
            copies = [part.copy() for part in kept]
            if self.records + more > len(self.offsets):
                self._make(len(self.values), len(self.groups), self.records + more)
            self._put(copies)
        self.end += more
        return self.end - more

    def _put(self, parts: list[Any]) -> None:
        self.end = len(parts[1])
        for mine, part in zip((self.values, self.offsets, self.times, self.groups), parts, strict=True):
            mine[..., : self.end] = part

    def view(self, behind: int = 0) -> View:
        """The latest records as they were before the last `behind` came, which the last block brought."""
        stop = self.end - behind
        part = slice(max(0, stop - self.records), stop)
        return View(self.values[:, part], self.offsets[part], self.times[part], self.groups[:, part])

    def state(self) -> list[Any]:
        return [part.copy() for part in self.view()]

    def restore(self, state: list[Any]) -> None:
        self._put(state)
