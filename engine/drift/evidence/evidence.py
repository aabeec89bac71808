"""Evidence of a drift: since when, what kind of change, how large, in which signals, from where.

It is made of a view of the latest records and of references, when there is an alarm and never else. Nothing
that came after the alarm's record is looked at. A p-value is told as it is for a start that was given:
since it was looked for, it is smaller than it should be. The statistic and its threshold keep the promise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.drift.detector import Floats, Ints
from engine.drift.evidence import change, effects, record
from engine.drift.evidence.case import Case, Panel
from engine.drift.evidence.counts import Counts
from engine.drift.evidence.marks import marks, ranks
from engine.drift.evidence.provenance import Split, carried, suspect
from engine.drift.evidence.ranking import top
from engine.drift.evidence.recent import View
from engine.drift.evidence.record import (
    Before,
    Change,
    Drift,
    Now,
    Place,
    Start,
    digits,
    told_figures,
    told_number,
)
from engine.drift.evidence.reference import Reference, made
from engine.drift.signals import Kind, Signal, together

TOGETHER = "together"
OFF_CENTRE = 0.95  # a value is unusual that lies beyond this share of the reference


def evidence(panel: Panel, view: View, case: Case) -> Drift:
    """All that can be told of a change; the view ends with the alarm's record, or later for a revision."""
    signal, row = panel.signals[case.row], case.row
    columns = np.flatnonzero(~np.isnan(view.values[row]))
    begin = int(np.searchsorted(columns, case.column))
    values = view.values[row, columns]
    now, reference = np.sort(values[begin:]), case.reference
    told = change.compared(signal.kind, reference, now)
    split = _split(panel, view, case, values, begin)
    groups = _groups(panel, view, case, split, columns, values)
    since = {each.by: len(now) for each in panel.groups}
    name, segment = (together(panel.clock), "") if case.together else (signal.name, signal.segment)
    origin = panel.origin
    return Drift(
        fingerprint=record.fingerprint(origin.pipeline, origin.partition, name, case.detector, segment),
        pipeline=origin.pipeline,
        partition=origin.partition,
        model=origin.model,
        version=origin.version,
        panel=panel.clock,
        signal=name,
        kind=TOGETHER if case.together else str(signal.kind),
        feature="" if case.together else signal.feature,
        segment=segment,
        detector=case.detector,
        statistic=told_number(case.alarm.statistic),
        threshold=told_number(case.alarm.threshold),
        p_value=told_number(told.p_value),
        effect_size=told_number(told.effect_size),
        effect=told.effect,
        effects=told_figures(told.effects),
        change=told.change,
        direction=told.direction,
        changes=_changes(view, case, told, signal),
        detected=Place(int(view.offsets[-1]), int(view.times[-1])),
        start=_start(view, case),
        shows=_shows(view, columns[begin:], values[begin:], reference, told),
        reference=Before(case.window, reference.n, told_figures(reference.told())),
        current=_current(view, case, now, isinstance(reference.values, Counts)),
        histogram=None if isinstance(reference.values, Counts) else _rounded(reference, now),
        categories=_categories(panel, signal, reference, now),
        top_features=top(
            panel.signals, panel.references, view, case.column, panel.lots, {case.row: case.reference}
        ),
        groups=groups,
        suspected_cause=suspect(groups, since) if split is not None and split.is_clear else None,
    )


def _start(view: View, case: Case) -> Start:
    at = case.column
    return Start(int(view.offsets[at]), int(view.times[at]), len(view) - at, case.bounded)


def _current(view: View, case: Case, now: Floats, categories: bool) -> Now:
    part = view.cut(case.column)
    told = made(now, categories)
    told.asked = len(part)
    first, last = int(part.offsets[0]), int(part.offsets[-1])
    times = int(part.times[0]), int(part.times[-1])
    return Now(f"{len(part):,} records", len(now), first, last, *times, told_figures(told.told()))


def _changes(view: View, case: Case, told: change.Compared, signal: Signal) -> list[Change]:
    """The change itself, and what else is not as before."""
    found = [Change(told.change, told.before, told.now, told.effect_size)]
    since = view.values[case.row, case.column :]
    if signal.kind in (Kind.VALUE, Kind.CATEGORY) and not signal.segment:
        there = int((~np.isnan(since)).sum())
        found.append(change.missing(case.reference, len(since), there))  # type: ignore[arg-type]
    found.append(change.rate(view.times[: case.column], view.times[case.column :]))  # type: ignore[arg-type]
    return [
        Change(each.kind, told_number(each.before), told_number(each.now), told_number(each.effect))
        for each in found
        if each is not None
    ]


def _shows(
    view: View, columns: Ints, values: Floats, reference: Reference, told: change.Compared
) -> Place | None:
    """The first record since the start with a value that was unusual before, in that direction."""
    if not reference.n or not len(values):
        return None
    if isinstance(reference.values, Counts):
        before, now, known = effects.shares(reference.values, values)
        grown = now[:-1] > before[:-1]
        unusual = np.isin(values, np.array(known)[grown])
    else:
        rank = ranks(values, reference.values)
        up, down = rank >= OFF_CENTRE, rank <= 1 - OFF_CENTRE
        unusual = {"up": up, "down": down}.get(told.direction, up | down)
        if told.change == "spread":
            unusual = up | down
    at = np.flatnonzero(unusual)
    column = int(columns[at[0]]) if len(at) else int(columns[0])
    return Place(int(view.offsets[column]), int(view.times[column]))


def _rounded(reference: Reference, now: Floats) -> record.Histogram | None:
    assert not isinstance(reference.values, Counts)
    found = change.histogram(reference.values, now)
    if found is None:
        return None
    return record.Histogram(
        *([digits(x) for x in part] for part in (found.edges, found.reference, found.current))
    )


def _categories(panel: Panel, signal: Signal, reference: Reference, now: Floats) -> list[record.Category]:
    if not isinstance(reference.values, Counts):
        return []
    found = change.categories(reference.values, now, panel.names(signal))
    return [record.Category(c.category, digits(c.before), digits(c.now), c.new) for c in found]


# -- from where ------------------------------------------------------------------------------------------


def _split(panel: Panel, view: View, case: Case, values: Floats, begin: int) -> Split | None:
    if not case.reference.n or begin == len(values):
        return None
    number = panel.taken - len(view) + case.column
    return Split(marks(values, case.reference.values), begin, number)


def _groups(
    panel: Panel, view: View, case: Case, split: Split | None, columns: Ints, values: Floats
) -> list[record.Group]:
    """The groups of each kind that carry most of the change."""
    if split is None:
        return []
    effect = _effect_of(case.reference, values, split.start)
    found = []
    for groups, codes in zip(panel.groups, view.groups, strict=True):
        for group in carried(groups, codes[columns], split, effect):
            group.share, group.effect = digits(group.share), told_number(group.effect)
            found.append(group)
    return found


def _effect_of(reference: Reference, values: Floats, start: int) -> Callable[[Floats], float | None]:
    """How much the values of a group changed: by their ranks, against its own before, if it had any."""
    if isinstance(reference.values, Counts):
        return lambda _: None
    delta = 2 * ranks(values, reference.values) - 1

    def effect(here: Floats) -> float | None:
        before, since = delta[:start][here[:start] > 0], delta[start:][here[start:] > 0]
        if not len(since):
            return None
        return float(since.mean() - (before.mean() if len(before) else 0.0))

    return effect
