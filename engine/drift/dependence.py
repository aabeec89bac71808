"""How long a signal remembers: its correlation time, from some of its values.

A detector's budget rests on values that could as well have come in another order. Where each value
resembles the one before, tens to thousands of times too many alarms come. What helps is to put values
together until nothing is left of that: means of blocks of four times the correlation time, the sum over
all lags of the autocorrelation (Geyer 1992, Practical Markov chain Monte Carlo).

Ranks are looked at instead of values, so neither heavy tails nor infinities matter. The values are cut in
four, each estimated for itself, and the median of these is taken: a model that still learns, or a change
that falls among these values, would else look like a memory of hundreds of values and slow the signal down
for good. Medians of 150 streams of 1,000 values, with what 90 % of them lie between:

    ==================================  =====  ====================  ====================
    stream                              true   all at once           the median of four
    ==================================  =====  ====================  ====================
    independent                         1.00     1.02 (1.00-1.32)      1.04 (1.00-1.24)
    AR(1) .5                            3.00     3.04 (2.47-4.18)      2.98 (2.39-3.85)
    AR(1) .9                            19.0     17.6 (11.2-28.2)      14.7 (10.0-20.0)
    independent, a shift by 2 sigma     1.00    119.2 (109 -130 )      1.17 (1.00-1.58)
    ==================================  =====  ====================  ====================

A quarter that is short against what it finds finds too little, as in the third line; so `estimate` asks
for more values then.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

QUARTERS = 4
TIMES = 4  # so many correlation times make a block
TAU_MIN = 1.2  # less is taken as none: one independent signal in ten seems to have more
VOLATILE = 1.4  # how much longer distances from the middle remember than the values account for
LONG_ENOUGH = 25  # a quarter has to be so many correlation times long


class Dependence(NamedTuple):
    """What a signal's values have to do with each other."""

    tau: float  # correlation time, in values; 1: none
    volatile: bool  # quiet and restless times alternate: no block is long enough for that

    @property
    def size(self) -> int:
        """How many values to put together, so that what comes of them is as good as independent.

        >>> Dependence(3.0, False).size, Dependence(1.1, False).size
        (12, 1)
        """
        return int(np.ceil(TIMES * self.tau)) if self.tau > TAU_MIN else 1


def estimate(values: Floats) -> Dependence:
    """What these values, in their order, have to do with each other.

    >>> rng = np.random.default_rng(1)
    >>> estimate(rng.normal(size=1_000)).size
    1
    >>> estimate(np.cumsum(rng.normal(size=1_000))).size > 100
    True
    """
    parts = [ranks(part) for part in np.array_split(values, QUARTERS)]
    tau = float(np.median([correlation_time(autocorrelations(part)) for part in parts]))
    return Dependence(round(tau, 6), float(np.median([restlessness(part) for part in parts])) > VOLATILE)


def enough(found: Dependence, count: int) -> bool:
    """Whether so many values are long enough to have shown such a memory."""
    return found.tau <= TAU_MIN or count >= QUARTERS * LONG_ENOUGH * found.tau


def ranks(values: Floats) -> Floats:
    """Where each value lies among all, from -1/2 to 1/2; equal values in the middle of their places.

    >>> ranks(np.array([3.0, np.inf, -np.inf, 3.0])).tolist()
    [0.0, 0.375, -0.375, 0.0]
    """
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    return np.asarray(middle[place] / max(len(values), 1) - 0.5)


def autocorrelations(values: Floats) -> Floats:
    """The autocorrelation at lag 0, 1, ...; none at all where all values are equal.

    >>> autocorrelations(np.array([1.0, -1.0, 1.0, -1.0])).round(2).tolist()
    [1.0, -0.75, 0.5, -0.25]
    """
    n = len(values)
    if n < 2 or values.min() == values.max():
        return np.zeros(n)
    power = np.abs(np.fft.rfft(values - values.mean(), 2 * n)) ** 2
    found: Floats = np.fft.irfft(power)[:n]
    return np.asarray(found / found[0])


def lags(auto: Floats) -> int:
    """How many lags there are before a pair of neighbouring ones is not positive."""
    ends = np.flatnonzero(auto[0:-1:2] + auto[1::2] <= 0)
    return 2 * int(ends[0]) if len(ends) else len(auto) // 2 * 2


def correlation_time(auto: Floats) -> float:
    """The sum of the autocorrelations over all lags, to both sides, as far as they are more than noise.

    >>> correlation_time(autocorrelations(np.ones(100)))
    1.0
    """
    return max(1.0, 2.0 * float(auto[: lags(auto)].sum()) - 1.0)


def restlessness(values: Floats) -> float:
    """How much longer distances from the middle remember than the values themselves account for.

    Where values are as a Gaussian's, their distances have the squares of their autocorrelations.
    """
    distances = autocorrelations(np.abs(values))
    explained = autocorrelations(values)[1 : max(lags(distances), 1)]
    return correlation_time(distances) / (1.0 + 2.0 * float((explained**2).sum()))
