"""An adaptive random forest in a kernel: Poisson bagging, detectors for each tree, trees that replace others.

After River's `forest/adaptive_random_forest.py` (BSD-3), in its order of operations and of random draws.
Tree t of the forest is one of two in the arena, t and t + n; the other one is its background tree, if any.
"""

from __future__ import annotations

from engine.models.compiled.adwin import forget_all, update
from engine.models.compiled.block import LEARN, PREDICT, Bytes, Floats, Ints
from engine.models.compiled.forest_members import (
    BACK,
    FRONT,
    NEAR,
    NOBODY,
    RATE,
    WARNING,
    Forest,
    forget_score,
    keep_score,
    note_firing,
)
from engine.models.compiled.forest_random import poisson, sample
from engine.models.compiled.forest_votes import count_votes, guess, note_order
from engine.models.compiled.hoeffding_arena import (
    BORN,
    CHOSEN,
    CHOSEN_MAX,
    FEATURE,
    FREE_NODE,
    IDLE_NODES,
    LEAF,
    LEAVES_MAX,
    LEFT,
    NO_LIMIT,
    PERIOD,
    POOL,
    RIGHT,
    ROOT,
    SLOT,
    TOTAL,
    Trees,
)
from engine.models.compiled.hoeffding_nodes import give_slot
from engine.models.compiled.hoeffding_walk import DONE, PYTHONS, consult, lay, learn, lift, ready, tame, vote
from engine.models.compiled.jit import kernel


@kernel
def free_tree(arena: Trees, t: int) -> None:
    """Give back all nodes of a tree, and make it new."""
    if arena.trees[t, ROOT] >= 0:
        free_nodes(arena, arena.trees[t, ROOT])
    for j in range(arena.trees.shape[1]):
        if j != BORN:
            arena.trees[t, j] = 0
    arena.trees[t, ROOT] = -1
    arena.trees[t, BORN] += 1
    arena.trees[t, LEAVES_MAX] = NO_LIMIT
    arena.votes[t, TOTAL, 0] = 0.0


@kernel
def free_nodes(arena: Trees, node: int) -> None:
    if arena.nodes[node, FEATURE] >= 0:
        free_nodes(arena, arena.nodes[node, LEFT])
        free_nodes(arena, arena.nodes[node, RIGHT])
    elif arena.nodes[node, SLOT] >= 0:
        give_slot(arena, node)
    arena.nodes[node, LEFT] = arena.used[FREE_NODE]
    arena.used[FREE_NODE] = node
    arena.used[IDLE_NODES] += 1


# -- learning ----------------------------------------------------------------------------------------------


@kernel
def watch_member(arena: Trees, forest: Forest, m: int, wrong: float) -> None:
    """Tell both detectors how the guess went; begin a background tree, or put it in the front."""
    members, n = forest.members, forest.members.shape[0]
    front = members[m, FRONT]
    for which in range(2):
        if not update(forest.windows, 2 * m + which, wrong, forest.parameters, which):
            continue
        note_firing(forest, m, which)
        forget_all(forest.windows, 2 * m + which)
        if which == WARNING:
            members[m, BACK] = front + n if front < n else front - n
            free_tree(arena, members[m, BACK])
            continue
        free_tree(arena, front)
        forget_score(forest, m)
        if members[m, BACK] >= 0:
            members[m, FRONT] = members[m, BACK]
            members[m, BACK] = NOBODY
            forget_all(forest.windows, 2 * m)


@kernel
def teach(
    arena: Trees,
    forest: Forest,
    ids: Ints,
    kinds: Bytes,
    first: int,
    size: int,
    values: Floats,
    at: int,
    y: int,
    consulted: bool,
) -> None:
    """Let every member learn from the row, as often as its dice say."""
    for m in range(forest.members.shape[0]):
        t, back = forest.members[m, FRONT], forest.members[m, BACK]
        if not consulted:
            consult(arena, t, values, at)
            vote(arena, t, values, at)
        guessed = guess(arena, forest, t)
        keep_score(forest, m, y, guessed)
        k = poisson(arena.twister, forest.parameters[RATE, 0])
        if k > 0:
            if back >= 0:
                consult(arena, back, values, at)
                learn(arena, back, ids, kinds, first, size, values, at, y, float(k))
            learn(arena, t, ids, kinds, first, size, values, at, y, float(k))
            watch_member(arena, forest, m, 0.0 if guessed == y else 1.0)


# -- looking ahead -----------------------------------------------------------------------------------------


@kernel
def near(arena: Trees, forest: Forest) -> bool:
    """Whether a tree might come to the weight at which River estimates its size, at the next event."""
    for m in range(forest.members.shape[0]):
        for j in range(2):
            t = forest.members[m, j]
            period = arena.rates[PERIOD]
            if t >= 0 and period - arena.votes[t, TOTAL, 0] % period <= forest.parameters[NEAR, 0]:
                return True
    return False


@kernel
def will_estimate(arena: Trees, forest: Forest, size: int, values: Floats, at: int) -> bool:
    """Whether it will: throw the dice of the event ahead of it, with all that is drawn between."""
    dice = forest.dice
    for j in range(dice.size):
        dice[j] = arena.twister[j]
    for m in range(forest.members.shape[0]):
        k = poisson(dice, forest.parameters[RATE, 0])
        for j in range(2):
            t = forest.members[m, 1 - j]
            if k <= 0 or t < 0:
                continue
            if (arena.votes[t, TOTAL, 0] + k) % arena.rates[PERIOD] == 0.0:
                return True
            consult(arena, t, values, at)
            leaf = arena.trees[t, LEAF]
            if leaf >= 0 and (arena.nodes[leaf, SLOT] < 0 or arena.nodes[leaf, CHOSEN] > 0):
                continue
            if size >= arena.ways[CHOSEN_MAX]:
                for i in range(size):
                    arena.row[POOL, i] = i
                sample(dice, arena.row, POOL, size, arena.ways[CHOSEN_MAX], forest.tosses, j - j, j - j)
    return False


# -- a block -----------------------------------------------------------------------------------------------


@kernel
def grow_forest(
    arena: Trees,
    forest: Forest,
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
    weighted: bool,
    out: Floats,
    orders: Ints,
    said: Ints,
) -> tuple[int, int, int, int]:
    """Take a block; returns where it came to, and why it came back.

    `out[i]` gets the votes by class, `orders[said[i]]` how many classes there are and in which order.
    """
    count = 0 if start == 0 else said[start - 1] + 1
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
        if status != DONE:
            return i, at_before, at_after, status
        said[i] = count - 1
        if predicts:
            lay(arena.row, ids, first, size)
            known = count_votes(arena, forest, i, weighted, out, before_values, at_before)
            said[i] = note_order(forest, known, orders, count)
            count = said[i] + 1
        if learns:
            consulted = predicts and same
            if not consulted:
                lift(arena.row, ids, first, size)
                lay(arena.row, ids, learn_first, learn_size)
            if near(arena, forest) and will_estimate(arena, forest, learn_size, values, at_after):
                lift(arena.row, ids, learn_first, learn_size)
                return i, at_before, at_after, PYTHONS
            y = int(labels[i])
            teach(arena, forest, ids, kinds, learn_first, learn_size, values, at_after, y, consulted)
            lift(arena.row, ids, learn_first, learn_size)
        else:
            lift(arena.row, ids, first, size)
        at_before += size
        at_after += learn_size
    return ops.size, at_before, at_after, DONE
