"""ARFClassifier, compiled: Hoeffding trees in one arena, an ADWIN for warnings and one for drifts each.

    forest_members.py    what it keeps of each member
    forest_votes.py      votes, weighted by how well each did
    forest_kernel.py     Poisson bagging, detectors, trees that replace others; the kernel of a block
    forest_random.py     random.Random, whose every draw is River's
    forest_state.py      River's objects to arrays and back
    adwin.py             the detectors
    hoeffding*.py        the trees

River makes the trees at its first event, so that one is River's; so is each on which it estimates the size of
a tree (see `hoeffding.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Floats
from engine.models.compiled.forest_kernel import grow_forest
from engine.models.compiled.forest_members import BACK, FRONT
from engine.models.compiled.forest_state import check_forest, load_forest, with_classes, write_forest
from engine.models.compiled.hoeffding import FEATURES_MAX, rates_of, too_wide, ways_of
from engine.models.compiled.hoeffding_arena import BORN, RANK, sized, sizes_of, with_room
from engine.models.compiled.hoeffding_state import Builder, check_tree, load_tree, survey
from engine.models.compiled.hoeffding_walk import FULL, PYTHONS
from engine.models.compiled.labels import Classes
from engine.models.compiled.step import Model, Unsupported


class AdaptiveForest(Model):
    """The compiled form of `forest.ARFClassifier`."""

    def check(self, part: Any) -> None:
        check_forest(part)
        check_tree(part._new_base_model())

    def load(self) -> None:
        self.classes, self.estimate_is_next, self.ranked, self.by_text = Classes(), False, -1, True
        source, n = self.part, self.part.n_models
        if not source.data:
            return
        self.trees = [*source.data, *source._background]
        found = survey(self.trees, self.names, self.classes)
        for score in source._metrics:
            for label in score.cm.data:
                self.classes.known(label)
        chosen = self.chosen = max(source.max_features, found["chosen"])
        if too_wide(len(self.names), chosen, len(self.classes)):
            raise Unsupported(f"there are more than {FEATURES_MAX} features, or too many for so many classes")
        sizes = {
            "node": 2 * found["node"] + 12 * n,
            "slot": 2 * found["slot"] + 12 * n,
            "feature": max(8, len(self.names)),
            "class": max(2, len(self.classes)),
            "tree": 2 * n,
            "watch": chosen,
            "chosen": chosen,
        }
        self.arena = sized(sizes)
        self.arena.rates[:] = rates_of(source.data[0])
        self.arena.ways[:] = ways_of(source.data[0], source.data[0].splitter.n_splits, source.max_features)
        self.arena.twister[:] = source._rng.getstate()[1]
        for t, each in enumerate(self.trees):
            if each is not None:
                load_tree(self.arena, t, each, self.names, self.classes)
        self.born = self.arena.trees[:, BORN].copy()
        self.forest = load_forest(source, self.classes, sizes["class"])

    def reserve(self) -> None:
        features, classes = len(self.names), len(self.classes)
        if not self.part.data or too_wide(features, self.chosen, classes):
            return  # `run` hands over
        if features > self.arena.place.shape[1] or classes > self.arena.votes.shape[2]:
            self.arena = with_room(self.arena, feature=features, **{"class": classes})
        if self.forest.order.size < self.arena.votes.shape[2]:
            self.forest = with_classes(self.forest, self.arena.votes.shape[2])
        self.forest = self.forest._replace(by_name=self.classes.by_name())
        if self.ranked != features:
            found = self.names.features
            self.by_text = all(type(name) is str for name in found)  # else River can't sort them, perhaps
            by_name = sorted(range(features), key=lambda f: str(found[f]))
            self.arena.row[RANK, by_name] = np.arange(features)
            self.ranked = features

    def labels(self, values: Sequence[Any]) -> Floats:
        return self.classes.encode(values)

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        size, names = len(block), self.names
        if not self.part.data or not self.by_text or too_wide(len(names), self.chosen, len(self.classes)):
            return Answers(np.zeros((size, 1)), np.zeros(size, np.int64), [()]), 0
        room = self.forest.order.size
        out, said = np.zeros((size, room)), np.zeros(size, np.int64)
        orders = np.zeros((size + 1, room + 1), np.int64)
        before, after = block.before, block.after
        done, first, second, status = 0, 0, 0, FULL
        while status == FULL:
            done, first, second, status = grow_forest(
                *(self.arena, self.forest, done, first, second, block.ops, before.layouts, after.layouts),
                *(before is after, names.starts, names.ids, names.kinds, before.values, after.values, labels),
                *(not self.part.disable_weighted_vote, out, orders, said),
            )
            if status == FULL:
                sizes = sizes_of(self.arena)
                self.arena = with_room(self.arena, node=sizes["node"] + 1, slot=sizes["slot"] + 1)
        self.estimate_is_next = status == PYTHONS
        used = orders[: said.max(initial=0) + 1]
        classes = [tuple(self.classes.labels[c] for c in row[1 : 1 + row[0]]) for row in used.tolist()]
        kinds = np.maximum(said, 0)
        return Answers(np.take_along_axis(out, orders[kinds, 1:], axis=1), kinds, classes), done

    def write_back(self) -> None:
        if not self.part.data:
            return
        arena, target = self.arena, self.part
        builder = Builder(arena, self.names, self.classes, self.estimate_is_next)
        trees: dict[int, Any] = {}
        for t in self.forest.members[:, [FRONT, BACK]].ravel().tolist():
            if t < 0:
                continue
            old = self.trees[t] if arena.trees[t, BORN] == self.born[t] else None
            trees[t] = self.trees[t] = target._new_base_model() if old is None else old
            self.born[t] = arena.trees[t, BORN]
            builder.into(trees[t], t)
        target.data = [trees[t] for t in self.forest.members[:, FRONT].tolist()]
        target._background = [trees.get(t) for t in self.forest.members[:, BACK].tolist()]
        write_forest(self.forest, target, self.classes)
        version, _, gauss = target._rng.getstate()
        target._rng.setstate((version, tuple(arena.twister.tolist()), gauss))
