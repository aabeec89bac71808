"""The witness of a panel: it remembers what evidence needs, and tells of what detectors find.

It is given each block with what was found in it. References are brought up to the record of an alarm before
the alarm is told, and no further, so that nothing depends on how records are cut into blocks.

A drift is told at once. When more records came, at a turn, it is told again, with the cause: what that takes
is kept until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine.drift.correlation import note
from engine.drift.detector import TOGETHER, Floats, Ints
from engine.drift.evidence import cause, pair
from engine.drift.evidence.case import Case, Panel, opened
from engine.drift.evidence.evidence import evidence
from engine.drift.evidence.lots import Lots
from engine.drift.evidence.names import Names
from engine.drift.evidence.pending import Pending, packed, unpacked
from engine.drift.evidence.provenance import Groups
from engine.drift.evidence.ranking import top
from engine.drift.evidence.recent import RECORDS, Recent
from engine.drift.evidence.record import Drift, Feature, Place, Start
from engine.drift.evidence.reference import Reference, References, Window
from engine.drift.learning import is_learning
from engine.drift.panel import Found
from engine.drift.signals import Signal
from engine.outputs import Origin

MORE = 200  # records since an alarm that are waited for before it is told again
PENDING_MAX = 64  # drifts that are to be told again; the oldest make room, and keep what was told at first
AT_ONCE = 16  # drifts that are looked at again at one turn
PATIENCE = 16 * 1024  # records after which nothing more is waited for
FIRST = Window()
Answers = dict[int, tuple[dict[str, float], list[Feature]]]
"""By the time of a start: what moved since then, and in which signals."""

TOLD_MAX = 100  # drifts of a panel that are told between two turns


class Told(NamedTuple):
    """What is told of an alarm."""

    drift: Drift | None  # None: there is too much to tell, or it was
    learning: bool  # of the model, and nothing else


class Witness:
    """Remembers the records of a panel.

    Parameters
    ----------
    clock
        events or outcomes.
    origin
        What is the same in all outputs of the shard.
    signals
        Of the panel, by row.
    window
        What references are made of.
    recorded
        References from elsewhere, by the names of their signals.
    by
        In which ways it is told where records come from.
    records
        How many are remembered.
    told_max
        Drifts that are told between two turns; more are only counted.
    """

    def __init__(
        self,
        clock: str,
        origin: Origin,
        signals: Sequence[Signal],
        window: Window = FIRST,
        recorded: Mapping[str, Reference] | None = None,
        by: Sequence[str] = (),
        records: int = RECORDS,
        told_max: int = TOLD_MAX,
    ) -> None:
        self.clock, self.origin, self.signals, self.told_max = clock, origin, list(signals), told_max
        self.recent = Recent(len(signals), len(by), records)
        self.references = References(signals, window, recorded)
        self.lots = Lots([row for row, signal in enumerate(signals) if not signal.segment])
        self.groups = [Groups(name, self.recent.records) for name in by]
        self.names = Names(sorted({named(signal) for signal in signals if signal.categories}))
        self.pending: list[Pending] = []
        self.told = self.dropped = 0  # since the last turn
        self.learned = 0  # changes that were a model's learning

    def take(
        self,
        block: Floats,
        offsets: Ints,
        times: Ints,
        origins: Sequence[Sequence[Any]],
        found: Sequence[Found],
    ) -> list[Told]:
        """Take a block, and tell of what was found in it.

        `origins` has a column for each way in which records are told apart.
        """
        size = block.shape[1]
        pairs, places = zip(self.groups, origins, strict=True), offsets.tolist() if self.groups else []
        codes = [groups.codes(column, places) for groups, column in pairs]
        self.recent.add(block, offsets, times, np.array(codes, np.int64).reshape(len(codes), size))
        told: dict[int, Told] = {}
        for i in sorted(range(len(found)), key=lambda i: found[i].at):
            self.references.reach(block, found[i].at + 1)
            told[i] = self._tell(found[i], size - found[i].at - 1)
        self.references.add(block)
        return [told[i] for i in range(len(found))]

    def _panel(self) -> Panel:
        return Panel(
            self.clock,
            self.origin,
            self.signals,
            self.references,
            self.groups,
            lambda signal: self.names.of(named(signal)),
            self.references.records,
            self.lots,
        )

    def _tell(self, found: Found, behind: int) -> Told:
        row = None if found.signal == TOGETHER else found.signal
        drift, learning = None, False
        if self.told < self.told_max:
            panel, view = self._panel(), self.recent.view(behind)
            with np.errstate(all="ignore"):
                alarm = found.alarm._replace(at=0)  # a column of the block: nothing that is kept
                case = opened(panel, view, found.watcher, alarm, row, found.back)
                drift = evidence(panel, view, case)
                pair.tell(drift, self.signals, view, case)
            drift.dropped = self.dropped
            verdict = row is not None and self._is_learning(row, drift)
            if verdict:
                self.learned += 1
            else:
                self.told += verdict is False
                self._remember(
                    case, drift, panel.taken, panel.taken - len(view) + case.column, verdict is None
                )
            drift, learning = (drift, False) if verdict is False else (None, True)
        else:
            self.dropped += 1
        if row is not None:
            self.references.restart([row], found.watcher)
        return Told(drift, learning)

    def _is_learning(self, row: int, drift: Drift) -> bool | None:
        return is_learning(self.signals[row], drift.effects, drift.reference.n, drift.current.n)

    def _remember(self, case: Case, drift: Drift, taken: int, number: int, late: bool) -> None:
        begin, detected = (list(msgspec.structs.astuple(part)) for part in (drift.start, drift.detected))
        self.pending = [*self.pending, Pending(case, number, taken - 1, begin, detected, late)][-PENDING_MAX:]

    def name(self, signals: Sequence[Signal]) -> None:
        """What the signals are called from here on."""
        self.signals = list(signals)
        self.references.signals = self.signals

    def restart(self, rows: Sequence[int]) -> None:
        """Forget what these signals were, because somebody said so."""
        self.references.restart(rows)
        self.pending = [each for each in self.pending if each.case.row not in set(rows)]

    # -- what is told again ----------------------------------------------------------------------------

    def turn(self, others: Sequence[Witness]) -> list[tuple[Drift, int | None]]:
        """What is known by now of drifts that were told before, each with its row.

        `others` are the other panels' witnesses.
        """
        self.told = self.dropped = 0
        found, kept = list[tuple[Drift, int | None]](), list[Pending]()
        looked, later = self.pending[:AT_ONCE], self.pending[AT_ONCE:]
        answers = {witness.clock: witness.answers(looked) for witness in (self, *others)}
        for each in looked:
            waited = self.references.records - each.alarmed
            new = _learn(each, answers)
            is_last = len(each.moved) == 1 + len(others) or waited >= PATIENCE
            if (waited >= MORE and not each.revised) or (new and is_last) or (is_last and not each.revised):
                row = None if each.case.together else each.case.row
                drift = self._revised(each)
                if not drift.revision and row is not None and self._is_learning(row, drift) is not False:
                    self.learned += 1
                    continue
                found.append((drift, row))
            if not (is_last and each.revised):
                kept.append(each)
        self.pending = later + kept
        return found

    def answers(self, asked: Sequence[Pending]) -> Answers:
        """What moved in this panel since some drifts began, and in which signals, by the time of the start.

        Left out are drifts of which that is known, and those with too few records since.
        """
        view = self.recent.view()
        times = {each.start[1] for each in asked if self.clock not in each.moved}
        columns = {time: column for time in times if (column := cause.column_of(view, time)) is not None}
        with np.errstate(all="ignore"):
            moved = cause.moved(self.signals, view, columns.values())
            found = {column: top(self.signals, self.references, view, column, self.lots) for column in moved}
        return {time: (moved[column], found[column]) for time, column in columns.items()}

    def _revised(self, each: Pending) -> Drift:
        panel, view = self._panel(), self.recent.view()
        column = max(0, each.number - (panel.taken - len(view)))
        with np.errstate(all="ignore"):
            case = replace(each.case, column=min(column, len(view) - 1))
            drift = evidence(panel, view, case)
            pair.tell(drift, self.signals, view, case)
        each.revised += 1
        drift.revision = each.revised - each.late
        drift.start, drift.detected = Start(*each.start), Place(*each.detected)
        moved = {part: p for of in each.moved.values() for part, p in of.items()}
        elsewhere = [features for clock, features in each.top.items() if clock != self.clock]
        drift.top_elsewhere = [Feature(*feature) for features in elsewhere for feature in features]
        drift.moved = sorted(part for part, p in moved.items() if p < cause.MOVED)
        drift.cause = cause.cause(moved) if moved else None
        also = note(self.signals[each.case.row], {feature.signal for feature in drift.top_features})
        drift.warnings += [also] if also else []
        return drift

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {
            "recent": self.recent.state(),
            "references": self.references.state(),
            "groups": [groups.state() for groups in self.groups],
            "names": self.names.state(),
            "pending": [packed(each) for each in self.pending],
            "told": [self.told, self.dropped, self.learned],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.recent.restore(state["recent"])
        self.lots.known.clear()
        self.references.restore(state["references"])
        for groups, each in zip(self.groups, state["groups"], strict=True):
            groups.restore(each)
        self.names.restore(state["names"])
        self.pending = [unpacked(each) for each in state["pending"]]
        self.told, self.dropped, self.learned = state["told"]


def _learn(each: Pending, answers: Mapping[str, Answers]) -> bool:
    """Take what is known by now of a drift, in every panel; whether something is new."""
    new = {clock: of[each.start[1]] for clock, of in answers.items() if each.start[1] in of}
    new = {clock: answer for clock, answer in new.items() if clock not in each.moved}
    for clock, (moved, features) in new.items():
        each.moved[clock] = dict(moved)
        each.top[clock] = [list(msgspec.structs.astuple(feature)) for feature in features]
    return bool(new)


def named(signal: Signal) -> str:
    """Under what the names of a signal's categories are kept."""
    return signal.feature or str(signal.kind)
