"""`cells_kernel.py` in numpy's loops, for as long as it is not compiled: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.drift.cells_kernel import (
    CHI_SQUARE,
    HALF,
    LOG_2,
    LOG_ROOT,
    ONE,
    ROOT,
    STABILITY,
    Codes,
    Floats,
    Ints,
)  # fmt: skip


def log(x: Any) -> Any:
    """As `cells_kernel.log`."""
    mantissa, exponent = np.frexp(x)
    s = (mantissa - ROOT) / (mantissa + ROOT)
    q = s * s
    low = 1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q / 15)))))
    return exponent * LOG_2 + (LOG_ROOT + 2.0 * s * (1.0 + q * low))


def part(measure: int, known: Any, n: float, count: Any, w: float) -> Ints:
    """As `cells_kernel.part`."""
    usual, share = np.maximum(known, HALF) / n, count / w
    if measure == CHI_SQUARE:
        gap = count - w * usual
        found = gap * gap / (w * usual)
    elif measure == STABILITY:
        share = np.maximum(count, HALF) / w
        found = (share - usual) * (log(share) - log(usual))
    else:
        middle = (usual + share) / 2.0
        own = np.where(count > 0, share * (log(np.where(count > 0, share, 1.0)) - log(middle)), 0.0)
        found = (usual * (log(usual) - log(middle)) + own) / 2.0
    whole: Ints = (found * ONE).astype(np.int64)
    return whole


def tops(measure: int, known: Floats, n: float, codes: Codes, w: int, highest: Floats) -> None:
    """As `cells_kernel.tops`: all stretches side by side."""
    paths, cells = known.shape
    row = np.arange(paths)
    counts = np.zeros((paths, cells))
    for t in range(w):
        counts[row, codes[:, t]] += 1.0
    found = part(measure, known, n, counts, float(w)).sum(axis=1)
    size = (codes.shape[1] - w) // highest.shape[1]
    most = np.zeros(paths, np.int64)
    for t in range(w, w + size * highest.shape[1]):
        came, gone = codes[:, t], codes[:, t - w]
        for cell, step in ((came, 1.0), (gone, -1.0)):
            found -= part(measure, known[row, cell], n, counts[row, cell], float(w))
            counts[row, cell] += step
            found += part(measure, known[row, cell], n, counts[row, cell], float(w))
        np.maximum(most, found, out=most)
        if (t - w + 1) % size == 0:
            highest[:, (t - w) // size] = most / ONE
            most[:] = 0


def follow(
    measure: int, values: Floats, t: int, names: Floats, known: Floats, n: float, ring: Codes, counts: Floats,
    has: Ints, need: int,
) -> int:  # fmt: skip
    """As `cells_kernel.follow`."""
    w = ring.size
    at = np.flatnonzero(values[t:] == values[t:]) + t
    codes = coded(names, values[at])
    seen = int(has[0])
    old = ring[np.arange(max(seen - w, 0), seen) % w]
    line = np.concatenate([old, codes])
    first = max(w - seen, 1)  # of these values, the first behind which the window is full
    if at.size >= first:
        inside = np.zeros((at.size - first + 1, known.size), np.int64)
        start = line[old.size + first - w : old.size + first]
        inside[0] = np.bincount(start, minlength=known.size)
        row = np.arange(1, len(inside))
        np.add.at(inside, (row, codes[first:]), 1)
        np.add.at(inside, (row, line[old.size + first - w : line.size - w]), -1)
        sums = part(measure, known, n, inside.cumsum(axis=0).astype(np.float64), float(w)).sum(axis=1)
        raised = np.flatnonzero(sums >= need)
        taken = first + int(raised[0]) if raised.size else at.size
        has[1] = sums[taken - first]
    else:
        raised, taken = np.empty(0, np.int64), at.size
    ring[np.arange(seen, seen + taken)[-w:] % w] = codes[:taken][-w:]
    has[0] = seen + taken
    counts[:] = np.bincount(line[max(old.size + taken - w, 0) : old.size + taken], minlength=known.size)
    return int(at[taken - 1]) + 1 if raised.size else values.size


def coded(names: Floats, values: Floats) -> Codes:
    """The cells of values: the place of each among the names, the last one for those that are not there."""
    places = np.searchsorted(names, values)
    known = names[np.minimum(places, names.size - 1)] == values
    return np.where(known, places, names.size).astype(np.uint16)
