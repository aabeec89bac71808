"""The snapshots of a pipeline, seen from outside: no lease is taken and no worker is disturbed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple, cast

from connectors.log import Batch, Log, Store
from engine.errors import StateError
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import journal, snapshot
from streams.keeping.journal import Entry, Pointer
from streams.keeping.keys import snapshot_key
from streams.keeping.snapshot import Shelf
from streams.records import last

HELD = 2
"""An entry names the two newest; a third is on its way out."""


class Kept(NamedTuple):
    """A snapshot that the newest entry of a shard names."""

    partition: int
    pointer: Pointer
    entry: Entry


def kept(log: Log, spec: Spec) -> Iterator[Kept]:
    """The snapshots that a worker would recover from, newest first in each shard."""
    for partition, span in enumerate(log.bounds(spec.topic("journal"))):
        yield from of(log, spec, partition, span)


def of(log: Log, spec: Spec, partition: int, span: tuple[int, int] | None = None) -> Iterator[Kept]:
    """Those of one shard, the newest first."""
    topic = spec.topic("journal")
    for placed in last(log, topic, partition, span or log.bounds(topic)[partition], 1):
        entry = journal.decode(placed.record.value or b"")
        for pointer in entry.snapshots[:HELD]:
            yield Kept(partition, pointer, entry)


def load(log: Log, spec: Spec, found: Kept) -> Shard:
    """The shard as it was saved; StateError says what keeps it from being loaded."""
    shelf = Shelf(
        spec.pipeline,
        found.partition,
        spec.topic("snapshots"),
        snapshot_key(spec),
        spec.snapshots.size_max,
    )
    data = asyncio.run(snapshot.read(shelf, cast("Store", _Chunks(log, found.partition)), found.pointer))
    return Shard.thaw(spec, found.partition, data)


def verify(log: Log, spec: Spec, found: Kept) -> str | None:
    """What keeps a snapshot from being loaded: lost chunks, another key, another spec; or nothing."""
    try:
        load(log, spec, found)
    except StateError as error:
        return str(error)
    return None


class _Chunks:
    """As much of a `Store` as reading chunks takes: one partition of a log."""

    def __init__(self, log: Log, partition: int) -> None:
        self.log, self.partition = log, partition

    async def read(self, topic: str, first: int, end: int) -> AsyncIterator[Batch]:
        while first < end:
            batch = self.log.read(topic, self.partition, first, 100)
            if batch.end <= first:
                return
            first = batch.end
            yield batch


def described(found: Kept) -> dict[str, Any]:
    pointer = found.pointer
    return {
        "partition": found.partition,
        "entry": pointer.seq,
        "entries_since": found.entry.seq - pointer.seq,
        "bytes": pointer.size,
        "chunks": pointer.chunks,
        "made_ms": pointer.made_ms,
        "next": pointer.next,
    }
