"""How much is walked at a stretch: a slow model must not keep leases, heartbeats and commits waiting."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.log import Batch

STRETCH_S = 0.02
FIRST, MOST = 32, 1024


class Pace:
    """Finds out how many records fit into a stretch.

    >>> pace = Pace()
    >>> pace.took(32, seconds=0.16)
    >>> pace.most
    4
    """

    def __init__(self) -> None:
        self.most = FIRST

    def took(self, records: int, seconds: float) -> None:
        """Learn from a stretch; the next is at most twice as long as this one might have been."""
        fitting = int(STRETCH_S * records / max(seconds, 1e-9))
        self.most = max(1, min(fitting, self.most * 2, MOST))

    def parts(self, batch: Batch) -> Iterator[Batch]:
        """Cut a batch, each part as long as it may be by then."""
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + self.most)
            yield batch.cut(start, stop)
            start = stop
