"""Ready or not, and stalled or not: both follow the progress of offsets, not of the process."""

from __future__ import annotations

import time

from streams.app import Work


class Health:
    """Looks at a worker's keepers."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def reasons(self) -> list[str]:
        """Why the worker is not ready; nothing if it is. A hot standby is ready."""
        work = self.work
        if work.error is not None:
            return [f"the worker is stopping: {work.error}"]
        if work.standby:
            return []
        if not work.keepers:
            return ["no partition is assigned yet"]
        found = [f"shard {k.partition} is recovering" for k in work.keepers.values() if not k.ready]
        return found + [f"shard {p} makes no progress" for p in self.stalled()]

    def stalled(self) -> list[int]:
        """The shards that have work, and have not committed for `watchdog.stall`."""
        limit = self.work.spec.watchdog.stall / 1000
        late = time.monotonic() - limit
        return [
            keeper.partition
            for keeper in self.work.keepers.values()
            if keeper.meter.progress_at < late and keeper.has_work()
        ]
