"""Events and labels of one batch as columns: what the stages of the walk hand on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.batch import Batch


@dataclass(slots=True)
class Events:
    """Events of one batch that fit the spec, as columns. `index` is their place in the batch."""

    batch: Batch
    index: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.index)

    def cut(self, start: int, stop: int) -> Events:
        part = slice(start, stop)
        columns = (self.index, self.ids, self.entities, self.times, self.rows, self.labels)
        return Events(self.batch, *(column[part] for column in columns))  # type: ignore[arg-type]

    def newest(
        self, rows: Sequence[tuple[Any, ...]], failed: Collection[int] = ()
    ) -> dict[str, tuple[int, tuple[Any, ...]]]:
        """Each entity's newest event time and feature row, in the order they came, but for the failed."""
        known = zip(self.entities, zip(self.times, rows, strict=True), strict=True)
        return dict(pair for row, pair in enumerate(known) if row not in failed) if failed else dict(known)

    def pick(self, rows: Sequence[int]) -> Events:
        columns = (self.index, self.ids, self.entities, self.times, self.rows, self.labels)
        return Events(self.batch, *([column[row] for row in rows] for column in columns))  # type: ignore[arg-type]


@dataclass(slots=True)
class Labels:
    """Label records of one batch that fit the spec, as columns."""

    batch: Batch
    index: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    weights: list[float | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.index)

    def cut(self, start: int, stop: int) -> Labels:
        part = slice(start, stop)
        columns = (self.index, self.ids, self.values, self.times, self.weights)
        return Labels(self.batch, *(column[part] for column in columns))  # type: ignore[arg-type]

    def pick(self, rows: Sequence[int]) -> Labels:
        columns = (self.index, self.ids, self.values, self.times, self.weights)
        return Labels(self.batch, *([column[row] for row in rows] for column in columns))  # type: ignore[arg-type]


Part = TypeVar("Part", Events, Labels)


def parts(columns: Part) -> Iterator[Part]:
    """Cut columns before each id that came already in the part.

    What becomes of an event or a label may depend on how the one before it with the same id came out.
    """
    ids = columns.ids
    if len(set(ids)) == len(ids):
        if ids:
            yield columns
        return
    start, seen = 0, set[str]()
    for i, name in enumerate(ids):
        if name in seen:
            yield columns.cut(start, i)
            start, seen = i, set()
        seen.add(name)
    yield columns.cut(start, len(ids))
