"""SoftmaxRegression with SGD, after River's `linear_model/softmax.py` (BSD-3)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints, grown
from engine.models.compiled.dots import dot
from engine.models.compiled.jit import SUM_COMPENSATES, kernel
from engine.models.compiled.step import Model, Unsupported

RATE, L2 = 0, 1  # in `given`
LOWEST, HIGHEST = 1e-15, 1 - 1e-15  # River clamps probabilities to these


@kernel
def softmax(
    x: Floats,
    row: Ints,
    classes: int,
    slots: Ints,
    weights: Floats,
    known: Ints,
    at: Ints,
    found: Floats,
    compensates: bool,
) -> bool:
    """The probability of each class; false where one isn't finite."""
    most = -math.inf
    for c in range(classes):
        found[c] = dot(x, row, slots[c], weights[c], known[c], x.size <= known[c], at, compensates)
        if not math.isfinite(found[c]):
            return False
        most = max(most, found[c])
    total = 0.0
    for c in range(classes):
        found[c] = math.exp(found[c] - most)
        total += found[c]
    for c in range(classes):
        found[c] /= total
    return True


@kernel
def descend(
    x: Floats, row: Ints, gradient: float, slot: Ints, weights: Floats, known: Ints, given: Floats
) -> None:
    """One step of one class. `known` holds how many weights it has."""
    for k in range(x.size):
        s = slot[row[k]]
        if s < 0:
            s = slot[row[k]] = known[0]
            known[0] += 1
        weights[s] -= given[RATE] * (x[k] * gradient + given[L2] * weights[s])


@kernel
def walk(
    ops: Bytes,
    starts: Ints,
    ids: Ints,
    layouts: Ints,
    values: Floats,
    learn_layouts: Ints,
    learn_values: Floats,
    labels: Floats,
    answers: Floats,
    kinds: Ints,
    classes: Ints,
    slots: Ints,
    weights: Floats,
    known: Ints,
    lessons: Ints,
    at: Ints,
    scratch: Floats,
    given: Floats,
    compensates: bool,
) -> int:
    """Predict and learn in order; stop where a number isn't finite."""
    p, q = 0, 0
    for i in range(ops.size):
        start, stop = starts[layouts[i]], starts[layouts[i] + 1]
        x, row = values[p : p + stop - start], ids[start:stop]
        p += x.size
        if ops[i] & 1:
            kinds[i] = classes[0]
            if not softmax(x, row, classes[0], slots, weights, known, at, answers[i], compensates):
                return i
        start, stop = starts[learn_layouts[i]], starts[learn_layouts[i] + 1]
        x, row = learn_values[q : q + stop - start], ids[start:stop]
        q += x.size
        if ops[i] & 2:
            if not softmax(x, row, classes[0], slots, weights, known, at, scratch, compensates):
                return i
            right = int(labels[i])
            if right >= classes[0]:
                classes[0] = right + 1
                scratch[right] = 0.0
            for c in range(classes[0]):
                gradient = min(max(scratch[c], LOWEST), HIGHEST) - (1.0 if c == right else 0.0)
                descend(x, row, gradient, slots[c], weights[c], known[c : c + 1], given)
                lessons[c] += 1
    return ops.size


class Softmax(Model):
    """The compiled form of `linear_model.SoftmaxRegression`."""

    def check(self, part: Any) -> None:
        from river import optim

        optimizer = part.optimizer
        if type(optimizer) is not optim.SGD or type(optimizer.lr) is not optim.schedulers.Constant:
            raise Unsupported("SoftmaxRegression has a compiled form for SGD with a constant learning rate")
        if type(part.loss) is not optim.losses.CrossEntropy or part.loss.class_weight:
            raise Unsupported("SoftmaxRegression has a compiled form for cross entropy without weights")
        if list(part.weights) != list(part.optimizers):
            raise Unsupported("SoftmaxRegression.weights and .optimizers name different classes")

    def load(self) -> None:
        part = self.part
        self.classes: dict[Hashable, int] = {c: i for i, c in enumerate(part.weights)}
        self.known_classes: Ints = np.array([len(self.classes)])
        self.given: Floats = np.array([part.optimizer.lr.learning_rate, part.l2], np.float64)
        self.slots: Ints = np.zeros((0, 0), np.int64)
        self.table: Floats = np.zeros((0, 0))
        self.known: Ints = np.zeros(0, np.int64)
        self.lessons: Ints = np.zeros(0, np.int64)
        self.at: Ints = np.zeros(0, np.int64)
        self.scratch: Floats = np.zeros(0)
        features = [[self.names.feature(name) for name in found] for found in part.weights.values()]
        self.reserve()
        for c, (label, found) in enumerate(part.weights.items()):
            self.slots[c, features[c]] = np.arange(len(found))
            self.table[c, : len(found)] = list(found.values())
            self.known[c], self.lessons[c] = len(found), part.optimizers[label].n_iterations

    def reserve(self) -> None:
        classes, features = len(self.classes), len(self.names)
        self.known, self.lessons = grown(self.known, classes), grown(self.lessons, classes)
        self.scratch, self.at = grown(self.scratch, classes), grown(self.at, features)
        have = self.slots.shape
        if have[0] < classes or have[1] < features:
            shape = (len(self.known), len(self.at))
            slots, weights = np.full(shape, -1, np.int64), np.zeros(shape)
            slots[: have[0], : have[1]], weights[: have[0], : have[1]] = self.slots, self.table
            self.slots, self.table = slots, weights

    def labels(self, values: Sequence[Any]) -> Floats:
        """Classes by their number, new ones in the order in which they come."""
        ids = self.classes
        return np.array([np.nan if y is None else ids.setdefault(y, len(ids)) for y in values], np.float64)

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        answers = np.zeros((len(block), len(self.classes)))
        kinds = np.zeros(len(block), np.int64)
        done = walk(
            *block.columns(self.names), labels, answers, kinds, self.known_classes, self.slots,
            self.table, self.known, self.lessons, self.at, self.scratch, self.given, SUM_COMPENSATES,
        )  # fmt: skip
        classes = tuple(self.classes)
        return Answers(answers, kinds, [classes[:n] for n in range(len(classes) + 1)]), done

    def write_back(self) -> None:
        part = self.part
        for c, label in enumerate(tuple(self.classes)[: self.known_classes[0]]):
            part.optimizers[label].n_iterations = int(self.lessons[c])
            target, there = part.weights[label], np.flatnonzero(self.slots[c] >= 0)
            ordered = there[np.argsort(self.slots[c, there])].tolist()
            for feature, value in zip(ordered, self.table[c].tolist(), strict=False):
                target[self.names.features[feature]] = value
