"""How long a signal remembers: its correlation time, from some of its values.

A detector's budget rests on values that could as well have come in another order. Where each value
resembles the one before, tens to thousands of times too many alarms come. What helps is to put values
together until nothing is left of that: means of blocks of five times the correlation time, the sum over
all lags of the autocorrelation (Geyer 1992, Practical Markov chain Monte Carlo).

Where so little shows that it could be chance, more values are waited for.

Values may be independent in their level and yet come in quiet and restless times (volatility clustering,
GARCH). Then distances from the middle remember; means of blocks that are long against these times keep the
budget, while a change of spread takes long to show in them.

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

A quarter that is short against what it finds finds too little, as in the third line; then, too, more
values are waited for.

What that leaves of a budget is measured by `benchmarks/drift_memory.py`: of the requested run length, one
alarm in 100,000 values, 1.0 to 1.3 times was realised on AR(1) from .1 to .99 and on GARCH(.1, .85). As they
are, values of AR(1) .9 raise 2,000 times as many alarms as allowed and those of the GARCH 160 times.
Volatility so weak that 1,000 values may not show it, such as GARCH(.05, .9), is overlooked in one stream of
ten or twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

QUARTERS = 4
TIMES = 5  # so many correlation times make a block
TAU_MIN = 1.15  # less is taken as none
CHANCE, CLEAR = 9.0, 20.0  # over the root of the count: what independent values may show, and never do
LONG_ENOUGH = 25  # a quarter has to be so many correlation times long
LAGS = 20  # over which distances from the middle are looked at
LASTING_MAX = 40.0  # restless times that seem to last longer are a change of spread
DOUBTFUL, SURE = (
    0.2,
    1.0,
)  # signs of restless times: 3 % of independent signals show the first, none the second


class Dependence(NamedTuple):
    """What a signal's values have to do with each other."""

    tau: float  # correlation time, in values; 1: none
    restless: float = -1.0  # how clearly quiet and restless times alternate
    lasts: float = 1.0  # the correlation time of these, in values
    values: int = 4_000  # how many values were looked at

    @property
    def volatile(self) -> bool:
        return self.restless > SURE

    @property
    def longest(self) -> float:
        """The longer of both correlation times; 1 where there are none."""
        shown = self.tau > max(TAU_MIN, 1.0 + CHANCE / self.values**0.5)
        return max(self.tau if shown else 1.0, self.lasts if self.volatile else 1.0)

    @property
    def size(self) -> int:
        """How many values to put together, so that what comes of them is as good as independent.

        >>> Dependence(3.0).size, Dependence(1.1).size, Dependence(1.1, 4.0, 12.0).size
        (15, 1, 60)
        """
        return int(np.ceil(TIMES * self.longest)) if self.longest > 1.0 else 1

    @property
    def enough(self) -> bool:
        """Whether so many values are enough to know that, and long enough to have shown such a memory."""
        if TAU_MIN < self.tau < 1.0 + CLEAR / self.values**0.5 or DOUBTFUL < self.restless <= SURE:
            return False
        wanted = max(self.longest, LAGS) if self.volatile else self.longest
        return self.size == 1 or self.values >= QUARTERS * LONG_ENOUGH * wanted


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
    spreads = [autocorrelations(np.abs(spread_out(part))) for part in parts]
    signs = [sign(part, spread) for part, spread in zip(parts, spreads, strict=True)]
    restless, lasts = round(float(np.median(signs)), 6), round(lasting(spreads), 6)
    return Dependence(round(tau, 6), restless, lasts, len(values))


def spread_out(places: Floats) -> Floats:
    """Ranks with tails: those of a logistic distribution."""
    return np.asarray(np.log((0.5 + places) / (0.5 - places)))


def sign(places: Floats, spread: Floats) -> float:
    """How much more distances from the middle remember than the values account for: the sum over some lags,
    in standard deviations of what independent values show.

    Where a Gaussian's values remember, their distances do as the squares say; where there are two values
    only, as much as they themselves.
    """
    own, lags = autocorrelations(spread_out(places))[1 : LAGS + 1], spread[1 : LAGS + 1]
    explained = max(float(own.sum()), float((own**2).sum()))
    return (float(lags.sum()) - explained) * float(np.sqrt(len(places) / LAGS))


def lasting(spreads: Sequence[Floats]) -> float:
    """The correlation time of quiet and restless times, of which distances from the middle show a part."""
    shown = max(float(np.mean([spread[1:4].mean() for spread in spreads if len(spread) > 4] or [1.0])), 0.02)
    whole = float(np.median([correlation_time(spread) for spread in spreads]))
    return min(max(1.0, (whole - 1.0) / (2.0 * shown)), LASTING_MAX)


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
