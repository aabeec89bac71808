"""How far a window may be from its reference, by how many values may pass between two false alarms.

TABLE is what `benchmarks/calibrate_ks.py` prints, and SLIDING what it does for references that move with the
windows: of all windows together, for continuous values, whatever they are distributed like; with equal values
the distance is smaller, and alarms come later. "At most one in L values" holds on average over references,
from wherever one begins to count. Realised, of what was asked for, with 4 million values and more each:

    L                 3,000   10,000   30,000   100,000
    fixed               1.1      1.1      1.3       1.4
    sliding             1.1               1.0

Between its lines h squared is linear in log L, as in tails that fall as exp(-c h h). Beyond the last line it
goes on with the slope of the last three: the tails fall faster and faster than that, towards the slope of
the bound below. Shorter run lengths have the first line's thresholds.

Other windows and references: a value is an alarm at most if the distance is too large right there, and for
that Massart's bound for two samples, P(D >= h) <= e exp(-2 h h n w / (n + w)), gives L e = exp(...) at once,
shared equally by the windows (Wei and Dudley, Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities, 2012: with
e for all n = w; for n other than w they found it to hold with 2 for all sizes from 4 to 200 and expect it
beyond). It counts each value by itself, though neighbours alarm together: the true run length is many times
the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.drift.detector import Floats, Ints

KNOWN = (1000, (64, 256, 1024))
TABLE: dict[float, tuple[float, ...]] = {
    3e3: (0.23777, 0.11207, 0.05352),
    1e4: (0.26427, 0.13004, 0.06812),
    3e4: (0.28402, 0.14304, 0.07823),
    1e5: (0.30327, 0.15507, 0.08748),
    3e5: (0.31889, 0.16438, 0.09472),
    1e6: (0.33514, 0.17369, 0.10092),
    3e6: (0.35102, 0.18179, 0.10664),
    1e7: (0.36952, 0.18991, 0.11303),
}
SLIDING: dict[float, tuple[float, ...]] = {
    3e3: (0.24339, 0.11860, 0.06400),
    1e4: (0.26827, 0.13544, 0.07790),
    3e4: (0.28777, 0.14757, 0.08737),
    1e5: (0.30789, 0.15979, 0.09574),
    3e5: (0.32439, 0.16888, 0.10202),
    1e6: (0.34102, 0.17682, 0.10943),
}


def thresholds(windows: Ints, n: int, sliding: bool, lengths: Floats) -> Floats:
    """The distance that each window of each signal must not reach: an array of signals, windows.

    >>> thresholds(np.array([100]), 100, False, np.array([1e4])).round(3)
    array([[0.32]])
    """
    bound = bounded(windows, n, lengths)
    if (n, tuple(windows.tolist())) != KNOWN:
        return bound
    return np.minimum(bound, tabulated(SLIDING if sliding else TABLE, windows, n, lengths))


def bounded(windows: Ints, n: int, lengths: Floats) -> Floats:
    """By Massart's bound."""
    h: Floats = np.sqrt((np.log(windows.size * lengths)[:, None] + 1) * slope(windows, n))
    return h


def tabulated(table: Mapping[float, tuple[float, ...]], windows: Ints, n: int, lengths: Floats) -> Floats:
    """By a table."""
    x, y = np.log(list(table)), np.array(list(table.values())) ** 2
    asked = np.log(lengths)
    steepest = np.maximum((y[-1] - y[-3]) / (x[-1] - x[-3]), slope(windows, n))  # the bound's is the least
    inside = np.stack([np.interp(asked, x, column) for column in y.T], axis=1)
    h: Floats = np.sqrt(inside + np.maximum(asked - x[-1], 0)[:, None] * steepest)
    return h


def slope(windows: Ints, n: int) -> Floats:
    """What h squared grows by while the bound's run length grows e times."""
    found: Floats = (n + windows) / (2 * n * windows)
    return found
