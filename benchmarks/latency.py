"""A producer and a reader for measuring latency, each a process of its own, each cheap.

    python -m benchmarks.latency produce URL EVENTS_TOPIC RATE SECONDS
    python -m benchmarks.latency read URL PREDICTIONS_TOPIC COUNT WARM_UP

The producer writes into each event's id when it was sent; the reader tails the predictions, committed ones
only, and prints how long after that it saw each, as JSON.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from connectors import open_log, split_url
from connectors.log import Rows
from connectors.sqlite import SqliteLog
from tests.faults.load import Load, records

TICK_S = 0.004  # the SQLite producer appends what is due this often
POLL_S = 0.001
SILENCE_S = 20.0  # the reader gives up


class Prediction(msgspec.Struct):
    """What the reader needs of one."""

    event_id: str


def stamped(value: bytes) -> bytes:
    return value.replace(b'"id":"', b'"id":"%d-' % time.time_ns(), 1)


def events(rate: float, seconds: float) -> Iterator[tuple[float, bytes, bytes]]:
    """When each event is due, counted from the start, its key and its value."""
    load = Load("", "", "", events=int(rate * seconds), delay=0, damage=0)
    return ((sent.number / rate, sent.key, sent.value) for sent in records(load))


async def produce_to_kafka(servers: str, topic: str, rate: float, seconds: float) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=0, acks="all")
    await producer.start()
    began = time.perf_counter()
    for due, key, value in events(rate, seconds):
        while (ahead := began + due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        await producer.send(topic, stamped(value), key, partition=0)
    await producer.stop()


def produce_to_sqlite(url: str, topic: str, rate: float, seconds: float) -> None:
    log, began = open_log(url), time.perf_counter()
    rows: list[tuple[bytes, bytes]] = []
    for due, key, value in events(rate, seconds):
        ahead = began + due - time.perf_counter()
        if ahead > 0 and rows:
            log.append(topic, 0, Rows([k for k, _ in rows], [stamped(v) for _, v in rows]))
            rows.clear()
            time.sleep(max(0.0, ahead, TICK_S))
        rows.append((key, value))
    log.append(topic, 0, Rows([k for k, _ in rows], [stamped(v) for _, v in rows]))
    log.close()


Found = tuple[int, list[bytes | None]]  # when they were seen, in nanoseconds


async def tail_kafka(servers: str, topic: str) -> AsyncIterator[Found]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    try:
        while True:
            found = await consumer.getmany(timeout_ms=500)
            now = time.time_ns()
            yield now, [record.value for batch in found.values() for record in batch]
    finally:
        await consumer.stop()


async def tail_sqlite(path: str, topic: str) -> AsyncIterator[Found]:
    log, at, seen = SqliteLog(path), 0, -1
    while True:
        version = log.version()
        if version != seen:
            batch = log.read(topic, 0, at)
            seen, at = version, batch.end
            yield time.time_ns(), list(batch.values)
        await asyncio.sleep(POLL_S)


async def read(url: str, topic: str, count: int, warm_up: int) -> dict[str, float]:
    scheme, rest, _ = split_url(url)
    tail = tail_kafka(rest, topic) if scheme == "kafka" else tail_sqlite(rest, topic)
    decode, ages, last = msgspec.json.Decoder(Prediction).decode, list[float](), time.monotonic()
    async for now, values in tail:
        if values:
            last = time.monotonic()
        ages += [(now - int(decode(v or b"").event_id.partition("-")[0])) / 1e6 for v in values]
        if len(ages) >= count or time.monotonic() - last > SILENCE_S:
            break
    cuts = statistics.quantiles(ages[warm_up:], n=1000)
    return {"p50": cuts[499], "p99": cuts[989], "max": max(ages[warm_up:]), "count": len(ages)}


def main() -> None:
    what, url, topic, *numbers = sys.argv[1:]
    scheme, rest, _ = split_url(url)
    first, second = map(int, numbers)
    if what == "read":
        print(msgspec.json.encode(asyncio.run(read(url, topic, first, second))).decode())
    elif scheme == "kafka":
        asyncio.run(produce_to_kafka(rest, topic, first, second))
    else:
        produce_to_sqlite(url, topic, first, second)


if __name__ == "__main__":
    main()
