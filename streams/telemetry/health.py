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
        """The shards that have had work for `watchdog.stall`, and made no progress; to be asked often."""
        keepers = list(self.work.keepers.values())
        for keeper in keepers:
            if not keeper.has_work():
                keeper.meter.progressed()  # whoever idles is up to date
        late = time.monotonic() - self.work.spec.watchdog.stall / 1000
        return [keeper.partition for keeper in keepers if keeper.meter.progress_at < late]
