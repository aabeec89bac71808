"""The models that predictions come from: of each shard what its newest snapshot holds.

A newer snapshot is loaded aside, and takes the place of the older one at once when it is there. As long as
somebody asks, it is looked for every `REFRESH_S`, or less often where that takes long; after a silence the
first who asks waits for it. Before there is a snapshot the shard is asked as it begins: that is what predicts
the stream's first event, too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from connectors.log import Log
from engine.errors import StateError
from engine.peek import Peek
from engine.shard import Shard
from engine.spec import Spec
from streams.serve.problems import Problem
from streams.serve.snapshots import Loaded, Shown, Snapshots
from streams.serve.threads import Desk
from streams.warming import Warming

log = logging.getLogger("driftline")

REFRESH_S = 1.0  # how long a snapshot is taken for the newest one
REST = 20  # or so many times as long as it took to look for it and to load it
FORGOTTEN_S = 60.0  # without a question nobody looks any more

AsOf = dict[str, float | int | None]


@dataclass
class Standing:
    """The model of one shard, and how old it is.

    Attributes
    ----------
    offset, behind
        Of events: the first that it does not know, and how many there were from then on.
    looked, took_s
        When somebody looked for a newer one, and how long that took; in seconds of a clock of its own.
    """

    shown: Shown
    peek: Peek
    offset: int
    behind: int
    looked: float
    took_s: float

    @property
    def made_ms(self) -> int | None:
        """When it was saved; None: it is as it begins."""
        return self.shown.kept.pointer.made_ms if isinstance(self.shown, Loaded) else None

    def as_of(self) -> AsOf:
        """What tells an answer from the stream's own."""
        made_ms = self.made_ms
        return {
            "partition": self.peek.shard.partition,
            "offset": self.offset,
            "made_ms": made_ms,
            "age_seconds": None if made_ms is None else round(time.time() - made_ms / 1000, 3),
            "behind_events": self.behind,
        }

    def is_due(self, now: float) -> bool:
        """Whether to look for a newer one, as long as somebody asks."""
        return now - self.looked > min(max(REFRESH_S, REST * self.took_s), FORGOTTEN_S / 2)


class Models:
    """The models of a pipeline's shards.

    Parameters
    ----------
    spec
        The pipeline's spec.
    desk
        Where snapshots are loaded.
    snapshots
        Who loads them.
    """

    def __init__(self, spec: Spec, desk: Desk, snapshots: Snapshots) -> None:
        self.spec, self.desk, self.snapshots = spec, desk, snapshots
        self.topic = spec.topic("events")
        self.warming = Warming(spec)
        self.standings: dict[int, Standing] = {}
        self.partitions = 0
        self.looking: dict[int, asyncio.Task[Standing]] = {}

    async def of(self, partition: int) -> Standing:
        """The model of a shard; a Problem if it can't be loaded."""
        now = time.monotonic()
        found = self.standings.get(partition)
        if found is None or now - found.looked > FORGOTTEN_S:
            found = await asyncio.shield(self._look(partition))
        elif found.is_due(now):
            self._look(partition)
        if self.warming.ready:
            self.warming.switch(found.peek.shard)
        return found

    async def count(self) -> int:
        """How many partitions there are."""
        if not self.partitions:
            self.partitions = await self.desk.ask(lambda log: len(log.bounds(self.topic)))
        return self.partitions

    def _look(self, partition: int) -> asyncio.Task[Standing]:
        """Look for a newer snapshot, unless somebody does."""
        if partition not in self.looking:
            task = self.looking[partition] = asyncio.create_task(self._refresh(partition))
            task.add_done_callback(lambda done: self._looked(partition, done))
        return self.looking[partition]

    def _looked(self, partition: int, task: asyncio.Task[Standing]) -> None:
        del self.looking[partition]
        if not task.cancelled() and (error := task.exception()) is not None and partition in self.standings:
            log.warning("no newer snapshot of partition %d could be had: %s", partition, error)
            self.standings[partition].looked = time.monotonic()

    async def _refresh(self, partition: int) -> Standing:
        def newest(log: Log) -> tuple[Shown, Peek, int, int]:
            known = self.standings.get(partition)
            shown = self.snapshots.newest(log, partition) or self._beginning(partition, known)
            place = self._place(log, partition, shown)
            if known is not None and known.shown is shown:
                return shown, known.peek, *place
            peek = Peek(shown.shard)
            self.warming.switch(shown.shard)
            return shown, peek, *place

        began = time.monotonic()
        try:
            found = await self.desk.ask(newest)
        except StateError as error:
            detail = f"the newest snapshot of partition {partition} can't be used: {error}"
            raise Problem(503, detail, reason="no_snapshot") from None
        self.warming.start()
        now = time.monotonic()
        self.standings[partition] = Standing(*found, looked=now, took_s=now - began)
        return self.standings[partition]

    def _beginning(self, partition: int, known: Standing | None) -> Shown:
        """A shard as it begins."""
        if known is not None and known.made_ms is None:
            return known.shown
        return Shown(Shard(self.spec, partition))

    def _place(self, log: Log, partition: int, shown: Shown) -> tuple[int, int]:
        """The first event that it does not know, and how many there are from then on."""
        start, end = log.bounds(self.topic)[partition]
        offset = shown.kept.pointer.next.get(self.topic, 0) if isinstance(shown, Loaded) else start
        return offset, end - offset

    def age_s(self) -> float | None:
        """How old the oldest model is that predicts and was saved."""
        made = [each.made_ms for each in self.standings.values() if each.made_ms is not None]
        return time.time() - min(made) / 1000 if made else None

    def close(self) -> None:
        self.warming.stop()
