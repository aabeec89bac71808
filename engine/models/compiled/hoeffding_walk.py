"""How a row walks down a classification tree, and how the tree learns from it; the kernel of a block.

After River's `tree/hoeffding_tree_classifier.py` and `tree/nodes/branch.py` (BSD-3).
"""

from __future__ import annotations

from engine.models.compiled.block import LEARN, PREDICT, Bytes, Floats, Ints
from engine.models.compiled.forest_random import sample
from engine.models.compiled.hoeffding_arena import (
    ACTIVE,
    ADAPTIVE,
    ASLEEP,
    CHOICE,
    CHOSEN,
    CHOSEN_MAX,
    DEEPEST,
    DEPTH,
    DEPTH_MAX,
    FEATURE,
    GRACE,
    GROWS,
    IDLE_NODES,
    IDLE_SLOTS,
    LAST,
    LEAF,
    LEAVES_MAX,
    LEFT,
    MISSED,
    NODES,
    PERIOD,
    PLACE,
    POOL,
    PREDICTION,
    RANK,
    RIGHT,
    ROOT,
    SEEN,
    SLOT,
    SLOTS,
    THRESHOLD,
    TOO_DEEP,
    TOTAL,
    VOTES,
    VOTING,
    Trees,
)
from engine.models.compiled.hoeffding_leaves import count_class, judge_leaf, leaf_votes, measure, watch
from engine.models.compiled.hoeffding_nodes import fall_asleep, leaf_weight, mark_attempt, new_leaf
from engine.models.compiled.hoeffding_splits import attempt_split
from engine.models.compiled.jit import inlined, kernel

DONE, FULL, PYTHONS = range(3)  # why a kernel came back: at the end, for more room, for an event of River's

LARGEST, SMALLEST = 1e100, 1e-100  # squares of what lies between can't overflow, nor fade away


# -- a row -------------------------------------------------------------------------------------------------


@inlined
def lay(row: Ints, ids: Ints, first: int, size: int) -> None:
    """Note where each feature stands in the row."""
    for k in range(size):
        row[PLACE, ids[first + k]] = k


@inlined
def lift(row: Ints, ids: Ints, first: int, size: int) -> None:
    for k in range(size):
        row[PLACE, ids[first + k]] = -1


@inlined
def tame(values: Floats, at: int, size: int) -> bool:
    """Whether no value is so extreme that Python might raise on its way."""
    for k in range(size):
        x = abs(values[at + k])
        if not x < LARGEST or 0.0 < x < SMALLEST:
            return False
    return True


# -- down the tree -----------------------------------------------------------------------------------------


@kernel
def heavy(arena: Trees, node: int) -> float:
    """The weight of all leaves below."""
    if arena.nodes[node, FEATURE] < 0:
        return leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node)
    return heavy(arena, arena.nodes[node, LEFT]) + heavy(arena, arena.nodes[node, RIGHT])


@kernel
def consult(arena: Trees, t: int, values: Floats, at: int) -> None:
    """Find the leaf of the row; where a split's feature is missing, the heavier side is taken."""
    node, missed = arena.trees[t, ROOT], 0
    while node >= 0 and arena.nodes[node, FEATURE] >= 0:
        k = arena.row[PLACE, arena.nodes[node, FEATURE]]
        left, right = arena.nodes[node, LEFT], arena.nodes[node, RIGHT]
        if k >= 0:
            node = left if values[at + k] <= arena.facts[node, THRESHOLD] else right
        else:
            missed = 1
            node = right if heavy(arena, left) < heavy(arena, right) else left
    arena.trees[t, LEAF] = node
    arena.trees[t, MISSED] = missed
    arena.trees[t, VOTING] = -1


@kernel
def vote(arena: Trees, t: int, values: Floats, at: int) -> None:
    """The tree's votes for the row that was consulted; of use where `seen` is set."""
    for c in range(arena.votes.shape[2]):
        arena.votes[t, VOTES, c] = 0.0
    if arena.trees[t, LEAF] >= 0:
        leaf_votes(arena, t, arena.trees[t, LEAF], values, at)


# -- learning ----------------------------------------------------------------------------------------------


@kernel
def choose_features(arena: Trees, node: int, ids: Ints, first: int, size: int) -> None:
    """A random leaf's features: some of those of the first event that it learns from, sorted by name."""
    wanted = arena.ways[CHOSEN_MAX]
    for k in range(size):
        j, f = k, ids[first + k]
        while j > 0 and arena.row[RANK, arena.row[POOL, j - 1]] > arena.row[RANK, f]:
            arena.row[POOL, j] = arena.row[POOL, j - 1]
            j -= 1
        arena.row[POOL, j] = f
    if size >= wanted:
        sample(arena.twister, arena.row, POOL, size, wanted, arena.nodes, node, CHOICE)
    else:
        for k in range(size):
            arena.nodes[node, CHOICE + k] = arena.row[POOL, k]
    arena.nodes[node, CHOSEN] = min(size, wanted)


@kernel
def leaf_learn(
    arena: Trees,
    t: int,
    node: int,
    ids: Ints,
    kinds: Bytes,
    first: int,
    size: int,
    values: Floats,
    at: int,
    y: int,
    w: float,
) -> None:
    """Learn in the leaf. A forest's leaf watches the features it chose, and its weights are ints."""
    if arena.nodes[node, SLOT] >= 0 and arena.ways[PREDICTION] == ADAPTIVE:
        judge_leaf(arena, t, node, values, at, y, w)
    random = arena.ways[CHOSEN_MAX] > 0
    count_class(arena, node, y, w, 1 if random else 0)
    slot = arena.nodes[node, SLOT]
    if slot < 0:
        return
    if random and arena.nodes[node, CHOSEN] == 0:
        choose_features(arena, node, ids, first, size)
    for j in range(arena.nodes[node, CHOSEN] if random else size):
        k = arena.row[PLACE, arena.nodes[node, CHOICE + j]] if random else j
        if k >= 0:
            h = watch(arena.place, arena.watched, arena.moments, arena.nodes, node, ids[first + k])
            measure(arena.watched, arena.moments, slot, h, y, values[at + k], kinds[first + k], w)


@kernel
def learn(
    arena: Trees,
    t: int,
    ids: Ints,
    kinds: Bytes,
    first: int,
    size: int,
    values: Floats,
    at: int,
    y: int,
    w: float,
) -> None:
    """Learn from the row that was consulted, then sleep or split if it is time to."""
    arena.trees[t, SEEN + y] = 1
    arena.votes[t, TOTAL, 0] += w
    node = arena.trees[t, LEAF]
    if node < 0:
        node = new_leaf(arena, node)
        arena.trees[t, ROOT] = node
        arena.trees[t, ACTIVE] = 1
    leaf_learn(arena, t, node, ids, kinds, first, size, values, at, y, w)
    if arena.trees[t, MISSED] or not arena.ways[GROWS] or arena.nodes[node, SLOT] < 0:
        return
    if arena.nodes[node, DEPTH] >= arena.ways[DEPTH_MAX]:
        fall_asleep(arena, t, node)
        return
    total = leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node)
    if total - arena.facts[node, LAST] >= arena.rates[GRACE]:
        attempt_split(arena, t, node, total)
        mark_attempt(arena, node, total)


@inlined
def ready(arena: Trees) -> int:
    """Whether the arena has room for what its trees may take at one event, and the event is not River's.

    A tree takes two nodes when it splits, one when it begins, and slots for all its leaves that sleep. When
    one more leaf might reach its limit of size, only River can tell.
    """
    trees = arena.trees.shape[0]
    nodes = arena.nodes.shape[0] - arena.used[NODES] + arena.used[IDLE_NODES] - 3 * trees
    slots = arena.place.shape[0] - arena.used[SLOTS] + arena.used[IDLE_SLOTS] - 3 * trees
    status = PYTHONS if arena.used[DEEPEST] >= TOO_DEEP else DONE
    for t in range(trees):
        slots -= arena.trees[t, ASLEEP]
        if arena.trees[t, ACTIVE] + arena.trees[t, ASLEEP] >= arena.trees[t, LEAVES_MAX]:
            status = PYTHONS
    return FULL if nodes < 0 or slots < 0 else status


# -- a block -----------------------------------------------------------------------------------------------


@kernel
def grow(
    arena: Trees,
    start: int,
    at_before: int,
    at_after: int,
    ops: Bytes,
    before: Ints,
    after: Ints,
    same: bool,
    starts: Ints,
    ids: Ints,
    kinds: Bytes,
    before_values: Floats,
    values: Floats,
    labels: Floats,
    weights: Floats,
    by_name: Ints,
    out: Floats,
    known: Ints,
) -> tuple[int, int, int, int]:
    """Take a block with one tree; returns where it came to, and why it came back.

    `out[i]` gets the votes of the classes the tree has seen, in the order `by_name`; `known[i]`, how many.
    """
    t = start - start
    for i in range(start, ops.size):
        first = starts[before[i]]
        size = starts[before[i] + 1] - first
        learn_first = starts[after[i]]
        learn_size = starts[after[i] + 1] - learn_first
        predicts, learns = ops[i] & PREDICT > 0, ops[i] & LEARN > 0
        status = ready(arena) if learns else DONE
        if predicts and not tame(before_values, at_before, size):
            status = PYTHONS
        if learns and not tame(values, at_after, learn_size):
            status = PYTHONS
        w = weights[i]
        if learns and not (0.0 < w < LARGEST and (arena.votes[t, TOTAL, 0] + w) % arena.rates[PERIOD] != 0.0):
            status = PYTHONS
        if status != DONE:
            return i, at_before, at_after, status
        if predicts:
            lay(arena.row, ids, first, size)
            consult(arena, t, before_values, at_before)
            vote(arena, t, before_values, at_before)
            for c in by_name:
                if arena.trees[t, SEEN + c]:
                    out[i, known[i]] = arena.votes[t, VOTES, c]
                    known[i] += 1
        if learns:
            if not (predicts and same):
                lift(arena.row, ids, first, size)
                lay(arena.row, ids, learn_first, learn_size)
                consult(arena, t, values, at_after)
            y = int(labels[i])
            learn(arena, t, ids, kinds, learn_first, learn_size, values, at_after, y, w)
            lift(arena.row, ids, learn_first, learn_size)
        else:
            lift(arena.row, ids, first, size)
        at_before += size
        at_after += learn_size
    return ops.size, at_before, at_after, DONE
