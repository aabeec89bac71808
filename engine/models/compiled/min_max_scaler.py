"""MinMaxScaler: running extremes. They keep the kind of the value that set them, as in River."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.models.compiled.block import BOOL, FLOAT, INT, Block, Bytes, Floats, Ints, Ragged, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.step import Transformer, Unsupported, exact

LOW, HIGH = 0, 1  # rows of `extremes` and `extreme_kinds`
KINDS: dict[int, Any] = {FLOAT: float, INT: int, BOOL: bool}


@kernel
def scaled(x: float, low: float, high: float) -> float:
    d = high - low
    return (x - low) / d if d != 0.0 else 0.0


@kernel
def scale(
    ops: Bytes,
    starts: Ints,
    ids: Ints,
    layouts: Ints,
    values: Floats,
    learn_layouts: Ints,
    learn_values: Floats,
    kinds: Bytes,
    before: Floats,
    after: Floats,
    extremes: Floats,
    extreme_kinds: Bytes,
    ranks: Ints,
    known: Ints,
) -> None:
    """Scale each row before and after learning from it."""
    p, q = 0, 0
    for i in range(ops.size):
        for k in range(starts[layouts[i]], starts[layouts[i] + 1]):
            if ops[i] & 1:
                f = ids[k]
                if ranks[f] < 0:
                    ranks[f] = known[0]
                    known[0] += 1
                before[p] = scaled(values[p], extremes[LOW, f], extremes[HIGH, f])
            p += 1
        for k in range(starts[learn_layouts[i]], starts[learn_layouts[i] + 1]):
            if ops[i] & 2:
                f, x = ids[k], learn_values[q]
                if ranks[f] < 0:
                    ranks[f] = known[0]
                    known[0] += 1
                if x < extremes[LOW, f]:
                    extremes[LOW, f], extreme_kinds[LOW, f] = x, kinds[k]
                if x > extremes[HIGH, f]:
                    extremes[HIGH, f], extreme_kinds[HIGH, f] = x, kinds[k]
                after[q] = scaled(x, extremes[LOW, f], extremes[HIGH, f])
            q += 1


class MinMax(Transformer):
    """The compiled form of `preprocessing.MinMaxScaler`."""

    state = ("extremes", "extreme_kinds", "ranks", "known")

    def check(self, part: Any) -> None:
        if part.window_size is not None:
            raise Unsupported("MinMaxScaler.window_size has no compiled form")

    def load(self) -> None:
        self.extremes: Floats = np.zeros((2, 0))
        self.extreme_kinds: Bytes = np.zeros((2, 0), np.uint8)
        self.ranks: Ints = np.zeros(0, np.int64)  # when a feature came into River's dicts
        lows, highs = self.part.min, self.part.max
        if list(lows) != list(highs):
            raise Unsupported("MinMaxScaler.min and .max name different features")
        self.known: Ints = np.array([len(lows)])
        features = [self.names.feature(name) for name in lows]
        self.reserve()
        self.ranks[features] = np.arange(len(features))
        for row, found in ((LOW, [s.min for s in lows.values()]), (HIGH, [s.max for s in highs.values()])):
            exact(*found)
            self.extremes[row, features] = found
            self.extreme_kinds[row, features] = [
                INT if type(x) is int else BOOL if type(x) is bool else FLOAT for x in found
            ]

    def reserve(self) -> None:
        have = self.extremes.shape[1]
        self.extremes = grown(self.extremes, len(self.names))
        self.extremes[LOW, have:], self.extremes[HIGH, have:] = math.inf, -math.inf
        self.extreme_kinds = grown(self.extreme_kinds, len(self.names))
        self.ranks = grown(self.ranks, len(self.names), -1)

    def run(self, block: Block) -> Block:
        names, rows, lessons = self.names, block.before, block.after
        before = np.empty(rows.values.size)
        after = np.empty(lessons.values.size)
        scale(
            *block.columns(names), names.kinds, before, after, self.extremes, self.extreme_kinds, self.ranks,
            self.known,
        )  # fmt: skip
        floats = names.floats
        return Block(block.ops, Ragged(floats[rows.layouts], before), Ragged(floats[lessons.layouts], after))

    def write_back(self) -> None:
        there = np.flatnonzero(self.ranks >= 0)
        kinds = self.extreme_kinds.tolist()
        for feature in there[np.argsort(self.ranks[there])].tolist():
            name = self.names.features[feature]
            low, high = self.extremes[:, feature].tolist()
            self.part.min[name].min = KINDS[kinds[LOW][feature]](low)
            self.part.max[name].max = KINDS[kinds[HIGH][feature]](high)
