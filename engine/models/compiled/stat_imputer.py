"""StatImputer: the mean of what was seen, or a constant, in place of None."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.block import BOOL, FLOAT, INT, NONE, TEXT, Block, Bytes, Floats, Ints, Ragged
from engine.models.compiled.jit import kernel
from engine.models.compiled.layouts import cut, numbered
from engine.models.compiled.step import Transformer, Unsupported

COUNT, MEAN, CONSTANT = 0, 1, 2  # rows of `stats`
CONSTANTS = {float: FLOAT, int: INT, bool: BOOL}


@kernel
def impute(
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
    stat_of: Ints,
    stats: Floats,
) -> None:
    """Fill each row before and after learning from it."""
    p, q = 0, 0
    for i in range(ops.size):
        for k in range(starts[layouts[i]], starts[layouts[i] + 1]):
            stat = stat_of[ids[k]]
            before[p] = values[p]
            if stat >= 0 and kinds[k] == NONE:
                before[p] = stats[MEAN, stat]
            p += 1
        for k in range(starts[learn_layouts[i]], starts[learn_layouts[i] + 1]):
            stat = stat_of[ids[k]]
            after[q] = learn_values[q]
            if stat >= 0 and ops[i] & 2:
                if kinds[k] != NONE and stats[CONSTANT, stat] == 0.0:
                    stats[COUNT, stat] += 1.0
                    stats[MEAN, stat] += (1.0 / stats[COUNT, stat]) * (learn_values[q] - stats[MEAN, stat])
                if kinds[k] == NONE:
                    after[q] = stats[MEAN, stat]
            q += 1


class Imputer(Transformer):
    """The compiled form of `preprocessing.StatImputer` with means and constant numbers."""

    takes_texts = True
    state = ("stats",)

    def check(self, part: Any) -> None:
        from river import preprocessing, stats

        for stat in part.stats.values():
            constant = type(stat) is preprocessing.impute.Constant and type(stat.value) in CONSTANTS
            if not constant and type(stat) is not stats.Mean:
                name = type(stat).__name__
                raise Unsupported(f"StatImputer has a compiled form for means and numbers, not for {name}")

    def load(self) -> None:
        found = self.part.stats
        self.features = [self.names.feature(name) for name in found]
        self.constants = [getattr(stat, "value", None) for stat in found.values()]
        self.stats: Floats = np.zeros((3, len(found)))
        for place, (stat, constant) in enumerate(zip(found.values(), self.constants, strict=True)):
            if constant is None:
                self.stats[:, place] = stat.n, stat._mean, 0.0
            else:
                self.stats[:, place] = 0.0, constant, 1.0
        self.reserve()

    def reserve(self) -> None:
        self.stat_of: Ints = np.full(len(self.names), -1, np.int64)
        self.stat_of[self.features] = np.arange(len(self.features))

    def run(self, block: Block) -> Block:
        names = self.names
        block = cut(block, names, self._is_ours)
        rows, lessons = block.before, block.after
        before, after = np.empty(rows.values.size), np.empty(lessons.values.size)
        impute(*block.columns(names), names.kinds, before, after, self.stat_of, self.stats)
        filled = Ragged(numbered(rows.layouts, self._filled), before)
        return Block(block.ops, filled, Ragged(numbered(lessons.layouts, self._filled), after))

    def _is_ours(self, layout: int) -> bool:
        """Whether every feature that is imputed is there, as a number or None; else River raises."""
        there = dict(zip(self.names.named(layout), self.names.kinds_of(layout), strict=True))
        return all(there.get(name, TEXT) != TEXT for name in self.part.stats)

    def _filled(self, layout: int) -> int:
        """The layout with numbers in place of None."""
        names, kinds = self.names, bytearray(self.names.kinds_of(layout))
        for place, feature in enumerate(names.ids[names.starts[layout] : names.starts[layout + 1]].tolist()):
            stat = self.stat_of[feature]
            if stat >= 0 and kinds[place] == NONE:
                kinds[place] = CONSTANTS.get(type(self.constants[stat]), FLOAT)
        return names.layout(names.named(layout), bytes(kinds))

    def write_back(self) -> None:
        for place, stat in enumerate(self.part.stats.values()):
            if self.constants[place] is None:
                stat.n, stat._mean = float(self.stats[COUNT, place]), float(self.stats[MEAN, place])
