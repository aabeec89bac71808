"""Means and spreads of signals over stretches of the latest records, of which most was summed up before.

Records are summed up in lots of 64, by their numbers in the panel, so that what is found does not depend on
how they came. A stretch is the whole lots in it and what is left at either end. Lots are summed up when they
are first asked for: nothing is, while nothing drifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.evidence.recent import View

LOT = 64  # records


class Moments(NamedTuple):
    """Of some rows, what is finite of their values."""

    n: Ints
    mean: Floats
    squares: Floats  # the sum of squared distances from the mean

    @property
    def variance(self) -> Floats:
        found: Floats = self.squares / self.n
        return found


class Lots:
    """Sums of a panel's latest records.

    Parameters
    ----------
    rows
        Signals that are summed up.

    Examples
    --------
    >>> values, numbers = np.arange(200.0)[None], np.arange(200)
    >>> view = View(values, numbers, numbers, np.empty((0, 200)))
    >>> Lots([0]).moments(view, 0, 10, 190).mean.tolist()
    [99.5]
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows = list(rows)
        self.known: dict[int, Moments] = {}

    def moments(self, view: View, first: int, start: int, stop: int) -> Moments:
        """Of a view's columns; its first record is the panel's record number `first`."""
        for lot in [lot for lot in self.known if lot < first // LOT]:
            del self.known[lot]
        whole = range(-(-(first + start) // LOT), (first + stop) // LOT)
        if not whole:
            return joined([self._sum(view.values[:, start:stop])])
        ends = whole[0] * LOT - first, whole[-1] * LOT + LOT - first
        parts = [self._sum(view.values[:, a:b]) for a, b in ((start, ends[0]), (ends[1], stop)) if a < b]
        return joined([*parts, *(self._lot(view, first, lot) for lot in whole)])

    def _lot(self, view: View, first: int, lot: int) -> Moments:
        if lot not in self.known:
            start = lot * LOT - first
            self.known[lot] = self._sum(view.values[:, start : start + LOT])
        return self.known[lot]

    def _sum(self, values: Floats) -> Moments:
        values = values if len(values) == len(self.rows) else values[self.rows]
        sums, n = values.sum(axis=1), np.full(len(values), values.shape[1])
        if not np.isfinite(sums).all():
            finite = np.isfinite(values)
            sums, n = values.sum(axis=1, where=finite), finite.sum(axis=1)
            values = np.where(finite, values, (sums / np.maximum(n, 1))[:, None])
        mean = sums / np.maximum(n, 1)
        far = values - mean[:, None]
        return Moments(n, mean, np.einsum("ij,ij->i", far, far))  # without another array


def joined(parts: Sequence[Moments]) -> Moments:
    """Of all of them together.

    >>> one, other = (Moments(*np.array([[2], [mean], [0.5]])) for mean in (1.0, 3.0))
    >>> [float(each[0]) for each in joined([one, other])]
    [4.0, 2.0, 5.0]
    """
    n, mean, squares = (np.stack(each) for each in zip(*parts, strict=True))
    whole = n.sum(axis=0)
    centre = (n * mean).sum(axis=0) / whole
    return Moments(whole, centre, (squares + n * (mean - centre) ** 2).sum(axis=0))
