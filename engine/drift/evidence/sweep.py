"""How far each of many signals moved since a record: all at once, and for several records that lie near.

Two samples are as far apart as their distribution functions, F of what came before and G of what came since.
F has many steps and G few, and between two steps of G only F rises. So it is enough to look at each value
since then, and right below it. What came before the first of the records is sorted once, and each later value
gets its place among them. For each of the records it is then counted which of the later values lie before it
and which lie behind. NaN is left out, and equal numbers count as one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats, Ints

NEAR = 64  # columns: so far apart they share what was sorted


class Far(NamedTuple):
    """By row."""

    distance: Floats
    n: Ints  # values before
    m: Ints  # values since

    @property
    def scaled(self) -> Floats:
        """In units of the spread that chance gives, as in `effects.kolmogorov_p`."""
        root = np.sqrt(self.n * self.m / (self.n + self.m))
        found: Floats = (root + 0.12 + 0.11 / root) * self.distance
        return found


class Sweep:
    """Rows of numbers that are cut in two at some columns.

    Parameters
    ----------
    values
        A row for each signal.
    first
        The first of these columns.

    Examples
    --------
    >>> sweep = Sweep(np.array([[1.0, 2.0, 3.0, 3.0, 9.0, 9.0]]), first=2)
    >>> [sweep.far(column, 2).distance.tolist() for column in (2, 4)]
    [[1.0], [1.0]]
    """

    def __init__(self, values: Floats, first: int) -> None:
        self.first = first
        later = values[:, first:]
        self.order = np.argsort(later, axis=1)  # NaN last; of equal numbers any comes first
        ordered = np.take_along_axis(later, self.order, axis=1)
        self.known = ~np.isnan(ordered)
        self.n = first - np.isnan(values[:, :first]).sum(axis=1)
        self.below, self.upto = _places(np.sort(values[:, :first], axis=1), self.n, ordered)
        edge, step = np.ones((len(values), 1), np.bool_), ordered[:, 1:] != ordered[:, :-1]
        self.begins, self.ends = np.hstack([edge, step]), np.hstack([step, edge])  # of equal numbers

    def far(self, column: int, most: int) -> Far:
        """How far up to `most` records from a column on are from those before it."""
        at = column - self.first
        earlier = self.known & (self.order < at)
        since = self.known & (self.order >= at) & (self.order < at + most)
        more, m = (np.cumsum(each, axis=1, dtype=np.int32) for each in (earlier, since))
        n = self.n + more[:, -1]
        right = np.abs((self.upto + more) / n[:, None] - m / m[:, -1:])
        left = np.abs((self.below + more - earlier) / n[:, None] - (m - since) / m[:, -1:])
        right[~(self.ends & self.known)] = 0.0
        left[~(self.begins & self.known)] = 0.0
        return Far(np.maximum(left.max(axis=1), right.max(axis=1)), n, m[:, -1].astype(np.int64))


def _places(rows: Floats, sizes: Ints, wanted: Floats) -> tuple[Ints, Ints]:
    """How many of each row's first values, which are sorted, lie below what is wanted; how many not above."""
    below = np.empty(wanted.shape, np.int64)
    for row, size, these, into in zip(rows, sizes.tolist(), wanted, below, strict=True):
        into[:] = row[:size].searchsorted(these)
    equal = np.take_along_axis(rows, np.minimum(below, rows.shape[1] - 1), axis=1) == wanted
    upto = below.copy()
    for i in equal.any(axis=1).nonzero()[0].tolist():
        upto[i] = rows[i, : sizes[i]].searchsorted(wanted[i], "right")
    return below, upto


def near(columns: Iterable[int]) -> Iterator[list[int]]:
    """Columns in groups that lie near each other.

    >>> [*near([300, 310, 90])]
    [[90], [300, 310]]
    """
    group: list[int] = []
    for column in sorted(set(columns)):
        if group and column - group[0] > NEAR:
            yield group
            group = []
        group.append(column)
    if group:
        yield group
