"""What judged alarms come to in figures, beside those who look at nothing; and what a gate says to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.drift.signals import Signal
from streams.backtest.claims import Claim, Judged, Reach
from streams.backtest.plan import Piece

PHASE = 0.618
"""Of the dummy's even alarms: not half-way, where changes are planted by default."""


class Score(NamedTuple):
    """What a detector came to."""

    planted: int
    found: int
    alarms: int
    false_alarms: int
    delay_mean: float | None  # rows, of those found; 1 is the changed row itself
    delay_median: float | None
    delay_max: int | None
    precision: float | None  # found changes among found changes and false alarms
    recall: float | None
    f1: float | None


def scored(planted: int, delays: Sequence[int], alarms: int, false_alarms: int) -> Score:
    """
    >>> score = scored(2, [10], 5, 1)
    >>> score.recall, score.precision, score.f1, score.delay_mean
    (0.5, 0.5, 0.5, 10)
    """
    found = len(delays)
    precision = found / (found + false_alarms) if found + false_alarms else None
    recall = found / planted if planted else None
    both = None if precision is None or recall is None else precision + recall
    return Score(
        planted,
        found,
        alarms,
        false_alarms,
        mean(delays) if delays else None,
        median(delays) if delays else None,
        max(delays) if delays else None,
        precision,
        recall,
        None if recall is None else 2 * (precision or 0) * recall / both if both else 0.0,
    )


def delays(judged: Sequence[Judged], pieces: Sequence[Piece]) -> dict[int, int]:
    """Of each change that was found, after how many rows."""
    found: dict[int, int] = {}
    for each in judged:
        for piece in each.pieces:
            found.setdefault(piece, each.raised.row - pieces[piece].start + 1)
    return found


def dummies(pieces: Sequence[Piece], claimed: Sequence[Claim], rows: int, alarms: int) -> dict[str, Score]:
    """What those come to who look at nothing, under the same rules: their alarms are of all signals together.

    `always` cries at every row, `never` not at all, and `periodic` as often as the detectors did, evenly.
    """
    count = max(1, min(alarms, rows))
    spaced = ((np.arange(count) + PHASE) * rows / count).astype(np.int64)
    given = {"always": np.arange(rows), "never": np.arange(0), "periodic": spaced}
    return {name: _blind(at, pieces, claimed) for name, at in given.items()}


def _blind(at: npt.NDArray[np.int64], pieces: Sequence[Piece], claimed: Sequence[Claim]) -> Score:
    newest = np.full(len(at), -1)
    for claim in claimed:
        newest[(at >= claim.start) & (at < claim.stop)] = claim.start
    found = []
    for claim in claimed:
        here = at[(newest == claim.start) & (at < claim.stop)]
        if claim.piece >= 0 and len(here):
            found.append(int(here[0]) - claim.start + 1)
    return scored(len(pieces), found, len(at), int((newest < 0).sum()))


class Watched(NamedTuple):
    """What one signal came to."""

    planted: int  # changes of what it shows
    found: int  # of these, by its own alarms
    alarms: int
    false_alarms: int
    delay_mean: float | None


def by_signal(judged: Sequence[Judged], signals: Mapping[str, Signal], reach: Reach) -> dict[str, Watched]:
    """Each signal that raised an alarm, or should have."""
    pieces, told = reach.pieces, {}
    names = dict.fromkeys([*signals, *(each.raised.signal for each in judged)])
    mine: dict[str, list[Judged]] = {}
    for each in judged:
        mine.setdefault(each.raised.signal, []).append(each)
    for name in names:
        own = reach.shown(signals.get(name))
        alarms = mine.get(name, [])
        after = [delay for i, delay in delays(alarms, pieces).items() if i in own]
        if own or alarms:
            false = sum(each.what == "false" for each in alarms)
            told[name] = Watched(len(own), len(after), len(alarms), false, mean(after) if after else None)
    return told


def told_changes(judged: Sequence[Judged], pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """Of each change: what it was, whether it was found, when, and by whom first."""
    found = delays(judged, pieces)
    counted: dict[int, list[Judged]] = {}
    for each in judged:
        for i in each.pieces:
            counted.setdefault(i, []).append(each)
    for i, piece in enumerate(pieces):
        counts = counted.get(i, [])
        first = counts[0].raised if counts else None
        signals: dict[str, int] = {}
        for each in counts:
            signals.setdefault(each.raised.signal, each.raised.row - piece.start + 1)
        waited = None if first is None or piece.time is None else max(0, first.time - piece.time)
        yield {
            "change": piece.change.change,
            "told": piece.change.told,
            "fields": piece.change.fields,
            "start": piece.start,
            "stop": piece.stop,
            "start_time": piece.time,
            "found": first is not None,
            "delay_events": found.get(i),
            "delay_ms": waited,
            "signal": first.signal if first else None,
            "detector": first.detector if first else None,
            "said_start": first.start if first else None,
            "signals": signals,
        }


def refused(
    changes: Sequence[Mapping[str, Any]], false: int, max_delay: int | None, max_false: int | None
) -> str:
    """Why a gate says no, in a sentence; nothing if it does not."""
    reasons = []
    if max_delay is not None:
        at = [f"{each['told']} at row {each['start']:,}" for each in changes]
        missed = [name for name, each in zip(at, changes, strict=True) if not each["found"]]
        slow = [
            f"{name} after {each['delay_events']:,} events"
            for name, each in zip(at, changes, strict=True)
            if each["found"] and each["delay_events"] > max_delay
        ]
        reasons += [f"missed {_few(missed)}"] if missed else []
        reasons += [f"found {_few(slow)}, later than {max_delay:,}"] if slow else []
    if max_false is not None and false > max_false:
        reasons.append(f"{false:,} false alarms, more than {max_false:,}")
    return "; ".join(reasons)


def _few(names: Sequence[str], shown: int = 5) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")
