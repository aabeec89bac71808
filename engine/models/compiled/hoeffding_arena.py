"""Hoeffding trees in arrays: all nodes of all trees of a model lie in one arena.

    tree    its root, how many leaves are active, the weight it has seen, the classes it has seen
    node    a branch (feature, threshold, left, right) or a leaf (weight of each class, right guesses)
    slot    what an active leaf watches: for each feature its splitter, one Gaussian for each class

Leaves that split or fall asleep give their slot back, trees that are replaced their nodes, so the arena
grows with the largest forest there was, by doubling.

Orders of River's dicts set the order of its sums and who wins a tie, so they are kept: the classes of a leaf,
its splitters and the classes of a splitter. What River keeps as an int is an int again when it is written
back (WHOLE, LOWEST_KIND), because a state is compared to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.models.compiled.block import Floats, Ints

FEATURE, LEFT, RIGHT, DEPTH, CLASSES, SLOT, WATCHED, CHOSEN, LAST_WHOLE, CHOICE = range(10)  # of `nodes`
THRESHOLD, LAST, MAJORITY_RIGHT, BAYES_RIGHT, WEIGHT = range(5)  # of `facts`
ORDER, WHOLE = range(2)  # of `classes`
SPLITTER, PRESENT, ARRIVED = range(3)  # of `watched`
COUNT, MEAN, SQUARES, LOWEST, HIGHEST, HALF_LOG, LOWEST_KIND, HIGHEST_KIND = range(8)  # of `moments`
ROOT, ACTIVE, ASLEEP, BORN, LEAVES_MAX, LEAF, MISSED, VOTING, SEEN = range(9)  # of `trees`
VOTES, BAYES, TOTAL = range(3)  # of `votes`
PLACE, POOL, RANK = range(3)  # of `row`
NODES, FREE_NODE, SLOTS, FREE_SLOT, DEEPEST, IDLE_NODES, IDLE_SLOTS = range(7)  # of `used`
HALF, TWO, GRACE, LOG_DELTA, TAU, SHARE_MAX, BRANCH_MIN, BAYES_MIN, PERIOD = range(9)  # of `rates`
DEPTH_MAX, SPLITS, PREDICTION, PREPRUNE, CHOSEN_MAX, GROWS, COMPENSATES = range(7)  # of `ways`
ADAPTIVE, NAIVE_BAYES, MAJORITY = range(3)  # of `ways[PREDICTION]`

NO_LIMIT = 2**62
TOO_DEEP = 250  # deeper trees run into Python's limit of recursion, so they are River's


class Trees(NamedTuple):
    """The arena, as the kernels take it. Few arrays, because each costs compile time in every kernel."""

    nodes: Ints  # of each node; from CHOICE on the features that a random leaf chose
    facts: Floats  # of each node; from WEIGHT on that of each class
    classes: (
        Ints  # of each node, the classes in the order of its dict; of each class, if its weight is an int
    )
    place: Ints  # of each slot and feature, where its splitter is; -1: there is none
    watched: Ints  # of each splitter; from ARRIVED on its classes in the order of its dict
    moments: Floats  # of each splitter and class; HALF_LOG is log(variance) / 2
    trees: Ints  # of each tree, with where the row at hand leads; from SEEN on which classes it has seen
    votes: Floats  # of each tree and class for the row at hand; TOTAL, 0 is the weight the tree has seen
    row: Ints  # of each feature, its place in the row at hand (-1: missing) and its rank by name; a pool
    sides: Floats  # of each side of a split, the weight of each class
    side_orders: Ints  # of each side of a split, its classes in order
    used: Ints
    rates: Floats
    ways: Ints
    twister: Ints  # the state of random.Random


SHAPES: dict[str, tuple[Any, int, tuple[str | int, ...], int]] = {  # type, fill, axes, more of the last
    "nodes": (np.int64, 0, ("node", "chosen"), CHOICE),
    "facts": (np.float64, 0, ("node", "class"), WEIGHT),
    "classes": (np.int64, 0, ("node", 2, "class"), 0),
    "place": (np.int64, -1, ("slot", "feature"), 0),
    "watched": (np.int64, 0, ("slot", "watch", "class"), ARRIVED),
    "moments": (np.float64, 0, ("slot", "watch", "class", 8), 0),
    "trees": (np.int64, 0, ("tree", "class"), SEEN),
    "votes": (np.float64, 0, ("tree", 3, "class"), 0),
    "row": (np.int64, -1, (3, "feature"), 0),
    "sides": (np.float64, 0, (2, "class"), 0),
    "side_orders": (np.int64, 0, (2, "class"), 0),
    "used": (np.int64, 0, (7,), 0),
    "rates": (np.float64, 0, (9,), 0),
    "ways": (np.int64, 0, (7,), 0),
    "twister": (np.int64, 0, (625,), 0),
}


def sized(sizes: dict[str, int], old: Trees | None = None) -> Trees:
    """An arena of these sizes, with what the old one holds.

    >>> sizes = {"node": 4, "slot": 2, "feature": 3, "class": 2, "watch": 3, "chosen": 1, "tree": 1}
    >>> sized(sizes).moments.shape
    (2, 3, 2, 8)
    """
    arrays = {}
    for name, (kind, fill, axes, more) in SHAPES.items():
        *before, last = (axis if isinstance(axis, int) else sizes[axis] for axis in axes)
        shape = (*before, last + more)
        array: npt.NDArray[Any] = np.full(shape, fill, kind)
        if old is not None:
            had = getattr(old, name)
            if had.shape == shape:
                array = had
            else:
                array[tuple(map(slice, had.shape))] = had
        arrays[name] = array
    arena = Trees(**arrays)
    if old is None:
        arena.trees[:, ROOT] = -1
        arena.trees[:, LEAVES_MAX] = NO_LIMIT
        arena.used[[FREE_NODE, FREE_SLOT]] = -1
    return arena


def sizes_of(arena: Trees) -> dict[str, int]:
    """How far an arena reaches on each axis."""
    return {
        axis: length
        for name in ("nodes", "moments", "trees", "place")
        for axis, length in _axes(name, getattr(arena, name).shape)
        if isinstance(axis, str)
    }


def _axes(name: str, shape: tuple[int, ...]) -> Iterator[tuple[str | int, int]]:
    *before, last = shape
    _, _, axes, more = SHAPES[name]
    return zip(axes, (*before, last - more), strict=True)


def with_room(arena: Trees, **wanted: int) -> Trees:
    """The arena, grown to at least these sizes, by doubling where it must grow."""
    sizes = sizes_of(arena)
    more = {axis: max(size, 2 * sizes[axis]) for axis, size in wanted.items() if size > sizes[axis]}
    return sized(sizes | more, arena) if more else arena
