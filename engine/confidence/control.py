"""How much may be missed, so that the coverage comes out as it was asked for.

A quantile of what was seen covers what comes next only as long as nothing changes. So the level of the
quantile is itself corrected by what was missed (adaptive conformal inference, Gibbs and Candes, 2021):

    level = level + step * (allowed - missed)        for each label

Whatever the stream does, the share that is missed in the long run is then the one that is allowed: over n
labels the two differ by at most (1 + step) / (step * n), unless the level meets its bounds. Below zero it is
a debt: there everything is covered, until as much was not missed as was missed too much before.

A miss is counted against what would be said now, not against what was said then. The two are the same when
labels come at once. When they come late, the level would otherwise be pushed on for as long as labels of old
predictions come in, and swing.
"""

from __future__ import annotations

DEBT_MAX = 0.2


def corrected(level: float, allowed: float, missed: int, labels: int, step: float) -> float:
    """The level after a block of labels, between -DEBT_MAX and 1.

    >>> corrected(0.1, allowed=0.1, missed=10, labels=100, step=0.003)
    0.1
    >>> corrected(0.1, allowed=0.1, missed=30, labels=100, step=0.003) < 0.1
    True
    """
    return min(max(-DEBT_MAX, level + step * (allowed * labels - missed)), 1.0)
