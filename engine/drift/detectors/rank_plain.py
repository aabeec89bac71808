"""`rank_kernel` while it is not compiled: the same results to the bit, in numpy's loops.

A signal's values are taken in runs: of values that were there before, whose ranks can be had at once, and of
bets between which no histogram is freshened.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.detectors import rank_kernel as kernel

Tuple = Any  # of arrays
AT_ONCE = 64  # values whose order is looked at in pairs


def rank(row: Floats, begin: int, kept: Tuple, above: Any, order: Tuple) -> None:
    """As the kernel."""
    _, _, outer, inner, tally = kept
    lows, ups, sizes = order
    ups[begin:] = -1
    columns = begin + np.flatnonzero(~np.isnan(row[begin:]))
    tally[kernel.TAKEN] += len(columns)
    while len(columns):
        columns = columns[_counted(row, columns[:AT_ONCE], kept, order) :]
        if len(columns) and (at := _new(row[columns[0]], kept)) >= 0:
            column, seen, span = columns[0], tally[kernel.SEEN], 2 * at >> kernel.SHIFT
            sign = -1 if tally[kernel.HELD] == 2 else 1
            lows[column] = outer[span] + inner[span, 2 * at & (kernel.SPAN - 1)]
            ups[column], sizes[column] = lows[column] if seen else -1, sign * (seen + 1)
            insert(kept, at, row[column])
            tally[kernel.SEEN] += 1
            columns = columns[1:]


def _new(value: float, kept: Tuple) -> int:
    """Where a value has to be inserted; -1 if it hasn't."""
    values, _, outer, inner, tally = kept
    at = int(np.searchsorted(values[: tally[kernel.HELD]], value))
    if values[at] == value or tally[kernel.SEEN] >= kernel.COUNTED_MAX:
        return -1
    flat = (outer[: kernel.SPANS, None] + inner).reshape(-1)
    return at if flat[2 * at] == flat[2 * at + 1] else -1


def _counted(row: Floats, columns: Ints, kept: Tuple, order: Tuple) -> int:
    """Take values up to the first that has to be inserted; how many these were."""
    values, _, outer, inner, tally = kept
    lows, ups, sizes = order
    held, seen = int(tally[kernel.HELD]), int(tally[kernel.SEEN])
    at = np.searchsorted(values[:held], row[columns])
    places = 2 * at + (values[at] == row[columns])
    flat = (outer[: kernel.SPANS, None] + inner).reshape(-1)
    count, counting = len(columns), seen < kernel.COUNTED_MAX
    if counting:
        new = np.flatnonzero((places % 2 == 0) & (flat[places] == flat[places + 1]))
        count = min(int(new[0]) if len(new) else count, kernel.COUNTED_MAX - seen)
    if not count:
        return 0
    places, columns = places[:count], columns[:count]
    low, up = flat[places].astype(np.int64), flat[places + 1].astype(np.int64)
    size = np.full(count, seen + 1)
    if counting:
        before = np.tri(count, k=-1, dtype=bool)
        low += ((places < places[:, None]) & before).sum(1)
        up += ((places <= places[:, None]) & before).sum(1)
        size += np.arange(count)
        flat[1:] += np.cumsum(np.bincount(places, minlength=len(flat)))[:-1].astype(np.int32)
        kernel.spread(kept, flat)
        tally[kernel.SEEN] += count
    lows[columns], sizes[columns] = low, -size if held == 2 else size
    ups[columns] = np.where(up - low < size - 1, up, -1)
    return count


def evict(kept: Tuple, flat: Ints, at: int) -> int:
    """As the kernel."""
    values, _, _, _, tally = kept
    held, seen = int(tally[kernel.HELD]), flat[-1]
    low, up = flat[0 : 2 * held : 2], flat[3 : 2 * held + 3 : 2]
    worth = (up - low) / (np.minimum(low + up, 2 * seen - low - up) + kernel.ENDS * seen)
    worth[[each for each in (at - 1, at) if 0 <= each < held]] = np.inf
    which = int(worth.argmin())
    values[which : held - 1] = values[which + 1 : held].copy()
    values[held - 1] = np.nan
    flat[2 * which + 1 : -2] = flat[2 * which + 3 :].copy()
    tally[kernel.HELD] = held - 1
    return which


insert = FunctionType(kernel.insert.__code__, {**vars(kernel), "evict": evict}, "insert")


def bet(
    begin: int,
    limit: float,
    order: Tuple,
    totals: Floats,
    standing: Floats,
    signal: int,
    own: Tuple,
    tables: Tuple,
) -> int:
    """As the kernel."""
    charts, learners, heights, sums, bets, fresh, ring, tally = own
    taken, told, found = np.flatnonzero(order[1][begin:] >= 0), [standing[signal : signal + 1].copy()], -1
    lows, ups, sizes = (each[begin:][taken] for each in order)
    ranks, fixed = _odds([lows, ups, abs(sizes)], tables)
    first, end, middle, *bins = ranks
    start, weights = 0, np.hstack(tables[4:6])[(sizes < 0).astype(np.int64)]
    while start < len(taken) and found < 0:
        steps = int(tally[kernel.STEPS])
        now = slice(start, start + kernel.FRESH - steps % kernel.FRESH)
        odds = np.hstack([fixed[now], _learned(bets, *(each[now] for each in bins))])
        rows = _won(np.concatenate([charts, learners]), weights[now], odds)
        total = _totals(rows)
        over = np.flatnonzero(total >= limit)
        count = int(over[0]) + 1 if len(over) else len(total)
        if len(over):
            found = begin + int(taken[start + count - 1])
        now = slice(start, start + count)
        charts[:], learners[:] = np.split(rows[count - 1], [len(charts)])
        fresh += np.bincount(middle[now], minlength=kernel.BINS)
        ring[np.arange(steps, steps + count) % kernel.RING] = first[now] << 8 | end[now]
        tally[kernel.STEPS] += count
        if (steps + count) % kernel.FRESH == 0:
            _freshen(heights, sums, bets, fresh, tables)
        told.append(total[:count])
        start += count
    every = np.concatenate(told)
    totals[begin:] = every[np.minimum(np.cumsum(order[1][begin:] >= 0), len(every) - 1)]
    standing[signal] = every[-1]
    return found


def _odds(order: list[Ints], tables: Tuple) -> tuple[list[Any], Floats]:
    """Where each rank lies, on the grid and in the histograms, and what the fixed charts win by it."""
    (lows, ups, sizes), (densities, below, edges, cells) = order, tables[:4]
    a, b, per = lows / sizes, (ups + 1) / sizes, sizes / (ups + 1 - lows)
    first = cells[(a * kernel.PARTS).astype(np.int64)].astype(np.int64)
    end = cells[np.minimum((b * kernel.PARTS).astype(np.int64), kernel.PARTS - 1)].astype(np.int64)
    wa = np.minimum((edges[first + 1] - a) * per, 1.0)[:, None]
    odds = wa * densities[first] + (1.0 - wa) * densities[end]
    wide = np.flatnonzero(end - first >= 2)
    if len(wide):
        f, e = first[wide], end[wide]
        ra, rb = (a[wide] - edges[f])[:, None], (b[wide] - edges[e])[:, None]
        odds[wide] = ((below[e] + densities[e] * rb) - (below[f] + densities[f] * ra)) * per[wide, None]
    ka, kb = ((edges[each] * kernel.BINS).astype(np.int64) for each in (first, end))
    ends = a - ka / kernel.BINS, b - kb / kernel.BINS
    middle = ((a + b) * (kernel.BINS / 2)).astype(np.int64)
    return [first, end, middle, ka, kb, wa[:, 0], *ends, per, end - first >= 2], odds


def _learned(
    bets: Floats, ka: Ints, kb: Ints, wa: Floats, ra: Floats, rb: Floats, per: Floats, wide: Any
) -> Floats:
    """What those on histograms win by it."""
    lower, upper = bets[:, ka], bets[:, kb]
    odds = wa * lower + (1.0 - wa) * upper
    if wide.any():
        below = (bets[:, kernel.BINS + kb] + upper * rb) - (bets[:, kernel.BINS + ka] + lower * ra)
        odds = np.where(wide, below * per, odds)
    return odds.T


def _freshen(heights: Floats, sums: Floats, bets: Floats, fresh: Ints, tables: Tuple) -> None:
    decay, prior = tables[6], tables[7]
    sums[:] = sums * decay + kernel.FRESH
    heights[:] = heights * decay[:, None] + fresh
    share = 1.0 / (sums + prior)
    bets[:, : kernel.BINS] = (heights * kernel.BINS + prior[:, None]) * share[:, None]
    bets[:, kernel.BINS + 1 :] = np.cumsum(bets[:, : kernel.BINS - 1] / kernel.BINS, axis=1)
    fresh[:] = 0


def _won(charts: Floats, weights: Floats, odds: Floats) -> Floats:
    """What the charts have behind each bet."""
    rows = np.empty_like(odds)
    for row, anew, each in zip(rows, weights, odds, strict=True):
        np.add(charts, anew, out=row)
        charts = np.multiply(row, each, out=row)
    return rows


def _totals(rows: Floats) -> Floats:
    """What they have together, added up in the kernel's order."""
    p = (rows[:, :8] + rows[:, 8:16]) + (rows[:, 16:24] + rows[:, 24:32])
    q = p[:, :4] + p[:, 4:]
    r = q[:, :2] + q[:, 2:]
    return (r[:, 0] + r[:, 1]) + ((rows[:, 32] + rows[:, 33]) + rows[:, 34])


walk = FunctionType(kernel.walk.__code__, {**vars(kernel), "rank": rank, "bet": bet}, "walk")
