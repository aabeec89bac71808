"""Recovery: from the journal's newest entry back to the state that it left.

1. The newest snapshot that the entry names and that is whole and signed; else the older one; else nothing.
2. The journal's entries behind it are walked again, with their outputs thrown away. Each must give the
   bytes it gave before: its digest says so.

What lies before a `fresh` entry does not count: there the state began anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from connectors.log import Batch, Gone, Store
from engine.batch import Outputs
from engine.errors import ReplayError, StateError
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import journal, snapshot
from streams.keeping.journal import Digest, Entry, Refusal
from streams.keeping.pace import Pace
from streams.keeping.snapshot import Shelf

log = logging.getLogger("driftline")

ASIDE_BYTES = 4 << 20  # a larger state is read in a thread, so that heartbeats and other shards go on


async def recover(
    spec: Spec,
    partition: int,
    store: Store,
    shelf: Shelf,
    last: Entry,
    progressed: Callable[[], None] = lambda: None,
) -> Shard:
    """The shard as the entry `last` left it. Raise StateError or ReplayError when it can't be had.

    `progressed` is called every now and then: a long replay is no stall.
    """
    shard, seq, offset = await _load(spec, partition, store, shelf, last)
    topic, pace = spec.topic("journal"), Pace()
    start, end = await store.bounds(topic)
    if shard is None:
        shard, offset = Shard(spec, partition), await _beginning(store, topic, start, end) - 1
    if offset + 1 < start:
        raise StateError(
            f"{topic}-{partition} begins at offset {start}, but the snapshot of entry {seq} needs it from "
            f"{offset + 1} on: the journal's retention is shorter than the snapshot's age. "
            f"Give the journal more (retention.ms=-1), and start with --fresh to go on without this state"
        )
    async for _, entry in _entries(store, topic, offset + 1, end):
        if entry.fresh:
            shard, seq = Shard(spec, partition), entry.seq - 1
        if entry.seq <= seq:
            continue
        if entry.seq != seq + 1:
            raise StateError(f"{topic}-{partition}: entry {seq + 1} is missing, and no snapshot covers it")
        await replay(shard, store, entry, pace, progressed)
        seq = entry.seq
    if seq != last.seq:
        raise StateError(f"{topic}-{partition} ends at entry {seq}, not {last.seq}")
    return shard


async def _load(
    spec: Spec, partition: int, store: Store, shelf: Shelf, last: Entry
) -> tuple[Shard | None, int, int]:
    """The newest snapshot that holds, the entry it covers, and that entry's place in the journal."""
    for pointer in last.snapshots[:2]:
        try:
            data = await snapshot.read(shelf, store, pointer)
            aside = len(data) > ASIDE_BYTES
            args = (spec, partition, data)
            shard = await asyncio.to_thread(Shard.thaw, *args) if aside else Shard.thaw(*args)
            return shard, pointer.seq, pointer.journal
        except StateError as exc:
            log.warning("shard %d: %s; going on with what is older", partition, exc)
    return None, 0, -1


async def _beginning(store: Store, topic: str, start: int, end: int) -> int:
    """Where a replay from nothing begins: entries before the last `fresh` one may be of another spec."""
    async for offset, entry in _entries(store, topic, start, end):
        start = offset if entry.fresh else start
    return start


async def _entries(store: Store, topic: str, first: int, end: int) -> AsyncIterator[tuple[int, Entry]]:
    async for batch in store.read(topic, first, end):
        for offset, value in zip(batch.offsets, batch.values, strict=True):
            yield offset, journal.decode(value or b"")


async def replay(
    shard: Shard, store: Store, entry: Entry, pace: Pace, progressed: Callable[[], None] = lambda: None
) -> Outputs:
    """Walk what an entry took once more; return its outputs, which must be the committed bytes."""
    outputs, digest = Outputs(), Digest()
    refused = {(r.topic, r.offset): r for r in entry.refused}
    for topic, first, end in entry.runs:
        try:
            async for batch in store.read(topic, first, end):
                for part in pace.parts(batch):
                    began = time.perf_counter()
                    for out in walk(shard, part, refused):
                        digest.add(out.lanes())
                        outputs.extend(out)
                    pace.took(len(part), time.perf_counter() - began)
                    progressed()
                    await asyncio.sleep(0)
        except Gone as exc:
            raise StateError(
                f"{exc}. The inputs' retention is shorter than the snapshot's age, so the state can't be "
                f"rebuilt. Give them more, and start with --fresh to go on without this state"
            ) from exc
    same = digest.hex() == entry.digest
    if not same or (entry.judge == shard.spec.judge and entry.alerts != digest.alerts()):
        raise ReplayError(
            f"shard {shard.partition}: walking entry {entry.seq} again gives other bytes than it gave "
            f"before. Is the model the same, with the same versions of its packages, and seeded? "
            f"Put it back; or start with --fresh: an untrained model goes on from here"
        )
    return outputs


def walk(shard: Shard, batch: Batch, refused: Mapping[tuple[str, int], Refusal]) -> Iterator[Outputs]:
    """Walk a batch, but for the records in `refused`, which become dead letters untouched."""
    start = 0
    for i, offset in enumerate(batch.offsets) if refused else ():
        if (refusal := refused.get((batch.topic, offset))) is not None:
            if i > start:
                yield shard.walk(batch.cut(start, i))
            yield shard.refuse(batch.cut(i, i + 1), refusal.exception, refusal.message)
            start = i + 1
    if start < len(batch):
        yield shard.walk(batch.cut(start, len(batch)) if start else batch)
