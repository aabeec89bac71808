"""What is known of an entity: the features of its newest event.

Where the spec has a cache that other processes reach, it is asked, and as fresh as the last commit. Else the
newest snapshot tells, from the events that it remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from engine.spec import Spec
from engine.specparts import MEMORY
from streams.cache.entities import Entities
from streams.cache.entityform import Form
from streams.partition import partition_of
from streams.serve.models import Models, Standing
from streams.serve.snapshots import Shown
from streams.serve.threads import Desk


class Known(NamedTuple):
    """An entity's newest features.

    Attributes
    ----------
    prediction
        As it was committed; from a snapshot only what is remembered of it.
    standing
        The model of the entity's shard.
    """

    entity: str
    event_time: int
    features: dict[str, Any]
    prediction: Mapping[str, Any]
    source: str  # cache or snapshot
    standing: Standing

    def row(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        return tuple(map(self.features.get, names))


class Knower:
    """Knows entities.

    Parameters
    ----------
    spec
        The pipeline's spec.
    desk
        Where snapshots are looked through.
    models
        Whose snapshots.
    """

    def __init__(self, spec: Spec, desk: Desk, models: Models) -> None:
        self.spec, self.desk, self.models = spec, desk, models
        self.slots: WeakKeyDictionary[Shown, dict[str, int]] = WeakKeyDictionary()
        self.cache = _cache(spec)

    async def of(self, entity: str) -> Known | None:
        """What is known of an entity; None if nothing is."""
        count = await self.models.count()
        standing = await self.models.of(partition_of(entity.encode(), count) if count > 1 else 0)
        if self.cache is not None and (found := await self.cache.read(entity)) is not None:
            return Known(entity, found.event_time, found.features, found.prediction, "cache", standing)
        slot = (await self.desk.ask(lambda _: self._slots(standing.shown))).get(entity)
        return None if slot is None else self._remembered(entity, slot, standing)

    async def close(self) -> None:
        """Let go of the cache; in the loop that asked it."""
        if self.cache is not None:
            await self.cache.cache.close()

    def _slots(self, shown: Shown) -> dict[str, int]:
        """Of each entity the place of its newest event."""
        if (found := self.slots.get(shown)) is None:
            ledger = shown.shard.join.ledger
            found = {ledger.entry(slot)[1][3]: slot for slot in range(ledger.first, ledger.end)}
            self.slots[shown] = found
        return found

    def _remembered(self, entity: str, slot: int, standing: Standing) -> Known:
        shard = standing.shown.shard
        event_id, entry = shard.join.ledger.entry(slot)
        row, time, offset, _, prediction, score, _ = entry
        names = shard.fold.names
        features = {n: v for n, v in zip(names, row, strict=False) if v is not None}
        told = {
            "prediction_id": f"{shard.encode.stem}{offset}",
            "event_id": event_id,
            "prediction": prediction,
            "score": score,
        }
        return Known(entity, time, features, told, "snapshot", standing)


def _cache(spec: Spec) -> Entities | None:
    """The spec's cache, if others than its worker reach it."""
    if spec.cache is None or spec.cache.url == MEMORY:
        return None
    from connectors.redis_cache import RedisCache

    cache = RedisCache(spec.cache.url, spec.cache.ttl, spec.cache.timeout)
    return Entities(cache, Form(spec), spec.cache.pending_max)
