"""Nodes of Hoeffding trees: how leaves come and go in the arena, and what they weigh.

Loops in the kernels of trees go over scalars, without slices or NumPy's functions: these take numba ten
times as long to compile. And what is called often takes the arrays that it needs rather than the arena, whose
arrays would all be handed over.
"""

from __future__ import annotations

from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.hoeffding_arena import (
    ACTIVE,
    ASLEEP,
    CHOSEN,
    CLASSES,
    COMPENSATES,
    DEEPEST,
    DEPTH,
    FEATURE,
    FREE_NODE,
    FREE_SLOT,
    IDLE_NODES,
    IDLE_SLOTS,
    LAST,
    LAST_WHOLE,
    LEFT,
    NODES,
    ORDER,
    SLOT,
    SLOTS,
    SPLITTER,
    WATCHED,
    WEIGHT,
    WHOLE,
    Trees,
)
from engine.models.compiled.jit import inlined, kernel


@inlined
def plus(total: float, lost: float, x: float) -> tuple[float, float]:
    """One step of `sum()` as of Python 3.12: the sum, and what rounding took from it (Neumaier)."""
    t = total + x
    if abs(total) >= abs(x):
        return t, lost + ((total - t) + x)
    return t, lost + ((x - t) + total)


@inlined
def leaf_weight(nodes: Ints, classes: Ints, facts: Floats, ways: Ints, node: int) -> float:
    """`sum(stats.values())`; from Python 3.12 on it compensates between floats."""
    total, lost, floats = 0.0, 0.0, False
    for j in range(nodes[node, CLASSES]):
        c = classes[node, ORDER, j]
        if classes[node, WHOLE, c]:
            total += facts[node, WEIGHT + c]
        elif floats and ways[COMPENSATES]:
            total, lost = plus(total, lost, facts[node, WEIGHT + c])
        else:
            total += facts[node, WEIGHT + c]
            floats = True
    return total + lost


@kernel
def take_slot(arena: Trees, node: int) -> None:
    """Let a leaf watch features, from nothing."""
    slot = arena.used[FREE_SLOT]
    if slot >= 0:
        arena.used[FREE_SLOT] = arena.watched[slot, 0, SPLITTER]  # the next that is free
        arena.used[IDLE_SLOTS] -= 1
    else:
        slot = arena.used[SLOTS]
        arena.used[SLOTS] += 1
    arena.nodes[node, SLOT] = slot
    arena.nodes[node, WATCHED] = 0
    for f in range(arena.place.shape[1]):
        arena.place[slot, f] = -1


@kernel
def give_slot(arena: Trees, node: int) -> None:
    slot = arena.nodes[node, SLOT]
    arena.watched[slot, 0, SPLITTER] = arena.used[FREE_SLOT]
    arena.used[FREE_SLOT] = slot
    arena.used[IDLE_SLOTS] += 1
    arena.nodes[node, SLOT] = -1
    arena.nodes[node, WATCHED] = 0


@kernel
def fall_asleep(arena: Trees, t: int, node: int) -> None:
    """A leaf that watches no features any more; River calls it inactive."""
    give_slot(arena, node)
    arena.trees[t, ACTIVE] -= 1
    arena.trees[t, ASLEEP] += 1


@kernel
def new_leaf(arena: Trees, parent: int) -> int:
    """An empty leaf below a node; below -1 it is a root."""
    node = arena.used[FREE_NODE]
    if node >= 0:
        arena.used[FREE_NODE] = arena.nodes[node, LEFT]  # the next that is free
        arena.used[IDLE_NODES] -= 1
    else:
        node = arena.used[NODES]
        arena.used[NODES] += 1
    arena.nodes[node, FEATURE] = -1
    depth = arena.nodes[parent, DEPTH] + 1 if parent >= 0 else 0
    arena.nodes[node, DEPTH] = depth
    arena.used[DEEPEST] = max(arena.used[DEEPEST], depth)
    arena.nodes[node, CLASSES] = 0
    arena.nodes[node, CHOSEN] = 0
    arena.nodes[node, LAST_WHOLE] = 1
    for j in range(arena.facts.shape[1]):
        arena.facts[node, j] = 0.0
    take_slot(arena, node)
    return int(node)


@kernel
def mark_attempt(arena: Trees, node: int, weight: float) -> None:
    """Remember the weight at the last attempt to split, and whether it is an int in River."""
    arena.facts[node, LAST] = weight
    arena.nodes[node, LAST_WHOLE] = 1
    for j in range(arena.nodes[node, CLASSES]):
        if not arena.classes[node, WHOLE, arena.classes[node, ORDER, j]]:
            arena.nodes[node, LAST_WHOLE] = 0
