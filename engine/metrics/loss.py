"""How good the probabilities were, outcome by outcome: log loss and Brier score.

With two classes Brier's score is the squared distance of the probability of True from what came, from 0 to
1. With more it is Brier's own, the sum of that over all classes, from 0 to 2; and there has to be remembered
what each class was given.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Kind, Shape

CERTAIN = 1e-15  # no probability counts as nearer to 0 or 1: one mistake must not be endless


def size(shape: Shape) -> int:
    return 3


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
    if shape.kind is Kind.MULTICLASS:
        known = ~np.isnan(block.given)
        given = np.minimum(np.maximum(np.where(known, block.given, 1.0), CERTAIN), 1 - CERTAIN)
        yield 0, known.astype(np.float64)
        yield 1, np.where(known, -np.log(given), 0.0)
        yield 2, np.where(known, block.square - 2 * block.given + 1, 0.0)
        return
    there = block.scored
    score, yes = there.score, there.label == 1
    odds = np.minimum(np.maximum(score, CERTAIN), 1 - CERTAIN)
    yield 0, np.ones(len(there))
    yield 1, -np.log(np.where(yes, odds, 1 - odds))
    yield 2, (score - yes) ** 2


def labelled(part: Floats, shape: Shape) -> float:
    return float(part[0])


def log_loss(part: Floats, shape: Shape) -> float | None:
    return float(part[1] / part[0]) if part[0] else None


def brier(part: Floats, shape: Shape) -> float | None:
    return float(part[2] / part[0]) if part[0] else None


MEASURES = {"log_loss": log_loss, "brier": brier}
