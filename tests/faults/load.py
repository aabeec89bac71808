"""The load of the fault scripts and benchmarks: events, late and early labels, a few malformed records.

As a program it feeds a log at a steady pace, in a process of its own, until it has sent all or is told to
stop; the labels that are still to come follow at once then.

    python -m tests.faults.load '{"url": "sqlite:///x.db", "events": "p.events", ...}'

Everything follows from the seed, so whoever audits a run knows what was sent.
"""

from __future__ import annotations

import heapq
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import NamedTuple

import msgspec

from connectors import open_log
from connectors.log import Log, Rows

FEATURES = tuple(f"x{i}" for i in range(8))
BLOCK_RECORDS = 500  # appended at once where nothing is paced
DAMAGE = 400  # every so many events one is malformed
Block = dict[tuple[str, int], tuple[list[bytes | None], list[bytes | None]]]  # by topic and partition
DELAY = 4_000  # events until the last label is there


class Load(msgspec.Struct, frozen=True):
    """What is sent, where, and how fast."""

    url: str
    events_topic: str
    labels_topic: str
    events: int
    partitions: int = 1
    rate: float = 0.0  # events a second; 0: as fast as it goes
    first: int = 0  # number of the first event
    seed: int = 1
    delay: int = DELAY  # the longest delay of a label, in events; 0: the label comes in the event
    damage: int = DAMAGE  # 0: none
    chunk_ms: int = 20  # how often a paced load is appended
    marks: dict[int, float] = {}  # the x0 of certain events, by their numbers


class Sent(NamedTuple):
    """One record of the load."""

    is_event: bool
    partition: int
    key: bytes
    value: bytes
    number: int  # of the event


def well_formed(value: bytes | None) -> str | None:
    """The id of an event that fits the spec of these runs, by a judgement of our own; else None."""
    try:
        event = msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        return None
    numbers = isinstance(event, dict) and all(type(event.get(name)) is float for name in FEATURES)
    return str(event["id"]) if numbers and isinstance(event.get("id"), str) else None


def records(load: Load, going: Callable[[], bool] = lambda: True) -> Iterator[Sent]:
    """Events in order, each followed or preceded by its labels, for as long as it is going.

    >>> load = Load("", "e", "l", events=2, delay=0, damage=0)
    >>> [sent.value[:10] for sent in records(load)]
    [b'{"id":"e0"', b'{"id":"e1"']
    """
    rng, waiting = random.Random(load.seed), list[tuple[int, int, bytes]]()
    encode = msgspec.json.encode
    for number in takewhile(lambda _: going(), range(load.first, load.first + load.events)):
        x = {name: round(rng.gauss(0, 1), 6) for name in FEATURES}
        x["x0"] = load.marks.get(number, x["x0"])
        entity = f"c{rng.randrange(50)}"
        y = x["x0"] + 0.5 * x["x1"] - x["x2"] + rng.gauss(0, 0.5) > 0
        event = {"id": f"e{number}", "entity": entity, **x}
        if load.delay == 0:
            event["y"] = y
        else:
            for due in _dues(rng, number, load.delay):
                label = encode({"event_id": f"e{number}", "label": y})
                heapq.heappush(waiting, (due, number, label))
        while waiting and waiting[0][0] <= number:
            yield _label(load, waiting)
        value = encode(event)
        if load.damage and number % load.damage == load.damage // 2:
            value = _damaged(rng, value)
        yield Sent(True, number % load.partitions, entity.encode(), value, number)
    while waiting:
        yield _label(load, waiting)


def _dues(rng: random.Random, number: int, delay: int) -> list[int]:
    """When the labels of an event come: most later, some before it, some twice, some never."""
    dice = rng.random()
    if dice < 0.05:
        return []
    first = number if dice < 0.10 else number + rng.randint(1, delay)
    return [first, first + rng.randint(1, delay)] if dice > 0.95 else [first]


def _label(load: Load, waiting: list[tuple[int, int, bytes]]) -> Sent:
    _, number, value = heapq.heappop(waiting)
    return Sent(False, number % load.partitions, f"e{number}".encode(), value, number)


def _damaged(rng: random.Random, value: bytes) -> bytes:
    """An event that no longer fits the spec, in one of several ways."""
    ways = (value[:-9], b"\xff" + value, value.replace(b'"x3"', b'"gone"'), b"[]", b"")
    return rng.choice(ways)


def fill(log: Log, load: Load, going: Callable[[], bool] = lambda: True) -> float:
    """Append all of it and return the seconds that it took."""
    began = time.time()
    block: Block = {}
    appended = load.first
    for sent in records(load, going):
        topic = load.events_topic if sent.is_event else load.labels_topic
        keys, values = block.setdefault((topic, sent.partition), ([], []))
        keys.append(sent.key)
        values.append(sent.value)
        if not sent.is_event:
            continue
        done = sent.number + 1 - load.first
        due = load.rate and began + done / load.rate
        if due and due - time.time() > 0 and _is_tick(load, done):
            _flush(log, block)
            time.sleep(max(0.0, due - time.time()))
        elif done - appended >= BLOCK_RECORDS:
            appended = done
            _flush(log, block)
    _flush(log, block)
    return time.time() - began


def _is_tick(load: Load, done: int) -> bool:
    return done % max(1, int(load.rate * load.chunk_ms / 1000)) == 0


def _flush(log: Log, block: Block) -> None:
    for (topic, partition), (keys, values) in block.items():
        log.append(topic, partition, Rows(keys, values))
    block.clear()


def main() -> None:
    load = msgspec.json.decode(sys.argv[1], type=Load)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    log = open_log(load.url)
    fill(log, load, lambda: not over.is_set())
    log.close()


if __name__ == "__main__":
    main()
