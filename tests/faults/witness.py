"""Someone who reads along: remembers what was committed at the moment it could be seen, and when.

A committed record must never change. So the witness keeps a fingerprint of each one as it first saw it,
and the audit compares them with what lies there at the end.
"""

from __future__ import annotations

import hashlib
import threading
import time
from types import TracebackType
from typing import NamedTuple

from connectors import open_log
from connectors.log import Batch, Log, LogError, Record
from engine.spec import Spec
from streams.keeping import journal
from streams.keeping.journal import Entry

PAUSE_S = {"sqlite": 0.02, "kafka": 0.15}
READ_RECORDS = 2_000


class Seen(NamedTuple):
    """A journal entry, when its record was written, and when the witness saw it."""

    written: float
    at: float
    entry: Entry


def fingerprint(record: Record) -> bytes:
    """What must stay as it is: where a record lies, when it was written, and its bytes."""
    h = hashlib.blake2b(b"%d %d " % (record.offset, record.timestamp), digest_size=12)
    for part in (
        record.key,
        record.value,
        *(x for name, content in record.headers for x in (name.encode(), content)),
    ):
        h.update(b"-" if part is None else b"%d:%s" % (len(part), part))
    return h.digest()


def newest_entry(log: Log, spec: Spec, partition: int = 0) -> Entry | None:
    """The last entry of a shard's journal; the offsets behind it may be markers of transactions."""
    topic = spec.topic("journal")
    start, end = log.bounds(topic)[partition]
    for back in (4, 64, end - start):
        batch = log.read(topic, partition, max(start, end - back), 100)
        if len(batch):
            return journal.decode(batch.values[-1] or b"")
    return None


class Witness:
    """Tails every output and the journal of a pipeline, from the beginning, in a thread.

    Parameters
    ----------
    spec
        The pipeline's spec; its topics must be there.
    remember
        Whether to keep fingerprints of the outputs; otherwise only the journal is read.
    """

    def __init__(self, spec: Spec, remember: bool = True) -> None:
        self.url, self.journal = spec.transport, spec.topic("journal")
        self.topics = [*spec.outputs, self.journal] if remember else [self.journal]
        self.remembered: dict[tuple[str, int], dict[int, bytes]] = {}
        self.entries: dict[int, list[Seen]] = {}
        self.pause = PAUSE_S[spec.transport.partition(":")[0]]
        self.error: LogError | None = None
        self.changed = threading.Condition()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            first = open_log(self.url)
            counts = {name: topic.partitions for name, topic in first.topics().items() if name in self.topics}
            first.close()
            # One connection a partition: a Kafka consumer that is placed anew drops what it has fetched.
            places = [(topic, p, open_log(self.url)) for topic, n in counts.items() for p in range(n)]
            nexts = {(topic, p): 0 for topic, p, _ in places}
            with self.changed:
                self.entries = {p: [] for p in range(counts[self.journal])}
            while not self.over.wait(self.pause):
                for topic, p, log in places:
                    nexts[topic, p] = self._catch_up(log, topic, p, nexts[topic, p])
            for _, _, log in places:
                log.close()
        except LogError as exc:
            self.error = exc

    def _catch_up(self, log: Log, topic: str, partition: int, first: int) -> int:
        batch = log.read(topic, partition, first, READ_RECORDS)
        if topic != self.journal:
            kept = self.remembered.setdefault((topic, partition), {})
            kept.update((record.offset, fingerprint(record)) for record in batch.records())
        elif len(batch):
            self._note(partition, batch)
        return batch.end

    def _note(self, partition: int, batch: Batch) -> None:
        now = time.time()
        with self.changed:
            self.entries[partition] += [
                Seen(record.timestamp / 1000, now, journal.decode(record.value or b""))
                for record in batch.records()
            ]
            self.changed.notify_all()

    def commits(self, after: float = 0.0, partition: int | None = None) -> list[Seen]:
        """The entries that were written after a time, of one partition or all."""
        with self.changed:
            chosen = self.entries.values() if partition is None else [self.entries.get(partition, [])]
            return [seen for entries in chosen for seen in entries if seen.written > after]

    def wait(self, count: int, limit: float, after: float = 0.0) -> bool:
        """Whether so many commits come, written after a time."""
        deadline = time.monotonic() + limit
        with self.changed:
            while len(self.commits(after)) < count:
                left = deadline - time.monotonic()
                if self.error is not None:
                    raise self.error
                if left <= 0:
                    return False
                self.changed.wait(min(1.0, left))
            return True

    def wait_all(self, limit: float, after: float) -> bool:
        """Whether every partition is committed to, after a time."""
        deadline = time.monotonic() + limit
        while not (self.entries and all(self.commits(after, p) for p in self.entries)):
            if time.monotonic() > deadline:
                return False
            time.sleep(self.pause)
        return True

    def taken(self) -> dict[tuple[str, int], int]:
        """Where the newest entries go on, by topic and partition."""
        with self.changed:
            newest = {p: entries[-1].entry.next for p, entries in self.entries.items() if entries}
        return {(topic, p): offset for p, positions in newest.items() for topic, offset in positions.items()}

    def __enter__(self) -> Witness:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.over.set()
        self.thread.join(30)
