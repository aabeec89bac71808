"""Alerts that are open on the topic and that a shard, as it was opened, knows nothing of: an order ends them.

There are some after `--fresh`, and when the spec's alerts changed since the newest snapshot. The order is a
record as any other, so a replay comes to the same; what it tells of twice is ended once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from connectors.log import Store
from engine.alerts.left import is_left
from engine.alerts.record import Alert, read
from engine.control import LEFT_MAX, Forget, Left, encode
from engine.shard import Shard

log = logging.getLogger("driftline")

KEY = b"driftline"
WHY = "what it was about is not known any more: the state began anew, or the spec's alerts changed"


async def end(shard: Shard, store: Store) -> int:
    """Find them, and give the orders; return how many there are."""
    topic, newest = shard.spec.topic("alerts"), dict[bytes | None, bytes | None]()
    first, stop = await store.bounds(topic)
    async for batch in store.read(topic, first, stop):
        newest.update(zip(batch.keys, batch.values, strict=True))
    found = [
        Left(alert.labels, alert.starts_at) for alert in _alerts(newest.values()) if _is_left(shard, alert)
    ]
    for at in range(0, len(found), LEFT_MAX):
        order = Forget(alerts=tuple(found[at : at + LEFT_MAX]), by="driftline", why=WHY)
        await store.put(shard.spec.topic("control"), KEY, encode(order))
    if found:
        log.warning("shard %d: %d open alerts are ended: %s", shard.partition, len(found), WHY)
    return len(found)


def _alerts(values: Iterable[bytes | None]) -> Iterable[Alert]:
    for value in values:
        try:
            yield read(value or b"")
        except msgspec.MsgspecError:
            continue  # a tombstone, or a record of somebody else


def _is_left(shard: Shard, alert: Alert) -> bool:
    """Of the shard's own; others may have the same partition of the topic."""
    mine = alert.labels.get("partition") == str(shard.partition)
    return mine and is_left(shard.judge.lives, alert)
