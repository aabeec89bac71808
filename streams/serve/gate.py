"""Around the whole app: how long a request may be and take, and what is counted of it.

A request's body is taken in before anybody looks at it, so it arrives in time or not at all. An answer that
goes on for ever, a stream of events, has no end to wait for. What is asked for most goes past FastAPI, which
takes longer to find a route than a model to predict.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.specserve import Serve
from streams.serve.counts import Counts
from streams.serve.deadlines import Deadlines
from streams.serve.problems import Problem, of
from streams.serve.tokens import Token

ENDLESS = ("/v1/stream",)
BODIES = 16  # of the largest size that may be in memory at once
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

Direct = Mapping[str, Callable[[Scope], Awaitable[bytes]]]


class Gate:
    """An app within limits.

    Parameters
    ----------
    app
        What answers.
    counts
        Where requests are counted.
    serve
        The limits.
    who
        Whose request it is; raises a Problem if it is nobody's.
    direct
        What answers POSTs to some paths with JSON, past the app.
    """

    def __init__(
        self, app: ASGIApp, counts: Counts, serve: Serve, who: Callable[[Scope], Token], direct: Direct
    ) -> None:
        self.app, self.counts, self.who, self.direct = app, counts, who, direct
        self.body_bytes_max = serve.body_bytes_max
        self.deadlines = Deadlines(serve.timeout / 1000)
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
            await self._in_time(scope, receive, told)
        except Exception as error:  # the boundary: whatever it is, it is told as a problem
            if status:
                raise  # half an answer is out: the connection ends
            await of(error).response()(scope, receive, told)
        finally:
            self.counts.add(scope, status, time.perf_counter() - began)
        return None

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        if scope["path"] not in ENDLESS:
            self.deadlines.begin(task)
        try:
            await self._within(scope, receive, send, task)
        except asyncio.CancelledError:
            if not self.deadlines.end(task):
                raise
            task.uncancel()
            raise self._late(scope) from None
        finally:
            self.deadlines.end(task)

    def _late(self, scope: Scope) -> Problem:
        limit = f"within {self.deadlines.timeout_s:g} s (serve.timeout)"
        if scope["method"] in WITH_BODY and "driftline.body" not in scope:
            return Problem(408, f"the request did not arrive {limit}", {"Connection": "close"})
        return Problem(503, f"there was no answer {limit}", {"Retry-After": "1"})

    async def _within(self, scope: Scope, receive: Receive, send: Send, task: asyncio.Task[None]) -> None:
        if scope["method"] not in WITH_BODY:
            return await self.app(scope, receive, send)
        scope["driftline.token"] = self.who(scope)  # nobody's bodies are not taken in
        parts = list[bytes]()
        try:
            await self._take(scope, receive, parts)
            scope["driftline.body"] = body = b"".join(parts)
            if task in self.deadlines.since:
                self.deadlines.begin(task)
            if scope["method"] == "POST" and (handler := self.direct.get(scope["path"])) is not None:
                scope["driftline.route"] = scope["path"]
                await _send(send, await handler(scope))
            else:
                await self.app(scope, _replayed(body, receive), send)
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


async def _send(send: Send, body: bytes) -> None:
    """An answer in JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _announced(scope: Scope) -> int:
    """The body's length as its header tells it; 0 where it does not."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


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
