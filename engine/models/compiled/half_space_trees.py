"""HalfSpaceTrees, after River's `anomaly/hst.py` (BSD-3).

A tree is complete, so its nodes lie in heap order: the children of node n are 2n + 1 and 2n + 2. Masses are
whole numbers, and so is every sum of them: they are exact in any order, and the walks of several trees may
take turns, which hides the time that memory takes. River draws the trees when the first example comes in;
that one event is left to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.step import Model, Unsupported

Counts = npt.NDArray[np.int32]
LESSONS, FIRST_WINDOW = 0, 1  # in `state`
SUM_MAX = 2**53  # whole numbers up to here are exact as floats


@kernel
def child(node: int, k: int, x: Floats, threshold: float, masses: Counts) -> int:
    """Where the walk goes on: by the feature, or to the lighter side where it is missing."""
    left = 2 * node + 1
    if k >= 0:
        return left if x[k] < threshold else left + 1
    return left + 1 if masses[left] < masses[left + 1] else left


@kernel
def score(
    x: Floats, at: Ints, features: Counts, thresholds: Floats, old: Counts, new: Counts, least: float
) -> float:
    """What one tree says of a row: the mass of the node where it ends up, times 2 to its depth."""
    node, weight, total = 0, 1.0, 0.0
    while 2 * node + 1 < old.size:
        total += old[node] * weight
        if old[node] < least:
            return float(total)
        node = child(node, at[features[node]], x, thresholds[node], new)
        weight *= 2.0
    return float(total + old[node] * weight)


@kernel
def learn(x: Floats, at: Ints, features: Counts, thresholds: Floats, new: Counts) -> None:
    """Add a row to the masses on its path."""
    node = 0
    while 2 * node + 1 < new.size:
        new[node] += 1
        node = child(node, at[features[node]], x, thresholds[node], new)
    new[node] += 1


@kernel
def place(row: Ints, at: Ints) -> None:
    """Note at which place of a row each feature stands."""
    for k in range(row.size):
        at[row[k]] = k


@kernel
def walk(
    ops: Bytes,
    starts: Ints,
    ids: Ints,
    layouts: Ints,
    values: Floats,
    learn_layouts: Ints,
    learn_values: Floats,
    answers: Floats,
    features: Counts,
    thresholds: Floats,
    masses: Counts,
    state: Ints,
    at: Ints,
    window: int,
    least: float,
    most: float,
) -> int:
    """Score and learn in order. `masses` are those of the window before and of this one."""
    p, q, placed = 0, 0, -1
    for i in range(ops.size):
        start, stop = starts[layouts[i]], starts[layouts[i] + 1]
        x = values[p : p + stop - start]
        p += x.size
        if ops[i] & 1:
            if layouts[i] != placed:
                at[:] = -1
                place(ids[start:stop], at)
                placed = layouts[i]
            total = 0.0
            if state[FIRST_WINDOW] == 0:
                for t in range(features.shape[0]):
                    total += score(x, at, features[t], thresholds[t], masses[0, t], masses[1, t], least)
                answers[i] = 1.0 - total / most
            else:
                answers[i] = 0.0
        start, stop = starts[learn_layouts[i]], starts[learn_layouts[i] + 1]
        x = learn_values[q : q + stop - start]
        q += x.size
        if ops[i] & 2:
            if learn_layouts[i] != placed:
                at[:] = -1
                place(ids[start:stop], at)
                placed = learn_layouts[i]
            for t in range(features.shape[0]):
                learn(x, at, features[t], thresholds[t], masses[1, t])
            state[LESSONS] += 1
            if state[LESSONS] == window:
                for t in range(features.shape[0]):
                    for node in range(features.shape[1]):
                        masses[0, t, node], masses[1, t, node] = masses[1, t, node], 0
                state[LESSONS] = state[FIRST_WINDOW] = 0
    return ops.size


class HalfSpaces(Model):
    """The compiled form of `anomaly.HalfSpaceTrees`."""

    supervised = False

    def check(self, part: Any) -> None:
        if part.height < 1 or part._max_score * part.n_trees > SUM_MAX or part.window_size >= 2**31:
            raise Unsupported("HalfSpaceTrees: its scores are too large to be exact")

    def load(self) -> None:
        part = self.part
        self.nodes = [heap(tree) for tree in part.trees]
        shape = (len(self.nodes), 2 ** (part.height + 1) - 1)
        self.features: Counts = np.zeros(shape, np.int32)
        self.thresholds: Floats = np.zeros(shape)
        self.masses: Counts = np.zeros((2, *shape), np.int32)
        self.state: Ints = np.array([part.counter, part._first_window], np.int64)
        self.at: Ints = np.zeros(0, np.int64)
        for t, nodes in enumerate(self.nodes):
            inner = nodes[: shape[1] // 2]
            self.features[t, : len(inner)] = [self.names.feature(node.feature) for node in inner]
            self.thresholds[t, : len(inner)] = [node.threshold for node in inner]
            self.masses[0, t] = [node.r_mass for node in nodes]
            self.masses[1, t] = [node.l_mass for node in nodes]

    def reserve(self) -> None:
        self.at = grown(self.at, len(self.names), -1)

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        answers, part = np.zeros(len(block)), self.part
        if not self.nodes:
            lessons = np.flatnonzero(block.ops & 2)
            return Answers(answers), int(lessons[0]) if len(lessons) else len(block)
        done = walk(
            *block.columns(self.names), answers, self.features, self.thresholds, self.masses, self.state,
            self.at, part.window_size, 0.1 * part.window_size, float(part._max_score),
        )  # fmt: skip
        return Answers(answers), done

    def write_back(self) -> None:
        if self.nodes:
            self.part.counter, self.part._first_window = int(self.state[0]), bool(self.state[1])
        for t, nodes in enumerate(self.nodes):
            old, new = self.masses[:, t].tolist()
            for node, r_mass, l_mass in zip(nodes, old, new, strict=True):
                node.r_mass, node.l_mass = r_mass, l_mass


def heap(root: Any) -> list[Any]:
    """The nodes of a tree, level by level."""
    nodes, level = [], [root]
    while level:
        nodes += level
        level = [child for node in level for child in getattr(node, "children", ())]
    return nodes
