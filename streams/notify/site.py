"""What the delivering process tells of itself over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from engine.spec import Spec
from streams.notify.counts import Counts, exposition
from streams.telemetry.http import check, problem

log = logging.getLogger("driftline")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@contextlib.asynccontextmanager
async def serving(spec: Spec, counts: Counts) -> AsyncIterator[None]:
    """Listen on `notify.port`. A port that is taken keeps nobody from being told."""
    check(spec.http.model_copy(update={"port": spec.notify.port}))
    runner = web.AppRunner(make_app(spec, counts), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, spec.http.host, spec.notify.port).start()
    except OSError as exc:
        why = exc.strerror or exc
        log.warning("notify.port: can't listen on %s:%s: %s", spec.http.host, spec.notify.port, why)
    try:
        yield
    finally:
        await runner.cleanup()


def make_app(spec: Spec, counts: Counts) -> web.Application:
    """The three routes."""
    token = spec.http.token

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        if counts.problem:
            return problem(503, "Not ready", counts.problem, reasons=[counts.problem])
        return web.json_response({"status": "delivering" if counts.active else "standby"})

    async def metrics(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return problem(401, "Unauthorized", "send the header: Authorization: Bearer <http.token>")
        return web.Response(body=exposition(counts), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
