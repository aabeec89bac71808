"""Whether something that has failed is asked again: a circuit breaker.

closed      every call goes through
open        after FAILURES_MAX failures in a row none does, for a while that grows
half open   then one call is let through: if it works all do, if it fails it is open for longer
"""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES_MAX = 3
PAUSE_S, PAUSE_MAX_S = 0.5, 30.0


class Breaker:
    """The state of one circuit.

    Parameters
    ----------
    clock
        Seconds that only rise.

    Examples
    --------
    >>> now = 0.0
    >>> breaker = Breaker(lambda: now)
    >>> for _ in range(3):
    ...     breaker.failed()
    >>> breaker.state, breaker.enter(), breaker.wait()
    ('open', False, 0.5)
    >>> now = 0.5
    >>> breaker.state, breaker.enter(), breaker.enter()
    ('half open', True, False)
    >>> breaker.succeeded()
    >>> breaker.state, breaker.enter()
    ('closed', True)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.failures = 0  # in a row
        self.pause, self.until, self.trying = PAUSE_S, 0.0, False

    @property
    def state(self) -> str:
        if self.failures < FAILURES_MAX:
            return "closed"
        return "open" if self.clock() < self.until else "half open"

    def wait(self) -> float:
        """Seconds until a call may go through."""
        return max(0.0, self.until - self.clock()) if self.failures >= FAILURES_MAX else 0.0

    def enter(self) -> bool:
        """Whether a call may go through now; if so, say afterwards how it went."""
        if self.state == "closed":
            return True
        if self.state == "open" or self.trying:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        self.failures, self.pause, self.trying = 0, PAUSE_S, False

    def failed(self) -> None:
        self.failures, self.trying = self.failures + 1, False
        if self.failures >= FAILURES_MAX:
            self.until = self.clock() + self.pause
            self.pause = min(PAUSE_MAX_S, 2 * self.pause)
