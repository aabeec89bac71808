"""A pipeline under test: its spec, its log, what was sent to it, and the audit at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from connectors import open_log
from connectors.log import Record
from tests.faults.audit import Verdict, audit, parked, read_all
from tests.faults.harness import Place, Worker, make_topics, read_spec, write_spec
from tests.faults.load import Load, fill
from tests.faults.witness import newest_entry

LIMIT_S = 40.0


class Pipeline:
    """Feed it, let workers work on it, and ask how it came out."""

    def __init__(self, at: Place, changes: dict[str, Any] | None = None) -> None:
        self.at = at
        self.path = write_spec(at, changes)
        self.spec = read_spec(self.path)
        self.name = self.spec.pipeline
        self.sent = 0
        make_topics(self.spec)
        self.log = open_log(at.url)

    def feed(self, events: int, **load: Any) -> None:
        """Send more events, and all their labels."""
        topics = self.spec.topic("events"), self.spec.topic("labels")
        given = {"delay": 100, "damage": 0, "seed": self.sent, **load}
        fill(self.log, Load(self.at.url, *topics, events=events, first=self.sent, **given))
        self.sent += events

    def changed(self, changes: dict[str, Any]) -> Path:
        """The file of the same pipeline with another spec."""
        return write_spec(self.at, changes, self.name)

    def is_done(self) -> bool:
        """Whether all that was sent is taken, and committed."""
        ends = {topic: self.log.bounds(topic) for topic in self.spec.inputs}
        for partition in range(self.spec.partitions):
            entry = newest_entry(self.log, self.spec, partition)
            taken = entry.next if entry is not None else {}
            if any(taken.get(topic, 0) < bounds[partition][1] for topic, bounds in ends.items()):
                return False
        return True

    def wait(self, worker: Worker, limit: float = LIMIT_S) -> None:
        """Until every shard is open, so that it has a state to be parked, and all is taken."""
        deadline = time.monotonic() + limit
        while len(worker.said("at entry")) < self.spec.partitions or not self.is_done():
            if time.monotonic() > deadline or worker.process.poll() is not None:
                raise TimeoutError(f"not all is taken:\n{worker.tail()}")
            time.sleep(0.05)

    def work(self, *options: str) -> Worker:
        """One worker's life: it takes all there is, and is stopped."""
        with Worker(self.path, *options) as worker:
            worker.wait("worker of")
            self.wait(worker)
            assert worker.stop() == 0, worker.tail()
        return worker

    def verdict(self, *workers: Worker) -> Verdict:
        return audit(self.log, self.spec, None, parked(workers) if workers else None)

    def dead_letters(self) -> dict[str, list[int]]:
        """Numbers of the records that were refused, by reason."""
        found: dict[str, list[int]] = {}
        for said in map(_headers, self.records("dead_letters")):
            found.setdefault(said["driftline.reason"], []).append(int(said["__streams.errors.offset"]))
        return found

    def records(self, what: str) -> list[Record]:
        return [record for batch in read_all(self.log, self.spec.topic(what)) for record in batch.records()]

    def reopen(self) -> None:
        """Open the log again; a client that lives on while its broker is away leaves sockets behind."""
        self.log = open_log(self.at.url)

    def close(self) -> None:
        self.log.close()


def _headers(record: Record) -> dict[str, str]:
    return {name: content.decode() for name, content in record.headers}
