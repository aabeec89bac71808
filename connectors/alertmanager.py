"""An Alertmanager, by its API v2: it is shown what fires, again and again, and what is over, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.http_post import Posts


class Alertmanager:
    """See `notifier.Mirror`."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self.url = url.rstrip("/") + "/api/v2/alerts"
        self.posts = Posts(timeout_s, headers)

    async def show(self, alerts: Sequence[Mapping[str, Any]]) -> str:
        return await self.posts.post(self.url, msgspec.json.encode(alerts), {})

    async def close(self) -> None:
        await self.posts.close()
