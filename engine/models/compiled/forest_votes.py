"""The votes of a forest: those of its trees, weighted by how well each did."""

from __future__ import annotations

from engine.models.compiled.block import Floats, Ints
from engine.models.compiled.forest_members import FRONT, NOBODY, Forest, member_score
from engine.models.compiled.hoeffding_arena import COMPENSATES, SEEN, VOTES, Trees
from engine.models.compiled.hoeffding_nodes import plus
from engine.models.compiled.hoeffding_walk import consult, vote
from engine.models.compiled.jit import kernel


@kernel
def count_votes(
    arena: Trees, forest: Forest, i: int, weighted: bool, out: Floats, values: Floats, at: int
) -> int:
    """Add up the trees' votes in `out[i]`; how many classes there are, in the order River meets them."""
    known = 0
    for c in forest.by_name:
        out[i, c] = -1.0
    for m in range(forest.members.shape[0]):
        t = forest.members[m, FRONT]
        consult(arena, t, values, at)
        vote(arena, t, values, at)
        share = member_score(forest, m)
        for c in forest.by_name:
            if arena.trees[t, SEEN + c]:
                v = arena.votes[t, VOTES, c]
                if weighted and share > 0.0:
                    v *= share
                if out[i, c] < 0.0:
                    forest.order[known] = c
                    known += 1
                    out[i, c] = v
                else:
                    out[i, c] = v + out[i, c]
    total, lost = 0.0, 0.0
    for j in range(known):
        v = out[i, forest.order[j]]
        if arena.ways[COMPENSATES]:
            total, lost = plus(total, lost, v)
        else:
            total += v
    total += lost
    if total > 0.0:
        for j in range(known):
            out[i, forest.order[j]] /= total
    return known


@kernel
def note_order(forest: Forest, known: int, orders: Ints, count: int) -> int:
    """The row of `orders` that holds the order of the votes at hand, a new one if the last is another."""
    last = count - 1
    if last >= 0 and orders[last, 0] == known:
        same = True
        for j in range(known):
            same = same and orders[last, 1 + j] == forest.order[j]
        if same:
            return last
    orders[count, 0] = known
    for j in range(known):
        orders[count, 1 + j] = forest.order[j]
    return count


@kernel
def guess(arena: Trees, forest: Forest, t: int) -> int:
    """The class with the most votes of a tree, the first of them by name."""
    best = NOBODY
    for c in forest.by_name:
        if arena.trees[t, SEEN + c] and (
            best == NOBODY or arena.votes[t, VOTES, c] > arena.votes[t, VOTES, best]
        ):
            best = c
    return best
