"""How long requests take: one look now and then at all that are under way, so that a request costs nothing.

Those that take too long are cancelled. The looks end when nothing is under way.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

LOOKS = 8  # in the time that a request may take
LOOK_MAX_S = 0.5

Task = asyncio.Task[Any]


class Deadlines:
    """Tasks that may take so long and no longer.

    Parameters
    ----------
    timeout_s
        How long, give or take a look.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.since: dict[Task, float] = {}
        self.over: set[Task] = set()
        self.looking: Task | None = None

    def begin(self, task: Task) -> None:
        """From now on, or anew."""
        self.since[task] = time.monotonic()
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look())

    def end(self, task: Task) -> bool:
        """It is done; True if it was cancelled for being late."""
        self.since.pop(task, None)
        if task not in self.over:
            return False
        self.over.discard(task)
        return True

    async def _look(self) -> None:
        while self.since:
            await asyncio.sleep(min(LOOK_MAX_S, self.timeout_s / LOOKS))
            late = time.monotonic() - self.timeout_s
            for task in [task for task, since in self.since.items() if since < late]:
                del self.since[task]
                self.over.add(task)
                task.cancel()
