"""An Alertmanager, by its API v2: it is shown what fires, again and again, and what is over, once.

What is acknowledged or silenced here has a silence there, which ends soon unless it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.http_post import Posts, told
from connectors.notifier import Rejected


class _Made(msgspec.Struct):
    silence_id: str = msgspec.field(name="silenceID")


class Alertmanager:
    """See `notifier.Mirror`."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self.url = url.rstrip("/") + "/api/v2"
        self.posts = Posts(timeout_s, headers)

    async def show(self, alerts: Sequence[Mapping[str, Any]]) -> str:
        return await self.posts.post(f"{self.url}/alerts", msgspec.json.encode(alerts), {})

    async def hush(self, silence: Mapping[str, Any]) -> str:
        _, said = await self.posts.ask("POST", f"{self.url}/silences", msgspec.json.encode(silence), {})
        try:
            return msgspec.json.decode(said, type=_Made).silence_id
        except msgspec.MsgspecError as exc:
            raise Rejected(f"{told(self.url)} answered with no silenceID") from exc

    async def unhush(self, id_: str) -> None:
        await self.posts.ask("DELETE", f"{self.url}/silence/{quote(id_, safe='')}", b"", {})

    async def close(self) -> None:
        await self.posts.close()
