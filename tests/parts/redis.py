"""A real Redis for tests, benchmarks and fault scripts.

with Redis(Path("/tmp/data")) as redis:
    print(redis.url)
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import TracebackType

from tests.parts.processes import Server, answers, free_port


def missing() -> str | None:
    """What has to be installed before one can be started."""
    if os.environ.get("DRIFTLINE_REDIS") or shutil.which("redis-server"):
        return None
    return "no redis-server here: apt-get install redis-server"


class Redis:
    """A server on a port that was free, with nothing on disk; or the one that DRIFTLINE_REDIS names."""

    def __init__(self, folder: Path) -> None:
        outside = os.environ.get("DRIFTLINE_REDIS")
        port = free_port()
        self.url = f"redis://{outside or f'127.0.0.1:{port}'}/0"
        command = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        ready = folder / "output.log", lambda: answers(port, b"PING\r\n")
        self.server = None if outside else Server(command, *ready)

    def start(self) -> None:
        """Start, or go on after `pause`."""
        if self.server is not None:
            self.server.start()

    def pause(self) -> None:
        assert self.server is not None, "not ours to pause"
        self.server.pause()

    def stop(self, kill: bool = False) -> None:
        if self.server is not None:
            self.server.stop(kill)

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop(kill=True)
