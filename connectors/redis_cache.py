"""The cache in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.log import Unavailable


class RedisCache:
    """See `cache.Cache`.

    Parameters
    ----------
    url
        `redis://host:port/db`, or `rediss://` with TLS.
    ttl_ms, timeout_ms
        How long an entry lives; how long a round trip may take.
    """

    def __init__(self, url: str, ttl_ms: int, timeout_ms: int) -> None:
        self.ttl_ms, self.timeout = ttl_ms, timeout_ms / 1000
        # Without a retry of its own: whoever calls knows better when to try again.
        self.redis = Redis.from_url(url, socket_connect_timeout=self.timeout, retry=None)
        self.where = url.rpartition("@")[2].removeprefix("redis://")  # never the password

    async def put(self, entries: Mapping[str, bytes]) -> None:
        pipe = self.redis.pipeline(transaction=False)
        for key, value in entries.items():
            pipe.set(key, value, px=self.ttl_ms)
        await self._ask(pipe.execute())

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = await self._ask(self.redis.mget(keys)) if keys else []
        return found

    async def close(self) -> None:
        await self.redis.aclose()

    async def _ask(self, work: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self.timeout):
                return await work
        except (RedisError, OSError) as exc:  # a timeout is an OSError
            raise Unavailable(f"redis at {self.where}: {str(exc) or 'no answer in time'}") from exc
