"""A panel: signals with a common clock, and the detectors that watch them.

What a panel finds is told by record, and does not depend on how the records are cut into blocks. What
time brings about, new thresholds for one, comes at the shard's turns only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.drift.detector import TOGETHER, Alarm, Detector, Floats, Ints, Seeded
from engine.drift.evidence.reference import Reference
from engine.drift.prepare import Options, Part, Prepare
from engine.drift.signals import OF_MODEL, Signal, together


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm, and where it was raised."""

    index: int  # of the record, in its batch
    at: int  # the column of the block
    behind: int  # how many columns of the block lie behind it
    signal: int  # a row of the panel, or TOGETHER
    watcher: str
    alarm: Alarm
    back: int  # how many of the signal's values ago the change began; 0 if nobody knows


@dataclass(slots=True)
class Watcher:
    """A detector, and the signals of the panel that it watches."""

    name: str
    share: float  # of the budget, beside the others'
    each: bool  # whether it watches each of its signals; if not, it is given records as they are
    together: bool  # whether it speaks for all its signals, too
    detector: Detector
    rows: Ints

    def found(self, part: Part) -> Iterator[tuple[int, int, str, Alarm]]:
        """Column, row of the panel or TOGETHER, own name, and the alarm itself."""
        rows, first, count = self.rows, int(self.rows[0]), len(self.rows)
        side_by_side = int(rows[-1]) - first == count - 1  # these need not be copied
        block = part.block[first : first + count] if side_by_side else part.block[rows]
        for alarm in self.detector.update(block):
            row = TOGETHER if alarm.signal == TOGETHER else int(rows[alarm.signal])
            shown = alarm._replace(rows=tuple(int(rows[each]) for each in alarm.rows))
            yield int(part.columns[alarm.at]), row, self.name, shown


class Panel:
    """Signals and their watchers.

    Parameters
    ----------
    signals
        What is watched, by row.
    watchers
        By what.
    options
        How signals are prepared. A model is given `warm_up` records to learn, before what it says is watched.
    recorded
        By a signal's name, what it was before: detectors that can begin with that.
    clock
        events or outcomes.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        watchers: Sequence[Watcher],
        options: Options,
        recorded: Mapping[str, Reference] | None = None,
        clock: str = "events",
    ) -> None:
        recorded = recorded or {}
        self.signals, self.watchers, self.settling = list(signals), list(watchers), options.warm_up
        self.prepare = Prepare(signals, options)
        self.of_model = [i for i, signal in enumerate(signals) if signal.kind in OF_MODEL]
        self.taken = 0  # records
        self.clock = clock
        self.moved: set[int] = set()  # signals of which alarms were raised since the last turn
        self.seeds = {row: recorded[each.name] for row, each in enumerate(signals) if each.name in recorded}
        if options.dependence == "none":
            self._seed([*self.seeds])

    def _seed(self, rows: Sequence[int]) -> None:
        """Let detectors begin with what was recorded; of signals seen in blocks nothing was."""
        for row in rows:
            found = self.seeds.pop(row, None)
            if found is None or self.prepare.sizes[row] > 1:
                continue
            for watcher in self.watchers:
                if isinstance(watcher.detector, Seeded) and row in watcher.rows:
                    watcher.detector.seed(int((watcher.rows == row).argmax()), *found.points())

    def named(self, row: int) -> str:
        """What a signal is called, or all of them."""
        return together(self.clock) if row == TOGETHER else self.signals[row].name

    def take(self, block: Floats, index: Sequence[int], times: Ints) -> list[Found]:
        """Take a block, which is ours from here on, and the times of its records; what is found, by record,
        signal and detector."""
        if (young := self.settling - self.taken) > 0:
            block[self.of_model, :young] = np.nan
        size = block.shape[1]
        self.taken += size
        found = list[Found]()
        for watcher, part in self._parts(block, times):
            for at, row, name, alarm in watcher.found(part):
                each = Found(index[at], at, size - 1 - at, row, name, alarm, self._back(part, row, alarm))
                found.append(each)
        self.moved.update(each.signal for each in found if each.signal != TOGETHER)
        return sorted(found, key=lambda each: (each.index, each.signal))

    def _parts(self, block: Floats, times: Ints) -> Iterator[tuple[Watcher, Part]]:
        """What each watcher is given, in order."""
        prepared = self.prepare.apply(block, times)
        for held in prepared.held:
            self._seed(held.rows.tolist())
        for part in prepared.parts():
            yield from ((watcher, part) for watcher in self.watchers if watcher.each)
        whole = Part(prepared.records, np.arange(block.shape[1]))
        yield from ((watcher, whole) for watcher in self.watchers if not watcher.each)

    def _back(self, part: Part, row: int, alarm: Alarm) -> int:
        """How many values ago a change began; of values that were held back nobody can tell."""
        if len(part.columns) > 1 and part.columns[0] == part.columns[-1]:
            return 0
        return alarm.back * (1 if row == TOGETHER else int(self.prepare.sizes[row]))

    def allow(self, lengths: Sequence[tuple[Floats, float]]) -> None:
        """For each watcher: so many values may pass between two false alarms of each of its signals."""
        for watcher, (each, whole) in zip(self.watchers, lengths, strict=True):
            watcher.detector.allow(each, whole)

    def turn(self) -> None:
        """Let what moved be compared with how its days are now: those before would raise alarms for weeks."""
        moved, self.moved = sorted(self.moved), set()
        if moved and self.prepare.season is not None:
            self._begin_anew(moved, [watcher for watcher in self.watchers if watcher.each])
            self.prepare.anew(moved)

    def restart(self, rows: Sequence[int]) -> None:
        """What these signals were is forgotten."""
        self._begin_anew(rows, self.watchers)
        self.prepare.restart(rows)
        for row in rows:
            self.seeds.pop(row, None)

    def _begin_anew(self, rows: Sequence[int], watchers: Sequence[Watcher]) -> None:
        for watcher in watchers:
            here = np.isin(watcher.rows, rows).nonzero()[0]
            watcher.detector.restart(here.tolist())

    def state(self) -> list[Any]:
        seeds = list(self.seeds)
        return [
            self.taken,
            sorted(self.moved),
            seeds,
            self.prepare.state(),
            [watcher.detector.state() for watcher in self.watchers],
        ]

    def restore(self, state: list[Any]) -> None:
        self.taken, moved, seeds, prepared, states = state
        self.moved = set(moved)
        self.seeds = {row: self.seeds[row] for row in seeds}
        self.prepare.restore(prepared)
        for watcher, each in zip(self.watchers, states, strict=True):
            watcher.detector.restore(each)
