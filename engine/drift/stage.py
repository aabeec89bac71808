"""The walk's stage that watches: what it has goes to the panels, and what they find becomes records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from engine.batch import Output
from engine.columns import Events
from engine.control import Command
from engine.drift.allowances import Lengths, lengths
from engine.drift.columns import Inputs, Outcomes, Split
from engine.drift.detector import Floats
from engine.drift.estimate import NAMES, Estimate
from engine.drift.panel import Found, Panel
from engine.drift.prepare import Options
from engine.drift.rate import RATE_UNKNOWN, Rate
from engine.drift.tally import Tally
from engine.drift.watchers import watchers
from engine.fold import Rows
from engine.joined import Settlements
from engine.metrics.block import Kind as Judged
from engine.models.scores import Scores
from engine.outputs import Origin
from engine.spec import Spec

CLOCKS = ("events", "outcomes")


class Watch:
    """Everything that is watched in one shard.

    Parameters
    ----------
    spec
        The pipeline's spec, with `drift`.
    judged
        What is predicted.
    origin
        What is the same in all outputs of the shard.
    """

    def __init__(self, spec: Spec, judged: Judged, origin: Origin) -> None:
        assert spec.drift is not None
        self.drift, self.origin = spec.drift, origin
        self.inputs, self.outcomes = Inputs(spec, judged), Outcomes(spec, judged)
        self.splits = [Split(spec, self.inputs.signals), Split(spec, self.outcomes.signals)]
        self.sources: list[Inputs | Outcomes] = [self.inputs, self.outcomes]
        self.panels = [self._panel(at) for at in range(len(CLOCKS))]
        self.tally = Tally()
        self.found: list[tuple[Found, int, int, int]] = []  # of the step at hand; panel, offset, time
        estimates = "performance" in self.drift.watch and judged in NAMES
        self.estimate = Estimate(judged) if estimates else None
        self.partitions = spec.partitions
        span = -self.drift.false_alarms.per
        self.rate = Rate(span) if span > 0 else None  # a budget in events needs none
        self._allow()

    def _panel(self, at: int) -> Panel:
        signals = [*self.sources[at].signals, *self.splits[at].named()]
        options = Options(self.drift.dependence, self.drift.warm_up, self.drift.season_ms)
        return Panel(signals, watchers(self.drift, signals), options)

    # -- taking ----------------------------------------------------------------------------------------

    def events(self, events: Events, rows: Rows, scores: Scores) -> None:
        """Take events, with their features and what was predicted."""
        if self.rate is not None:
            self.rate.add(events.times)
        if self.estimate is not None:
            self.estimate.predicted(scores)
        block = self.inputs.block(rows, scores)
        offsets = [events.batch.offsets[i] for i in events.index]
        self._take(0, block, rows.rows, events.index, offsets, events.times)

    def settled(self, settled: Settlements) -> None:
        """Take outcomes; a correction is none of an event of today."""
        if self.estimate is not None:
            self.estimate.settled(settled)
        if any(before is not None for before in settled.before):
            settled = settled.pick([i for i, before in enumerate(settled.before) if before is None])
        if settled:
            block = self.outcomes.block(settled)
            self._take(1, block, settled.rows, settled.index, settled.offsets, settled.times)

    def _take(
        self,
        at: int,
        block: Floats,
        rows: Sequence[tuple[Any, ...]],
        index: Sequence[int],
        offsets: Sequence[int],
        times: Sequence[int],
    ) -> None:
        panel, split = self.panels[at], self.splits[at]
        if len(split):
            block = np.concatenate([block, split.block(rows, block)])
        for found in panel.take(block, index, times):
            offset, time = offsets[found.at], times[found.at]
            self.found.append((found, at, offset, time))
            name = panel.named(found.signal)
            self.tally.add(name, found.watcher, offset, time, panel.taken - found.behind)

    # -- telling ---------------------------------------------------------------------------------------

    def tell(self, out: Output) -> None:
        """What the step at hand found, in the order of its records."""
        found, self.found = self.found, []
        for each, at, offset, time in sorted(found, key=lambda it: (it[0].index, it[1])):
            out.add(*self._record(each, at, offset, time))

    def _record(self, found: Found, at: int, offset: int, time: int) -> tuple[bytes, bytes]:
        panel, alarm = self.panels[at], found.alarm
        name = panel.named(found.signal)
        told = {
            "pipeline": self.origin.pipeline,
            "partition": self.origin.partition,
            "signal": name,
            "detector": found.watcher,
            "statistic": alarm.statistic,
            "threshold": alarm.threshold,
            "offset": offset,
            "event_time": time,
        }
        return f"{name}-{offset}".encode(), msgspec.json.encode(told)

    # -- what time brings about ------------------------------------------------------------------------

    def turn(self, out: Output) -> None:
        """What happens at fixed places: names of segments, thresholds."""
        self.tell(out)
        self._name()
        if self.estimate is not None:
            self.estimate.turn()
        if self.rate is not None:
            self.rate.turn()
        self._allow()

    def _name(self) -> None:
        for panel, source, split in zip(self.panels, self.sources, self.splits, strict=True):
            if len(split) or "correlations" in self.drift.watch:
                panel.signals = [*source.signals, *split.named()]

    def _allow(self, given: list[Lengths] | None = None) -> None:
        rate = RATE_UNKNOWN if self.rate is None else self.rate.per_second
        self.lengths = given or lengths(self.drift, self.partitions, self.panels, rate)
        for panel, each in zip(self.panels, self.lengths, strict=True):
            panel.allow(each)

    def obey(self, command: Command) -> None:
        """Forget what these signals were, or all of them: what comes is what they are compared with."""
        names = command.order.signals
        self.tally.ordered(command.order, command.offset, command.time)
        for panel in self.panels:
            rows = [i for i, each in enumerate(panel.signals) if names is None or each.name in names]
            panel.restart(rows)
        self.inputs.restart(names)

    def names(self) -> list[str]:
        """All signals that are watched."""
        return [signal.name for panel in self.panels for signal in panel.signals if signal.is_there]

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {
            "panels": [panel.state() for panel in self.panels],
            "segments": [split.segments.seats for split in self.splits],
            "inputs": self.inputs.state(),
            "estimate": None if self.estimate is None else self.estimate.state(),
            "rate": None if self.rate is None else self.rate.state(),
            "lengths": self.lengths,
            "tally": self.tally.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        for panel, each in zip(self.panels, state["panels"], strict=True):
            panel.restore(each)
        for split, seats in zip(self.splits, state["segments"], strict=True):
            split.segments.seats = seats
        self.inputs.restore(state["inputs"])
        if self.estimate is not None:
            self.estimate.restore(state["estimate"])
        if self.rate is not None:
            self.rate.restore(state["rate"])
        self.tally.restore(state["tally"])
        self._name()
        self._allow(state["lengths"])
