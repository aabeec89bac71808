"""How far apart two samples are: distances, effect sizes, and what chance alone would give."""

from __future__ import annotations

import math
from itertools import cycle, takewhile
from typing import NamedTuple

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.sketch import Sketch

NORMAL_DENSITY = 1 / math.sqrt(2 * math.pi)
TERMS = 100


class Steps(NamedTuple):
    """Two distribution functions where either has a step."""

    values: Floats
    before: Floats
    now: Floats


def steps(sketch: Sketch, now: Floats) -> Steps:
    """Of a reference and of values that are sorted."""
    points = sketch.points()[0]
    values = np.concatenate([points, now])
    values.sort(kind="stable")
    before = sketch.below()[np.searchsorted(points, values, "right")] / max(1, sketch.n)
    return Steps(values, before, np.searchsorted(now, values, "right") / max(1, len(now)))


def kolmogorov(found: Steps) -> float:
    """The largest distance between the two."""
    return float(np.abs(found.before - found.now).max()) if len(found.values) else 0.0


def distance(sketch: Sketch, now: Floats) -> float:
    """The same of a reference and of values that are sorted, from the places of the fewer among the others.

    Between two of the fewer only the others have steps, so the two are farthest apart at one of them or right
    before it.

    >>> sketch = Sketch()
    >>> sketch.add(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> distance(sketch, np.array([2.0, 2.0, 5.0])), kolmogorov(steps(sketch, np.array([2.0, 2.0, 5.0])))
    (0.33333333333333337, 0.33333333333333337)
    """
    points = sketch.points()[0]
    if not len(points) or not len(now):
        return float(len(points) != len(now))
    before, since = sketch.below() / sketch.n, np.arange(len(now) + 1) / len(now)
    few, many, own, others = (now, points, since, before)
    if len(points) < len(now):
        few, many, own, others = (points, now, before, since)
    left = others[many.searchsorted(few)] - own[:-1]
    right = own[1:] - others[many.searchsorted(few, "right")]
    return float(np.maximum(left, right).max())


def kolmogorov_p(distance: float, n: int, m: int) -> float:
    """How often chance alone gives such a distance; Stephens' form of the limit, safe with ties.

    >>> round(kolmogorov_p(0.05, 1000, 1000), 3), kolmogorov_p(0.5, 1000, 1000) < 1e-50
    (0.16, True)
    """
    if not n or not m:
        return 1.0
    root = math.sqrt(n * m / (n + m))
    return kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)


def kolmogorov_tail(x: float) -> float:
    """How often chance alone gives so much, of a distance in units of its spread."""
    if x < 0.2:
        return 1.0
    sizes = takewhile(bool, (math.exp(-2 * (k * x) ** 2) for k in range(1, TERMS)))
    return min(1.0, max(0.0, math.fsum(2 * size * sign for size, sign in zip(sizes, cycle((1, -1))))))


def wasserstein(found: Steps) -> float:
    """How far the values have to be carried, on average; the finite part of it."""
    known = np.isfinite(found.values)
    values, gap = found.values[known], np.abs(found.before - found.now)[known]
    return float((np.diff(values) * gap[:-1]).sum()) if len(values) > 1 else 0.0


def cliffs_delta(sketch: Sketch, now: Floats) -> float:
    """The chance that a value now is above one before, less the chance that it is below: from -1 to 1."""
    points, below = sketch.points()[0], sketch.below()
    if not len(points) or not len(now):
        return 0.0
    low, high = np.searchsorted(points, now, "left"), np.searchsorted(points, now, "right")
    return float((below[low] + below[high]).mean() / sketch.n - 1)


def shares(counts: Counts, values: Floats) -> tuple[Floats, Floats, list[float]]:
    """The shares of all known categories and of the others, before and now; and which categories they are."""
    tally = Counts()
    tally.add(values)
    now = tally.known
    known = [*counts.known, *(value for value in now if value not in counts.known)]
    then = np.array([counts.known.get(value, 0) for value in known] + [counts.others], np.float64)
    since = np.array([now.get(value, 0) for value in known] + [tally.others], np.float64)
    return then / max(1, counts.n), since / max(1, tally.n), known


def total_variation(before: Floats, now: Floats) -> float:
    """The share of records that would have to change their category."""
    return float(np.abs(before - now).sum() / 2)


def jensen_shannon(before: Floats, now: Floats) -> float:
    """The divergence in bits, between 0 and 1.

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    middle = (before + now) / 2
    total = 0.0
    for part in (before, now):
        there = part > 0
        total += float((part[there] * np.log2(part[there] / middle[there])).sum()) / 2
    return max(0.0, total)


def by_chance(n: int, m: int, before: Floats | None = None) -> float:
    """The square of the distance between samples of one distribution; of shares, of the total variation."""
    if not n or not m:
        return 1.0
    spread = 1 / n + 1 / m
    if before is None:
        return math.pi**2 / 12 * spread
    variances = before * (1 - before) * spread
    return float(np.sqrt(variances).sum() * NORMAL_DENSITY) ** 2


def cohens_d(before: tuple[float, float], now: tuple[float, float]) -> float | None:
    """The difference of means in standard deviations; None if all values are the same."""
    sd = math.hypot(before[1], now[1]) / math.sqrt(2)
    return (now[0] - before[0]) / sd if sd > 0 and math.isfinite(sd) else None


def moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of what is finite."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan
    size = float(np.abs(known).max()) or 1.0
    scaled = known / size
    return float(scaled.mean()) * size, float(scaled.std()) * size


def chi_square_p(found: float, freedom: int) -> float:
    """How often chance alone gives so much, by Wilson and Hilferty's cube root.

    >>> round(chi_square_p(11.07, 5), 3)
    0.05
    """
    z = ((found / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return math.erfc(z / math.sqrt(2)) / 2


def shares_p(gap: float, ones: float, n: int, m: int) -> float:
    """How often two equal shares are so far apart, of n and m values of which so many are ones."""
    both = ones / (n + m)
    spread = math.sqrt(max(0.0, both * (1 - both)) * (1 / n + 1 / m))
    return math.erfc(abs(gap) / spread / math.sqrt(2)) if spread else 1.0
