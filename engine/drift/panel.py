"""A panel: signals with a common clock, and the detectors that watch them.

What a panel finds is told by record, and does not depend on how the records are cut into blocks. What
time brings about, new thresholds for one, comes at the shard's turns only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.drift.detector import TOGETHER, Alarm, Detector, Floats, Ints
from engine.drift.signals import OF_MODEL, Signal


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm, and where it was raised."""

    index: int  # of the record, in its batch
    at: int  # the column of the block
    behind: int  # how many columns of the block lie behind it
    signal: int  # a row of the panel, or TOGETHER
    watcher: str
    alarm: Alarm


@dataclass(slots=True)
class Watcher:
    """A detector, and the signals of the panel that it watches."""

    name: str
    detector: Detector
    rows: Ints
    whole: bool  # these are all rows of the panel, in order

    def found(self, block: Floats, index: Sequence[int]) -> list[Found]:
        size, rows = block.shape[1], self.rows
        alarms = self.detector.update(block if self.whole else block[rows])
        return [
            Found(
                index[alarm.at],
                alarm.at,
                size - 1 - alarm.at,
                TOGETHER if alarm.signal == TOGETHER else int(rows[alarm.signal]),
                self.name,
                alarm,
            )
            for alarm in alarms
        ]


class Panel:
    """Signals and their watchers.

    Parameters
    ----------
    signals
        What is watched, by row.
    watchers
        By what.
    settling
        How many records a model is given to learn, before what it says is watched.
    """

    def __init__(self, signals: Sequence[Signal], watchers: Sequence[Watcher], settling: int = 0) -> None:
        self.signals, self.watchers, self.settling = list(signals), list(watchers), settling
        self.of_model = [i for i, signal in enumerate(signals) if signal.kind in OF_MODEL]
        self.taken = 0  # records

    def named(self, row: int) -> str:
        """What a signal is called, or all of them."""
        return "together" if row == TOGETHER else self.signals[row].name

    def take(self, block: Floats, index: Sequence[int]) -> list[Found]:
        """Take a block, which is ours from here on; what is found, by record, signal and detector."""
        if (young := self.settling - self.taken) > 0:
            block[self.of_model, :young] = np.nan
        self.taken += block.shape[1]
        found = [each for watcher in self.watchers for each in watcher.found(block, index)]
        return sorted(found, key=lambda each: (each.index, each.signal))

    def allow(self, lengths: Floats, together: float) -> None:
        """So many values may pass between two false alarms of each signal and watcher."""
        for watcher in self.watchers:
            watcher.detector.allow(lengths[watcher.rows], together)

    def restart(self, rows: Sequence[int]) -> None:
        """What these signals were is forgotten."""
        for watcher in self.watchers:
            here = np.isin(watcher.rows, rows).nonzero()[0]
            watcher.detector.restart(here.tolist())

    def state(self) -> list[Any]:
        return [self.taken, [watcher.detector.state() for watcher in self.watchers]]

    def restore(self, state: list[Any]) -> None:
        self.taken, states = state
        for watcher, each in zip(self.watchers, states, strict=True):
            watcher.detector.restore(each)
