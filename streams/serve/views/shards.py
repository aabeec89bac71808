"""What views show of the newest snapshots: of each shard only that, since a whole state may be large."""

from __future__ import annotations

import time
from typing import NamedTuple

from connectors.log import Log
from engine.drift.stage import Watch
from engine.metrics import Summary
from engine.shard import Shard
from engine.spec import Spec
from streams.keeping import shelves
from streams.serve.snapshots import Snapshots

REST = 20  # times as long as a snapshot took to load no newer one is loaded: they may come every second


class Look(NamedTuple):
    """One shard, as of its newest snapshot; without one, as it would begin."""

    partition: int
    made_ms: int | None
    offset: int  # of events, where it went on
    behind: int  # events that were taken since
    predicted: int
    watch: Watch | None
    summary: Summary


class Shards:
    """The shards of a pipeline; of the loading thread only.

    Parameters
    ----------
    spec
        The pipeline's spec.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.looks: dict[int, tuple[str, Look]] = {}  # by partition, with the name of the newest snapshot
        self.rests: dict[int, float] = {}  # by partition: until when

    def look(self, log: Log, snapshots: Snapshots) -> list[Look]:
        """All of them as of now; a snapshot is read when it is new."""
        spans = log.bounds(self.spec.topic("journal"))
        return [self._look(log, snapshots, partition, span) for partition, span in enumerate(spans)]

    def _look(self, log: Log, snapshots: Snapshots, partition: int, span: tuple[int, int]) -> Look:
        newest = next(shelves.of(log, self.spec, partition, span), None)
        name = "" if newest is None else newest.pointer.name
        known = self.looks.get(partition)
        if known is None or (known[0] != name and time.monotonic() > self.rests.get(partition, 0.0)):
            began = time.monotonic()
            known = self.looks[partition] = name, self._loaded(log, snapshots, partition)
            self.rests[partition] = time.monotonic() + REST * (time.monotonic() - began)
        look = known[1]
        if newest is None:
            return look
        return look._replace(behind=newest.entry.next.get(self.spec.topic("events"), 0) - look.offset)

    def _loaded(self, log: Log, snapshots: Snapshots, partition: int) -> Look:
        loaded = snapshots.newest(log, partition)
        if loaded is None:
            shard, made_ms, offset = Shard(self.spec, partition), None, 0
        else:
            shard, pointer = loaded.shard, loaded.kept.pointer
            made_ms, offset = pointer.made_ms, pointer.next.get(self.spec.topic("events"), 0)
        summary = shard.quality.summary()
        return Look(partition, made_ms, offset, 0, shard.predicted, shard.watch, summary)
