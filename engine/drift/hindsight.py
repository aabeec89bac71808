"""How far estimates were from what labels showed in the end: what their bands have to allow for.

Predictions are put into blocks as they are estimated. The labels of a block come later, some at once, some
never. Where a stream changes in ways that no estimate sees, blocks are farther off than chance explains; the
estimate of today may be as far off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints

BLOCKS_MAX = 48  # that are remembered; labels of older ones come too late
BLOCKS = 16  # the newest of them with labels, that count
LABELS_MIN = 100  # of a block that counts


class Hindsight:
    """The latest blocks: where each ends, what was said of it, and what its labels show.

    Examples
    --------
    >>> hindsight = Hindsight()
    >>> for end in (999, 1999, 2999):
    ...     hindsight.close(end, 0.9)
    >>> hindsight.meet(np.arange(3000), np.tile([1.0, 0.0], 1500))  # half of them were right, not nine tenths
    >>> round(hindsight.excess(0.25), 2)
    0.16
    """

    def __init__(self) -> None:
        self.ends = np.empty(0, np.int64)  # offsets
        self.blocks = np.empty((3, 0))  # what was said, labels, the sum of what they showed
        self.before = -1  # where the oldest block begins, less 1

    def close(self, end: int, said: float) -> None:
        """A block ends with the event at this offset; so much was said of it."""
        self.ends = np.append(self.ends, end)
        self.blocks = np.concatenate([self.blocks, [[said], [0.0], [0.0]]], axis=1)
        if len(self.ends) > BLOCKS_MAX:
            self.before, self.ends, self.blocks = int(self.ends[0]), self.ends[1:], self.blocks[:, 1:]

    def meet(self, offsets: Ints, good: Floats) -> None:
        """Labels came, for the events at these offsets; what they showed."""
        here = offsets > self.before
        at = np.searchsorted(self.ends, offsets[here])
        for row, weights in ((1, None), (2, good[here])):
            self.blocks[row] += np.bincount(at, weights, len(self.ends) + 1)[: len(self.ends)]

    def excess(self, spread: float) -> float:
        """The mean square by which blocks were off, less what chance explains where outcomes vary so much."""
        said, labels, good = self.blocks[:, (self.blocks[1] >= LABELS_MIN) & ~np.isnan(self.blocks[0])]
        off = (good / labels - said) ** 2 - spread / labels
        return max(0.0, float(off[-BLOCKS:].mean())) if len(off) else 0.0

    def state(self) -> list[Any]:
        return [self.before, self.ends.copy(), self.blocks.copy()]

    def restore(self, state: list[Any]) -> None:
        self.before, ends, blocks = state
        self.ends, self.blocks = ends.copy(), blocks.copy()
