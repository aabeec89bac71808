"""Sums over dicts as River makes them: `river.utils.math.dot` and `norm` inside a kernel.

`dot(x, w)` walks the shorter dict in its own order and skips what the other lacks. Weights stand in slots, in
the order in which they came into being, so the order of River's dict of weights is the order of the slots.
Beyond the order, `sum()` decides the last bit: from Python 3.12 on it carries along what each addition of
exact floats has lost (Neumaier's method).

`norm` is NumPy's, thus BLAS `ddot` of the vector with itself, which sums in an order of its own. A kernel
calls SciPy's BLAS where NumPy may have brought another; `blas_agrees` looks whether both give the same bits.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.jit import kernel

PROBED_LENGTHS = (*range(1, 130), 255, 256, 257, 1000)


@kernel
def plus(total: float, lost: float, x: float) -> tuple[float, float]:
    """One addition of a compensated sum: the new total, and what rounding has lost so far."""
    t = total + x
    if abs(total) >= abs(x):
        lost += (total - t) + x
    else:
        lost += (x - t) + total
    return t, lost


@kernel
def settled(total: float, lost: float) -> float:
    """What a compensated sum comes to."""
    return total + lost if lost != 0.0 and math.isfinite(lost) else total


@kernel
def dot(
    x: Floats, ids: Ints, slot: Ints, w: Floats, known: int, by_row: bool, at: Ints, compensates: bool
) -> float:
    """The sum of x * w over the features that have a weight.

    `ids` are the row's features, `slot` says in which place of `w` a feature's weight stands (-1: nowhere),
    `known` how many weights there are, `at` is scratch of their number. The sum goes by the order of the
    row, or else of the weights.
    """
    total, lost, last = 0.0, 0.0, -1
    for k in range(x.size):
        s = slot[ids[k]]
        if s >= 0:
            if s < last and not by_row:
                return dot_by_weight(x, ids, slot, w, known, at, compensates)
            last = s
            if compensates:
                total, lost = plus(total, lost, x[k] * w[s])
            else:
                total += x[k] * w[s]
    return settled(total, lost)


@kernel
def dot_by_weight(
    x: Floats, ids: Ints, slot: Ints, w: Floats, known: int, at: Ints, compensates: bool
) -> float:
    """The same sum in the order of the weights, for a row whose features come in another one."""
    total, lost = 0.0, 0.0
    at[:known] = -1
    for k in range(x.size):
        if slot[ids[k]] >= 0:
            at[slot[ids[k]]] = k
    for s in range(known):
        if at[s] >= 0:
            if compensates:
                total, lost = plus(total, lost, x[at[s]] * w[s])
            else:
                total += x[at[s]] * w[s]
    return settled(total, lost)


@kernel
def sigmoid(x: float) -> float:
    """River's, which says 0 and 1 beyond 30."""
    if x < -30.0:
        return 0.0
    if x > 30.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def squares(v: Floats) -> float:
    """The BLAS dot product of a vector with itself."""
    found: float = np.dot(v, v)
    return found


@cache
def blas_agrees() -> bool:
    """Whether a kernel's `np.dot` gives NumPy's bits on this machine."""
    rng = np.random.default_rng(7)
    vectors = [rng.standard_normal(n) * 10.0 ** rng.integers(-3, 4, n) for n in PROBED_LENGTHS]
    return all(squares(v) == v.dot(v) for v in vectors)
