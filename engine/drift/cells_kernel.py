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


def part(measure: int, known: float, n: float, count: float, w: float) -> int:
    """What a cell adds, with `known` of n values of the reference and `count` of w of the window in it."""
    usual, share = max(known, HALF) / n, count / w
    if measure == CHI_SQUARE:
        gap = count - w * usual
        return int(gap * gap / (w * usual) * ONE)
    if measure == STABILITY:
        share = max(count, HALF) / w
        return int((share - usual) * (log(share) - log(usual)) * ONE)
    middle = (usual + share) / 2.0
    half = usual * (log(usual) - log(middle))
    if count > 0.0:
        half += share * (log(share) - log(middle))
    return int(half / 2.0 * ONE)


def total(measure: int, known: Floats, n: float, counts: Floats, w: float) -> int:
    """The sum over all cells."""
    found = 0
    for i in range(known.size):
        found += part(measure, known[i], n, counts[i], w)
    return found


def enter(
    measure: int, known: Floats, n: float, counts: Floats, w: float, came: int, gone: int, found: int,
) -> int:
    """One value more in a cell and one less in another; return what the sum is then."""
    if came == gone:
        return found
    found -= part(measure, known[came], n, counts[came], w) + part(measure, known[gone], n, counts[gone], w)
    counts[came] += 1.0
    counts[gone] -= 1.0
    found += part(measure, known[came], n, counts[came], w) + part(measure, known[gone], n, counts[gone], w)
    return found


def tops(
    measure: int, known: Floats, n: float, codes: Codes, w: int, highest: Floats,
) -> None:
    """The largest measure in each piece of stretches of codes, behind the window that fills first.

    Each row of `known` is the reference of a row of codes.
    """
    pieces = highest.shape[1]
    size = (codes.shape[1] - w) // pieces
    counts = np.zeros(known.shape[1])
    for path in range(codes.shape[0]):
        counts[:] = 0.0
        for t in range(w):
            counts[codes[path, t]] += 1.0
        found = total(measure, known[path], n, counts, float(w))
        t = w
        for piece in range(pieces):
            most = 0
            for _ in range(size):
                came, gone = codes[path, t], codes[path, t - w]
                found = enter(measure, known[path], n, counts, float(w), came, gone, found)
                most = max(most, found)
                t += 1
            highest[path, piece] = most / ONE


def follow(
    measure: int, values: Floats, t: int, names: Floats, known: Floats, n: float, ring: Codes, counts: Floats,
    has: Ints, need: int,
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
            counts[code] += 1.0
            if seen == w - 1:
                has[1] = total(measure, known, n, counts, float(w))
        else:
            has[1] = enter(measure, known, n, counts, float(w), code, int(ring[place]), has[1])
        ring[place] = code
        has[0] = seen + 1
        if seen + 1 >= w and has[1] >= need:
            break
    return t
