"""Bytes to columns: one msgspec decoder built from the spec; what does not fit is rejected with a reason.

A struct class is made for every level of nesting that the spec's paths name, so msgspec checks types,
ranges and categories while it parses and reads nothing else. A record that it refuses is looked at
again, slowly, only to name the reason.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from engine.batch import Batch, Headers, Reason, Rejection
from engine.spec import FieldSpec, Kind, Limits, Spec

STRUCTURED = b"application/cloudevents+json"
SPEC_VERSIONS = ("1.0",)
FAR_MS = 1e15  # year 33658, in milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Time = datetime | int | float

TYPES: dict[Kind, Any] = {
    Kind.NUMBER: float,
    Kind.INTEGER: int,
    Kind.CATEGORY: str,
    Kind.BOOLEAN: bool,
    Kind.TIMESTAMP: Time,
    Kind.TEXT: str,
}


class Unfit(Exception):
    """A value that parsed and still does not fit."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Envelope(msgspec.Struct):
    """A CloudEvent in structured mode."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


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
        return Events(self.batch, *(column[part] for column in columns))


@dataclass(slots=True)
class Labels:
    """Label records of one batch that fit the spec, as columns."""

    batch: Batch
    index: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    weights: list[float | None] = field(default_factory=list)
    corrects: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.index)

    def cut(self, start: int, stop: int) -> Labels:
        part = slice(start, stop)
        columns = (self.index, self.ids, self.values, self.times, self.weights, self.corrects)
        return Labels(self.batch, *(column[part] for column in columns))


def label_reader(kind: str, positive: str | int | None) -> Callable[[Any], Any]:
    """A function that reads a label as the model wants it, or raises Unfit."""

    def boolean(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value in (0, 1) and isinstance(value, (int, float)):
            return bool(value)
        raise Unfit(Reason.BAD_LABEL, f"a label is true or false, not {value!r}")

    def is_positive(value: Any) -> bool:
        if isinstance(value, (str, int)):
            return bool(value == positive or str(value) == str(positive))
        raise Unfit(Reason.BAD_LABEL, f"a label is a text or an integer, not {value!r}")

    def category(value: Any) -> str:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        raise Unfit(Reason.BAD_LABEL, f"a label is a text, not {value!r}")

    def number(value: Any) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        raise Unfit(Reason.BAD_LABEL, f"a label is a number, not {value!r}")

    if positive is not None:
        return is_positive
    return {"boolean": boolean, "category": category, "number": number}[kind]


class Decoder:
    """Decodes events and labels of one spec.

    Parameters
    ----------
    spec
        The pipeline's spec.
    label_kind
        What a label is, where the spec leaves it to the model: boolean, category or number.
    """

    def __init__(self, spec: Spec, label_kind: str) -> None:
        self.limits: Limits = spec.limits
        self.read_label = label_reader(spec.labels.type or label_kind, spec.labels.positive)
        self._plan_events(spec)
        self._plan_labels(spec)
        self.envelope = msgspec.json.Decoder(Envelope).decode

    def _plan_events(self, spec: Spec) -> None:
        fields = spec.events.fields
        tree = Tree()
        where = {n: tree.leaf(f.path or n, leaf_type(f), default(f)) for n, f in fields.items() if read(f)}
        names = spec.feature_names
        self.row = row_reader([where[name] for name in names], [fields[name].default for name in names])
        self.id = attrgetter(where[spec.events.id]) if spec.events.id else None
        self.key = attrgetter(where[spec.events.key]) if spec.events.key else None
        self.time = attrgetter(where[spec.events.time]) if spec.events.time else None
        self.unit_ms = 1 if spec.events.time and fields[spec.events.time].unit == "ms" else 1000
        inside = spec.labels.in_event
        self.label = attrgetter(tree.leaf(inside, Any, None)) if inside else None
        self.event = msgspec.json.Decoder(tree.build("Event")).decode

    def _plan_labels(self, spec: Spec) -> None:
        labels, tree = spec.labels, Tree()
        self.label_id = attrgetter(tree.leaf(labels.id, str | int, msgspec.NODEFAULT))
        self.label_value = attrgetter(tree.leaf(labels.value, Any, msgspec.NODEFAULT))
        self.label_time = attrgetter(tree.leaf(labels.time, Time | None, None))
        self.label_unit_ms = 1 if labels.unit == "ms" else 1000
        self.label_weight = attrgetter(tree.leaf(labels.weight, float | None, None))
        self.correction_of = attrgetter(tree.leaf("correction_of", Any, None))
        self.label_record = msgspec.json.Decoder(tree.build("Label")).decode

    def events(self, batch: Batch) -> tuple[Events, list[Rejection]]:
        """The events of a batch that fit, and what became of the others."""
        events, rejected = Events(batch), []
        decode, row, limit = self.event, self.row, self.limits.depth_max
        for i, value in enumerate(batch.values):
            try:
                fields: Headers = batch.headers[i] if batch.headers is not None else ()
                data, cloud = self._open(value, fields) if fields else (value, None)
                self._check_size(data, limit)
                event = decode(data)  # type: ignore[arg-type]
                time = self._event_time(event, cloud, batch.timestamps[i])
                label = None if self.label is None else self.label(event)
                if label is not None:
                    label = self.read_label(label)
                event_id = self._event_id(event, cloud, batch, i)
                entity = event_id if self.key is None else _text(self.key(event), "events.key")
            except (msgspec.DecodeError, Unfit, ValueError) as exc:
                rejected.append(reject(i, value, exc))
                continue
            events.index.append(i)
            events.ids.append(event_id)
            events.entities.append(entity)
            events.times.append(time)
            events.rows.append(row(event))
            events.labels.append(label)
        return events, rejected

    def labels(self, batch: Batch) -> tuple[Labels, list[Rejection]]:
        """The label records of a batch that fit, and what became of the others."""
        labels, rejected = Labels(batch), []
        for i, value in enumerate(batch.values):
            try:
                fields: Headers = batch.headers[i] if batch.headers is not None else ()
                data, _ = self._open(value, fields) if fields else (value, None)
                self._check_size(data, self.limits.depth_max)
                record = self.label_record(data)  # type: ignore[arg-type]
                label_id = _text(self.label_id(record), "labels.id")
                label, weight = self.read_label(self.label_value(record)), self.label_weight(record)
                if weight is not None and not weight >= 0:
                    raise Unfit(Reason.OUT_OF_RANGE, f"a weight is not negative, but {weight}")
                stamp = self.label_time(record)
                time = batch.timestamps[i] if stamp is None else to_ms(stamp, self.label_unit_ms)
            except (msgspec.DecodeError, Unfit, ValueError) as exc:
                rejected.append(reject(i, value, exc))
                continue
            labels.index.append(i)
            labels.ids.append(label_id)
            labels.values.append(label)
            labels.times.append(time)
            labels.weights.append(weight)
            labels.corrects.append(self.correction_of(record) is not None)
        return labels, rejected

    def _check_size(self, data: bytes | None, depth_max: int) -> None:
        if data is None:
            raise Unfit(Reason.MALFORMED, "the record has no value")
        if len(data) > self.limits.record_bytes_max:
            limit = self.limits.record_bytes_max
            raise Unfit(Reason.TOO_LARGE, f"{len(data)} bytes, limits.record_bytes_max is {limit}")
        # msgspec's own limit depends on the stack it is called from; this one does not.
        if data.count(b"{") + data.count(b"[") > depth_max and depth(data) > depth_max:
            raise Unfit(Reason.TOO_DEEP, f"nested deeper than limits.depth_max = {depth_max}")

    def _open(self, value: bytes | None, headers: Headers) -> tuple[bytes | None, Mapping[str, str] | None]:
        """The event's own bytes, and the attributes of the CloudEvent that it came in, if it did."""
        names = {name.lower(): content for name, content in headers}
        if value is not None and names.get("content-type", b"").startswith(STRUCTURED):
            self._check_size(value, self.limits.depth_max)
            envelope = self.envelope(value)
            time = envelope.time.isoformat() if envelope.time else ""
            if envelope.data_base64 is not None:
                value = base64.b64decode(envelope.data_base64, validate=True)
            else:
                value = bytes(envelope.data) or None
            return value, {"id": envelope.id, "time": time}
        if "ce_specversion" not in names:
            return value, None
        version = names["ce_specversion"].decode()
        if version not in SPEC_VERSIONS:
            raise Unfit(Reason.MALFORMED, f"CloudEvents version {version!r} is not supported; use 1.0")
        return value, {key: names.get(f"ce_{key}", b"").decode() for key in ("id", "time")}

    def _event_id(self, event: Any, cloud: Mapping[str, str] | None, batch: Batch, i: int) -> str:
        if self.id is not None:
            return _text(self.id(event), "events.id")
        if cloud and cloud["id"]:
            return cloud["id"]
        return f"{batch.topic}-{batch.partition}-{batch.offsets[i]}"

    def _event_time(self, event: Any, cloud: Mapping[str, str] | None, timestamp: int) -> int:
        stamp: Any = self.time(event) if self.time is not None else None
        if stamp is None and cloud and cloud["time"]:
            stamp = datetime.fromisoformat(cloud["time"])
        if stamp is None:
            return timestamp
        time = to_ms(stamp, self.unit_ms)
        if not timestamp - self.limits.past_max <= time <= timestamp + self.limits.future_max:
            raise Unfit(Reason.TIME_OUT_OF_RANGE, f"event time {time} ms, but the record's is {timestamp} ms")
        return time


class Tree:
    """Leaves by dotted path, and the nested structs that read them."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.leaves: dict[str, tuple[Any, Any]] = {}
        self.children: dict[str, Tree] = {}

    def leaf(self, path: str, kind: Any, default: Any) -> str:
        """Add a leaf; return the dotted attribute under which the built struct has it."""
        head, _, rest = path.partition(".")
        name = self.names.setdefault(head, f"f{len(self.names)}")
        if rest:
            return f"{name}.{self.children.setdefault(head, Tree()).leaf(rest, kind, default)}"
        self.leaves.setdefault(head, (kind, default))
        return name

    def build(self, title: str) -> type[msgspec.Struct]:
        fields: list[Any] = []
        for head, (kind, given) in self.leaves.items():
            fields.append((self.names[head], kind, msgspec.field(name=head, default=given)))
        for head, child in self.children.items():
            struct = child.build(head)
            if child.required:
                fields.append((self.names[head], struct, msgspec.field(name=head)))
            else:
                made = msgspec.field(name=head, default_factory=struct)
                fields.append((self.names[head], struct, made))
        return msgspec.defstruct(title, fields, kw_only=True, gc=False)

    @property
    def required(self) -> bool:
        here = any(given is msgspec.NODEFAULT for _, given in self.leaves.values())
        return here or any(child.required for child in self.children.values())


def row_reader(places: list[str], defaults: list[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads an event's features; null stands for the default, if there is one."""
    get: Callable[[Any], Any] = attrgetter(*places)
    if len(places) == 1:
        only = defaults[0]
        return lambda event: (only if (value := get(event)) is None else value,)
    if all(value is None for value in defaults):
        return get
    pairs = tuple(enumerate(defaults))
    return lambda event: tuple(d if (v := got[i]) is None else v for got in (get(event),) for i, d in pairs)


def read(spec: FieldSpec) -> bool:
    return spec.type is not Kind.IGNORED


def leaf_type(spec: FieldSpec) -> Any:
    kind: Any = TYPES[spec.type]
    if spec.one_of is not None:
        kind = Literal[spec.one_of]
    elif spec.min is not None or spec.max is not None:
        cast = int if spec.type is Kind.INTEGER else float
        low = None if spec.min is None else cast(spec.min)
        high = None if spec.max is None else cast(spec.max)
        kind = Annotated[kind, msgspec.Meta(ge=low, le=high)]
    return kind if spec.required and spec.default is None else kind | None


def default(spec: FieldSpec) -> Any:
    if spec.default is not None:
        return float(spec.default) if spec.type is Kind.NUMBER else spec.default
    return msgspec.NODEFAULT if spec.required else None


def to_ms(stamp: Any, unit_ms: int) -> int:
    """A time as milliseconds since the epoch.

    >>> to_ms(datetime(1970, 1, 2), 1000), to_ms(1.5, 1000), to_ms(1500, 1)
    (86400000, 1500, 1500)
    """
    if isinstance(stamp, datetime):
        aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
        gone = aware - EPOCH
        return gone.days * 86_400_000 + gone.seconds * 1000 + gone.microseconds // 1000
    if abs(stamp) > FAR_MS:
        raise Unfit(Reason.TIME_OUT_OF_RANGE, f"{stamp} is no time")
    return round(stamp * unit_ms)


def depth(data: bytes) -> int:
    """How deep the JSON is nested; brackets inside texts do not count.

    >>> depth(b'{"a": ["{[", {}]}')
    3
    """
    level = deepest = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', data, re.DOTALL):
        mark = found[0]
        if mark in (b"{", b"["):
            level += 1
            deepest = max(deepest, level)
        elif mark in (b"}", b"]"):
            level -= 1
    return deepest


def _text(value: Any, what: str) -> str:
    if value is None or value == "":
        raise Unfit(Reason.MISSING_FIELD, f"{what} is empty")
    return value if isinstance(value, str) else str(value)


# msgspec says in its message what was wrong; the first match names the reason.
MESSAGES: Sequence[tuple[str, Reason]] = (
    ("missing required field", Reason.MISSING_FIELD),
    ("got `null`", Reason.MISSING_FIELD),
    ("Invalid enum value", Reason.UNKNOWN_CATEGORY),
    ("out of range", Reason.NOT_FINITE),
    (" >= ", Reason.OUT_OF_RANGE),
    (" <= ", Reason.OUT_OF_RANGE),
)


def reject(index: int, value: bytes | None, exc: Exception) -> Rejection:
    """Name the reason why a record was refused."""
    name, message = type(exc).__name__, str(exc)
    if isinstance(exc, Unfit):
        return Rejection(index, exc.reason, name, message)
    if isinstance(exc, msgspec.ValidationError):
        found = (reason for text, reason in MESSAGES if text in message)
        return Rejection(index, next(found, Reason.WRONG_TYPE), name, message)
    reason = Reason.NOT_FINITE if value is not None and has_constant(value) else Reason.MALFORMED
    return Rejection(index, reason, name, message)


def has_constant(value: bytes) -> bool:
    """Whether it would be JSON but for NaN or Infinity, which JSON has not."""
    seen: list[str] = []
    try:
        json.loads(value, parse_constant=seen.append)
    except (ValueError, RecursionError):
        return False
    return bool(seen)
