"""A real Alertmanager for tests.

with Alertmanager(Path("/tmp/data")) as alertmanager:
    print(alertmanager.alerts())
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import urlopen

from tests.parts.processes import Server, answers, free_port

SETTINGS = "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n"


def missing() -> str | None:
    """What has to be installed before one can be started."""
    if shutil.which("prometheus-alertmanager"):
        return None
    return "no prometheus-alertmanager here: apt-get install prometheus-alertmanager"


class Alertmanager:
    """A server on a port that was free, by itself.

    Parameters
    ----------
    folder
        For its data.
    settings
        Its configuration. Default: nobody is told.
    """

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        path = folder / "alertmanager.yml"
        path.write_text(settings)
        command = [
            "prometheus-alertmanager",
            f"--config.file={path}",
            f"--storage.path={folder}/alertmanager",
        ]
        command += [f"--web.listen-address={self.address}", "--log.level=warn"]
        command += ["--cluster.listen-address="]  # or it waits ten seconds for others like it
        ask = b"GET /-/ready HTTP/1.0\r\n\r\n"
        self.server = Server(command, folder / "alertmanager.log", lambda: answers(port, ask))

    def alerts(self) -> list[dict[str, Any]]:
        """What fires now, as its API tells it."""
        with urlopen(f"{self.url}/api/v2/alerts", timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def start(self) -> None:
        self.server.start()

    def stop(self, kill: bool = False) -> None:
        self.server.stop(kill)

    def __enter__(self) -> Alertmanager:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop(kill=True)
