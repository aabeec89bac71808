"""ALMAClassifier with p = 2, after River's `linear_model/alma.py` (BSD-3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints
from engine.models.compiled.dots import blas_agrees, dot, sigmoid, squares
from engine.models.compiled.jit import SUM_COMPENSATES, kernel
from engine.models.compiled.step import Model, Unsupported
from engine.models.compiled.weights import Weights

K, KNOWN = 0, 1  # in `state`
P, ALPHA, B, C = 0, 1, 2, 3  # in `given`


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
    weights: Floats,
    slot: Ints,
    at: Ints,
    state: Floats,
    given: Floats,
    compensates: bool,
) -> int:
    """Predict and learn in order; stop where a number isn't finite."""
    p, q = 0, 0
    spread = math.sqrt(given[P] - 1.0)
    for i in range(ops.size):
        known = int(state[KNOWN])
        start, stop = starts[layouts[i]], starts[layouts[i] + 1]
        x, row = values[p : p + stop - start], ids[start:stop]
        p += x.size
        if ops[i] & 1:
            d = dot(x, row, slot, weights, known, x.size < known, at, compensates)
            if not math.isfinite(d):
                return i
            answers[i] = sigmoid(d)
        start, stop = starts[learn_layouts[i]], starts[learn_layouts[i] + 1]
        x, row = learn_values[q : q + stop - start], ids[start:stop]
        q += x.size
        if ops[i] & 2:
            y = math.trunc(labels[i]) if labels[i] != 0.0 else -1.0  # River: int(y or -1)
            d = y * dot(x, row, slot, weights, known, x.size < known, at, compensates)
            if not math.isfinite(d):
                return i
            gamma = given[B] * spread / math.sqrt(state[K])
            if d < (1.0 - given[ALPHA]) * gamma:
                eta = given[C] / (spread * math.sqrt(state[K])) * y
                for k in range(x.size):
                    if slot[row[k]] < 0:
                        slot[row[k]] = int(state[KNOWN])
                        state[KNOWN] += 1.0
                    weights[slot[row[k]]] += eta * x[k]
                norm = math.sqrt(squares(weights[: int(state[KNOWN])]))
                if norm > 1.0:
                    for k in range(x.size):
                        weights[slot[row[k]]] /= norm
                state[K] += 1.0
    return ops.size


class Alma(Model):
    """The compiled form of `linear_model.ALMAClassifier`."""

    def check(self, part: Any) -> None:
        if part.p != 2:
            raise Unsupported("ALMAClassifier has a compiled form for p = 2 only")
        if not blas_agrees():
            raise Unsupported("ALMAClassifier: NumPy's and SciPy's BLAS give different sums here")

    def load(self) -> None:
        part = self.part
        self.slots = Weights(self.names, part.w)
        self.state: Floats = np.array([part.k, len(part.w)], np.float64)
        self.given: Floats = np.array([part.p, part.alpha, part.B, part.C], np.float64)

    def reserve(self) -> None:
        self.slots.reserve()

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        answers, w = np.empty(len(block)), self.slots
        done = walk(
            *block.columns(self.names), labels, answers, w.values, w.slot, w.at, self.state, self.given,
            SUM_COMPENSATES,
        )  # fmt: skip
        return Answers(answers), done

    def write_back(self) -> None:
        self.slots.write_back(self.part.w, float)
        self.part.k = int(self.state[K])
