"""The serving process: an address to listen on, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop

from engine.errors import SpecError
from engine.spec import Spec
from engine.specserve import Serve
from streams.serve import door
from streams.serve.app import gated, make_app
from streams.serve.wire import Wire
from streams.telemetry.logs import set_up_logging
from streams.telemetry.tracing import exporting

log = logging.getLogger("driftline")

SWITCH_S = 0.001  # a thread that loads a snapshot lets an answer go first
COLLECT = (10_000, 20, 50)  # the first of them takes some 3 ms, in which nobody is answered
STOP_S = 5  # what is being answered may take so long


class Listener(uvicorn.Server):
    """uvicorn's server, which leaves signals to us: its own way ends with the signal, not with 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_server(spec: Spec, log_level: str = "info", json: bool = False) -> int:
    """Serve until a signal comes; return the exit code."""
    set_up_logging(log_level, json, spec.pipeline, "serve")
    if spec.serve.port is None:
        raise SpecError("serve.port is null, so nothing is served; give it a number, or 0 for any free port")
    door.check(spec.serve)
    check_certificate(spec.serve)
    sys.setswitchinterval(SWITCH_S)
    with (
        listening(spec.serve.host, spec.serve.port) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        exporting(spec, "serve"),
    ):
        runner.run(_serve(spec, server))
    log.info("serving %s ended", spec.pipeline)
    return 0


async def _serve(spec: Spec, server: socket.socket) -> None:
    app = make_app(spec)
    # Of what is there by now nothing will go; what a snapshot remembers is much, and free of cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    log.info("serving %s on %s", spec.pipeline, address(spec, server))
    listener = Listener(settings(spec, gated(app)))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, listener.handle_exit, number, None)
    app.state.site.ending = lambda: listener.should_exit
    try:
        await listener.serve([server])
    finally:
        await app.state.site.knower.close()
        app.state.site.close()


def settings(spec: Spec, app: object) -> uvicorn.Config:
    serve = spec.serve
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI app
        http=Wire,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=serve.connections_max,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=serve.tls_cert,
        ssl_keyfile=serve.tls_key,
    )


def check_certificate(serve: Serve) -> None:
    """Whether the certificate and its key can be used; SpecError says why not."""
    if serve.tls_cert is None or serve.tls_key is None:
        return
    for key in ("tls_cert", "tls_key"):
        path = getattr(serve, key)
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise SpecError(f"serve.{key}: can't read {path}: {error.strerror}") from None
    try:  # nobody is there to be asked for a passphrase
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(serve.tls_cert, serve.tls_key, lambda: "")
    except ssl.SSLError as error:
        raise SpecError(
            f"serve.tls_cert {serve.tls_cert} and serve.tls_key {serve.tls_key} are no certificate with its "
            f"key: {error.reason or error}; both as PEM, the key without a passphrase"
        ) from None


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; SpecError says why there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise SpecError(
            f"serve.port: can't listen on {host}:{port}: {why}; serve.port: 0 takes a free one"
        ) from None


def address(spec: Spec, server: socket.socket) -> str:
    """Where a browser finds the page."""
    host, port = server.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'http' if spec.serve.tls_cert is None else 'https'}://{shown}:{port}"
