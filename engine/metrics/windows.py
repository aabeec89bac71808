"""Outcomes of late: the last so many, or the last so long."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.metrics.block import Block, Floats, Ints
from engine.metrics.tally import Layout, Tally

PANES = 60
HOUR_MS = 3_600_000
HOURS = 7 * 24
MONDAY = 3  # days from a Monday to the epoch


class Newest:
    """The last `most` outcomes themselves, so that a window of them is exact, and can be put right."""

    def __init__(self, most: int, empty: Block) -> None:
        self.most = most
        self.blocks = [empty]

    @property
    def block(self) -> Block:
        """All outcomes kept, oldest first."""
        if len(self.blocks) > 1:
            pairs = zip(*(block.columns for block in self.blocks), strict=True)
            whole = Block(self.blocks[-1].origin, *map(np.concatenate, pairs))
            self.blocks = [whole.pick(slice(max(0, len(whole) - self.most), None))]
        return self.blocks[0]

    def add(self, block: Block) -> None:
        """Append; what is too old goes when blocks are put together, once a window at most."""
        self.blocks.append(block)
        if sum(map(len, self.blocks)) >= 2 * self.most + len(block):
            _ = self.block

    def correct(self, put_right: Block) -> None:
        """Give outcomes that are still here their new labels."""
        block = self.block
        for i in range(len(put_right)):
            found = np.flatnonzero(block.place == put_right.place[i])
            block.label[found], block.truth[found] = put_right.label[i], put_right.truth[i]
            block.given[found] = put_right.given[i]

    def last(self, n: int) -> Block:
        return self.block.pick(slice(max(0, len(self.block) - n), None))

    def state(self) -> list[Any]:
        block = self.block
        return [block.origin, *block.columns]

    def restore(self, state: list[Any]) -> None:
        origin, *columns = state
        self.blocks = [Block(origin, *columns)]


class Panes:
    """The last so long of event time, in sixtieths: the oldest leaves when a new one begins.

    An outcome belongs to the time of its event. It is counted as long as that lies within the window before
    the newest event that met its label.
    """

    def __init__(self, layout: Layout, duration: int) -> None:
        self.width = max(1, duration // PANES)
        self.held = np.full(PANES, -(2**62), np.int64)  # which pane is in which group
        self.tally = Tally(layout, PANES)

    def add(self, block: Block, sign: float = 1.0) -> None:
        pane = block.time // self.width
        self._move(int(pane.max()))
        there = self.held[pane % PANES] == pane
        if not there.all():
            block, pane = block.pick(there), pane[there]
        self.tally.add(block, pane % PANES, sign)

    def _move(self, newest: int) -> None:
        """Make room up to the newest pane."""
        wanted = np.arange(newest - PANES + 1, newest + 1)
        slots = wanted % PANES
        fresh = self.held[slots] < wanted
        self.held[slots[fresh]] = wanted[fresh]
        self.tally.rows[slots[fresh]] = 0.0

    @property
    def row(self) -> Floats:
        return self.tally.row(slice(None))

    def state(self) -> list[Any]:
        return [self.held.copy(), self.tally.state()]

    def restore(self, state: list[Any]) -> None:
        self.held = np.array(state[0])
        self.tally.restore(state[1])


def hour_of_week(time: Ints) -> Ints:
    """Hours since Monday, midnight, UTC.

    >>> hour_of_week(np.array([0, 4 * 24 * HOUR_MS])).tolist()
    [72, 0]
    """
    return (time // HOUR_MS + 24 * MONDAY) % HOURS
