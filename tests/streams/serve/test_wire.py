"""Requests that come too slowly, never end, or are none: each is told so, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.spec import Spec
from tests.parts.serving import Serving
from tests.parts.waiting import until

FIELDS = {"x": {"type": "number"}}
SERVE = {"timeout": "2s", "body_bytes_max": 10_000, "connections_max": 20}


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    """A server that waits for two seconds."""
    given = {"pipeline": "p", "transport": "memory://wire", "events": {"fields": FIELDS}, "serve": SERVE}
    with Serving(Spec.model_validate(given)) as server:

        @server.app.get("/v1/slow")
        async def slow() -> None:
            await asyncio.sleep(60)

        yield server


def told(server: Serving, sent: bytes) -> tuple[int, Any]:
    """What the server says to these bytes, until it ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(sent)
        found = b""
        while part := line.recv(65536):
            found += part
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_headers_have_to_arrive(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request line and then nothing, or nothing at all."""
    monkeypatch.setattr("streams.serve.wire.HEADERS_S", 0.2)
    for sent in (b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n", b""):
        status, problem = told(server, sent)
        assert (status, problem["status"]) == (408, 408)


def test_headers_have_to_end(server: Serving) -> None:
    """However many there are, only so many bytes are kept."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            flood(line)


def flood(line: socket.socket) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(300))
    for _ in range(100):
        line.sendall(lines)
        time.sleep(0.01)


def test_a_body_has_to_arrive(server: Serving) -> None:
    """It was announced, and does not come."""
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    status, problem = told(server, head)
    assert status == 408
    assert "serve.timeout" in problem["detail"]


def test_an_answer_has_to_come(server: Serving) -> None:
    """What takes too long is given up, and told."""
    answer = server.get("/v1/slow")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert server.get("/healthz").status == 200


def test_what_is_no_request_is_told(server: Serving) -> None:
    """In JSON, as everything."""
    status, problem = told(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert (status, problem["title"]) == (400, "Bad Request")


def test_too_many_connections_are_turned_away(server: Serving) -> None:
    """One more than serve.connections_max; when they end there is room again."""
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(25)]
    time.sleep(0.2)
    assert server.get("/healthz").status == 503
    for line in lines:
        line.close()
    until(lambda: server.get("/healthz").status == 200)
