"""OrdinalEncoder: a whole number for each text of a feature, in the order in which they were learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.block import INT, Block, Bytes, Floats, Ints, Ragged, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.layouts import cut, numbered
from engine.models.compiled.pairs import EMPTY, Pairs, only_texts
from engine.models.compiled.step import Transformer, Unsupported


@kernel
def walk(
    ops: Bytes,
    lengths: Ints,
    pairs: Ints,
    learn_lengths: Ints,
    learn_pairs: Ints,
    before: Floats,
    after: Floats,
    column_of: Ints,
    codes: Ints,
    ranks: Ints,
    sizes: Ints,
    touched: Ints,
    known: Ints,
    reserved: Ints,
    unknown: float,
    none: float,
) -> None:
    """Encode each row before and after learning from it."""
    p, q = 0, 0
    for i in range(ops.size):
        for k in range(p, p + lengths[i]):
            if ops[i] & 1:
                before[k] = encoded(pairs[k], column_of, codes, ranks, touched, known, unknown, none)
        p += lengths[i]
        for k in range(q, q + learn_lengths[i]):
            if ops[i] & 2:
                pair = learn_pairs[k]
                after[k] = encoded(pair, column_of, codes, ranks, touched, known, unknown, none)
                if pair != EMPTY and ranks[pair] < 0:
                    code = sizes[column_of[pair]]
                    sizes[column_of[pair]] += 1
                    for r in range(reserved.size):
                        code += reserved[r] <= code
                    ranks[pair], codes[pair] = known[0], code
                    known[0] += 1
                    after[k] = code
        q += learn_lengths[i]


@kernel
def encoded(
    pair: int,
    column_of: Ints,
    codes: Ints,
    ranks: Ints,
    touched: Ints,
    known: Ints,
    unknown: float,
    none: float,
) -> float:
    """The number of a pair; River's defaultdict keeps that its feature was asked for."""
    if pair == EMPTY:
        return none
    if touched[column_of[pair]] < 0:
        touched[column_of[pair]] = known[1]
        known[1] += 1
    return float(codes[pair]) if ranks[pair] >= 0 else unknown


class Ordinal(Transformer):
    """The compiled form of `preprocessing.OrdinalEncoder`."""

    takes_texts = True
    state = ("codes", "ranks", "sizes", "touched", "known")

    def check(self, part: Any) -> None:
        if part.categories is not None or part.unknown_value is None:
            raise Unsupported("OrdinalEncoder has a compiled form without categories and with unknown_value")
        if any(type(text) is not str for texts in part.values.values() for text in texts):
            raise Unsupported("OrdinalEncoder has a compiled form for texts only")

    def load(self) -> None:
        part = self.part
        self.pairs = Pairs(self.names)
        columns = [self.pairs.column(name) for name in part.values]
        found = {
            self.pairs.pair(name, text): code
            for name, codes in part.values.items()
            for text, code in codes.items()
        }
        self._paired = 0
        self.column_of: Ints = np.zeros(0, np.int64)  # by pair
        self.codes: Ints = np.zeros(0, np.int64)
        self.ranks: Ints = np.zeros(0, np.int64)
        self.sizes: Ints = np.zeros(0, np.int64)  # by column, as is what follows
        self.touched: Ints = np.zeros(0, np.int64)
        self.reserved: Ints = np.array(part._reserved_category_codes, np.int64)
        self._make_room()
        self.codes[list(found)], self.ranks[list(found)] = list(found.values()), np.arange(len(found))
        self.sizes[columns] = [len(codes) for codes in part.values.values()]
        self.touched[columns] = np.arange(len(columns))
        self.known: Ints = np.array([len(found), len(columns)])

    def _make_room(self) -> None:
        """For pairs and columns that are new."""
        pairs, columns = len(self.pairs), len(self.pairs.columns)
        self.column_of, self.codes = grown(self.column_of, pairs), grown(self.codes, pairs)
        self.ranks = grown(self.ranks, pairs, -1)
        self.sizes, self.touched = grown(self.sizes, columns), grown(self.touched, columns, -1)
        for pair in range(self._paired, pairs):
            self.column_of[pair] = self.pairs.found[pair][0]
        self._paired = pairs

    def run(self, block: Block) -> Block:
        block = cut(block, self.names, lambda layout: only_texts(self.names, layout, none=True))
        rows, lessons, part = block.before, block.after, self.part
        pairs = self.pairs.of(rows)
        learn_pairs = pairs if lessons is rows else self.pairs.of(lessons)
        self._make_room()
        before, after = np.zeros(rows.values.size), np.zeros(lessons.values.size)
        lengths, learn_lengths = self.names.lengths(rows.layouts), self.names.lengths(lessons.layouts)
        walk(
            block.ops, lengths, pairs, learn_lengths, learn_pairs, before, after,
            self.column_of, self.codes, self.ranks, self.sizes, self.touched, self.known,
            self.reserved, float(part.unknown_value), float(part.none_value),
        )  # fmt: skip
        return Block(block.ops, Ragged(self._ints(rows), before), Ragged(self._ints(lessons), after))

    def _ints(self, rows: Ragged) -> Ints:
        names = self.names
        return numbered(
            rows.layouts,
            lambda layout: names.layout(names.named(layout), bytes([INT]) * len(names.named(layout))),
        )

    def write_back(self) -> None:
        values, names = self.part.values, self.names.features
        columns = np.flatnonzero(self.touched >= 0)
        for column in columns[np.argsort(self.touched[columns])].tolist():
            values[names[self.pairs.columns[column]]]
        there = np.flatnonzero(self.ranks >= 0)
        for pair in there[np.argsort(self.ranks[there])].tolist():
            column, text = self.pairs.found[pair]
            values[names[self.pairs.columns[column]]][text] = int(self.codes[pair])
