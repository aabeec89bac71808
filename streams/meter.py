"""What a keeper counts: plain integers, so that the hot path does not notice."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from connectors.log import Batch


@dataclass(slots=True)
class Meter:
    """The figures of one keeper, since this process took the shard."""

    batches: int = 0
    batch_seconds: float = 0.0
    records: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    recoveries: int = 0
    refusals: int = 0
    retention_short: int = 0
    records_gone: int = 0
    newest_ms: int = 0  # timestamp of the newest record taken
    commit_at: float = 0.0
    snapshot_at: float = 0.0
    progress_at: float = field(default_factory=time.monotonic)

    def walked(self, batch: Batch, seconds: float) -> None:
        self.batches += 1
        self.batch_seconds += seconds
        self.records += len(batch)
        if len(batch):
            self.newest_ms = max(self.newest_ms, batch.timestamps[-1])

    def committed(self) -> None:
        self.commits += 1
        self.commit_at = time.time()
        self.progressed()

    def progressed(self) -> None:
        self.progress_at = time.monotonic()
