"""What a leaf of a Hoeffding tree says and learns: majority class, naive Bayes, one Gaussian per class.

After River's `tree/nodes/htc_nodes.py` and `tree/utils.py` (BSD-3), in its order of operations.
"""

from __future__ import annotations

import math

from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.hoeffding_arena import (
    ADAPTIVE,
    ARRIVED,
    BAYES,
    BAYES_MIN,
    BAYES_RIGHT,
    CLASSES,
    COMPENSATES,
    COUNT,
    HALF_LOG,
    HIGHEST,
    HIGHEST_KIND,
    LOWEST,
    LOWEST_KIND,
    MAJORITY_RIGHT,
    MEAN,
    NAIVE_BAYES,
    ORDER,
    PLACE,
    PREDICTION,
    PRESENT,
    SLOT,
    SPLITTER,
    SQUARES,
    TWO,
    VOTES,
    VOTING,
    WATCHED,
    WEIGHT,
    WHOLE,
    Trees,
)
from engine.models.compiled.hoeffding_nodes import leaf_weight, plus
from engine.models.compiled.jit import inlined, kernel

HALF_LOG_TAU = 0.5 * math.log(math.tau)


# -- votes -------------------------------------------------------------------------------------------------


@inlined
def majority_votes(arena: Trees, t: int, node: int) -> None:
    """The shares of the classes, into the tree's votes."""
    total = leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node)
    for j in range(arena.nodes[node, CLASSES]):
        c = arena.classes[node, ORDER, j]
        weight = arena.facts[node, WEIGHT + c]
        arena.votes[t, VOTES, c] = weight if total == 0.0 else weight * (1 / total)


@inlined
def log_density(moments: Floats, slot: int, h: int, c: int, x: float, two: float) -> float:
    """The log of a Gaussian's density at x; 0 where River adds nothing."""
    n = moments[slot, h, c, COUNT] - 1.0
    if n > 0.0:
        variance = moments[slot, h, c, SQUARES] / n
        if variance > 0.0:
            off = (x - moments[slot, h, c, MEAN]) ** two / (-2.0 * variance)
            found = off - HALF_LOG_TAU - moments[slot, h, c, HALF_LOG]
            if found > -math.inf:
                return float(found)
    return 0.0


@kernel
def bayes_votes(arena: Trees, t: int, node: int, values: Floats, at: int) -> int:
    """Naive Bayes over the leaf's splitters, into `bayes`; returns how many classes have a vote.

    Nothing is computed twice for one row: `found` remembers, until the leaf learns.
    """
    if arena.trees[t, VOTING] >= 0:
        return int(arena.trees[t, VOTING])
    n = arena.nodes[node, CLASSES]
    total = leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node)
    arena.trees[t, VOTING] = n if total != 0.0 else 0
    if n == 0 or total == 0.0:
        return 0
    slot = arena.nodes[node, SLOT]
    top = -math.inf
    for j in range(n):
        c = arena.classes[node, ORDER, j]
        vote = 0.0
        if arena.facts[node, WEIGHT + c] > 0.0:
            vote = math.log(arena.facts[node, WEIGHT + c] / total)
            for h in range(arena.nodes[node, WATCHED]):
                k = arena.row[PLACE, arena.watched[slot, h, SPLITTER]]
                if k >= 0:
                    vote += log_density(arena.moments, slot, h, c, values[at + k], arena.rates[TWO])
        arena.votes[t, BAYES, c] = vote
        top = max(top, vote)
    total, lost = 0.0, 0.0
    for j in range(n):
        e = math.exp(arena.votes[t, BAYES, arena.classes[node, ORDER, j]] - top)
        if arena.ways[COMPENSATES]:
            total, lost = plus(total, lost, e)
        else:
            total += e
    log_total = top + math.log(total + lost)
    for j in range(n):
        c = arena.classes[node, ORDER, j]
        arena.votes[t, BAYES, c] = math.exp(arena.votes[t, BAYES, c] - log_total)
    return int(n)


@inlined
def leaf_votes(arena: Trees, t: int, node: int, values: Floats, at: int) -> None:
    """What the leaf predicts, into the tree's votes."""
    naive = False
    if arena.nodes[node, SLOT] >= 0:
        if arena.ways[PREDICTION] == ADAPTIVE:
            naive = arena.facts[node, BAYES_RIGHT] >= arena.facts[node, MAJORITY_RIGHT]
        elif arena.ways[PREDICTION] == NAIVE_BAYES:
            naive = (
                leaf_weight(arena.nodes, arena.classes, arena.facts, arena.ways, node)
                >= arena.rates[BAYES_MIN]
            )
    if not naive:
        majority_votes(arena, t, node)
    elif bayes_votes(arena, t, node, values, at) > 0:
        for j in range(arena.nodes[node, CLASSES]):
            c = arena.classes[node, ORDER, j]
            arena.votes[t, VOTES, c] = arena.votes[t, BAYES, c]


@inlined
def count_right(arena: Trees, t: int, node: int, y: int, w: float) -> None:
    """Credit those of majority and naive Bayes whose first class with the most votes is the label."""
    for by in range(2):
        best = arena.classes[node, ORDER, 0]
        for j in range(1, arena.nodes[node, CLASSES]):
            c = arena.classes[node, ORDER, j]
            if arena.votes[t, by, c] > arena.votes[t, by, best]:
                best = c
        if best == y:
            arena.facts[node, MAJORITY_RIGHT + by] += w


# -- learning ----------------------------------------------------------------------------------------------


@inlined
def judge_leaf(arena: Trees, t: int, node: int, values: Floats, at: int, y: int, w: float) -> None:
    """Count which of majority and naive Bayes would have been right."""
    if arena.nodes[node, CLASSES] == 0:
        arena.facts[node, MAJORITY_RIGHT] += w
        return
    majority_votes(arena, t, node)
    bayes_votes(arena, t, node, values, at)
    count_right(arena, t, node, y, w)


@inlined
def count_class(arena: Trees, node: int, y: int, w: float, whole: int) -> None:
    """Add the weight to the class's."""
    n = arena.nodes[node, CLASSES]
    for j in range(n):
        if arena.classes[node, ORDER, j] == y:
            arena.facts[node, WEIGHT + y] += w
            arena.classes[node, WHOLE, y] &= whole
            return
    arena.classes[node, ORDER, n] = y
    arena.nodes[node, CLASSES] = n + 1
    arena.facts[node, WEIGHT + y] = w
    arena.classes[node, WHOLE, y] = whole


@inlined
def watch(place: Ints, watched: Ints, moments: Floats, nodes: Ints, node: int, f: int) -> int:
    """The leaf's splitter of a feature, a new one if there is none."""
    slot = nodes[node, SLOT]
    h = place[slot, f]
    if h < 0:
        h = nodes[node, WATCHED]
        nodes[node, WATCHED] = h + 1
        place[slot, f] = h
        watched[slot, h, SPLITTER] = f
        watched[slot, h, PRESENT] = 0
        for c in range(moments.shape[2]):
            moments[slot, h, c, COUNT] = 0.0
    return int(h)


@inlined
def measure(watched: Ints, moments: Floats, slot: int, h: int, y: int, x: float, kind: int, w: float) -> None:
    """Update the Gaussian of the class in a splitter."""
    n = moments[slot, h, y, COUNT]
    if n == 0.0:
        watched[slot, h, ARRIVED + watched[slot, h, PRESENT]] = y
        watched[slot, h, PRESENT] += 1
        moments[slot, h, y, MEAN] = 0.0
        moments[slot, h, y, SQUARES] = 0.0
        moments[slot, h, y, HALF_LOG] = 0.0
    if n == 0.0 or x < moments[slot, h, y, LOWEST]:
        moments[slot, h, y, LOWEST] = x
        moments[slot, h, y, LOWEST_KIND] = kind
    if n == 0.0 or x > moments[slot, h, y, HIGHEST]:
        moments[slot, h, y, HIGHEST] = x
        moments[slot, h, y, HIGHEST_KIND] = kind
    n += w
    old = moments[slot, h, y, MEAN]
    mean = old + (w / n) * (x - old)
    squares = moments[slot, h, y, SQUARES] + w * (x - old) * (x - mean)
    moments[slot, h, y, COUNT] = n
    moments[slot, h, y, MEAN] = mean
    moments[slot, h, y, SQUARES] = squares
    if n > 1.0 and squares / (n - 1.0) > 0.0:  # once here rather than for every vote
        moments[slot, h, y, HALF_LOG] = 0.5 * math.log(squares / (n - 1.0))
