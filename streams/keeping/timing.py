"""How long the walk takes, and how much of that is the model's.

The engine has no clock, so what is too slow is seen from here: counted, and said where one record alone takes
a second. A slow model delays; it does not change what comes out, so no record is refused for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from connectors.log import Batch
from engine.forecast import Forecasts
from engine.shard import Shard
from streams.telemetry.logs import at

log = logging.getLogger("driftline")

SLOW_S = 1.0  # a record
SAID_EVERY_S = 10.0


class Timing:
    """The walks of one keeper.

    Attributes
    ----------
    at_hand
        What is being walked, and since when, while it is.
    """

    def __init__(self) -> None:
        self.at_hand: tuple[Batch, float] | None = None
        self.model_seconds = 0.0
        self.slowest_seconds = 0.0  # a record
        self._said = -SAID_EVERY_S

    def begin(self, batch: Batch) -> float:
        """A batch is about to be walked; return the time."""
        began = time.perf_counter()
        self.at_hand = (batch, began)
        return began

    def end(self, batch: Batch, began: float) -> float:
        """It was walked; return how long that took."""
        self.at_hand, seconds = None, time.perf_counter() - began
        each = seconds / max(1, len(batch))
        self.slowest_seconds = max(self.slowest_seconds, each)
        now = time.monotonic()
        if each >= SLOW_S and now - self._said >= SAID_EVERY_S:
            self._said = now
            log.warning(
                "%s took %.1f s a record; is the model that slow?", place(batch), each, extra=where(batch)
            )
        return seconds

    def watched(self, shard: Shard) -> Shard:
        """A shard of which, from now on, it is counted what its model takes."""
        for name in ("advance" if isinstance(shard.model, Forecasts) else "run", "learn"):
            setattr(shard.model, name, self._timed(getattr(shard.model, name)))
        return shard

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*given)
            finally:
                self.model_seconds += time.perf_counter() - began

        return timed


def place(batch: Batch) -> str:
    """Where a batch lies, for people.

    >>> place(Batch("p.events", 0, 7, 9, [7, 8], [0, 0], [None, None], [b"", b""]))
    'p.events-0, offsets 7 to 8'
    """
    return f"{batch.topic}-{batch.partition}, offsets {batch.first} to {batch.end - 1}"


def where(batch: Batch) -> dict[str, object]:
    """The same, for a line of the log."""
    return at(topic=batch.topic, partition=batch.partition, offset=batch.first)
