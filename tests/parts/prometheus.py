"""A real Prometheus for tests, which reads the rules that we ship.

jobs = {"driftline": ("127.0.0.1:8080", "token")}
with Prometheus(Path("/tmp/data"), jobs, "127.0.0.1:9093") as prometheus:
    print(prometheus.ask("up"))
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.parts.processes import Server, answers, free_port

EVERY = "500ms"  # it scrapes and looks at its rules


def missing() -> str | None:
    """What has to be installed before one can be started."""
    return None if shutil.which("prometheus") else "no prometheus here: apt-get install prometheus"


class Prometheus:
    """A server on a port that was free.

    Parameters
    ----------
    folder
        For its data.
    jobs
        What it scrapes: by job, the address and a bearer token.
    alertmanager
        Whom it tells, as host:port.
    rules
        Files of rules.
    """

    def __init__(
        self,
        folder: Path,
        jobs: Mapping[str, tuple[str, str]],
        alertmanager: str,
        rules: Sequence[Path] = (),
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
            "rule_files": [str(path) for path in rules],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [
                {
                    "job_name": name,
                    "authorization": {"credentials": token},
                    "static_configs": [{"targets": [target]}],
                }
                for name, (target, token) in jobs.items()
            ],
        }
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(settings))
        command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/data"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        ask = b"GET /-/ready HTTP/1.0\r\n\r\n"
        self.server = Server(command, folder / "prometheus.log", lambda: answers(port, ask))

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers; OSError where it refuses."""
        with urlopen(f"{self.url}{path}?{urlencode(parameters)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The samples of a query, now."""
        found: list[dict[str, Any]] = self.get("/api/v1/query", query=query)["result"]
        return found

    def __enter__(self) -> Prometheus:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.server.stop(kill=True)
