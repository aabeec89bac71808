"""Where each signal stands, as a table for people and as plain data for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import isfinite
from typing import Any

import msgspec

from engine.drift.distance import Distance
from engine.drift.estimate import NAMES
from engine.drift.evidence.record import Start
from engine.drift.standing import Standing, State
from engine.drift.tally import Ordered
from streams.drift.reading import Watched
from streams.drift.records import Told
from streams.records import printable, when

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
NEWER = 5  # signals
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
    told
        The drifts of all shards.
    """

    def __init__(
        self, shard: Watched, names: Collection[str], limit: int | None, told: Sequence[Told] = ()
    ) -> None:
        self.shard, self.starts, self.newer = shard, _starts(shard, told), _newer(shard, told)
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
        return [
            _row(one, far.get(one.signal), self.starts.get((one.signal, one.detector))) for one in self.shown
        ]

    def foot(self) -> list[str]:
        counts = {state: sum(one.state is state for one in self.found) for state in State}
        told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        left = len(self.found) - len(self.shown)
        rest = f"; --all shows the other {left:,}" if left else ""
        lines = [f"{told}{rest}", *self._performance(), *map(_accepted, self.shard.orders[-ORDERS:])]
        if self.newer:
            lines.append(f"found since the snapshot: {', '.join(self.newer[:NEWER])}; `driftline drift list`")
        return lines

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


def described(shard: Watched, names: Collection[str], told: Sequence[Told] = ()) -> dict[str, Any]:
    """One shard, for programs."""
    starts = _starts(shard, told)
    far = shard.distances
    return {
        "partition": shard.partition,
        "saved_ms": shard.made_ms,
        "offset": shard.offset,
        "behind": shard.behind,
        "signals": [
            _told(one, far.get(one.signal), starts.get((one.signal, one.detector)))
            for one in shard.standings
            if one.signal in names
        ],
        "newer": _newer(shard, told),
        "performance": None if shard.watch.estimate is None else shard.watch.estimate.told()._asdict(),
        "orders": [order._asdict() for order in shard.orders],
    }


def _loudest(one: Standing) -> tuple[bool, float]:
    """What drifts first, then what is nearest to its threshold."""
    near = one.statistic / one.threshold if one.threshold > 0 else 0.0
    return one.state is not State.DRIFTING, -near


def _starts(shard: Watched, told: Sequence[Told]) -> dict[tuple[str, str], Start]:
    """Where the newest drift of each signal began, as each detector's record says."""
    found = [each.drift for each in told if each.drift.partition == shard.partition]
    return {(drift.signal, drift.detector): drift.start for drift in found}


def _newer(shard: Watched, told: Sequence[Told]) -> list[str]:
    """The signals that drifted after the snapshot was made."""
    found = [each.drift for each in told if each.drift.partition == shard.partition]
    return list(dict.fromkeys(drift.signal for drift in found if drift.detected.offset >= shard.offset))


def _row(one: Standing, far: Distance | None, start: Start | None) -> list[str]:
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
    if last and start is not None:
        last += f"; since event {start.offset:,}{' or before' if start.bounded else ''}, {when(start.time)}"
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


def _told(one: Standing, far: Distance | None, start: Start | None) -> dict[str, Any]:
    counted = one.counted
    last = None
    if counted is not None:
        since = None if start is None else msgspec.to_builtins(start)
        last = {
            "offset": counted.offset,
            "event_time": counted.time,
            "records_ago": one.ago,
            "since": since,
        }
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
