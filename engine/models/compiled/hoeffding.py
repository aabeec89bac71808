"""HoeffdingTreeClassifier, compiled: numbers as features, Gaussian splitters, information gain.

    hoeffding_arena.py     how trees lie in arrays
    hoeffding_nodes.py     how leaves come and go
    hoeffding_leaves.py    what a leaf says and learns
    hoeffding_splits.py    when and how it splits
    hoeffding_walk.py      how a row walks down; the kernel of a block
    hoeffding_state.py     River's objects to arrays and back

Texts as features make nominal splitters, and these have no compiled form, so such a tree stays with River.
The event on which River estimates a tree's size is River's too, and so is a tree near its `max_size`. Such
an estimate counts Python's objects, so it is not equal to the bit between two histories of the same tree.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from engine.models.compiled.block import LEARN, Answers, Block, Floats, Ints
from engine.models.compiled.hoeffding_arena import (
    ADAPTIVE,
    MAJORITY,
    NAIVE_BAYES,
    SEEN,
    Trees,
    sized,
    sizes_of,
    with_room,
)
from engine.models.compiled.hoeffding_state import Builder, check_tree, load_tree, survey
from engine.models.compiled.hoeffding_walk import FULL, PYTHONS, grow
from engine.models.compiled.jit import SUM_COMPENSATES
from engine.models.compiled.labels import Classes
from engine.models.compiled.step import Model, Unsupported

FEATURES_MAX = 1024  # beyond, arrays over features are larger than River's dicts
CELLS_MAX = 16_384  # features by classes of one leaf, 64 bytes each
PREDICTIONS = {"nba": ADAPTIVE, "nb": NAIVE_BAYES, "mc": MAJORITY}


def rates_of(source: Any) -> list[float]:
    """The parameters of a tree that are numbers; exponents are among them, see `compiled/__init__.py`."""
    return [
        *(0.5, 2.0, source.grace_period, math.log(1.0 / source.delta), source.tau),
        *(source.max_share_to_split, source.min_branch_fraction, source.nb_threshold),
        source.memory_estimate_period,
    ]


def ways_of(source: Any, splits: int, chosen_max: int) -> list[int]:
    """The parameters of a tree that choose its ways."""
    return [
        *(source.max_depth, splits, PREDICTIONS[source.leaf_prediction], source.merit_preprune),
        *(chosen_max, source._growth_allowed, SUM_COMPENSATES),
    ]


def too_wide(features: int, watched: int, classes: int) -> bool:
    """Whether dense arrays over these would take more memory than River's dicts."""
    return features > FEATURES_MAX or watched * classes > CELLS_MAX


class HoeffdingClassifier(Model):
    """The compiled form of `tree.HoeffdingTreeClassifier`."""

    weighs: ClassVar[bool] = True

    def check(self, part: Any) -> None:
        check_tree(part)

    def load(self) -> None:
        self.classes, self.estimate_is_next = Classes(), False
        found = survey([self.part], self.names, self.classes)
        if too_wide(len(self.names), len(self.names), len(self.classes)):
            raise Unsupported(f"there are more than {FEATURES_MAX} features, or too many for so many classes")
        features = max(8, len(self.names))
        sizes = {
            "node": 16 + 2 * found["node"],
            "slot": 8 + 2 * found["slot"],
            "feature": features,
            "class": max(2, len(self.classes)),
            "watch": features,
            "chosen": 0,
            "tree": 1,
        }
        self.arena: Trees = sized(sizes)
        self.arena.rates[:] = rates_of(self.part)
        self.arena.ways[:] = ways_of(self.part, self.part.splitter.n_splits, 0)
        load_tree(self.arena, 0, self.part, self.names, self.classes)

    def reserve(self) -> None:
        features, classes = len(self.names), len(self.classes)
        if too_wide(features, features, classes):
            return  # `run` hands over
        if features > self.arena.place.shape[1] or classes > self.arena.votes.shape[2]:
            self.arena = with_room(self.arena, feature=features, watch=features, **{"class": classes})

    def labels(self, values: Sequence[Any]) -> Floats:
        return self.classes.encode(values)

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        size = len(block)
        out, known = np.zeros((size, self.arena.votes.shape[2])), np.zeros(size, np.int64)
        seen = self.arena.trees[0, SEEN:].copy()
        if too_wide(len(self.names), len(self.names), len(self.classes)):
            return self._answers(out, known, seen, block, labels), 0
        by_name, names = self.classes.by_name(), self.names
        weights = np.ones(size) if self.weights is None else self.weights
        before, after = block.before, block.after
        same = before is after
        done, first, second, status = 0, 0, 0, FULL
        while status == FULL:
            done, first, second, status = grow(
                *(self.arena, done, first, second, block.ops, before.layouts, after.layouts, same),
                *(names.starts, names.ids, names.kinds, before.values, after.values, labels, weights),
                *(by_name, out, known),
            )
            if status == FULL:
                sizes = sizes_of(self.arena)
                self.arena = with_room(self.arena, node=sizes["node"] + 8, slot=sizes["slot"] + 8)
        self.estimate_is_next = status == PYTHONS
        return self._answers(out, known, seen, block, labels), done

    def _answers(self, out: Floats, known: Ints, seen: Any, block: Block, labels: Floats) -> Answers:
        """Rows of votes with their classes, which grow with what is learned."""
        by_name = self.classes.by_name().tolist()
        if (seen == self.arena.trees[0, SEEN:]).all():
            there = set(np.flatnonzero(seen).tolist())
            return Answers(out, np.zeros_like(known), [self._named(by_name, there)])
        learned = np.where(block.ops & LEARN > 0, labels, -1).astype(np.int64)
        counts, first, kinds = np.unique(known, return_index=True, return_inverse=True)
        classes = []
        for count, at in zip(counts.tolist(), first.tolist(), strict=True):
            there = {*np.flatnonzero(seen).tolist(), *learned[:at].tolist()}
            classes.append(self._named(by_name, there) if count else ())
        return Answers(out, kinds, classes)

    def _named(self, by_name: list[int], there: set[int]) -> tuple[Hashable, ...]:
        return tuple(self.classes.labels[c] for c in by_name if c in there)

    def write_back(self) -> None:
        Builder(self.arena, self.names, self.classes, self.estimate_is_next).into(self.part, 0)


__all__ = ["HoeffdingClassifier", "rates_of", "ways_of"]
