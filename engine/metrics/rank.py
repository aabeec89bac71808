"""Whether True gets higher scores than False: the area under the ROC curve.

Scores are counted in fine bins, evenly spaced in log odds, so that 0.0001 and 0.001 are as far apart as
0.1 and 0.5: where true is rare, all that matters happens near 0. Scores that share a bin count as tied,
which moves the area by less than 0.001 on any score that is not itself that coarse. What lies outside of
0 to 1, as some anomaly scores do, has bins by its magnitude.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Ints, Shape

ODDS = 384  # bins from 0 to 1
STEEP = 37.0  # log odds beyond which a float can't tell a score from 0 or 1
FAR = 64  # bins below 0, and as many above 1: four to a doubling
BINS = ODDS + 2 * FAR


def size(shape: Shape) -> int:
    return 2 * BINS


def bins(score: Floats) -> Ints:
    """Which bin each score falls into; a larger score never has a smaller bin.

    >>> found = bins(np.array([-3.0, 0.0, 0.001, 0.5, 0.999, 1.0, 7.0]))
    >>> bool((np.diff(found) > 0).all())
    True
    """
    inside = np.minimum(np.maximum(score, 1e-16), 1 - 1e-16)
    odds = np.log(inside) - np.log1p(-inside)
    found = FAR + ((odds + STEEP) * (ODDS / (2 * STEEP))).astype(np.int64)
    if (out := (score < 0) | (score > 1)).any():
        above = np.where(score > 1, score - 1, -score)[out]
        steps = np.clip(4 * np.log2(above) + 16, 0, FAR - 1).astype(np.int64)
        found[out] = np.where(score[out] > 1, FAR + ODDS + steps, FAR - 1 - steps)
    return found


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
    there = block.scored
    yield (there.label == 1) * BINS + bins(there.score), 1.0


def labelled(part: Floats, shape: Shape) -> float:
    return float(part.sum())


def roc_auc(part: Floats, shape: Shape) -> float | None:
    """How often, of a True and a False, the True has the higher score; a tie counts half."""
    no, yes = part[:BINS], part[BINS:]
    below = np.cumsum(no) - no
    pairs = float(no.sum() * yes.sum())
    return float((yes * (below + no / 2)).sum() / pairs) if pairs else None


def curve(part: Floats) -> list[tuple[float, float]]:
    """Points of the ROC curve, by falling score: false alarms, and what was found; empty without both.

    >>> part = np.zeros(2 * BINS)
    >>> part[5], part[7], part[BINS + 7] = 1, 1, 2
    >>> curve(part)
    [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)]
    """
    no, yes = part[:BINS][::-1], part[BINS:][::-1]
    if not (no.sum() and yes.sum()):
        return []
    held = (no + yes) > 0
    found = zip(
        (np.cumsum(no) / no.sum())[held].tolist(), (np.cumsum(yes) / yes.sum())[held].tolist(), strict=True
    )
    return [(0.0, 0.0), *found]


MEASURES = {"roc_auc": roc_auc}
