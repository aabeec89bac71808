"""A seeded simulator: workers over one log in memory, to which everything happens that may happen.

Producers produce, people give orders, workers take in random cuts, commit, crash, freeze and wake up, hand
shards over; stores refuse, fall silent, and lose answers; snapshots are damaged, the log is trimmed. Every
choice comes from the seed, and there is one thread, so a seed that fails will fail again. In the end all is
calm, and what lies in the log must be what one walk of the journal from nothing gives.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from connectors.log import Batch, LogError, Refused, Rows, Unavailable
from engine import shard
from engine.alerts.record import read
from engine.control import Acknowledge, Matcher, Order, Rebaseline, Resolve, Silence, Unsilence, encode
from streams.keeping import journal, pace
from streams.keeping.journal import Entry
from streams.keeping.retention import trim
from tests.engine.cases import NOW
from tests.streams.keepers import POISON, Fault, Faulty, Kept, Stage, history

SEEDS = range(30)
STEPS = 400
SHARDS = 2
HOUR = 3_600_000
MOVES = 250  # events after which there are other amounts
WORKERS = 3
FOR_EVER = 1 << 60
# So much is allowed that there are drifts to be told.
DRIFT = {"false_alarms": {"at_most": 20, "per": 500}, "warm_up": 100, "reference": {"first": 50}}
MEASURED = [
    {"when": "drift"},
    {"when": "accuracy < 0.6", "over": 20, "at_least": 10},
    {"when": "labels < 50%", "over": 30},
    {"when": "events_per_second > 0", "over": "1m", "at_least": 1},
]
FEW_ALERTS = {"alerts_per_minute_max": 10, "alerts_max": 3, "silences_max": 3}
AT_LEAST_ONCE = {"transport": "kafka://nobody:9092", "delivery": "at_least_once"}


class Weather:
    """How bad the world is at the moment, and whose dice it throws."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.faults = rng.choice([0.0, 0.005, 0.03])  # of all calls
        self.slowness = rng.choice([0.0, 0.2, 0.6])

    async def delay(self) -> None:
        """Others may run while a store answers."""
        if self.rng.random() < self.slowness:
            for _ in range(self.rng.choice([1, 3, 20])):
                await asyncio.sleep(0)


class Moody(Faulty):
    """A store that fails as the weather has it; frozen, it answers nobody."""

    def __init__(self, stage: Stage, partition: int, weather: Weather) -> None:
        super().__init__(stage.log, stage.spec, partition)
        self.weather, self.thawed = weather, asyncio.Event()
        self.thawed.set()

    def fault(self, name: str) -> Fault | None:
        self.calls[name] += 1
        rng = self.weather.rng
        if rng.random() >= self.weather.faults:
            return Fault(gate=self.thawed)
        error = rng.choice([Refused("no"), Refused("timed out"), Unavailable("away")])
        return Fault(error, after=rng.random() < 0.5, gate=self.thawed)

    async def _call(self, name: str, *arguments: Any) -> Any:
        await self.weather.delay()
        result = await super()._call(name, *arguments)
        await self.weather.delay()
        return result


class Simulation:
    """One run: `await play()`, then everything must hold."""

    def __init__(self, seed: int, once: bool = True) -> None:
        self.rng, self.once = (rng := random.Random(seed)), once
        self.weather = Weather(rng)
        self.trimming = rng.random() < 0.5
        self.damaged: set[str] = set()  # names of snapshots
        changes: dict[str, Any] = {
            "partitions": SHARDS,
            "snapshots": {"every_records": rng.choice([5, 20, 100])},
            "labels": {"wait": "1h"},
            "limits": {"remember_max": 1000, "early_max": 20, **FEW_ALERTS},
        } | ({} if once else AT_LEAST_ONCE)
        if seed % 2:
            changes["drift"] = DRIFT
        if seed % 8 == 3:
            changes["alerts"] = MEASURED
        self.stage = Stage(**changes)
        self.complete = Stage(**changes)  # a copy, in which nothing is trimmed
        self.copied = Counter[tuple[str, int]]()  # up to where; compacted topics have gaps, their copies none
        self.workers = [[self.keeper(p) for p in range(SHARDS)] for _ in range(WORKERS)]
        self.owner: list[Kept | None] = [None] * SHARDS
        self.frozen: list[Kept] = []
        self.seen: list[Batch] = []
        self.sent = [0] * SHARDS
        self.transitions: set[str] = set()  # of alerts
        self.trace = hashlib.sha256()

    def keeper(self, partition: int) -> Kept:
        return Kept(Moody(self.stage, partition, self.weather))

    # -- what may happen ---------------------------------------------------------------------------------

    async def play(self) -> None:
        chances: dict[Callable[[int], object], int] = {
            self.produce: 10,
            self.order: 5,
            self.fetch: 20,
            self.breathe: 20,
            self.look_after: 10,
            self.hand_over: 2,
            self.crash: 1,
            self.freeze: 1,
            self.wake: 1,
            self.deliver_late: 1,
            self.damage: 1,
            self.trim: 3 * self.trimming,
        }
        for _ in range(STEPS):
            (what,) = self.rng.choices(list(chances), list(chances.values()))
            partition = self.rng.randrange(SHARDS)
            self.trace.update(f"{what.__name__} {partition} {self.stand()};".encode())
            if (done := what(partition)) is not None:
                await done  # type: ignore[misc]
        await self.calm()

    def stand(self) -> list[int]:
        return [self.stage.log.bounds("p.journal")[p][1] for p in range(SHARDS)]

    def produce(self, partition: int) -> None:
        """A few events, labels of earlier ones or of those to come, and what does not fit."""
        rng = self.rng
        for _ in range(rng.randrange(20)):
            self.sent[partition] += 1
            level = self.sent[partition] // MOVES * 400 % 800  # there is something to be found
            event = {"id": f"e{self.sent[partition]}", "amount": float(rng.randrange(200) + level)}
            if (odd := rng.random()) < 0.01:
                event["amount"] = POISON
            elif odd < 0.03:
                event["id"] = f"e{rng.randrange(self.sent[partition])}"
            self.stage.produce("events", b"{" if odd > 0.98 else event, partition=partition)
            if rng.random() < 0.5:
                name = f"e{self.sent[partition] + rng.randrange(-30, 5)}"
                self.stage.produce(
                    "labels", {"event_id": name, "label": rng.random() < 0.3}, partition=partition
                )

    def order(self, partition: int) -> None:
        """Somebody looks after an alert, or wants to hear no more of it; an alert that there is, or none."""
        rng, newest = self.rng, {key: value for key, value, _ in self.stage.lane("alerts", partition)}
        fire = [
            key.decode() for key, value in newest.items() if key and b'"status":"firing"' in (value or b"")
        ]
        alert = rng.choice(fire or ["nobody"])
        name, until = f"s{rng.randrange(5)}", NOW + rng.randrange(2 * HOUR)
        orders: list[Order] = [
            Acknowledge(alert=alert, by="ada"),
            Resolve(alert=alert, why="known"),
            Silence(id=name, matchers=(Matcher("feature", "am.*", regex=True),), until_ms=until),
            Unsilence(id=name),
            Rebaseline(),
        ]
        given = rng.choices(orders, [4, 2, 4, 2, 0.3])
        self.stage.produce("control", *map(encode, given), partition=partition, at=NOW + rng.randrange(HOUR))

    def fetch(self, partition: int) -> None:
        if (keeper := self.owner[partition]) is not None and keeper not in self.frozen:
            self.stage.fetch(keeper, self.rng.choice([1, 3, 10, 100]))
            self.seen += [batch for queue in keeper.queues.batches.values() for batch in queue][:1]

    def deliver_late(self, partition: int) -> None:
        """A batch that was fetched long ago."""
        keeper = self.owner[partition]
        if self.seen and keeper is not None and keeper.ready:
            batch = self.rng.choice(self.seen)
            if batch.partition == partition:
                keeper.offer(batch)

    async def breathe(self, partition: int) -> None:
        for _ in range(self.rng.randrange(30)):
            await asyncio.sleep(0)

    async def look_after(self, partition: int) -> None:
        """A shard that nobody has, or whose keeper failed, is opened."""
        keeper = self.owner[partition]
        if keeper is None:
            await self.take_over(partition)
        elif keeper.failures:
            keeper.shard = None
            await keeper.park(save=False)
            await self.open(keeper)

    async def take_over(self, partition: int) -> None:
        free = [worker[partition] for worker in self.workers if worker[partition] not in self.frozen]
        if free:
            self.owner[partition] = keeper = self.rng.choice(free)
            await self.open(keeper)

    async def open(self, keeper: Kept) -> None:
        keeper.failures.clear()
        try:
            await keeper.start()
        except (LogError, TimeoutError) as exc:
            keeper.failures.append(exc)

    async def hand_over(self, partition: int) -> None:
        """A rebalance; the next owner may be the same."""
        if (keeper := self.owner[partition]) is not None and keeper not in self.frozen:
            await keeper.park(limit=self.rng.choice([0, 3]))
            self.owner[partition] = None
            await self.take_over(partition)

    async def crash(self, partition: int) -> None:
        """A process ends between two instructions, and a new one takes its place."""
        worker = self.rng.choice(self.workers)
        gone, worker[partition] = worker[partition], self.keeper(partition)
        if self.owner[partition] is gone:
            self.owner[partition] = None
        self.frozen = [keeper for keeper in self.frozen if keeper is not gone]
        for task in list(gone.tasks):
            task.cancel()
        await asyncio.sleep(0)

    def freeze(self, partition: int) -> None:
        """A worker stands still, and the shard goes to another one."""
        if (keeper := self.owner[partition]) is not None and len(self.frozen) < WORKERS - 1:
            assert isinstance(keeper.store, Moody)
            keeper.store.thawed.clear()
            self.frozen.append(keeper)
            self.owner[partition] = None

    async def wake(self, partition: int) -> None:
        """It goes on as if nothing had been, until the log tells it; then it lets go."""
        if self.frozen:
            keeper = self.frozen.pop(self.rng.randrange(len(self.frozen)))
            assert isinstance(keeper.store, Moody)
            keeper.store.thawed.set()
            await self.breathe(partition)
            await keeper.park(limit=self.rng.choice([0, 3]))

    def damage(self, partition: int) -> None:
        """A snapshot loses a chunk, or a byte of it changes; where the log is trimmed, one of two is left."""
        *_, last = [None, *self.stage.entries(partition)]
        named = last.snapshots[:2] if last is not None else []
        if not named or (self.trimming and (len(named) < 2 or any(p.name in self.damaged for p in named))):
            return
        pointer = named[0] if self.trimming else self.rng.choice(named)
        self.damaged.add(pointer.name)
        if self.rng.random() < 0.5:
            self.stage.damage(pointer.first, partition)
        else:
            self.stage.log.append("p.snapshots", partition, Rows([f"{pointer.name}/0".encode()], [None]))

    async def trim(self, partition: int) -> None:
        """Delete all that no snapshot needs; a copy of it is kept for the end."""
        keeper = self.owner[partition]
        if keeper is not None and keeper.ready and keeper not in self.frozen:
            self.copy()
            await trim(keeper, self.stage.log, FOR_EVER)

    # -- the end -----------------------------------------------------------------------------------------

    async def calm(self) -> None:
        """All faults are over; every shard is taken to its end."""
        self.weather.faults = self.weather.slowness = 0.0
        while self.frozen:
            await self.wake(0)
        for partition in range(SHARDS):
            if (keeper := self.owner[partition]) is not None:
                await keeper.park()
            keeper = await self.rng.choice(self.workers)[partition].opened()
            while (await self.stage.settle(keeper)).failures:
                assert all("the walk failed" in str(exc) for exc in keeper.failures)  # on poison
                await keeper.reset()
            self.copy()
            self.judge(keeper)
            await keeper.park()
            self.judge(await self.stage.settle(await self.keeper(partition).opened()))  # a new process
            self.look_for_litter(partition)

    def copy(self) -> None:
        """Read on, and keep what is there."""
        for topic in self.stage.log.topics():
            for partition in range(SHARDS):
                batch = self.stage.log.read(topic, partition, self.copied[topic, partition], FOR_EVER)
                self.copied[topic, partition] = batch.end
                if topic != "p.snapshots" and len(batch):
                    self.complete.log.append(topic, partition, batch, batch.timestamps)

    def judge(self, keeper: Kept) -> None:
        """One history, walked from nothing, gives the committed bytes and the state in memory."""
        partition = keeper.partition
        shard = history(self.complete, self.entries(partition), partition, self.once)
        assert keeper.shard is not None
        assert shard.digest() == keeper.shard.digest()
        if shard.judge is not None:
            self.transitions |= {what for *_, what in shard.judge.lives.counts}
        offsets = [self.source(value) for _, value, _ in self.complete.lane("predictions", partition)]
        buried = {int(dict(headers)["__streams.errors.offset"]) for *_, headers in self.letters(partition)}
        events = range(self.complete.log.bounds("p.events")[partition][1])
        assert set(offsets) | buried == set(events)  # none is lost
        if self.once:
            assert offsets == sorted(set(events) - buried)  # none comes twice, all in order

    def look_for_litter(self, partition: int) -> None:
        """No crash left a chunk behind that no entry names, and what it names is there."""
        *_, last = self.entries(partition)
        named = {pointer.name for pointer in last.snapshots}
        there = {key.decode().rpartition("/")[0] for key in self.stage.chunks(partition)}
        assert there <= named
        assert {pointer.name for pointer in last.snapshots[:2]} <= there | self.damaged

    def entries(self, partition: int) -> Iterator[Entry]:
        return (journal.decode(value or b"") for _, value, _ in self.complete.lane("journal", partition))

    def letters(self, partition: int) -> list[tuple[object, object, tuple[tuple[str, bytes], ...]]]:
        """The dead letters that were events."""
        lane = self.complete.lane("dead_letters", partition)
        return [letter for letter in lane if dict(letter[2])["__streams.errors.topic"] == b"p.events"]

    def source(self, value: bytes | None) -> int:
        return int(msgspec.json.decode(value or b"")["source"]["offset"])


def run(seed: int, once: bool = True) -> Simulation:
    """Play a seed to its end; say which one it was if it does not hold."""

    async def story() -> Simulation:
        simulation = Simulation(seed, once)
        try:
            await simulation.play()
        except BaseException as exc:
            exc.add_note(f"seed {seed}")
            raise
        return simulation

    return asyncio.run(story())


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What the keepers say of all this fills pages."""
    caplog.set_level(logging.CRITICAL, "driftline")


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """How busy the machine is must not be part of the story."""
    monkeypatch.setattr(pace, "STRETCH_S", 1e6)
    monkeypatch.setattr(shard, "TURN", 256)  # a story is short


@pytest.mark.parametrize("seed", SEEDS)
def test_one_history(seed: int) -> None:
    """Whatever happens: none lost, none twice, none in another order, and every byte the same."""
    run(seed)


@pytest.mark.parametrize("seed", range(100, 110))
def test_at_least_once(seed: int) -> None:
    """None lost, the journal one history all the same; what comes again comes under the same id."""
    run(seed, once=False)


def test_a_seed_is_a_story() -> None:
    """The same seed plays the same story, so that a failure can be looked at again."""
    assert run(7).trace.hexdigest() == run(7).trace.hexdigest()


def test_drifts_and_alerts_are_part_of_it() -> None:
    """Half of the stories watch for drift, and there is something to be told; alerts have a life."""
    stories = [run(seed) for seed in (5, 11, 15)]
    drifts = [story.complete.lane("drifts", partition) for story in stories for partition in range(SHARDS)]
    assert any(drifts)
    told = {what for story in stories for what in story.transitions}
    assert told >= {"fired", "updated", "acknowledged", "silenced"}


def test_what_is_measured_is_part_of_it() -> None:
    """Some stories have conditions that are measured, and people look after what comes of them."""
    stories = [run(seed) for seed in (3, 11)]
    lanes = [story.complete.lane("alerts", partition) for story in stories for partition in range(SHARDS)]
    names = {read(value).labels["alertname"] for lane in lanes for _, value, _ in lane if value is not None}
    assert names >= {"AccuracyBelow", "LabelsBelow"}
