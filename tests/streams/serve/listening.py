"""A client of the stream of events."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Self

from tests.parts.serving import PATIENCE_S, Serving


class Listener:
    """Somebody who listens to the stream."""

    def __init__(self, server: Serving, query: str = "", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        self.connection.request(
            "GET", f"/v1/stream{query}", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        self.answer = self.connection.getresponse()
        self.id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()

    def events(self) -> Iterator[tuple[str, Any]]:
        """Name and data of each event."""
        name = ""
        while line := self.answer.readline():
            kind, _, rest = line.decode().rstrip("\n").partition(": ")
            name = rest if kind == "event" else name
            self.id = rest if kind == "id" else self.id
            if kind == "data":
                yield name, json.loads(rest)

    def first(self, wanted: str) -> Any:
        """The data of the next event of this name."""
        return next(data for name, data in self.events() if name == wanted)
