"""Features that are more than a field of the event: windows over time, by key.

keys.py      whose memory: keys to slots, a bound on keys
memory.py    all that is remembered by one key
windows.py   windows over event time
kernels.py   their inner loops
jit.py       compiled, when there was time for it
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from engine.columns import Events
from engine.features.kernels import Floats
from engine.features.memory import Memory
from engine.spec import Spec
from engine.specfeatures import Feature

Column = Sequence[Any]


class Made:
    """Makes the rows of a spec in which not all features are fields.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    def __init__(self, spec: Spec) -> None:
        self.read = {name: i for i, name in enumerate(spec.row_fields)}
        self.entries = spec.features
        made = {i: entry for i, entry in enumerate(self.entries) if isinstance(entry, Feature)}
        self.aggregated = list(dict.fromkeys(f.of for f in made.values() if f.of is not None))
        columns = {name: i for i, name in enumerate(self.aggregated)}
        keys = dict.fromkeys(feature.keys for feature in made.values())
        self.memories = [
            Memory(by, {i: f for i, f in made.items() if f.keys == by}, columns, spec.limits) for by in keys
        ]

    def rows(self, events: Events) -> list[tuple[Any, ...]]:
        """The rows of events whose rows hold what was read."""
        if not events.rows:
            return []
        read: list[Column] = list(zip(*events.rows, strict=True))
        times = np.array(events.times, np.int64)
        values = np.empty((len(times), len(self.aggregated)))
        for i, name in enumerate(self.aggregated):
            values[:, i] = np.array(read[self.read[name]], np.float64)  # None becomes NaN
        row: list[Column] = [read[self.read[e]] if isinstance(e, str) else () for e in self.entries]
        for memory in self.memories:
            for place, column in memory.run(self._keys(memory.by, read), times, values):
                row[place] = listed(column)
        return list(zip(*row, strict=True))

    def _keys(self, by: tuple[str, ...], read: list[Column]) -> Column:
        """The key of each event, None where a part of it is missing."""
        parts = [read[self.read[name]] for name in by]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return list(repeat((), len(read[0])))
        return [None if None in key else key for key in zip(*parts, strict=True)]

    def state(self) -> list[Any]:
        return [memory.state() for memory in self.memories]

    def restore(self, state: list[Any]) -> None:
        for memory, one in zip(self.memories, state, strict=True):
            memory.restore(one)


def listed(column: Floats) -> list[float | None]:
    """A column of floats, None where it is NaN.

    >>> listed(np.array([1.0, np.nan]))
    [1.0, None]
    """
    values = column.tolist()
    return [None if x != x else x for x in values] if np.isnan(column).any() else values
