"""What can happen to a file: crashes, full disks, other processes, wrong files."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors import sqlite, sqlite_file
from connectors.log import Full, Misfit, Topic, Unavailable
from connectors.sqlite import SqliteLog
from tests.connectors.worlds import rows, values


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.db")


@pytest.fixture
def log(path: str) -> Iterator[SqliteLog]:
    log = SqliteLog(path)
    log.create([Topic("events", 1), Topic("journal", 1)])
    yield log
    log.close()


def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Run a program in another process."""
    prelude = (
        "import asyncio, sys, time\nfrom connectors.sqlite import SqliteLog\nfrom connectors.log import *\n"
    )
    return subprocess.Popen([sys.executable, "-c", prelude + program, *arguments], stdout=subprocess.PIPE)


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def finish(process: subprocess.Popen[bytes], kill: bool = False) -> int:
    if kill:
        process.kill()
    process.communicate(timeout=60)
    return process.returncode


def test_killed_in_a_transaction(log: SqliteLog, path: str) -> None:
    """What a killed process had not committed does not exist, and nobody has to wait for it."""
    log.append("events", 0, rows(b"a"))
    program = """
log = SqliteLog(sys.argv[1])
with log._writing():
    log.db.execute("UPDATE partitions SET \\"end\\" = 99")
    log.db.execute("DELETE FROM segments")
    print("inside", flush=True)
    time.sleep(60)
"""
    process = start(program, path)
    assert first_line(process) == b"inside\n"
    finish(process, kill=True)
    log.append("events", 0, rows(b"b"))
    assert values(log, "events") == [b"a", b"b"]
    assert log.bounds("events") == [(0, 2)]


def test_killed_among_commits(log: SqliteLog, path: str) -> None:
    """Outputs and entries of a worker that is killed at any moment match each other."""
    program = """
async def main():
    log = SqliteLog(sys.argv[1])
    store = log.store("g", 0, "journal", await log.take_lease("g", 60), 60)
    await store.open()
    for n in range(100000):
        await store.commit({"events": Rows([None], [b"%d" % n])}, {"events": n}, b"%d" % n)
        if n == 20:
            print("many", flush=True)
asyncio.run(main())
"""
    process = start(program, path)
    assert first_line(process) == b"many\n"
    finish(process, kill=True)
    assert values(log, "events") == values(log, "journal")
    assert log.positions("g") == {("events", 0): log.bounds("events")[0][1] - 1}


def test_opened_by_all_at_once(path: str) -> None:
    """Processes that open a new file at the same moment all succeed, and lose nothing."""
    program = """
log = SqliteLog(sys.argv[1])
log.create([Topic("events", 1)])
for n in range(25):
    log.append("events", 0, Rows([None], [b"%s %d" % (sys.argv[2].encode(), n)]))
    log.read("events", 0, 0, 10)
"""
    processes = [start(program, path, name) for name in "abcd"]
    assert [finish(process) for process in processes] == [0] * 4
    log = SqliteLog(path)
    written = [value.split() for value in values(log, "events") if value]
    for name in (b"a", b"b", b"c", b"d"):
        assert [int(n) for who, n in written if who == name] == list(range(25))
    log.close()


def test_full(path: str) -> None:
    """A full file says so, keeps what was committed, and takes more once old segments are trimmed."""
    log = SqliteLog(path, size_max=300_000)
    log.create([Topic("events", 1)])

    def fill() -> None:
        for _ in range(100):
            log.append("events", 0, rows(b"x" * 10_000))

    with pytest.raises(Full, match="no room left"):
        fill()
    (_, end), kept = log.bounds("events")[0], values(log, "events")
    assert kept == [b"x" * 10_000] * end
    assert end > 10
    asyncio.run(log.trim("events", 0, end // 2))
    log.append("events", 0, rows(b"y" * 10_000))
    assert values(log, "events")[-1] == b"y" * 10_000
    log.close()


def test_full_commit(path: str) -> None:
    """A commit for which there is no room leaves nothing behind."""
    log = SqliteLog(path, size_max=300_000)
    log.create([Topic("events", 1), Topic("journal", 1)])

    async def story() -> None:
        epoch = await log.take_lease("g", 60)
        assert epoch is not None
        store = log.store("g", 0, "journal", epoch, 60)
        await store.open()
        with pytest.raises(Full):
            await store.commit({"events": rows(b"x" * 500_000)}, {"events": 1}, b"one")
        assert await store.open() is None
        await store.commit({"events": rows(b"y")}, {"events": 1}, b"one")

    asyncio.run(story())
    assert values(log, "events") == [b"y"]
    log.close()


def test_no_directory(tmp_path: Path) -> None:
    """A directory that is missing is named."""
    with pytest.raises(Misfit, match="there is no directory"):
        SqliteLog(str(tmp_path / "nope" / "log.db"))


def test_no_file(tmp_path: Path) -> None:
    """Tools that only look do not make a file."""
    with pytest.raises(Misfit, match="does not exist"):
        SqliteLog(str(tmp_path / "log.db"), create=False)
    assert not list(tmp_path.iterdir())


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """A path that can't be a file says so."""
    with pytest.raises(Misfit, match="can't be opened"):
        SqliteLog(str(tmp_path))


def test_not_a_database(path: str) -> None:
    """Some other file is left alone."""
    Path(path).write_bytes(b"amount,country\n" * 100)
    with pytest.raises(Misfit, match="is not an SQLite database"):
        SqliteLog(path)
    assert Path(path).read_bytes() == b"amount,country\n" * 100


def test_another_programs_database(path: str) -> None:
    """Somebody else's tables are left alone."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(Misfit, match="another program's database"):
        SqliteLog(path)


def test_another_version(log: SqliteLog, path: str) -> None:
    """Tables of another version are refused, and both versions named."""
    log.db.execute("PRAGMA user_version=77")
    with pytest.raises(Misfit, match="tables of version 77, this program reads version 1"):
        SqliteLog(path)


def test_damaged(log: SqliteLog, path: str) -> None:
    """A damaged file gives a sentence, not a riddle."""
    log.append("events", 0, rows(*[b"x" * 1000] * 500))
    log.close()
    with Path(path).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 40_000)

    def look() -> None:
        with closing(SqliteLog(path)) as again:
            values(again, "events")

    with pytest.raises(Misfit, match="is damaged"):
        look()


def test_unknown_sync(path: str) -> None:
    """sync has two values."""
    with pytest.raises(Misfit, match="sync is full or normal"):
        SqliteLog(path, sync="off")


def test_locked_by_another(log: SqliteLog, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers never wait for a writer; a writer waits without stopping the event loop, then says why."""
    monkeypatch.setattr(sqlite, "LOCK_SECONDS_MAX", 0.2)
    other = SqliteLog(path)
    other.db.execute("BEGIN IMMEDIATE")
    assert values(log, "events") == []
    beats = 0

    async def story() -> None:
        nonlocal beats
        waiting = asyncio.create_task(log.release_lease("g", 1))
        while not waiting.done():
            beats += 1
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="kept it locked"):
            await waiting
        assert await log.take_lease("g", 60) is None  # to be asked again

    asyncio.run(story())
    assert beats > 5
    other.db.execute("ROLLBACK")
    log.append("events", 0, rows(b"a"))
    other.close()


def test_waits_for_the_lock(log: SqliteLog, path: str) -> None:
    """A commit waits for another process that is writing, and then goes through."""
    other = SqliteLog(path)

    async def story() -> None:
        other.db.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(log.take_lease("g", 60))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        other.db.execute("ROLLBACK")
        assert await waiting == 1

    asyncio.run(story())
    other.close()


@pytest.fixture
def slow_disk() -> Iterator[threading.Event]:
    """What a commit's thread waits for before it writes."""
    gate = threading.Event()
    yield gate
    gate.set()


def begun(log: SqliteLog) -> bool:
    """Whether a commit waits for the disk."""
    return log._committing is not None and not log._committing.done()


def test_append_while_a_commit_waits_for_the_disk(log: SqliteLog, slow_disk: threading.Event) -> None:
    """A tool's append in the worker's process neither joins nor breaks a commit that is under way."""

    async def story() -> None:
        epoch = await log.take_lease("g", 60)
        assert epoch is not None
        store = log.store("g", 0, "journal", epoch, 60)
        await store.open()
        log._aside.submit(slow_disk.wait, 60)
        commit = asyncio.create_task(store.commit({"events": rows(b"a")}, {}, b"one"))
        while not begun(log):
            await asyncio.sleep(0)
        assert values(log, "events") == []
        threading.Timer(0.1, slow_disk.set).start()
        log.append("events", 0, rows(b"b"))
        assert await commit == 0

    asyncio.run(story())
    assert values(log, "events") == [b"a", b"b"]


def test_cancelled_while_a_commit_waits_for_the_disk(log: SqliteLog, slow_disk: threading.Event) -> None:
    """However often a commit is cancelled, it is whole, and the log goes on."""

    async def story() -> None:
        epoch = await log.take_lease("g", 60)
        assert epoch is not None
        store = log.store("g", 0, "journal", epoch, 60)
        await store.open()
        log._aside.submit(slow_disk.wait, 60)
        commit = asyncio.create_task(store.commit({"events": rows(b"a")}, {}, b"one"))
        while not begun(log):
            await asyncio.sleep(0)
        for _ in range(3):
            commit.cancel()
            threading.Timer(0.1, slow_disk.set).start()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await commit
        await log.renew_lease("g", epoch, 60)
        assert await store.open() == (0, b"one")
        await store.commit({"events": rows(b"b")}, {}, b"two")

    asyncio.run(story())
    assert values(log, "events") == [b"a", b"b"]


def test_lease_after_a_reboot(log: SqliteLog) -> None:
    """A lease written before the machine was started anew does not hold anyone up."""

    async def story() -> None:
        assert await log.take_lease("g", 60) == 1
        log.db.execute("UPDATE leases SET expires=?", (time.monotonic() + 1e6,))
        assert await log.take_lease("g", 60) == 2

    asyncio.run(story())


def test_trim_in_steps(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much is trimmed in many short transactions."""
    monkeypatch.setattr(sqlite, "TRIM_SEGMENTS", 3)
    for _ in range(20):
        log.append("events", 0, rows(b"a", b"b"))
    before = log.version()
    asyncio.run(log.trim("events", 0, 31))
    assert log.bounds("events") == [(30, 40)]
    assert log.version() - before == 5


def test_durable_by_default(log: SqliteLog, path: str) -> None:
    """Commits survive the loss of power unless one asks for less."""
    fast = SqliteLog(path, sync="normal")
    assert [each.db.execute("PRAGMA synchronous").fetchone()[0] for each in (log, fast)] == [2, 1]
    fast.close()


def test_errors_have_sentences() -> None:
    """An error that nobody foresaw still names the file."""
    assert "log.db: disk I/O" in str(sqlite_file.explain(sqlite3.OperationalError("disk I/O"), "log.db"))


FREEZES = """
import asyncio, os, signal, sys
from connectors.sqlite import SqliteLog

log = SqliteLog(sys.argv[1])
asyncio.run(log.take_lease("g", 0.5))
log.db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_holder_that_froze_while_it_wrote_is_ended(path: str) -> None:
    """It keeps the file locked for everybody, and no lease ends that: whoever takes over ends it."""
    SqliteLog(path).close()
    frozen = subprocess.Popen([sys.executable, "-c", FREEZES, path], stdout=subprocess.PIPE, text=True)
    assert frozen.stdout is not None
    assert frozen.stdout.readline() == "locked\n"
    log = SqliteLog(path)

    async def take() -> int | None:
        while (epoch := await log.take_lease("g", 0.5)) is None:
            await asyncio.sleep(0.05)
        return epoch

    assert asyncio.run(asyncio.wait_for(take(), 60)) == 2
    assert frozen.wait(30) == -signal.SIGKILL
    frozen.stdout.close()
    log.close()
