"""What a keeper does beside its commits: write snapshots, remove old ones, look after retention."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time

from connectors.log import LogError, Store
from engine.errors import StateError
from engine.shard import Shard
from engine.spec import Spec
from streams.alerts import left
from streams.keeping import snapshot
from streams.keeping.commit import Picture
from streams.keeping.journal import Pointer
from streams.keeping.snapshot import Shelf
from streams.keeping.thrift import Thrift
from streams.telemetry.logs import at
from streams.telemetry.meter import Meter

log = logging.getLogger("driftline")

LOOK_S = 1.0  # how often a stream that stands still is looked at


class Upkeep:
    """The snapshots of one shard."""

    def __init__(self, spec: Spec, store: Store, shelf: Shelf, meter: Meter, thrift: Thrift) -> None:
        self.spec, self.store, self.shelf, self.meter, self.thrift = spec, store, shelf, meter, thrift
        self.records = 0  # since the last snapshot
        self.opened([], {})
        self.gone: set[str] = set()  # names of snapshots that were removed and that an entry still named
        self.littered = True  # chunks may lie about that no entry names

    def opened(self, snapshots: list[Pointer], positions: dict[str, int], fresh: bool = False) -> None:
        """The state is as large as its newest snapshot; what was walked again since is yet to be saved."""
        newest = snapshots[0] if snapshots and not fresh else None
        size = 0 if newest is None else newest.size
        self.at, self.rest_s = self.thrift.clock(), self.thrift.rest_s(0.0, 0.0, size)
        if not fresh and any(positions.values()) and (newest is None or newest.next != positions):
            self.records = max(1, self.records)

    def is_due(self) -> bool:
        return self.is_overdue() or self.records >= self.spec.snapshots.every_records

    def is_overdue(self) -> bool:
        """Whether it is time for one, and something came since the last."""
        rest_s = min(self.rest_s, self.spec.snapshots.every / 1000)
        return self.records > 0 and self.thrift.clock() - self.at > rest_s

    async def remind(self, due: asyncio.Event) -> None:
        """Let there be a commit when one is overdue: a stream that stands still brings none by itself."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.is_overdue():
                due.set()

    def begun(self) -> None:
        self.records, self.at = 0, self.thrift.clock()

    async def write(self, picture: Picture, named: list[Pointer]) -> Pointer | None:
        """Write a picture of the state as a snapshot, for the next entry to name.

        Sweep first where it has to be: the sweep looks at no place before the snapshots that are `named`.
        """
        began = self.thrift.clock()
        place = (picture.seq, picture.journal, picture.next)
        try:
            if self.littered:
                await self._sweep(named, picture.seq - 1)
            self.littered = True
            pointer = await snapshot.write(self.shelf, self.store, *place, picture.pieces)
        except (LogError, StateError) as exc:  # the older snapshot and a longer journal still do
            log.warning("shard %d: no snapshot of entry %d: %s", self.shelf.partition, picture.seq, exc)
            self.littered, self.rest_s = True, math.inf  # tried again after snapshots.every
            return None
        self.meter.snapshot_at = time.time()
        took = self.thrift.clock() - began
        self.rest_s = self.thrift.rest_s(picture.stood_s, took, pointer.size)
        log.debug("shard %d: snapshot of entry %d in %.2f s", self.shelf.partition, picture.seq, took)
        return pointer

    async def retire(self, pointer: Pointer) -> None:
        """Remove a snapshot's chunks; entries name it until they are gone."""
        with contextlib.suppress(LogError):  # the next opening tries again
            await snapshot.drop(self.shelf, self.store, pointer.name, pointer.chunks)
            self.gone.add(pointer.name)

    def there(self, snapshots: list[Pointer]) -> list[Pointer]:
        """Those that were not removed since an entry named them."""
        self.gone &= {pointer.name for pointer in snapshots}
        return [pointer for pointer in snapshots if pointer.name not in self.gone]

    async def tidy(self, shard: Shard, snapshots: list[Pointer], seq: int) -> None:
        """After an opening at entry `seq`: remove what crashes left behind, end alerts that nobody knows."""
        self.littered = True
        named = snapshots[:2]
        for pointer in snapshots[2:]:
            await self.retire(pointer)
        with contextlib.suppress(LogError):  # tried again before the next snapshot
            await self._sweep(named, seq)
        await self.check_retention(named)
        with contextlib.suppress(LogError):  # the next opening tries again
            await left.end(shard, self.store)

    async def _sweep(self, named: list[Pointer], seq: int) -> None:
        if removed := await snapshot.sweep(self.shelf, self.store, named, seq):
            log.info("shard %d: %d orphaned snapshot chunks removed", self.shelf.partition, removed)
        self.littered = False

    async def check_retention(self, named: list[Pointer]) -> None:
        """See whether the state could still be rebuilt from the older snapshot; say so if not."""
        if not named:
            return
        older = named[-1]
        needed = {**older.next, self.spec.topic("journal"): older.journal + 1}
        short = []
        with contextlib.suppress(LogError):  # asked again with the next snapshot
            short = [t for t, offset in needed.items() if (await self.store.bounds(t))[0] > offset]
        self.meter.retention_short = len(short)
        if short:
            self.records = self.spec.snapshots.every_records  # one is due now
            log.warning(
                "shard %d: %s no longer reach back to the snapshot of entry %d: their retention is shorter "
                "than its age. If the newer snapshot were lost, the state could not be rebuilt. Give them "
                "more retention, or take snapshots more often (snapshots.every)",
                self.shelf.partition,
                " and ".join(short),
                older.seq,
            )

    async def skip_what_is_gone(self, positions: dict[str, int], say: bool) -> dict[str, int]:
        """Where the inputs go on, if records before that were deleted; that is lost data, so say it."""
        found = {}
        for topic, wanted in positions.items():
            start, _ = await self.store.bounds(topic)
            found[topic] = max(start, wanted)
            if start > wanted and say:
                self.meter.records_gone += start - wanted
                log.error(
                    "%s-%d: the records from offset %d to %d were deleted before they were taken: "
                    "its retention is shorter than this worker was away",
                    *(topic, self.shelf.partition, wanted, start - 1),
                    extra=at(topic=topic, shard=self.shelf.partition),
                )
        return found
