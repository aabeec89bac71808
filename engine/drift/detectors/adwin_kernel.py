"""ADWIN's window, and how much its older part differs from its newer.

The window is an exponential histogram: row r holds up to five buckets of 2**r values, each with its
sum. River's ADWIN (BSD-3, written in Rust) asks at every clock tick of every cut between buckets
whether |mean before - mean behind| > sqrt(2 share variance log) + 2/3 share log, where share follows from
the sizes of both parts and log = ln(2 ln(n) / delta). Solved for the logarithm the same inequality gives a
statistic, ln(2 / delta) of the smallest delta at which there would be an alarm; up to the first alarm
nothing is dropped, so it does not depend on delta, and the buckets need no variances of their own.
"""

from __future__ import annotations

import math
from typing import Any

WIDTH, SUM, SPREAD, TICKS, IN_USE = range(5, 10)
ROWS, BUCKETS = 28, 5  # room for 2**30 values; then the oldest are forgotten
COUNTS = 10
SUMS = COUNTS + ROWS
REALS = SUMS + ROWS * (BUCKETS + 1)
SHORTEST, GRACE_VALUES = 5.0, 10.0


def insert(x: float, s: Any) -> None:
    """Put a bucket of one value at the end, and merge the two oldest of each row that is full."""
    s[SUMS + int(s[COUNTS])] = x
    s[COUNTS] += 1.0
    s[IN_USE] = max(s[IN_USE], 1.0)
    r, n = 0, 1.0
    while s[COUNTS + r] > BUCKETS:
        j = SUMS + r * (BUCKETS + 1)
        if r + 1 == ROWS:
            s[WIDTH] -= 2.0 * n
            s[SUM] -= s[j] + s[j + 1]
        else:
            s[SUMS + (r + 1) * (BUCKETS + 1) + int(s[COUNTS + r + 1])] = s[j] + s[j + 1]
            s[COUNTS + r + 1] += 1.0
            s[IN_USE] = max(s[IN_USE], r + 2.0)
        for i in range(BUCKETS - 1):
            s[j + i] = s[j + i + 2]
        s[COUNTS + r] -= 2.0
        r, n = min(r + 1, ROWS - 1), n + n


def look(s: Any) -> None:
    """The largest statistic over all cuts."""
    width, best = s[WIDTH], 0.0
    variance = max(s[SPREAD], 0.0) / width
    n0, n1, u0, u1 = 0.0, width, 0.0, s[SUM]
    r = int(s[IN_USE]) - 1
    n = 2.0**r
    while r >= 0:
        for k in range(int(s[COUNTS + r])):
            sum_of = s[SUMS + r * (BUCKETS + 1) + k]
            n0 += n
            n1 -= n
            u0 += sum_of
            u1 -= sum_of
            if n1 >= SHORTEST and n0 >= SHORTEST:
                share = 1.0 / (n0 - SHORTEST + 1.0) + 1.0 / (n1 - SHORTEST + 1.0)
                off, bend = abs(u0 / n0 - u1 / n1), math.sqrt(2.0 * share * variance)
                if off > 0.0:
                    root = 2.0 * off / (bend + math.sqrt(bend * bend + 8.0 / 3.0 * share * off))
                    if root > best:
                        best, s[2] = root, n1
                        s[1] = 1.0 if u1 / n1 > u0 / n0 else -1.0
        r -= 1
        n /= 2.0
    s[0] = max(0.0, best * best - math.log(math.log(width)))


def adwin(x: float, s: Any, o: Any) -> None:
    """Take a value; at each o[0]-th one look at all cuts."""
    width = s[WIDTH]
    if width > 0.0:
        off = x - s[SUM] / width
        s[SPREAD] += width * off * off / (width + 1.0)
    s[WIDTH] = width + 1.0
    s[SUM] += x
    s[TICKS] += 1.0
    s[2] += 1.0
    insert(x, s)
    if s[TICKS] >= o[0]:
        s[TICKS] = 0.0
        if s[WIDTH] > GRACE_VALUES:
            look(s)
