"""Around the whole app: how long a request may be and take, and what is counted of it.

A request's body is taken in before anybody looks at it, so it arrives in time or not at all. An answer that
goes on for ever, a stream of events, has no end to wait for.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.serve.counts import Counts
from streams.serve.problems import Problem, of

ENDLESS = ("/v1/stream",)
BODIES = 16  # of the largest size that may be in memory at once
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class Gate:
    """An app within limits.

    Parameters
    ----------
    app
        What answers.
    counts
        Where requests are counted.
    body_bytes_max, timeout_s
        What a request may bring; how long it may take to arrive, and again to be answered.
    """

    def __init__(self, app: ASGIApp, counts: Counts, body_bytes_max: int, timeout_s: float) -> None:
        self.app, self.counts = app, counts
        self.body_bytes_max, self.timeout_s = body_bytes_max, timeout_s
        self.held = 0  # bytes of bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._within(scope, receive, told)
        except Exception as error:  # the boundary: whatever it is, it is told as a problem
            if status:
                raise  # half an answer is out: the connection ends
            await of(error).response()(scope, receive, told)
        finally:
            self.counts.add(scope, status, time.perf_counter() - began)
        return None

    async def _within(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in WITH_BODY:
            return await self._answer(scope, receive, send)
        parts = list[bytes]()
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._take(scope, receive, parts)
        except TimeoutError:
            detail = f"the request did not arrive within {self.timeout_s:g} s (serve.timeout)"
            raise Problem(408, detail, {"Connection": "close"}) from None
        else:
            scope["driftline.body"] = body = b"".join(parts)
            return await self._answer(scope, _replayed(body, receive), send)
        finally:
            self.held -= sum(map(len, parts))

    async def _take(self, scope: Scope, receive: Receive, parts: list[bytes]) -> None:
        """The body, part by part, as long as it is not too long."""
        size = 0
        self._bounded(_announced(scope))
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Problem(400, "the connection ended within the request")
            part = message.get("body", b"")
            size += len(part)
            self._bounded(size)
            if self.held + len(part) > BODIES * self.body_bytes_max:
                raise Problem(503, "too many large requests at once", {"Retry-After": "1"})
            self.held += len(part)
            parts.append(part)
            if not message.get("more_body", False):
                return

    def _bounded(self, size: int) -> None:
        if size > self.body_bytes_max:
            most = self.body_bytes_max
            detail = f"a request may have {most:,} bytes (serve.body_bytes_max); send it in several"
            raise Problem(413, detail, {"Connection": "close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in ENDLESS:
            return await self.app(scope, receive, send)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self.app(scope, receive, send)
        except TimeoutError:
            detail = f"there was no answer within {self.timeout_s:g} s (serve.timeout)"
            raise Problem(503, detail, {"Retry-After": "1"}) from None


def _announced(scope: Scope) -> int:
    """The body's length as its header tells it; 0 where it does not."""
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(given) if given.isdigit() else 0


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was taken in already, and then what comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
