"""Send rows to a topic: each to its partition, in batches, no faster than asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from connectors.log import Log, Rows
from streams.routing import Place, Router
from streams.rows import Row

BATCH = 1000
PACES = 10
"""With a rate, rows go out so many times a second."""


def send(
    log: Log,
    topic: str,
    rows: Iterable[Row],
    router: Router,
    rate: float | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Send all rows; yield how many, batch by batch, once they are durable."""
    size = BATCH if rate is None else max(1, min(BATCH, round(rate / PACES)))
    started, sent = time.monotonic(), 0
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        if rate is not None:
            wait(max(0.0, started + sent / rate - time.monotonic()))
        placed = [(router.place(row), row.value) for row in batch]
        for partition in sorted({place.partition for place, _ in placed}):
            _append(log, topic, partition, [each for each in placed if each[0].partition == partition])
        sent += len(batch)
        yield len(batch)


def _append(log: Log, topic: str, partition: int, placed: list[tuple[Place, bytes]]) -> None:
    now = int(time.time() * 1000)
    stamps = [now if place.timestamp is None else place.timestamp for place, _ in placed]
    rows = Rows([place.key for place, _ in placed], [value for _, value in placed])
    log.append(topic, partition, rows, stamps)
