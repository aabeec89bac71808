"""What alarms are worth, beside changes of which one knows.

An alarm counts for a change if it is raised within the horizon behind the change's first row, by a signal
that the change reaches:

- a changed field itself: a feature made of it, whether it is missing, a correlation with it, a segment by it;
- if it is no signal of its own, what the change reaches through the model or all features together.

Of several changes it counts for the newest. An alarm within the horizon behind a change's end says that
something is as it was before; it is neither found nor false. All others are false alarms, those of other
features too: nothing was done to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.drift.signals import Kind, Signal
from engine.spec import Spec
from engine.specfeatures import Feature
from streams.backtest.plan import Piece

HORIZON = 2_000
"""Rows behind a change, and behind the rows in which it comes about, in which an alarm counts for it."""
OF_LABELS = frozenset({Kind.LABEL, Kind.ERROR, Kind.CALIBRATION})
OF_FEATURES = frozenset(
    {Kind.VALUE, Kind.CATEGORY, Kind.MISSING, Kind.OUTSIDE, Kind.UNSEEN, Kind.CORRELATION, Kind.LABEL}
)
"""What the model has no part in."""


class Raised(NamedTuple):
    """An alarm, as its drift record tells it."""

    signal: str
    detector: str
    offset: int  # of the event about which it was raised
    row: int  # the newest event that was taken by then: a label comes late
    time: int  # the event time by then, in milliseconds
    statistic: float | None
    threshold: float | None
    start: int | None = None  # where it says that the change began


class Claim(NamedTuple):
    """Rows in which alarms count for a change, or for its end."""

    piece: int  # -1: its end
    start: int
    stop: int
    change: int  # by which it is known what is reached


class Judged(NamedTuple):
    """What an alarm counts for."""

    raised: Raised
    what: str  # found, again, ended or false
    pieces: tuple[int, ...]


def made_of(spec: Spec) -> dict[str, frozenset[str]]:
    """Of each feature the fields that it is made of."""
    found: dict[str, frozenset[str]] = {name: frozenset({name}) for name in spec.events.fields}
    made = dict(found)
    for entry in spec.features:
        if isinstance(entry, Feature):
            known = made if entry.make else found
            names = (*entry.keys, *entry.sources)
            made[entry.name] = frozenset[str]().union(*(known.get(name, frozenset()) for name in names))
    return made


class Reach:
    """Which signals a change reaches."""

    def __init__(self, spec: Spec, pieces: Sequence[Piece]) -> None:
        self.made = made_of(spec)
        self.targets = {
            entry.name for entry in spec.features if isinstance(entry, Feature) and entry.make == "target"
        }
        self.pieces = pieces
        self.changes = [
            (piece, {i for i, other in enumerate(pieces) if other.change is piece.change})
            for piece in {id(piece.change): piece for piece in pieces}.values()
        ]

    def direct(self, signal: Signal | None, piece: Piece) -> bool:
        """Whether it is the changed thing that the signal shows."""
        if signal is None:
            return False
        if piece.change.change == "label_flip":
            return signal.kind in OF_LABELS or signal.feature in self.targets
        return not self._fields(signal).isdisjoint(piece.change.fields)

    def shown(self, signal: Signal | None) -> set[int]:
        """The pieces that the signal is to show: that values are missing has a signal of its own."""
        if signal is None:
            return set()
        gone = signal.kind is Kind.MISSING
        found = (
            own
            for piece, own in self.changes
            if (piece.change.change == "missing") == gone and self.direct(signal, piece)
        )
        return set().union(*found)

    def through(self, signal: Signal | None, piece: Piece) -> bool:
        """Whether a change reaches the signal by way of the model, or all of them together."""
        return signal is None or signal.kind not in OF_FEATURES

    def _fields(self, signal: Signal) -> set[str]:
        names = [signal.feature, signal.segment.partition("=")[0]]
        if signal.kind is Kind.CORRELATION:
            parts = signal.feature.split("*")
            names += ["*".join(parts[:i]) for i in range(1, len(parts))]
            names += ["*".join(parts[i:]) for i in range(1, len(parts))]
        return set().union(*(self.made.get(name, frozenset()) for name in names if name))


def claims(pieces: Sequence[Piece], rows: int, horizon: int) -> list[Claim]:
    """Where alarms count, in the order of their beginning."""
    found = []
    for i, piece in enumerate(pieces):
        stop = min(rows, piece.start + piece.change.over + horizon)
        found.append(Claim(i, piece.start, stop, i))
        if piece.stop < rows:
            found.append(Claim(-1, piece.stop, min(rows, piece.stop + horizon), i))
    return sorted(found, key=lambda claim: claim.start)


def judge(
    alarms: Sequence[Raised],
    signals: Mapping[str, Signal],
    reach: Reach,
    claimed: Sequence[Claim],
) -> list[Judged]:
    """What each alarm counts for, in the order of their rows.

    Parameters
    ----------
    alarms
        What was raised.
    signals
        What is behind the names; a name that is not there stands for all signals together.
    reach, claimed
        What changes reach, and where.
    """
    found: list[Judged] = []
    seen: set[int] = set()
    starts, stops = np.array([[claim.start, claim.stop] for claim in claimed]).reshape(-1, 2).T
    for raised in sorted(alarms, key=lambda each: (each.row, each.offset)):
        opened = ((starts <= raised.offset) & (raised.offset < stops)).nonzero()[0].tolist()
        here = _newest(signals.get(raised.signal), reach, [claimed[i] for i in opened])
        pieces = tuple(claim.piece for claim in here if claim.piece >= 0)
        new = [piece for piece in pieces if piece not in seen]
        what = ("found" if new else "again") if pieces else "ended" if here else "false"
        seen.update(new)
        found.append(Judged(raised, what, pieces))
    return found


def _newest(signal: Signal | None, reach: Reach, opened: Sequence[Claim]) -> list[Claim]:
    """Those of the claims at hand that an alarm of this signal counts for."""
    for test in (reach.direct, reach.through):
        here = [claim for claim in opened if test(signal, reach.pieces[claim.change])]
        if here:
            newest = max(claim.start for claim in here)
            return [claim for claim in here if claim.start == newest]
    return []
