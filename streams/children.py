"""The processes that a worker starts beside itself, `driftline serve` and `driftline notify`.

They share nothing with the worker but the spec, the topics and the snapshots. Whatever happens to one,
scoring goes on: it is started again, later each time. However the worker ends, they end too (`child.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

log = logging.getLogger("driftline")

WAIT_FIRST_S, WAIT_MAX_S = 1.0, 60.0  # before a failed child is started again
STEADY_S = 60.0  # who lived so long begins again with the shortest wait
USAGE = 2  # the exit code of a command that can't work as it is told
PORT_S = 5.0  # between two looks at a port that is taken
STOP_S = 5.0  # for a clean stop, within that of the worker


@dataclass(frozen=True, slots=True)
class Child:
    """A command that is to run as long as the worker does.

    Parameters
    ----------
    name
        What it is called in the log.
    arguments
        What follows `driftline` on its command line.
    address
        Host and port that it needs for itself, if any.
    """

    name: str
    arguments: tuple[str, ...]
    address: tuple[str, int] | None = None


class Children:
    """Keeps commands running, from `start` to `stop`."""

    def __init__(self, wanted: Sequence[Child] = ()) -> None:
        self.wanted = tuple(wanted)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.tasks = [asyncio.create_task(_keep(child)) for child in self.wanted]

    async def stop(self) -> None:
        """Return once all have ended."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _keep(child: Child) -> None:
    """Run a child for ever."""
    wait_s = WAIT_FIRST_S
    while True:
        await _until_free(child)
        began = time.monotonic()
        how, code = await _run(child)
        if time.monotonic() - began > STEADY_S:
            wait_s = WAIT_FIRST_S
        if code == USAGE:
            wait_s = WAIT_MAX_S
        log.warning("%s ended %s; starting it again in %.0f s; scoring goes on", child.name, how, wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, WAIT_MAX_S)


async def _run(child: Child) -> tuple[str, int]:
    """Run it once; how it ended, and with which code."""
    command = (sys.executable, "-P", "-m", "streams.child", *child.arguments)
    try:
        # A session of its own: Ctrl-C is for the worker, which then ends its children.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=sys.stderr, start_new_session=True
        )
    except OSError as exc:
        return f"before it began ({exc.strerror})", 1
    log.info("%s runs as process %d", child.name, process.pid)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    return (f"by signal {-code}" if code < 0 else f"with exit code {code}"), code


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, wait, and make it stop."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_free(child: Child) -> None:
    """Wait for the child's port; say once that somebody else has it."""
    said = False
    while child.address is not None and _taken(*child.address):
        if not said:
            log.warning(
                "%s waits until port %d of %s is free: another worker may have it, or another program; "
                "scoring goes on",
                *(child.name, child.address[1], child.address[0]),
            )
        said = True
        await asyncio.sleep(PORT_S)


def _taken(host: str, port: int) -> bool:
    """Whether somebody listens there. What else is wrong with an address is for the child to say."""
    if port == 0:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return exc.errno == errno.EADDRINUSE
    return False
