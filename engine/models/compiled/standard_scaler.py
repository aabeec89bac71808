"""StandardScaler: running means and variances, by Welford's method."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.block import Block, Bytes, Floats, Ints, Ragged, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.step import Transformer, Unsupported

COUNT, MEAN, VAR, STD = 0, 1, 2, 3  # rows of `moments`
IN_COUNTS, IN_MEANS, IN_VARS = 0, 1, 2  # rows of `ranks`: when a feature came into which dict


@kernel
def touch(ranks: Ints, next_rank: Ints, row: int, feature: int) -> None:
    """Note that a feature came into a dict, if it is new there."""
    if ranks[row, feature] < 0:
        ranks[row, feature] = next_rank[row]
        next_rank[row] += 1


@kernel
def scaled(x: float, feature: int, moments: Floats, with_std: bool) -> float:
    """A value, centred and scaled."""
    if not with_std:
        return float(x - moments[MEAN, feature])
    if moments[VAR, feature] != 0.0:
        return float((x - moments[MEAN, feature]) / moments[STD, feature])
    return 0.0


@kernel
def scale(
    ops: Bytes,
    starts: Ints,
    ids: Ints,
    layouts: Ints,
    values: Floats,
    learn_layouts: Ints,
    learn_values: Floats,
    before: Floats,
    after: Floats,
    moments: Floats,
    ranks: Ints,
    next_rank: Ints,
    with_std: bool,
    half: float,
) -> None:
    """Scale each row before and after learning from it. `half` is 0.5, told at run time."""
    looked_up = IN_VARS if with_std else IN_MEANS  # River's defaultdicts keep what was asked for
    at = learn_at = 0
    for i in range(ops.size):
        first = starts[layouts[i]]
        size = starts[layouts[i] + 1] - first
        if ops[i] & 1:
            for k in range(size):
                f = ids[first + k]
                touch(ranks, next_rank, looked_up, f)
                before[at + k] = scaled(values[at + k], f, moments, with_std)
        at += size
        first = starts[learn_layouts[i]]
        size = starts[learn_layouts[i] + 1] - first
        if ops[i] & 2:
            for k in range(size):
                f = ids[first + k]
                x = learn_values[learn_at + k]
                for row in range(3 if with_std else 2):
                    touch(ranks, next_rank, row, f)
                moments[COUNT, f] += 1.0
                n = moments[COUNT, f]
                old = moments[MEAN, f]
                moments[MEAN, f] = old + (x - old) / n
                if with_std:
                    moments[VAR, f] += ((x - old) * (x - moments[MEAN, f]) - moments[VAR, f]) / n
                    moments[STD, f] = moments[VAR, f] ** half
                after[learn_at + k] = scaled(x, f, moments, with_std)
        learn_at += size


class Standard(Transformer):
    """The compiled form of `preprocessing.StandardScaler`."""

    state = ("moments", "ranks", "next_rank")

    def check(self, part: Any) -> None:
        if part.window_size is not None:
            raise Unsupported("StandardScaler.window_size has no compiled form")

    def load(self) -> None:
        self.moments: Floats = np.zeros((4, 0))
        self.ranks: Ints = np.zeros((3, 0), np.int64)
        self.next_rank: Ints = np.zeros(3, np.int64)
        dicts = (self.part.counts, self.part.means, self.part.vars)
        for name in (name for each in dicts for name in each):
            self.names.feature(name)
        self.reserve()
        for row, each in enumerate(dicts):
            self.next_rank[row] = len(each)
            for rank, (name, value) in enumerate(each.items()):
                feature = self.names.feature(name)
                self.moments[row, feature], self.ranks[row, feature] = value, rank
        for name, value in self.part.vars.items():
            self.moments[STD, self.names.feature(name)] = max(value, 0.0) ** 0.5

    def reserve(self) -> None:
        self.moments = grown(self.moments, len(self.names))
        self.ranks = grown(self.ranks, len(self.names), -1)

    def run(self, block: Block) -> Block:
        old, new = block.before, block.after
        before, after = np.empty_like(old.values), np.empty_like(new.values)
        scale(
            *(block.ops, self.names.starts, self.names.ids, old.layouts, old.values, new.layouts, new.values),
            *(before, after, self.moments, self.ranks, self.next_rank, self.part.with_std, 0.5),
        )
        floats = self.names.floats
        return Block(block.ops, Ragged(floats[old.layouts], before), Ragged(floats[new.layouts], after))

    def write_back(self) -> None:
        for row, (target, kind) in enumerate(
            ((self.part.counts, int), (self.part.means, float), (self.part.vars, float))
        ):
            there = np.flatnonzero(self.ranks[row] >= 0)
            for feature in there[np.argsort(self.ranks[row, there])].tolist():
                target[self.names.features[feature]] = kind(self.moments[row, feature])
