"""The charts of `charts_kernel.py` over many rows at once, in numpy's loops: the same bits.

It is what simulates them while kernels are not compiled. All rows begin together, so they have taken the
same number of values, and ADWIN's windows of all have the same buckets: what is a number of each chart there
is a row of one number for each chart here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.drift.detector import Floats
from engine.drift.detectors import adwin_kernel as window
from engine.drift.detectors import charts_kernel as kernel

Step = Callable[[Floats, Floats, Any, float], None]


def cusum(x: Floats, s: Floats, o: Any, n: float) -> None:
    up, down = s[5] + x - o[0], s[6] - x - o[0]
    s[5] = np.where(up <= 0.0, 0.0, up)
    s[6] = np.where(down <= 0.0, 0.0, down)
    s[0] = np.maximum(s[5], s[6])


def page_hinkley(x: Floats, s: Floats, o: Any, n: float) -> None:
    s[5] += 1.0 / n * (x - s[5])
    off = x - s[5]
    s[6], s[7] = o[1] * s[6] + off - o[0], o[1] * s[7] + off + o[0]
    s[8] = s[6] if n == 1.0 else np.minimum(s[8], s[6])
    s[9] = np.maximum(-1.0 if n == 1.0 else s[9], s[7])
    if n >= kernel.LEAST_VALUES:
        s[0] = np.maximum(s[6] - s[8], s[9] - s[7])


def ddm(x: Floats, s: Floats, o: Any, n: float) -> None:
    one = 1.0 / n
    s[5] += one * (x - s[5])
    p = s[5]
    spread = np.sqrt(np.maximum(p * (1.0 - p), one * (1.0 - one)) / n)
    if n > kernel.LEAST_VALUES:
        least = (s[7] == 0.0) | (p + spread <= s[6] + s[7])
        s[6], s[7] = np.where(least, p, s[6]), np.where(least, spread, s[7])
        s[0] = (p + spread - s[6]) / s[7]


def hddm_a(x: Floats, s: Floats, o: Any, n: float) -> None:
    s[5] += 1.0 / n * (x - s[5])
    mean, reach = s[5], math.sqrt(1.0 / (2.0 * n) * o[0])
    if n == 1.0:
        s[6], s[7], s[8], s[9] = n, mean, n, mean
    low = s[7] + np.sqrt(1.0 / (2.0 * s[6]) * o[0]) >= mean + reach
    s[6], s[7] = np.where(low, n, s[6]), np.where(low, mean, s[7])
    high = s[9] - np.sqrt(1.0 / (2.0 * s[8]) * o[0]) <= mean - reach
    s[8], s[9] = np.where(high, n, s[8]), np.where(high, mean, s[9])
    up = 2.0 * (mean - s[7]) * (mean - s[7]) / ((n - s[6]) / s[6] * (1.0 / n))
    s[0] = np.where((s[6] < n) & (mean > s[7]), up, 0.0)
    if o[1] > 0.0:
        down = 2.0 * (s[9] - mean) * (s[9] - mean) / ((n - s[8]) / s[8] * (1.0 / n))
        s[0] = np.where((s[8] < n) & (mean < s[9]) & (down > s[0]), down, s[0])


def hddm_w(x: Floats, s: Floats, o: Any, n: float) -> None:
    weight, keep = o[2], (1.0 - o[2]) * (1.0 - o[2])
    s[5] = x if n == 1.0 else s[5] + weight * (x - s[5])
    s[6] = weight * weight + keep * (1.0 if n == 1.0 else s[6])
    s[0] = 0.0
    hddm_w_side(x, s, o, n, 1.0, kernel.UP)
    if o[1] > 0.0:
        hddm_w_side(x, s, o, n, -1.0, kernel.DOWN)


def hddm_w_side(x: Floats, s: Floats, o: Any, n: float, way: float, at: int) -> None:
    weight, keep = o[2], (1.0 - o[2]) * (1.0 - o[2])
    cut, mean, spread, since, spread_since, taken = s[at : at + 6]
    reach = way * s[5] + np.sqrt(s[6] * o[0] / 2.0)
    anew = reach < cut if n > 1.0 else np.full(reach.shape, True)
    cut[anew], mean[anew], spread[anew] = reach[anew], way * s[5][anew], s[6][anew]
    moved = np.where(taken == 0.0, way * x, since + weight * (way * x - since))
    since[:] = np.where(anew, 0.0, moved)
    spread_since[:] = np.where(anew, 1.0, weight * weight + keep * spread_since)
    taken[:] = np.where(anew, 0.0, taken + 1.0)
    more = since - mean
    found = 2.0 * more * more / (spread + spread_since)
    s[0] = np.where(~anew & (more > 0.0) & (found > s[0]), found, s[0])


def adwin(x: Floats, s: Floats, o: Any, n: float) -> None:
    if n > 1.0:
        off = x - s[window.SUM] / (n - 1.0)
        s[window.SPREAD] += (n - 1.0) * off * off / n
    s[window.SUM] += x
    counts = s[window.COUNTS :, 0]  # of all rows
    s[window.SUMS + int(counts[0])] = x
    s[window.COUNTS] += 1.0
    r = 0
    while counts[r] > window.BUCKETS:
        j = window.SUMS + r * (window.BUCKETS + 1)
        s[j + window.BUCKETS + 1 + int(counts[r + 1])] = s[j] + s[j + 1]
        s[j : j + window.BUCKETS - 1] = s[j + 2 : j + window.BUCKETS + 1].copy()
        s[window.COUNTS + r + 1] += 1.0
        s[window.COUNTS + r] -= 2.0
        r += 1
    if n % o[0] == 0.0 and n > window.GRACE_VALUES:
        look(s, n)


def look(s: Floats, width: float) -> None:
    best, total = np.zeros(s.shape[1]), s[window.SUM]
    variance = np.maximum(s[window.SPREAD], 0.0) / width
    n0, n1, u0, u1 = 0.0, width, np.zeros(s.shape[1]), total
    for r in reversed(range(window.ROWS)):
        n = 2.0**r
        for k in range(int(s[window.COUNTS + r, 0])):
            sum_of = s[window.SUMS + r * (window.BUCKETS + 1) + k]
            n0, n1, u0, u1 = n0 + n, n1 - n, u0 + sum_of, u1 - sum_of
            if n1 >= window.SHORTEST and n0 >= window.SHORTEST:
                share = 1.0 / (n0 - window.SHORTEST + 1.0) + 1.0 / (n1 - window.SHORTEST + 1.0)
                off, bend = np.abs(u0 / n0 - u1 / n1), np.sqrt(2.0 * share * variance)
                root = 2.0 * off / (bend + np.sqrt(bend * bend + 8.0 / 3.0 * share * off))
                best = np.where(off > 0.0, np.maximum(best, root), best)
    s[0] = np.maximum(0.0, best * best - math.log(math.log(width)))


STEPS: dict[int, Step] = {
    kernel.CUSUM: cusum,
    kernel.PAGE_HINKLEY: page_hinkley,
    kernel.DDM: ddm,
    kernel.HDDM_A: hddm_a,
    kernel.HDDM_W: hddm_w,
    kernel.ADWIN: adwin,
}


def tops(
    chart: int,
    o: Any,
    low: float,
    high: float,
    means: Floats,
    scales: Floats,
    rows: Floats,
    primed: int,
    s: Floats,
    out: Floats,
) -> None:
    """`charts_kernel.tops`."""
    state, size = np.zeros((s.shape[0], rows.shape[0])), (rows.shape[1] - primed) // out.shape[1]
    values, found, take = np.ascontiguousarray(rows.T), np.zeros(out.shape[::-1]), STEPS[chart]
    values -= means
    values /= scales
    np.clip(values, low, high, out=values)
    for at in range(values.shape[0]):
        if at == primed:
            state[kernel.STATISTIC] = 0.0
        take(values[at], state, o, at + 1.0)
        if at >= primed:
            piece = found[(at - primed) // size]
            np.maximum(piece, state[kernel.STATISTIC], out=piece)
    out[:] = found.T


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
    """`charts_kernel.walk` on lists, which are quicker while nothing is compiled."""
    state = s.tolist()
    at = kernel.walk(chart, o, low, high, mean, scale, row.tolist(), start, state, most)
    s[:] = state
    return at
