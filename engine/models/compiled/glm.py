"""Generalised linear models: LogisticRegression, LinearRegression, Perceptron.

Weights lie in *slots*, in the order in which they came into being, with the optimizer's accumulators and the
L1 penalty beside them. An event's new values are worked out beside the old ones and taken only if all of
them are finite, so that an event which Python must take has changed nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Bytes, Floats, Ints, grown
from engine.models.compiled.jit import kernel
from engine.models.compiled.step import Model, Unsupported, numbers

LOG, SQUARED, HINGE = 0, 1, 2
SGD, ADAM, ADAGRAD, RMSPROP = 0, 1, 2, 3
WEIGHT, FIRST, SECOND, CUM_L1 = 0, 1, 2, 3  # rows of `slots`
INTERCEPT, STEPS, SLOTS, MAX_CUM_L1 = 0, 1, 2, 3  # of `scalars`
# of `settings`: the loss's two, penalties, rates, the optimizer's three, and the exponents 0.5 and 2
(ON_TRUE, ON_FALSE, L2, L1, CLIP, RATE, INTERCEPT_RATE, BETA_1, BETA_2, EPS, HALF, TWO) = range(12)


@kernel
def sigmoid(x: float) -> float:
    if x < -30:
        return 0.0
    if x > 30:
        return 1.0
    return 1 / (1 + math.exp(-x))


@kernel
def gradient(loss: int, y: float, found: float, weight: float, settings: Floats) -> float:
    """The loss's derivative, weighed and clipped."""
    if loss == SQUARED:
        g = 2 * (found - y)
    elif loss == HINGE:
        sign = y * 2 - 1
        g = -sign if sign * found <= settings[ON_TRUE] else 0.0
    else:
        on, sign = (settings[ON_FALSE], -1.0) if y == 0.0 else (settings[ON_TRUE], 1.0)
        z = found * sign
        if z > 18.0:
            g = on * math.exp(-z) * -sign
        elif z < -18.0:
            g = on * -sign
        else:
            g = on * -sign / (math.exp(z) + 1.0)
    g *= weight
    if settings[CLIP] < g:
        g = settings[CLIP]
    if -settings[CLIP] > g:
        g = -settings[CLIP]
    return g


@kernel
def stepped(
    slots: Floats, s: int, g: float, optimizer: int, rate: float, settings: Floats, new: Floats
) -> bool:
    """Put the weight and accumulators of slot `s` after a step into `new`; return whether all are finite."""
    weight, half = slots[WEIGHT, s], settings[HALF]
    first, second, divisor = slots[FIRST, s], slots[SECOND, s], 1.0
    if optimizer == SGD:
        weight -= rate * g
    elif optimizer == ADAM:
        first = settings[BETA_1] * first + (1 - settings[BETA_1]) * g
        second = settings[BETA_2] * second + (1 - settings[BETA_2]) * (g * g)
        divisor = second**half + settings[EPS]
        weight -= rate * first / divisor
    else:
        if optimizer == ADAGRAD:
            first += g ** settings[TWO]
        else:
            first = settings[BETA_1] * first + (1 - settings[BETA_1]) * (g * g)
        divisor = (first + settings[EPS]) ** half
        weight -= rate / divisor * g
    new[WEIGHT], new[FIRST], new[SECOND] = weight, first, second
    return divisor != 0.0 and math.isfinite(weight) and math.isfinite(first) and math.isfinite(second)


@kernel
def penalised(weight: float, cum: float, max_cum: float) -> float:
    """A weight after the cumulative L1 penalty."""
    if weight > 0:
        less = weight - (max_cum + cum)
        return less if less > 0 else 0.0
    if weight < 0:
        more = weight + (max_cum - cum)
        return more if more < 0 else 0.0
    return weight


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
    weights: Floats,
    answers: Floats,
    slots: Floats,
    slot_of: Ints,
    scalars: Floats,
    settings: Floats,
    loss: int,
    optimizer: int,
    news: Floats,
) -> int:
    """Predict and learn; return how many operations were done."""
    at = learn_at = 0
    for i in range(ops.size):
        first = starts[layouts[i]]
        size = starts[layouts[i] + 1] - first
        if ops[i] & 1:
            found = 0.0
            for k in range(size):
                s = slot_of[ids[first + k]]
                found += (slots[WEIGHT, s] if s >= 0 else 0.0) * values[at + k]
            found += scalars[INTERCEPT]
            answers[i] = found if loss == SQUARED else sigmoid(found)
            if not math.isfinite(answers[i]):
                return i
        at += size
        first = starts[learn_layouts[i]]
        size = starts[learn_layouts[i] + 1] - first
        if ops[i] & 2:
            features, x = ids[first : first + size], learn_values[learn_at : learn_at + size]
            if not learn(
                features, x, labels[i], weights[i], slots, slot_of, scalars, settings, loss, optimizer, news
            ):
                return i
        learn_at += size
    return int(ops.size)


@kernel
def learn(
    features: Ints,
    x: Floats,
    y: float,
    weight: float,
    slots: Floats,
    slot_of: Ints,
    scalars: Floats,
    settings: Floats,
    loss: int,
    optimizer: int,
    news: Floats,
) -> bool:
    """Learn one event if all that it changes is finite; return whether it was learned."""
    born = int(scalars[SLOTS])
    found, slot = 0.0, born
    for k in range(features.size):
        s = slot_of[features[k]]
        if s < 0:  # a new weight, 0 until it is taken
            s, slot = slot, slot + 1
        found += slots[WEIGHT, s] * x[k]
    g = gradient(loss, y, found + scalars[INTERCEPT], weight, settings)
    intercept = scalars[INTERCEPT] - settings[INTERCEPT_RATE] * g
    rate = settings[RATE]
    if optimizer == ADAM:
        t = scalars[STEPS] + 1.0
        rate = rate * (1 - settings[BETA_2] ** t) ** settings[HALF]
        rate /= 1 - settings[BETA_1] ** t
    max_cum = scalars[MAX_CUM_L1] + settings[L1] * settings[RATE]
    fine, slot = math.isfinite(g) and math.isfinite(intercept) and math.isfinite(rate), born
    for k in range(features.size):
        s = slot_of[features[k]]
        if s < 0:
            s, slot = slot, slot + 1
        part = x[k] * g
        if settings[L2] != 0.0:
            part += slots[WEIGHT, s] * settings[L2]
        fine = stepped(slots, s, part, optimizer, rate, settings, news[k]) and fine
        if settings[L1] != 0.0:
            stayed = news[k, WEIGHT]
            news[k, WEIGHT] = penalised(stayed, slots[CUM_L1, s], max_cum)
            news[k, CUM_L1] = slots[CUM_L1, s] + (news[k, WEIGHT] - stayed)
            fine = fine and math.isfinite(news[k, CUM_L1])
    if not fine:
        return False
    slot = born
    for k in range(features.size):
        s = slot_of[features[k]]
        if s < 0:
            s, slot = slot, slot + 1
            slot_of[features[k]] = s
        slots[:, s] = news[k]
    scalars[INTERCEPT], scalars[STEPS], scalars[SLOTS] = intercept, scalars[STEPS] + 1.0, slot
    scalars[MAX_CUM_L1] = max_cum
    return True


class Glm(Model):
    """The compiled form of `linear_model.LogisticRegression`, `LinearRegression` and `Perceptron`."""

    weighs = True

    def check(self, part: Any) -> None:
        from river import optim

        kinds = (optim.SGD, optim.Adam, optim.AdaGrad, optim.RMSProp)
        for where, what, known in (
            ("initializer", part.initializer, (optim.initializers.Zeros,)),
            ("optimizer", part.optimizer, kinds),
            ("optimizer's learning rate", part.optimizer.lr, (optim.schedulers.Constant,)),
            ("intercept_lr", part.intercept_lr, (optim.schedulers.Constant,)),
            ("loss", part.loss, (optim.losses.Log, optim.losses.Squared, optim.losses.Hinge)),
        ):
            if type(what) not in known:
                name = f"{type(part).__name__}: {where} {type(what).__name__}"
                raise Unsupported(f"{name} has no compiled form")
        self.optimizer = kinds.index(type(part.optimizer))
        if getattr(part.optimizer, "eps", 1.0) <= 0:
            raise Unsupported("an optimizer without a positive eps has no compiled form")

    def load(self) -> None:
        self._load_settings()
        weights = self.part._weights.to_dict()
        for name in weights:
            self.names.feature(name)
        self.slots: Floats = np.zeros((4, 0))
        self.slot_of: Ints = np.zeros(0, np.int64)
        self.news: Floats = np.zeros((0, 4))
        self.reserve()
        rows = ((WEIGHT, weights), *((row, dict(each or {})) for row, each in self._accumulators()))
        for slot, name in enumerate(weights):
            self.slot_of[self.names.feature(name)] = slot
            for row, each in rows:
                self.slots[row, slot] = each.get(name, 0.0)
        part = self.part
        self.steps = part.optimizer.n_iterations
        most = part.max_cum_l1 if part.l1 else 0.0
        self.scalars: Floats = np.array([part.intercept, self.steps, len(weights), most], np.float64)

    def _load_settings(self) -> None:
        from river import optim

        part, optimizer, loss = self.part, self.part.optimizer, self.part.loss
        settings = self.settings = np.zeros(12)
        losses: list[type] = [optim.losses.Log, optim.losses.Squared, optim.losses.Hinge]
        self.loss = losses.index(type(loss))
        if self.loss == LOG:
            settings[[ON_TRUE, ON_FALSE]] = loss.weight_pos, loss.weight_neg
        elif self.loss == HINGE:
            settings[ON_TRUE] = loss.threshold
        settings[[L2, L1, CLIP]] = part.l2, part.l1, part.clip_gradient
        settings[[RATE, INTERCEPT_RATE]] = optimizer.lr.learning_rate, part.intercept_lr.learning_rate
        settings[BETA_1] = getattr(optimizer, "beta_1", getattr(optimizer, "rho", 0.0))
        settings[BETA_2] = getattr(optimizer, "beta_2", 0.0)
        settings[[EPS, HALF, TWO]] = getattr(optimizer, "eps", 0.0), 0.5, 2.0

    def _accumulators(self) -> list[tuple[int, Any]]:
        """What there is beside the weights, by its row of `slots`."""
        optimizer, rows = self.part.optimizer, []
        if self.optimizer == ADAM:
            rows = [(FIRST, optimizer.m), (SECOND, optimizer.v)]
        elif self.optimizer != SGD:
            rows = [(FIRST, optimizer.g2)]
        return [*rows, (CUM_L1, self.part.cum_l1)] if self.part.l1 else rows

    def reserve(self) -> None:
        self.slots = grown(self.slots, len(self.names))
        self.slot_of = grown(self.slot_of, len(self.names), -1)
        if len(self.news) < len(self.names):
            self.news = np.zeros((self.slots.shape[1], 4))

    def labels(self, values: Any) -> Floats:
        found = numbers(values)
        if self.loss == LOG:
            found[(found != 0.0) & (found != 1.0)] = np.nan
        return found

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        old, new = block.before, block.after
        answers = np.empty(len(block))
        weights = np.ones(len(block)) if self.weights is None else self.weights
        done = walk(
            *(block.ops, self.names.starts, self.names.ids, old.layouts, old.values, new.layouts, new.values),
            *(labels, weights, answers, self.slots, self.slot_of, self.scalars, self.settings),
            *(self.loss, self.optimizer, self.news),
        )
        return Answers(answers), done

    def write_back(self) -> None:
        part, optimizer = self.part, self.part.optimizer
        steps, size = int(self.scalars[STEPS]), int(self.scalars[SLOTS])
        if steps == self.steps:
            return
        born = np.flatnonzero(self.slot_of >= 0)
        order = [self.names.features[i] for i in born[np.argsort(self.slot_of[born])].tolist()]
        part._weights.update(dict(zip(order, self.slots[WEIGHT, :size].tolist(), strict=True)))
        part.intercept = float(self.scalars[INTERCEPT])
        if self.optimizer in (ADAM, RMSPROP):
            self._make_accumulators()
        for row, each in self._accumulators():
            each.update(dict(zip(order, self.slots[row, :size].tolist(), strict=True)))
        if part.l1:
            part.max_cum_l1 = float(self.scalars[MAX_CUM_L1])
        self.steps = optimizer.n_iterations = steps

    def _make_accumulators(self) -> None:
        """River makes these at the first lesson."""
        from river.utils import VectorDict

        for name in ("m", "v") if self.optimizer == ADAM else ("g2",):
            if getattr(self.part.optimizer, name) is None:
                setattr(self.part.optimizer, name, VectorDict())
