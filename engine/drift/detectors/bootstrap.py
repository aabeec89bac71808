"""Thresholds by simulation on a signal's own reference, for statistics of which no theory tells one.

Some hundred stretches are drawn from the reference: first a reference of their own, from which mean and
deviation are taken as from the real one, then values like those to come. So what the reference is wrong
about is part of what is simulated. Values are drawn by blocks as long as the reference remembers (Kuensch
1989), one by one if it remembers nothing.

From the largest statistic of each piece of each stretch follows the run length at every threshold:
the values that passed before it was reached, over all stretches, per stretch that reached it. Beyond the
thresholds that enough stretches reached, the logarithm of the run length goes on as a straight line
against the threshold, which is what it is for sums with a negative drift (Lundberg), and errs to the side
of fewer alarms where tails are lighter. How far this holds is measured by `benchmarks/charts.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats

PATHS = 512
PIECES = 32  # of a stretch
RELIABLE = 48  # so many stretches have to reach a threshold that is read off
RARE, OFTEN = 8, 256  # and between so many and so many those that the slope beyond is taken from
LEVELS = 40


class Tail(NamedTuple):
    """Run lengths by threshold."""

    thresholds: Floats  # ascending
    logs: Floats  # of the run lengths
    slope: float  # of the logarithm, beyond the last of these

    def threshold(self, length: float) -> float:
        """The least threshold that is not reached oftener than once in so many values."""
        log = math.log(length)
        if log > self.logs[-1]:
            return float(self.thresholds[-1] + (log - self.logs[-1]) / self.slope)
        return float(np.interp(log, self.logs, self.thresholds))

    @property
    def seen(self) -> float:
        """The longest run length that was seen, not extrapolated."""
        return math.exp(self.logs[-1])


def drawn(values: Floats, paths: int, size: int, block: int, rng: np.random.Generator) -> Floats:
    """Stretches of such values, put together of blocks of them; a block may go on at the beginning.

    >>> drawn(np.arange(4.0), 1, 4, 4, np.random.default_rng(1))
    array([[1., 2., 3., 0.]])
    """
    if block == 1:
        found: Floats = values[rng.integers(0, values.size, (paths, size), np.uint32)]
        return found
    starts = rng.integers(0, values.size, (paths, -(-size // block), 1), np.uint32)
    within = (starts + np.arange(block)) % values.size
    return values[within.reshape(paths, -1)[:, :size]]


def tail(tops: Floats, size: int) -> Tail:
    """Run lengths from the largest statistic of each piece, of so many values, of each stretch.

    >>> rng = np.random.default_rng(1)
    >>> tops = rng.exponential(size=(512, 32, 64)).max(axis=2)
    >>> found = tail(tops, 64)
    >>> [round(found.threshold(length), 1) for length in (1e3, 1e6)], np.log([1e3, 1e6]).round(1)
    ([6.9, 14.0], array([ 6.9, 13.8]))
    """
    highest = np.maximum.accumulate(tops, axis=1)
    levels = _levels(tops, highest)
    reached = np.array([(highest[:, -1] >= level).sum() for level in levels])
    before = np.array([(highest < level).sum() for level in levels])
    lengths = size * (before + reached / 2) / np.maximum(reached, 1)  # half of the piece where it was reached
    logs = np.maximum.accumulate(
        [math.log(max(length, 1.0)) for length in lengths]
    )  # the same on any machine
    sure = max(1, int((reached >= RELIABLE).sum()))
    some = reached <= OFTEN
    slope = _slope(levels[some], logs[some], reached[some]) * (1.0 - 1.0 / np.sqrt(OFTEN))  # less its error
    if not slope > 0:
        slope = max(float(logs[sure - 1]), 1.0) / max(float(levels[sure - 1]), 1e-12)
    return Tail(levels[:sure], logs[:sure], slope)


def _levels(tops: Floats, highest: Floats) -> Floats:
    """Thresholds to look at: of those that many pieces reach, to those that few stretches do."""
    often = np.quantile(tops, np.linspace(0.02, 0.98, LEVELS // 2), method="higher")
    shares = np.geomspace(0.9, RARE / highest.shape[0], LEVELS // 2)
    seldom = np.quantile(highest[:, -1], 1.0 - shares, method="lower")
    found: Floats = np.unique(np.concatenate([often, seldom]))
    return np.unique(np.maximum(found, np.nextafter(0.0, 1.0)))


def _slope(levels: Floats, logs: Floats, weights: Floats) -> float:
    """Of a straight line through these, by least squares."""
    if levels.size < 2:
        return 0.0
    mean = np.average(levels, weights=weights)
    off = weights * (levels - mean)
    spread = float((off * (levels - mean)).sum())
    return float((off * logs).sum() / spread) if spread > 0 else 0.0
