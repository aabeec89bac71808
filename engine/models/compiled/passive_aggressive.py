"""PAClassifier and PARegressor, after River's `linear_model/pa.py` (BSD-3).

The regressor's weights are NumPy floats in River, because `numpy.sign` returns one: `sum()` adds those
without compensation, and the state gives them back as such.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints
from engine.models.compiled.dots import blas_agrees, dot, sigmoid, squares
from engine.models.compiled.jit import SUM_COMPENSATES, kernel
from engine.models.compiled.step import Model, Unsupported
from engine.models.compiled.weights import Weights

INTERCEPT, KNOWN, LESSONS = 0, 1, 2  # in `state`
C, MODE, EPS, LEARNS_INTERCEPT, TWO = 0, 1, 2, 3, 4  # in `given`


@kernel
def tau(loss: float, norm: float, given: Floats) -> float:
    """How far to go."""
    if given[MODE] == 2.0:
        return float(loss / (norm + 0.5 / given[C]))
    if not norm > 0.0:
        return 0.0
    found = loss / norm
    return given[C] if given[MODE] == 1.0 and not found < given[C] else found


@kernel
def stride(d: float, y: float, norm: float, given: Floats, regresses: bool) -> float:
    """By how much to go along x, with its sign."""
    y2 = y * 2.0 - 1.0  # both of River's losses do this, the regressor's too
    loss = abs(d - y2) - given[EPS] if regresses else 1.0 - y2 * d
    found = tau(max(loss, 0.0), norm, given)
    if regresses:
        return found * float(np.sign(y - d))
    return found * (y if y != 0.0 else -1.0)


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
    regresses: bool,
    compensates: bool,
) -> int:
    """Predict and learn in order; stop where a number isn't finite."""
    p, q = 0, 0
    for i in range(ops.size):
        known = int(state[KNOWN])
        start, stop = starts[layouts[i]], starts[layouts[i] + 1]
        x, row = values[p : p + stop - start], ids[start:stop]
        p += x.size
        if ops[i] & 1:
            d = dot(x, row, slot, weights, known, x.size < known, at, compensates) + state[INTERCEPT]
            if not math.isfinite(d):
                return i
            answers[i] = d if regresses else sigmoid(d)
        start, stop = starts[learn_layouts[i]], starts[learn_layouts[i] + 1]
        x, row = learn_values[q : q + stop - start], ids[start:stop]
        q += x.size
        if ops[i] & 2:
            d = dot(x, row, slot, weights, known, x.size < known, at, compensates) + state[INTERCEPT]
            norm = math.sqrt(squares(x)) ** given[TWO]  # pow, as Python's: not always x * x
            step = stride(d, labels[i], norm, given, regresses)
            if not (math.isfinite(d) and math.isfinite(norm) and math.isfinite(step)):
                return i
            for k in range(x.size):
                if slot[row[k]] < 0:
                    slot[row[k]] = int(state[KNOWN])
                    state[KNOWN] += 1.0
                weights[slot[row[k]]] += step * x[k]
            if given[LEARNS_INTERCEPT] != 0.0:
                state[INTERCEPT] += step
            state[LESSONS] += 1.0
    return ops.size


class PassiveAggressive(Model):
    """The compiled form of `linear_model.PAClassifier`."""

    regresses: ClassVar[bool] = False

    def check(self, part: Any) -> None:
        if part.mode not in (0, 1, 2) or not 0 < part.C < math.inf:
            raise Unsupported(f"{type(part).__name__} has a compiled form for modes 0, 1, 2 and C above 0")
        if not blas_agrees():
            raise Unsupported(f"{type(part).__name__}: NumPy's and SciPy's BLAS give different sums here")

    def load(self) -> None:
        part = self.part
        self.slots = Weights(self.names, part.weights)
        self.state: Floats = np.array([part.intercept, len(part.weights), 0.0])
        eps = getattr(part, "eps", 0.0)
        self.given: Floats = np.array([part.C, part.mode, eps, part.learn_intercept, 2.0])

    def reserve(self) -> None:
        self.slots.reserve()

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        answers, w = np.empty(len(block)), self.slots
        done = walk(
            *block.columns(self.names), labels, answers, w.values, w.slot, w.at, self.state, self.given,
            self.regresses, SUM_COMPENSATES and not self.regresses,
        )  # fmt: skip
        return Answers(answers), done

    def write_back(self) -> None:
        kind: Any = np.float64 if self.regresses else float
        self.slots.write_back(self.part.weights, kind)
        if self.state[LESSONS] and self.part.learn_intercept:
            self.part.intercept = kind(self.state[INTERCEPT])


class PassiveAggressiveRegressor(PassiveAggressive):
    """The compiled form of `linear_model.PARegressor`."""

    regresses = True

    def check(self, part: Any) -> None:
        super().check(part)
        if part.loss.eps != part.eps:
            raise Unsupported("PARegressor.loss has another eps than the model")
