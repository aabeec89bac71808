"""The commit, as one ordered walk.

1. Set aside what was taken since the last one: runs, outputs, positions, and a picture of the state if a
   snapshot is due. Nothing is awaited in this step, so they belong together.
2. Write the journal's entry over them. It names a snapshot that was finished meanwhile.
3. Hand everything to the log in one transaction.
4. If that fails, whether refused or unknown, the shard's memory is worth nothing: the caller throws it
   away and recovers from the newest entry.
5. Beside the next commits: remove the snapshot that fell out, write the one that is due.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.log import Batch, Refused
from engine.batch import Lines, Output, Outputs
from engine.spec import Spec
from streams.cache.entityform import Row
from streams.keeping import journal
from streams.keeping.journal import Digest, Entry, Pointer, Refusal, Run
from streams.telemetry.meter import Totals
from streams.telemetry.tracing import spans

if TYPE_CHECKING:
    from streams.keeping.keeper import Keeper

COMMIT_EVERY_MS = {"sqlite": 5, "memory": 5, "kafka": 100}


def interval_s(spec: Spec) -> float:
    """How long a commit comes after the one before, if there is something to commit."""
    every = spec.commit.every
    return (COMMIT_EVERY_MS[spec.transport.partition(":")[0]] if every is None else every) / 1000


@dataclass(slots=True)
class Open:
    """What a shard took and has not committed."""

    runs: list[Run] = field(default_factory=list)
    outputs: Outputs = field(default_factory=Outputs)
    digest: Digest = field(default_factory=Digest)
    refused: list[Refusal] = field(default_factory=list)
    records: int = 0
    newest: dict[str, Row] = field(default_factory=dict)  # for the cache: by entity, its features
    latest: dict[bytes | None, bytes | None] = field(default_factory=dict)  # and its prediction
    stamps: list[tuple[str, Sequence[int]]] = field(default_factory=list)  # by batch: its topic, and when
    began_ns: int = 0  # when the first of it had been walked

    def add(self, outputs: Outputs) -> None:
        if outputs.newest:
            self.newest.update(outputs.newest)
            self.latest.update(zip(outputs.predictions.keys, outputs.predictions.values, strict=True))
        self.digest.add(outputs.lanes())
        self.outputs.extend(outputs)

    def took(self, batch: Batch, refused: list[Refusal]) -> None:
        self.began_ns = self.began_ns or time.time_ns()
        journal.add_run(self.runs, batch.topic, batch.first, batch.end)
        self.refused += refused
        self.records += len(batch)
        self.stamps.append((batch.topic, batch.timestamps))


def lanes(spec: Spec, outputs: Outputs) -> dict[str, Output | Lines]:
    """Outputs by the full names of their topics."""
    return {spec.topic(name): rows for name, rows in outputs.lanes().items() if len(rows)}


@dataclass(slots=True)
class Picture:
    """A state to be written as a snapshot, as it was right after an entry."""

    seq: int
    journal: int
    next: dict[str, int]
    pieces: Iterator[bytes]
    stood_s: float  # of processor time, while the walk stood still for it


async def commit(keeper: Keeper, freeze: bool) -> Picture | None:
    """Commit what is open; with `freeze`, return a picture of the state exactly there."""
    spec, shard, store = keeper.spec, keeper.shard, keeper.store
    assert shard is not None
    began_ns = time.time_ns()
    # 1. no await from here ...
    taken, keeper.open = keeper.open, Open()
    positions = dict(keeper.next)
    began = time.thread_time()
    pieces = shard.freeze() if freeze else None
    stood_s = time.thread_time() - began
    totals = Totals.of(shard)
    snapshots, fallen = keeper.upkeep.there(keeper.snapshots), list[Pointer]()
    finished, keeper.finished = keeper.finished, None
    if keeper.fresh:
        snapshots, fallen = [], snapshots
    elif finished is not None:
        snapshots = [finished, *snapshots]
        fallen = snapshots[2:]
    # 2. ... to here
    entry = Entry(
        pipeline=spec.pipeline,
        seq=keeper.seq + 1,
        runs=taken.runs,
        next=positions,
        digest=taken.digest.hex(),
        spec=spec.fingerprint,
        snapshots=snapshots,
        refused=taken.refused,
        fresh=keeper.fresh,
        judge=spec.judge,
        alerts=taken.digest.alerts(),
    )
    # 3. and 4.
    keeper.in_flight = taken.records
    sent = lanes(keeper.spec, taken.outputs)
    if keeper.eager:
        async with keeper.send_lock:  # whatever is on its way has arrived, or is not known to have
            if keeper.shard is None:
                raise Refused("outputs that were sent before this commit may not have arrived")
            await store.send(sent)
        sent = {}
    offset = await store.commit(sent, positions, journal.encode(entry))
    keeper.committed(entry, offset)
    keeper.meter.totals = totals
    keeper.meter.answered(stamps for topic, stamps in taken.stamps if topic == spec.inputs[0])
    if (made := spans()) is not None:
        traces = taken.outputs.predictions.headers or ()
        made.batch(taken.began_ns or began_ns, began_ns, _about(keeper, entry, taken), traces)
    if keeper.entities is not None:
        keeper.entities.offer(taken.newest, taken.latest)
    # 5.
    if finished is not None:
        keeper.upkeep.littered = False
    for pointer in fallen:
        keeper.spawn(keeper.upkeep.retire(pointer))
    return Picture(entry.seq, offset, positions, pieces, stood_s) if pieces is not None else None


def _about(keeper: Keeper, entry: Entry, taken: Open) -> dict[str, str | int]:
    """What a span says of a commit."""
    places = {f"driftline.first_offset.{topic}": first for topic, first, _ in reversed(taken.runs)}
    return {
        "driftline.pipeline": keeper.spec.pipeline,
        "driftline.shard": keeper.partition,
        "driftline.entry": entry.seq,
        "driftline.records": taken.records,
        **places,
    }
