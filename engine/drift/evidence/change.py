"""What kind of change it is, and how large: a signal's values since it began, beside its reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import Floats
from engine.drift.evidence import effects
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.record import Category, Change, Figures, Histogram
from engine.drift.evidence.reference import Reference
from engine.drift.evidence.sketch import Sketch
from engine.drift.signals import Kind

BINS = 20
CATEGORIES_TOLD = 10
TAIL = 0.005  # of either side, not drawn in a histogram
SPREAD = 0.242  # how far apart two normal distributions are, by the logarithm of the ratio of their spreads
WHOLE = 0.5  # a distance of which less is explained by mean and spread is one of shape


class Compared(NamedTuple):
    """What came of it."""

    change: str
    direction: str
    effect: str
    effect_size: float | None
    effects: Figures
    p_value: float | None
    distance: float  # Kolmogorov-Smirnov, or the total variation
    before: float | None = None  # the figure that changed, then
    now: float | None = None


def compared(kind: Kind, reference: Reference, now: Floats) -> Compared:
    """A signal of this kind: its reference, and its values since the change began, in order of size."""
    if isinstance(reference.values, Counts):
        return _categories(reference.values, now)
    sketch = reference.values
    if kind is Kind.MISSING or (is_share(sketch.points()[0]) and is_share(now)):
        return _share("missing" if kind is Kind.MISSING else "share", sketch, now)
    return _numbers(sketch, now)


def is_share(values: Floats) -> bool:
    """Whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _share(name: str, sketch: Sketch, now: Floats) -> Compared:
    before, since = sketch.moments()[0], effects.moments(now)[0]
    gap, p = share_gap(before, since, sketch.n, len(now))
    figures: Figures = {"difference": gap, "before": before, "now": since}
    return Compared(name, _direction(gap), "difference", gap, figures, p, abs(gap), before, since)


def share_gap(before: float, since: float, n: int, m: int) -> tuple[float, float]:
    """How far apart two shares are, of n and m values, and how often chance alone gives so much."""
    gap = 0.0 if math.isnan(before) or math.isnan(since) else since - before
    return gap, effects.shares_p(gap, before * n + since * m, n, m) if gap else 1.0


def _categories(counts: Counts, now: Floats) -> Compared:
    before, since, _ = effects.shares(counts, now)
    total = effects.total_variation(before, since)
    p = _chi_square_p(before, since, counts.n, len(now))
    figures: Figures = {"total_variation": total, "jensen_shannon": effects.jensen_shannon(before, since)}
    return Compared("categories", "", "total_variation", total, figures, p, total)


def _chi_square_p(before: Floats, now: Floats, n: int, m: int) -> float | None:
    """Of the two-sample chi-square."""
    both = (before * n + now * m) / max(1, n + m)
    there = both > 0
    freedom = int(there.sum()) - 1
    if freedom < 1 or not n or not m:
        return None
    found = float((((now - before) ** 2)[there] / both[there]).sum()) * n * m / (n + m)
    return effects.chi_square_p(found, freedom)


def _numbers(sketch: Sketch, now: Floats) -> Compared:
    steps = effects.steps(sketch, now)
    distance = effects.kolmogorov(steps)
    before, since = sketch.moments(), effects.moments(now)
    d, spread = effects.cohens_d(before, since), _log_ratio(before[1], since[1])
    delta = effects.cliffs_delta(sketch, now)
    figures: Figures = {
        "kolmogorov_smirnov": distance,
        "wasserstein": effects.wasserstein(steps),
        "cohens_d": d,
        "cliffs_delta": delta,
        "log_spread_ratio": spread,
    }
    change = _kind(_beyond(distance, d, spread, sketch.n, len(now)), before[1] != since[1])
    size, name = {
        "mean": (d, "cohens_d"),
        "spread": (spread, "log_spread_ratio"),
        "shape": (distance, "kolmogorov_smirnov"),
    }[change]
    sign = {"mean": d if d is not None else delta, "spread": since[1] - before[1]}.get(change)
    p = effects.kolmogorov_p(distance, sketch.n, len(now))
    pair = {"mean": (before[0], since[0]), "spread": (before[1], since[1])}.get(change, (None, None))
    return Compared(change, _direction(sign), name, size, figures, p, distance, *pair)


def _beyond(
    distance: float, d: float | None, spread: float | None, n: int, m: int
) -> tuple[float, float | None, float | None]:
    """The same figures less what chance gives on average, of n and m values."""
    pooled = 1 / max(1, n) + 1 / max(1, m)
    far = math.sqrt(max(0.0, distance**2 - effects.by_chance(n, m)))
    mean = None if d is None else math.sqrt(max(0.0, d**2 - pooled))
    wide = None if spread is None else math.sqrt(max(0.0, spread**2 - pooled / 2))
    return far, mean, wide


def _kind(beyond: tuple[float, float | None, float | None], other: bool) -> str:
    """Whether the mean or the spread explains the distance, as it would of a normal distribution."""
    distance, d, spread = beyond
    by_mean = 1.0 if d is None else math.erf(d / 2 / math.sqrt(2))
    by_spread = SPREAD * spread if spread is not None else float(other)  # one of them has none
    if max(by_mean, by_spread) < WHOLE * distance:
        return "shape"
    return "mean" if by_mean >= by_spread else "spread"


def _log_ratio(before: float, now: float) -> float | None:
    return math.log(now) - math.log(before) if before > 0 and now > 0 else None


def _direction(sign: float | None) -> str:
    return "" if not sign or math.isnan(sign) else "up" if sign > 0 else "down"


def missing(reference: Reference, records: int, values: int) -> Change | None:
    """Whether values are missing in another share than before, clearly."""
    before, now = reference.missing, 1 - values / records if records else 0.0
    n = reference.asked
    if not n or not records or abs(now - before) < 0.01:
        return None
    p = effects.shares_p(now - before, before * n + now * records, n, records)
    return Change("missing", before, now, now - before) if p < 1e-4 else None


def rate(before: Any, since: Any) -> Change | None:
    """Whether records come at another rate: by their times, ms, before the change and since."""
    n, m = len(before) - 1, len(since)
    if n < BINS or m < BINS:
        return None
    spans = (int(before[-1] - before[0]), int(since[-1] - before[-1]))
    if min(spans) <= 0:
        return None
    rates = (1000 * n / spans[0], 1000 * m / spans[1])
    ratio = math.log(rates[1] / rates[0])
    clear = abs(ratio) > max(math.log(1.5), 4 * math.sqrt(1 / n + 1 / m))
    return Change("rate", *rates, ratio) if clear else None


def histogram(sketch: Sketch, now: Floats) -> Histogram | None:
    """Both over common edges; of few different values a bin each."""
    points = sketch.points()[0]
    values = np.concatenate([points, now])
    values = np.unique(values[np.isfinite(values)])
    if not len(values):
        return None
    edges = _around(values) if len(values) <= BINS else _between(sketch, now)
    if not np.isfinite(edges).all():
        return None
    current = np.histogram(np.clip(now, edges[0], edges[-1]), edges)[0] / max(1, len(now))
    return Histogram(edges.tolist(), sketch.histogram(edges).tolist(), current.tolist())


def _around(values: Floats) -> Floats:
    """An edge between any two values."""
    gaps = np.diff(values) if len(values) > 1 else np.array([1.0])
    inner = values[:-1] + np.diff(values) / 2
    return np.concatenate([[values[0] - gaps[0] / 2], inner, [values[-1] + gaps[-1] / 2]])


def _between(sketch: Sketch, now: Floats) -> Floats:
    """Equal bins but for the tails."""
    finite = now[np.isfinite(now)]
    own = np.quantile(finite, [TAIL, 1 - TAIL]).tolist() if len(finite) else []
    found = [v for v in (*sketch.quantiles([TAIL, 1 - TAIL]), *own) if math.isfinite(v)]
    low, high = min(found, default=0.0), max(found, default=0.0)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1) if math.isfinite(high - low) else np.array([low, high])


def categories(counts: Counts, now: Floats, names: Mapping[float, str]) -> list[Category]:
    """The categories whose shares moved most, and the new ones."""
    before, since, known = effects.shares(counts, now)
    order = np.argsort(-np.abs(since - before), kind="stable").tolist()
    told = []
    for i in order[:CATEGORIES_TOLD]:
        name = "(other)" if i == len(known) else names.get(known[i], "(unnamed)")
        if before[i] or since[i]:
            new = not before[i] and i < len(known) and not counts.others
            told.append(Category(name, float(before[i]), float(since[i]), new))
    return told
