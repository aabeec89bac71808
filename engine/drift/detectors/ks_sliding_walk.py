"""`ks_sliding_kernel.py` in numpy's loops, for as long as it is not compiled."""

from __future__ import annotations

import numpy as np

from engine.drift.detectors.ks_kernel import Floats, Ints, Walks

# fmt: off


def follow_before(
    block: Floats, rows: Ints, start: Ints, slots: Ints, need: Ints, windows: Ints, n: int, ring: Floats,
    seen: Ints, top: Ints, order: Walks, ordered: Ints,
) -> None:
    """As `ks_sliding_kernel.follow_before`, but nothing is brought into order."""
    for r, f in enumerate(rows.tolist()):
        s, begin = int(slots[f]), int(start[r])
        values = block[f, begin:]
        at = np.flatnonzero(values == values)
        line = np.concatenate([remembered(ring[s], int(seen[s])), values[at]])
        taken = steps(line, line.size - at.size, n, windows, int(seen[s]), need[f], top[s])
        alarm = bool((top[s] >= need[f]).any())
        start[r] = begin + at[taken - 1] + 1 if alarm and taken else block.shape[1]
        entered = np.arange(taken)[-ring.shape[1] :]
        ring[s, (seen[s] + entered) % ring.shape[1]] = values[at[entered]]
        seen[s] += taken


def remembered(ring: Floats, seen: int) -> Floats:
    """The values of a ring, the oldest first.

    >>> remembered(np.array([4.0, 5.0, 3.0]), 5).tolist()
    [3.0, 4.0, 5.0]
    """
    return ring[np.arange(max(seen - ring.size, 0), seen) % ring.size]


def steps(line: Floats, old: int, n: int, windows: Ints, seen: int, need: Ints, top: Ints) -> int:
    """Take what lies behind the first `old` values, up to an alarm; return how many were taken."""
    distinct, inverse = np.unique(line, return_inverse=True)
    end, cells = distinct.size, inverse.tolist()
    walk = np.zeros((windows.size, end), np.int64)
    for k, w in enumerate(windows.tolist()):
        ages = np.arange(old, 0, -1)
        weights = np.where(ages <= w, -n, np.where(ages <= n + w, w, 0))
        walk[k] = np.cumsum(np.bincount(inverse[:old], weights, end).astype(np.int64))
    for at in range(old, line.size):
        for k, w in enumerate(windows.tolist()):
            walk[k, cells[at] :] -= n
            if at >= w:
                walk[k, cells[at - w] :] += n + w
            if at >= n + w:
                walk[k, cells[at - n - w] :] -= w
        seen += 1
        far = np.maximum(np.maximum(walk.max(axis=1), -walk.min(axis=1)), 0)
        np.copyto(top, far, where=n + windows <= seen)
        if (top >= need).any():
            return at + 1 - old
    return line.size - old
