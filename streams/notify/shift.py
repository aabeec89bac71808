"""One deliverer's time in the seat: it reads what is true, and tells whoever was not told yet.

Every receiver has a task of its own, so that one that is away holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from connectors.log import Full, Headers, Record, Rows, Unavailable
from connectors.notifier import Mirror, Notifier
from connectors.seat import HOLD_S, Seat
from engine.alerts.record import Alert
from engine.alerts.record import read as read_alert
from engine.spec import DELIVERIES, Spec
from streams.notify.carrier import Alarm, Carrier
from streams.notify.counts import Counts
from streams.notify.mirrored import Mirrored
from streams.notify.rounds import Rounds, Standing
from streams.notify.routes import Way, ways
from streams.notify.shower import Shower
from streams.notify.told import AGAIN, SINCE, Since, encode, entries, starts

log = logging.getLogger("driftline")

FETCH_S = 0.5
CATCH_UP_MS = 30_000  # without a record
STOP_S = 3.0  # for what is being sent when the end comes


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Shift:
    """Reads, tells and writes down, for as long as the seat is ours.

    Parameters
    ----------
    spec
        The pipeline's spec.
    seat
        Taken already.
    notifiers, mirrors
        The receivers, by name.
    counts
        Where to count.
    """

    def __init__(
        self,
        spec: Spec,
        seat: Seat,
        notifiers: Mapping[str, Notifier],
        mirrors: Mapping[str, Mirror],
        counts: Counts,
        clock: Callable[[], int] = wall_ms,
    ) -> None:
        self.spec, self.seat, self.counts, self.clock = spec, seat, counts, clock
        self.alerts, self.deliveries = spec.topic("alerts"), spec.topic(DELIVERIES)
        self.dead_letters = spec.topic("dead_letters")
        self.rounds = {name: Rounds(name, spec.notify, clock()) for name in notifiers}
        self.mirrored = {name: Mirrored(spec.notify) for name in mirrors}
        self.since: dict[str, Since] = {}
        self.carriers = {
            name: Carrier(self.rounds[name], each, self, counts, clock) for name, each in notifiers.items()
        }
        self.showers = {
            name: Shower(name, self.mirrored[name], each, counts, clock) for name, each in mirrors.items()
        }
        self.stale: set[str] = set()  # keys of records that nobody needs any more
        self.is_live = False
        self.counts.under_way = {**self.rounds, **self.mirrored}

    async def run(self, ended: asyncio.Event) -> None:
        """Go on until told to end; raise LogError when the seat is lost or the log can't be reached."""
        await self._catch_up()
        work = [self._stay(), self._read()]
        work += [carrier.run() for carrier in self.carriers.values()]
        work += [shower.run() for shower in self.showers.values()]
        tasks = [asyncio.create_task(each) for each in work]
        end = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for alarm in self._alarms():
                alarm.end()
            await asyncio.wait(tasks[2:], timeout=STOP_S if ended.is_set() else 0)
        finally:
            for task in (end, *tasks):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _alarms(self) -> list[Alarm]:
        carriers, showers = self.carriers.values(), self.showers.values()
        return [*(carrier.alarm for carrier in carriers), *(shower.alarm for shower in showers)]

    # -- reading

    async def _catch_up(self) -> None:
        """What there is already: first all that receivers were told, then all alerts."""
        ends = await self.seat.follow([self.deliveries, self.alerts])
        told: dict[bytes | None, Record] = {}
        alerts: dict[bytes | None, tuple[int, Record]] = {}
        deadline = self.clock() + CATCH_UP_MS
        while not await self.seat.has_reached(ends):
            for batch in await self.seat.fetch(FETCH_S):
                deadline = self.clock() + CATCH_UP_MS
                if batch.topic == self.deliveries:
                    told |= {record.key: record for record in batch.records()}
                else:
                    alerts |= {record.key: (batch.partition, record) for record in batch.records()}
            if self.clock() > deadline:
                raise Unavailable(f"{self.deliveries} and {self.alerts} can't be read to their ends")
        there = {(key or b"").decode(errors="replace") for key, (_, record) in alerts.items() if record.value}
        for record in told.values():
            self._remember(record, there)
        await self._note_new_receivers(ends)
        for partition, record in alerts.values():
            self._take(partition, record)
        self.is_live = True

    def _remember(self, record: Record, there: Collection[str]) -> None:
        """What a receiver was told; records about nothing that is still there are deleted."""
        key = (record.key or b"").decode(errors="replace")
        if not record.value:
            return
        try:
            if key.startswith(SINCE):
                self.since[key.removeprefix(SINCE)] = starts.decode(record.value)
                return
            entry = entries.decode(record.value)
        except msgspec.MsgspecError as exc:
            log.warning("%s: the record %s is not understood and left alone: %s", self.deliveries, key, exc)
            return
        if entry.receiver in self.rounds:
            self.rounds[entry.receiver].load(key, entry, record.headers)
        if entry.status == "sending" or key.startswith(AGAIN):
            return
        if not any(fingerprint in there for fingerprint in entry.marks):
            self.stale.add(key)

    async def _note_new_receivers(self, ends: Mapping[tuple[str, int], int]) -> None:
        """A new receiver is not told of what was over before it came."""
        new = [name for name in self.rounds if name not in self.since]
        since = Since({partition: end for (topic, partition), end in ends.items() if topic == self.alerts})
        self.since |= dict.fromkeys(new, since)
        if new:
            await self.write([(SINCE + name, encode(since), ()) for name in new])

    async def _read(self) -> None:
        while True:
            for batch in await self.seat.fetch(FETCH_S):
                for record in batch.records():
                    if batch.topic == self.alerts:
                        self._take(batch.partition, record)
                    elif (record.key or b"").startswith(AGAIN.encode()):
                        self._take_again(record)

    def _take(self, partition: int, record: Record) -> None:
        if not record.value:
            for rounds in self.rounds.values():
                self.stale.update(rounds.drop((record.key or b"").decode(errors="replace")))
            return
        try:
            alert = read_alert(record.value)
        except msgspec.MsgspecError as exc:
            log.warning("%s-%s, offset %s, is no alert: %s", self.alerts, partition, record.offset, exc)
            return
        for name, way in ways(self.spec.notify, alert.labels).items():
            self._hand_over(name, alert, way, partition, record)

    def _hand_over(self, name: str, alert: Alert, way: Way, partition: int, record: Record) -> None:
        now = self.clock()
        self.counts.outcomes[name, "muted"] += bool(alert.muted) and self.is_live
        if name in self.mirrored:
            self.mirrored[name].take(Standing(alert, record.timestamp, False), now)
            self.showers[name].alarm.wake()
        else:
            old = record.offset < self.since[name].ends.get(partition, 0)
            self.rounds[name].take(Standing(alert, record.timestamp, old), way, now)
            self.carriers[name].alarm.wake()

    def _take_again(self, record: Record) -> None:
        """A dead letter that somebody sent again."""
        entry = entries.decode(record.value) if record.value else None
        key = (record.key or b"").decode()
        if entry is None or entry.status != "sending" or entry.receiver not in self.rounds:
            return
        rounds = self.rounds[entry.receiver]
        if key not in rounds.groups:
            now = self.clock()
            rounds.load(key, msgspec.structs.replace(entry, at=now, began=now, attempts=0), record.headers)
            self.carriers[entry.receiver].alarm.wake()

    # -- writing

    async def write(
        self, records: Sequence[tuple[str, bytes | None, Headers]], more: Mapping[str, Rows] | None = None
    ) -> None:
        keys, values, headers = zip(*records, strict=True)
        rows = Rows([key.encode() for key in keys], list(values), list(headers) if any(headers) else None)
        try:
            await self.seat.write({self.deliveries: rows, **(more or {})})
        except Full as exc:  # who is told that the disk is full should be told
            log.error("what is delivered can't be written down, so a restart may repeat it: %s", exc)

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(HOLD_S)
            await self.seat.hold()
            stale, self.stale = self.stale, set()
            if stale:
                await self.write([(key, None, ()) for key in stale])
