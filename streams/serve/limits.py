"""How much one token may ask for: so many requests a minute, no more than a second's worth at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

NAMES_MAX = 10_000  # that are remembered; who is forgotten begins anew
BURST_S = 1.0
BURST_MIN = 10.0


class Rates:
    """A bucket for each name that fills with time and is emptied by requests.

    Parameters
    ----------
    per_minute
        How many requests a name has, if not other.
    clock
        Seconds, for tests another one.

    Examples
    --------
    >>> now = [0.0]
    >>> rates = Rates(600, lambda: now[0])
    >>> [rates.wait("a") for _ in range(11)]
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1]
    >>> now[0] = 0.1
    >>> rates.wait("a"), rates.wait("b")
    (0.0, 0.0)
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.clock = per_minute, clock
        self.left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, per_minute: int | None = None, cost: float = 1.0) -> float:
        """Take one request; or say how many seconds to wait, and take nothing."""
        per_second = (per_minute or self.per_minute) / 60
        most = max(BURST_MIN, per_second * BURST_S)
        now = self.clock()
        left, then = self.left.get(name, (most, now))
        left = min(most, left + (now - then) * per_second)
        wait = 0.0 if left >= cost else (cost - left) / per_second
        self.left[name] = (left if wait else left - cost, now)
        self.left.move_to_end(name)
        if len(self.left) > NAMES_MAX:
            self.left.popitem(last=False)
        return wait
