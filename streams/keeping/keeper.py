"""A keeper holds one shard while this worker owns it: opens, recovers, takes, commits, lets go.

It knows no broker: the transport offers batches and asks where to go on. Two tasks run while it is open:
one walks what was offered, the other commits when that is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from connectors.log import Batch, LogError, Misfit, Store
from engine.batch import Outputs
from engine.errors import ReplayError, StateError
from engine.shard import Shard
from engine.spec import Spec
from streams.cache.entities import Entities
from streams.keeping import journal, recovery
from streams.keeping.commit import Open, Picture, commit, interval_s, lanes
from streams.keeping.journal import Entry, Pointer
from streams.keeping.pace import Pace
from streams.keeping.poison import Poison
from streams.keeping.queues import Queues
from streams.keeping.snapshot import Shelf
from streams.keeping.thrift import ALONE, Thrift
from streams.keeping.timing import Timing
from streams.keeping.upkeep import Upkeep
from streams.telemetry.meter import Meter
from streams.warming import Warming

log = logging.getLogger("driftline")


class Keeper:
    """One shard's life in this process.

    Parameters
    ----------
    spec, partition, store, shelf
        What is kept, and where.
    failed
        Called with the error after which the keeper has to be opened anew, or can't go on.
    lag
        How many more records of a topic are there than were offered.
    fresh
        Begin with an empty state if the one that is there is of another spec or can't be rebuilt.
    entities, warming, thrift
        What is told of each commit's newest entities, what compiles the model aside, if there is any; and
        what snapshots may cost.
    """

    def __init__(
        self,
        spec: Spec,
        partition: int,
        store: Store,
        shelf: Shelf,
        failed: Callable[[Keeper, BaseException], None],
        lag: Callable[[int, str], int] = lambda partition, topic: 0,
        fresh: bool = False,
        entities: Entities | None = None,
        warming: Warming | None = None,
        thrift: Thrift = ALONE,
    ) -> None:
        self.spec, self.partition, self.store, self.shelf = spec, partition, store, shelf
        self.failed, self.may_be_fresh, self.entities, self.warming = failed, fresh, entities, warming
        self.interval = interval_s(spec)
        # On an embedded log a commit is as quick as a send, so both kinds of delivery are the same there.
        self.eager = spec.delivery == "at_least_once" and spec.transport.startswith("kafka:")
        self.meter, self.poison, self.pace, self.timing = Meter(), Poison(), Pace(), Timing()
        self.upkeep = Upkeep(spec, store, shelf, self.meter, thrift)
        self.queues = Queues(spec.inputs, lambda topic: lag(partition, topic))
        self.commit_lock, self.send_lock = asyncio.Lock(), asyncio.Lock()
        self.tasks: set[asyncio.Task[None]] = set()
        self._forget()

    def _forget(self) -> None:
        self.shard: Shard | None = None
        self.ready = self.fresh = False
        self.seq, self.offset = 0, -1
        self.next = dict.fromkeys(self.spec.inputs, 0)
        self.snapshots: list[Pointer] = []
        self.open, self.in_flight = Open(), 0
        self._clear()

    def _clear(self) -> None:
        self.finished: Pointer | None = None  # a snapshot that no entry names yet: the next owner sweeps it
        self.queues.clear()
        self.fed, self.due, self.unsent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # -- opening ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Fence older owners; from then on `next` says where to go on. Recovery follows beside."""
        found = await self.store.open()
        last = journal.decode(found[1]) if found is not None else None
        at = (last.seq, found[0]) if last is not None and found is not None else (0, -1)
        # If nobody committed since this process did, what is in memory still holds, open runs included.
        if self.shard is None or at != (self.seq, self.offset):
            self._forget()
            self.seq, self.offset = at
            if last is not None:
                self._check(last)
                self.next.update(last.next)
                self.snapshots = list(last.snapshots)
            self.next = await self.upkeep.skip_what_is_gone(self.next, say=self.seq > 0)
        self._clear()
        self.spawn(self._live(last))

    def _check(self, last: Entry) -> None:
        if last.pipeline != self.spec.pipeline:
            topic = self.spec.topic("journal")
            raise Misfit(f"{topic} belongs to the pipeline {last.pipeline!r}; give this one another journal")
        if last.spec == self.spec.fingerprint:
            return
        if not self.may_be_fresh:
            raise StateError(
                f"the spec changed since entry {last.seq} in what the state depends on (events, labels, "
                f"features, model, confidence or limits). Put it back; or start with --fresh: an untrained "
                f"model goes on from here; or name a new pipeline"
            )
        self.fresh = True

    async def _live(self, last: Entry | None) -> None:
        try:
            if self.shard is None:
                await self._recover(last)
            self.ready = True
            self.meter.progressed()
            if self.open.runs:
                self.due.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._walk_what_is_offered())
                group.create_task(self._commit_when_due())
                group.create_task(self.upkeep.remind(self.due))
                if self.eager:
                    group.create_task(self._send_at_once())
        except* Exception as found:  # noqa: BLE001 - the boundary: the worker decides whether to go on
            self.ready, self.shard = False, None
            first: BaseException = found
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            self.failed(self, first)

    async def _recover(self, last: Entry | None) -> None:
        began, place = time.monotonic(), (self.spec, self.partition, self.store, self.shelf)
        if last is not None and not self.fresh:
            try:
                self.shard = await recovery.recover(*place, last, self.meter.progressed)
            except (StateError, ReplayError) as exc:
                if not self.may_be_fresh:
                    raise
                log.error("shard %d: %s; --fresh: a new state goes on from here", self.partition, exc)
                self.fresh = True
        self.shard = self.timing.watched(self.shard or Shard(self.spec, self.partition))
        self.meter.opened(self.shard)
        log.info("shard %d: at entry %d after %.2f s", self.partition, self.seq, time.monotonic() - began)
        self.upkeep.opened(self.snapshots, self.next, self.fresh)
        self.spawn(self.upkeep.tidy(self.shard, self.snapshots, self.seq))

    # -- taking ----------------------------------------------------------------------------------------

    def wants(self, topic: str) -> bool:
        """Whether the transport should fetch more of a topic."""
        unsettled = self.open.records + self.in_flight
        return self.ready and not self.queues.is_full(topic) and unsettled < self.spec.commit.open_max

    def has_work(self) -> bool:
        """Whether there is anything that it should be getting on with."""
        return bool(self.open.runs) or not self.ready or any(self.queues.lags().values())

    def offer(self, batch: Batch) -> bool:
        """Queue a batch; False if it does not begin where the last one ended, and must be fetched again."""
        end = self.queues.end(batch.topic)
        if batch.first != (self.next[batch.topic] if end is None else end):
            return False
        self.queues.put(batch)
        self.fed.set()
        return True

    async def _walk_what_is_offered(self) -> None:
        while self.ready:
            if not self.queues:
                self.fed.clear()
                await self.fed.wait()
                continue
            assert self.shard is not None
            # Up to the shard's next turn, so that no step is cut short but by a slow model.
            batch = self.queues.oldest(min(self.pace.most, self.shard.room))
            if batch is None:
                await asyncio.sleep(0.002)
                continue
            self._take(self.shard, batch)
            await asyncio.sleep(0)  # commits, heartbeats and fetches have their turn

    def _take(self, shard: Shard, batch: Batch) -> None:
        if self.warming is not None and self.warming.ready:
            self.warming.switch(shard)
        began = self.timing.begin(batch)
        try:
            for out in self.poison.walk(shard, batch):
                self.open.add(out)
        except LogError:
            self.shard = None  # half a walk has changed it
            raise
        self.queues.done(batch)
        self.open.took(batch, self.poison.among(batch))
        self.next[batch.topic] = batch.end
        self.upkeep.records += len(batch)
        self.meter.walked(batch, seconds := self.timing.end(batch, began))
        self.pace.took(len(batch), seconds)
        self.due.set()
        self.unsent.set()

    # -- committing ------------------------------------------------------------------------------------

    async def _commit_when_due(self) -> None:
        last = 0.0
        writing: asyncio.Task[None] | None = None
        while True:
            await self.due.wait()
            await asyncio.sleep(max(0.0, last + self.interval - time.monotonic()))
            last = time.monotonic()
            idle = writing is None or writing.done()
            if (picture := await self.commit(freeze=idle and self.upkeep.is_due())) is not None:
                writing = self.spawn(self._write_snapshot(picture))

    async def commit(self, freeze: bool = False) -> Picture | None:
        """Commit what is open; batches may be taken meanwhile, for the next entry."""
        async with self.commit_lock:
            self.due.clear()
            if self.shard is None or not (self.open.runs or self.finished or freeze):
                return None
            began = time.perf_counter()
            if freeze:
                self.upkeep.begun()
            try:
                return await commit(self, freeze)
            except BaseException:
                self.ready, self.shard = False, None  # what was taken is no longer known here
                raise
            finally:
                self.meter.commit_seconds += time.perf_counter() - began

    def committed(self, entry: Entry, offset: int) -> None:
        """What holds once an entry is durable."""
        self.seq, self.offset, self.snapshots = entry.seq, offset, list(entry.snapshots)
        self.fresh, self.in_flight = False, 0
        self.meter.committed()

    async def _write_snapshot(self, picture: Picture) -> None:
        self.finished = await self.upkeep.write(picture, self.snapshots)
        if self.finished is not None:
            self.due.set()
            await self.upkeep.check_retention([self.finished, *self.snapshots[:1]])

    async def _send_at_once(self) -> None:
        """at_least_once: outputs are sent as they come; the journal's entry follows with the commit."""
        while True:
            await self.unsent.wait()
            self.unsent.clear()
            async with self.send_lock:
                outputs, self.open.outputs = self.open.outputs, Outputs()
                try:
                    await self.store.send(lanes(self.spec, outputs))
                except BaseException:
                    self.ready, self.shard = False, None  # nobody can tell what arrived: commit nothing
                    raise

    # -- letting go ------------------------------------------------------------------------------------

    async def park(self, save: bool = True, limit: float = 3.0) -> None:
        """Stop; commit what was taken if it is still ours to do. Memory is kept, if it is sound."""
        ready, self.ready = self.ready, False
        if save and ready:
            try:
                await asyncio.wait_for(self.commit(), limit)
            except (LogError, TimeoutError) as exc:
                log.warning("shard %d: not committed on leaving: %s", self.partition, exc)
                self.shard = None
        tasks, self.tasks = self.tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.shard is not None and log.isEnabledFor(logging.DEBUG):
            log.debug("shard %d: parked at entry %d, state %s", self.partition, self.seq, self.shard.digest())
        self._clear()
        with contextlib.suppress(LogError):
            await self.store.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
