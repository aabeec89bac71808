"""River's classification trees to an arena and back, to the bit."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from river import proba, stats, tree
from river.tree.nodes.branch import NumericBinaryBranch

from engine.models.compiled.block import BOOL, FLOAT, INT, Names
from engine.models.compiled.hoeffding_arena import (
    ACTIVE,
    ARRIVED,
    ASLEEP,
    BAYES_RIGHT,
    CHOICE,
    CHOSEN,
    CLASSES,
    COUNT,
    DEEPEST,
    DEPTH,
    FEATURE,
    HALF_LOG,
    HIGHEST,
    HIGHEST_KIND,
    LAST,
    LAST_WHOLE,
    LEAVES_MAX,
    LEFT,
    LOWEST,
    LOWEST_KIND,
    MAJORITY_RIGHT,
    MEAN,
    NO_LIMIT,
    NODES,
    ORDER,
    PRESENT,
    RIGHT,
    ROOT,
    SEEN,
    SLOT,
    SLOTS,
    SPLITTER,
    SQUARES,
    THRESHOLD,
    TOO_DEEP,
    TOTAL,
    WATCHED,
    WEIGHT,
    WHOLE,
    Trees,
)
from engine.models.compiled.hoeffding_walk import LARGEST
from engine.models.compiled.labels import Classes
from engine.models.compiled.step import Unsupported, exact

KINDS = {float: FLOAT, int: INT, bool: BOOL}
CASTS = {FLOAT: float, INT: int, BOOL: bool}


def nodes_of(trees: list[Any]) -> Iterator[Any]:
    for each in trees:
        if each is not None and each._root is not None:
            yield from each._root.iter_dfs()


def survey(trees: list[Any], names: Names, classes: Classes) -> dict[str, int]:
    """Learn the names and classes in trees, and how large an arena they need; refuse what has no form."""
    count, slots, watched, chosen = 0, 0, 0, 0
    for each in trees:
        for label in () if each is None else each.classes:
            classes.known(label)
    for node in nodes_of(trees):
        count += 1
        for label in node.stats:
            classes.known(label)
        if node.depth >= TOO_DEEP:
            raise Unsupported(f"the tree is more than {TOO_DEEP} branches deep")
        if hasattr(node, "feature"):
            if type(node) is not NumericBinaryBranch:
                raise Unsupported(f"{type(node).__name__} has no compiled form: only numbers have")
            names.feature(node.feature)
            continue
        if node._disabled_attrs:
            raise Unsupported("remove_poor_attrs has no compiled form")
        chosen = max(chosen, len(_chosen(node)))
        for feature in (*(node.splitters or ()), *_chosen(node)):
            names.feature(feature)
        for splitter in (node.splitters or {}).values():
            if type(splitter) is not tree.splitter.GaussianSplitter:
                raise Unsupported(f"{type(splitter).__name__} has no compiled form")
        slots += node.splitters is not None
        watched = max(watched, len(node.splitters or ()))
    return {"node": count, "slot": slots, "watch": watched, "chosen": chosen}


def _chosen(leaf: Any) -> list[Any]:
    found: list[Any] = getattr(leaf, "feature_indices", [])
    return found


def load_tree(arena: Trees, t: int, source: Any, names: Names, classes: Classes) -> None:
    """Put one of River's trees into the arena."""
    if source._root is not None:
        arena.trees[t, ROOT] = _load_node(arena, source._root, names, classes)
    arena.trees[t, ACTIVE], arena.trees[t, ASLEEP] = source._n_active_leaves, source._n_inactive_leaves
    arena.trees[t, LEAVES_MAX] = leaves_max(source)
    arena.votes[t, TOTAL, 0] = source._train_weight_seen_by_model
    for label in source.classes:
        arena.trees[t, SEEN + classes.known(label)] = 1


def leaves_max(source: Any) -> int:
    """With fewer leaves than these the tree is far from its limit of size, by River's own estimate."""
    each = max(source._active_leaf_size_estimate, source._inactive_leaf_size_estimate)
    each *= source._size_estimate_overhead_fraction
    return NO_LIMIT if each == 0 else int(source._max_byte_size / each) - 1


def _load_node(arena: Trees, source: Any, names: Names, classes: Classes) -> int:
    node = int(arena.used[NODES])
    arena.used[NODES] += 1
    arena.used[DEEPEST] = max(arena.used[DEEPEST], source.depth)
    arena.nodes[node, [FEATURE, DEPTH, CLASSES, SLOT]] = -1, source.depth, len(source.stats), -1
    for j, (label, weight) in enumerate(source.stats.items()):
        c = classes.known(label)
        arena.classes[node, ORDER, j], arena.facts[node, WEIGHT + c] = c, weight
        arena.classes[node, WHOLE, c] = type(weight) is int
    if hasattr(source, "feature"):
        arena.nodes[node, FEATURE] = names.feature(source.feature)
        arena.facts[node, THRESHOLD] = source.threshold
        left, right = source.children
        arena.nodes[node, LEFT] = _load_node(arena, left, names, classes)
        arena.nodes[node, RIGHT] = _load_node(arena, right, names, classes)
        return node
    arena.facts[node, LAST] = source.last_split_attempt_at
    arena.nodes[node, LAST_WHOLE] = type(source.last_split_attempt_at) is int
    arena.facts[node, MAJORITY_RIGHT] = getattr(source, "_mc_correct_weight", 0.0)
    arena.facts[node, BAYES_RIGHT] = getattr(source, "_nb_correct_weight", 0.0)
    arena.nodes[node, CHOSEN] = len(_chosen(source))
    for j, feature in enumerate(_chosen(source)):
        arena.nodes[node, CHOICE + j] = names.feature(feature)
    if source.splitters is not None:
        slot = arena.nodes[node, SLOT] = arena.used[SLOTS]
        arena.used[SLOTS] += 1
        arena.nodes[node, WATCHED] = len(source.splitters)
        for h, (feature, splitter) in enumerate(source.splitters.items()):
            arena.watched[slot, h, SPLITTER] = names.feature(feature)
            arena.place[slot, names.feature(feature)] = h
            _load_splitter(arena, int(slot), h, splitter, classes)
    return node


def _load_splitter(arena: Trees, slot: int, h: int, source: Any, classes: Classes) -> None:
    arena.watched[slot, h, PRESENT] = len(source._att_dist_per_class)
    for j, (label, gaussian) in enumerate(source._att_dist_per_class.items()):
        c = arena.watched[slot, h, ARRIVED + j] = classes.known(label)
        var, row = gaussian._var, arena.moments[slot, h, c]
        edges = source._min_per_class[label], source._max_per_class[label]
        row[COUNT], row[MEAN], row[SQUARES] = var.mean.n, var.mean._mean, var._S
        exact(*edges)
        row[LOWEST], row[HIGHEST] = edges
        variance = var.get()
        row[HALF_LOG] = 0.5 * math.log(variance) if variance > 0 else 0.0
        if not (np.abs(row[[MEAN, LOWEST, HIGHEST]]) < LARGEST).all() or not math.isfinite(row[SQUARES]):
            raise Unsupported(f"a feature has had values beyond {LARGEST:g}")
        kinds = [KINDS.get(type(edge)) for edge in edges]
        if None in kinds:
            raise Unsupported(f"values of {type(edges[0]).__name__} have no compiled form")
        row[[LOWEST_KIND, HIGHEST_KIND]] = kinds


class Builder:
    """Makes River's nodes of an arena's.

    River gives each Gaussian a generator of its own, which nobody seeds and nobody asks; here they share
    one, which makes a snapshot smaller. River's estimate of a tree's size counts them, so `apart` makes one
    for each, for the event on which River estimates.
    """

    def __init__(self, arena: Trees, names: Names, classes: Classes, apart: bool = False) -> None:
        self.arena, self.names, self.labels = arena, names.features, classes.labels
        self.apart = apart
        self.gaussian = dict(proba.Gaussian().__dict__)

    def into(self, target: Any, t: int) -> None:
        """Put a tree of the arena into River's."""
        arena = self.arena
        root = int(arena.trees[t, ROOT])
        target._root = self._node(root, target) if root >= 0 else None
        target._n_active_leaves, target._n_inactive_leaves = arena.trees[t, [ACTIVE, ASLEEP]].tolist()
        target._train_weight_seen_by_model = float(arena.votes[t, TOTAL, 0])
        target.classes = {label for c, label in enumerate(self.labels) if arena.trees[t, SEEN + c]}

    def _node(self, node: int, owner: Any) -> Any:
        arena = self.arena
        feature, left, right, depth, classes, *_ = arena.nodes[node].tolist()
        weights = {}
        for c in arena.classes[node, ORDER, :classes].tolist():
            weight = float(arena.facts[node, WEIGHT + c])
            weights[self.labels[c]] = int(weight) if arena.classes[node, WHOLE, c] else weight
        if feature < 0:
            return self._leaf(node, weights, owner)
        children = self._node(left, owner), self._node(right, owner)
        return NumericBinaryBranch(
            weights, self.names[feature], float(arena.facts[node, THRESHOLD]), depth, *children
        )

    def _leaf(self, node: int, weights: dict[Any, float], owner: Any) -> Any:
        arena = self.arena
        _, _, _, depth, _, slot, watched, chosen, last_whole, *choice = arena.nodes[node].tolist()
        _, last, majority_right, bayes_right, *_ = arena.facts[node].tolist()
        leaf = owner._new_leaf(weights)
        leaf.depth = depth
        leaf._last_split_attempt_at = int(last) if last_whole else last
        if hasattr(leaf, "_mc_correct_weight"):
            leaf._mc_correct_weight, leaf._nb_correct_weight = majority_right, bayes_right
        if hasattr(leaf, "feature_indices"):
            leaf.feature_indices = [self.names[f] for f in choice[:chosen]]
        if slot < 0:
            leaf.splitters = None
        else:
            leaf.splitters = {
                self.names[f]: self._splitter(slot, h, owner.splitter)
                for h, f in enumerate(arena.watched[slot, :watched, SPLITTER].tolist())
            }
        return leaf

    def _splitter(self, slot: int, h: int, model: Any) -> Any:
        made, arena = model.clone(), self.arena
        _, present, *arrived = arena.watched[slot, h].tolist()
        for c in arrived[:present]:
            n, mean, squares, lowest, highest, _, low_kind, high_kind = arena.moments[slot, h, c].tolist()
            label = self.labels[c]
            made._min_per_class[label] = CASTS[low_kind](lowest)
            made._max_per_class[label] = CASTS[high_kind](highest)
            made._att_dist_per_class[label] = self._gaussian(n, mean, squares)
        return made

    def _gaussian(self, n: float, mean: float, squares: float) -> Any:
        var: Any = stats.Var(ddof=1)
        var.mean.n, var.mean._mean, var._S = n, mean, squares
        made = proba.Gaussian.__new__(proba.Gaussian)
        made.__dict__.update(self.gaussian)
        made._var = var
        if self.apart:
            made._rng = random.Random()
        return made


def check_tree(source: Any) -> None:
    """Refuse a tree whose parameters have no compiled form."""
    refused = {
        "split_criterion": source.split_criterion != "info_gain",
        "splitter": source.splitter is not None
        and type(source.splitter) is not tree.splitter.GaussianSplitter,
        "nominal_attributes": bool(source.nominal_attributes),
        "remove_poor_attrs": source.remove_poor_attrs,
        "stop_mem_management": source.stop_mem_management,
        "delta": not 0 < source.delta <= 1,
        "memory_estimate_period": source.memory_estimate_period <= 0,
    }
    for name, is_so in refused.items():
        if is_so:
            raise Unsupported(f"{type(source).__name__}: this {name} has no compiled form")


__all__ = ["Builder", "check_tree", "leaves_max", "load_tree", "nodes_of", "survey"]
