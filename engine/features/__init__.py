"""Features that are more than a field of the event: windows over time, by key.

keys.py      whose memory: keys to slots, a bound on keys
memory.py    all that is remembered by one key
windows.py   windows over event time
kernels.py   their inner loops
jit.py       which can be compiled, when there is time for it
glance.py    the same for events that nobody is to remember
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.features.jit import jit
from engine.features.kernels import Floats, Ints
from engine.features.made import MADE, Fill
from engine.features.memory import Memory
from engine.features.moment import Call, Column
from engine.features.target import Target
from engine.spec import Spec
from engine.specfeatures import NUMBERS, Feature, name_of

Row = tuple[Any, ...]


class Made:
    """Makes the rows of a spec in which not all features are fields.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    def __init__(self, spec: Spec) -> None:
        self.call: Call = jit.run
        self.read, self.entries = spec.row_fields, spec.features
        fields, made = spec.events.fields, [e for e in spec.features if isinstance(e, Feature)]
        asked = {f.source for f in made if f.agg}
        self.numbers = [name for name in self.read if name in asked and fields[name].type in NUMBERS]
        found: dict[tuple[str, ...], dict[int, Feature]] = {}
        for i, entry in enumerate(self.entries):
            if isinstance(entry, Feature) and entry.agg:
                found.setdefault(entry.keys, {})[i] = entry
        self.memories = [Memory(by, features, spec.limits) for by, features in found.items()]
        self.fills = {f.name: Fill(f) for f in made if f.make == "fill"}
        self.targets = {f.name: Target(f, spec.limits.entities_max) for f in made if f.make == "target"}

    def rows(self, rows: Sequence[Row], times: Sequence[int], labels: Sequence[Any]) -> list[Row]:
        """The rows of events from what was read; behind what the model sees lies what `learn` needs."""
        if not rows:
            return []
        read: dict[str, Column] = dict(zip(self.read, zip(*rows, strict=True), strict=True))
        row = self._remembered(read, np.array(times, np.int64))
        above, behind = dict(read), list[Column]()
        for i, entry in enumerate(self.entries):
            if isinstance(entry, str):
                row[i] = read[entry]
            elif entry.make is not None:
                of = [above[name] for name in entry.sources]
                row[i] = self._made(entry, of, labels)
                behind += of if entry.make == "target" else []
            above[name_of(entry)] = row[i]
        return list(zip(*row, *behind, strict=True))

    def _remembered(self, read: Mapping[str, Column], times: Ints) -> list[Column]:
        """A column for each feature, those filled in that come from a memory."""
        row: list[Column] = [() for _ in self.entries]
        numbers = {name: np.array(read[name], np.float64) for name in self.numbers}  # None becomes NaN
        for memory in self.memories:
            keys = keys_of(memory.by, read)
            for place, column in memory.run(self.call, keys, times, numbers, read):
                row[place] = listed(column)
        return row

    def _made(self, entry: Feature, of: list[Column], labels: Sequence[Any]) -> Column:
        if (fill := self.fills.get(entry.name)) is not None:
            return fill.run(of)
        if (target := self.targets.get(entry.name)) is not None:
            return target.run(of[0], labels)
        return MADE[entry.verb](entry, of)

    def learn(self, rows: Sequence[Row], labels: Sequence[Any], before: Sequence[Any]) -> None:
        """Labels that came later, with the rows of their events; `before` holds those that they correct."""
        for i, target in enumerate(self.targets.values(), len(self.entries)):
            target.learn([row[i] for row in rows], labels, before)

    def counts(self) -> dict[tuple[str, str], int]:
        """What the memories counted, by key and by what it was."""
        pairs = ((",".join(memory.by), memory) for memory in self.memories)
        return {(by, what): count for by, memory in pairs for what, count in memory.counts().items()}

    def entities(self) -> dict[str, int]:
        """How many keys there are in each memory."""
        return {",".join(memory.by): len(memory.keys) for memory in self.memories}

    def state(self) -> list[Any]:
        return [[part.state() for part in parts] for parts in self._parts()]

    def restore(self, state: list[Any]) -> None:
        for parts, ones in zip(self._parts(), state, strict=True):
            for part, one in zip(parts, ones, strict=True):
                part.restore(one)

    def _parts(self) -> tuple[Iterable[Memory | Fill | Target], ...]:
        return self.memories, self.fills.values(), self.targets.values()


def keys_of(by: tuple[str, ...], read: Mapping[str, Column]) -> Column:
    """The key of each event, None where a part of it is missing.

    >>> keys_of(("a", "b"), {"a": [1, None], "b": [2, 3]}), keys_of((), {"a": [1, None]})
    ([(1, 2), None], [(), ()])
    """
    if len(by) == 1:
        return read[by[0]]
    parts = [read[name] for name in by]
    if not parts:
        return [()] * len(next(iter(read.values())))
    return [None if None in key else key for key in zip(*parts, strict=True)]


def listed(column: Floats | Column) -> Column:
    """A column as values, None where one is NaN.

    >>> listed(np.array([1.0, np.nan]))
    [1.0, None]
    """
    if not isinstance(column, np.ndarray):
        return column
    values: list[float] = column.tolist()
    return [None if x != x else x for x in values] if np.isnan(column).any() else values


def warm(spec: Spec, rows: Sequence[Row]) -> None:
    """Compile every kernel that features of this spec call, aside; from then on all shards run them.

    Parameters
    ----------
    spec
        The pipeline's spec.
    rows
        Some as they are read, of `Spec.row_fields`.

    Examples
    --------
    >>> spec = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}}
    >>> features = [{"name": "n", "agg": "count", "of": "x", "over": "1h"}]
    >>> warm(Spec.model_validate({**spec, "features": features}), [(1.0,), (None,)])
    """
    if not any(isinstance(entry, Feature) and entry.agg for entry in spec.features):
        return
    kernels = jit.compile_all()
    made = Made(spec)
    made.call = lambda name, *arguments: kernels[name](*arguments)
    made.rows(rows, range(len(rows)), [None] * len(rows))
    jit.compiled.update(kernels)
