"""The Kolmogorov-Smirnov distance of sliding windows from a fixed reference, after every value.

The n sorted values of a reference cut the line into cells: value i has the code 2i + 1, and the gap below it
2i (of equal values the first counts). With R and W the counts up to a cell, the walk S = w R - n W is a whole
number, and the distance is max|S| / (n w), ties included. A window that loses a value in one cell and takes
one in another changes S by n in the cells between these two, and nowhere else.

S is kept in blocks of 64 cells, less an offset a block. So a change costs one pass over the two blocks in
which it begins and ends, and one over the table of blocks: loops that a processor does many cells at a time.
A tree of (sum, largest, smallest prefix) above the cells needs three times the memory and the time.

    walks   (slots, windows, cells)      S less the offset
    tables  (slots, windows, 3, blocks)  offset, largest and smallest entry of each block
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint16]
Walks = NDArray[np.int32]

BITS = 6
BLOCK = 1 << BITS
OFFSET, MOST, LEAST = range(3)

# fmt: off


def below(ordered: Floats, n: int, x: float) -> int:
    """How many of the first n of these values are less than x; without branches that depend on data."""
    start, size = 0, n
    while size > 1:
        half = size >> 1
        if ordered[start + half - 1] < x:
            start += half
        size -= half
    if n > 0 and ordered[start] < x:
        start += 1
    return start


def cell(ordered: Floats, n: int, x: float) -> int:
    """The code of a value's cell."""
    i = below(ordered, n, x)
    return 2 * i + 1 if i < n and ordered[i] == x else 2 * i


def edge(walk: Walks, table: Walks, block: int, first: int, end: int, by: int) -> None:
    """Add to some cells of one block."""
    cells = walk[block << BITS : (block << BITS) + BLOCK]
    more = np.int32(by)
    nothing = np.int32(0)
    most = np.int32(-(1 << 30))
    least = np.int32(1 << 30)
    for i in range(BLOCK):
        here = cells[i] + (more if first <= i < end else nothing)
        cells[i] = here
        most = max(most, here)
        least = min(least, here)
    table[MOST, block] = most
    table[LEAST, block] = least


def shift(walk: Walks, table: Walks, first: int, end: int, by: int) -> None:
    """Add to the cells from `first` to `end`."""
    a, b = first >> BITS, end >> BITS
    if a == b:
        edge(walk, table, a, first - (a << BITS), end - (a << BITS), by)
        return
    edge(walk, table, a, first - (a << BITS), BLOCK, by)
    edge(walk, table, b, 0, end - (b << BITS), by)
    for block in range(a + 1, b):
        table[OFFSET, block] += by


def farthest(table: Walks) -> int:
    """The largest |S|."""
    most = np.int32(0)
    least = np.int32(0)
    for block in range(table.shape[1]):
        offset = table[OFFSET, block]
        most = max(most, offset + table[MOST, block])
        least = min(least, offset + table[LEAST, block])
    return int(max(most, -least))


def gather(values: Floats, start: int, row: Floats, gathered: int) -> tuple[int, int]:
    """Fill a row from where it stands; return where to go on in the values, and how many there are."""
    while start < values.size and gathered < row.size:
        x = values[start]
        if x == x:
            row[gathered] = x
            gathered += 1
        start += 1
    return start, gathered


def go(
    values: Floats, t: int, ordered: Floats, latest: Codes, seen: int, windows: Ints, need: Ints, top: Ints,
    walks: Walks, tables: Walks,
) -> tuple[int, int]:
    """Take values of a signal up to an alarm; return where to go on, and how many it has seen then."""
    n, size = ordered.size, latest.size
    place, alarm = seen % size, False
    while t < values.size and not alarm:
        x = values[t]
        t += 1
        if x != x:
            continue
        code = cell(ordered, n, x)
        for k in range(windows.size):
            w = windows[k]
            gone = 2 * n + 1  # nothing left the window: all cells from the value's on move
            if seen >= w:
                gone = int(latest[place - w + (size if place < w else 0)])
            if gone < code:
                shift(walks[k], tables[k], gone, code, n)
            elif gone > code:
                shift(walks[k], tables[k], code, gone, -n)
            if seen + 1 >= w:
                top[k] = farthest(tables[k])
                alarm = alarm or top[k] >= need[k]
        latest[place] = code
        seen += 1
        place = place + 1 if place + 1 < size else 0
    return t, seen


def follow(
    block: Floats, rows: Ints, start: Ints, slots: Ints, need: Ints, windows: Ints, reference: Floats,
    ring: Codes, counts: Ints, top: Ints, planted: Ints, walks: Walks, tables: Walks,
) -> None:
    """Go on with these rows of a block, each from its `start` to the block's end or where it has to stop.

    A row stops, and `start` says behind which column, when its reference is full but has no walk yet, and
    when a window's `top`, which is n w times its distance, reaches what it needs for an alarm.
    """
    for r in range(rows.size):
        f = rows[r]
        s = slots[f]
        p = planted[s]
        if p < 0:
            start[r], counts[s, 0] = gather(block[f], start[r], reference[s], counts[s, 0])
        else:
            start[r], counts[s, 1] = go(
                block[f], start[r], reference[s], ring[s], counts[s, 1], windows, need[f], top[s], walks[p],
                tables[p],
            )
