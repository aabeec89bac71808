"""`cells_kernel.py` in numpy's loops, for as long as it is not compiled: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.drift.detectors.cells_kernel import (
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


def part(measure: int, usual: Any, of_usual: Any, count: Ints, shares: Floats, of_shares: Floats) -> Ints:
    """As `cells_kernel.part`."""
    share, of_share = shares[count], of_shares[count]
    if measure == CHI_SQUARE:
        gap = share - usual
        found = gap * gap / usual * (shares.size - 1)
    elif measure == STABILITY:
        found = (np.maximum(share, shares[1] * HALF) - usual) * (of_share - of_usual)
    else:
        middle = log((usual + share) / 2.0)
        found = (usual * (of_usual - middle) + share * (of_share - middle)) / 2.0
    whole: Ints = (found * ONE).astype(np.int64)
    return whole


def tables(w: int) -> tuple[Floats, Floats]:
    """The share of each number of values in a window of w, and its logarithm: of none as of half a value."""
    count = np.arange(w + 1.0)
    return count / w, log(np.maximum(count, HALF) / w)


def shares_of(known: Floats, n: float) -> tuple[Floats, Floats]:
    """The shares of cells in a reference of n values, and their logarithms; none is as half a value."""
    usual = np.maximum(known, HALF) / n
    return usual, log(usual)


def tops(
    measure: int, usual: Floats, of_usual: Floats, shares: Floats, of_shares: Floats, codes: Codes,
    highest: Floats,
) -> None:  # fmt: skip
    """As `cells_kernel.tops`: all stretches side by side."""
    row, w = np.arange(len(usual)), shares.size - 1
    inside = np.apply_along_axis(np.bincount, 1, codes[:, :w], minlength=usual.shape[1])
    found = part(measure, usual, of_usual, inside, shares, of_shares).sum(axis=1)
    size = (codes.shape[1] - w) // highest.shape[1]
    most = np.zeros(len(usual), np.int64)
    for t in range(w, w + size * highest.shape[1]):
        for cell, step in ((codes[:, t - w], -1), (codes[:, t], 1)):
            own, count = (usual[row, cell], of_usual[row, cell]), inside[row, cell]
            found -= part(measure, *own, count, shares, of_shares)
            found += part(measure, *own, count + step, shares, of_shares)
            inside[row, cell] += step
        np.maximum(most, found, out=most)
        if (t - w + 1) % size == 0:
            highest[:, (t - w) // size] = most / ONE
            most[:] = 0


def follow(
    measure: int, usual: Floats, of_usual: Floats, shares: Floats, of_shares: Floats, names: Floats,
    values: Floats, t: int, ring: Codes, counts: Ints, has: Ints, need: int,
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
        inside = np.zeros((at.size - first + 1, usual.size), np.int64)
        start = line[old.size + first - w : old.size + first]
        inside[0] = np.bincount(start, minlength=usual.size)
        row = np.arange(1, len(inside))
        np.add.at(inside, (row, codes[first:]), 1)
        np.add.at(inside, (row, line[old.size + first - w : line.size - w]), -1)
        sums = part(measure, usual, of_usual, inside.cumsum(axis=0), shares, of_shares).sum(axis=1)
        raised = np.flatnonzero(sums >= need)
        taken = first + int(raised[0]) if raised.size else at.size
        has[1] = sums[taken - first]
    else:
        raised, taken = np.empty(0, np.int64), at.size
    ring[np.arange(seen, seen + taken)[-w:] % w] = codes[:taken][-w:]
    has[0] = seen + taken
    counts[:] = np.bincount(line[max(old.size + taken - w, 0) : old.size + taken], minlength=usual.size)
    return int(at[taken - 1]) + 1 if raised.size else values.size


def coded(names: Floats, values: Floats) -> Codes:
    """The cells of values: the place of each among the names, the last one for those that are not there."""
    places = np.searchsorted(names, values)
    known = names[np.minimum(places, names.size - 1)] == values
    return np.where(known, places, names.size).astype(np.uint16)
