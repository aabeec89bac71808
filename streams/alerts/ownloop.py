"""Every few seconds a worker looks at itself, and writes what there is to be told beside the commits.

Whatever goes wrong here, scoring does not notice: nothing of the shard is touched, a record that the log does
not take waits for the next look, is counted and said once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from connectors.log import LogError
from streams.alerts.own import Own, conditions
from streams.alerts.ownsenses import Senses, room_of

if TYPE_CHECKING:
    from streams.app import Work
    from streams.keeping.keeper import Keeper

log = logging.getLogger("driftline")

LOOK_S = 2.0
WRITE_S = 5.0
TAKE_S = 20.0  # to read back what the topics say of a shard
RECORDS_MAX = 20_000  # of a topic that are read back


class Watched:
    """One shard that is being looked at, since its keeper is ready."""

    def __init__(self, keeper: Keeper, own: Own, senses: Senses) -> None:
        self.keeper, self.own, self.senses = keeper, own, senses
        self.orders = 0  # where the next order lies


class Owns:
    """The worker's own alerts, of all shards that it has.

    Parameters
    ----------
    work
        What the worker holds.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.clock: Callable[[], float] = time.time
        self.shards: dict[int, Watched] = {}
        self.senses: dict[int, Senses] = {}
        self.unwritten = 0
        self.well = True  # nothing went wrong lately
        self.room = room_of(work.spec.transport)

    async def run(self) -> None:
        """Look again and again, for as long as the worker runs and there is anything to be told."""
        while conditions(self.work.spec):
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """One look at all shards."""
        keepers = dict(self.work.keepers)
        for partition in self.senses.keys() - keepers.keys():
            del self.senses[partition]
            self.shards.pop(partition, None)
        for partition, keeper in sorted(keepers.items()):
            try:
                async with asyncio.timeout(WRITE_S if partition in self.shards else TAKE_S):
                    await self._look_at(partition, keeper, first=partition == min(keepers))
            except (LogError, TimeoutError) as exc:
                self._failed(partition, str(exc) or "timed out")
            except Exception as exc:  # noqa: BLE001 - an alert about the worker must not end it
                self._failed(partition, repr(exc))

    async def _look_at(self, partition: int, keeper: Keeper, first: bool) -> None:
        senses = self.senses.get(partition)
        if senses is None or senses.keeper is not keeper:
            senses = self.senses[partition] = Senses(keeper, self.room)
        told = senses.look(self.work.entities if first else None)
        if not keeper.ready:  # somebody else may have the shard meanwhile, and tell of it
            self.shards.pop(partition, None)
            return
        watched = self.shards.get(partition)
        if watched is None:
            watched = await self._taken(keeper, senses)
            self.shards[partition] = watched
        now = int(self.clock() * 1000)
        await _obey(watched, now)
        watched.own.look(told, now, senses.least)
        await self._write(watched)

    async def _taken(self, keeper: Keeper, senses: Senses) -> Watched:
        """What the topics say of a shard's alerts and silences."""
        spec, store, shard = keeper.spec, keeper.store, keeper.shard
        assert shard is not None
        watched = Watched(keeper, Own(spec, shard.encode.origin), senses)
        alerts, orders = spec.topic("alerts"), spec.topic("control")
        start, end = await store.bounds(alerts)
        async for batch in store.read(alerts, max(start, end - RECORDS_MAX), end):
            watched.own.restore(batch)
        watched.own.restored()
        start, _ = await store.bounds(orders)
        watched.orders = keeper.next[orders]
        now = int(self.clock() * 1000)
        async for batch in store.read(orders, max(start, watched.orders - RECORDS_MAX), watched.orders):
            watched.own.obey(batch, now, old=True)
        return watched

    async def _write(self, watched: Watched) -> None:
        """Put what waits on the topic; what fails waits on."""
        waiting, topic = watched.own.waiting, watched.keeper.spec.topic("alerts")
        for key in [*waiting]:
            try:
                await watched.keeper.store.put(topic, key, waiting[key])
            except BaseException:
                self.unwritten += 1
                raise
            del waiting[key]
        self.well = True

    def _failed(self, partition: int, why: str) -> None:
        level = logging.WARNING if self.well else logging.DEBUG
        log.log(level, "shard %d: the worker's own alerts have to wait: %s", partition, why)
        self.well = False


async def _obey(watched: Watched, now: int) -> None:
    """Take the orders that the shard has taken since."""
    topic, keeper = watched.keeper.spec.topic("control"), watched.keeper
    end = keeper.next[topic]
    if end > watched.orders:
        async for batch in keeper.store.read(topic, watched.orders, end):
            watched.own.obey(batch, now)
        watched.orders = end
