"""Where a signal's values lie and how far apart, told by their ranks, so that no outlier rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats

FAR = 3.0  # standard deviations; what lies beyond counts as this far
SPANS = ((0.1, 2.563), (0.02, 4.107), (0.0, 6.0))  # a share at each end; how wide a normal is between


class Scale(NamedTuple):
    centre: float
    width: float


def scale_of(values: Floats) -> Scale:
    """The median of values, and how many of their own units make a standard deviation of a normal's.

    Where most values are equal it is taken from those that are not; where all are, it is 1.

    >>> scale_of(np.array([3.0, 1.0, 2.0, 4.0, np.inf]))
    Scale(centre=3.0, width=1.1705033164260632)
    >>> scale_of(np.array([7.0, 7.0]))
    Scale(centre=7.0, width=1.0)
    """
    found = np.sort(values[np.isfinite(values)])
    if not len(found):
        return Scale(0.0, 1.0)
    last = len(found) - 1
    for share, wide in SPANS:
        low, high = float(found[int(share * last)]), float(found[last - int(share * last)])
        if 0 < (width := (high - low) / wide) < np.inf:
            return Scale(float(found[len(found) // 2]), width)
    return Scale(float(found[len(found) // 2]), 1.0)


def scaled(values: Floats, centre: Floats, width: Floats) -> Floats:
    """Values in standard deviations from the centre, at most 3; NaN stays.

    >>> scaled(np.array([[1.0, -np.inf, np.nan]]), np.array([[0.0]]), np.array([[2.0]])).tolist()
    [[0.5, -3.0, nan]]
    """
    with np.errstate(over="ignore"):
        return np.clip((values - centre) / width, -FAR, FAR)
