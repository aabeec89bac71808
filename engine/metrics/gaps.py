"""How far predicted numbers were from their labels.

Squares of labels are summed around the first label that came, not around zero: else R2 would be lost in
rounding where labels are large and close together. MAPE is a share, and leaves out labels that are zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Shape

COUNT, ABSOLUTE, SQUARED, MOVED, MOVED_SQUARED, NONZERO, RELATIVE = range(7)


def size(shape: Shape) -> int:
    return 7


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
    n, gap, moved = len(block), block.found - block.truth, block.truth - block.origin
    zero = block.truth == 0
    relative = np.abs(gap) / np.where(zero, np.inf, np.abs(block.truth))
    columns = (np.ones(n), np.abs(gap), gap * gap, moved, moved * moved, 1.0 - zero, relative)
    yield from enumerate(columns)


def recentred(part: Floats, by: float) -> Floats:
    """The same sums around an origin that lies further up by so much."""
    out = part.copy()
    out[MOVED] = part[MOVED] - part[COUNT] * by
    out[MOVED_SQUARED] = part[MOVED_SQUARED] - 2 * by * part[MOVED] + part[COUNT] * by * by
    return out


def labelled(part: Floats, shape: Shape) -> float:
    return float(part[COUNT])


def mae(part: Floats, shape: Shape) -> float | None:
    return float(part[ABSOLUTE] / part[COUNT]) if part[COUNT] else None


def rmse(part: Floats, shape: Shape) -> float | None:
    return math.sqrt(max(0.0, part[SQUARED] / part[COUNT])) if part[COUNT] else None


def r2(part: Floats, shape: Shape) -> float | None:
    """1 less the share of the labels' variance that is left; None where all labels are the same."""
    if part[COUNT] <= 1:
        return None
    spread = part[MOVED_SQUARED] - part[MOVED] * part[MOVED] / part[COUNT]
    return float(1 - part[SQUARED] / spread) if spread > 0 else None


def mape(part: Floats, shape: Shape) -> float | None:
    return float(part[RELATIVE] / part[NONZERO]) if part[NONZERO] else None


MEASURES = {"mae": mae, "rmse": rmse, "r2": r2, "mape": mape}
