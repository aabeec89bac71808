"""Calibrated probabilities, online: of the events that get 0.8, eight in ten come true.

Three curves look at the model's own probability p: p itself, `beta.py` and `isotonic.py`. What is said is
their mean, weighted by how probable each made the labels that came (Bayes' rule, in blocks). That is why it
can't do much harm: in log loss a mixture is never worse than its best member by more than the logarithm of
their number, and one member is the model itself. A little of each weight is shared out again with every
block, so that a curve that was wrong for a season can come back (Herbster and Warmuth, 1998).

All curves rise, so the order of the scores stays as it was. They change at a shard's turns only.

Log loss and expected calibration error, before and after, test-then-train on whole streams (the labels of
a turn are learned at its end):

    stream           model                  log loss           calibration error   accuracy
    elec2            logistic_regression    .3849 -> .3838     .034 -> .021        .837 -> .835
    elec2            alma                   .5401 -> .2981     .250 -> .080        .908 -> .906
    elec2            hoeffding_tree         .6196 -> .4704     .061 -> .030        .799 -> .801
    bank_marketing   logistic_regression    .2132 -> .1993     .022 -> .007        .910 -> .910
    bank_marketing   naive_bayes            .8651 -> .2636     .124 -> .014        .850 -> .893
    gmsc (50,000)    logistic_regression    .2413 -> .2348     .006 -> .005        .933 -> .933
    gmsc (50,000)    alma                   .6949 -> .2423     .432 -> .010        .629 -> .931
    phishing11k      naive_bayes           1.9430 -> .4591     .170 -> .034        .830 -> .872
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.confidence.beta import EDGE, Beta, Logs, logs
from engine.confidence.isotonic import Isotonic

KEEP = 1 - 1 / 2000  # of what the curves know, a label
SHARE = 0.01  # of each weight, a block


class Calibrator:
    """The three curves and their weights.

    Examples
    --------
    >>> calibrator = Calibrator()
    >>> calibrator(0.9)
    0.9
    >>> for _ in range(10):
    ...     calibrator.learn([(0.9, True), (0.9, False)] * 50)  # says 0.9, and is right half the time
    >>> round(calibrator(0.9), 1)
    0.5
    """

    def __init__(self) -> None:
        self.beta, self.isotonic = Beta(KEEP), Isotonic(KEEP)
        self.weights = [1.0, 0.0, 0.0]  # until there was a label

    def __call__(self, p: float) -> float:
        """The calibrated probability."""
        if not self.isotonic.at:
            return p
        x = logs(p)
        plain, bent, drawn = self.weights
        return plain * min(max(p, EDGE), 1 - EDGE) + bent * self.beta(x) + drawn * self.isotonic(x)

    def learn(self, block: Sequence[tuple[float, bool]]) -> None:
        """Learn from the model's own probabilities of something, and whether it came true."""
        if not block:
            return
        seen = [(logs(p), bool(label)) for p, label in block]
        said = [self.beta(x) for x, _ in seen]
        if self.isotonic.at:
            self._weigh(seen, said)
        else:
            self.weights = [1 / 3] * 3
        self.beta.learn(seen, said)
        self.isotonic.learn(seen, self.beta)

    def _weigh(self, block: Sequence[tuple[Logs, bool]], said: Sequence[float]) -> None:
        """Give each curve the weight that it earned on labels which it has not learned yet."""
        plain = bent = drawn = 0.0
        curve, log = self.isotonic, math.log
        for (x, label), beta in zip(block, said, strict=True):
            height = curve(x)
            if label:
                plain, bent, drawn = plain + x[0], bent + log(beta), drawn + log(height)
            else:
                plain, bent, drawn = plain + x[1], bent + log(1 - beta), drawn + log(1 - height)
        best = max(plain, bent, drawn)
        gains = (plain - best, bent - best, drawn - best)
        earned = [w * math.exp(gain) for w, gain in zip(self.weights, gains, strict=True)]
        total = sum(earned)
        self.weights = [(1 - SHARE) * w / total + SHARE / 3 for w in earned]

    def state(self) -> list[Any]:
        return [self.weights, self.beta.state(), self.isotonic.state()]

    def restore(self, state: list[Any]) -> None:
        self.weights, beta, isotonic = state
        self.beta.restore(beta)
        self.isotonic.restore(isotonic)
