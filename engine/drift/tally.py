"""What was found so far, and what people ordered: counted for whoever asks, and never forgotten.

Watching itself does not look at it.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.control import Rebaseline

ORDERS_MAX = 20  # the newest that are remembered


class Counted(NamedTuple):
    """Drifts of a signal that a detector found: how many, and where it found the last one."""

    drifts: int
    offset: int  # of the event
    time: int  # of the event
    taken: int  # how many records its panel had taken


class Ordered(NamedTuple):
    """A reference that was begun anew because somebody said so."""

    offset: int  # on the control topic
    time: int
    signals: tuple[str, ...] | None
    by: str
    why: str


State = tuple[list[tuple[str, str, Counted]], list[Ordered]]


class Tally:
    """Drifts by signal and detector, and the newest orders.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add("amount", "ks", offset=7, time=1000, taken=8)
    >>> tally.add("amount", "ks", offset=9, time=1200, taken=10)
    >>> tally.of("amount", "ks"), tally.of("age", "ks")
    (Counted(drifts=2, offset=9, time=1200, taken=10), None)
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Counted] = {}
        self.orders: list[Ordered] = []

    def add(self, signal: str, detector: str, offset: int, time: int, taken: int) -> None:
        """A drift was found."""
        before = self.found.get((signal, detector))
        drifts = 1 if before is None else before.drifts + 1
        self.found[signal, detector] = Counted(drifts, offset, time, taken)

    def ordered(self, order: Rebaseline, offset: int, time: int) -> None:
        """A reference begins anew."""
        self.orders = [*self.orders, Ordered(offset, time, order.signals, order.by, order.why)][-ORDERS_MAX:]

    def of(self, signal: str, detector: str) -> Counted | None:
        return self.found.get((signal, detector))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many drifts, by signal and detector."""
        return {names: counted.drifts for names, counted in self.found.items()}

    def state(self) -> State:
        """In an order that does not depend on how records were cut into blocks."""
        return [(*names, counted) for names, counted in sorted(self.found.items())], self.orders

    def restore(self, state: State) -> None:
        found, orders = state
        self.found = {(signal, detector): Counted(*counted) for signal, detector, counted in found}
        self.orders = [Ordered(*order) for order in orders]
