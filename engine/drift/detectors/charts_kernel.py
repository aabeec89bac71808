"""Inner loops of control charts: each takes a value at a time, and moves a statistic.

A chart's state is a row of numbers. The first five mean the same in all: the statistic, which way the
signal moved (1 up, -1 down), how many values ago that began (0 where a chart can't tell), how many values
there were since the signal began anew, and how many of them the chart took. Rows are arrays where this is
compiled and lists where not.

After Page (1954), Gama and others (2004) and Frias-Blanco and others (2015). Page-Hinkley, DDM and HDDM
follow River (BSD-3, `river/drift`) in every operation but what their docstrings name. HDDM's statistics
are how unlikely the means are by its bounds: River's confidence, as the logarithm of one over it.
"""

from __future__ import annotations

import math
from typing import Any

from engine.drift.detectors.adwin_kernel import adwin

STATISTIC, WAY, SINCE, TAKEN, N = range(5)
CUSUM, PAGE_HINKLEY, DDM, HDDM_A, HDDM_W, ADWIN = range(6)
LEAST_VALUES = 30.0  # before which Page-Hinkley and DDM judge nothing
MEAN, SPREAD = 5, 6  # of charts that keep them
UP, DOWN = 7, 13  # where HDDM_W keeps what it needs of a rising mean, and of a falling one


def cusum(x: float, s: Any, o: Any) -> None:
    """Two sums of what lies beyond the allowance o[0] on either side, never below zero."""
    up, down = s[5] + x - o[0], s[6] - x - o[0]
    s[7] += 1.0
    s[8] += 1.0
    if up <= 0.0:
        up, s[7] = 0.0, 0.0
    if down <= 0.0:
        down, s[8] = 0.0, 0.0
    s[5], s[6] = up, down
    if up >= down:
        s[0], s[1], s[2] = up, 1.0, s[7]
    else:
        s[0], s[1], s[2] = down, -1.0, s[8]


def page_hinkley(x: float, s: Any, o: Any) -> None:
    """Sums of what lies off the mean so far, less delta o[0], fading by o[1]; how far from their extremes."""
    s[MEAN] += 1.0 / s[N] * (x - s[MEAN])
    off = x - s[MEAN]
    up, down = o[1] * s[6] + off - o[0], o[1] * s[7] + off + o[0]
    s[6], s[7] = up, down
    s[10] += 1.0
    s[11] += 1.0
    if s[N] == 1.0 or up < s[8]:
        s[8], s[10] = up, 0.0
    if s[N] == 1.0:
        s[9] = -1.0
    if down > s[9]:
        s[9], s[11] = down, 0.0
    if s[N] >= LEAST_VALUES:
        if up - s[8] >= s[9] - down:
            s[0], s[1], s[2] = up - s[8], 1.0, s[10]
        else:
            s[0], s[1], s[2] = s[9] - down, -1.0, s[11]


def ddm(x: float, s: Any, o: Any) -> None:
    """How many standard deviations the share of errors lies above the least it was.

    While there was no error River's deviation is zero, and the first error a drift; here the deviation is
    never less than with one error.
    """
    one = 1.0 / s[N]
    s[MEAN] += one * (x - s[MEAN])
    p = s[MEAN]
    spread = math.sqrt(max(p * (1.0 - p), one * (1.0 - one)) / s[N])
    if s[N] > LEAST_VALUES:
        if s[7] == 0.0 or p + spread <= s[6] + s[7]:
            s[6], s[7] = p, spread
        s[0], s[1] = (p + spread - s[6]) / s[7], 1.0


def hddm_a(x: float, s: Any, o: Any) -> None:
    """The mean up to the best cut against the mean of all, by Hoeffding's bound.

    o[0] is log(1 / confidence) of the cut, o[1] whether a falling mean counts, too.
    """
    n = s[N]
    s[MEAN] += 1.0 / n * (x - s[MEAN])
    mean, reach = s[MEAN], math.sqrt(1.0 / (2.0 * n) * o[0])
    if s[6] == 0.0:
        s[6], s[7], s[8], s[9] = n, mean, n, mean
    if s[7] + math.sqrt(1.0 / (2.0 * s[6]) * o[0]) >= mean + reach:
        s[6], s[7] = n, mean
    if s[9] - math.sqrt(1.0 / (2.0 * s[8]) * o[0]) <= mean - reach:
        s[8], s[9] = n, mean
    s[0] = 0.0
    if s[6] < n and mean > s[7]:
        s[0] = 2.0 * (mean - s[7]) * (mean - s[7]) / ((n - s[6]) / s[6] * (1.0 / n))
        s[1] = 1.0
    if o[1] > 0.0 and s[8] < n and mean < s[9]:
        down = 2.0 * (s[9] - mean) * (s[9] - mean) / ((n - s[8]) / s[8] * (1.0 / n))
        if down > s[0]:
            s[0], s[1] = down, -1.0


def hddm_w_side(x: float, s: Any, o: Any, way: float, at: int) -> None:
    """Of one way: where the cut is, mean and spread there, and mean, spread and values since."""
    weight, keep = o[2], (1.0 - o[2]) * (1.0 - o[2])
    reach = way * s[MEAN] + math.sqrt(s[SPREAD] * o[0] / 2.0)
    if s[N] == 1.0 or reach < s[at]:
        s[at], s[at + 1], s[at + 2] = reach, way * s[MEAN], s[SPREAD]
        s[at + 3], s[at + 4], s[at + 5] = 0.0, 1.0, 0.0
        return
    if s[at + 5] == 0.0:
        s[at + 3] = way * x
    else:
        s[at + 3] += weight * (way * x - s[at + 3])
    s[at + 4] = weight * weight + keep * s[at + 4]
    s[at + 5] += 1.0
    more = s[at + 3] - s[at + 1]
    if more > 0.0:
        found = 2.0 * more * more / (s[at + 2] + s[at + 4])
        if found > s[0]:
            s[0], s[1] = found, way


def hddm_w(x: float, s: Any, o: Any) -> None:
    """A fading mean up to the best cut against one from there on, by McDiarmid's bound.

    o[0] and o[1] as above; o[2] is what the newest value weighs.
    """
    weight, keep = o[2], (1.0 - o[2]) * (1.0 - o[2])
    if s[N] == 1.0:
        s[MEAN], s[SPREAD] = x, 1.0
    else:
        s[MEAN] += weight * (x - s[MEAN])
    s[SPREAD] = weight * weight + keep * s[SPREAD]
    s[0] = 0.0
    hddm_w_side(x, s, o, 1.0, UP)
    if o[1] > 0.0:
        hddm_w_side(x, s, o, -1.0, DOWN)


def step(chart: int, x: float, s: Any, o: Any) -> None:
    """Take a value."""
    s[N] += 1.0
    if chart == CUSUM:
        cusum(x, s, o)
    elif chart == PAGE_HINKLEY:
        page_hinkley(x, s, o)
    elif chart == DDM:
        ddm(x, s, o)
    elif chart == HDDM_A:
        hddm_a(x, s, o)
    elif chart == HDDM_W:
        hddm_w(x, s, o)
    else:
        adwin(x, s, o)


def standard(value: float, mean: float, scale: float, low: float, high: float) -> float:
    """How many deviations a value is off the mean, within bounds."""
    x = (value - mean) / scale
    if x < low:
        return low
    return min(x, high)


def walk(
    chart: int,
    o: Any,
    low: float,
    high: float,
    mean: float,
    scale: float,
    row: Any,
    start: int,
    s: Any,
    most: float,
) -> int:
    """Take a row's values from `start` on, up to one that lifts the statistic to `most`; where that is."""
    for at in range(start, len(row)):
        if row[at] != row[at]:
            continue
        s[TAKEN] += 1.0
        step(chart, standard(row[at], mean, scale, low, high), s, o)
        if s[STATISTIC] >= most:
            return at
    return len(row)


def tops(
    chart: int,
    o: Any,
    low: float,
    high: float,
    means: Any,
    scales: Any,
    rows: Any,
    primed: int,
    s: Any,
    out: Any,
) -> None:
    """The largest statistic of each piece of each row, behind the values that prime the chart."""
    size = (rows.shape[1] - primed) // out.shape[1]
    for p in range(rows.shape[0]):
        for i in range(s.shape[0]):
            s[i] = 0.0
        for at in range(rows.shape[1]):
            if at == primed:
                s[STATISTIC] = 0.0
            step(chart, standard(rows[p, at], means[p], scales[p], low, high), s, o)
            if at >= primed:
                out[p, (at - primed) // size] = max(out[p, (at - primed) // size], s[STATISTIC])
