"""The models that predictions come from: of each shard what its newest snapshot holds.

A newer snapshot is loaded aside, and takes the place of the older one at once when it is there. As long as
somebody asks, it is looked for every `REFRESH_S`; after a silence the first who asks waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.log import Log
from engine.errors import StateError
from engine.peek import Peek
from engine.spec import Spec
from streams.serve.problems import Problem
from streams.serve.snapshots import Loaded, Snapshots
from streams.serve.threads import Desk
from streams.warming import Warming

log = logging.getLogger("driftline")

REFRESH_S = 5.0  # how long a snapshot is taken for the newest one
FORGOTTEN_S = 60.0  # without a question nobody looks any more

NONE_YET = (
    "there is no snapshot of partition {} yet, so there is no model: a worker saves one every snapshots.every"
    " or snapshots.every_records, whichever comes first (driftline run --set snapshots.every=1s)"
)


@dataclass
class Standing:
    """The model of one shard, and how old it is.

    Attributes
    ----------
    behind
        How many events the worker had taken since then, when it was last looked at.
    looked
        When somebody looked for a newer one, in seconds of a clock of its own.
    """

    loaded: Loaded
    peek: Peek
    behind: int
    looked: float

    def as_of(self, topic: str) -> dict[str, float | int]:
        """What tells an answer from the stream's own."""
        pointer = self.loaded.kept.pointer
        return {
            "partition": self.loaded.kept.partition,
            "offset": pointer.next.get(topic, 0),
            "made_ms": pointer.made_ms,
            "age_seconds": round(time.time() - pointer.made_ms / 1000, 3),
            "behind_events": self.behind,
        }


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
        """The model of a shard; a Problem if there is none."""
        now = time.monotonic()
        found = self.standings.get(partition)
        if found is None or now - found.looked > FORGOTTEN_S:
            found = await asyncio.shield(self._look(partition))
        elif now - found.looked > REFRESH_S:
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
        def newest(log: Log) -> tuple[Loaded, Peek, int] | None:
            loaded = self.snapshots.newest(log, partition)
            if loaded is None:
                return None
            known = self.standings.get(partition)
            if known is not None and known.loaded is loaded:
                return loaded, known.peek, self._behind(log, partition, loaded)
            peek = Peek(loaded.shard)
            self.warming.switch(loaded.shard)
            return loaded, peek, self._behind(log, partition, loaded)

        try:
            found = await self.desk.ask(newest)
        except StateError as error:
            detail = f"the newest snapshot of partition {partition} can't be used: {error}"
            raise Problem(503, detail, reason="no_snapshot") from None
        if found is None:
            raise Problem(503, NONE_YET.format(partition), {"Retry-After": "5"}, reason="no_snapshot")
        self.warming.start()
        self.standings[partition] = Standing(*found, looked=time.monotonic())
        return self.standings[partition]

    def _behind(self, log: Log, partition: int, loaded: Loaded) -> int:
        """How many events there are that the snapshot does not know."""
        return int(log.bounds(self.topic)[partition][1] - loaded.kept.pointer.next.get(self.topic, 0))

    def age_s(self) -> float | None:
        """How old the oldest model is that predicts."""
        made: Sequence[int] = [each.loaded.kept.pointer.made_ms for each in self.standings.values()]
        return time.time() - min(made) / 1000 if made else None

    def close(self) -> None:
        self.warming.stop()
