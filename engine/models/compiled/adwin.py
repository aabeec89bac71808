"""ADWIN in a kernel: an adaptive window over a stream of numbers, after Bifet and Gavalda (2007).

The window is kept as exponential histograms: row r holds buckets of 2**r values, at most `max_buckets` and
one more, each with its sum and its variance. River's is written in Rust (BSD-3, `drift/adwin.py`); this one
follows it in every operation, and takes and gives the bytes of its state.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numpy as np

from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.jit import kernel
from engine.models.compiled.step import Unsupported

ROWS = 40  # room for 6 * 2**40 values
SUM, SPREAD, WIDTH, ALL_WIDTHS, BUCKETS, BUCKETS_MAX, TICKS, FOUND, IN_USE = range(9)  # of `totals`
DELTA, CLOCK, MAX_BUCKETS, SHORTEST, GRACE_VALUES = range(5)  # of parameters

HEAD, ROW, TAIL = "<dIQdddddd4IQ", "<QQQ", "<dIQII"


class Windows(NamedTuple):
    """Windows by number."""

    totals: Floats
    counts: Ints  # of buckets, by row
    sums: Floats  # of each bucket, by row
    spreads: Floats


def empty(size: int, max_buckets: int) -> Windows:
    """Empty ones."""
    buckets = (size, ROWS, max_buckets + 1)
    totals = np.zeros((size, 9))
    totals[:, IN_USE] = 1.0
    return Windows(totals, np.zeros((size, ROWS), np.int64), np.zeros(buckets), np.zeros(buckets))


@kernel
def forget_all(windows: Windows, d: int) -> None:
    """Begin anew."""
    for j in range(windows.totals.shape[1]):
        windows.totals[d, j] = 0.0
    windows.totals[d, IN_USE] = 1.0
    for r in range(windows.counts.shape[1]):
        windows.counts[d, r] = 0
        for k in range(windows.sums.shape[2]):
            windows.sums[d, r, k] = 0.0
            windows.spreads[d, r, k] = 0.0


@kernel
def shift(windows: Windows, d: int, r: int) -> None:
    """Drop the oldest bucket of a row."""
    n = windows.counts[d, r] - 1
    for j in range(n):
        windows.sums[d, r, j] = windows.sums[d, r, j + 1]
        windows.spreads[d, r, j] = windows.spreads[d, r, j + 1]
    windows.sums[d, r, n] = 0.0
    windows.spreads[d, r, n] = 0.0
    windows.counts[d, r] = n


@kernel
def insert(windows: Windows, d: int, x: float, max_buckets: float) -> None:
    """Take a value, and merge the two oldest buckets of each row that is full."""
    totals = windows.totals
    totals[d, BUCKETS] += 1.0
    totals[d, BUCKETS_MAX] = max(totals[d, BUCKETS_MAX], totals[d, BUCKETS])
    windows.sums[d, 0, windows.counts[d, 0]] = x
    windows.spreads[d, 0, windows.counts[d, 0]] = 0.0
    windows.counts[d, 0] += 1
    totals[d, WIDTH] += 1.0
    width = totals[d, WIDTH]
    if width > 1.0:
        mean = totals[d, SUM] / (width - 1.0)
        totals[d, SPREAD] += (width - 1.0) * (x - mean) * (x - mean) / width
    totals[d, SUM] += x
    r = 0
    while r < totals[d, IN_USE] and windows.counts[d, r] == max_buckets + 1.0:
        if r + 1 == totals[d, IN_USE]:
            totals[d, IN_USE] += 1.0
        n = 2.0**r
        first, second = windows.sums[d, r, 0] / n, windows.sums[d, r, 1] / n
        more = n * n * (first - second) * (first - second) / (n + n)
        j = windows.counts[d, r + 1]
        windows.sums[d, r + 1, j] = windows.sums[d, r, 0] + windows.sums[d, r, 1]
        windows.spreads[d, r + 1, j] = windows.spreads[d, r, 0] + windows.spreads[d, r, 1] + more
        windows.counts[d, r + 1] = j + 1
        totals[d, BUCKETS] += 1.0
        for _ in range(2):
            shift(windows, d, r)
        r += 1


@kernel
def drop_oldest(windows: Windows, d: int) -> None:
    """Forget the oldest bucket."""
    totals = windows.totals
    r = int(totals[d, IN_USE]) - 1
    n, u = 2.0**r, windows.sums[d, r, 0]
    totals[d, WIDTH] -= n
    totals[d, SUM] -= u
    mean, rest = u / n, totals[d, SUM] / totals[d, WIDTH]
    more = n * totals[d, WIDTH] * (mean - rest) * (mean - rest) / (n + totals[d, WIDTH])
    totals[d, SPREAD] -= windows.spreads[d, r, 0] + more
    shift(windows, d, r)
    totals[d, BUCKETS] -= 1.0
    if windows.counts[d, r] == 0:
        totals[d, IN_USE] -= 1.0


@kernel
def differs(windows: Windows, d: int, delta: float, shortest: float) -> bool:
    """Whether somewhere the older part of the window differs from the newer."""
    width, spread = windows.totals[d, WIDTH], windows.totals[d, SPREAD]
    n0, n1, u0, u1 = 0.0, width, 0.0, windows.totals[d, SUM]
    r = int(windows.totals[d, IN_USE]) - 1
    while r >= 0:
        n = 2.0**r
        for k in range(windows.counts[d, r]):
            if r == 0 and k == windows.counts[d, 0] - 1:
                return False  # nothing newer is left
            n0 += n
            n1 -= n
            u0 += windows.sums[d, r, k]
            u1 -= windows.sums[d, r, k]
            if n1 >= shortest and n0 >= shortest:
                log = math.log(2.0 * math.log(width) / delta)
                share = 1.0 / (n0 - shortest + 1.0) + 1.0 / (n1 - shortest + 1.0)
                bound = math.sqrt(2.0 * share * (spread / width) * log) + 2.0 / 3.0 * log * share
                if abs(u0 / n0 - u1 / n1) > bound:
                    return True
        r -= 1
    return False


@kernel
def update(windows: Windows, d: int, x: float, parameters: Floats, p: int) -> bool:
    """Take a value; whether a change is found, in which case the window has shrunk."""
    insert(windows, d, x, parameters[p, MAX_BUCKETS])
    totals, found = windows.totals, False
    totals[d, TICKS] += 1.0
    if totals[d, TICKS] % parameters[p, CLOCK] == 0.0 and totals[d, WIDTH] > parameters[p, GRACE_VALUES]:
        while differs(windows, d, parameters[p, DELTA], parameters[p, SHORTEST]):
            found = True
            drop_oldest(windows, d)
    totals[d, ALL_WIDTHS] += totals[d, WIDTH]
    if found:
        totals[d, FOUND] += 1.0
    return found


# -- River's ADWIN and back --------------------------------------------------------------------------------


def parameters_of(detector: Any) -> list[float]:
    return [
        *(detector.delta, detector.clock, detector.max_buckets),
        *(detector.min_window_length, detector.grace_period),
    ]


def load(windows: Windows, d: int, detector: Any) -> None:
    """Take the state of one of River's."""
    state = detector._helper.__getstate__()
    head = struct.unpack_from(HEAD, state)
    windows.totals[d] = head[5:14]
    at = struct.calcsize(HEAD)
    if detector.drift_detected or head[13] > ROWS or head[2] >= windows.sums.shape[2]:
        raise Unsupported("this state of ADWIN has no compiled form")
    for r in range(head[13]):
        _, windows.counts[d, r], n = struct.unpack_from(ROW, state, at)
        windows.sums[d, r, :n] = np.frombuffer(state, np.float64, n, at + 24)
        windows.spreads[d, r, :n] = np.frombuffer(state, np.float64, n, at + 32 + 8 * n)
        at += 32 + 16 * n
    if at + struct.calcsize(TAIL) != len(state):
        raise Unsupported("this state of ADWIN has no compiled form")


def build(windows: Windows, d: int, model: Any) -> Any:
    """A detector of River's with the parameters of `model` and the window's state."""
    made, n = model.clone(), model.max_buckets + 1
    parameters = parameters_of(model)
    reals, whole = windows.totals[d, :4].tolist(), [int(value) for value in windows.totals[d, 4:].tolist()]
    parts = [struct.pack(HEAD, *parameters, *reals, *whole)]
    for r in range(whole[-1]):
        parts.append(struct.pack(ROW, model.max_buckets, windows.counts[d, r], n))
        parts += [windows.sums[d, r, :n].tobytes(), struct.pack("<Q", n), windows.spreads[d, r, :n].tobytes()]
    parts.append(struct.pack(TAIL, *parameters))
    made._helper.__setstate__(b"".join(parts))
    return made
