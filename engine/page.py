"""Remembered events, a page of 1,024 at a time: open columns while they are few, packed rows when many.

A packed row is MessagePack, which keeps the types of plain values and takes some 130 bytes for an id of 36
characters and eight numbers; one row at a time is read again. What is looked at for many events at once
(times, offsets, labels) lies beside it in columns. Of a packed page only labels ever change.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.joined import Entry

PAGE = 1024  # events
Row = tuple[str, tuple[Any, ...], str | None, Any, Any, Any]  # id, features, entity, prediction, score, note

pack, pack_into = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Encoder().encode_into
unpack = msgspec.msgpack.Decoder().decode


@dataclass(slots=True)
class Open:
    """Up to PAGE events, as plain columns."""

    names: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)

    def columns(self) -> tuple[list[Any], ...]:
        return (
            *(self.names, self.rows, self.times, self.offsets, self.entities),
            *(self.predictions, self.scores, self.notes, self.labels),
        )

    def __len__(self) -> int:
        return len(self.names)

    def ids(self) -> list[str]:
        return self.names

    def holds(self, i: int, name: str) -> bool:
        return self.names[i] == name

    def entry(self, i: int) -> tuple[str, Entry]:
        """An event's id and what is remembered of it."""
        name, x, *rest, _ = (column[i] for column in self.columns())
        return name, (x, *rest)

    def packed(self) -> Packed:
        # Where an event is its own entity, its name is not packed twice.
        entities = [None] * len(self) if self.entities == self.names else self.entities
        columns = (self.names, self.rows, entities, self.predictions, self.scores, self.notes)
        rows: list[Row] = list(zip(*columns, strict=True))
        return Packed.of(rows, self.times, self.offsets, self.labels)


@dataclass(slots=True)
class Packed:
    """PAGE events. `loose` holds their rows if a value is too odd to be packed, else it is None."""

    times: array[int]
    offsets: array[int]
    labels: list[Any]
    bytes: bytes
    ends: array[int]
    loose: list[Row] | None = None

    @classmethod
    def of(cls, rows: list[Row], times: Sequence[int], offsets: Sequence[int], labels: list[Any]) -> Packed:
        columns = array("q", times), array("q", offsets), labels
        packed, ends = bytearray(), [0]
        try:
            for row in rows:
                pack_into(row, packed, -1)
                ends.append(len(packed))
        except (TypeError, ValueError, OverflowError):  # a user's own class, or an integer beyond 64 bits
            return cls(*columns, b"", array("I"), rows)
        return cls(*columns, bytes(packed), array("I", ends))

    def __len__(self) -> int:
        return len(self.times)

    def row(self, i: int) -> Row:
        if self.loose is not None:
            return self.loose[i]
        name, x, *rest = unpack(self.bytes[self.ends[i] : self.ends[i + 1]])
        return (name, tuple(x), *rest)

    def holds(self, i: int, name: str) -> bool:
        """Whether an event's id is `name`; in a packed row it comes first."""
        if self.loose is not None:
            return self.loose[i][0] == name
        return self.bytes.startswith(pack(name), self.ends[i] + 1)

    def entry(self, i: int) -> tuple[str, Entry]:
        """An event's id and what is remembered of it."""
        name, x, entity, prediction, score, note = self.row(i)
        entity = name if entity is None else entity
        return name, (x, self.times[i], self.offsets[i], entity, prediction, score, note)

    def ids(self) -> list[str]:
        return [self.row(i)[0] for i in range(len(self))]


def plain(page: Open | Packed, labels: list[Any]) -> list[Any]:
    """What a snapshot holds of a page that is full, with the labels of the moment that it shows."""
    if isinstance(page, Open):
        return [*page.columns()[:-1], labels]
    raw = [column.tobytes() for column in (page.times, page.offsets, page.ends)]
    return [*raw, labels, page.bytes, page.loose]


def restored(plain: list[Any]) -> Open | Packed:
    """The inverse of `plain`."""
    if len(plain) == len(Open.__slots__):
        return Open(*plain)
    times, offsets, ends, labels, packed, loose = plain
    return Packed(array("q", times), array("q", offsets), labels, packed, array("I", ends), loose)
