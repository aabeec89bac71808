"""The first values of a signal, which say what is normal."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.drift.detector import Floats

FAR = 3.0  # beyond the middle 98 %, in widths of these


class Held:
    """Values that are collected until there are enough and not all are the same.

    While they are, one more of the same tells nothing; the first other one takes the place of the last.

    Parameters
    ----------
    size
        How many are wanted.
    values
        Those that were there before.

    Examples
    --------
    >>> held = Held(3)
    >>> held.take(np.array([1.0, np.nan, 1.0, 1.0, 1.0]), 0)
    5
    >>> held.take(np.array([1.0, 2.0, 3.0]), 0), held.values
    (1, array([1., 1., 2.]))
    """

    def __init__(self, size: int, values: Floats | None = None) -> None:
        self.room = np.empty(size)
        self.count = 0 if values is None else values.size
        self.room[: self.count] = [] if values is None else values

    @property
    def values(self) -> Floats:
        return self.room[: self.count]

    def take(self, row: Floats, start: int) -> int:
        """Take values from `start` on; the column at which there are enough, or the size of the row."""
        there = np.flatnonzero(row[start:] == row[start:]) + start
        new = row[there[: self.room.size - self.count]]
        self.room[self.count : self.count + new.size] = new
        self.count += new.size
        if self.count < self.room.size:
            return row.size
        if new.size and (self.room != self.room[0]).any():
            return int(there[new.size - 1])
        rest = there[new.size :]
        others = rest[row[rest] != self.room[0]]
        if not others.size:
            return row.size
        self.room[-1] = row[others[0]]
        return int(others[0])


def tamed(values: Floats) -> Floats:
    """Values without what is infinite or so far out that it would be all there is in a mean.

    >>> tamed(np.array([-np.inf, 1.0, 2.0, np.inf]))
    array([1., 1., 2., 2.])
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.where(values > 0, 1.0, -1.0)
    low, high = np.quantile(finite, 0.01, method="lower"), np.quantile(finite, 0.99, method="higher")
    with np.errstate(over="ignore"):
        far = FAR * (high - low)
        bounds = (low - far, high + far) if far > 0 else (-np.inf, np.inf)
    return np.clip(values, max(bounds[0], finite.min()), min(bounds[1], finite.max()))


def deviations(rows: Floats) -> Any:
    """Mean and standard deviation of each row, whatever the size of its numbers; never zero.

    >>> deviations(np.array([1e308, -1e308]))
    (0.0, 1e+308)
    """
    largest = np.maximum(np.abs(rows).max(axis=-1, keepdims=True), np.nextafter(0.0, 1.0))
    shares = rows / largest
    largest = largest[..., 0]
    means, scales = shares.mean(axis=-1) * largest, shares.std(axis=-1) * largest
    scales = np.where(scales > 0, scales, np.maximum(largest * 1e-9, np.nextafter(0.0, 1.0)))
    return (float(means), float(scales)) if rows.ndim == 1 else (means, scales)
