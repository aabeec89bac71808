"""Reading the records of a topic across its partitions, for people and tools."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from connectors.log import Batch, Gone, Log, Misfit, Record
from engine.nearest import nearest
from engine.spec import DELIVERIES, TOPICS, Spec

CHUNK = 500
POLL_SECONDS = 0.2

Spans = dict[int, tuple[int, int]]
"""Parts of partitions: where each begins and ends."""


class Placed(NamedTuple):
    """A record and where it lies."""

    topic: str
    partition: int
    record: Record


def topic_named(name: str, log: Log, spec: Spec) -> str:
    """The full name of a topic that a person named, in short or in full; Misfit if there is none."""
    short = {what.replace("_", "-"): spec.topic(what) for what in (*TOPICS, DELIVERIES)}
    full = short.get(name.replace("_", "-"), name)
    there = log.topics()
    if full not in there:
        near = nearest(name, [*short, *there])
        raise Misfit(f"there is no topic {full}{near or '; `driftline topics list` shows what there is'}")
    return full


def spans(log: Log, topic: str) -> Spans:
    """What there is now: for each partition its first offset, and its end."""
    return dict(enumerate(log.bounds(topic)))


def everything(log: Log, topic: str, parts: Spans) -> Iterator[Placed]:
    """All records of these parts, those of the partitions merged by their timestamps."""
    lanes = [_lane(log, topic, partition, *span) for partition, span in parts.items()]
    return heapq.merge(*lanes, key=_stamp)


def newest(log: Log, topic: str, parts: Spans, count: int) -> list[Placed]:
    """The last so many records of these parts, oldest first."""
    found: list[Placed] = []
    for partition, span in parts.items():
        found += last(log, topic, partition, span, count)
    return sorted(found, key=_stamp)[-count:]


def follow(log: Log, topic: str, parts: Spans) -> Iterator[Placed]:
    """The records behind these parts, and those that come, for ever."""
    firsts = {partition: end for partition, (_, end) in parts.items()}
    while True:
        came = False
        for partition, first in firsts.items():
            batch = _read(log, topic, partition, first)
            firsts[partition] = batch.end
            for record in batch.records():
                came = True
                yield Placed(topic, partition, record)
        if not came:
            time.sleep(POLL_SECONDS)


def _stamp(placed: Placed) -> int:
    return placed.record.timestamp


def _read(log: Log, topic: str, partition: int, first: int) -> Batch:
    try:
        return log.read(topic, partition, first, CHUNK)
    except Gone:  # deleted while we were reading: go on with what is left
        return log.read(topic, partition, log.bounds(topic)[partition][0], CHUNK)


def _lane(log: Log, topic: str, partition: int, first: int, end: int) -> Iterator[Placed]:
    while first < end:
        batch = _read(log, topic, partition, first)
        for record in batch.records():
            if record.offset < end:
                yield Placed(topic, partition, record)
        if batch.end <= first:
            return
        first = batch.end


def last(log: Log, topic: str, partition: int, span: tuple[int, int], count: int) -> list[Placed]:
    """The last so many records of one partition.

    Offsets may have gaps, so that one has to look further back than `count`.
    """
    start, end = span
    back = count
    while True:
        first = max(start, end - back)
        found = list(_lane(log, topic, partition, first, end))
        if len(found) >= count or first == start:
            return found[-count:]
        back *= 4


def when(ms: int) -> str:
    """A time as people read it.

    >>> when(1_769_590_800_000)
    '2026-01-28 09:00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def as_json(placed: Placed) -> dict[str, Any]:
    """A record for programs: its value as JSON if it is JSON, else as text."""
    record = placed.record
    return {
        "topic": placed.topic,
        "partition": placed.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": as_text(record.key),
        "value": _value(record.value),
        "headers": {name: as_text(content) for name, content in record.headers},
    }


def as_text(content: bytes | None) -> str | None:
    return content.decode(errors="backslashreplace") if content is not None else None


def _value(content: bytes | None) -> Any:
    if content is None:
        return None
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return as_text(content)
    return msgspec.Raw(content)


def printable(text: str, width: int) -> str:
    """Text as a terminal may see it: on one line, no longer than `width`, and with no codes of its own.

    >>> printable("a" + chr(27) + "[31m" + chr(10) + "b", 20)
    'a\\\\x1b[31m\\\\nb'
    """
    safe = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[: width + 1])
    return safe if len(safe) <= width else safe[: max(width - 1, 0)] + "…"
