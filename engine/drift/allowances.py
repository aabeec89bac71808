"""Who may raise how many false alarms: the budget, over the panels of a shard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.drift.budget import Allowed, Share, events_between, shared
from engine.drift.detector import TOGETHER, Floats
from engine.drift.panel import Panel
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
    for i, watcher in enumerate(panel.watchers):
        for row, signal in enumerate(watcher.rows.tolist()):
            name, size = panel.named(signal), int(panel.prepare.sizes[signal])
            yield i, row, Share(watcher.name, name, watcher.share, 1 / size)
        if watcher.together:
            yield i, TOGETHER, Share(watcher.name, panel.named(TOGETHER), watcher.share)


def lengths(drift: Drift, partitions: int, panels: Sequence[Panel], rate: float) -> list[Lengths]:
    """For each panel and watcher: how many values may pass between two false alarms."""
    found: list[Lengths] = [[(np.ones(len(w.rows)), math.inf) for w in panel.watchers] for panel in panels]
    for each in given(drift, partitions, panels, rate):
        rows, _ = found[each.panel][each.watcher]
        if each.row == TOGETHER:
            found[each.panel][each.watcher] = rows, each.allowed.values
        else:
            rows[each.row] = each.allowed.values
    return found
