"""Retention on an embedded log, whose file would grow for ever: records older than `retention` are deleted,
but none that the older snapshot needs for a replay. On Kafka the brokers see to it."""

from __future__ import annotations

import asyncio
import logging
import time

from connectors.embedded import Embedded
from connectors.log import LogError
from streams.app import Work
from streams.keeping.keeper import Keeper

log = logging.getLogger("driftline")

LOOK_EVERY_MAX_S = 60.0


async def keep_short(work: Work, embedded: Embedded) -> None:
    """Trim the log from time to time, as long as the worker runs."""
    retention = work.spec.retention
    if retention is None:
        return
    while True:
        await asyncio.sleep(min(LOOK_EVERY_MAX_S, retention / 10_000))
        for keeper in list(work.keepers.values()):
            try:
                await trim(keeper, embedded, int(time.time() * 1000) - retention)
            except LogError as exc:  # tried again in a while
                log.warning("shard %d: nothing trimmed: %s", keeper.partition, exc)


async def trim(keeper: Keeper, embedded: Embedded, before_ms: int) -> None:
    """Delete what is older than `before_ms` from one shard's topics, and needed by nobody here."""
    if len(keeper.snapshots) < 2:
        return  # a replay from nothing needs everything
    spec, older = keeper.spec, keeper.snapshots[1]
    needed = {**older.next, spec.topic("journal"): older.journal}
    for topic in (*needed, *spec.outputs):
        home = keeper.partition % len(embedded.bounds(topic))  # outputs may have fewer partitions
        old = embedded.offset_at(topic, home, before_ms)
        await embedded.trim(topic, home, min(old, needed.get(topic, old)))
