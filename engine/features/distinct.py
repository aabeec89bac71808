"""How many different values a window holds: exact up to `limits.distinct_max`, else estimated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.features.kernels import NEVER, Flags, Floats, Ints
from engine.features.moment import Column, Moment, Span
from engine.features.sketches import MADE, RANK_MAX, REGISTERS
from engine.features.slots import Arena, longer
from engine.specfeatures import Feature

PANES = 8  # of a sliding window

POWERS = np.array([0.5**rank for rank in range(RANK_MAX + 1)])
LINEAR = np.array([0.0, *(REGISTERS * math.log(REGISTERS / empty) for empty in range(1, REGISTERS + 1))])


class Distinct:
    """The different values of one field, by key, in the windows of one length.

    Parameters
    ----------
    features
        Those with this field and window: with the event itself, and without it.
    span
        Which windows these are.
    distinct_max
        Values of one key that are remembered one by one.
    """

    def __init__(self, features: Sequence[Feature], span: Span, distinct_max: int) -> None:
        self.features, self.span, self.source = features, span, features[0].source or ""
        self.lists = Arena(distinct_max, 0)
        self.width = span.over if span.tumbling else -(-span.over // PANES)
        held = span.lateness_max // self.width + (2 if span.tumbling else PANES + 3)
        self.gone, self.sketch = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.spare = np.array([-1, 0], np.int64)
        self.panes = np.zeros((1, held), np.int64)
        self.cells = np.zeros((1, held, REGISTERS), np.uint8)
        self.own = np.zeros(REGISTERS, np.uint8)

    def reserve(self, slots: int) -> None:
        self.lists.reserve(slots)
        self.gone, self.sketch = longer(self.gone, slots, NEVER), longer(self.sketch, slots, -1)

    def run(self, at: Moment) -> list[Floats]:
        hashes, known = hashed(at.read[self.source])
        kept = [any(f.own is own for f in self.features) for own in (False, True)]
        without, with_own = (np.full(len(at) if some else 0, np.nan) for some in kept)
        borders, lists, done = self.span.borders(at), self.lists, 0
        while done < len(at):
            done = at.call(
                "walk_values", done, at.slots, at.fresh, at.late, *borders, hashes, known,
                int(self.span.tumbling), self.width, lists.most, *lists.arrays, self.gone, self.sketch,
                self.spare, self.panes, self.cells, POWERS, LINEAR, self.own, without, with_own,
            )  # fmt: skip
            if done < len(at):
                lists.grow()
                self._sketches(int(self.spare[MADE]) + 1)
        return [with_own if f.own else without for f in self.features]

    def _sketches(self, number: int) -> None:
        self.panes, self.cells = longer(self.panes, number), longer(self.cells, number)

    def state(self, slots: int) -> list[Any]:
        by_slot = [self.gone[:slots].copy(), self.sketch[:slots].copy()]
        sketches = [array[: self.spare[MADE]].copy() for array in (self.panes, self.cells)]
        return [self.lists.state(slots), by_slot, sketches, self.spare.copy()]

    def one(self, slot: int) -> list[Any]:
        at, made = int(self.sketch[slot]), int(self.sketch[slot] >= 0)
        by_slot = [self.gone[slot : slot + 1].copy(), np.full(1, made - 1, np.int64)]
        sketches = [array[at : at + made].copy() for array in (self.panes, self.cells)]
        return [self.lists.one(slot), by_slot, sketches, np.array([-1, made], np.int64)]

    def restore(self, state: list[Any]) -> None:
        lists, (self.gone, self.sketch), (panes, cells), self.spare = state
        self.lists.restore(lists)
        self._sketches(len(panes) + 1)
        self.panes[: len(panes)], self.cells[: len(panes)] = panes, cells


def hashed(column: Column) -> tuple[Ints, Flags]:
    """A hash of each value that is the same in every process, and which values are there.

    >>> hashed(["a", None, "a"])[0].tolist() == hashed(["a", "b", "a"])[0].tolist()
    False
    """
    known = np.array([value is not None for value in column], np.uint8)
    if any(isinstance(value, str) for value in column):
        seeds = np.array([0 if v is None else crc32(v.encode()) for v in column], np.uint64)
    else:
        seeds = np.array([0.0 if v is None else v + 0.0 for v in column], np.float64).view(np.uint64)
    return mixed(seeds).view(np.int64), known


def mixed(seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Let every bit of a hash depend on every bit of what it is made of (Stafford 2011, variant 13)."""
    x = seeds.copy()
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x
