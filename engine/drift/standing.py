"""Where each signal stands: as plain figures, for whoever asks. Nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.drift.tally import Counted

if TYPE_CHECKING:
    from engine.drift.panel import Watcher
    from engine.drift.stage import Watch

TOGETHER = "together"
CLOCKS = ("events", "outcomes")


class State(StrEnum):
    """What can be said of a signal."""

    WARMING = "warming"  # too few values yet: its detector does not judge
    QUIET = "quiet"
    DRIFTING = "drifting"  # a drift was found, and evidence of it is among the newest records still


class Standing(NamedTuple):
    """A signal before one detector."""

    signal: str
    detector: str
    clock: str  # what its values come with: events, or outcomes
    state: State
    statistic: float
    threshold: float  # infinite while it is warming up
    taken: int  # values since the detector began, or began anew
    counted: Counted | None  # what was found so far
    ago: int | None  # how many records came since the last drift


def standings(watch: Watch) -> Iterator[Standing]:
    """Every signal before each of its detectors, in the order of the spec."""
    for clock, panel in zip(CLOCKS, watch.panels, strict=True):
        for watcher in panel.watchers:
            names = [panel.signals[row].name for row in watcher.rows]
            yield from _of_watcher(watch, clock, panel.taken, watcher, names)


def _of_watcher(
    watch: Watch, clock: str, records: int, watcher: Watcher, names: list[str]
) -> Iterator[Standing]:
    levels = watcher.detector.levels()
    columns = (levels.statistic.tolist(), levels.threshold.tolist(), levels.taken.tolist())
    for name, statistic, threshold, taken in zip(names, *columns, strict=True):
        counted = watch.tally.of(name, watcher.name)
        ago = None if counted is None else records - counted.taken
        state = State.QUIET if np.isfinite(threshold) else State.WARMING
        if ago is not None and ago < watch.drift.recent_max:
            state = State.DRIFTING
        yield Standing(name, watcher.name, clock, state, statistic, threshold, taken, counted, ago)
