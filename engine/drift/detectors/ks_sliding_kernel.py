"""The Kolmogorov-Smirnov distance of sliding windows from the values just before them, after every value.

As in `ks_kernel.py` a walk S = w R - n W over cells is kept in blocks, but here the reference moves, too, and
cells have to be made for values that nobody knows yet. They are: all values of a chunk of a block, and all
that are remembered, are sorted together, and each that is different is a cell. What is remembered stays in
order from chunk to chunk, so that this is one merge. Then a value is two changes: one comes into the window
for one that leaves it, and this one comes into the reference for one that leaves that.

A chunk of 256 values costs about as much to prepare as to follow, so blocks of a few records are dear.
"""

from __future__ import annotations

import numpy as np

from engine.drift.detectors.ks_kernel import BLOCK, LEAST, MOST, OFFSET, Floats, Ints, Walks, farthest, shift

CHUNK = 256  # values at most that are prepared at once

# fmt: off


def ranked(values: Floats, rank: Ints) -> None:
    """Fill in which of these values comes first, which next, and so on."""
    for i in range(values.size):
        x = values[i]
        low, high = 0, i
        while low < high:
            middle = (low + high) >> 1
            if values[rank[middle]] <= x:
                low = middle + 1
            else:
                high = middle
        for j in range(i, low, -1):
            rank[j] = rank[j - 1]
        rank[low] = i


def merge(old: Floats, order: Walks, new: Floats, rank: Ints, both: Ints, of_old: Ints, of_new: Ints) -> int:
    """Find the cell of each value remembered and each new one; return how many cells there are.

    `order` and `rank` sort them. `both` is filled with what comes after what: places of old ones, and ~place
    of new ones.
    """
    i, j, cell, last = 0, 0, -1, 0.0
    for at in range(order.size + rank.size):
        if j == rank.size or (i < order.size and old[order[i]] <= new[rank[j]]):
            place, x = np.int64(order[i]), old[order[i]]
            i += 1
        else:
            place, x = ~rank[j], new[rank[j]]
            j += 1
        if cell < 0 or x != last:
            cell += 1
            last = x
        both[at] = place
        if place >= 0:
            of_old[place] = cell
        else:
            of_new[~place] = cell
    return cell + 1


def settle(order: Walks, both: Ints, seen: int, taken: int, size: int) -> None:
    """Bring what is remembered into order, new values in the place of the oldest."""
    out = 0
    for at in range(both.size):
        place = both[at]
        if place < 0:
            order[out] = (seen + ~place) % size
            out += 1
        elif (place - seen) % size >= taken:
            order[out] = place
            out += 1


def lay(walk: Walks, table: Walks, cells: Ints, end: int, seen: int, n: int, w: int) -> None:
    """The walk of the latest w values and the n before them, by the cell of each place of the ring."""
    walk[:] = 0
    for age in range(min(seen, n + w)):
        walk[cells[(seen - 1 - age) % cells.size]] += -n if age < w else w
    for i in range(1, end):
        walk[i] += walk[i - 1]
    for block in range(table.shape[1]):
        inside = walk[block * BLOCK : (block + 1) * BLOCK]
        table[OFFSET, block] = 0
        table[MOST, block] = inside.max()
        table[LEAST, block] = inside.min()


def move(walk: Walks, table: Walks, into: int, gone: int, by: int) -> None:
    """What weighs so much less comes into a cell, and leaves another."""
    if gone < into:
        shift(walk, table, gone, into, by)
    elif gone > into:
        shift(walk, table, into, gone, -by)


def cell_of(age: int, at: int, seen: int, of_old: Ints, of_new: Ints, end: int) -> int:
    """The cell of the value that came so long before the one at `at` of a chunk; `end` if there is none."""
    if age <= at:
        return int(of_new[at - age])
    if age > seen + at:
        return end
    return int(of_old[(seen + at - age) % of_old.size])


def chunk(
    new: Floats, n: int, ring: Floats, seen: int, windows: Ints, need: Ints, top: Ints, order: Walks,
) -> int:
    """Take values of a signal up to an alarm; return how many."""
    size, old = ring.size, min(seen, ring.size)
    rank, both = np.empty(new.size, np.int64), np.empty(old + new.size, np.int64)
    ranked(new, rank)
    of_old, of_new = np.empty(size, np.int64), np.empty(new.size, np.int64)
    cells = merge(ring, order[:old], new, rank, both, of_old, of_new)
    blocks = cells // BLOCK + 1
    walks = np.empty((windows.size, blocks * BLOCK), np.int32)
    tables = np.empty((windows.size, 3, blocks), np.int32)
    for k in range(windows.size):
        lay(walks[k], tables[k], of_old, cells, seen, n, windows[k])
    taken, alarm = 0, False
    while taken < new.size and not alarm:
        for k in range(windows.size):
            w = windows[k]
            middle = cell_of(w, taken, seen, of_old, of_new, cells)
            move(walks[k], tables[k], of_new[taken], middle, n)
            if middle < cells:
                move(walks[k], tables[k], middle, cell_of(n + w, taken, seen, of_old, of_new, cells), -w)
            if seen + taken + 1 >= n + w:
                top[k] = farthest(tables[k])
                alarm = alarm or top[k] >= need[k]
        taken += 1
    if not alarm:
        settle(order, both, seen, taken, size)
    for i in range(taken):
        ring[(seen + i) % size] = new[i]
    return taken


def follow_before(
    block: Floats, rows: Ints, start: Ints, slots: Ints, need: Ints, windows: Ints, n: int, ring: Floats,
    seen: Ints, top: Ints, order: Walks, ordered: Ints,
) -> None:
    """Go on with these rows of a block, each from its `start` to the block's end or an alarm.

    `start` says then behind which column. `order` is that of what is remembered, and stays so; `ordered`
    says how many values were seen when it was.
    """
    values, columns = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    for r in range(rows.size):
        f, t = rows[r], start[r]
        s = slots[f]
        alarm = False
        while t < block.shape[1] and not alarm:
            count = 0
            while t < block.shape[1] and count < min(CHUNK, ring.shape[1]):
                if block[f, t] == block[f, t]:
                    values[count], columns[count] = block[f, t], t
                    count += 1
                t += 1
            if count > 0:
                taken = chunk(values[:count], n, ring[s], seen[s], windows, need[f], top[s], order[s])
                seen[s] += taken
                for k in range(windows.size):
                    alarm = alarm or top[s, k] >= need[f, k]
                if alarm:
                    t = columns[taken - 1] + 1
        start[r], ordered[s] = t, -1 if alarm else seen[s]
