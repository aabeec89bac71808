"""The writes of one transaction of the SQLite log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connectors import segments
from connectors.log import Misfit, Payload, Topic

if TYPE_CHECKING:
    from connectors.sqlite import SqliteLog


class SqliteTx:
    """The writes of one transaction."""

    def __init__(self, log: SqliteLog, group: str) -> None:
        self.log, self.db, self.group = log, log.db, group

    def create(self, topic: Topic) -> bool:
        """Create a topic; False if it is there."""
        sql = "INSERT OR IGNORE INTO topics (name, partitions, compacted, retention_ms) VALUES (?, ?, ?, ?)"
        values = (topic.name, topic.partitions, topic.compacted, topic.retention_ms)
        done = self.db.execute(sql, values)
        rows = [(done.lastrowid, partition) for partition in range(topic.partitions)]
        if done.rowcount == 1:
            self.db.executemany("INSERT INTO partitions (topic, partition) VALUES (?, ?)", rows)
        return done.rowcount == 1

    def end(self, topic: str, partition: int) -> int:
        return self.log.bounds(topic)[partition][1]

    def append(
        self, topic: str, partition: int, rows: Payload, timestamps: Sequence[int] | None = None
    ) -> int:
        where, count = self.log.where(topic, partition), len(rows.keys)
        sql = 'UPDATE partitions SET "end"="end"+? WHERE topic=? AND partition=? RETURNING "end"'
        first = int(self.log.rows(sql, count, *where)[0][0]) - count
        stamps = timestamps if timestamps is not None else segments.now_ms()
        if self.log.known(topic).compacted:
            self._append_compacted(where, first, rows, stamps)
            return first
        stored = []
        for part, newest, body in segments.pack_all(rows, stamps):
            stored.append((*where, first + part.start, first + part.stop, newest, None, body))
        self._insert(stored)
        return first

    def _append_compacted(
        self, where: tuple[int, int], first: int, rows: Payload, stamps: Sequence[int] | int
    ) -> None:
        """Each record its own segment, so that the next one of its key can take its place."""
        for i, (key, value) in enumerate(zip(rows.keys, rows.values, strict=True)):
            if key is None:
                raise Misfit("a record of a compacted topic needs a key")
            self.db.execute("DELETE FROM segments WHERE topic=? AND partition=? AND key=?", (*where, key))
            if value is not None:
                newest, body = segments.pack(rows, slice(i, i + 1), stamps)
                self._insert([(*where, first + i, first + i + 1, newest, key, body)])

    def _insert(self, stored: Sequence[tuple[Any, ...]]) -> None:
        self.db.executemany(
            'INSERT INTO segments (topic, partition, first, "end", newest_ms, key, body)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            stored,
        )

    def position(self, topic: str, partition: int, offset: int) -> None:
        where = self.log.where(topic, partition)
        self.db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", (self.group, *where, offset))
