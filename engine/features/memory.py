"""All that is remembered by one key: of each card, say, or of the whole shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.features.distinct import Distinct
from engine.features.kernels import NEVER, Floats, Ints
from engine.features.keys import Keys
from engine.features.moment import Call, Column, Moment, Span, Table
from engine.features.recent import Ewm, Last, SinceLast
from engine.features.slots import longer
from engine.features.windows import Windows
from engine.specfeatures import Feature
from engine.specparts import Limits


class Memory:
    """What the features with the same `by` remember.

    Parameters
    ----------
    by
        The fields of the key.
    features
        The features with their place in the row.
    limits
        The limits of the spec.
    """

    def __init__(self, by: tuple[str, ...], features: Mapping[int, Feature], limits: Limits) -> None:
        self.by, self.lateness_max = by, limits.lateness_max
        self.keys = Keys(limits.entities_max)
        self.newest = np.zeros(0, np.int64)
        self.seen = np.zeros(3, np.int64)  # late, too late, without a key
        alike: dict[tuple[Any, ...], list[int]] = {}
        for place, feature in features.items():
            alike.setdefault(_table_of(feature, place), []).append(place)
        self.places = list(alike.values())
        self.tables = [_table([features[p] for p in places], limits) for places in self.places]

    def run(
        self, call: Call, keys: Column, times: Ints, numbers: Mapping[str, Floats], read: Mapping[str, Column]
    ) -> Iterator[tuple[int, Floats | Column]]:
        """Enter events; give each feature's place and column."""
        at = self._moment(call, keys, times, numbers, read)
        for table, places in zip(self.tables, self.places, strict=True):
            table.reserve(len(self.keys))
            yield from zip(places, table.run(at), strict=True)

    def _moment(
        self, call: Call, keys: Column, times: Ints, numbers: Mapping[str, Floats], read: Mapping[str, Column]
    ) -> Moment:
        slots, fresh = self.keys.take(keys)
        self.newest = longer(self.newest, len(self.keys), NEVER)
        before, late = np.empty(len(slots), np.int64), np.empty(len(slots), np.uint8)
        call("clock", slots, fresh, times, self.lateness_max, self.newest, before, late, self.seen)
        return Moment(call, slots, fresh, times, before, late, numbers, read)

    def counts(self) -> dict[str, int]:
        """Events by how late they were, those without a key, and keys that left."""
        names = ("late", "too_late", "unkeyed", "left")
        return dict(zip(names, [*self.seen.tolist(), self.keys.left], strict=True))

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> list[Any]:
        slots = len(self.keys)
        tables = [table.state(slots) for table in self.tables]
        return [self.seen.copy(), self.keys.state(), self.newest[:slots].copy(), tables]

    def one(self, key: Any) -> list[Any] | None:
        """The state of a memory that knows this key only; None if this one does not know it."""
        if (slot := self.keys.slots.get(key)) is None:
            return None
        tables = [table.one(slot) for table in self.tables]
        newest = self.newest[slot : slot + 1].copy()
        return [np.zeros(3, np.int64), [[key], np.zeros(1, np.int64), 0, 0], newest, tables]

    def restore(self, state: list[Any]) -> None:
        self.seen, keys, self.newest, tables = state
        self.keys.restore(keys)
        for table, one in zip(self.tables, tables, strict=True):
            table.restore(one)


def _table_of(feature: Feature, place: int) -> tuple[Any, ...]:
    """Equal for features that share a table."""
    window = feature.over, feature.window
    match feature.agg:
        case "since_last" | "last" | "ewm":
            return (place,)
        case "distinct":
            return (*window, feature.source)
        case _:
            return window


def _table(features: Sequence[Feature], limits: Limits) -> Table:
    feature = features[0]
    match feature.agg:
        case "since_last":
            return SinceLast()
        case "last":
            return Last(feature)
        case "ewm":
            return Ewm(feature)
    assert feature.over is not None
    span = Span(feature.over, feature.window == "tumbling", limits.lateness_max)
    if feature.agg == "distinct":
        return Distinct(features, span, limits.distinct_max)
    return Windows(features, span, limits.window_events_max)
