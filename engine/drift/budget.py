"""Sharing out the false alarms that are bearable over everything that is watched.

A part is what one detector may raise on one signal, or on all signals together. The parts are equal, but
for the shares that a spec gives to detectors, and they sum to what the pipeline may raise: false alarms
add up whatever signals have to do with each other.

A budget in events needs no more than that: each shard sees its share of the events and has its share of
the alarms. A budget in time is one in events at the rate at which a shard's events come (`rate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import RUN_LENGTH_MIN, Floats
from engine.drift.prepare import Told
from engine.specdrift import FalseAlarms

RUN_LENGTH_MAX = 1e15  # a longer one is never waited for, and thresholds stay numbers


class Share(NamedTuple):
    """What asks for a part of the budget."""

    detector: str
    signal: str  # its name, or "together"
    weight: float = 1.0
    per_event: float = 1.0  # how many values of it, as the detector sees them, come with an event


class Allowed(NamedTuple):
    """The part that it is given."""

    part: float  # of all false alarms that the pipeline may raise
    events: float  # of the shard, between two false alarms of this part
    values: float  # the same in values, as the detector sees them: its run length


def events_between(asked: FalseAlarms, partitions: int, rate: float) -> float:
    """How many of a shard's events there are between two of its false alarms.

    Parameters
    ----------
    asked
        What the spec says.
    partitions
        How many shards share it.
    rate
        The shard's events a second; it matters where the budget is in time.

    Examples
    --------
    >>> events_between(FalseAlarms(at_most=2, per=100_000), 4, 1.0)
    50000.0
    >>> events_between(FalseAlarms(at_most=1, per="10d"), 4, 1.0) == 4 * 10 * 86_400
    True
    """
    if asked.per > 0:  # in events, of which a shard has its share, as of the alarms
        return asked.per / asked.at_most
    return rate * -asked.per / 1_000 * partitions / asked.at_most


def run_lengths(events: float, weights: Floats, per_event: Floats) -> tuple[Floats, Floats, Floats]:
    """Parts of a shard's budget by their weights: each part, and its run length in events and in values."""
    parts = weights / weights.sum()
    each = np.clip(events / parts, RUN_LENGTH_MIN, RUN_LENGTH_MAX)
    return parts, each, np.clip(each * per_event, RUN_LENGTH_MIN, RUN_LENGTH_MAX)


def shared(events: float, shares: Sequence[Share], partitions: int) -> list[Allowed]:
    """Share out a shard's false alarms, one in so many events.

    Examples
    --------
    >>> shares = [Share("rank_sr", "amount"), Share("rank_sr", "together"), Share("ks", "amount", 2.0, 0.5)]
    >>> [(each.part, each.values) for each in shared(10_000.0, shares, 1)]
    [(0.25, 40000.0), (0.25, 40000.0), (0.5, 10000.0)]
    """
    weights, per_event = np.array([(share.weight, share.per_event) for share in shares]).T
    parts, each, values = run_lengths(events, weights, per_event)
    columns = ((parts / partitions).tolist(), each.tolist(), values.tolist())
    return list(map(Allowed, *columns))


def explained(
    share: Share, allowed: Allowed, threshold: float, guarantee: str, rate: float, assumes: Sequence[str]
) -> dict[str, Any]:
    """A line of `explain-budget`, as plain values.

    >>> line = explained(Share("ks", "amount"), Allowed(0.5, 7_200.0, 7_200.0), 0.31, "tabulated", 2.0, [])
    >>> line["part"], line["run_length_events"], line["run_length_seconds"], line["threshold"]
    (0.5, 7200, 3600, 0.31)
    """
    return {
        "detector": share.detector,
        "signal": share.signal,
        "part": round(allowed.part, 9),
        "run_length_events": round(allowed.events),
        "run_length_seconds": round(allowed.events / rate),
        "run_length_values": round(allowed.values),
        "threshold": threshold,
        "guarantee": guarantee,
        "assumes": list(assumes),
    }


def assumed(told: Told, dependence: str) -> list[str]:
    """What the budget of a signal rests on, besides its detector's guarantee.

    >>> assumed(Told(0, 3.1, 13, 1.0, False), "auto")
    ['blocks of 13 values are independent: its correlation time is 3.1 values']
    >>> assumed(Told(412, float("nan"), 1, 1.0, False), "auto")
    ['nothing yet: it is not judged before 412 more values came']
    """
    if told.wanted:
        return [f"nothing yet: it is not judged before {told.wanted} more values came"]
    if dependence == "none":
        found = ["values are independent: the spec says dependence: none"]
    elif told.size > 1:
        found = [
            f"blocks of {told.size} values are independent: its correlation time is {told.tau:.1f} values"
        ]
    else:
        found = [f"values are independent: its correlation time is {told.tau:.2f} values"]
    if told.slots < 1.0:
        found.append(f"{told.slots:.0%} of its season's slots are judged: the others lack values")
    if told.volatile:
        found.append("quiet and restless times alternate, which blocks have to outlast")
    return found
