"""Whether 0.8 comes true eight times in ten: outcomes by ten equal bins of their score.

With two classes the score is the probability of True, and what comes true is True. With more it is that of
the predicted class, and what comes true is that it was right. The expected calibration error is the mean
gap between the two over the bins, each weighing as much as it holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Kind, Shape

BINS = 10


def size(shape: Shape) -> int:
    return 3 * BINS


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
    there = block.scored
    # A user's own model may say anything.
    bins = np.minimum((np.clip(there.score, 0, 1) * BINS).astype(np.int64), BINS - 1)
    came = there.label == 1 if shape.kind is Kind.BINARY else there.hit
    yield bins, 1.0
    yield bins + BINS, there.score
    yield bins + 2 * BINS, came.astype(np.float64)


def labelled(part: Floats, shape: Shape) -> float:
    return float(part[:BINS].sum())


def curve(part: Floats) -> list[tuple[float, float, float]]:
    """Each bin that holds anything: mean score, share that came true, how many.

    >>> part = np.zeros(30); part[8], part[18], part[28] = 4, 3.4, 3
    >>> curve(part)
    [(0.85, 0.75, 4.0)]
    """
    counts, mass, came = part[:BINS], part[BINS : 2 * BINS], part[2 * BINS : 3 * BINS]
    rows = zip(counts.tolist(), mass.tolist(), came.tolist(), strict=True)
    return [(m / n, c / n, n) for n, m, c in rows if n > 0]


def ece(part: Floats, shape: Shape) -> float | None:
    counts, mass, came = part[:BINS], part[BINS : 2 * BINS], part[2 * BINS : 3 * BINS]
    n = float(counts.sum())
    return float(np.abs(mass - came).sum() / n) if n else None


MEASURES = {"ece": ece}
