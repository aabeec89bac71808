"""When and how a leaf of a classification tree splits: information gain over Gaussians, Hoeffding's bound.

After River's `tree/hoeffding_tree_classifier.py`, `tree/splitter/gaussian_splitter.py` and
`tree/split_criterion/info_gain_split_criterion.py` (BSD-3), in its order of operations.
"""

from __future__ import annotations

import math

from engine.models.compiled.hoeffding_arena import (
    ACTIVE,
    ARRIVED,
    ASLEEP,
    BRANCH_MIN,
    CLASSES,
    COMPENSATES,
    COUNT,
    DEPTH,
    DEPTH_MAX,
    FEATURE,
    HALF,
    HIGHEST,
    LEFT,
    LOG_DELTA,
    LOWEST,
    MEAN,
    ORDER,
    PREPRUNE,
    PRESENT,
    RIGHT,
    ROOT,
    SHARE_MAX,
    SLOT,
    SPLITS,
    SPLITTER,
    SQUARES,
    TAU,
    THRESHOLD,
    WATCHED,
    WEIGHT,
    WHOLE,
    Trees,
)
from engine.models.compiled.hoeffding_nodes import (
    fall_asleep,
    give_slot,
    leaf_weight,
    mark_attempt,
    new_leaf,
    plus,
    take_slot,
)
from engine.models.compiled.jit import kernel

SQRT2 = math.sqrt(2.0)


@kernel
def weigh(arena: Trees, side: int, n: int) -> tuple[float, float]:
    """`sum(dist.values())` of one side of a split, and its entropy."""
    total, lost, positive, entropy = 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        d = arena.sides[side, arena.side_orders[side, j]]
        if arena.ways[COMPENSATES]:
            total, lost = plus(total, lost, d)
        else:
            total += d
        if d > 0.0:
            entropy -= d * math.log2(d)
            positive += d
    if positive > 0.0:
        entropy = (entropy + positive * math.log2(positive)) / positive
    return total + lost, entropy


@kernel
def part(arena: Trees, slot: int, h: int, threshold: float) -> tuple[int, int]:
    """Weights of the classes left and right of a threshold; returns how many classes each side has."""
    lefts, rights = 0, 0
    for j in range(arena.watched[slot, h, PRESENT]):
        c = arena.watched[slot, h, ARRIVED + j]
        n = arena.moments[slot, h, c, COUNT]
        left = 0.0
        if threshold >= arena.moments[slot, h, c, LOWEST]:
            left = n
            if threshold < arena.moments[slot, h, c, HIGHEST]:
                variance = arena.moments[slot, h, c, SQUARES] / (n - 1.0) if n > 1.0 else 0.0
                sigma = variance ** arena.rates[HALF]
                share = 0.0
                if sigma != 0.0:
                    z = (threshold - arena.moments[slot, h, c, MEAN]) / sigma
                    share = 0.5 * (1.0 + math.erf(z / SQRT2))
                left = share * n
            arena.sides[0, c] = left
            arena.side_orders[0, lefts] = c
            lefts += 1
        if threshold < arena.moments[slot, h, c, HIGHEST]:
            arena.sides[1, c] = n - left
            arena.side_orders[1, rights] = c
            rights += 1
    return lefts, rights


@kernel
def gain(arena: Trees, counts: tuple[int, int], before: float) -> float:
    """The information that a split gains; -inf where a side gets too few."""
    total, least, after = 0.0, math.inf, 0.0
    for side in range(2):
        weight, entropy = weigh(arena, side, counts[side])
        total += weight
        least = min(least, weight)
        after += weight * entropy
    if not total > 0.0 or not least / total > arena.rates[BRANCH_MIN]:
        return -math.inf
    return before - after / total


@kernel
def best_threshold(arena: Trees, slot: int, h: int, before: float) -> tuple[float, float]:
    """The best split of one feature and what it gains; -inf: there is none."""
    low, high = math.inf, -math.inf
    for j in range(arena.watched[slot, h, PRESENT]):
        low = min(low, arena.moments[slot, h, arena.watched[slot, h, ARRIVED + j], LOWEST])
        high = max(high, arena.moments[slot, h, arena.watched[slot, h, ARRIVED + j], HIGHEST])
    best, threshold = -math.inf, 0.0
    width = (high - low) / (arena.ways[SPLITS] + 1.0)
    for i in range(arena.ways[SPLITS]):
        at = low + (width * (i + 1))
        if low < at < high:
            merit = gain(arena, part(arena, slot, h, at), before)
            if merit > best:
                best, threshold = merit, at
    return best, threshold


@kernel
def choose(arena: Trees, node: int, total: float) -> tuple[bool, int, float]:
    """Whether to split, by which of the leaf's splitters (-1: not at all, sleep), and where."""
    top, side, n = (
        -math.inf,
        arena.nodes[node, FEATURE] + 1,
        arena.nodes[node, CLASSES],
    )  # a leaf's FEATURE is -1
    for j in range(n):
        c = arena.classes[node, ORDER, j]
        arena.side_orders[side, j], arena.sides[side, c] = c, arena.facts[node, WEIGHT + c]
        top = max(top, arena.facts[node, WEIGHT + c])
    if top != 0.0 and top / total > arena.rates[SHARE_MAX]:
        return True, -1, 0.0
    # River sorts suggestions by merit, keeping the order of equals: the last of the best wins.
    first, second, h_best, threshold = -math.inf, -math.inf, -1, 0.0
    count = 1 if arena.ways[PREPRUNE] else 0
    _, before = weigh(arena, side, n)
    for h in range(arena.nodes[node, WATCHED]):
        merit, at = best_threshold(arena, arena.nodes[node, SLOT], h, before)
        count += 1
        if count == 1 or merit >= first:
            first, second, threshold = merit, first, at
            h_best = h if merit > -math.inf else -1
        elif merit > second:
            second = merit
    if count < 2:
        return count > 0, h_best, threshold
    spread = math.log2(float(max(n, 2)))
    bound = math.sqrt((spread * spread * arena.rates[LOG_DELTA]) / (2.0 * total))
    return first - second > bound or bound < arena.rates[TAU], h_best, threshold


@kernel
def child(arena: Trees, parent: int, side: int, n: int) -> int:
    """A leaf that begins with one side's weights."""
    node = new_leaf(arena, parent)
    for j in range(n):
        c = arena.side_orders[side, j]
        arena.classes[node, ORDER, j] = c
        arena.facts[node, WEIGHT + c] = arena.sides[side, c]
        arena.classes[node, WHOLE, c] = 0
    arena.nodes[node, CLASSES] = n
    mark_attempt(arena, node, leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node))
    return node


@kernel
def attempt_split(arena: Trees, t: int, node: int, total: float) -> None:
    """Split the leaf, or put it to sleep, if the bound is sure enough."""
    mixed = 0
    for j in range(arena.nodes[node, CLASSES]):
        mixed += arena.facts[node, WEIGHT + arena.classes[node, ORDER, j]] != 0.0
    if mixed < 2:
        return
    sure, h, threshold = choose(arena, node, total)
    if not sure:
        return
    if h < 0:
        fall_asleep(arena, t, node)
    else:
        slot = arena.nodes[node, SLOT]
        feature = arena.watched[slot, h, SPLITTER]
        counts = part(arena, slot, h, threshold)
        give_slot(arena, node)
        for side in range(2):
            arena.nodes[node, LEFT + side] = child(arena, node, side, counts[side])
        arena.nodes[node, FEATURE] = feature
        arena.facts[node, THRESHOLD] = threshold
        arena.trees[t, ACTIVE] += 1
    if arena.trees[t, ASLEEP] > 0:
        wake(arena, t, arena.trees[t, ROOT])


@kernel
def wake(arena: Trees, t: int, node: int) -> None:
    """Wake the leaves that sleep: what River's limit of size does as long as the tree is far below it."""
    if arena.nodes[node, FEATURE] >= 0:
        wake(arena, t, arena.nodes[node, LEFT])
        wake(arena, t, arena.nodes[node, RIGHT])
    elif arena.nodes[node, SLOT] < 0 and arena.nodes[node, DEPTH] < arena.ways[DEPTH_MAX]:
        take_slot(arena, node)
        arena.trees[t, ACTIVE] += 1
        arena.trees[t, ASLEEP] -= 1
