"""An aggregated Mondrian forest in arrays, with a bound on its nodes and room for missing values.

A Mondrian tree splits where events fall outside of what a node has seen, after a time that is the sooner the
farther outside, and never where only one class came by. Each node keeps how well it would have predicted, and
a tree's answer is the exact average over all of its prunings, by their likelihoods (context tree weighting).
So there is nothing to tune, and deep trees do no harm (Mourtada, Gaïffas and Scornet 2021, as River's
`AMFClassifier`; written anew here).

    node    low   high   column  threshold  born   weight            total           counts
            what came by, where it splits,  when,  log likelihood    of all prunings  of classes

Single precision halves the ranges, which are most of the state. It is widened by `np.float64`, since to the
compiler `float` of a float is nothing.

What is added: distances are weighed by each column's scale; a missing value goes where most events went; a
tree that is full begins anew, each of the first ones at another time, which also forgets what has drifted.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from engine.models.auto.arrays import Floats, Ints, Singles

PRIOR = 0.1  # of each class in each node
LOG_HALF = math.log(0.5)
PRIME = 2_147_483_647  # of the generator of Park and Miller
FACTOR = 48_271


class Forest(NamedTuple):
    used: Ints  # [tree]: nodes in use
    full: Ints  # [tree]: how many it may have
    random: Ints  # [tree]: state of its generator
    low: Singles  # [tree, node, column]; above `high`: no value yet
    high: Singles
    column: Ints  # [tree, node]: on which it splits, -1 for a leaf
    threshold: Singles
    born: Floats  # when its parent split
    left: Ints
    right: Ints
    parent: Ints
    weight: Floats
    total: Floats
    seen: Floats  # how many events
    counts: Singles  # [tree, node, class]


def empty(trees: int, nodes: int, columns: int, classes: int, seed: int) -> Forest:
    """A forest whose first trees are full at between half and all of `nodes`."""
    ranges = np.empty((2, trees, nodes, columns), np.float32)  # set by `clear`, so that memory comes with use
    floats, ints = np.zeros((4, trees, nodes)), np.zeros((4, trees, nodes), np.int64)
    ints[0] = -1
    turns = np.arange(1, trees + 1)
    return Forest(
        np.zeros(trees, np.int64),
        nodes * (trees + turns) // (2 * trees),
        (seed * turns * 7919) % (PRIME - 1) + 1,
        ranges[0],
        ranges[1],
        ints[0],
        np.zeros((trees, nodes), np.float32),
        floats[0],
        ints[1],
        ints[2],
        ints[3],
        floats[1],
        floats[2],
        floats[3],
        np.zeros((trees, nodes, classes), np.float32),
    )


def uniform(forest: Forest, t: int) -> float:
    """A number between 0 and 1, neither of them."""
    forest.random[t] = forest.random[t] * FACTOR % PRIME
    return float(forest.random[t]) / PRIME


def below(forest: Forest, t: int, node: int, x: Singles) -> int:
    """The child of a node to which `x` goes."""
    value, left, right = x[forest.column[t, node]], forest.left[t, node], forest.right[t, node]
    if math.isnan(value):
        return int(left if forest.seen[t, left] >= forest.seen[t, right] else right)
    return int(left if value <= forest.threshold[t, node] else right)


def share(forest: Forest, t: int, node: int, k: int, classes: int) -> float:
    """What a node alone says of a class."""
    here = float(forest.counts[t, node, k]) + PRIOR
    return here / (float(forest.seen[t, node]) + PRIOR * classes)


def say(forest: Forest, x: Singles, classes: int, one: Floats, said: Floats) -> None:
    """Fill `said` [class] with the average of the trees; `one` is room for one of them."""
    for k in range(classes):
        said[k] = 0.0
    for t in range(len(forest.used)):
        node = 0
        while forest.column[t, node] >= 0:
            node = below(forest, t, node, x)
        for k in range(classes):
            one[k] = share(forest, t, node, k, classes)
        while node != 0:
            node = forest.parent[t, node]
            own = 0.5 * math.exp(forest.weight[t, node] - forest.total[t, node])
            for k in range(classes):
                one[k] = own * share(forest, t, node, k, classes) + (1.0 - own) * one[k]
        for k in range(classes):
            said[k] += one[k]
    for k in range(classes):
        said[k] /= len(forest.used)


def learn(forest: Forest, x: Singles, y: int, classes: int, scale: Floats, gaps: Floats) -> None:
    """Learn `x` with the class `y`; `gaps` [column] is room."""
    for t in range(len(forest.used)):
        if forest.used[t] + 2 > forest.full[t]:
            forest.used[t] = 0
            forest.full[t] = forest.column.shape[1]
        if forest.used[t] == 0:
            forest.used[t] = 1
            clear(forest, t, 0, 0, 0.0)
        node = 0
        while True:
            if forest.counts[t, node, y] < forest.seen[t, node]:
                outside = measure(forest, t, node, x, scale, gaps)
                if outside > 0.0:
                    maybe_split(forest, t, node, x, outside, gaps)
            take(forest, t, node, x, y, classes)
            if forest.column[t, node] < 0:
                break
            node = below(forest, t, node, x)
        weigh(forest, t, node)


def measure(forest: Forest, t: int, node: int, x: Singles, scale: Floats, gaps: Floats) -> float:
    """How far `x` is outside of what a node has seen, in each column and in all."""
    low, high, outside = forest.low[t, node], forest.high[t, node], 0.0
    for j in range(len(x)):
        gaps[j] = 0.0
        if low[j] <= high[j]:
            if x[j] < low[j]:
                gaps[j] = (np.float64(low[j]) - np.float64(x[j])) * scale[j]
            elif x[j] > high[j]:
                gaps[j] = (np.float64(x[j]) - np.float64(high[j])) * scale[j]
            outside += gaps[j]
    return outside


def maybe_split(forest: Forest, t: int, node: int, x: Singles, outside: float, gaps: Floats) -> None:
    """Split a node if that comes before its next split, in a column drawn by its gap, within the gap."""
    born = forest.born[t, node] - math.log(uniform(forest, t)) / outside
    is_leaf = forest.column[t, node] < 0
    if not is_leaf and born >= forest.born[t, forest.left[t, node]]:
        return
    if forest.used[t] + 2 > forest.full[t]:
        return
    rest, at = uniform(forest, t) * outside, 0
    for j in range(len(gaps)):
        if gaps[j] > 0.0:
            at = j
            rest -= gaps[j]
            if rest <= 0.0:
                break
    value, part = np.float64(x[at]), uniform(forest, t)
    beyond = value > np.float64(forest.high[t, node, at])
    edge = np.float64(forest.high[t, node, at]) if beyond else value
    width = value - edge if beyond else np.float64(forest.low[t, node, at]) - value
    threshold = np.float32(edge + part * width)
    if threshold >= np.float32(edge + width):
        threshold = np.float32(edge)  # rounding must not put both on one side
    move(forest, t, node, born)
    clear(forest, t, forest.used[t] + 1, node, born)
    forest.column[t, node] = at
    forest.threshold[t, node] = threshold
    forest.left[t, node] = forest.used[t] if beyond else forest.used[t] + 1
    forest.right[t, node] = forest.used[t] + 1 if beyond else forest.used[t]
    forest.used[t] += 2


def move(forest: Forest, t: int, node: int, born: float) -> None:
    """Copy a node to the next free place, which becomes its child."""
    new = forest.used[t]
    for j in range(forest.low.shape[2]):
        forest.low[t, new, j] = forest.low[t, node, j]
        forest.high[t, new, j] = forest.high[t, node, j]
    for k in range(forest.counts.shape[2]):
        forest.counts[t, new, k] = forest.counts[t, node, k]
    forest.seen[t, new] = forest.seen[t, node]
    forest.column[t, new] = forest.column[t, node]
    forest.threshold[t, new] = forest.threshold[t, node]
    forest.left[t, new] = forest.left[t, node]
    forest.right[t, new] = forest.right[t, node]
    forest.weight[t, new] = forest.weight[t, node]
    forest.total[t, new] = forest.total[t, node]
    forest.parent[t, new] = node
    forest.born[t, new] = born
    if forest.column[t, new] >= 0:
        forest.parent[t, forest.left[t, new]] = new
        forest.parent[t, forest.right[t, new]] = new


def clear(forest: Forest, t: int, node: int, parent: int, born: float) -> None:
    """Make a leaf that has seen nothing."""
    for j in range(forest.low.shape[2]):
        forest.low[t, node, j] = np.inf
        forest.high[t, node, j] = -np.inf
    for k in range(forest.counts.shape[2]):
        forest.counts[t, node, k] = 0.0
    forest.column[t, node] = -1
    forest.threshold[t, node] = 0.0
    forest.left[t, node] = 0
    forest.right[t, node] = 0
    forest.parent[t, node] = parent
    forest.born[t, node] = born
    forest.weight[t, node] = 0.0
    forest.total[t, node] = 0.0
    forest.seen[t, node] = 0.0


def take(forest: Forest, t: int, node: int, x: Singles, y: int, classes: int) -> None:
    """Count an event in a node that it passes."""
    low, high = forest.low[t, node], forest.high[t, node]
    for j in range(len(x)):
        if x[j] < low[j]:
            low[j] = x[j]
        if x[j] > high[j]:
            high[j] = x[j]
    forest.weight[t, node] += math.log(share(forest, t, node, y, classes))
    forest.counts[t, node, y] += np.float32(1.0)
    forest.seen[t, node] += 1.0


def weigh(forest: Forest, t: int, leaf: int) -> None:
    """Work out the weights of all prunings anew, from a leaf up to the root."""
    node = leaf
    forest.total[t, node] = forest.weight[t, node]
    while node != 0:
        node = forest.parent[t, node]
        own = forest.weight[t, node]
        split = forest.total[t, forest.left[t, node]] + forest.total[t, forest.right[t, node]]
        top = max(own, split)
        forest.total[t, node] = LOG_HALF + top + math.log(math.exp(own - top) + math.exp(split - top))


def copied(forest: Forest, into: Forest) -> Forest:
    """Copy what is in use to a forest with room for as much, or for more."""
    arrays, others = list[Any](forest), list[Any](into)
    for old, new in zip(arrays[:3], others[:3], strict=True):
        new[:] = old
    for old, new in zip(arrays[3:], others[3:], strict=True):
        for t, nodes in enumerate(forest.used.tolist()):
            corner = tuple(slice(min(sizes)) for sizes in zip(old.shape[2:], new.shape[2:], strict=True))
            new[(t, slice(nodes), *corner)] = old[(t, slice(nodes), *corner)]
    for t, nodes in enumerate(forest.used.tolist()):  # what they have not seen is in no range
        into.low[t, :nodes, forest.low.shape[2] :] = np.inf
        into.high[t, :nodes, forest.low.shape[2] :] = -np.inf
    return into
