"""What windows over event time remember of each key: a table of buckets (`kernels.py`) for each length.

All features of one key and one length share a table; a column of it is a count, sum, least or largest
value, or sum of squares that some of them need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.features.kernels import COUNT, KNOWN, LEAST, MOST, SQUARES, SUM, Floats
from engine.features.moment import Moment, Span
from engine.features.slots import Arena
from engine.specfeatures import Feature

TINY = 1e-18

# The columns that an aggregation needs.
NEEDS: dict[str, tuple[int, ...]] = {
    "count": (KNOWN,),
    "sum": (SUM,),
    "mean": (KNOWN, SUM),
    "min": (LEAST,),
    "max": (MOST,),
    "variance": (SQUARES, KNOWN, SUM),
    "zscore": (SQUARES, KNOWN, SUM),
}


class Windows:
    """The windows of one key and one length.

    Parameters
    ----------
    features
        What is to be known of them.
    span
        Which windows these are.
    events_max
        Events of one key that a sliding window tells apart.
    """

    def __init__(self, features: Sequence[Feature], span: Span, events_max: int) -> None:
        self.features, self.span = features, span
        self._plan()
        most = span.lateness_max // span.over + 2 if span.tumbling else events_max
        self.buckets = Arena(most, len(self.kinds))
        self.own = np.empty((1, len(self.kinds)))

    def _plan(self) -> None:
        """Which columns there are, and where each feature finds its own."""
        self.fields = list(dict.fromkeys(f.source for f in self.features if f.source is not None))
        columns: dict[tuple[int, str | None], int] = {}
        for feature in sorted(self.features, key=lambda f: SQUARES not in needs(f)):
            for kind in needs(feature):
                columns.setdefault((kind, feature.source), len(columns))
        self.places = [tuple(columns[kind, f.source] for kind in needs(f)) for f in self.features]
        self.kinds = np.array([kind for kind, _ in columns], np.int64)
        of = [self.fields.index(field) if field is not None else -1 for _, field in columns]
        self.columns = np.array(of, np.int64)

    def reserve(self, slots: int) -> None:
        self.buckets.reserve(slots)

    def run(self, at: Moment) -> list[Floats]:
        n, width, buckets = len(at), len(self.kinds), self.buckets
        values = np.empty((n, len(self.fields)))
        for i, field in enumerate(self.fields):
            values[:, i] = at.numbers[field]
        kept = [any(f.own is own for f in self.features) for own in (False, True)]
        without, with_own = (np.full((n if some else 0, width), np.nan) for some in kept)
        borders, done = self.span.borders(at), 0
        while done < n:
            done = at.call(
                "walk", done, at.slots, at.fresh, at.late, *borders, values, self.kinds, self.columns,
                buckets.most, *buckets.arrays, self.own, without, with_own,
            )  # fmt: skip
            if done < n:
                buckets.grow()
        found = []
        for feature, columns in zip(self.features, self.places, strict=True):
            stats = with_own if feature.own else without
            own = at.numbers[feature.source] if feature.source else stats[:, 0]
            found.append(result(feature, stats, columns, own))
        return found

    def state(self, slots: int) -> list[Any]:
        return self.buckets.state(slots)

    def one(self, slot: int) -> list[Any]:
        return self.buckets.one(slot)

    def restore(self, state: list[Any]) -> None:
        self.buckets.restore(state)


def needs(feature: Feature) -> tuple[int, ...]:
    """The columns of a feature; those of SQUARES stand side by side."""
    return NEEDS[feature.verb] if feature.source else (COUNT,)


def result(feature: Feature, stats: Floats, columns: tuple[int, ...], x: Floats) -> Floats:
    """A feature from the stats of its windows, and the events' own values; NaN where it is missing."""
    found: list[Floats] = [stats[:, c] for c in columns]
    with np.errstate(all="ignore"):
        value = found[0]
        if feature.agg == "mean":
            value = found[1] / np.where(found[0] > 0, found[0], np.nan)
        elif feature.agg in ("variance", "zscore"):
            squares, known, total = found
            value = squares / np.where(known > 1, known - 1, np.nan)
            if feature.agg == "zscore":
                value = (x - total / known) / np.sqrt(np.where(value > 0, value, np.nan))
        finite: Floats = np.where(np.isfinite(value), value, np.nan)
    return finite
