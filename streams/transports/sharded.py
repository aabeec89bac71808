"""What both transports add to a Faust consumer: keepers, and positions that come from the journal.

Faust runs the app, the assignment and the rebalances; offsets, acknowledgement and state are ours. A
rebalance stops the flow, parks every keeper (which commits what it took), and the seek that follows the
assignment opens those that are ours now. Two locks keep that in order:

`open_lock`   one opening or parking at a time
`fetch_lock`  no fetch while positions change

The rebalance callback never waits for `fetch_lock`, nor does anybody who holds `open_lock`: a fetch of
aiokafka blocks for as long as a rebalance goes on, and both would wait for ever.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from faust.types import TP

from connectors.log import Batch, LogError, Refused, Store, Unavailable
from engine.errors import DriftlineError
from streams.keeping.keeper import Keeper
from streams.telemetry.logs import at
from streams.transports.message import Delivery, message

log = logging.getLogger("driftline")

OPEN_TIMEOUT = 20.0
UNAVAILABLE_WAIT = 2.0


class ShardedConsumer:
    """Mixin for a Faust consumer. The transport adds `new_store`, `seek_all` and `lag`."""

    app: Any
    settle = 2.5  # seconds after a refusal in which the group may tell us that we are out

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.work = self.app.work  # what streams.app.Work holds
        self.keepers: dict[int, Keeper] = {}
        self.seeks = 0
        self.fetched: dict[TP, int] = {}  # where the next batch begins
        self.open_lock = asyncio.Lock()
        self.fetch_lock = asyncio.Lock()
        self.resets: set[asyncio.Task[None]] = set()
        self.work.consumer = self

    # -- what the transport adds -----------------------------------------------------------------------

    def new_store(self, partition: int) -> Store:
        raise NotImplementedError

    async def seek_all(self, offsets: dict[TP, int]) -> None:
        raise NotImplementedError

    def lag(self, tp: TP) -> int:
        """How many more records of it the log has than were fetched."""
        raise NotImplementedError

    # -- batches ---------------------------------------------------------------------------------------

    def wants(self, tp: TP) -> bool:
        keeper = self.keepers.get(tp.partition)
        return keeper is not None and tp in self.fetched and keeper.wants(tp.topic)

    def deliver(self, batch: Batch) -> list[Delivery]:
        self.fetched[TP(batch.topic, batch.partition)] = batch.end
        return [Delivery(batch, self.seeks)]

    def take(self, delivery: Delivery) -> None:
        """Give a batch to its keeper, unless it is stale; seek back if it leaves a gap."""
        batch = delivery.batch
        keeper = self.keepers.get(batch.partition)
        if keeper is None or not keeper.ready or delivery.seek != self.seeks:
            return
        if not keeper.offer(batch):
            log.warning(
                "shard %d: gap at %s offset %d; reading again",
                *(batch.partition, batch.topic, batch.first),
                extra=at(topic=batch.topic),
            )
            self._spawn(self.perform_seek())  # type: ignore[attr-defined]

    def _to_message(self, tp: TP, record: Delivery) -> Any:
        return message(record, self.app.consumer_generation_id)

    # -- opening, and after a refusal ------------------------------------------------------------------

    async def seek_to_committed(self) -> dict[TP, int]:
        """Open the keepers that are not open, then go on where each of them stands."""
        async with self.open_lock:
            assigned = {tp.partition for tp in self.assignment()}  # type: ignore[attr-defined]
            for partition in set(self.keepers) - assigned:
                await self.keepers.pop(partition).park(save=False)
            await asyncio.gather(*map(self._open, sorted(assigned)))
        async with self.fetch_lock:
            self.seeks += 1
            self.fetched = {}
            for partition, keeper in self.keepers.items():
                if keeper.tasks:
                    keeper.queues.clear()  # it was fetched before this seek, and is fetched again
                    self.fetched.update({TP(topic, partition): n for topic, n in keeper.next.items()})
            await self.seek_all(dict(self.fetched))
            return dict(self.fetched)

    async def _open(self, partition: int) -> None:
        keeper = self.keepers.get(partition)
        if keeper is None:
            keeper = self.work.new_keeper(partition, self.new_store(partition), self.failed, self._lag)
            self.keepers[partition] = keeper
        if keeper.tasks:
            return
        try:
            await asyncio.wait_for(keeper.start(), OPEN_TIMEOUT)
        except Exception as exc:  # noqa: BLE001 - whatever it is, `failed` decides
            self.failed(keeper, exc)

    def _lag(self, partition: int, topic: str) -> int:
        """How many records of a topic the keeper was not offered: not fetched yet, or on their way to it."""
        tp, keeper = TP(topic, partition), self.keepers[partition]
        end = keeper.queues.end(topic)
        offered = keeper.next[topic] if end is None else end
        return self.lag(tp) + max(0, self.fetched.get(tp, offered) - offered)

    def failed(self, keeper: Keeper, exc: BaseException) -> None:
        """Throw the keeper's memory away and open it anew, if it is ours still; or stop the worker.

        A worker that lost its place in the group must not fence its successor: first it leaves the group's
        heartbeat time to say so.
        """
        keeper.meter.refusals += 1
        if isinstance(exc, (Refused, Unavailable, TimeoutError)):
            log.warning("shard %d: %s; opening it anew", keeper.partition, str(exc) or "timed out")
            unavailable = not isinstance(exc, Refused)
            self._spawn(self._reset(keeper, UNAVAILABLE_WAIT if unavailable else self.settle))
        else:
            told = isinstance(exc, (LogError, DriftlineError))  # in a sentence of its own
            log.critical("shard %d: %s", keeper.partition, exc, exc_info=None if told else exc)
            self.work.stop("a shard can't go on", exc)

    async def _reset(self, keeper: Keeper, wait: float) -> None:
        generation = self.app.consumer_generation_id
        async with self.open_lock:
            keeper.shard = None
            await keeper.park(save=False)
            for topic in keeper.next:
                self.fetched.pop(TP(topic, keeper.partition), None)
        await asyncio.sleep(wait)
        if generation == self.app.consumer_generation_id and not self.app.rebalancing:
            await self.perform_seek()  # type: ignore[attr-defined]

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.resets.add(task)
        task.add_done_callback(self.resets.discard)

    # -- rebalances ------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Faust stops the flow only if something was assigned. Otherwise a batch could be delivered
        # between the seek and the resume, which clears the queues.
        began = time.monotonic()
        self.stop_flow()  # type: ignore[attr-defined]
        self.app.flow_control.suspend()
        async with self.open_lock:
            await self._park_all()
        log.debug("parked in %.2f s", time.monotonic() - began)
        await super().on_partitions_revoked(revoked)  # type: ignore[misc]

    async def _park_all(self) -> None:
        await asyncio.gather(*(keeper.park() for keeper in self.keepers.values()))

    async def on_stop(self) -> None:
        async with self.open_lock:
            await self._park_all()
        await super().on_stop()  # type: ignore[misc]

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: Faust would pause, and sleep a second once all is paused. A full queue holds anyway."""
