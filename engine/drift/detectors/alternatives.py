"""What `rank_sr` bets on: how ranks lie when the values are not what they were.

While nothing changes, a value's rank among those before it is uniform on (0, 1). Each alternative is another
density on (0, 1): where ranks would pile up if the values had gone up, spread, or taken another shape.
Between the edges of a grid that is finer towards both ends, a density is constant, so that its mean over any
interval is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp, pi, sin
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import Floats
from engine.drift.detectors.rank_kernel import CHARTS, FRESH, PARTS, SPAN

MEMORIES = (50.0, 200.0, 800.0)  # values after which a histogram has forgotten all but a third
LEARNED_SHARE = (0.12, 0.0)  # of all bets, those on the histograms; and while only two values are known
PRIOR = 0.5  # of its memory: what a histogram believes in uniform ranks
FINE = (
    (1 / 256, 1024),
    (1 / 64, 256),
    (1 / 16, 128),
    (1 / 2, 32),
)  # up to where, how many cells in all of (0, 1)
NORMAL = NormalDist()
Cdf = Callable[[float], float]


class Tables(NamedTuple):
    """What the kernel looks up; none of it changes."""

    densities: Floats  # by cell of the grid and by chart
    below: Floats  # how much of each lies below the cell
    edges: Floats  # of the cells
    cells: Any  # of which cell each of `PARTS` equal parts is
    weights: Floats  # what is bet anew, with each value, on each fixed density; below, while two are known
    stakes: Floats  # and on each histogram
    decay: Floats  # what remains of a histogram each time that it is freshened
    prior: Floats  # what it counts as seen before
    above: Any  # which places lie behind a place


def shifted(by: float) -> Cdf:
    """Normal values went up by so many standard deviations."""
    return lambda u: NORMAL.cdf(NORMAL.inv_cdf(u) - by)


def spread(by: float) -> Cdf:
    """Normal values spread by this factor."""
    return lambda u: NORMAL.cdf(NORMAL.inv_cdf(u) / by)


def waves(halves: int, height: float) -> Cdf:
    """Ranks pile up and thin out along a cosine."""
    return lambda u: u + height * sin(pi * halves * u) / (pi * halves)


def fourth(height: float) -> Cdf:
    """Along Legendre's polynomial of the fourth degree."""

    def cdf(u: float) -> float:
        x = 2 * u - 1
        return u + height * (7 * x**5 - 10 * x**3 + 3 * x) / 16

    return cdf


def tails(width: float, mass: float) -> Cdf:
    """So much of all values lies at the ends, which held `width`."""
    inner = (1 - mass) / (1 - width)

    def cdf(u: float) -> float:
        edge = min(u, width / 2) + max(u - 1 + width / 2, 0.0)
        return inner * (u - edge) + mass / width * edge

    return cdf


class Alternative(NamedTuple):
    """A density, by its cdf, and how much is bet on it beside the others."""

    what: str
    weight: float
    of_two: float  # the weight while only two different values are known
    cdf: Cdf


ALTERNATIVES = (
    *(
        Alternative(what, weight, of_two, shifted(sign * by))
        for by, weight, of_two in ((0.25, 6, 6), (0.5, 2.5, 2.5), (1.0, 1, 0.7), (2.0, 0.5, 0.4))
        for what, sign in (("up", 1), ("down", -1))
    ),
    *(Alternative("narrower" if by < 1 else "wider", 1.1, 0, spread(by)) for by in (0.5, 0.7, 1.4, 2.0)),
    *(Alternative("shape", 0.5, 0, waves(3, height)) for height in (-0.7, 0.7)),
    *(Alternative("shape", 0.5, 0, waves(4, height)) for height in (-0.9, -0.4, 0.4)),
    Alternative("shape", 0.5, 0, fourth(-0.8)),
    Alternative("tails", 3, 0.1, tails(0.01, 0.05)),
    Alternative("tails", 3, 0.1, tails(0.003, 0.04)),
    *(Alternative(what, 0, 1, shifted(by)) for what, by in (("up", 0.125), ("down", -0.125))),
)
"""What is bet most on takes longest to show: small shifts, and what only few values tell of.

Of two values only the shares can change, which is a shift: nearly all is bet on these, then.
"""
WHAT = (
    *(each.what for each in ALTERNATIVES),
    *("" for _ in range(len(ALTERNATIVES), CHARTS)),
    *("shape" for _ in MEMORIES),
)
"""By chart, what it says when it wins; those on histograms come last."""


def grid() -> Floats:
    """The edges of the cells.

    >>> edges = grid()
    >>> len(edges), float(edges[1]), float(edges[-1]), bool((edges + edges[::-1] == 1).all())
    (55, 0.0009765625, 1.0, True)
    """
    lower, found = 0.0, [0.0]
    for upper, cells in FINE:
        found += [at / cells for at in range(int(lower * cells) + 1, int(upper * cells) + 1)]
        lower = upper
    return np.array(found + [1 - edge for edge in reversed(found[:-1])])


@cache
def tables() -> Tables:
    """Worked out once, with the standard library's functions only: the same for every form of the kernel."""
    edges = grid()
    within, fixed, learned = edges[1:-1].tolist(), len(ALTERNATIVES), len(MEMORIES)
    cdfs = np.array([[0.0, *map(each.cdf, within), 1.0] for each in ALTERNATIVES]).T
    densities, below = np.ones((len(edges) - 1, CHARTS)), np.repeat(edges[:-1, None], CHARTS, 1)
    densities[:, :fixed] = np.diff(cdfs, axis=0) / np.diff(edges)[:, None]
    below[:, :fixed] = cdfs[:-1]
    weights, histograms = np.zeros((2, CHARTS)), np.array(LEARNED_SHARE)[:, None]
    weights[:, :fixed] = [[each.weight for each in ALTERNATIVES], [each.of_two for each in ALTERNATIVES]]
    weights *= (1 - histograms) / weights.sum(1, keepdims=True)
    return Tables(
        densities,
        below,
        edges,
        (np.searchsorted(edges, np.arange(PARTS) / PARTS, side="right") - 1).astype(np.uint8),
        weights,
        np.repeat(histograms / learned, learned, 1),
        np.array([exp(-FRESH / memory) for memory in MEMORIES]),
        PRIOR * np.array(MEMORIES),
        (np.arange(SPAN) > np.arange(SPAN)[:, None]).astype(np.int32),
    )
