"""A recorded file with planted changes through the engine: what was found, how soon, and what was false."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.batch import Outputs
from engine.drift.evidence.record import read
from engine.drift.inject.plan import RULES, Planted
from engine.drift.signals import Signal
from engine.errors import SpecError
from engine.spec import Spec
from streams.backtest.claims import HORIZON, Judged, Raised, Reach, claims, judge, made_of
from streams.backtest.plan import Piece, Planting
from streams.backtest.score import Score, Watched, by_signal, delays, dummies, refused, scored, told_changes
from streams.replays.replay import Replay

ALARMS_MAX = 100_000
"""Alarms that are judged, the first ones; those beyond are counted as `alarms_dropped`."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a backtest came to."""

    events: int
    dead_letters: int
    reasons: dict[str, int]  # why there are dead letters
    metrics: dict[str, Any]  # how good predictions were
    horizon: int
    changes: list[dict[str, Any]]
    overall: Score
    signals: dict[str, Watched]
    dummies: dict[str, Score]
    alarms: list[dict[str, Any]]
    alarms_dropped: int
    notes: list[str]  # what makes a change hard to see
    seconds: float
    pieces: list[Piece]
    judged: list[Judged]

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        left_out = ("pieces", "judged")
        told = {name: getattr(self, name) for name in self.__slots__ if name not in left_out}
        for name in ("signals", "dummies"):
            told[name] = {key: value._asdict() for key, value in told[name].items()}
        return told | {"overall": self.overall._asdict()}

    def refused(self, max_delay: int | None, max_false_alarms: int | None) -> str:
        """Why a gate says no, in a sentence; nothing if it does not."""
        false = self.overall.false_alarms + self.alarms_dropped
        return refused(self.changes, false, max_delay, max_false_alarms)


class Backtest:
    """Replays a file, and judges the alarms.

    Parameters
    ----------
    spec
        The pipeline's, with `drift`.
    events, labels
        Names of files, see `rows.read`.
    planted
        What is planted; None: alarms are only told.
    horizon
        Rows behind a change in which an alarm counts for it.
    """

    def __init__(
        self,
        spec: Spec,
        events: str,
        labels: str | None = None,
        planted: Planted | None = None,
        horizon: int = HORIZON,
    ) -> None:
        if spec.drift is None:
            raise SpecError(
                "the spec watches nothing, so there is nothing to test; write `drift: {}` into it, "
                "or give --set drift={}"
            )
        self.spec, self.horizon = spec, horizon
        self.planting = None if planted is None else Planting(spec, planted, events, labels)
        self.replay = Replay(spec, events, labels, planting=self.planting)
        self.raised: list[Raised] = []
        self.dropped = 0

    def run(self) -> Iterator[int]:
        """Walk everything, batch by batch; how many events are done."""
        for outputs in self.replay.run():
            self._note(outputs)
            yield self.replay.shard.events

    def _note(self, outputs: Outputs) -> None:
        """Where alarms come with events, the event is where they are; labels come behind some event."""
        come = len(outputs.predictions) > 0
        for value in outputs.drifts.values:
            told = raised(value or b"")
            if told is None:
                continue
            if not come:
                row = max(told.offset, self.replay.shard.events - 1)
                told = told._replace(row=row, time=max(told.time, self.replay.time))
            if len(self.raised) < ALARMS_MAX:
                self.raised.append(told)
            else:
                self.dropped += 1

    def result(self, seconds: float) -> Result:
        pieces = [] if self.planting is None else self.planting.pieces()
        rows, signals, reach = self.replay.shard.events, self._signals(), Reach(self.spec, pieces)
        claimed = claims(pieces, rows, self.horizon)
        judged = judge(self.raised, signals, reach, claimed)
        false = sum(each.what == "false" for each in judged)
        report = self.replay.report(seconds)
        return Result(
            events=rows,
            dead_letters=report.dead_letters,
            reasons=report.reasons,
            metrics=dict(report.metrics),
            horizon=self.horizon,
            changes=list(told_changes(judged, pieces)),
            overall=scored(len(pieces), list(delays(judged, pieces).values()), len(judged), false),
            signals=by_signal(judged, signals, reach),
            dummies=dummies(pieces, claimed, rows, len(judged)),
            alarms=[each.raised._asdict() | {"what": each.what, "changes": each.pieces} for each in judged],
            alarms_dropped=self.dropped,
            notes=list(self._notes()),
            seconds=round(seconds, 3),
            pieces=pieces,
            judged=judged,
        )

    def _signals(self) -> dict[str, Signal]:
        watch = self.replay.shard.watch
        assert watch is not None
        return {signal.name: signal for panel in watch.panels for signal in panel.signals}

    def _notes(self) -> Iterator[str]:
        """What somebody should know who wonders why a change is not found."""
        if self.planting is None or self.spec.drift is None:
            return
        fields, made = self.spec.events.fields, made_of(self.spec)
        seen = set().union(*(made[name] for name in self.spec.feature_names))
        for change in self.planting.planted.changes:
            for name in change.fields:
                if name not in seen:
                    yield f"no feature is made of {name}, so nothing can show that it changed"
                elif change.change == "missing" and fields[name].required and fields[name].default is None:
                    yield f"{name} is required: an event in which it is missing becomes a dead letter"
                elif change.to is not None and change.to not in (fields[name].one_of or (change.to,)):
                    yield f"{change.to!r} is none of {name}'s one_of: such an event becomes a dead letter"
            if RULES[change.change].fields[1] and "features" not in self.spec.drift.watch:
                yield "drift.watch has no features, so only their effect can be seen"


def run(backtest: Backtest) -> Result:
    """Walk everything, and judge it."""
    began = time.monotonic()
    for _ in backtest.run():
        pass
    return backtest.result(time.monotonic() - began)


def raised(value: bytes) -> Raised | None:
    """The alarm that a drift record tells of; None for a revision, which comes when more is known."""
    told = read(value)
    if told.revision:
        return None
    offset, figures = told.detected.offset, (told.statistic, told.threshold)
    return Raised(told.signal, told.detector, offset, offset, told.detected.time, *figures, told.start.offset)
