"""The confidence of a regressor: an interval around each prediction."""

from __future__ import annotations

import struct
from dataclasses import asdict
from typing import Any

from engine.confidence.intervals import Intervals
from engine.confidence.tally import Coverage
from engine.joined import Settlements
from engine.models.scores import Scores

NOTE = struct.Struct("<dd")  # both ends of an interval that waits for its label


class Numbers:
    """Intervals that hold the share of labels which the spec names."""

    def __init__(self, coverage: float, window: int) -> None:
        self.coverage, self.window = coverage, window
        self.intervals, self.tally = Intervals(coverage, window), Coverage()
        self.errors: list[float] = []  # since the last turn

    def apply(self, scores: Scores) -> list[bytes | None]:
        """Give each prediction its interval; return what is to be remembered of it."""
        around = self.intervals.around
        intervals = [None if p is None else around(p) for p in scores.predictions]
        scores.intervals = intervals
        there = [r for r in intervals if r is not None]
        self.tally.regions += len(there)
        for low, high in there:
            self.tally.size += high - low
        return [None if r is None else NOTE.pack(*r) for r in intervals]

    def learn(self, settled: Settlements) -> list[bool | None]:
        """Take labels that came; return whether each lay in its interval, None where there was none."""
        inside: list[bool | None] = []
        for prediction, note, before, label in zip(
            settled.predictions, settled.notes, settled.before, settled.labels, strict=True
        ):
            if prediction is not None:
                self.errors.append(label - prediction)
            if note is None:
                inside.append(None)
                continue
            low, high = NOTE.unpack(note)
            inside.append(low <= label <= high)
            was = None if before is None else low <= before <= high
            self.tally.met(low <= label <= high, was, self.window)
        return inside

    def turn(self) -> None:
        """Learn from the labels since the last turn."""
        if self.errors:
            self.intervals.learn(self.errors)
            self.errors = []

    def report(self) -> dict[str, float | int | None]:
        return self.tally.report(self.coverage)

    def state(self) -> list[Any]:
        return [self.intervals.state(), self.errors, asdict(self.tally)]

    def restore(self, state: list[Any]) -> None:
        intervals, self.errors, tally = state
        self.intervals.restore(intervals)
        self.tally = Coverage(**tally)
