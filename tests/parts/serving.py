"""The API, served from a thread of the test: over a log in memory, on a free port."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from types import TracebackType
from typing import Any, NamedTuple, Self

import uvicorn

from engine.spec import Spec
from streams.serve.app import gated, make_app
from streams.serve.run import listening, settings

PATIENCE_S = 60.0  # more than anything here takes


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Serving:
    """A server of a spec, for as long as the `with` lasts; on any free port, unless one is given."""

    def __init__(self, spec: Spec, port: int = 0) -> None:
        self.spec, self.app = spec, make_app(spec)
        self.socket = listening(spec.serve.host, port)
        self.port: int = self.socket.getsockname()[1]
        self.server = uvicorn.Server(settings(spec, gated(self.app)))
        self.app.state.site.ending = lambda: self.server.should_exit
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await self.server.serve([self.socket])
        await self.app.state.site.knower.close()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_S)
        self.app.state.site.close()
        self.socket.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; what is not bytes goes as JSON. `Authorization` and others are keywords."""
        sent = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, sent, {k.replace("_", "-"): v for k, v in headers.items()})
            found = connection.getresponse()
            told = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, told, found.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)
