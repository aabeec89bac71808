"""Where a signal's values lie and how far apart, so that no outlier rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats

FAR = 3.0  # standard deviations; what lies beyond counts as this far
ENDS = (0.1, 0.02, 0.0)  # shares of the values on either side that may be outliers


class Scale(NamedTuple):
    centre: float
    width: float


def scale_of(values: Floats) -> Scale:
    """The mean and the standard deviation of values, with outliers moved up to the others.

    A value is an outlier that lies farther outside the middle 80 % of them than these are wide; where most
    values are equal, the middle 96 %, or all. Where all are equal the deviation is 1.

    >>> scale_of(np.array([0.0, 1.0, 0.0, 1.0, np.inf]))
    Scale(centre=0.5, width=0.5)
    >>> scale_of(np.array([7.0, 7.0]))
    Scale(centre=7.0, width=1.0)
    """
    found = np.sort(values[np.isfinite(values)])
    if not len(found):
        return Scale(0.0, 1.0)
    last = len(found) - 1
    with np.errstate(over="ignore", invalid="ignore"):
        for share in ENDS:
            low, high = found[int(share * last)], found[last - int(share * last)]
            if low < high:
                inside = np.clip(found, low - (high - low), high + (high - low))
                centre, width = float(inside.mean()), float(inside.std())
                if 0 < width < np.inf:
                    return Scale(centre, width)
    return Scale(float(found[len(found) // 2]), 1.0)


def scaled(values: Floats, centre: Floats | float, width: Floats | float) -> Floats:
    """Values in standard deviations from the centre, at most 3; NaN stays.

    >>> scaled(np.array([[1.0, -np.inf, np.nan]]), np.array([[0.0]]), np.array([[2.0]])).tolist()
    [[0.5, -3.0, nan]]
    """
    with np.errstate(over="ignore"):
        return np.clip((values - centre) / width, -FAR, FAR)
