"""A case: since when a signal is not what it was, and what it was.

A detector says how many values ago it thinks the change began. That is taken as a hint, since it was made to
be quick: the start is looked for among twice as many values, where the sum of the marks (`marks.py`) is
largest, and rather near the hint.

How far the start is off at the moment of the alarm, of 16 streams each with `rank_sr` at a run length of
100,000: the median and nine tenths; and the same of the detector's own word.

| change | found after | start off by | the detector's |
|---|---|---|---|
| mean + .5 sigma | 72 | 15, 32 | 9, 41 |
| mean + 1 sigma | 27 | 6.5, 28 | 6, 32 |
| variance x 2 | 64 | 6.5, 30 | 4.5, 27 |
| two humps, same mean and variance | 58 | 1, 3 | 4, 46 |
| exponential - 1 | 90 | 8.5, 22 | 6.5, 60 |
| a constant | 18 | 0, 12 | 15.5, 56 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.drift.detector import Alarm
from engine.drift.evidence.lots import Lots
from engine.drift.evidence.marks import marks, start
from engine.drift.evidence.provenance import Groups
from engine.drift.evidence.ranking import ranked_rows
from engine.drift.evidence.recent import View
from engine.drift.evidence.reference import Reference, References, made
from engine.drift.signals import Signal
from engine.outputs import Origin

WIDER = 2  # the start is looked for among so many times the values that the detector says,
MORE = 64  # and so many more


@dataclass(frozen=True, slots=True)
class Panel:
    """What is known of a panel at the moment of an alarm."""

    clock: str  # events or outcomes
    origin: Origin
    signals: Sequence[Signal]
    references: References
    groups: Sequence[Groups]
    names: Callable[[Signal], Mapping[float, str]]  # of categories
    taken: int  # records, up to the alarm's
    lots: Lots


@dataclass(frozen=True, slots=True)
class Case:
    """A change of one signal: where it began, and what the signal was before."""

    detector: str
    alarm: Alarm
    together: bool  # it was found in all signals; `row` is the one that shows it best
    row: int
    column: int  # of the view: the first record of the change
    bounded: bool
    reference: Reference
    window: str


def opened(panel: Panel, view: View, detector: str, alarm: Alarm, row: int | None, back: int) -> Case:
    """Find out when a change began, and what is to be compared with what.

    `row` is None where the alarm is of all signals; `back` is how many of its values ago the detector says
    that it began, 0 if it does not know.
    """
    if row is None and len(alarm.rows) > 1:  # none of them shows it by itself
        _, case = _opened(panel, view, detector, alarm, alarm.rows[0], back, together=True)
        return replace(case, column=max(0, len(view) - back), bounded=back > len(view))
    rows = [row] if row is not None else list(alarm.rows)
    rows = rows or ranked_rows(view, len(view) - back, panel.lots, panel.taken)
    best: tuple[float, Case] | None = None
    for each in rows:
        clear, case = _opened(panel, view, detector, alarm, each, back, together=row is None)
        if best is None or clear > best[0]:
            best = clear, case
    assert best is not None
    return best[1]


def _opened(
    panel: Panel, view: View, detector: str, alarm: Alarm, row: int, back: int, together: bool
) -> tuple[float, Case]:
    references = panel.references
    reference = references.at(row, back, "" if together else detector)
    window = references.name(row)
    least = 0 if reference is not None else max(0, len(view) - references.remembered(row))
    columns = least + np.flatnonzero(~np.isnan(view.values[row, least:]))
    values = view.values[row, columns]
    first = max(0, len(values) - (WIDER * back + MORE)) if back else 0
    of = made(values, panel.signals[row].categories) if reference is None else reference
    begin, clear, is_open = 0, 0.0, True
    if len(values) and of.n:
        known = None if reference is None else reference.n
        begin, clear, is_open = start(marks(values, of.values), known, first, back)
    if reference is None:
        reference = made(values[:begin], panel.signals[row].categories)
        window = f"the {begin:,} before"
    column = int(columns[begin]) if len(values) else max(0, len(view) - 1)
    bounded = is_open or back > len(values)
    return clear, Case(detector, alarm, together, row, column, bounded, reference, window)
