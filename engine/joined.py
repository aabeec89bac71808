"""What a join keeps, and what it hands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.batch import Batch, Single
from engine.columns import Events, Labels
from engine.reasons import Rejection

# A remembered event: feature row, time, offset, entity, prediction, score, and what its confidence notes.
# Plain tuples, since a snapshot pickles a hundred thousand of them, many times faster than objects.
Entry = tuple[tuple[Any, ...], int, int, str, Any, float | None, Any]


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


@dataclass(slots=True)
class Claimed:
    """New events, with the labels that were waiting for them by row."""

    events: Events
    early: dict[int, Early] = field(default_factory=dict)


@dataclass(slots=True)
class Met:
    """Labels, and the events that they settle."""

    labels: Labels
    settled: list[Settled]
