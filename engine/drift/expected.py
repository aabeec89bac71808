"""What is to be expected of a prediction before its label is there, from labels that came before.

Predictions fall into bins, by their probability or by their value. Each bin keeps how the labelled ones among
them turned out; the counts fade, so that a change is followed. `Hits` is for classes: how probable it is that
a prediction is right. `Errors` is for numbers: how far from its label one will be. Of each bin they tell

    rate     the mean outcome: the chance to be right, or the distance
    spread   the variance of one outcome
    doubt    the variance of the rate itself
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.confidence.beta import EDGE, RIDGE, Beta, logs, sigmoid, solve
from engine.confidence.isotonic import rising
from engine.drift.detector import Floats
from engine.metrics.block import Ints

KEEP = 1 - 1 / 2000  # of the counts, a label
PRIOR = 10.0  # labels that count in each bin for what the other bins say of it
FIT_LABELS = 256  # at least, between two fits of the curve; later as many as were counted
STEPS = 2  # a fit

CUTS = np.array([sigmoid(k / 2) for k in range(-15, 16)])  # 0.5 is one of them
MIDDLES = [(k - 15.5) / 2 for k in range(len(CUTS) + 1)]  # in log-odds
LOGS = [logs(sigmoid(x)) for x in MIDDLES]
TERMS = np.array([(x, -y, 1.0) for x, y in LOGS])  # what beta calibration weighs
SQUARES = np.array([(x * x, x * y, x, y * y, y, 1.0) for x, y, _ in TERMS.tolist()])
POSITIVE = np.array(MIDDLES) > 0

NEAR = 1e-3  # log-odds at which the curvature is that of 0

NUMBERS_MIN = 500  # predictions from which the bins of numbers are drawn
NUMBER_BINS = 16


class Hits:
    """How probable it is that a prediction is right.

    A curve runs through the bins: beta calibration over all of them, drawn in each towards what came true
    there, and made to rise (`engine/confidence` has both).

    Parameters
    ----------
    binary
        Whether values are the probability of True; else that of the predicted class. Outcomes are 1 where
        it came true.
    """

    def __init__(self, binary: bool) -> None:
        self.binary = binary
        self.seen, self.true = np.zeros(len(MIDDLES)), np.zeros(len(MIDDLES))
        self.bent = Beta(KEEP)
        self.drawn = np.array([self.bent(x) for x in LOGS])
        self.fresh = 0  # labels since the last fit
        self._draw()

    @property
    def labels(self) -> float:
        return float(self.seen.sum())

    def ready(self, values: Floats) -> bool:
        return True

    def place(self, values: Floats) -> Ints:
        return np.searchsorted(CUTS, values)  # 0.5 lies in the bin below it: it predicts False

    def learn(self, bins: Ints, outcomes: Floats) -> None:
        fade, n = KEEP ** len(bins), len(MIDDLES)
        self.seen = fade * self.seen + np.bincount(bins, minlength=n)
        self.true = fade * self.true + np.bincount(bins, outcomes, n)
        self.fresh += len(bins)
        if self.fresh >= max(FIT_LABELS, self.labels):
            self.fresh = 0
            for _ in range(STEPS):
                self._bend()
        self._draw()

    def correct(self, bins: Ints, change: Floats) -> None:
        """Give labelled predictions another outcome: what it is more than the former one."""
        true = self.true + np.bincount(bins, change, len(MIDDLES))
        self.true = np.clip(true, 0.0, self.seen)
        self._draw()

    def _bend(self) -> None:
        """A step towards the most probable curve, held near to what the model says itself.

        As Newton's, but under a bound of the curvature, so that it never steps too far (Jaakkola and
        Jordan, 2000).
        """
        bent = self.bent
        at = np.array([bent.a, bent.b, bent.c])
        z = (TERMS * at).sum(axis=1)
        q, near = self.drawn, np.abs(z) < NEAR
        bend = np.where(near, 0.25, (q - 0.5) / np.where(near, 1.0, z)) * self.seen
        pull = (TERMS * (self.true - self.seen * q)[:, None]).sum(axis=0) - RIDGE * (at - (1.0, 1.0, 0.0))
        curve = (SQUARES * bend[:, None]).sum(axis=0) + RIDGE * np.array((1.0, 0.0, 0.0, 1.0, 0.0, 1.0))
        a, b, c = (at + solve(curve.tolist(), pull.tolist())).tolist()
        bent.a, bent.b, bent.c = max(0.0, a), max(0.0, b), c
        self.drawn = np.array([bent(x) for x in LOGS])

    def _draw(self) -> None:
        """The curve through the bins, and what it says of the predictions."""
        weight = self.seen + PRIOR
        heights = (self.true + PRIOR * self.drawn) / weight
        curve = np.clip(rising(heights.tolist(), weight.tolist()), EDGE, 1 - EDGE)
        self.rate = np.where(POSITIVE, curve, 1 - curve) if self.binary else curve
        self.spread = curve * (1 - curve)
        self.doubt = self.spread / weight

    def state(self) -> list[Any]:
        bent = self.bent
        return [self.seen.copy(), self.true.copy(), [bent.a, bent.b, bent.c], self.fresh]

    def restore(self, state: list[Any]) -> None:
        self.seen, self.true, bent, self.fresh = state
        self.bent.a, self.bent.b, self.bent.c = bent
        self.drawn = np.array([self.bent(x) for x in LOGS])
        self._draw()


class Errors:
    """How far from its label a number will be: the mean distance by bins of the prediction.

    The bins hold equally many of the first 500 predictions, and stay.
    """

    def __init__(self) -> None:
        self.cuts: Floats | None = None
        self.sums = np.zeros((3, NUMBER_BINS))  # labels, distances, their squares
        self._tell()

    @property
    def labels(self) -> float:
        return float(self.sums[0].sum())

    def ready(self, values: Floats) -> bool:
        if self.cuts is None and len(values) >= NUMBERS_MIN:
            first = np.sort(values[:NUMBERS_MIN])
            self.cuts = first[[NUMBERS_MIN * k // NUMBER_BINS for k in range(1, NUMBER_BINS)]]
        return self.cuts is not None

    def place(self, values: Floats) -> Ints:
        assert self.cuts is not None
        return np.searchsorted(self.cuts, values)

    def learn(self, bins: Ints, outcomes: Floats) -> None:
        self.sums *= KEEP ** len(bins)
        weights = (np.ones(len(bins)), outcomes, outcomes**2)
        self.sums += np.array([np.bincount(bins, weight, NUMBER_BINS) for weight in weights])
        self._tell()

    def correct(self, bins: Ints, change: Floats) -> None:
        """Give labelled predictions another distance: what it is more than the former one."""
        self.sums[1] = np.maximum(0.0, self.sums[1] + np.bincount(bins, change, NUMBER_BINS))
        self._tell()

    def _tell(self) -> None:
        n, one, two = self.sums
        all_n, all_one, all_two = self.sums.sum(axis=1).tolist()
        mean, square = (all_one / all_n, all_two / all_n) if all_n else (0.0, 0.0)
        self.rate = (one + PRIOR * mean) / (n + PRIOR)
        self.spread = np.maximum(0.0, (two + PRIOR * square) / (n + PRIOR) - self.rate**2)
        self.doubt = self.spread / (n + PRIOR)

    def state(self) -> list[Any]:
        return [None if self.cuts is None else self.cuts.copy(), self.sums.copy()]

    def restore(self, state: list[Any]) -> None:
        self.cuts, self.sums = state[0], state[1].copy()
        self._tell()
