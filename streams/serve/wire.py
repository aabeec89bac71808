"""Connections: a request line and headers that come too slowly, or never end, are not waited for.

uvicorn looks after a connection between requests and the app after a body. What is left is the time from a
request's first byte, or from the connection, to the end of its headers.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.serve.problems import TYPE, Problem

HEADERS_S = 10.0
HEADERS_BYTES_MAX = 64 * 1024


class Wire(HttpToolsProtocol):
    """uvicorn's connection with a bound on headers, in time and in bytes."""

    waiting: asyncio.TimerHandle | None = None
    taken = 0  # bytes since the last headers were complete

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if (sock := transport.get_extra_info("socket")) is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # headers and body are two writes
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.waiting is not None:
            self.taken += len(data)
            if self.taken > HEADERS_BYTES_MAX + len(data):
                return self._refuse(431, f"headers may have {HEADERS_BYTES_MAX:,} bytes")
        return super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._done()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "this is no HTTP request")

    def _wait(self) -> None:
        if self.waiting is None:
            self.taken = 0
            self.waiting = self.loop.call_later(HEADERS_S, self._late)

    def _done(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def _late(self) -> None:
        self.waiting = None
        self._refuse(408, f"the headers did not arrive within {HEADERS_S:g} s")

    def _refuse(self, status: int, detail: str) -> None:
        """Say why, and end the connection."""
        if self.transport.is_closing():
            return
        problem = Problem(status, detail)
        body = problem.body()
        head = f"HTTP/1.1 {status} {problem.title}\r\ncontent-type: {TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()
