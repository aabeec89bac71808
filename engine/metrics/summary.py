"""What is told of one shard's outcomes, or of many shards' together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.metrics import calibration, gaps, rank
from engine.metrics.block import Floats, Kind
from engine.metrics.tally import FAMILIES, Layout, renamed

LIFE, FADING = "life", "fading"
HOUR, DAY = "hour of day", "day of week"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Told = dict[str, float | int | None]


@dataclass(frozen=True)
class Summary:
    """Rows of statistics by window and segment; the segment is empty where all outcomes are meant."""

    layout: Layout
    rows: dict[tuple[str, str], Floats]
    names: tuple[str, ...] = ()  # of the classes, by code
    origin: float = 0.0

    def told(self, window: str = LIFE, segment: str = "") -> Told:
        """Every metric over a window, None while it is not defined."""
        return self.layout.told(self.rows[window, segment])

    def calibration(self, window: str = LIFE) -> list[tuple[float, float, float]]:
        """Each bin of scores: their mean, the share that came true, how many."""
        if calibration not in FAMILIES[self.layout.shape.kind]:
            return []
        return calibration.curve(self.layout.part(calibration, self.rows[window, ""]))

    def roc(self, window: str = LIFE) -> list[tuple[float, float]]:
        """The ROC curve: of the false and of the true, the shares above each score, from the highest down."""
        if rank not in FAMILIES[self.layout.shape.kind]:
            return []
        return rank.curve(self.layout.part(rank, self.rows[window, ""]))

    def windows(self) -> list[str]:
        return [window for window, segment in self.rows if not segment]

    def segments(self, window: str = LIFE) -> list[str]:
        return [segment for within, segment in self.rows if within == window and segment]


@np.errstate(over="ignore", invalid="ignore")
def merged(summaries: Sequence[Summary]) -> Summary:
    """Shards together: their outcomes pooled, each window's with those of the same window elsewhere."""
    first = summaries[0]
    same = [_alike(each, first) for each in summaries]
    rows: dict[tuple[str, str], Floats] = {}
    for each in same:
        for place, row in each.rows.items():
            rows[place] = rows[place] + row if place in rows else row
    return replace(same[-1], rows=rows, origin=first.origin)


def _alike(given: Summary, first: Summary) -> Summary:
    """A summary in the terms of another: its origin, and its order of classes."""
    layout = first.layout
    if layout.shape.kind is Kind.REGRESSION and given.origin != first.origin:
        by = first.origin - given.origin
        return replace(given, rows={place: gaps.recentred(row, by) for place, row in given.rows.items()})
    if layout.shape.kind is Kind.MULTICLASS and given.names != first.names:
        moves = _moves(given.names, first.names)
        rows = {place: renamed(row, layout, moves) for place, row in given.rows.items()}
        return replace(given, rows=rows, names=first.names)
    return given


def _moves(names: Sequence[str], wanted: Sequence[str]) -> dict[int, int]:
    """For each code what it is elsewhere; classes that are not known there are `other`."""
    known, last = {name: code for code, name in reversed(list(enumerate(wanted)))}, len(wanted) - 1
    other = last - 1
    return {code: last if code == last else known.get(name, other) for code, name in enumerate(names)}
