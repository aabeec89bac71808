"""`GET /v1/stream`: predictions, alerts and the status as they come, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streams.serve.door import bearer, need
from streams.serve.problems import Problem
from streams.serve.site import Here, Site
from streams.serve.views.alerts import listed
from streams.serve.views.hub import TOPICS, Client, Cursor, Hub

STREAMS_MAX = 200  # at once
STILL_HERE_S = 15.0  # between two signs of life
SEND_S = 20.0  # in which a client has to take what it is sent
KIND = "text/event-stream"

router = APIRouter(prefix="/v1", tags=["stream"], dependencies=[need("read")])


class Stream(Response):
    """What goes on until the client leaves, or is let go."""

    media_type = KIND

    def __init__(self, here: Site, hub: Hub, client: Client, token: str | None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.here, self.hub, self.client, self.token = here, hub, client, token
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tasks = [asyncio.create_task(self._send(send)), asyncio.create_task(_gone(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.hub.leave(self.client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        told: bytes | None = b"retry: 3000\n\n"
        while told is not None:
            async with asyncio.timeout(SEND_S):  # TimeoutError: it takes nothing, so the connection ends
                await send({"type": "http.response.body", "body": told, "more_body": True})
            told = await self._next()
        await send({"type": "http.response.body", "body": b""})

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(STILL_HERE_S):
                return await self.client.waiting.get()
        except TimeoutError:
            if self.here.doorkeeper.who(self.token) is None:  # revoked meanwhile
                return None
            return b": still here\n\n"


async def _gone(receive: Receive) -> None:
    """Until the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/stream",
    response_class=Response,
    responses={200: {"content": {KIND: {"schema": {"type": "string"}}}, "description": "Events, for ever."}},
)
async def stream(
    here: Here,
    request: Request,
    topics: Annotated[str | None, Query(description="predictions, alerts, status; default: all")] = None,
    after: Annotated[
        str | None, Query(max_length=10_000, description="The id of the last event that was heard.")
    ] = None,
    last_event_id: Annotated[str | None, Header(max_length=10_000)] = None,
) -> Response:
    """Events: `prediction` (some of them, with how many were `skipped`), `alert`, `status`, `problem`.

    Whoever comes back with the id of the last event is told the alerts that came meanwhile.
    """
    wanted = set(listed(topics, TOPICS, "topics")) or set(TOPICS)
    heard = last_event_id or after
    client = Client(wanted, None if heard is None else Cursor.read(heard))
    hub = _hub(here)
    if len(hub.clients) >= STREAMS_MAX:
        raise Problem(503, f"{STREAMS_MAX} streams are open already", {"Retry-After": "10"})
    await hub.join(client)
    return Stream(here, hub, client, bearer(dict(request.scope["headers"]).get(b"authorization")))


def _hub(here: Site) -> Hub:
    if not hasattr(here.own, "hub"):
        here.own.hub = Hub(here)
    found: Hub = here.own.hub
    return found
