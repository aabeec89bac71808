"""A cache by key, for what can be had again: the contract, and its twin in memory.

`RedisCache` in `redis_cache.py` holds to the same contract, and one test suite to both.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

ENTRIES_MAX = 100_000


class Cache(Protocol):
    """Losing it loses nothing. Raise Unavailable when it can't be reached in time."""

    async def put(self, entries: Mapping[str, bytes]) -> None:
        """Write all entries in one round trip; each lives for the cache's time to live from now on."""

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """What is there, in the order asked for, None where there is nothing."""

    async def close(self) -> None: ...


class MemoryCache:
    """The twin in memory: bounded, and the entry that was written longest ago leaves first."""

    def __init__(self, ttl_ms: int, entries_max: int = ENTRIES_MAX) -> None:
        self.ttl, self.entries_max = ttl_ms / 1000, entries_max
        self.entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def put(self, entries: Mapping[str, bytes]) -> None:
        dies = time.monotonic() + self.ttl
        for key, value in entries.items():
            self.entries.pop(key, None)
            self.entries[key] = (dies, value)
        while len(self.entries) > self.entries_max:
            self.entries.popitem(last=False)

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        now = time.monotonic()
        found = (self.entries.get(key) for key in keys)
        return [entry[1] if entry is not None and entry[0] > now else None for entry in found]

    async def close(self) -> None:
        self.entries.clear()
