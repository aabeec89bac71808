"""The embedded log: topics, positions and leases in one SQLite file.

Any number of processes may append and read at once; each commit is seen by all of them, or not at
all. One `SqliteLog` is for one thread: in a worker that is the event loop's, where reading a batch takes
well under a millisecond (a thread of its own would be slower, see `segments.py`). Only the COMMIT of a
worker's transaction, which waits for the disk, runs aside, on a connection that nobody else uses then.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent import futures
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any, NamedTuple

from connectors import segments
from connectors.embedded import EmbeddedStore
from connectors.log import Batch, Gone, Misfit, Payload, Refused, Topic, Unavailable
from connectors.sqlite_file import (
    LOCK_SECONDS_MAX,
    LOCKED,
    READ,
    TAKE,
    commit,
    explain,
    open_file,
    primary,
    speaking,
    undoing,
    writing,
)
from connectors.sqlite_owner import end_if_frozen, identity
from connectors.sqlite_tx import SqliteTx

POLL_SECONDS = 0.002  # between two looks for what other processes have committed
READ_BYTES_MAX = 8 << 20  # a read ends early when it has unpacked so much
TRIM_SEGMENTS = 32  # deleted in one transaction, so that nobody waits long


class _Known(NamedTuple):
    """What never changes about a topic."""

    id: int
    partitions: int
    compacted: bool


class SqliteLog:
    """A log in one file.

    Parameters
    ----------
    path
        The file; it is made unless `create` is False. Its directory must exist, on a local disk.
    sync
        `full`: a commit survives the loss of power. `normal`: it survives any crash of the process.
    size_max
        Bytes that the file may grow to through this log; then `Full` is raised. Deleted segments make
        room. The write-ahead log beside the file adds a few megabytes.

    >>> from connectors.log import Rows
    >>> import tempfile
    >>> log = SqliteLog(tempfile.mkdtemp() + "/example.db")
    >>> log.create([Topic("events", 1)])
    ['events']
    >>> log.append("events", 0, Rows([b"key"], [b"value"]))
    range(0, 1)
    >>> log.read("events", 0, 0).values
    [b'value']
    >>> log.close()
    """

    def __init__(
        self, path: str, sync: str = "full", size_max: int | None = None, create: bool = True
    ) -> None:
        self.path = path
        self.db = open_file(path, sync, size_max, create)
        self._reader = open_file(path, sync, size_max, create=False)
        self._reading = self._reader  # inside a transaction: the one that writes
        self._aside = futures.ThreadPoolExecutor(1, "commit")
        self._committing: futures.Future[None] | None = None
        self._turn = asyncio.Lock()
        self._topics: dict[str, _Known] = {}

    # -- reading

    def topics(self) -> dict[str, Topic]:
        rows = self.rows("SELECT name, partitions, compacted, retention_ms FROM topics ORDER BY name")
        return {name: Topic(name, count, bool(compacted), ms) for name, count, compacted, ms in rows}

    def partitions(self, topic: str) -> int:
        return self.known(topic).partitions

    def bounds(self, topic: str) -> list[tuple[int, int]]:
        sql = 'SELECT start, "end" FROM partitions WHERE topic=? ORDER BY partition'
        return self.rows(sql, self.known(topic).id)

    def read(self, topic: str, partition: int, first: int, limit: int = 1000, wait: float = 0.0) -> Batch:
        deadline = time.monotonic() + wait
        while True:
            version = self.version()
            batch = self._read(topic, partition, first, limit)
            if len(batch) or time.monotonic() >= deadline:
                return batch
            while self.version() == version and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)

    def _read(self, topic: str, partition: int, first: int, limit: int) -> Batch:
        where, parts, count, size = self.where(topic, partition), [], 0, 0
        # Closed at once: an open cursor would keep its view of the file, and the WAL would grow.
        with (
            speaking(self.path),
            closing(self._reading.execute(READ, (first, *where, max(limit, 1)))) as cursor,
        ):
            row = cursor.fetchone()
            start, end = row[:2]
            if not start <= first <= end:
                raise Gone(f"{topic}-{partition}: no offset {first}, there are {start} to {end}")
            while row is not None and row[3] is not None:
                parts.append(segments.unpack(row[2], row[3]).behind(first, limit - count))
                count, size = count + len(parts[-1].offsets), size + len(row[3])
                if count >= limit or size >= READ_BYTES_MAX:
                    end = parts[-1].offsets[-1] + 1
                    break
                row = cursor.fetchone()
        return Batch(topic, partition, first, end, *segments.join(parts))

    def offset_at(self, topic: str, partition: int, ms: int) -> int:
        where = self.where(topic, partition)
        sql = "SELECT first FROM segments WHERE topic=? AND partition=? AND newest_ms>=?"
        found = self.rows(sql + ' ORDER BY "end" LIMIT 1', *where, ms)
        return int(found[0][0]) if found else self.bounds(topic)[partition][1]

    def positions(self, group: str) -> dict[tuple[str, int], int]:
        sql = "SELECT name, partition, position FROM positions JOIN topics ON id=topic WHERE grp=?"
        return {(topic, partition): position for topic, partition, position in self.rows(sql, group)}

    def version(self) -> int:
        # SQLite counts the commits of the other connections, and nobody writes through this one.
        return int(self._reader.execute("PRAGMA data_version").fetchone()[0])

    # -- writing

    def create(self, topics: Iterable[Topic]) -> list[str]:
        there = self.topics()
        missing = [topic for topic in topics if topic.name not in there]
        if not missing:
            return []
        with self._writing():
            return [topic.name for topic in missing if SqliteTx(self, "").create(topic)]

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> Sequence[int]:
        self.where(topic, partition)  # a Misfit comes before the lock
        with self._writing():
            first = SqliteTx(self, "").append(topic, partition, rows, timestamps)
        return range(first, first + len(rows.keys))

    async def trim(self, topic: str, partition: int, before_offset: int) -> None:
        where = self.where(topic, partition)
        sql = 'SELECT id, "end" FROM segments WHERE topic=? AND partition=? AND "end"<=?'
        while found := self.rows(sql + ' ORDER BY "end" LIMIT ?', *where, before_offset, TRIM_SEGMENTS):
            async with self._writing_aside():
                self.db.executemany("DELETE FROM segments WHERE id=?", [(id_,) for id_, _ in found])
                sql_start = "UPDATE partitions SET start=max(start, ?) WHERE topic=? AND partition=?"
                self.db.execute(sql_start, (found[-1][1], *where))

    def close(self) -> None:
        self._aside.shutdown()
        self._reader.close()
        self.db.close()

    # -- leases: who may commit for a group

    def epoch(self, group: str) -> int:
        found = self.rows("SELECT epoch FROM leases WHERE grp=?", group)
        return int(found[0][0]) if found else 0

    async def take_lease(self, group: str, seconds: float) -> int | None:
        if not self._is_free(group):
            return None
        try:
            async with self._writing_aside(min(LOCK_SECONDS_MAX, seconds / 2)):
                if not self._is_free(group):  # another process may have been faster
                    return None
                self.db.execute(TAKE, (group, seconds, time.monotonic() + seconds, identity()))
                return self.epoch(group)
        except Unavailable:  # locked for so long: asked again soon
            for (owner,) in self.rows("SELECT owner FROM leases WHERE grp=?", group):
                end_if_frozen(owner)
            return None

    async def renew_lease(self, group: str, epoch: int, seconds: float) -> None:
        async with self.owned(group, epoch, seconds):
            pass

    async def release_lease(self, group: str, epoch: int) -> None:
        async with self._writing_aside():
            sql = "UPDATE leases SET epoch=epoch+1, expires=0 WHERE grp=? AND epoch=?"
            self.db.execute(sql, (group, epoch))

    def store(
        self, group: str, partition: int, journal: str, epoch: int, lease_seconds: float
    ) -> EmbeddedStore:
        return EmbeddedStore(self, group, partition, journal, epoch, lease_seconds)

    @asynccontextmanager
    async def owned(self, group: str, epoch: int, seconds: float) -> AsyncIterator[SqliteTx]:
        """See `embedded.Owned`."""
        async with self._writing_aside():
            sql = "UPDATE leases SET seconds=?, expires=? WHERE grp=? AND epoch=?"
            done = self.db.execute(sql, (seconds, time.monotonic() + seconds, group, epoch))
            if done.rowcount != 1:
                raise Refused(f"{group}: epoch {epoch} is over, another worker has the lease")
            yield SqliteTx(self, group)

    def _is_free(self, group: str) -> bool:
        found = self.rows("SELECT expires, seconds FROM leases WHERE grp=?", group)
        # The clock is the machine's uptime: setting the wall clock does not move it. A time that is
        # further off than the lease is long was written before the machine was started anew.
        return not found or not 0 <= found[0][0] - time.monotonic() <= found[0][1]

    # -- inside

    @asynccontextmanager
    async def _writing_aside(self, patience: float | None = None) -> AsyncIterator[None]:
        """A transaction whose lock and whose COMMIT don't block the event loop. Its body must not await."""
        async with self._turn:
            await self._lock(LOCK_SECONDS_MAX if patience is None else patience)
            with speaking(self.path):
                with self._seeing_own_writes(), undoing(self.db):
                    yield
                await self._commit()

    async def _commit(self) -> None:
        self._committing = self._aside.submit(commit, self.db)
        done = asyncio.wrap_future(self._committing)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            futures.wait([self._committing])  # nobody may touch the connection before
            raise

    @contextmanager
    def _seeing_own_writes(self) -> Iterator[None]:
        self._reading = self.db
        try:
            yield
        finally:
            self._reading = self._reader

    async def _lock(self, patience: float) -> None:
        """Take the write lock without blocking the event loop."""
        deadline = time.monotonic() + patience
        while not self._try_lock(time.monotonic() > deadline):
            await asyncio.sleep(0.0005)

    def _try_lock(self, last: bool) -> bool:
        try:
            self.db.execute("PRAGMA busy_timeout=0")
            self.db.execute("BEGIN IMMEDIATE")
            return True
        except sqlite3.Error as exc:
            if last or primary(exc) not in LOCKED:
                raise explain(exc, self.path) from exc
            return False
        finally:
            self.db.execute(f"PRAGMA busy_timeout={LOCK_SECONDS_MAX * 1000:.0f}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._committing is not None:
            futures.wait([self._committing])
        with speaking(self.path), writing(self.db), self._seeing_own_writes():
            yield

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with speaking(self.path):
            return self._reading.execute(sql, values).fetchall()

    def known(self, topic: str) -> _Known:
        if topic not in self._topics:
            found = self.rows("SELECT id, partitions, compacted FROM topics WHERE name=?", topic)
            if not found:
                raise Misfit(f"{self.path}: there is no topic {topic}")
            self._topics[topic] = _Known(*found[0])
        return self._topics[topic]

    def where(self, topic: str, partition: int) -> tuple[int, int]:
        known = self.known(topic)
        if not 0 <= partition < known.partitions:
            raise Misfit(f"{topic}: there is no partition {partition}, it has {known.partitions}")
        return known.id, partition
