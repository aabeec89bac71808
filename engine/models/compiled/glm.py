"""Generalised linear models: LogisticRegression, LinearRegression, Perceptron."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.block import Answers, Block, Floats, Ints, grown
from engine.models.compiled.glm_kernel import (
    ADAM,
    BETA_1,
    BETA_2,
    CLIP,
    CUM_L1,
    EPS,
    FIRST,
    HALF,
    HINGE,
    INTERCEPT,
    INTERCEPT_RATE,
    L1,
    L2,
    LOG,
    MAX_CUM_L1,
    ON_FALSE,
    ON_TRUE,
    RATE,
    RMSPROP,
    SECOND,
    SGD,
    SLOTS,
    STEPS,
    TWO,
    WEIGHT,
    walk,
)
from engine.models.compiled.step import Model, Unsupported, numbers

BINARY = {False, True, None}


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
        self.news: Floats = np.zeros((4, 0))
        self.places: Ints = np.zeros(0, np.int64)
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
        if len(self.places) >= len(self.names):
            return
        self.slots = grown(self.slots, len(self.names))
        self.slot_of = grown(self.slot_of, len(self.names), -1)
        self.news = grown(self.news, len(self.names))
        self.places = grown(self.places, len(self.names))

    def labels(self, values: Any) -> Floats:
        if self.loss != LOG:
            return numbers(values)
        try:  # nothing but true and false, mostly
            found = np.frombuffer(bytes(values), np.uint8).astype(np.float64)
            if found.max() <= 1.0:
                return found
        except (TypeError, ValueError):
            pass
        try:
            if BINARY.issuperset(values):
                return np.array(values, np.float64)
        except TypeError:  # what can't be hashed is no label
            pass
        found = numbers(values)
        found[(found != 0.0) & (found != 1.0)] = np.nan
        return found

    def run(self, block: Block, labels: Floats) -> tuple[Answers, int]:
        old, new = block.before, block.after
        answers = np.empty(len(block))
        weights = np.ones(len(block)) if self.weights is None else self.weights
        done = walk(
            *(block.ops, self.names.starts, self.names.ids, old.layouts, old.values, new.layouts, new.values),
            *(labels, weights, answers, self.slots, self.slot_of, self.scalars, self.settings),
            *(self.loss, self.optimizer, self.news, self.places),
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
