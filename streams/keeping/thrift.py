"""How often a shard's state is saved: as often as that costs next to nothing.

The API predicts with the newest snapshot, and a recovery walks all that came behind it, so a state is worth
saving often. What speaks against it are the time that it takes and the bytes that are written; so these are
what is bounded, for all shards of a process together:

- for snapshots the walk stands still at most a hundredth of the time;
- writing goes on beside the walk for at most a tenth of it, so that a slow disk or broker is spared;
- they have at most `BYTES_PER_S`, less than a stream of 1,000 events a second writes by
  `snapshots.every_records` alone; pickling so many takes some thousandths of the time;
- a shard has at most one each `LEAST_S`, and at least one each `snapshots.every`.

That intervals grow with the state follows from it, whatever its age, and so does what a restart needs: the
newest snapshot says how large the state is. Intervals that double from a second on would do less: a state
that stays small would soon be saved as rarely as a large one. With eight numbers and an id in an event:

    remembered events    a snapshot has    and is due after, alone    with seven other shards
                  100            25 kB                        1 s                         2 s
                1,000           150 kB                      1.5 s                        12 s
               10,000           1.4 MB                       14 s                       112 s
              100,000            14 MB                      140 s           `snapshots.every`

One of the first three takes 0.7, 1.0 and 4.6 ms of the processor, so less than a thousandth of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

LEAST_S = 1.0  # between two snapshots of a shard
STANDING, WRITING = 0.01, 0.1  # shares of a process's time
BYTES_PER_S = 100_000  # of a process


@dataclass(frozen=True, slots=True)
class Thrift:
    """What the shards of a process may spend on snapshots.

    Parameters
    ----------
    shards
        How many there are.
    clock
        Tells the time, in seconds.

    Examples
    --------
    >>> alone, one_of_eight = Thrift(), Thrift(shards=lambda: 8)
    >>> alone.rest_s(0.004, 0.01, 25_000), alone.rest_s(0.004, 0.2, 14_000_000)
    (1.0, 140.0)
    >>> one_of_eight.rest_s(0.004, 0.01, 25_000)
    3.2
    """

    shards: Callable[[], int] = lambda: 1
    clock: Callable[[], float] = time.monotonic

    def rest_s(self, stood_s: float, wrote_s: float, size: int) -> float:
        """How long to leave a state alone after a snapshot that cost so much.

        Parameters
        ----------
        stood_s
            Of the walk's processor time, while it stood still.
        wrote_s
            By the clock, from then until it was written.
        size
            Its bytes.
        """
        cost_s = max(stood_s / STANDING, wrote_s / WRITING, size / BYTES_PER_S)
        return max(LEAST_S, max(1, self.shards()) * cost_s)


ALONE = Thrift()
"""A shard that nobody else in the process has to share with."""
