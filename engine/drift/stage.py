"""The walk's stage that watches: what it has goes to the panels, and what they find becomes records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.columns import Events
from engine.control import Command, Rebaseline
from engine.drift.allowances import Lengths, lengths
from engine.drift.columns import Inputs, Outcomes, Split
from engine.drift.detector import Floats, Ints
from engine.drift.estimate import NAMES, Estimate
from engine.drift.evidence import recorded
from engine.drift.evidence.provenance import from_headers, header_of
from engine.drift.evidence.record import Drift, told_figures
from engine.drift.evidence.reference import Window
from engine.drift.evidence.witness import Witness
from engine.drift.panel import Panel
from engine.drift.prepare import Options
from engine.drift.rate import RATE_UNKNOWN, Rate
from engine.drift.signals import CLOCKS, Kind
from engine.drift.tally import Tally
from engine.drift.watchers import watchers
from engine.errors import SpecError
from engine.fold import Rows
from engine.joined import Settlements
from engine.metrics.block import Kind as Judged
from engine.models.scores import Scores
from engine.nearest import nearest
from engine.outputs import Origin
from engine.reasons import Reason, Unfit
from engine.spec import Spec

VOLATILE = "how far this signal moves comes and goes: it is seen in means of long blocks"
CLASSES = (str(Kind.PREDICTION), str(Kind.LABEL))


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
        self._check_size()
        self.headers = [header_of(*each) for each in self.drift.provenance.items()]
        text = self.drift.reference.sketch
        self.recorded = {} if text is None else recorded.read(text)
        self.panels = [self._panel(at) for at in range(len(CLOCKS))]
        self.known = self._known()
        self.tally = Tally()
        self.witnesses = [self._witness(spec, at) for at in range(len(CLOCKS))]
        self.found: list[tuple[int, int, Drift]] = []  # of the step at hand: record, panel, what is told
        estimates = "performance" in self.drift.watch and judged in NAMES
        self.estimate = Estimate(judged) if estimates else None
        self.partitions = spec.partitions
        span = -self.drift.false_alarms.per
        self.rate = Rate(span) if span > 0 else None  # a budget in events needs none
        self._allow()

    def _check_size(self) -> None:
        pairs = zip(self.sources, self.splits, strict=True)
        count = sum(len(source.signals) + len(split) for source, split in pairs)
        if count > self.drift.signals_max:
            raise SpecError(
                f"drift would watch {count:,} signals, drift.signals_max is {self.drift.signals_max:,}: "
                f"watch less (drift.watch), tell fewer segments apart (drift.segments_max), or allow more"
            )

    def _panel(self, at: int) -> Panel:
        signals = [*self.sources[at].signals, *self.splits[at].named()]
        options = Options(self.drift.dependence, self.drift.warm_up, self.drift.season_ms)
        return Panel(signals, watchers(self.drift, signals), options, self.recorded, CLOCKS[at])

    def _witness(self, spec: Spec, at: int) -> Witness:
        """Who tells of a panel; where a record came from is known of events only, not of their outcomes."""
        names = [] if CLOCKS[at] == "outcomes" else list(self.drift.provenance)
        signals, (reference, drift) = self.panels[at].signals, (self.drift.reference, self.drift)
        return Witness(
            CLOCKS[at],
            self.origin,
            signals,
            Window(reference.window, reference.first),
            self.recorded,
            [*names, *drift.segments],
            drift.recent_max,
            drift.records_max,
        )

    # -- taking ----------------------------------------------------------------------------------------

    def events(self, events: Events, rows: Rows, scores: Scores) -> None:
        """Take events, with their features and what was predicted; none fit, perhaps."""
        if not len(events):
            return
        times = np.array(events.times, np.int64)
        if self.rate is not None:
            self.rate.add(times)
        if self.estimate is not None:
            self.estimate.predicted(scores, events.batch.offsets[events.index[-1]])
        block = self.inputs.block(rows, scores)
        offsets = numbered(events.batch.offsets)
        if len(events) < len(offsets):
            offsets = offsets[events.index]
        origins: list[Sequence[Any]] = []
        if self.headers:
            headers = events.batch.headers
            here = None if headers is None else [headers[i] for i in events.index]
            origins = [*from_headers(here, self.headers, len(events))]
        self._learn_names(0, rows, scores.predictions)
        self._take(0, block, rows.rows, origins, events.index, offsets, times)

    def settled(self, settled: Settlements) -> None:
        """Take outcomes; a correction is none of an event of today."""
        if self.estimate is not None:
            self.estimate.settled(settled)
        if settled.before.count(None) < len(settled):
            settled = settled.pick([i for i, before in enumerate(settled.before) if before is None])
        if settled:
            block = self.outcomes.block(settled)
            self._learn_names(1, None, settled.labels)
            offsets, times = (np.array(each, np.int64) for each in (settled.offsets, settled.times))
            self._take(1, block, settled.rows, [], settled.index, offsets, times)

    def _learn_names(self, at: int, rows: Rows | None, classes: Sequence[Any]) -> None:
        """What the categories are called that numbers stand for."""
        names = self.witnesses[at].names
        for key in names.known:
            if key in CLASSES:
                names.learn(key, classes)
            elif rows is not None:
                column = self.inputs.columns[key]
                names.learn(key, (row[column] for row in rows.rows))

    def _take(
        self,
        at: int,
        block: Floats,
        rows: Sequence[tuple[Any, ...]],
        origins: list[Sequence[Any]],
        index: Sequence[int],
        offsets: Ints,
        times: Ints,
    ) -> None:
        panel, split = self.panels[at], self.splits[at]
        if len(split):
            block = np.concatenate([block, split.block(rows, block)])
            origins = [*origins, *([row[column] for row in rows] for column in split.at)]
        if self._known() != self.known:
            self._name()
        block += 0.0  # there is but one zero
        found = panel.take(block, index, times)
        told = self.witnesses[at].take(block, offsets, times, origins, found)
        for each, (drift, learning) in zip(found, told, strict=True):
            name, place = panel.named(each.signal), (int(offsets[each.at]), int(times[each.at]))
            if not learning:
                self.tally.add(name, each.watcher, *place, panel.taken - each.behind)
            if drift is not None:
                self.found.append((each.index, at, drift))

    # -- telling ---------------------------------------------------------------------------------------

    def told(self) -> Iterator[tuple[int, Drift]]:
        """What the step at hand found, in the order of its records, which come with it."""
        found, self.found = self.found, []
        for index, _, drift in sorted(found, key=lambda it: it[:2]):
            yield index, self._judged(drift)

    def _judged(self, drift: Drift) -> Drift:
        if self.estimate is not None:
            drift.quality = told_figures(self.estimate.told()._asdict())
        return drift

    # -- what time brings about ------------------------------------------------------------------------

    def turn(self) -> list[Drift]:
        """What happens at fixed places: thresholds, and what more is known of drifts, which is returned."""
        again = [*self._again()]
        if self.estimate is not None:
            self.estimate.turn()
        if self.rate is not None:
            self.rate.turn()
        for panel in self.panels:
            panel.turn()
        self._allow()
        return again

    def _again(self) -> Iterator[Drift]:
        for panel, witness in zip(self.panels, self.witnesses, strict=True):
            for drift, row in witness.turn([other for other in self.witnesses if other is not witness]):
                if row is not None and panel.prepare.volatile[row]:
                    drift.warnings.append(VOLATILE)
                if not drift.revision:  # it was not told before
                    at = drift.detected
                    self.tally.add(drift.signal, drift.detector, at.offset, at.time, panel.taken)
                yield self._judged(drift)

    def _known(self) -> tuple[int, ...]:
        """What names depend on. An alarm of a signal comes later than its name is known."""
        return (self.inputs.pairs.pairs is not None, *(split.seen for split in self.splits))

    def _name(self) -> None:
        self.known = self._known()
        parts = (self.panels, self.witnesses, self.sources, self.splits)
        for panel, witness, source, split in zip(*parts, strict=True):
            if len(split) or "correlations" in self.drift.watch:
                panel.signals = [*source.signals, *split.named()]
                witness.name(panel.signals)

    def _allow(self, given: list[Lengths] | None = None) -> None:
        rate = RATE_UNKNOWN if self.rate is None else self.rate.per_second
        self.lengths = given or lengths(self.drift, self.partitions, self.panels, rate)
        for panel, each in zip(self.panels, self.lengths, strict=True):
            panel.allow(each)

    def obey(self, command: Command, order: Rebaseline) -> None:
        """Forget what these signals were, or all of them: what comes is what they are compared with."""
        names, known = order.signals, self.names()
        for name in names or ():
            if name not in known:
                raise Unfit(Reason.UNKNOWN_CONTROL, f'no signal is named "{name}"{nearest(name, known)}')
        self.tally.ordered(order, command.offset, command.time)
        for panel, witness in zip(self.panels, self.witnesses, strict=True):
            rows = [i for i, each in enumerate(panel.signals) if names is None or each.name in names]
            panel.restart(rows)
            witness.restart(rows)
        self.inputs.restart(names)

    def names(self) -> list[str]:
        """All signals that are watched."""
        return [signal.name for panel in self.panels for signal in panel.signals if signal.is_there]

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {
            "panels": [panel.state() for panel in self.panels],
            "witnesses": [witness.state() for witness in self.witnesses],
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
        for witness, told in zip(self.witnesses, state["witnesses"], strict=True):
            witness.restore(told)
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


def numbered(offsets: Sequence[int]) -> Ints:
    """Offsets, which ascend; of records side by side there is nothing to be read but the first.

    >>> numbered([3, 4, 5]), numbered([3, 5])
    (array([3, 4, 5]), array([3, 5]))
    """
    first, count = offsets[0], len(offsets)
    side_by_side = offsets[-1] - first == count - 1
    return np.arange(first, first + count) if side_by_side else np.array(offsets, np.int64)
