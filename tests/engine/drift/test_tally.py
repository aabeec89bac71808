"""What was found is counted, and survives a restart."""

from __future__ import annotations

from engine.control import Rebaseline
from engine.drift.tally import ORDERS_MAX, Counted, Tally
from engine.state import digest


def tallied() -> Tally:
    tally = Tally()
    for n in range(3):
        tally.add("amount", "rank_sr", offset=100 + n, time=1_000 + n, taken=50 + n)
    tally.add("amount", "ks", offset=103, time=1_003, taken=53)
    for n in range(ORDERS_MAX + 5):
        tally.ordered(Rebaseline(signals=("amount",), by="ada", why=str(n)), offset=n, time=n)
    return tally


def test_each_detector_on_its_own() -> None:
    """How many, and the last place."""
    tally = tallied()
    assert tally.counts() == {("amount", "rank_sr"): 3, ("amount", "ks"): 1}
    assert tally.of("amount", "rank_sr") == Counted(3, 102, 1_002, 52)


def test_the_newest_orders() -> None:
    """As many as are remembered, with who and why."""
    orders = tallied().orders
    assert len(orders) == ORDERS_MAX
    assert (orders[-1].why, orders[-1].by, orders[-1].signals) == (str(ORDERS_MAX + 4), "ada", ("amount",))


def test_restored() -> None:
    """What is read again is equal, and a state does not change when the tally goes on."""
    tally, other = tallied(), Tally()
    state = tally.state()
    before = digest(state)
    other.restore(state)
    assert (other.found, other.orders, digest(other.state())) == (tally.found, tally.orders, before)
    tally.add("age", "ks", 1, 1, 1)
    tally.ordered(Rebaseline(), 1, 1)
    assert digest(state) == before
