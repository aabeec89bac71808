"""The demo's payments, as a worker scores them: what the tests of the page look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from connectors import open_log
from connectors.log import Record, Rows
from engine.spec import Spec
from streams.demo.payments import Due, Plan, steps
from streams.demo.producer import publish
from streams.demo.scene import SPEC
from streams.serve import tokens
from tests.faults.audit import read_all
from tests.faults.harness import Worker, make_topics, read_spec
from tests.parts.serving import Serving
from tests.parts.waiting import until

EVENTS = 8_000
RATE = 1_800
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
NAMES = ("look", "order")


class Town:
    """A pipeline that runs, and is served."""

    def __init__(self, folder: Path, change: int) -> None:
        given: dict[str, Any] = yaml.safe_load(SPEC.read_text())
        given |= {"transport": f"sqlite:///{folder}/log.db", "http": {"port": None}}
        given |= {"snapshots": {"key": "0123456789abcdef0123456789abcdef", "every": "1s"}}
        given |= {"serve": {"tokens": str(folder / "tokens.json")}}
        self.path, self.folder = folder / "driftline.yaml", folder
        self.path.write_text(yaml.safe_dump(given, sort_keys=False))
        made = [tokens.made(NAMES[0], ("read",)), tokens.made(NAMES[1], ("read", "label", "admin"))]
        tokens.write(folder / "tokens.json", [token for _, token in made])
        self.tokens = dict(zip(NAMES, (secret for secret, _ in made), strict=True))
        self.spec: Spec = read_spec(self.path)
        make_topics(self.spec)
        self.log = open_log(self.spec.transport)
        plan = Plan(2 * change, RATE, start_ms=int(time.time() * 1000))
        self.due: Iterator[list[Due]] = steps(plan)

    def feed(self, events: int) -> None:
        """Send the next events, with the labels that are due by then."""
        rows = [record for _, step in zip(range(events), self.due, strict=False) for record in step]
        for at in range(0, len(rows), 500):
            publish(self.log, self.spec, rows[at : at + 500])

    def send(self, *values: bytes) -> None:
        """Send events as they are."""
        self.log.append(self.spec.topic("events"), 0, Rows([b"x"] * len(values), list(values)))

    def records(self, what: str) -> list[Record]:
        """What lies on a topic."""
        return [each for batch in read_all(self.log, self.spec.topic(what)) for each in batch.records()]

    def wait_for(self, what: str, count: int) -> None:
        """Until a topic holds so many records."""
        topic = self.spec.topic(what)
        until(lambda: sum(end for _, end in self.log.bounds(topic)) >= count)


@contextmanager
def town(folder: Path, change: int = EVENTS // 2) -> Iterator[tuple[Town, Serving]]:
    """A worker and a server over the log of a folder; after `change` events payments change."""
    here = Town(folder, change)
    try:
        with Worker(here.path, level="info") as worker, Serving(here.spec) as serving:
            worker.wait("worker of")
            yield here, serving
            worker.stop()
    finally:
        here.log.close()
