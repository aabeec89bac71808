"""What a join keeps, and what it hands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.batch import Batch, Single
from engine.columns import Events, Labels
from engine.reasons import Rejection

# A remembered event: feature row, time, offset, entity, prediction, score, and a note: whatever plain value a
# stage wants to find again when the label comes.
Entry = tuple[tuple[Any, ...], int, int, str, Any, float | None, Any]


# A series' next value: the row of the event that brought it, the event whose prediction it is for, and it.
Next = tuple[int, str, float]


class Early(msgspec.Struct, frozen=True):
    """A label that waits for its event, with the record that brought it."""

    label: Any
    time: int
    weight: float | None
    record: Single


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An event that met a label; `before` is the label that it had, None if it had none."""

    index: int  # of the record that brought them together, in its batch
    event_id: str
    entry: Entry
    before: Any
    label: Any
    label_time: int
    weight: float | None
    assumed: bool = False


@dataclass(slots=True)
class Settlements:
    """Events that met a label, as columns: what is remembered of them, and what came.

    `before` is the label that an event had, None if it had none; `assumed` says that no label came, and
    this one was taken for it.
    """

    index: list[int] = field(default_factory=list)  # of the record that brought them together
    ids: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    label_times: list[int] = field(default_factory=list)
    weights: list[float | None] = field(default_factory=list)
    assumed: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.index)

    def columns(self) -> tuple[list[Any], ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    @classmethod
    def of(cls, settled: Sequence[Settled]) -> Settlements:
        """What was found one by one."""
        rows = (
            (s.index, s.event_id, *s.entry, s.before, s.label, s.label_time, s.weight, s.assumed)
            for s in settled
        )
        return cls(*map(list, zip(*rows, strict=True))) if settled else cls()

    def extend(self, other: Settlements) -> None:
        for mine, more in zip(self.columns(), other.columns(), strict=True):
            mine.extend(more)

    def pick(self, rows: Sequence[int]) -> Settlements:
        return Settlements(*([column[row] for row in rows] for column in self.columns()))

    def where(self, column: Sequence[Any]) -> Settlements:
        """Those where a column holds something."""
        if None not in column:
            return self
        return self.pick([row for row, value in enumerate(column) if value is not None])


class Lost(msgspec.Struct, frozen=True):
    """A record that becomes a dead letter when the walk comes to `index` of the batch at hand."""

    index: int
    record: Batch  # where it lies: the batch at hand, or a batch of its own
    rejection: Rejection


@dataclass(slots=True)
class Counts:
    """What happened to labels, since the shard began."""

    joined: int = 0
    early: int = 0
    duplicate: int = 0
    correction: int = 0
    late: int = 0
    unmatched: int = 0
    expired: int = 0  # events whose label did not come in time
    dropped: int = 0  # events that fell out of the ledger unlabelled
    assumed: int = 0  # events without a label that were taken for negative
    unlearned: int = 0  # of these, the ones on which the model failed: they stay without a label


@dataclass(slots=True)
class Claimed:
    """New events, with the labels that were waiting for them by row."""

    events: Events
    early: dict[int, Early] = field(default_factory=dict)


@dataclass(slots=True)
class Met:
    """Labels, and the events that they settle."""

    labels: Labels
    settled: Settlements
