"""How features go together: a signal for each pair, whose mean moves when their correlation does.

The signal is the product of both, in standard deviations from the mean, as the first values of each
have them, and no farther out than 3. These scales stay, so that only what comes can move it. It moves when a
feature of the pair does, too: `note` says when that may be all.

Up to 8 features make 28 pairs, and all of them are watched. Of more features half of the pairs are those
that go together most closely at first, the others are neighbours in the spec.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.scale import scale_of, scaled
from engine.drift.signals import Kind, Signal

PAIRS_MAX = 28
FEATURES_MAX = 64

Pairs = list[tuple[int, int]]


class Correlations:
    """The signals of pairs.

    Parameters
    ----------
    names
        The features that are numbers. Beyond the 64th they are not paired.
    first
        How many values of each give its scale.
    most
        Pairs.

    Examples
    --------
    >>> both = Correlations(["a", "b"], first=3)
    >>> [signal.name for signal in both.signals]
    ['a*b']
    >>> both.block(np.array([[1.0, 2.0, 3.0, 9.0], [5.0, 6.0, 7.0, 6.0]])).tolist()
    [[nan, nan, nan, 0.0]]
    """

    def __init__(self, names: Sequence[str], first: int, most: int = PAIRS_MAX) -> None:
        self.names, self.left_out = list(names[:FEATURES_MAX]), max(0, len(names) - FEATURES_MAX)
        self.first, self.most = first, most
        self.restart()

    def restart(self) -> None:
        """What comes next gives the scales, and chooses the pairs where there are too many."""
        size = len(self.names)
        every = list(combinations(range(size), 2))
        self.size = min(len(every), self.most)  # pairs
        self.pairs: Pairs | None = every if len(every) <= self.most else None
        self.records = np.empty((size, 0))  # the first, while pairs are not chosen
        self.values: list[Floats] = [
            np.empty(0) for _ in self.names
        ]  # the first of each, while it has no scale
        self.centre, self.width = np.full((size, 1), np.nan), np.ones((size, 1))

    @property
    def signals(self) -> list[Signal]:
        """The signals, by row; those not chosen yet by their number."""
        if self.pairs is None:
            return [Signal(Kind.CORRELATION, f"#{i}") for i in range(self.size)]
        return [Signal(Kind.CORRELATION, f"{self.names[i]}*{self.names[j]}") for i, j in self.pairs]

    def block(self, features: Floats) -> Floats:
        """A row for each signal, from a row for each feature; NaN until both of a pair have their scale."""
        features = features[: len(self.names)]
        found = scaled(features, self.centre, self.width)
        for i, values in enumerate(self.values):
            if len(values) < self.first:
                found[i] = self._wait(i, features[i])
        if self.pairs is not None:
            return self._products(found, self.pairs)
        return self._choose(features, found)

    def _wait(self, i: int, column: Floats) -> Floats:
        """Take values of a feature that has no scale yet; those behind the first ones in their scale."""
        there = np.flatnonzero(~np.isnan(column))
        want = self.first - len(self.values[i])
        self.values[i] = np.concatenate([self.values[i], column[there[:want]]])
        found = np.full(len(column), np.nan)
        if len(self.values[i]) == self.first:
            self.centre[i], self.width[i] = scale_of(self.values[i])
            after = int(there[want - 1]) + 1
            found[after:] = scaled(column[after:], self.centre[i], self.width[i])
        return found

    def _products(self, found: Floats, pairs: Pairs) -> Floats:
        left, right = np.array(pairs, np.int64).reshape(-1, 2).T
        return found[left] * found[right]

    def _choose(self, features: Floats, found: Floats) -> Floats:
        """The signals of a block in which pairs may have to be chosen."""
        want = self.first - self.records.shape[1]
        self.records = np.concatenate([self.records, features[:, :want]], axis=1)
        products = np.full((self.size, features.shape[1]), np.nan)
        if self.records.shape[1] == self.first:
            self.pairs = chosen(self.records, self.size)
            self.records = self.records[:, :0]
            products[:, want:] = self._products(found[:, want:], self.pairs)
        return products

    def state(self) -> list[Any]:
        scales = [self.centre.copy(), self.width.copy()]
        return [self.pairs, self.records.copy(), list(self.values), *scales]

    def restore(self, state: list[Any]) -> None:
        self.pairs, self.records, values, centre, width = state
        self.values, self.centre, self.width = list(values), centre.copy(), width.copy()


def chosen(records: Floats, most: int) -> Pairs:
    """Pairs of rows: half of them those that go together most closely, then neighbours.

    >>> chosen(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 4.0, 1.0, 4.0], [4.0, 3.0, 2.0, 1.0]]), 2)
    [(0, 1), (0, 2)]
    """
    scales = [scale_of(row) for row in records]
    centre, width = (np.array(column)[:, None] for column in zip(*scales, strict=True))
    z = np.nan_to_num(scaled(records, centre, width))
    z -= z.mean(axis=1, keepdims=True)
    z /= np.maximum(np.sqrt((z * z).sum(axis=1, keepdims=True)), np.finfo(float).tiny)
    every = list(combinations(range(len(records)), 2))
    close: Ints = np.argsort([-abs(float((z[i] * z[j]).sum())) for i, j in every], kind="stable")
    first = [every[k] for k in close[: most // 2]]
    others = sorted(set(every) - set(first), key=lambda pair: (pair[1] - pair[0], pair))
    return sorted(first + others[: most - len(first)])


def note(signal: Signal, drifted: Collection[str]) -> str:
    """What else a drift of a pair may be, from the names of the signals that drifted with it; "" if nothing.

    >>> note(Signal(Kind.CORRELATION, "amount*age"), {"age", "score"})
    'age drifted, too: that may be all that moved amount*age'
    """
    if signal.kind is not Kind.CORRELATION:
        return ""
    both = [name for name in signal.feature.split("*") if name in drifted]
    return f"{' and '.join(both)} drifted, too: that may be all that moved {signal.name}" if both else ""
