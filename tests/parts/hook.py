"""A webhook's receiver for tests and benchmarks: a real HTTP server that answers as it is told.

with Hook() as hook:
    hook.answers = [503, 200]
    print(hook.url, hook.wait(1))
"""

from __future__ import annotations

import http.server
import json
import threading
import time
from types import TracebackType
from typing import Any, NamedTuple

ANSWERS_S = 100.0  # how long one that hangs does, unless the test ends before


class Got(NamedTuple):
    """A request."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Hook:
    """Takes POSTs on a port that was free.

    `answers` are the next statuses, or `hang`, or `close`; when there are no more, 200.
    """

    def __init__(self) -> None:
        self.answers: list[int | str] = []
        self.headers: dict[str, str] = {}
        self.got: list[Got] = []
        self.over = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                told = {name.lower(): value for name, value in self.headers.items()}
                answer = hook.answers.pop(0) if hook.answers else 200
                hook.got.append(Got(time.time(), self.path, told, body))
                if answer == "hang":
                    hook.over.wait(ANSWERS_S)
                if not isinstance(answer, int):
                    self.close_connection = True
                    return
                self.send_response(answer)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/secret-path"

    def wait(self, count: int, limit: float = 60.0) -> list[Got]:
        """What came, once there is so much; TimeoutError if it does not come."""
        deadline = time.monotonic() + limit
        while len(self.got) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.got)} of {count} requests came")
            time.sleep(0.01)
        return self.got

    def __enter__(self) -> Hook:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
