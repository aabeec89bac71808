"""A model that learns changes what it says all the time, and is meant to: that is no drift to be told of.

A change of what a model says counts as its learning if it is small, or if its errors became smaller.
Detectors find such changes, since they find any that lasts; they are counted, and the detector has begun
anew. Where too few values tell, the change is looked at again when there are more of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.drift.signals import OF_MODEL, Kind, Signal

SMALL = 0.1  # of all values, the share that would have to move to undo the change
CHANCE = 1.36  # times the root of 1/n + 1/m: so far two samples of the same may lie apart, 19 times of 20


def is_learning(signal: Signal, effects: Mapping[str, float | None], n: int, m: int) -> bool | None:
    """Whether a change is the model's learning; None where `n` values before and `m` since can't tell.

    >>> score, error = Signal(Kind.SCORE), Signal(Kind.ERROR)
    >>> [is_learning(score, {"kolmogorov_smirnov": x, "cohens_d": 0.5}, 1000, 100) for x in (0.06, 0.2, 0.3)]
    [True, None, False]
    >>> is_learning(error, {"kolmogorov_smirnov": 0.3, "cohens_d": -0.7}, 1000, 100)
    True
    """
    if signal.kind not in OF_MODEL:
        return False
    if signal.kind is Kind.ERROR and (effects.get("cohens_d") or 0.0) < 0:
        return True
    size = effects.get("kolmogorov_smirnov", effects.get("total_variation"))
    if size is None or size < SMALL:
        return size is not None
    chance = CHANCE * math.sqrt(1 / max(n, 1) + 1 / max(m, 1))
    return False if size - chance >= SMALL else None
