"""Where each signal stands: as plain figures, for whoever asks. Nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from math import inf, nan
from typing import TYPE_CHECKING, NamedTuple

from engine.drift.detector import TOGETHER
from engine.drift.prepare import Told
from engine.drift.signals import CLOCKS
from engine.drift.tally import Counted

if TYPE_CHECKING:
    from engine.drift.panel import Panel, Watcher
    from engine.drift.stage import Watch

SLOTS_MIN = 0.5  # of its season's slots: with fewer a signal is hardly watched
SETTLED = Told(wanted=0, tau=nan, size=1, slots=1.0, volatile=False)


class State(StrEnum):
    """What can be said of a signal."""

    WARMING = "warming"  # too few values yet: it is not judged
    QUIET = "quiet"
    DRIFTING = "drifting"  # a drift was found, and the newest records still hold evidence of it


class Standing(NamedTuple):
    """A signal before one detector."""

    signal: str
    detector: str
    clock: str  # what its values come with: events, or outcomes
    state: State
    statistic: float
    threshold: float  # infinite while it is warming up
    taken: int  # values since the detector began, or began anew
    told: Told  # how it resembles itself, and how many values are still wanted
    counted: Counted | None  # what was found so far
    ago: int | None  # how many records came since the last drift


def standings(watch: Watch) -> Iterator[Standing]:
    """Every signal before each of its detectors, in the order of the spec."""
    for clock, panel in zip(CLOCKS, watch.panels, strict=True):
        for watcher in panel.watchers:
            yield from _of_watcher(watch, clock, panel, watcher)


def _of_watcher(watch: Watch, clock: str, panel: Panel, watcher: Watcher) -> Iterator[Standing]:
    for name, told, statistic, threshold, taken in _levels(watch, panel, watcher):
        counted = watch.tally.of(name, watcher.name)
        ago = None if counted is None else panel.taken - counted.taken
        state = State.WARMING if told.wanted or told.slots < SLOTS_MIN or threshold == inf else State.QUIET
        if ago is not None and ago < watch.drift.recent_max:
            state = State.DRIFTING
        figures = (statistic, threshold, taken)
        yield Standing(name, watcher.name, clock, state, *figures, told, counted, ago)


def _levels(watch: Watch, panel: Panel, watcher: Watcher) -> Iterator[tuple[str, Told, float, float, int]]:
    """Name, what is known of its dependence, statistic, threshold, values taken."""
    levels, told = watcher.detector.levels(), panel.prepare.told()
    columns = (levels.statistic.tolist(), levels.threshold.tolist(), levels.taken.tolist())
    if not watcher.each:
        yield panel.named(TOGETHER), SETTLED, *(column[0] for column in columns)
        return
    for row, *found in zip(watcher.rows.tolist(), *columns, strict=True):
        if panel.signals[row].is_there:
            yield panel.signals[row].name, told[row], *found
    everything = panel.named(TOGETHER)
    if watcher.together and watch.tally.of(everything, watcher.name) is not None:
        yield everything, SETTLED, nan, nan, panel.taken  # nobody says how near they all are to an alarm
