"""Where a row goes: its key, its partition, its timestamp.

A label has to land in the partition of its event. Either it names the entity, as the event does; or it
names the event by its place, topic-partition-offset.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, NamedTuple

import msgspec

from engine.errors import DriftlineError
from engine.spec import Spec
from streams.partition import partition_of
from streams.rows import Row

What = Literal["events", "labels"]

FAR_MS = 1 << 53


class Place(NamedTuple):
    partition: int
    key: bytes | None
    timestamp: int | None
    """Milliseconds; None: when it is sent."""


class Homeless(DriftlineError):
    """A label that does not say which event it is for."""


class Router:
    """Finds the place of each row.

    Parameters
    ----------
    spec, what, partitions
        Events or labels of a pipeline, and how many partitions their topic has.
    timed
        Whether a record's timestamp is the row's own time.

    Examples
    --------
    >>> fields = {"card": {"type": "category"}, "amount": {"type": "number"}}
    >>> spec = Spec.model_validate({"pipeline": "p", "events": {"key": "card", "fields": fields}})
    >>> Router(spec, "events", 4).place(Row(b"", {"card": "c"}))
    Place(partition=2, key=b'c', timestamp=None)
    """

    def __init__(self, spec: Spec, what: What, partitions: int, timed: bool = False) -> None:
        self.spec, self.what, self.partitions = spec, what, partitions
        self.turn = count()
        self.key = _reader(_key_path(spec, what))
        self.by_place = what == "labels" and (_by_place(spec) or spec.labels.by == "prediction_id")
        self.label_id = _reader(spec.labels.id)
        self.time = _reader(_time_path(spec, what)) if timed else _reader(None)
        self.unit_ms = 1 if _unit(spec, what) == "ms" else 1000

    def place(self, row: Row) -> Place:
        key = _text(self.key(row.data))
        stamp = milliseconds(self.time(row.data), self.unit_ms)
        if self.partitions == 1:
            return Place(0, key, stamp)
        if self.by_place:
            return Place(self._named(row), key, stamp)
        if key is not None:
            return Place(partition_of(key, self.partitions), key, stamp)
        if self.what == "labels" and isinstance(row.data, dict):
            raise Homeless(self._advice(row))
        return Place(next(self.turn) % self.partitions, None, stamp)

    def _named(self, row: Row) -> int:
        """The partition that is written in the id; 0 for one that no event has."""
        parts = str(self.label_id(row.data)).rsplit("-", 2)
        partition = int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0
        return partition if partition < self.partitions else 0

    def _advice(self, row: Row) -> str:
        path = _key_path(self.spec, "labels")
        return (
            f"a label has no {path!r}, and {self.spec.topic('labels')} has {self.partitions} partitions: "
            f"nobody can tell which of them holds its event. Add {path!r} to each label, or name the key "
            f"that holds the entity in labels.key. The label: {row.value[:120].decode(errors='replace')}"
        )


def _key_path(spec: Spec, what: What) -> str | None:
    name = spec.events.key or spec.events.id
    if what == "events":
        return (spec.events.fields[name].path or name) if name is not None else None
    return spec.labels.key or spec.events.key or spec.labels.id


def _by_place(spec: Spec) -> bool:
    """Whether an event's only name is where it lies."""
    return spec.events.id is None and spec.events.key is None


def _time_path(spec: Spec, what: What) -> str | None:
    if what == "labels":
        return spec.labels.time
    name = spec.events.time
    return (spec.events.fields[name].path or name) if name is not None else None


def _unit(spec: Spec, what: What) -> str:
    field = spec.events.fields.get(spec.events.time or "")
    return spec.labels.unit if what == "labels" else field.unit if field is not None else "s"


def _reader(path: str | None) -> Callable[[Any], Any]:
    parts = path.split(".") if path is not None else []

    def read(data: Any) -> Any:
        for part in parts:
            data = data.get(part) if isinstance(data, dict) else None
        return data if parts else None

    return read


def _text(value: Any) -> bytes | None:
    """A key as the engine reads it: any text or number that is not empty."""
    if isinstance(value, msgspec.Raw):
        return bytes(value)
    if isinstance(value, (str, int, float)):
        return str(value).encode(errors="replace") or None
    return None


def milliseconds(value: Any, unit_ms: int) -> int | None:
    """A time as milliseconds since the epoch; None where it is none.

    >>> milliseconds(1.5, 1000), milliseconds("1970-01-01T00:00:01Z", 1), milliseconds("soon", 1)
    (1500, 1000, None)
    """
    try:
        if isinstance(value, str):
            when = datetime.fromisoformat(value)
            value, unit_ms = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp(), 1000
        found = round(float(bytes(value) if isinstance(value, msgspec.Raw) else value) * unit_ms)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found < FAR_MS else None
