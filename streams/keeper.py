"""A keeper holds one shard while this worker owns it: opens, recovers, takes, commits, lets go.

It knows no broker: the transport offers batches and asks where to go on. Two tasks run while it is open.
One walks what was offered, oldest records first across the topics, so that in a catch-up labels don't
overtake their events by hours. The other commits when that is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable

from connectors.log import Batch, LogError, Misfit, Refused, Store
from engine.batch import Output, Outputs
from engine.errors import StateError
from engine.shard import TURN, Shard
from engine.spec import Spec
from streams import journal, recovery, snapshot
from streams.commit import Open, Picture, commit
from streams.journal import Entry, Pointer, Refusal
from streams.metrics import Meter
from streams.snapshot import Shelf

log = logging.getLogger("driftline")

SLICE = TURN  # records walked before others have a turn
QUEUE_MAX = 4_000  # records of one topic that wait to be walked
PATIENCE = 0.25  # seconds to wait for an older record of another topic, in a catch-up


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
        Begin with an empty state if the state that is there was made under another spec.
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
    ) -> None:
        self.spec, self.partition, self.store, self.shelf = spec, partition, store, shelf
        self.failed, self.lag, self.may_be_fresh = failed, lag, fresh
        embedded = not spec.transport.startswith("kafka:")
        default = 5 if embedded else 100
        self.eager = spec.delivery == "at_least_once" and not embedded  # outputs don't wait for commits
        self.interval = (default if spec.commit.every is None else spec.commit.every) / 1000
        self.meter = Meter()
        self.shard: Shard | None = None
        self.ready = False
        self.poisoned: dict[tuple[str, int], Refusal] = {}  # records on which the walk fails
        self.suspect: tuple[str, int, int] | None = None  # a batch in which such a record lies
        self.commit_lock, self.send_lock = asyncio.Lock(), asyncio.Lock()
        self.tasks: set[asyncio.Task[None]] = set()
        self._forget()

    def _forget(self) -> None:
        self.shard, self.ready, self.fresh = None, False, False
        self.seq, self.offset = 0, -1
        self.next = dict.fromkeys(self.spec.inputs, 0)
        self.snapshots: list[Pointer] = []
        self.finished: Pointer | None = None  # a snapshot that no entry names yet
        self.open, self.in_flight = Open(), 0
        self.since_snapshot = 0
        self.snapshot_at = time.monotonic()
        self._clear()

    def _clear(self) -> None:
        self.queues: dict[str, deque[Batch]] = {topic: deque() for topic in self.spec.inputs}
        self.queued = dict.fromkeys(self.spec.inputs, 0)  # records
        self.fed, self.due, self.unsent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # -- opening ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Fence older owners; from then on `next` says where to go on. Recovery follows beside."""
        found = await self.store.open()
        last = journal.decode(found[1]) if found is not None else None
        kept = last is not None and found is not None and (last.seq, found[0]) == (self.seq, self.offset)
        if not (kept and self.shard is not None):
            self._forget()
            if last is not None and found is not None:
                self._check(last)
                self.seq, self.offset = last.seq, found[0]
                self.next.update(last.next)
                self.snapshots = list(last.snapshots)
        self._clear()
        self._spawn(self._live(last))

    def _check(self, last: Entry) -> None:
        if last.pipeline != self.spec.pipeline:
            topic = self.spec.topic("journal")
            raise Misfit(f"{topic} belongs to the pipeline {last.pipeline!r}; give this one another journal")
        if last.spec == self.spec.fingerprint:
            return
        if not self.may_be_fresh:
            raise StateError(
                f"the spec changed since entry {last.seq} in what the state depends on (events, labels, "
                f"features, model or limits). Put it back; or start with --fresh: an untrained model goes on "
                f"from here; or name a new pipeline"
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
                if self.eager:
                    group.create_task(self._send_at_once())
        except* Exception as found:  # the worker's boundary: it decides whether to go on
            self.ready = False
            first: BaseException = found
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            self.failed(self, first)

    async def _recover(self, last: Entry | None) -> None:
        began = time.monotonic()
        if last is None or self.fresh:
            self.shard, self.snapshots = Shard(self.spec, self.partition), []
        else:
            self.shard = await recovery.recover(self.spec, self.partition, self.store, self.shelf, last)
        self.meter.recoveries += 1
        took = time.monotonic() - began
        log.info("shard %d: at entry %d after %.2f s", self.partition, self.seq, took)
        self._spawn(self._tidy(list(self.snapshots[:2])))

    async def _tidy(self, named: list[Pointer]) -> None:
        """Remove what crashes left in the snapshots topic, and see whether a replay is still possible."""
        with contextlib.suppress(LogError):  # the next opening sweeps again
            if removed := await snapshot.sweep(self.shelf, self.store, named):
                log.info("shard %d: %d orphaned snapshot chunks removed", self.partition, removed)
            await self._check_retention(named)

    async def _check_retention(self, named: list[Pointer]) -> None:
        if not named:
            return
        needed = {**named[-1].next, self.spec.topic("journal"): named[-1].journal + 1}
        short = [t for t, offset in needed.items() if (await self.store.bounds(t))[0] > offset]
        self.meter.retention_short = len(short)
        if short:
            log.warning(
                "shard %d: %s no longer reach back to the older snapshot (entry %d): retention is shorter than "
                "its age. If the newest snapshot were lost, the state could not be rebuilt. "
                "Give these topics more retention, or take snapshots more often (snapshots.every)",
                self.partition, " and ".join(short), named[-1].seq,
            )  # fmt: skip
            self.since_snapshot = self.spec.snapshots.every_records  # one is due now

    # -- taking ----------------------------------------------------------------------------------------

    def wants(self, topic: str) -> bool:
        """Whether the transport should fetch more of a topic."""
        unsettled = self.open.records + self.in_flight
        return self.ready and self.queued[topic] < QUEUE_MAX and unsettled < self.spec.commit.open_max

    def has_work(self) -> bool:
        """Whether there is anything that it should be getting on with."""
        return bool(self.open.runs) or not self.ready or any(self.lags().values())

    def lags(self) -> dict[str, int]:
        """Per topic, how many records are not yet taken."""
        return {topic: n + self.lag(self.partition, topic) for topic, n in self.queued.items()}

    def offer(self, batch: Batch) -> bool:
        """Queue a batch; False if it does not begin where the last one ended, and must be fetched again."""
        queue = self.queues[batch.topic]
        if batch.first != (queue[-1].end if queue else self.next[batch.topic]):
            return False
        queue.append(batch)
        self.queued[batch.topic] += len(batch)
        self.fed.set()
        return True

    def unqueue(self) -> None:
        """Forget what is queued: the transport seeks to `next` and offers it again."""
        for topic, queue in self.queues.items():
            queue.clear()
            self.queued[topic] = 0

    async def _walk_what_is_offered(self) -> None:
        patient_until = 0.0
        while True:
            heads = {topic: queue[0] for topic, queue in self.queues.items() if queue}
            if not heads:
                self.fed.clear()
                patient_until = 0.0
                await self.fed.wait()
                continue
            absent = [
                topic for topic in self.queues if topic not in heads and self.lag(self.partition, topic)
            ]
            now = time.monotonic()
            if absent and (patient_until == 0.0 or now < patient_until):
                patient_until = patient_until or now + PATIENCE
                await asyncio.sleep(0.002)
                continue
            patient_until = 0.0 if not absent else patient_until
            self._take(*self._oldest(heads))
            await asyncio.sleep(0)  # let commits, heartbeats and fetches have their turn

    def _oldest(self, heads: dict[str, Batch]) -> tuple[Batch, int]:
        """The head with the oldest record, and how many of its records are older than the other heads."""
        topic = min(heads, key=lambda t: heads[t].timestamps[0] if len(heads[t]) else -1)
        head, others = heads[topic], [b.timestamps[0] for t, b in heads.items() if t != topic and len(b)]
        stop = min(len(head), SLICE - (self.shard.taken % SLICE if self.shard is not None else 0))
        if others:
            stop = max(1, min(stop, bisect_right(head.timestamps, min(others))))
        return head, stop

    def _take(self, head: Batch, stop: int) -> None:
        """Walk the first `stop` records of a queue's head."""
        part = head if stop >= len(head) else head.cut(0, stop)
        began = time.perf_counter()
        self._walk(part)
        queue = self.queues[head.topic]
        if stop >= len(head):
            queue.popleft()
        else:
            queue[0] = head.cut(stop, len(head))
        self.queued[head.topic] -= len(part)
        journal.add_run(self.open.runs, part.topic, part.first, part.end)
        self.next[part.topic] = part.end
        self.open.records += len(part)
        self.since_snapshot += len(part)
        self.meter.walked(part, time.perf_counter() - began)
        self.due.set()
        self.unsent.set()

    def _walk(self, batch: Batch) -> None:
        assert self.shard is not None
        for part in self._pieces(batch):
            try:
                for out in recovery.walk(self.shard, part, self.poisoned):
                    self.open.add(out)
            except Exception as exc:  # the worker's boundary: whatever the walk raises ends up here
                self._met_poison(part, exc)
        at = ((batch.topic, offset) for offset in batch.offsets) if self.poisoned else ()
        self.open.refused += [self.poisoned[place] for place in at if place in self.poisoned]

    def _pieces(self, batch: Batch) -> list[Batch]:
        """One by one where a walk failed before, so that the record that did it is found."""
        if self.suspect is None or self.suspect[0] != batch.topic or batch.first >= self.suspect[2]:
            return [batch]
        return [batch.cut(i, i + 1) for i in range(len(batch))]

    def _met_poison(self, part: Batch, exc: Exception) -> None:
        """Half of a walk has changed the state: give it up, and know the record the next time."""
        if len(part) == 1:
            place = (part.topic, part.offsets[0])
            self.poisoned[place] = Refusal(*place, type(exc).__name__, str(exc))
            log.error("shard %d: the walk fails on %s offset %d", self.partition, *place, exc_info=exc)
        self.suspect = (part.topic, part.first, part.end)
        self.shard = None
        where = f"{part.topic}-{self.partition}, offsets {part.first} to {part.end - 1}"
        raise Refused(f"the walk failed on {where}: {exc!r}") from exc

    # -- committing ------------------------------------------------------------------------------------

    async def _commit_when_due(self) -> None:
        last = 0.0
        writing: asyncio.Task[None] | None = None
        while True:
            await self.due.wait()
            await asyncio.sleep(max(0.0, last + self.interval - time.monotonic()))
            last = time.monotonic()
            idle = writing is None or writing.done()
            picture = await self.commit(freeze=idle and self._snapshot_is_due())
            if picture is not None:
                writing = self._spawn(self._write_snapshot(picture))

    async def _send_at_once(self) -> None:
        """at_least_once: outputs are sent as they come; the journal's entry follows with the commit."""
        while True:
            await self.unsent.wait()
            self.unsent.clear()
            async with self.send_lock:
                outputs, self.open.outputs = self.open.outputs, Outputs()
                await self.store.send(self.lanes(outputs))

    def lanes(self, outputs: Outputs) -> dict[str, Output]:
        """Outputs by the full names of their topics."""
        return {self.spec.topic(name): rows for name, rows in outputs.lanes().items() if len(rows)}

    def _snapshot_is_due(self) -> bool:
        limits = self.spec.snapshots
        overdue = time.monotonic() - self.snapshot_at > limits.every / 1000 and self.since_snapshot > 0
        return overdue or self.since_snapshot >= limits.every_records

    async def commit(self, freeze: bool = False) -> Picture | None:
        """Commit what is open; batches may be taken meanwhile, for the next entry."""
        async with self.commit_lock:
            self.due.clear()
            if not self.open.runs and self.finished is None:
                return None
            began = time.perf_counter()
            if freeze:
                self.since_snapshot, self.snapshot_at = 0, time.monotonic()
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

    def retire(self, pointer: Pointer) -> None:
        self._spawn(self._retire(pointer))

    async def _retire(self, pointer: Pointer) -> None:
        with contextlib.suppress(LogError):  # the entry still names it: the next opening sweeps
            await snapshot.drop(self.shelf, self.store, pointer.name, pointer.chunks)

    async def _write_snapshot(self, picture: Picture) -> None:
        began = time.monotonic()
        shelf, store = self.shelf, self.store
        try:
            self.finished = await snapshot.write(
                shelf, store, picture.seq, picture.journal, picture.next, picture.pieces
            )
        except (LogError, StateError) as exc:  # the older snapshot and a longer journal still do
            log.warning("shard %d: no snapshot of entry %d: %s", self.partition, picture.seq, exc)
            return
        self.meter.snapshot_at = time.time()
        log.debug("shard %d: snapshot in %.2f s", self.partition, time.monotonic() - began)
        self.due.set()
        with contextlib.suppress(LogError):
            await self._check_retention([self.finished, *self.snapshots[:1]])

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
        if not ready:
            self.shard = None
        self._clear()
        await self.store.close()

    def _spawn(self, work: object) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)  # type: ignore[arg-type]
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
