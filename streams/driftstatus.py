"""Where each signal stands, as a table for people and as plain data for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from engine.drift.distance import Distance
from engine.drift.estimate import NAMES
from engine.drift.standing import Standing, State
from engine.drift.tally import Ordered
from streams.drifting import Watched
from streams.records import printable

COLUMNS = [
    "signal",
    "detector",
    "state",
    "statistic",
    "threshold",
    "distance",
    "block",
    "drifts",
    "last drift",
]
NAME_WIDTH = 60  # characters
ORDERS = 3  # the newest, that a person is shown


class Page:
    """One shard, for people.

    Parameters
    ----------
    shard
        What is watched.
    names
        The signals to show.
    limit
        How many at most, those first that are nearest to an alarm; None: all, in their own order.
    """

    def __init__(self, shard: Watched, names: Collection[str], limit: int | None) -> None:
        self.shard = shard
        self.found = [one for one in shard.standings if one.signal in names]
        many = limit is not None and len(self.found) > limit
        self.shown = sorted(self.found, key=_loudest)[:limit] if many else self.found

    def head(self) -> str:
        shard = self.shard
        if shard.made_ms is None:
            return f"partition {shard.partition}: no snapshot yet; this is what will be watched"
        return (
            f"partition {shard.partition}, as of event {shard.offset:,}, saved {when(shard.made_ms)}; "
            f"{shard.behind:,} events since"
        )

    def rows(self) -> list[list[str]]:
        far = self.shard.distances
        return [_row(one, far.get(one.signal)) for one in self.shown]

    def foot(self) -> list[str]:
        counts = {state: sum(one.state is state for one in self.found) for state in State}
        told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        left = len(self.found) - len(self.shown)
        rest = f"; --all shows the other {left:,}" if left else ""
        return [f"{told}{rest}", *self._performance(), *map(_accepted, self.shard.orders[-ORDERS:])]

    def _performance(self) -> Iterator[str]:
        """How good predictions are expected to be."""
        if (estimate := self.shard.watch.estimate) is None:
            return
        told, name = estimate.told(), NAMES[estimate.kind]
        if told.estimated is None:
            yield f"{name}: too few labels to estimate it"
            return
        realised = "no label so far" if told.realised is None else f"{told.realised:.4g} by their labels"
        yield (
            f"{name}: {told.estimated:.4g} estimated for the latest {told.n:,} predictions "
            f"({told.low:.4g} to {told.high:.4g}); of the latest that have labels, {realised}"
        )
        if told.apart:
            yield "labels that came say otherwise than was expected: what is to be predicted has changed"


def described(shard: Watched, names: Collection[str]) -> dict[str, Any]:
    """One shard, for programs."""
    far = shard.distances
    return {
        "partition": shard.partition,
        "saved_ms": shard.made_ms,
        "offset": shard.offset,
        "behind": shard.behind,
        "signals": [_told(one, far.get(one.signal)) for one in shard.standings if one.signal in names],
        "performance": None if shard.watch.estimate is None else shard.watch.estimate.told()._asdict(),
        "orders": [order._asdict() for order in shard.orders],
    }


def when(ms: int) -> str:
    """A time as people read it.

    >>> when(1_769_590_800_000)
    '2026-01-28 09:00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _loudest(one: Standing) -> tuple[bool, float]:
    """What drifts first, then what is nearest to its threshold."""
    near = one.statistic / one.threshold if one.threshold > 0 else 0.0
    return one.state is not State.DRIFTING, -near


def _row(one: Standing, far: Distance | None) -> list[str]:
    state = str(one.state)
    if one.state is State.WARMING:
        state += (
            f", {one.told.wanted:,} values to come" if one.told.wanted else f", {one.taken:,} values so far"
        )
    if one.told.slots < 1.0:
        state += f", {one.told.slots:.0%} of its season known"
    if one.told.volatile:
        state += ", volatile"
    block = f"{one.told.size:,} values" if one.told.size > 1 else ""
    last = "" if one.counted is None else f"event {one.counted.offset:,}, {one.ago:,} records ago"
    drifts = "" if one.counted is None else f"{one.counted.drifts:,}"
    distance = "" if far is None else f"{far.value:.4g} {far.measure}"
    statistic, threshold = _figure(one.statistic), _figure(one.threshold)
    return [
        printable(one.signal, NAME_WIDTH),
        one.detector,
        state,
        statistic,
        threshold,
        distance,
        block,
        drifts,
        last,
    ]


def _figure(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else ""


def _accepted(order: Ordered) -> str:
    what = "all signals" if order.signals is None else ", ".join(order.signals)
    return f"{when(order.time)} {order.by or 'somebody'} accepted {what}: {order.why or 'no reason given'}"


def _told(one: Standing, far: Distance | None) -> dict[str, Any]:
    counted = one.counted
    last = None
    if counted is not None:
        last = {"offset": counted.offset, "event_time": counted.time, "records_ago": one.ago}
    return {
        "signal": one.signal,
        "detector": one.detector,
        "clock": one.clock,
        "state": one.state,
        "statistic": one.statistic if isfinite(one.statistic) else None,
        "threshold": one.threshold if isfinite(one.threshold) else None,
        "distance": None
        if far is None
        else {"measure": far.measure, "value": far.value, "values": far.values},
        "taken": one.taken,
        "wanted": one.told.wanted,
        "correlation_time": one.told.tau if isfinite(one.told.tau) else None,
        "block": one.told.size,
        "slots_ready": one.told.slots,
        "volatile": one.told.volatile,
        "drifts": 0 if counted is None else counted.drifts,
        "last": last,
    }
