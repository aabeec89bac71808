"""What windows over event time remember of each key: a table of buckets (`kernels.py`) for each length.

All features of one key and one length share a table; a column of it is a count, sum, least or largest
value, or sum of squares that some of them need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.features import jit
from engine.features.kernels import (
    COUNT,
    KNOWN,
    LEAST,
    MOST,
    SMALLEST,
    SQUARES,
    SUM,
    Flags,
    Floats,
    Ints,
)
from engine.specfeatures import Feature

ROOM = 1024  # buckets of an arena at first
GROWTH = 1.5

# The columns that an aggregation needs; those of SQUARES stand side by side.
NEEDS: dict[str, tuple[tuple[int, ...], ...]] = {
    "count": ((KNOWN,),),
    "sum": ((SUM,),),
    "mean": ((KNOWN,), (SUM,)),
    "min": ((LEAST,),),
    "max": ((MOST,),),
    "variance": ((SQUARES, KNOWN, SUM),),
    "zscore": ((SQUARES, KNOWN, SUM),),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Events of one batch as those see them who remember by key."""

    slots: Ints
    fresh: Flags
    times: Ints
    before: Ints  # the newest event time of the same key before, or NEVER
    late: Flags  # 0: not; 1: within limits.lateness_max; 2: later
    values: Floats  # a column for each field that is aggregated; NaN where it is missing


class Windows:
    """The windows of one key and one length.

    Parameters
    ----------
    features
        What is to be known of them.
    fields
        The columns of `Moment.values` by name.
    over, tumbling
        Which windows these are.
    lateness_max, events_max
        The limits of the spec.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        fields: dict[str, int],
        over: int,
        tumbling: bool,
        lateness_max: int,
        events_max: int,
    ) -> None:
        self.features, self.over, self.tumbling, self.lateness_max = features, over, tumbling, lateness_max
        self.most = lateness_max // over + 2 if tumbling else events_max
        self._plan(fields)
        width = len(self.kinds)
        self.own = np.empty((1, width))
        self.start, self.head, self.size = (np.zeros(0, np.int64) for _ in range(3))
        self.power = np.zeros(0, np.int64)
        self.free = np.full(self.most.bit_length() + 2, -1, np.int64)
        self.arena = np.zeros(1, np.int64)
        self.first, self.last = np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64)
        self.stats = np.zeros((ROOM, width))

    def _plan(self, fields: dict[str, int]) -> None:
        """Which columns there are, and where each feature finds its own."""
        columns: list[tuple[int, int]] = []
        self.places: list[tuple[int, ...]] = []
        wholes = sorted(self.features, key=lambda f: -len(NEEDS[f.agg][0]))  # SQUARES bring two more
        found: dict[tuple[int, int], int] = {}
        for feature in wholes:
            field = fields[feature.of] if feature.of else -1
            for kinds in NEEDS[feature.agg] if feature.of else ((COUNT,),):
                if (kinds[0], field) not in found:
                    for kind in kinds:
                        found.setdefault((kind, field), len(columns))
                        columns.append((kind, field))
        for feature in self.features:
            field = fields[feature.of] if feature.of else -1
            needed = [k for kinds in NEEDS[feature.agg] for k in kinds] if feature.of else [COUNT]
            self.places.append(tuple(found[kind, field] for kind in needed))
        self.kinds = np.array([kind for kind, _ in columns], np.int64)
        self.fields = np.array([field for _, field in columns], np.int64)

    def reserve(self, slots: int) -> None:
        """Make room for so many slots."""
        have = len(self.start)
        if slots > have:
            more = max(slots, have * 2, 16) - have
            for name in ("start", "head", "size"):
                setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more, np.int64)]))
            self.power = np.concatenate([self.power, np.full(more, -1, np.int64)])

    def run(self, at: Moment) -> list[Floats]:
        """Enter events; return a column for each feature, NaN where it is missing."""
        n, width = len(at.slots), len(self.kinds)
        places, lows, horizons = self._borders(at)
        kept = [any(f.own is own for f in self.features) for own in (False, True)]
        without, with_own = (np.full((n if some else 0, width), np.nan) for some in kept)
        done = 0
        while done < n:
            done = jit.run(
                "walk", done, at.slots, at.fresh, at.late, places, lows, horizons, at.values,
                self.kinds, self.fields, self.most, self.start, self.power, self.head, self.size,
                self.free, self.arena, self.first, self.last, self.stats, self.own, without, with_own,
            )  # fmt: skip
            if done < n:
                self._grow()
        pairs = zip(self.features, self.places, strict=True)
        found = []
        for feature, columns in pairs:
            stats = with_own if feature.own else without
            x = at.values[:, self.fields[columns[0]]] if feature.of else at.times
            found.append(result(feature, stats, columns, x))
        return found

    def _borders(self, at: Moment) -> tuple[Ints, Ints, Ints]:
        """Of each event: where it is entered, and up to where its window and what is remembered begin."""
        newest = np.maximum(at.before, at.times)
        if not self.tumbling:
            return at.times, at.times - self.over, newest - (self.over + self.lateness_max)
        places = at.times // self.over * self.over
        return places, places - 1, (newest - self.lateness_max) // self.over * self.over - 1

    def _grow(self) -> None:
        room = int(len(self.first) * GROWTH) + 2 * self.most
        for name in ("first", "last", "stats"):
            before = getattr(self, name)
            after = np.zeros((room, *before.shape[1:]), before.dtype)
            after[: len(before)] = before
            setattr(self, name, after)

    # -- its state -------------------------------------------------------------------------------------

    def state(self, order: Ints) -> list[Any]:
        """The buckets of the slots in this order, without the gaps between them."""
        sizes = self.size[order]
        at = spread(self.start[order] + self.head[order], sizes)
        return [sizes, self.first[at], self.last[at], self.stats[at]]

    def restore(self, state: list[Any]) -> None:
        sizes, first, last, stats = state
        self.reserve(len(sizes))
        n = len(sizes)
        needed = np.maximum(sizes, 1 << SMALLEST)
        power = np.ceil(np.log2(needed)).astype(np.int64)
        power[sizes == 0] = -1
        rooms = np.where(power >= 0, 1 << np.maximum(power, 0), 0)
        self.power[:n], self.size[:n] = power, sizes
        self.start[:n] = np.cumsum(rooms) - rooms
        self.arena[:] = rooms.sum()
        while len(self.first) < rooms.sum():
            self._grow()
        at = spread(self.start[:n], sizes)
        self.first[at], self.last[at], self.stats[at] = first, last, stats


def spread(starts: Ints, sizes: Ints) -> Ints:
    """All places of consecutive runs.

    >>> spread(np.array([10, 20, 30]), np.array([2, 0, 3])).tolist()
    [10, 11, 30, 31, 32]
    """
    ends = np.cumsum(sizes)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    places: Ints = np.repeat(starts, sizes) + within
    return places


def result(feature: Feature, stats: Floats, columns: tuple[int, ...], x: Floats | Ints) -> Floats:
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
