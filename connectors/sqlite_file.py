"""Opening the SQLite log's file, and saying in plain words what is wrong with it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.log import Full, LogError, Misfit, Unavailable

APPLICATION = 0x44726674  # "Drft", in the file's header
VERSION = 1  # of the tables below
PAGES = ("page_count", "freelist_count", "page_size")
LOCK_SECONDS_MAX = 10.0  # how long anyone waits for another process to finish writing

SCHEMA = """
CREATE TABLE topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    compacted INTEGER NOT NULL, retention_ms INTEGER);
CREATE TABLE partitions (
    topic INTEGER, partition INTEGER, start INTEGER NOT NULL DEFAULT 0, "end" INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL,
    "end" INTEGER NOT NULL, newest_ms INTEGER NOT NULL, key BLOB, body BLOB NOT NULL);
CREATE UNIQUE INDEX segments_by_end ON segments (topic, partition, "end");
CREATE INDEX segments_by_key ON segments (topic, partition, key) WHERE key IS NOT NULL;
CREATE TABLE positions (
    grp TEXT, topic INTEGER, partition INTEGER, position INTEGER NOT NULL,
    PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
CREATE TABLE leases (
    grp TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seconds REAL NOT NULL, expires REAL NOT NULL,
    owner TEXT NOT NULL) WITHOUT ROWID;
"""

# One statement, so that the bounds and the segments are of the same moment.
READ = """
SELECT p.start, p."end", s.first, s.body FROM partitions p
LEFT JOIN segments s ON s.topic=p.topic AND s.partition=p.partition AND s."end">?
WHERE p.topic=? AND p.partition=? ORDER BY s."end" LIMIT ?
"""

TAKE = """
INSERT INTO leases VALUES (?, 1, ?, ?, ?) ON CONFLICT (grp) DO UPDATE
SET epoch=epoch+1, seconds=excluded.seconds, expires=excluded.expires, owner=excluded.owner
"""

NO_ROOM = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,  # a quota, for one
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
SENTENCES = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a copy, or name another file",
    sqlite3.SQLITE_READONLY: "can't be written: give this user the right to, or name another file",
    sqlite3.SQLITE_PERM: "can't be written: give this user the right to, or name another file",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: is it a file in a directory that this user may write?",
}


def open_file(
    path: str, sync: str = "full", size_max: int | None = None, create: bool = True
) -> sqlite3.Connection:
    """Open the log's file, making it and its tables if need be; any number of processes may do so at once."""
    if sync not in ("full", "normal"):
        raise Misfit(f"sync is full or normal, not {sync!r}")
    folder = Path(path).parent
    if not folder.is_dir():
        raise Misfit(f"{path} can't be made: there is no directory {folder}")
    if not create and not Path(path).exists():
        raise Misfit(f"{path} does not exist")
    with speaking(path):
        # Used by one thread at a time, though not always by the same.
        db = sqlite3.connect(path, timeout=LOCK_SECONDS_MAX, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
            _tune(db, path, sync, size_max)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: str) -> None:
    db.execute("PRAGMA page_size=8192")  # only a new file takes it; segments are many pages long
    _switch_to_wal(db)
    if not _is_ours(db, path):
        with writing(db):
            if not _is_ours(db, path):  # another process may have been faster
                for statement in filter(str.strip, SCHEMA.split(";")):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id={APPLICATION}")
                db.execute(f"PRAGMA user_version={VERSION}")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    deadline = time.monotonic() + LOCK_SECONDS_MAX
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as exc:
            # When two processes switch at once, SQLite does not wait by itself: it might be a deadlock.
            if primary(exc) not in LOCKED or time.monotonic() > deadline:
                raise
        time.sleep(0.005)


def _is_ours(db: sqlite3.Connection, path: str) -> bool:
    """Whether the tables are there; False for an empty file."""
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return False
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise Misfit(f"{path} is another program's database: name another file")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise Misfit(f"{path} has tables of version {version}, this program reads version {VERSION}")
    return True


def _tune(db: sqlite3.Connection, path: str, sync: str, size_max: int | None) -> None:
    db.execute(f"PRAGMA synchronous={sync.upper()}")
    db.execute("PRAGMA cache_size=-16000")  # KiB
    db.execute(f"PRAGMA journal_size_limit={64 << 20}")  # what is left of the WAL after a burst
    if size_max is not None:
        pages = size_max // db.execute("PRAGMA page_size").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={max(pages, 1)}")


def primary(exc: sqlite3.Error) -> int:
    """SQLite's error code without its details."""
    return getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction: committed at the end, or rolled back."""
    db.execute("BEGIN IMMEDIATE")
    with undoing(db):
        yield
    commit(db)


@contextmanager
def undoing(db: sqlite3.Connection) -> Iterator[None]:
    """Roll the open transaction back if what is done in it fails."""
    try:
        yield
    except BaseException:
        if db.in_transaction:  # some errors have rolled back already
            db.execute("ROLLBACK")
        raise


def commit(db: sqlite3.Connection) -> None:
    """Commit; whatever comes of it, no transaction is open afterwards."""
    with undoing(db):
        db.execute("COMMIT")


@contextmanager
def speaking(path: str) -> Iterator[None]:
    """Turn SQLite's errors into the log's."""
    try:
        yield
    except sqlite3.Error as exc:
        raise explain(exc, path) from exc


def explain(exc: sqlite3.Error, path: str) -> LogError:
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in NO_ROOM:
        return Full(f"{path}: no room left (the disk is full, or size_max is reached)")
    if primary(exc) in LOCKED:
        return Unavailable(f"{path}: another process has kept it locked for {LOCK_SECONDS_MAX:.0f} s")
    if primary(exc) in SENTENCES:
        return Misfit(f"{path} {SENTENCES[primary(exc)]}")
    return Unavailable(f"{path}: {exc}")


def fullness(path: str, size_max: int | None) -> float:
    """How full the place of a log is, from 0 to 1: its disk, or what `size_max` leaves it. Raise OSError."""
    disk = shutil.disk_usage(Path(path).absolute().parent)
    full = disk.used / (disk.used + disk.free)  # of what we may use, as df counts
    if size_max is None:
        return full
    with speaking(path), closing(sqlite3.connect(path, timeout=1)) as db:
        pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in PAGES)
    return max(full, (pages - free) * size / size_max)
