"""A reference of so many values, from a recorded one of more."""

from __future__ import annotations

import numpy as np

from engine.drift.detector import Floats


def picked(values: Floats, weights: Floats, n: int) -> Floats | None:
    """The n values that cut a reference into equal parts; None if it is of fewer than n.

    Thresholds allow for a reference that was drawn by chance. One of these values is nearer to what a signal
    was, so alarms are rarer than with any other.

    >>> picked(np.array([3.0, 1.0, 2.0]), np.array([2.0, 5.0, 3.0]), 5)
    array([1., 1., 1., 2., 3.])
    """
    if weights.sum() < n:
        return None
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    at = np.searchsorted(upto, (np.arange(n) + 0.5) / n * upto[-1])
    found: Floats = np.asarray(values, np.float64)[order][np.minimum(at, order.size - 1)]
    return found
