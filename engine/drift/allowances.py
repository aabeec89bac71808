"""Who may raise how many false alarms: the budget, over the panels of a shard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.drift.budget import Allowed, Share, events_between, run_lengths, shared
from engine.drift.detector import TOGETHER, Floats
from engine.drift.panel import Panel, Watcher
from engine.specdrift import Drift

Lengths = list[tuple[Floats, float]]  # for each watcher of a panel: of its signals, and of all together


class Given(NamedTuple):
    """A part of the budget, and whose it is."""

    panel: int
    watcher: int
    row: int  # of the watcher's signals, or TOGETHER
    share: Share
    allowed: Allowed


def given(drift: Drift, partitions: int, panels: Sequence[Panel], rate: float) -> list[Given]:
    """All parts of the budget.

    Parameters
    ----------
    drift, partitions
        What the spec says.
    panels
        Of one shard.
    rate
        Its events a second.
    """
    who = [(at, *each) for at, panel in enumerate(panels) for each in _shares(panel)]
    events = events_between(drift.false_alarms, partitions, rate)
    parts = shared(events, [share for *_, share in who], partitions)
    return [Given(*each, allowed) for each, allowed in zip(who, parts, strict=True)]


def _shares(panel: Panel) -> Iterator[tuple[int, int, Share]]:
    """Watcher, row and share."""
    per_event = panel.prepare.per_record().tolist()
    for i, watcher in enumerate(panel.watchers):
        for row, signal in enumerate(watcher.rows.tolist() if watcher.each else ()):
            yield i, row, Share(watcher.name, panel.named(signal), watcher.share, per_event[signal])
        if watcher.together:
            yield i, TOGETHER, Share(watcher.name, panel.named(TOGETHER), watcher.share)


def lengths(drift: Drift, partitions: int, panels: Sequence[Panel], rate: float) -> list[Lengths]:
    """For each panel and watcher: how many values may pass between two false alarms; as `given` has it."""
    weights, per_event = list[Floats](), list[Floats]()
    for panel in panels:
        per_record = panel.prepare.per_record()
        for watcher in panel.watchers:
            of_each = per_record[watcher.rows] if watcher.each else np.empty(0)
            per_event += [of_each, np.ones(int(watcher.together))]
            weights.append(np.full(len(of_each) + watcher.together, watcher.share))
    if not weights:
        return [[] for _ in panels]
    events = events_between(drift.false_alarms, partitions, rate)
    *_, values = run_lengths(events, np.concatenate(weights), np.concatenate(per_event))
    parts = iter(np.split(values, np.cumsum([len(each) for each in weights])[:-1]))
    return [[_of(watcher, next(parts)) for watcher in panel.watchers] for panel in panels]


def _of(watcher: Watcher, values: Floats) -> tuple[Floats, float]:
    if not watcher.together:
        return values, math.inf
    return values[:-1], float(values[-1])
