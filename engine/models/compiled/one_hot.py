"""OneHotEncoder: a feature for each category that was learned, 1 for the row's own.

River's rows have all learned categories in the order in which they came, and behind them those of the row
that nobody has learned yet. So a row's layout follows from how many were known at its moment, but for rows
with new ones, which are rare. Two pairs can come to the same name (`a_b`, `c` and `a`, `b_c`): ranks belong
to names, what was learned to pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.block import INT, Block, Bytes, Floats, Ints, Ragged, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.layouts import cut, numbered
from engine.models.compiled.pairs import Pairs, only_texts
from engine.models.compiled.step import Transformer, Unsupported

CATEGORIES_MAX = 1024  # each row has one value for each


@kernel
def new_names(pairs: Ints, slot_of: Ints, ranks: Ints, known: int, at: int) -> int:
    """How many of the first `at` pairs of a row have a name of their own that isn't among the known ones."""
    count = 0
    for k in range(at):
        slot = slot_of[pairs[k]]
        if ranks[slot] < 0 or ranks[slot] >= known:
            fresh = True
            for j in range(k):
                fresh = fresh and slot_of[pairs[j]] != slot
            count += fresh
    return count


@kernel
def walk(
    ops: Bytes,
    lengths: Ints,
    pairs: Ints,
    learn_lengths: Ints,
    learn_pairs: Ints,
    slot_of: Ints,
    learned: Ints,
    ranks: Ints,
    known: Ints,
    keeps: bool,
    knowns: Ints,
    news: Ints,
) -> None:
    """Learn in order, and note how many names each row knows and how many are new in it."""
    p, q = 0, 0
    for i in range(ops.size):
        if ops[i] & 1:
            row = pairs[p : p + lengths[i]]
            knowns[0, i], news[0, i] = known[1], new_names(row, slot_of, ranks, known[1], row.size)
        p += lengths[i]
        if ops[i] & 2:
            row = learn_pairs[q : q + learn_lengths[i]]
            for k in range(row.size):
                if keeps and learned[row[k]] < 0:
                    learned[row[k]] = known[0]
                    known[0] += 1
                    if ranks[slot_of[row[k]]] < 0:
                        ranks[slot_of[row[k]]] = known[1]
                        known[1] += 1
            knowns[1, i], news[1, i] = known[1], new_names(row, slot_of, ranks, known[1], row.size)
        q += learn_lengths[i]


@kernel
def fill(
    asked: Ints,
    lengths: Ints,
    pairs: Ints,
    slot_of: Ints,
    ranks: Ints,
    knowns: Ints,
    news: Ints,
    found: Floats,
) -> None:
    """Put a 1 where each row's categories stand."""
    p, q = 0, 0
    for i in range(lengths.size):
        if asked[i]:
            row = pairs[p : p + lengths[i]]
            for k in range(row.size):
                rank = ranks[slot_of[row[k]]]
                if rank < 0 or rank >= knowns[i]:
                    rank = knowns[i] + new_names(row, slot_of, ranks, knowns[i], k + 1) - 1
                    for j in range(k):  # the second of two with one name stands where the first does
                        if slot_of[row[j]] == slot_of[row[k]]:
                            rank = knowns[i] + new_names(row, slot_of, ranks, knowns[i], j + 1) - 1
                            break
                found[q + rank] = 1.0
        p += lengths[i]
        q += knowns[i] + news[i]


class OneHot(Transformer):
    """The compiled form of `preprocessing.OneHotEncoder`."""

    takes_texts = True
    state = ("learned", "ranks", "known")

    def check(self, part: Any) -> None:
        if part.categories is not None or part.drop_first:
            raise Unsupported("OneHotEncoder has a compiled form without categories and drop_first")
        if len(part._zero_dict) > CATEGORIES_MAX:
            raise Unsupported(f"OneHotEncoder knows more than {CATEGORIES_MAX} categories")
        if any(type(text) is not str for texts in part.values.values() for text in texts):
            raise Unsupported("OneHotEncoder has a compiled form for texts only")

    def load(self) -> None:
        self.pairs = Pairs(self.names)
        self.named: list[str] = []
        self._paired = 0
        self.slots: dict[str, int] = {}  # names that come of pairs, by their place in `ranks`
        self.slot_of: Ints = np.zeros(0, np.int64)
        self.learned: Ints = np.zeros(0, np.int64)  # by pair, when it was learned
        self.ranks: Ints = np.zeros(0, np.int64)
        self.layouts: dict[tuple[str, ...], int] = {}
        known = [self.pairs.pair(name, text) for name, texts in self.part.values.items() for text in texts]
        self._make_room()
        self.learned[known] = np.arange(len(known))
        for rank, name in enumerate(self.part._zero_dict):
            self.ranks[self.slots[name]] = rank
        self.known: Ints = np.array([len(known), len(self.part._zero_dict)])

    def _make_room(self) -> None:
        """For pairs that are new."""
        have, size = len(self.slots), len(self.pairs)
        self.slot_of, self.learned = grown(self.slot_of, size), grown(self.learned, size, -1)
        self.ranks = grown(self.ranks, size, -1)
        for pair in range(self._paired, size):
            column, text = self.pairs.found[pair]
            name = f"{self.names.features[self.pairs.columns[column]]}_{text}"
            self.slot_of[pair] = self.slots.setdefault(name, len(self.slots))
        self._paired = size
        if len(self.slots) > have:
            self.named = list(self.slots)

    def run(self, block: Block) -> Block:
        block = cut(block, self.names, lambda layout: only_texts(self.names, layout, none=False))
        rows, lessons = block.before, block.after
        pairs = self.pairs.of(rows)
        learn_pairs = pairs if lessons is rows else self.pairs.of(lessons)
        self._make_room()
        if len(self.slots) > CATEGORIES_MAX:
            return block.first(0, self.names)
        lengths, learn_lengths = self.names.lengths(rows.layouts), self.names.lengths(lessons.layouts)
        knowns, news = np.zeros((2, len(block)), np.int64), np.zeros((2, len(block)), np.int64)
        walk(
            block.ops, lengths, pairs, learn_lengths, learn_pairs, self.slot_of, self.learned, self.ranks,
            self.known, not self.part.drop_zeros, knowns, news,
        )  # fmt: skip
        self.order = np.argsort(self.ranks[: len(self.slots)], kind="stable")[-self.known[1] :].tolist()
        asks, learns = (block.ops & 1).astype(np.int64), (block.ops & 2).astype(np.int64)
        before = self._rows(asks, lengths, pairs, knowns[0], news[0])
        return Block(block.ops, before, self._rows(learns, learn_lengths, learn_pairs, knowns[1], news[1]))

    def _rows(self, asked: Ints, lengths: Ints, pairs: Ints, knowns: Ints, news: Ints) -> Ragged:
        found = np.zeros(int(knowns.sum() + news.sum()))
        fill(asked, lengths, pairs, self.slot_of, self.ranks, knowns, news, found)
        layouts = numbered(knowns, lambda known: self._layout(known, []))
        starts = np.cumsum(lengths) - lengths
        for i in np.flatnonzero(news).tolist():
            layouts[i] = self._layout(int(knowns[i]), pairs[starts[i] : starts[i] + lengths[i]].tolist())
        return Ragged(layouts, found)

    def _layout(self, known: int, pairs: list[int]) -> int:
        """The layout of so many names, and behind them those of pairs that aren't among them."""
        known_names = [self.named[slot] for slot in self.order[:known]] if known else []
        names = tuple(dict.fromkeys(known_names + [self.named[self.slot_of[pair]] for pair in pairs]))
        found = self.layouts.get(names)
        if found is None:
            found = self.layouts[names] = self.names.layout(names, bytes([INT]) * len(names))
        return found

    def write_back(self) -> None:
        there = np.flatnonzero(self.learned >= 0)
        for pair in there[np.argsort(self.learned[there])].tolist():
            column, text = self.pairs.found[pair]
            name = self.names.features[self.pairs.columns[column]]
            self.part.values[name].add(text)
            self.part._zero_dict[self.named[self.slot_of[pair]]] = 0
