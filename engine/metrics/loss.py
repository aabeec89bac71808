"""How good the probabilities of two classes were, outcome by outcome: log loss and Brier score."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.metrics.block import Block, Cell, Floats, Shape

CERTAIN = 1e-15  # no probability counts as nearer to 0 or 1: one mistake must not be endless


def size(shape: Shape) -> int:
    return 3


def cells(block: Block, shape: Shape) -> Iterable[Cell]:
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
