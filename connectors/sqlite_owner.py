"""Who holds a lease on this machine, and what to do when that process froze in the middle of a commit.

A process that is stopped (SIGSTOP, a debugger) while it writes keeps the file locked, and nobody else can
write until it goes on: no lease ends that. So the lease says which process holds it, and a standby whose
time has come ends a holder that is stopped. Anything else that keeps the lock is waited for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from pathlib import Path

log = logging.getLogger("driftline")

STOPPED = ("T", "t")


def identity() -> str:
    """This process, told apart from every other that had or will have its number."""
    return f"{os.getpid()} {_look(os.getpid())[1]}"


def end_if_frozen(owner: str) -> bool:
    """End the process if it is still the one that is meant, and stopped. True if it was."""
    pid, _, started = owner.partition(" ")
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    state, now = _look(int(pid))
    if state not in STOPPED or not started or now != started:
        return False
    log.warning("process %s is stopped in the middle of a commit, and its lease is over: ending it", pid)
    with contextlib.suppress(OSError):  # not ours to end, or gone by itself
        os.kill(int(pid), signal.SIGKILL)
    return True


def _look(pid: int) -> tuple[str, str]:
    """A process's state and when it started, as Linux tells; empty texts where nobody does."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return after_name[0], after_name[19]
