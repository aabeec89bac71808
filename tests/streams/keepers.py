"""Keepers over a log in memory, stores that fail on cue, and what must hold of a log in the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.log import Batch, Log, Payload, Rows, Store
from connectors.memory import MemoryLog
from engine.batch import Lines, Output, Outputs
from engine.shard import Shard
from engine.spec import Spec
from streams import topics
from streams.app import Work, make_app
from streams.keeping import journal, recovery
from streams.keeping.journal import Digest, Entry
from streams.keeping.keeper import Keeper
from streams.keeping.snapshot import Shelf
from streams.keeping.thrift import Thrift
from streams.telemetry import http
from streams.telemetry.health import Health
from tests.engine.cases import NOW, spec
from tests.faults.audit import newest

KEY = b"a key that only these tests know"
POISON = 666.0
LIMIT_S = 60.0  # more than anything here takes
Lane = list[tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]


class Chain:
    """A classifier whose predictions depend on all that it learned, in that order."""

    def __init__(self, start: float = 0.5) -> None:
        self.state = start

    def predict_proba_one(self, x: dict[str, float]) -> dict[Any, float]:
        if x["amount"] == POISON:
            return {1j: 1.0}  # nobody can encode this, so the walk fails behind the model's back
        odds = (self.state + x["amount"] / 1000) % 1.0
        return {False: 1.0 - odds, True: odds}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.state = (self.state * 0.7 + x["amount"] / 777 + y / 3) % 1.0


class Slow(Chain):
    """A model that takes its time, as forests do."""

    seconds = 0.0
    calls = 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[Any, float]:
        Slow.calls += 1
        time.sleep(self.seconds)
        return super().predict_proba_one(x)


def quick(**changes: Any) -> Spec:
    """A small pipeline whose keepers commit as soon as there is anything."""
    given: dict[str, Any] = {
        "transport": "memory://tests",
        "commit": {"every": 0},
        "model": {"use": "tests.streams.keepers:Chain"},
    }
    return spec(**(given | changes))


# -- stores ------------------------------------------------------------------------------------------


@dataclass
class Fault:
    """What happens at one call of a store: it waits, then fails before or after the call took place."""

    error: Exception | None = None
    after: bool = False
    gate: asyncio.Event | None = None


class Faulty:
    """A shard's store that takes the lease at every opening, and fails on cue."""

    def __init__(self, log: MemoryLog, spec: Spec, partition: int) -> None:
        self.log, self.spec, self.partition = log, spec, partition
        self.store: Store | None = None
        self.faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self.calls = Counter[str]()

    def fail(self, name: str, error: Exception | None, after: bool = False, skip: int = 0) -> None:
        """Let a call fail, after `skip` that don't; with `after` it takes place and the answer is lost."""
        self.faults[name] += [*[None] * skip, Fault(error, after)]

    def hold(self, name: str) -> asyncio.Event:
        """Let the next call wait until the event is set."""
        gate = asyncio.Event()
        self.faults[name].append(Fault(gate=gate))
        return gate

    def fault(self, name: str) -> Fault | None:
        self.calls[name] += 1
        return self.faults[name].popleft() if self.faults[name] else None

    async def open(self) -> tuple[int, bytes] | None:
        group = f"{self.spec.pipeline}.{self.partition}"
        epoch = await self.log.take_lease(group, 0)  # of no length, so that anybody may take it over
        assert epoch is not None
        self.store = self.log.store(group, self.partition, self.spec.topic("journal"), epoch, 0)
        found: tuple[int, bytes] | None = await self._call("open")
        return found

    async def commit(self, outputs: Mapping[str, Payload], positions: Mapping[str, int], entry: bytes) -> int:
        try:
            return int(await self._call("commit", outputs, positions, entry))
        except Exception:
            await self.close()  # only `open` may follow
            raise

    async def send(self, outputs: Mapping[str, Payload]) -> None:
        await self._call("send", outputs)

    async def bounds(self, topic: str) -> tuple[int, int]:
        start, end = await self._call("bounds", topic)
        return start, end

    async def read(self, topic: str, first: int, end: int) -> AsyncIterator[Batch]:
        await self._fail(self.fault("read"), after=False)
        async for batch in self._inner().read(topic, first, end):
            yield batch

    async def put(self, topic: str, key: bytes, value: bytes | None) -> int:
        return int(await self._call("put", topic, key, value))

    async def close(self) -> None:
        if self.store is not None:
            await self.store.close()

    def _inner(self) -> Store:
        assert self.store is not None
        return self.store

    async def _call(self, name: str, *arguments: Any) -> Any:
        fault = self.fault(name)
        await self._fail(fault, after=False)
        result = await getattr(self._inner(), name)(*arguments)
        await self._fail(fault, after=True)
        return result

    async def _fail(self, fault: Fault | None, after: bool) -> None:
        if fault is not None and fault.gate is not None:
            await fault.gate.wait()
        if fault is not None and fault.error is not None and fault.after is after:
            raise fault.error


class Kept(Keeper):
    """A keeper that remembers how it failed. To its snapshots it is `now`, until a test moves it on."""

    store: Faulty

    def __init__(self, store: Faulty, fresh: bool = False) -> None:
        spec, partition = store.spec, store.partition
        shelf = Shelf(spec.pipeline, partition, spec.topic("snapshots"), KEY, spec.snapshots.size_max)
        self.failures: list[BaseException] = []
        self.now = 0.0
        thrift = Thrift(clock=lambda: self.now)
        place = (spec, partition, store, shelf)
        super().__init__(*place, lambda _, exc: self.failures.append(exc), fresh=fresh, thrift=thrift)

    async def opened(self) -> Kept:
        """Open, and wait until it is ready or has failed."""
        self.failures.clear()
        await self.start()
        await until(lambda: self.ready or bool(self.failures))
        return self

    async def reset(self) -> Kept:
        """What the worker does with a keeper that failed."""
        self.shard = None
        await self.park(save=False)
        return await self.opened()


# -- a stage -----------------------------------------------------------------------------------------


class Stage:
    """A pipeline's topics in memory, and keepers of its shards.

    Parameters
    ----------
    log
        That of another stage; default: a new one.
    changes
        Of the spec.
    """

    def __init__(self, log: MemoryLog | None = None, **changes: Any) -> None:
        self.spec = quick(**changes)
        self.log = MemoryLog() if log is None else log
        topics.create(self.log, self.spec)

    def keeper(self, partition: int = 0, fresh: bool = False) -> Kept:
        return Kept(Faulty(self.log, self.spec, partition), fresh)

    def produce(self, what: str, *records: Any, partition: int = 0, at: int = NOW) -> None:
        values = [r if isinstance(r, bytes) else msgspec.json.encode(r) for r in records]
        first = self.log.bounds(self.spec.topic(what))[partition][1]
        stamps = [at + first + i for i in range(len(values))]
        self.log.append(self.spec.topic(what), partition, Rows([None] * len(values), values), stamps)

    def events(self, first: int, end: int) -> None:
        """Events e<first> up to e<end>, as the next records of shard 0."""
        self.produce("events", *({"id": f"e{i}", "amount": float(i % 100)} for i in range(first, end)))

    def labels(self, first: int, end: int, at: int = NOW) -> None:
        labels = ({"event_id": f"e{i}", "label": i % 3 == 0} for i in range(first, end))
        self.produce("labels", *labels, at=at)

    def fetch(self, keeper: Kept, limit: int = 1000) -> None:
        """Offer what comes next, as much as is wanted."""
        for topic in keeper.spec.inputs:
            end = keeper.queues.end(topic)
            first = keeper.next[topic] if end is None else end
            if keeper.wants(topic) and first < self.log.bounds(topic)[keeper.partition][1]:
                keeper.offer(self.log.read(topic, keeper.partition, first, limit))

    async def settle(self, keeper: Kept, limit: int = 1000) -> Kept:
        """Fetch until everything is taken and committed, snapshots included, or until the keeper fails."""

        def is_settled() -> bool:
            self.fetch(keeper, limit)
            return bool(keeper.failures) or self.is_settled(keeper)

        await until(is_settled)
        return keeper

    def is_settled(self, keeper: Kept) -> bool:
        ends = {topic: self.log.bounds(topic)[keeper.partition][1] for topic in keeper.spec.inputs}
        busy = keeper.queues or keeper.open.runs or keeper.in_flight or keeper.finished
        return not busy and keeper.next == ends and keeper.ready and len(keeper.tasks) == 1

    def entries(self, partition: int = 0) -> list[Entry]:
        return [journal.decode(value or b"") for _, value, _ in self.lane("journal", partition)]

    def ids(self, partition: int = 0) -> list[str]:
        """The events that were predicted, in the order of their predictions."""
        lane = self.lane("predictions", partition)
        return [msgspec.json.decode(value or b"")["event_id"] for _, value, _ in lane]

    def reasons(self) -> list[str]:
        return [dict(headers)["driftline.reason"].decode() for *_, headers in self.lane("dead_letters")]

    def chunks(self, partition: int = 0) -> list[bytes]:
        """The keys of the snapshots' chunks."""
        return [key or b"" for key, *_ in self.lane("snapshots", partition)]

    def damage(self, offset: int, partition: int = 0) -> None:
        """Flip a bit of a chunk, if it is there."""
        part = self.log.partition(self.spec.topic("snapshots"), partition)
        if offset in part.offsets:
            at = part.offsets.index(offset)
            value = part.values[at] or b""
            part.values[at] = value[:-1] + bytes([value[-1] ^ 1])

    def lane(self, what: str, partition: int = 0) -> Lane:
        return records(self.log, self.spec.topic(what), partition)

    def history(self, partition: int = 0) -> Shard:
        """Walk the journal from nothing: it joins up, and its outputs are the committed bytes."""
        return history(self, self.entries(partition), partition)


async def until(holds: Callable[[], bool]) -> None:
    """Let the others run until something holds."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0)


def records(log: Log, topic: str, partition: int) -> Lane:
    """Key, value and headers of every record of a partition."""
    at, end = log.bounds(topic)[partition]
    found: Lane = []
    while at < end:
        batch = log.read(topic, partition, at)
        found += [(r.key, r.value, tuple(r.headers)) for r in batch.records()]
        at = batch.end
    return found


def history(stage: Stage, entries: Iterable[Entry], partition: int, once: bool = True) -> Shard:
    """See `Stage.history`; with `once` False the outputs may be there several times, in any order."""
    spec, outputs = stage.spec, Outputs()
    shard, at = Shard(spec, partition), dict.fromkeys(spec.inputs, 0)
    for seq, entry in enumerate(entries, 1):
        assert entry.seq == seq
        made, digest = walked(stage, shard, entry, at), Digest()
        digest.add(made.lanes())
        outputs.extend(made)
        assert entry.next == at
        assert (entry.digest, entry.alerts) == (digest.hex(), digest.alerts())
    for what, lane in outputs.lanes().items():
        found, wanted = stage.lane(what, partition), flat(lane)
        if what in ("drifts", "alerts"):  # compacted: of each key the newest is sure to be there
            found, wanted = newest(found), newest(wanted)
        assert found == wanted if once else set(found) >= set(wanted), what
    return shard


def walked(stage: Stage, shard: Shard, entry: Entry, at: dict[str, int]) -> Outputs:
    """What an entry's runs give; `at` says where they must begin, and where they end afterwards."""
    outputs, refused = Outputs(), {(r.topic, r.offset): r for r in entry.refused}
    for topic, first, end in entry.runs:
        assert at[topic] == first
        batch = stage.log.read(topic, shard.partition, first, end - first)
        assert batch.end == end
        for out in recovery.walk(shard, batch, refused):
            outputs.extend(out)
        at[topic] = end
    return outputs


def flat(lane: Output | Lines) -> Lane:
    headers = lane.headers if lane.headers is not None else [()] * len(lane)
    return [(k, v, tuple(h)) for k, v, h in zip(lane.keys, lane.values, headers, strict=True)]


# -- a worker ----------------------------------------------------------------------------------------


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Work]:
    """A whole worker of a stage's pipeline, Faust and all, in this process."""
    work = Work(stage.spec, stage.log, KEY)
    app = make_app(work)
    app.finalize()
    app.in_worker = True
    await app.start()
    try:
        await until(lambda: not Health(work).reasons())
        yield work
    finally:
        await app.stop()


@asynccontextmanager
async def served(work: Work) -> AsyncIterator[str]:
    """The address at which a worker answers."""
    site = await http.serve(work, Health(work))
    assert site is not None
    try:
        yield f"http://127.0.0.1:{site.addresses[0][1]}"
    finally:
        await site.cleanup()
