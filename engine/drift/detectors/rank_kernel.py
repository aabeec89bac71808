"""The inner loops of `rank_sr`: from a value to its rank, from ranks to bets won, and from these to alarms.

Written for numba, and run as it stands until numba has compiled it. Loops over the charts and over counts go
as far as an array of their own (`charts`, `outer`) instead of to a constant, since the compiler would
unroll them before it sees that their turns can be taken side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.drift.detector import Floats, Ints

STORED, GROUP = 256, 16  # distinct values that are kept, and how many of them one comparison takes
SPAN, SHIFT = 32, 5  # places whose counts are kept together
SPANS = 17  # 2 * STORED + 1 places, and one behind the last
CHARTS = 32  # on densities that are fixed; those behind the last stay empty
LEARNED = 3  # charts on histograms
BINS = 16
PARTS = 1024  # of (0, 1), each in one cell of the grid
FRESH = 16  # values after which the histograms take what they saw
RING = 1024  # latest ranks that are kept
ENDS = 0.05  # at either end a stored value stands for a twentieth of those in the middle
COUNTED_MAX = 1 << 30  # beyond so many values, more of them would tell nothing
FAR = 1e100
HELD, SEEN, STEPS, TAKEN = 0, 1, 2, 3  # in `tally`: distinct values, all that count, bets, those that came
AT, SIGNAL, BACK, CHART = 0, 1, 2, 3  # in `found`
Bytes = Any  # an array of uint8, uint16 or int32
Tuple = Any  # of arrays


def lower(values: Floats, pivots: Floats, value: float) -> int:
    """How many of the values, which are in order with NaN behind the last, are smaller."""
    groups = 0
    for i in range(pivots.size):
        groups += pivots[i] < value
    group = values[groups * GROUP : groups * GROUP + GROUP]
    at = 0
    for i in range(pivots.size):
        at += group[i] < value
    return groups * GROUP + at


def spread(kept: Tuple, flat: Bytes) -> None:
    """From how many lie below each place to the two arrays that keep it, and the pivots of the values."""
    values, pivots, outer, inner, _ = kept
    for span in range(SPANS):
        outer[span] = flat[span * SPAN]
        inner[span] = flat[span * SPAN : span * SPAN + SPAN] - flat[span * SPAN]
    outer[SPANS:] = flat[SPANS * SPAN - 1]
    for i in range(pivots.size):
        pivots[i] = values[i * GROUP + GROUP - 1]


def leader(charts: Floats, learners: Floats) -> int:
    """The chart that has most; those on histograms come behind the fixed ones."""
    best, most = 0, charts[0]
    for i in range(charts.size + LEARNED):
        held = charts[i] if i < charts.size else learners[i - charts.size]
        if held > most:
            best, most = i, held
    return best


def evict(kept: Tuple, flat: Bytes, at: int) -> int:
    """Let go the stored value that is least worth its place, but not beside gap `at`; which one it was.

    It and the gaps beside it become one gap. Fewest values should be in that, and it may hold the more, the
    farther it is from both ends: what is rare is told apart better than what is common.
    """
    values, _, _, _, tally = kept
    held, seen = tally[HELD], flat[-1]
    least, which = np.inf, 0
    for i in range(held):
        low, up = flat[2 * i], flat[2 * i + 3]
        room = min(low + up, 2 * seen - low - up) + ENDS * seen
        if i != at and i != at - 1 and (up - low) / room < least:
            least, which = (up - low) / room, i
    values[which : held - 1] = values[which + 1 : held].copy()
    values[held - 1] = np.nan
    flat[2 * which + 1 : -2] = flat[2 * which + 3 :].copy()
    tally[HELD] = held - 1
    return which


def insert(kept: Tuple, at: int, value: float) -> None:
    """Put a new value among those stored, seen once, into a gap that was empty; let another go for it."""
    values, _, outer, inner, tally = kept
    flat = np.zeros(SPANS * SPAN, np.int32)
    for span in range(SPANS):
        flat[span * SPAN : span * SPAN + SPAN] = inner[span] + outer[span]
    if tally[HELD] == STORED and evict(kept, flat, at) < at:
        at -= 1
    held = tally[HELD]
    values[at + 1 : held + 1] = values[at:held].copy()
    values[at] = value
    flat[2 * at + 2 :] = flat[2 * at : -2].copy() + 1
    spread(kept, flat)
    tally[HELD] = held + 1


def count(outer: Bytes, inner: Bytes, above: Bytes, place: int) -> None:
    """One more at a place: one more below each place behind it."""
    span = place >> 5
    behind, here = above[span], above[place & 31]
    for i in range(outer.size):
        outer[i] += behind[i]
    row = inner[span]
    for i in range(outer.size):
        row[i] += here[i]


def freshen(heights: Floats, sums: Floats, bets: Floats, fresh: Ints, decay: Floats, prior: Floats) -> None:
    """Let the histograms forget a bit and take what came; `bets` are their densities, and these summed up."""
    for chart in range(LEARNED):
        sums[chart] = sums[chart] * decay[chart] + FRESH
        share = 1.0 / (sums[chart] + prior[chart])
        below = 0.0
        for k in range(BINS):
            heights[chart, k] = heights[chart, k] * decay[chart] + fresh[k]
            bets[chart, k] = (heights[chart, k] * BINS + prior[chart]) * share
            bets[chart, BINS + k] = below
            below += bets[chart, k] / BINS
    fresh[:] = 0


def learned(bets: Floats, k: int, at: float) -> float:
    """How much of a histogram lies below a point of its bin."""
    return float(bets[BINS + k] + bets[k] * (at - k / BINS))


def started(ring: Bytes, steps: int, chart: int, bets: Floats, tables: Tuple) -> int:
    """How many steps ago the change began, if it is what this chart bets on: where that is likeliest."""
    densities, below, edges = tables[0], tables[1], tables[2]
    best, back, product = 0.0, 1, 1.0
    for ago in range(1, min(steps, RING) + 1):
        entry = int(ring[(steps - ago) % RING])
        first, last = entry >> 8, entry & 255
        width = edges[last + 1] - edges[first]
        if chart < CHARTS:
            mass = below[last, chart] - below[first, chart]
            mass += densities[last, chart] * (edges[last + 1] - edges[last])
        else:
            own, ka, kb = bets[chart - CHARTS], int(edges[first] * BINS), int(edges[last] * BINS)
            mass = learned(own, kb, edges[last + 1]) - learned(own, ka, edges[first])
        product *= mass / width
        if product > best:
            best, back = product, ago
        if product > FAR:
            product /= FAR
            best /= FAR
    return back


def rank(row: Floats, begin: int, kept: Tuple, above: Bytes, order: Tuple) -> None:
    """Where each value of a signal lies among those before it: not below `lows`, and not above `ups`.

    Where there is nothing to bet on, since there is no value or all were equal so far, `ups` is -1. `sizes`
    is how many ranks there are, negative where those before it were of two kinds.
    """
    values, pivots, outer, inner, tally = kept
    lows, ups, sizes = order
    seen, taken, held = tally[SEEN], tally[TAKEN], tally[HELD]
    for column in range(begin, row.size):
        value = row[column]
        ups[column] = -1
        if value != value:
            continue
        taken += 1
        at = lower(values, pivots, value)
        exact = values[at] == value
        place = 2 * at + exact
        behind = place + 1
        low = outer[place >> SHIFT] + inner[place >> SHIFT, place & (SPAN - 1)]
        up = outer[behind >> SHIFT] + inner[behind >> SHIFT, behind & (SPAN - 1)]
        lows[column], sizes[column] = low, -seen - 1 if held == 2 else seen + 1
        if up - low < seen:
            ups[column] = up
        if seen < COUNTED_MAX:
            seen += 1
            if exact or up > low:
                count(outer, inner, above, place)
            else:
                insert(kept, at, value)
                held = tally[HELD]
    tally[SEEN], tally[TAKEN] = seen, taken


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
    """Let the charts win and lose, by column, until all have `limit` together: at which column, or -1.

    A chart's odds are the mean of its density over the ranks that a value may have.
    """
    lows, ups, sizes = order
    charts, learners, heights, sums, bets, fresh, ring, tally = own
    densities, below, edges, cells, weights, stakes, decay, prior, _ = tables
    steps, total, found, partial = tally[STEPS], standing[signal], -1, np.empty(8)
    for column in range(begin, lows.size):
        if ups[column] >= 0:
            low, up, size = lows[column], ups[column] + 1, abs(sizes[column])
            anew, staked = weights[int(sizes[column] < 0)], stakes[int(sizes[column] < 0)]
            a, b, per = low / size, up / size, size / (up - low)
            first, end = int(cells[int(a * PARTS)]), int(cells[min(int(b * PARTS), PARTS - 1)])
            ka, kb = int(edges[first] * BINS), int(edges[end] * BINS)
            da, db = densities[first], densities[end]
            if end - first < 2:
                wa = min((edges[first + 1] - a) * per, 1.0)
                wb = 1.0 - wa
                for i in range(charts.size):
                    charts[i] = (charts[i] + anew[i]) * (wa * da[i] + wb * db[i])
                for i in range(LEARNED):
                    learners[i] = (learners[i] + staked[i]) * (wa * bets[i, ka] + wb * bets[i, kb])
            else:
                ba, bb, ra, rb = below[first], below[end], a - edges[first], b - edges[end]
                for i in range(charts.size):
                    charts[i] = (charts[i] + anew[i]) * (((bb[i] + db[i] * rb) - (ba[i] + da[i] * ra)) * per)
                for i in range(LEARNED):
                    odds = (learned(bets[i], kb, b) - learned(bets[i], ka, a)) * per
                    learners[i] = (learners[i] + staked[i]) * odds
            fresh[int((a + b) * (BINS / 2))] += 1
            ring[steps & (RING - 1)] = first << 8 | end
            steps += 1
            if steps & (FRESH - 1) == 0:
                freshen(heights, sums, bets, fresh, decay, prior)
            for i in range(partial.size):
                partial[i] = (charts[i] + charts[i + 8]) + (charts[i + 16] + charts[i + 24])
            left = (partial[0] + partial[4]) + (partial[2] + partial[6])
            right = (partial[1] + partial[5]) + (partial[3] + partial[7])
            total = (left + right) + ((learners[0] + learners[1]) + learners[2])
        totals[column] = total
        if total >= limit:
            found = column
            break
    tally[STEPS], standing[signal] = steps, total
    return found


def renew(kept: Tuple, own: Tuple) -> None:
    """Forget everything about a signal."""
    values, pivots, outer, inner, _ = kept
    charts, learners, heights, sums, bets, fresh, ring, tally = own
    values[:], pivots[:] = np.nan, np.nan
    outer[:], inner[:] = 0, 0
    charts[:], learners[:], heights[:], sums[:] = 0.0, 0.0, 0.0, 0.0
    bets[:, :BINS] = 1.0
    for k in range(BINS):
        bets[:, BINS + k] = k / BINS
    fresh[:], ring[:], tally[:] = 0, 0, 0


def walk(
    block: Floats,
    begin: int,
    limits: Floats,
    totals: Floats,
    columns: Floats,
    found: Ints,
    reached: Floats,
    standing: Floats,
    everything: Tuple,
    tables: Tuple,
) -> int:
    """All signals, from a column on: how many alarms were `found`, signal by signal.

    `totals` are what the charts of each signal have, by column, and `columns` these added up.
    """
    values, pivots, outer, inner, charts, learners, heights, sums, bets, fresh, ring, tally = everything
    alarms, size = 0, block.shape[1]
    order = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    for s in range(block.shape[0]):
        kept = values[s], pivots[s], outer[s], inner[s], tally[s]
        own = charts[s], learners[s], heights[s], sums[s], bets[s], fresh[s], ring[s], tally[s]
        at = begin
        while at < size:
            rank(block[s], at, kept, tables[8], order)
            at = bet(at, limits[s], order, totals[s], standing, s, own, tables)
            if at < 0:
                break
            chart = leader(charts[s], learners[s])
            found[alarms, AT], found[alarms, SIGNAL], found[alarms, CHART] = at, s, chart
            found[alarms, BACK] = started(ring[s], tally[s, STEPS], chart, bets[s], tables)
            reached[alarms] = standing[s]
            alarms += 1
            standing[s] = 0.0
            renew(kept, own)
            at += 1
        for column in range(begin, columns.size):
            columns[column] += totals[s, column]
    return alarms
