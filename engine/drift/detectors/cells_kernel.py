"""How far the shares of a window lie from those of a reference, after every value: inner loops.

Values are put into cells; the last one is for all that the reference hardly knew. Each of the measures here
is a sum over cells of something that depends on how many values of the reference and of the window are in the
cell. It is kept as a whole number of 2**-32, so that the sum is the same in whatever order its parts came and
went: a value that comes and one that goes change four of them.

Logarithms are made of sums and products only: they are the same bits everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint16]

CHI_SQUARE, STABILITY, JENSEN_SHANNON = range(3)  # measures
ONE = float(1 << 32)
ROOT, LOG_ROOT, LOG_2 = 0.7071067811865476, -0.34657359027997264, 0.6931471805599453
HALF = 0.5  # a value, where there is none: shares have no logarithm of nothing

# fmt: off


def log(x: float) -> float:
    """The natural logarithm of a positive number."""
    mantissa, exponent = math.frexp(x)
    s = (mantissa - ROOT) / (mantissa + ROOT)
    q = s * s
    low = 1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q / 15)))))
    return exponent * LOG_2 + (LOG_ROOT + 2.0 * s * (1.0 + q * low))


def part(measure: int, usual: float, of_usual: float, count: int, shares: Floats, of_shares: Floats) -> int:
    """What a cell adds whose share was `usual` and that has `count` values of the window.

    `shares` are those of so many values, and `of_...` logarithms.
    """
    if measure == CHI_SQUARE:
        gap = shares[count] - usual
        return int(gap * gap / usual * (shares.size - 1) * ONE)
    if measure == STABILITY:
        return int((max(shares[count], shares[1] * HALF) - usual) * (of_shares[count] - of_usual) * ONE)
    middle = log((usual + shares[count]) / 2.0)
    return int((usual * (of_usual - middle) + shares[count] * (of_shares[count] - middle)) / 2.0 * ONE)


def total(
    measure: int, usual: Floats, of_usual: Floats, counts: Ints, shares: Floats, of_shares: Floats,
) -> int:
    """The sum over all cells."""
    found = 0
    for i in range(usual.size):
        found += part(measure, usual[i], of_usual[i], counts[i], shares, of_shares)
    return found


def enter(
    measure: int, usual: Floats, of_usual: Floats, counts: Ints, shares: Floats, of_shares: Floats,
    came: int, gone: int,
) -> int:
    """One value more in a cell and one less in another; return what the sum gains by it."""
    if came == gone:
        return 0
    a, b = counts[came], counts[gone]
    counts[came], counts[gone] = a + 1, b - 1
    x, of_x, y, of_y = usual[came], of_usual[came], usual[gone], of_usual[gone]
    before = part(measure, x, of_x, a, shares, of_shares) + part(measure, y, of_y, b, shares, of_shares)
    now = part(measure, x, of_x, a + 1, shares, of_shares) + part(measure, y, of_y, b - 1, shares, of_shares)
    return now - before


def tops(
    measure: int, usual: Floats, of_usual: Floats, shares: Floats, of_shares: Floats, codes: Codes,
    highest: Floats,
) -> None:
    """The largest measure in each piece of stretches of codes, behind the window that fills first.

    Each row of `usual` is the reference of a row of codes.
    """
    pieces, w = highest.shape[1], shares.size - 1
    size = (codes.shape[1] - w) // pieces
    counts = np.zeros(usual.shape[1], np.int64)
    for path in range(codes.shape[0]):
        own, of_own, line = usual[path], of_usual[path], codes[path]
        counts[:] = 0
        for t in range(w):
            counts[line[t]] += 1
        found = total(measure, own, of_own, counts, shares, of_shares)
        t = w
        for piece in range(pieces):
            most = 0
            for _ in range(size):
                found += enter(measure, own, of_own, counts, shares, of_shares, line[t], line[t - w])
                most = max(most, found)
                t += 1
            highest[path, piece] = most / ONE


def follow(
    measure: int, usual: Floats, of_usual: Floats, shares: Floats, of_shares: Floats, names: Floats,
    values: Floats, t: int, ring: Codes, counts: Ints, has: Ints, need: int,
) -> int:
    """Take values of a signal up to an alarm; return where to go on.

    `has` is how many values there were, and the sum.
    """
    w, others = ring.size, names.size
    while t < values.size:
        x = values[t]
        t += 1
        if x != x:
            continue
        code = np.searchsorted(names, x)
        if code == others or names[code] != x:
            code = others
        seen = has[0]
        place = seen % w
        if seen < w:
            counts[code] += 1
            if seen == w - 1:
                has[1] = total(measure, usual, of_usual, counts, shares, of_shares)
        else:
            gone = int(ring[place])
            has[1] += enter(measure, usual, of_usual, counts, shares, of_shares, code, gone)
        ring[place] = code
        has[0] = seen + 1
        if seen + 1 >= w and has[1] >= need:
            break
    return t
