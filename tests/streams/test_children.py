"""The processes beside a worker: kept running, started again, gone when the worker is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from streams import children
from streams.children import Child, Children
from tests.parts.processes import free_port

WAIT_S = 40.0
SPEC = "{pipeline: p, transport: 'sqlite:///p.db', events: {fields: {x: {type: number}}}}"


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A command that runs until it is told to stop."""
    monkeypatch.chdir(tmp_path)
    Path("driftline.yaml").write_text(SPEC)
    subprocess.run([sys.executable, "-m", "streams", "topics", "create"], check=True, capture_output=True)
    return Child("tail", ("tail", "predictions", "--follow"))


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def pids(log: str) -> list[int]:
    """The processes that were started, as the log tells."""
    return [int(line.rsplit(" ", 1)[1]) for line in log.splitlines() if "runs as process" in line]


def runs(pid: int) -> bool:
    """Whether a process is there, and not only waiting to be buried."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_is_started_again(follower: Child, caplog: pytest.LogCaptureFixture) -> None:
    """Killed, it comes back; it ends with what started it."""

    async def story() -> None:
        kept = Children([follower])
        kept.start()
        await until(lambda: len(pids(caplog.text)) == 1)
        os.kill(pids(caplog.text)[0], signal.SIGKILL)
        await until(lambda: len(pids(caplog.text)) == 2)
        await kept.stop()

    with caplog.at_level("INFO", logger="driftline"):
        asyncio.run(story())
    assert "tail ended by signal 9; starting it again in 1 s; scoring goes on" in caplog.text
    assert [pid for pid in pids(caplog.text) if runs(pid)] == []


def test_what_can_not_work_is_seldom_tried(follower: Child, caplog: pytest.LogCaptureFixture) -> None:
    """A command that refuses its options would refuse them again a second later."""

    async def story() -> None:
        kept = Children([Child("tail", ("tail", "--no-such-option"))])
        kept.start()
        await until(lambda: "ended" in caplog.text)
        await kept.stop()

    asyncio.run(story())
    assert "tail ended with exit code 2; starting it again in 60 s" in caplog.text


def test_a_port_that_is_taken(
    follower: Child, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is told once, however long it lasts; when the port is free, it starts."""
    monkeypatch.setattr(children, "PORT_S", 0.02)
    port = free_port()

    async def story() -> None:
        kept = Children([Child(follower.name, follower.arguments, ("127.0.0.1", port))])
        with socket.create_server(("127.0.0.1", port)):
            kept.start()
            await asyncio.sleep(0.2)
            assert not pids(caplog.text)
        await until(lambda: bool(pids(caplog.text)))
        await kept.stop()

    with caplog.at_level("INFO", logger="driftline"):
        asyncio.run(story())
    assert caplog.text.count(f"tail waits until port {port} of 127.0.0.1 is free") == 1


def test_it_ends_with_a_worker_that_is_killed(follower: Child) -> None:
    """Nobody could tell it: it notices that its parent is gone."""
    program = (
        "import asyncio, logging; from streams.children import *; logging.basicConfig(level='INFO')\n"
        f"kept = Children([{follower!r}])\n"
        "async def main(): kept.start(); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    with parent:
        assert parent.stderr is not None
        said = next(line for line in parent.stderr if "runs as process" in line)
        (pid,) = pids(said)
        parent.kill()
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
    deadline = time.monotonic() + WAIT_S
    while runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
