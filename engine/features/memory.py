"""All that is remembered by one key: of each card, say, or of the whole shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.features import jit
from engine.features.kernels import NEVER, Floats, Ints
from engine.features.keys import Keys
from engine.features.windows import Moment, Windows
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
    fields
        The columns of the values that are aggregated, by field.
    limits
        The limits of the spec.
    """

    def __init__(
        self, by: tuple[str, ...], features: dict[int, Feature], fields: dict[str, int], limits: Limits
    ) -> None:
        self.by, self.lateness_max = by, limits.lateness_max
        self.keys = Keys(limits.entities_max)
        self.newest = np.zeros(0, np.int64)
        self.late = self.too_late = self.unkeyed = 0
        self.tables: list[Windows] = []
        self.places: list[list[int]] = []
        for (over, tumbling), members in _alike(features).items():
            found = [features[place] for place in members]
            self.tables.append(
                Windows(found, fields, over, tumbling, limits.lateness_max, limits.window_events_max)
            )
            self.places.append(members)

    def run(self, keys: Sequence[Any], times: Ints, values: Floats) -> Iterator[tuple[int, Floats]]:
        """Enter events; give each feature's place and column."""
        at = self._moment(keys, times, values)
        for table, members in zip(self.tables, self.places, strict=True):
            table.reserve(len(self.keys))
            yield from zip(members, table.run(at), strict=True)

    def _moment(self, keys: Sequence[Any], times: Ints, values: Floats) -> Moment:
        slots, fresh = self.keys.take(keys)
        if (more := len(self.keys) - len(self.newest)) > 0:
            room = np.full(max(more, len(self.newest)), NEVER, np.int64)
            self.newest = np.concatenate([self.newest, room])
        before = np.empty(len(slots), np.int64)
        jit.run("clock", slots, fresh, times, self.newest, before)
        behind = before - times
        late = ((behind > 0).astype(np.uint8) + (behind > self.lateness_max)).astype(np.uint8)
        if late.any():
            self.late += int((late == 1).sum())
            self.too_late += int((late == 2).sum())
        self.unkeyed += int((slots < 0).sum())
        return Moment(slots, fresh, times, before, late, values)

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> list[Any]:
        order = self.keys.order()
        counts = [self.late, self.too_late, self.unkeyed]
        return [counts, self.keys.state(), self.newest[order], [t.state(order) for t in self.tables]]

    def restore(self, state: list[Any]) -> None:
        counts, keys, self.newest, tables = state
        self.late, self.too_late, self.unkeyed = counts
        self.keys.restore(keys)
        for table, one in zip(self.tables, tables, strict=True):
            table.restore(one)


def _alike(features: dict[int, Feature]) -> dict[tuple[int, bool], list[int]]:
    """Places of the features that share a table."""
    found: dict[tuple[int, bool], list[int]] = {}
    for place, feature in features.items():
        assert feature.over is not None
        found.setdefault((feature.over, feature.window == "tumbling"), []).append(place)
    return found
