"""Features that are more than a field of the event: windows over time, by key.

keys.py      whose memory: keys to slots, a bound on keys
memory.py    all that is remembered by one key
windows.py   windows over event time
kernels.py   their inner loops
jit.py       compiled, when there was time for it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.columns import Events
from engine.features.kernels import Floats
from engine.features.memory import Memory
from engine.features.moment import Column
from engine.spec import Spec
from engine.specfeatures import NUMBERS, Feature


class Made:
    """Makes the rows of a spec in which not all features are fields.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    def __init__(self, spec: Spec) -> None:
        self.read = spec.row_fields
        self.entries = spec.features
        made = {i: entry for i, entry in enumerate(self.entries) if isinstance(entry, Feature)}
        fields = spec.events.fields
        asked = {f.of for f in made.values() if f.of is not None}
        self.numbers = [name for name in self.read if name in asked and fields[name].type in NUMBERS]
        keys = dict.fromkeys(feature.keys for feature in made.values())
        self.memories = [
            Memory(by, {i: f for i, f in made.items() if f.keys == by}, spec.limits) for by in keys
        ]

    def rows(self, events: Events) -> list[tuple[Any, ...]]:
        """The rows of events whose rows hold what was read."""
        if not events.rows:
            return []
        read = dict(zip(self.read, zip(*events.rows, strict=True), strict=True))
        times = np.array(events.times, np.int64)
        # None becomes NaN.
        numbers = {name: np.array(read[name], np.float64) for name in self.numbers}
        row: list[Column] = [read[e] if isinstance(e, str) else () for e in self.entries]
        for memory in self.memories:
            for place, column in memory.run(self._keys(memory.by, read), times, numbers, read):
                row[place] = listed(column)
        return list(zip(*row, strict=True))

    def _keys(self, by: tuple[str, ...], read: Mapping[str, Column]) -> Column:
        """The key of each event, None where a part of it is missing."""
        if len(by) == 1:
            return read[by[0]]
        parts = [read[name] for name in by]
        if not parts:
            return [()] * len(next(iter(read.values())))
        return [None if None in key else key for key in zip(*parts, strict=True)]

    def counts(self) -> dict[tuple[str, str], int]:
        """What the memories counted, by key and by what it was."""
        pairs = ((",".join(memory.by), memory) for memory in self.memories)
        return {(by, what): count for by, memory in pairs for what, count in memory.counts().items()}

    def entities(self) -> dict[str, int]:
        """How many keys there are in each memory."""
        return {",".join(memory.by): len(memory.keys) for memory in self.memories}

    def state(self) -> list[Any]:
        return [memory.state() for memory in self.memories]

    def restore(self, state: list[Any]) -> None:
        for memory, one in zip(self.memories, state, strict=True):
            memory.restore(one)


def listed(column: Floats | Column) -> Column:
    """A column as values, None where one is NaN.

    >>> listed(np.array([1.0, np.nan]))
    [1.0, None]
    """
    if not isinstance(column, np.ndarray):
        return column
    values: list[float] = column.tolist()
    return [None if x != x else x for x in values] if np.isnan(column).any() else values
