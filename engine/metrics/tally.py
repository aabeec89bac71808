"""Statistics of outcomes, by group, from which every metric of a kind can be told.

All that is kept of an outcome is added to a row of numbers. Rows can be added up, over groups and over
shards, and what was added can be taken away again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from engine.errors import SpecError
from engine.metrics import calibration, classes, gaps, loss, rank
from engine.metrics.block import Block, Floats, Ints, Kind, Shape

Measure = Callable[[Floats, Shape], float | None]

# The families that judge a kind, in the order in which their statistics lie in a row.
FAMILIES: dict[Kind, tuple[ModuleType, ...]] = {
    Kind.BINARY: (classes, loss, calibration, rank),
    Kind.MULTICLASS: (classes, loss, calibration),
    Kind.REGRESSION: (gaps,),
    Kind.ANOMALY: (rank,),
}
SMALL = 2  # so many families are kept where there are many groups


def measures(kind: Kind) -> dict[str, Measure]:
    """The metrics of a kind by name.

    >>> list(measures(Kind.REGRESSION))
    ['mae', 'rmse', 'r2', 'mape']
    """
    return {name: each for family in FAMILIES[kind] for name, each in family.MEASURES.items()}


def check_names(kind: Kind, names: Sequence[str]) -> None:
    """Refuse metrics that there are, but not for this kind of model."""
    known = ["labelled", *measures(kind)]
    for name in names:
        if name not in known:
            raise SpecError(
                f"metrics.outcomes: {name} is not told of a {kind.value} model; it has {', '.join(known)}"
            )


@dataclass(frozen=True)
class Layout:
    """Where each family's statistics lie in a row."""

    shape: Shape
    only: ModuleType | None = None
    """One family, where its statistics are all that is wanted."""

    @property
    def families(self) -> tuple[ModuleType, ...]:
        return FAMILIES[self.shape.kind] if self.only is None else (self.only,)

    @cached_property
    def places(self) -> dict[str, slice]:
        found, start = {}, 0
        for family in self.families:
            stop = start + family.size(self.shape)
            found[family.__name__] = slice(start, stop)
            start = stop
        return found

    @property
    def size(self) -> int:
        return int(list(self.places.values())[-1].stop)

    @property
    def small(self) -> int:
        """The statistics of the first families only."""
        return int(list(self.places.values())[:SMALL][-1].stop)

    def cells(self, block: Block, most: int | None = None) -> list[tuple[int, Ints | int, Floats | float]]:
        """What a block adds, up to so many statistics of a row: where a family begins, and its cells."""
        found = []
        for family in self.families:
            start = self.places[family.__name__].start
            if most is None or start < most:
                found += [(start, index, amount) for index, amount in family.cells(block, self.shape)]
        return found

    def part(self, family: ModuleType, row: Floats) -> Floats:
        return row[self.places[family.__name__]]

    def row(self, block: Block) -> Floats:
        """The statistics of a block."""
        tally = Tally(self, 1)
        tally.add(block)
        return tally.row()

    def labelled(self, row: Floats) -> float:
        """How many outcomes a row tells of."""
        family = self.families[0]
        n: float = family.labelled(self.part(family, row), self.shape)
        return n

    @np.errstate(over="ignore", invalid="ignore")
    def told(self, row: Floats) -> dict[str, float | int | None]:
        """Every metric of a row; None where it is not defined."""
        n = self.labelled(row)
        out: dict[str, float | int | None] = {"labelled": int(n) if n == int(n) else n}
        for family in self.families:
            part = self.part(family, row)
            for name, measure in family.MEASURES.items():
                out[name] = measure(part, self.shape) if n else None
        return out


def _pile(row: Floats, index: Ints | int, amount: Floats | float, sign: float = 1.0) -> None:
    """Add the cells of a family to its statistics in one row."""
    if isinstance(index, int):
        row[index] += sign * (amount.sum() if isinstance(amount, np.ndarray) else amount)
        return
    weights = amount if isinstance(amount, np.ndarray) else None
    found = np.bincount(index, weights) * (sign if weights is not None else sign * amount)
    row[: len(found)] += found


Column = TypeVar("Column", Floats, Ints)


def _fit(column: Column, index: Ints | int, amount: Floats | float, block: Block) -> Column:
    """A column of a block for the outcomes of a cell: a family may leave out those without a score."""
    if block.scored is block or max(np.size(index), np.size(amount)) == len(block):
        return column
    return column[~np.isnan(block.score)]


class Tally:
    """Rows of statistics, one a group."""

    def __init__(self, layout: Layout, groups: int, size: int | None = None) -> None:
        self.layout, self.size = layout, size or layout.size
        self.rows = np.zeros((groups, self.size))

    def add(self, block: Block, group: Ints | int = 0, sign: float = 1.0) -> None:
        """Count a block; with a sign of -1 take it away again."""
        cells = self.layout.cells(block, self.size)
        if isinstance(group, int):
            for start, index, amount in cells:
                _pile(self.rows[group, start:], index, amount, sign)
            return
        flat, base = self.rows.reshape(-1), group * self.size
        for start, index, amount in cells:
            at = _fit(base, index, amount, block) + start
            np.add.at(flat, at + index, amount if sign == 1 else sign * amount)

    def fade(self, block: Block, keep: float) -> None:
        """Count a block, each outcome making all before it weigh `keep` times as much."""
        n = len(block)
        self.rows *= keep**n
        weights: Floats = np.power(keep, np.arange(n - 1, -1, -1, dtype=np.float64))
        for start, index, amount in self.layout.cells(block, self.size):
            _pile(self.rows[0, start:], index, amount * _fit(weights, index, amount, block))

    def state(self) -> Floats:
        return self.rows.copy()

    def restore(self, state: Floats) -> None:
        self.rows = np.array(state)

    def row(self, group: int | slice | list[int] = 0) -> Floats:
        """The row of a group, or of some together, at full length."""
        found = self.rows[group]
        row = np.zeros(self.layout.size)
        row[: self.size] = found if found.ndim == 1 else found.sum(axis=0)
        return row


def renamed(row: Floats, layout: Layout, moves: Mapping[int, int]) -> Floats:
    """A row with the statistics of classes moved to other codes."""
    place, k = layout.places[classes.__name__], layout.shape.classes
    part, out = row[place], row.copy()
    new: Any = np.zeros_like(part)
    new[3 * k] = part[3 * k]
    for old, to in moves.items():
        new[[to, k + to, 2 * k + to]] += part[[old, k + old, 2 * k + old]]
    out[place] = new
    return out
