"""Marks: what each value says, against its reference, about place, spread and shape.

A number's rank in its reference lies between 0 and 1. Its marks are the first four Legendre polynomials of
that rank: the parts of Neyman's smooth test. While nothing changes each has mean 0 and spread 1, whatever the
distribution; a shift moves the mean of the first, another spread that of the second, and so on. A category's
marks say which of the frequent ones it is, so that their squares sum up to a chi-square.

Since they are means, marks can be summed over records: up to where the sum is largest tells when a change
began (`start`), and what a group of records adds to it is the group's share (`provenance.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.sketch import Sketch

DEGREES = 4
CATEGORIES = 16  # that have a mark each
SHORTEST = 4  # values of a change; fewer tell nothing of it
HINT = 6.0  # a place that is half or twice as far back as the detector says has to be clearer by 3
NEAR = 6.0  # a place that is less clear by no more than that may be it, too


def marks(values: Floats, reference: Sketch | Counts) -> Floats:
    """A row a mark, a column a value; none of the values is NaN."""
    if isinstance(reference, Counts):
        return _of_categories(values, reference)
    return _of_numbers(values, reference)


def ranks(values: Floats, sketch: Sketch) -> Floats:
    """Where values lie in the reference, between 0 and 1; of equal ones the middle."""
    points, below = sketch.points()[0], sketch.below()
    low, high = np.searchsorted(points, values, "left"), np.searchsorted(points, values, "right")
    found: Floats = (below[low] + below[high]) / (2 * max(1, sketch.n))
    return found


def _of_numbers(values: Floats, sketch: Sketch) -> Floats:
    points, weights = sketch.points()
    different = 1 + int((points[1:] != points[:-1]).sum())
    degrees = min(DEGREES, max(1, different - 1))
    share = weights / sketch.n
    there, found = (_legendre(ranks(each, sketch))[:degrees] for each in (points, values))
    mean = there @ share
    centred = there - mean[:, None]
    spread = np.sqrt((centred * centred) @ share)
    least = np.sqrt(0.5 / sketch.n)  # of a constant reference
    told: Floats = (found - mean[:, None]) / np.maximum(spread, least)[:, None]
    return told


def _legendre(rank: Floats) -> Floats:
    """Polynomials that are orthonormal on (0, 1)."""
    x = 2 * rank - 1
    square = x * x
    return np.stack(
        [
            np.sqrt(3) * x,
            np.sqrt(5) / 2 * (3 * square - 1),
            np.sqrt(7) / 2 * x * (5 * square - 3),
            3 / 8 * ((35 * square - 30) * square + 3),
        ]
    )


def _of_categories(values: Floats, counts: Counts) -> Floats:
    known = list(counts.top(CATEGORIES))
    least = 0.5 / counts.n
    rows = []
    rest = np.ones(len(values))
    for category in known:
        is_it = (values == category).astype(np.float64)
        rest -= is_it
        rows.append((is_it, counts.share(category)))
    rows.append((rest, 1 - sum(share for _, share in rows)))
    return np.stack([(is_it - share) / np.sqrt(max(share, least)) for is_it, share in rows])


class Start(NamedTuple):
    """Where a change began."""

    column: int
    clear: float  # how clear it is: as a chi-square with a degree for each mark
    open: bool  # the first column is about as likely: it may have begun before


def start(of: Floats, n: int | None, least: int = 0, back: int = 0) -> Start:
    """Where a change most likely began that lasts up to the last column.

    Where the sum of marks from there on is largest, measured by its own spread. `n` is how many values the
    reference was made of; None if it is these very values: then the first are compared with the last. The
    change is not looked for before column `least`. Places near the one that a detector names, `back` values
    ago, are preferred.
    """
    columns = int(of.shape[1])
    if columns - least < 2:
        return Start(min(least, max(0, columns - 1)), 0.0, least == 0)
    sums = np.cumsum(of[:, ::-1], axis=1)[:, ::-1][:, least:]
    many = np.arange(columns - least, 0, -1)
    if n is None:
        spread = many * np.maximum(columns - many, 1e-9) / columns
        spread[0] = np.inf if least == 0 else spread[0]
    else:
        spread = many * (1 + many / n)
    found: Floats = (sums * sums).sum(axis=0) / spread
    likely = found if not back else found - HINT * np.log(many / back) ** 2
    at = int(likely[: max(1, len(many) - SHORTEST + 1)].argmax())
    near = bool(found[0] >= found[at] - NEAR) and n is not None
    return Start(least + at, float(found[at]), least == 0 and (near or at == 0))
