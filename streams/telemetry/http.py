"""What a worker tells about itself over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from engine.errors import SpecError
from engine.specparts import Http
from streams.app import Work
from streams.telemetry.health import Health
from streams.telemetry.metrics import exposition

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def check(http: Http) -> None:
    """Off loopback the worker does not listen without a token."""
    if http.port is None or http.token:
        return
    try:
        local = http.host == "localhost" or ipaddress.ip_address(http.host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SpecError(
            f"http.host {http.host!r} can be reached from other machines, so http.token must be set; "
            f"or listen on 127.0.0.1"
        )


def problem(status: int, title: str, detail: str, **more: Any) -> web.Response:
    """An error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return web.json_response(body, status=status, content_type="application/problem+json")


def make_app(work: Work, health: Health) -> web.Application:
    token = work.spec.http.token

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if (
            token
            and request.path == "/metrics"
            and not hmac.compare_digest(given, f"Bearer {token}".encode())
        ):
            return problem(401, "Unauthorized", "send the header: Authorization: Bearer <http.token>")
        try:
            return await handler(request)
        except web.HTTPException as exc:
            return problem(exc.status, exc.reason, f"there is no {request.method} {request.path} here")

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        if reasons := health.reasons():
            return problem(503, "Not ready", "; ".join(reasons), reasons=reasons)
        return web.json_response({"status": "standby" if work.standby else "ready"})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(work), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application(middlewares=[guard], client_max_size=1024)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


async def serve(work: Work, health: Health) -> web.AppRunner | None:
    """Listen where the spec says; None if nowhere."""
    http = work.spec.http
    if http.port is None:
        return None
    runner = web.AppRunner(make_app(work, health), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, http.host, http.port).start()
    except OSError as exc:
        await runner.cleanup()
        raise SpecError(f"http.port: can't listen on {http.host}:{http.port}: {exc.strerror or exc}") from exc
    return runner
