"""`ks_kernel.py` in numpy's loops, for as long as it is not compiled: the same arrays after it."""

from __future__ import annotations

import numpy as np

from engine.drift.detectors.ks_kernel import BITS, BLOCK, LEAST, MOST, OFFSET, Codes, Floats, Ints, Walks

# fmt: off


def cells_of(n: int) -> int:
    """How many cells a walk has: those of n values, to the end of a block.

    >>> cells_of(1000)
    2048
    """
    return ((2 * n + 1 >> BITS) + 1) << BITS


def passed(ordered: Floats) -> Ints:
    """How many values of a reference lie in a cell or before it, for every cell.

    >>> passed(np.array([1.0, 3.0, 3.0])).tolist()
    [0, 1, 1, 3, 3, 3, 3]
    """
    upto = np.searchsorted(ordered, ordered, "right")
    return np.insert(np.repeat(upto, 2), 0, 0)


def codes_of(ordered: Floats, values: Floats) -> Ints:
    """The cells in which values lie.

    >>> codes_of(np.array([1.0, 3.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0, 4.0])).tolist()
    [0, 1, 2, 3, 6]
    """
    left = np.searchsorted(ordered, values)
    codes: Ints = 2 * left + (ordered[np.minimum(left, ordered.size - 1)] == values)
    return codes


def plant(walk: Walks, table: Walks, ordered: Floats, codes: Ints, w: int) -> None:
    """The walk of a reference and a window's values."""
    n = ordered.size
    inside = np.cumsum(np.bincount(codes, minlength=2 * n + 1))
    walk[:] = 0
    walk[: 2 * n + 1] = w * passed(ordered) - n * inside
    fold(walk, table)


def fold(walk: Walks, table: Walks) -> None:
    """Make the table of a walk, or of several, whose cells were changed and have no offset."""
    blocks = walk.reshape(*walk.shape[:-1], -1, BLOCK)
    table[..., OFFSET, :] = 0
    table[..., MOST, :] = blocks.max(axis=-1)
    table[..., LEAST, :] = blocks.min(axis=-1)


def follow(
    block: Floats, rows: Ints, start: Ints, slots: Ints, need: Ints, windows: Ints, reference: Floats,
    ring: Codes, counts: Ints, top: Ints, planted: Ints, walks: Walks, tables: Walks,
) -> None:
    """As `ks_kernel.follow`."""
    for r, f in enumerate(rows.tolist()):
        s, begin = int(slots[f]), int(start[r])
        values = block[f, begin:]
        at = np.flatnonzero(values == values)
        p = int(planted[s])
        if p < 0:
            gathered = int(counts[s, 0])
            at = at[: reference.shape[1] - gathered]
            reference[s, gathered : gathered + at.size] = values[at]
            counts[s, 0] += at.size
            full = counts[s, 0] == reference.shape[1]
            start[r] = begin + at[-1] + 1 if full and at.size else block.shape[1]
            continue
        codes, n = codes_of(reference[s], values[at]), reference.shape[1]
        taken = steps(codes, windows, n, ring[s], counts[s], need[f], top[s], walks[p], tables[p])
        start[r] = begin + at[taken - 1] + 1 if alarmed(top[s], need[f]) else block.shape[1]


def alarmed(top: Ints, need: Ints) -> bool:
    return bool((top >= need).any())


def steps(
    codes: Ints, windows: Ints, n: int, ring: Codes, counts: Ints, need: Ints, top: Ints, walk: Walks,
    table: Walks,
) -> int:
    """Take values of one signal, up to an alarm; how many were taken."""
    walk += np.repeat(table[:, OFFSET], BLOCK, axis=-1)
    seen, size, taken = int(counts[1]), ring.size, 0
    order = np.arange(seen - size, seen) % size
    line = np.concatenate([ring[order].astype(np.int64), codes]).tolist()
    for code in line[size:]:
        for k, w in enumerate(windows.tolist()):
            gone = line[size + taken - w] if seen >= w else 2 * n + 1
            if gone < code:
                walk[k, gone:code] += n
            else:
                walk[k, code:gone] -= n
        taken += 1
        seen += 1
        far = np.maximum(walk.max(axis=1), -walk.min(axis=1))
        np.copyto(top, far, where=windows <= seen)
        if alarmed(top, need):
            break
    entered = np.arange(int(counts[1]), seen)[-size:]
    ring[entered % size] = codes[:taken][-size:]
    counts[1] = seen
    fold(walk, table)
    return taken
