"""Bytes to columns: one msgspec decoder built from the spec; what does not fit is rejected with a reason.

A struct class is made for every level of nesting that the spec's paths name (`fields.py`), so msgspec
checks types, ranges and categories while it parses, and reads nothing else. A record that it refuses is
looked at again, slowly, only to name the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import repeat
from operator import attrgetter, methodcaller
from types import NoneType
from typing import Any

import msgspec
import numpy as np

from engine import cloudevents
from engine.batch import Batch, Headers
from engine.cloudevents import Cloud
from engine.columns import Events, Labels
from engine.fields import (
    FAR_MS,
    Named,
    Time,
    Tree,
    default,
    depth,
    label_reader,
    leaf_type,
    name_reader,
    row_reader,
    to_ms,
)
from engine.reasons import Reason, Rejection, Unfit, reject
from engine.spec import Spec
from engine.specparts import Kind, Limits

Getter = Callable[[Any], Any]
CURLY, SQUARE = methodcaller("count", b"{"), methodcaller("count", b"[")


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
        # A field of pydantic's model is slow to reach for every event.
        self.past_max, self.future_max = spec.limits.past_max, spec.limits.future_max
        kind, positive = spec.labels.type or label_kind, spec.labels.positive
        self.read_label = label_reader(kind, positive)
        # Labels of this type are what the model wants already.
        self.label_type = (
            {"boolean": bool, "category": str, "number": float}[kind] if positive is None else None
        )
        self._plan_events(spec)
        self._plan_labels(spec)

    def _plan_events(self, spec: Spec) -> None:
        roles, fields = spec.events, spec.events.fields
        tree = Tree()
        places = {
            name: tree.leaf(
                field.path or name, leaf_type(field, name in (roles.id, roles.key)), default(field)
            )
            for name, field in fields.items()
            if field.type is not Kind.IGNORED
        }
        names = spec.row_fields
        self.row = row_reader([places[name] for name in names], [fields[name].default for name in names])
        self.id = name_reader(places[roles.id], fields[roles.id]) if roles.id else None
        self.key = name_reader(places[roles.key], fields[roles.key]) if roles.key else None
        self.time = attrgetter(places[roles.time]) if roles.time else None
        self.unit_ms = 1 if roles.time and fields[roles.time].unit == "ms" else 1000
        inside = spec.labels.in_event
        self.label = attrgetter(tree.leaf(inside, Any, None)) if inside else None
        self.event = msgspec.json.Decoder(tree.build("Event")).decode

    def _plan_labels(self, spec: Spec) -> None:
        labels, tree = spec.labels, Tree()
        self.label_id = attrgetter(tree.leaf(labels.id, Named | int, msgspec.NODEFAULT))
        self.label_value = attrgetter(tree.leaf(labels.value, Any, msgspec.NODEFAULT))
        self.label_time = attrgetter(tree.leaf(labels.time, Time | None, None))
        self.label_unit_ms = 1 if labels.unit == "ms" else 1000
        self.label_weight = attrgetter(tree.leaf(labels.weight, float | None, None))
        self.label_record = msgspec.json.Decoder(tree.build("Label")).decode

    def events(self, batch: Batch) -> tuple[Events, list[Rejection]]:
        """The events of a batch that fit, and what became of the others."""
        if self._are_plain(batch):
            # If one of them does not fit, which one it is and why is found below.
            with suppress(ValueError, msgspec.MsgspecError, Unfit):
                return self._all_at_once(batch), []
        return self._one_by_one(batch)

    def _all_at_once(self, batch: Batch) -> Events:
        """Columns of events that all fit; raises what the first that does not fit raises."""
        found = list(map(self.event, batch.values))  # type: ignore[arg-type]
        times = self._times(found, batch.timestamps)
        labels = self._labels_within(found)
        rows = list(map(self.row, found))
        events = Events(batch, list(range(len(found))), [], [], times, rows, labels)
        events.ids = self._ids(found, repeat(None), events)
        events.entities = events.ids if self.key is None else self.key(found)
        return events

    def _times(self, found: list[Any], stamps: Sequence[int]) -> list[int]:
        if self.time is None:
            return list(stamps)
        given = list(map(self.time, found))
        if set(map(type, given)) != {float}:
            return [self._time(event, None, stamp) for event, stamp in zip(found, stamps, strict=True)]
        seconds = np.array(given)
        if np.abs(seconds).max() > FAR_MS:
            raise Unfit(Reason.TIME_OUT_OF_RANGE, "no time")
        times = np.rint(seconds * self.unit_ms)
        ahead = times - np.array(stamps)
        if ahead.min() < -self.past_max or ahead.max() > self.future_max:
            raise Unfit(Reason.TIME_OUT_OF_RANGE, "too far")
        whole: list[int] = times.astype(np.int64).tolist()
        return whole

    def _labels_within(self, found: list[Any]) -> list[Any]:
        if self.label is None:
            return [None] * len(found)
        given = list(map(self.label, found))
        if {*map(type, given), NoneType} == {self.label_type, NoneType}:
            return given
        return [None if label is None else self.read_label(label) for label in given]

    def _one_by_one(self, batch: Batch) -> tuple[Events, list[Rejection]]:
        events, rejected = Events(batch), list[Rejection]()
        found: list[Any] = []
        clouds: list[Cloud | None] = []
        decode, time_of, read_label, label_of = self.event, self._time, self.read_label, self.label
        stamps, headers = batch.timestamps, batch.headers
        label = None
        for i, value in enumerate(batch.values):
            try:
                data, cloud = self._open(value, headers[i] if headers is not None else ())
                event = decode(data)
                time = time_of(event, cloud, stamps[i])
                if label_of is not None:
                    label = label_of(event)
                    label = None if label is None else read_label(label)
            except (ValueError, msgspec.MsgspecError, Unfit) as exc:
                rejected.append(reject(i, value, exc))
                continue
            found.append(event)
            clouds.append(cloud)
            events.index.append(i)
            events.times.append(time)
            events.labels.append(label)
        events.rows = list(map(self.row, found))
        events.ids = self._ids(found, clouds, events)
        events.entities = events.ids if self.key is None else self.key(found)
        return events, rejected

    def labels(self, batch: Batch) -> tuple[Labels, list[Rejection]]:
        """The label records of a batch that fit, and what became of the others."""
        labels, rejected = Labels(batch), list[Rejection]()
        for i, value in enumerate(batch.values):
            try:
                data, _ = self._open(value, batch.headers[i] if batch.headers is not None else ())
                record = self.label_record(data)
                label, weight = self.read_label(self.label_value(record)), self.label_weight(record)
                if weight is not None and not weight >= 0:
                    raise Unfit(Reason.OUT_OF_RANGE, f"a weight is not negative, but {weight}")
                stamp = self.label_time(record)
                time = batch.timestamps[i] if stamp is None else to_ms(stamp, self.label_unit_ms)
            except (ValueError, msgspec.MsgspecError, Unfit) as exc:
                rejected.append(reject(i, value, exc))
                continue
            labels.index.append(i)
            labels.ids.append(str(self.label_id(record)))
            labels.values.append(label)
            labels.times.append(time)
            labels.weights.append(weight)
        return labels, rejected

    def _are_plain(self, batch: Batch) -> bool:
        """Whether no record of a batch needs a closer look before it is parsed."""
        values = batch.values
        if batch.headers is not None or None in values or not values:
            return False
        together = b"".join(values)  # type: ignore[arg-type]
        # Whatever fits has a bracket, so no record has more than all have beyond one each.
        nested = together.count(b"{") + together.count(b"[") - len(values) + 1
        if nested > self.limits.depth_max:
            nested = max(map(CURLY, values)) + max(map(SQUARE, values))
        return nested <= self.limits.depth_max and max(map(len, values)) <= self.limits.record_bytes_max  # type: ignore[arg-type]

    def _open(self, value: bytes | None, headers: Headers) -> tuple[bytes, Cloud | None]:
        """The event's own bytes, and what it says of itself if it came as a CloudEvent."""
        self._check(value)
        assert value is not None
        if not headers:
            return value, None
        if cloudevents.is_structured(headers):
            value, cloud = cloudevents.unwrap(value)
            self._check(value)
            return value, cloud
        return value, cloudevents.attributes(headers)

    def _check(self, value: bytes | None) -> None:
        limits = self.limits
        if value is None:
            raise Unfit(Reason.MALFORMED, "the record has no value")
        if len(value) > limits.record_bytes_max:
            limit = limits.record_bytes_max
            raise Unfit(Reason.TOO_LARGE, f"{len(value)} bytes, limits.record_bytes_max is {limit}")
        # msgspec's own limit depends on the stack that it is called from; this one does not.
        nested: int = CURLY(value) + SQUARE(value)
        if nested > limits.depth_max and depth(value) > limits.depth_max:
            raise Unfit(Reason.TOO_DEEP, f"nested deeper than limits.depth_max = {limits.depth_max}")

    def _time(self, event: Any, cloud: Cloud | None, timestamp: int) -> int:
        stamp = self.time(event) if self.time is not None else None
        if stamp is None and cloud is not None:
            stamp = cloud.time
        if stamp is None:
            return timestamp
        time = to_ms(stamp, self.unit_ms)
        if not -self.past_max <= time - timestamp <= self.future_max:
            raise Unfit(Reason.TIME_OUT_OF_RANGE, f"event time {time} ms, but the record's is {timestamp} ms")
        return time

    def _ids(self, found: list[Any], clouds: Iterable[Cloud | None], events: Events) -> list[str]:
        """The field that the spec names; or the CloudEvent's; or where the record lies."""
        if self.id is not None:
            return self.id(found)
        batch = events.batch
        stem = f"{batch.topic}-{batch.partition}-"
        pairs = zip(events.index, clouds, strict=False)
        return [cloud.id if cloud and cloud.id else f"{stem}{batch.offsets[i]}" for i, cloud in pairs]
