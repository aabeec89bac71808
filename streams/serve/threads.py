"""Threads in which the log is used: it blocks, and the server must not.

A `Desk` is one thread with a log of its own. Whoever asks waits no longer than a limit; what the log does
meanwhile, it does to the end. There is one for those who read, one for those who write and one that loads
snapshots, so that none of them waits for the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from connectors import open_log
from connectors.log import Log, LogError, Unavailable
from engine.spec import Spec
from streams.serve.problems import Problem

WAITING_MAX = 1_000  # callers of one desk

T = TypeVar("T")


class Desk:
    """A thread that has a log.

    Parameters
    ----------
    spec
        The pipeline's spec.
    name
        What the thread is called.
    timeout_s
        How long a caller waits.

    Examples
    --------
    >>> events = {"fields": {"x": {"type": "number"}}}
    >>> spec = Spec.model_validate({"pipeline": "p", "transport": "memory://desk", "events": events})
    >>> desk = Desk(spec, "reader", 1.0)
    >>> asyncio.run(desk.ask(lambda log: log.topics()))
    {}
    >>> desk.close()
    """

    def __init__(self, spec: Spec, name: str, timeout_s: float) -> None:
        self.spec, self.name, self.timeout_s = spec, name, timeout_s
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=f"driftline-{name}")
        self.log: Log | None = None
        self.waiting = 0

    async def ask(self, work: Callable[[Log], T]) -> T:
        """What `work` makes of the log; a LogError, or 503 when it takes too long."""
        if self.waiting >= WAITING_MAX:
            raise Problem(503, f"{WAITING_MAX} requests wait for the log already", {"Retry-After": "1"})
        self.waiting += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self.thread, self.run, work)
        except TimeoutError:
            detail = f"the log did not answer within {self.timeout_s:g} s (serve.timeout)"
            raise Problem(503, detail, {"Retry-After": "1"}) from None
        finally:
            self.waiting -= 1

    def run(self, work: Callable[[Log], T]) -> T:
        """The same from the thread itself; a log that failed is opened anew for the next."""
        try:
            if self.log is None:
                self.log = open_log(self.spec.transport, self.spec.kafka)
            return work(self.log)
        except Unavailable:
            self._drop()
            raise

    def _drop(self) -> None:
        log, self.log = self.log, None
        if log is not None:
            with contextlib.suppress(LogError, OSError):
                log.close()

    def close(self) -> None:
        """End the thread, after what it is at."""
        self.thread.submit(self._drop)
        self.thread.shutdown(wait=True, cancel_futures=False)
