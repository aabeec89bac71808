"""A span for each request, where spans are collected; what the request sends on belongs to it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.serve.counts import route
from streams.telemetry.tracing import spans, traceparent


class Traced:
    """An app whose requests have spans.

    Parameters
    ----------
    app
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        made = spans()
        if made is None or scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = [(name.decode("latin-1"), text) for name, text in scope["headers"]]
        others = [(name, text) for name, text in scope["headers"] if name != b"traceparent"]
        with made.request(scope["method"], given) as span:
            scope["headers"] = [*others, (b"traceparent", traceparent(span))]

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                return await self.app(scope, receive, told)
            finally:
                span.update_name(f"{scope['method']} {route(scope)}")
                span.set_attribute("http.request.method", scope["method"])
                span.set_attribute("http.route", route(scope))
