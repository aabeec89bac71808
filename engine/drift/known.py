"""What a feature was seen to be at first: the range of its numbers, or its categories.

From then on each value is one of these or not, which makes signals of zeros and ones: the shares of values
outside the range and of categories that were not there. Nothing is said before as many values were seen
as the reference has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.drift.detector import Floats

State = list[tuple[int, Floats]]


class Known:
    """The first values of some features.

    Parameters
    ----------
    named
        Of each feature, whether its numbers stand for categories.
    first
        How many values are looked at.

    Examples
    --------
    >>> known = Known([False], first=3)
    >>> known.strange(np.array([[1.0, 2.0, 4.0, 3.0, 5.0]]))
    array([[nan, nan, nan,  0.,  1.]])
    """

    def __init__(self, named: Sequence[bool], first: int) -> None:
        self.named, self.first = list(named), first
        self.seen = [0] * len(self.named)
        self.values = [np.empty(0)] * len(self.named)  # both ends of the range, or all categories in order

    def strange(self, block: Floats) -> Floats:
        """1 where a value is not among the known, 0 where it is, NaN where nobody can tell."""
        found = np.full(block.shape, np.nan)
        for i, row in enumerate(block):
            there = ~np.isnan(row)
            begin = 0
            if (wanted := self.first - self.seen[i]) > 0:
                places = there.nonzero()[0][:wanted]
                self._learn(i, row[places])
                begin = int(places[-1]) + 1 if len(places) == wanted else len(row)
            rest = row[begin:]
            found[i, begin:] = np.where(there[begin:], self._outside(i, rest), np.nan)
        return found

    def _learn(self, i: int, values: Floats) -> None:
        self.seen[i] += len(values)
        known = np.unique(np.concatenate([self.values[i], values]))
        self.values[i] = known if self.named[i] else known[[0, -1]] if len(known) else known

    def _outside(self, i: int, values: Floats) -> Floats:
        known = self.values[i]
        if not len(values):
            return values
        if not self.named[i]:
            return np.where((values < known[0]) | (values > known[-1]), 1.0, 0.0)
        nearest = known[np.minimum(np.searchsorted(known, values), len(known) - 1)]
        return np.where(nearest == values, 0.0, 1.0)

    def restart(self, features: Sequence[int]) -> None:
        """What comes next is what is known of these."""
        for i in features:
            self.seen[i], self.values[i] = 0, np.empty(0)

    def state(self) -> State:
        return list(zip(self.seen, self.values, strict=True))

    def restore(self, state: State) -> None:
        self.seen, self.values = [seen for seen, _ in state], [values for _, values in state]
