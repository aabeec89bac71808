"""A worker whose model never returns.

Everything in a worker runs on one loop, the watchdog too. While a model computes, nobody else does, and one
that hangs would hold its shards for ever. So a timer of the interpreter's own, which needs neither the loop
nor Python's lock, ends the process when the loop has not come round for `watchdog.stall`, after it wrote to
stderr where every thread stood. A thread says before which records were at hand.

A record on which a model hangs will hang it again. No clock may decide what is refused, or a replay would
decide otherwise: the model has to be mended.
"""

from __future__ import annotations

import faulthandler
import logging
import threading
import time
from collections.abc import Callable, Iterable

from connectors.log import Batch
from streams.keeping.timing import place, where

log = logging.getLogger("driftline")

STDERR = 2
LEAST_S = 5.0  # shorter stalls are the watchdog's to see


class Hang:
    """Watches a loop that calls `beat` again and again.

    Parameters
    ----------
    stall_s
        How long it may fail to.
    at_hand
        Gives the batches that are being walked, and since when.
    """

    def __init__(self, stall_s: float, at_hand: Callable[[], Iterable[tuple[Batch, float]]]) -> None:
        self.limit = max(stall_s, LEAST_S)
        self.at_hand = at_hand
        self.beaten = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, name="driftline-hang", daemon=True)

    def start(self) -> None:
        self.beat()
        self.thread.start()

    def beat(self) -> None:
        """The loop has come round."""
        self.beaten = time.monotonic()
        faulthandler.dump_traceback_later(self.limit, exit=True, file=STDERR)

    def stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self.over.set()

    def _look(self) -> None:
        said = 0.0
        while not self.over.wait(self.limit / 10):
            beaten = self.beaten
            if beaten != said and time.monotonic() - beaten > self.limit / 2:
                said = beaten
                self._say()

    def _say(self) -> None:
        for batch, began in self.at_hand():
            gone = time.perf_counter() - began
            log.error(
                "the walk of %s has not come back for %.0f s; after %.0f (watchdog.stall) the worker ends. "
                "Does the model hang?",
                place(batch),
                gone,
                self.limit,
                extra=where(batch),
            )
