"""How good predictions are before their labels come, beside how good those with labels were.

Labels that came say how often a prediction like this one is right (`expected.py`), and the mean of that over
the latest predictions is the performance to be expected of them (confidence-based estimation: Guillory and
others, 2021; Garg and others, 2022). The band is to hold the performance that the labels of these predictions
will show, 95 times of 100. It is made of the chance in so many labels, of what is not known for sure of each
bin, of how far estimates were off so far (`hindsight.py`), and of the gap: by how much labelled predictions
of late turned out otherwise than was expected of them before, as far as that is more than chance.

It sees that inputs moved to where the model is better or worse. It cannot see a change in what the
labels are for the same inputs: then the estimate stays, the realised performance falls as labels come, and
the gap shows (`apart`). Then the estimate follows: half of what it knows is newer than some 1,400 labels.
Nor does it see a change that leaves the scores where they were, or of a regressor one to predictions larger
or smaller than any of its first 500: their errors are expected to be those of the outermost bin.

Accuracy of the latest 1,000 of at most 25,000 predictions, labels 1,000 events late. How often the band held
it, how wide it was, how far off the estimate was, and how far off is who takes the latest labels' accuracy:

    stream           model                  held   width   estimate   latest labels
    elec2            logistic_regression     95%    .47      .068         .067
    elec2            naive_bayes             86%    .41      .089         .079
    bank_marketing   logistic_regression     95%    .10      .016         .044
    bank_marketing   naive_bayes             90%    .05      .010         .015
    phishing11k      logistic_regression     86%    .10      .017         .025
    phishing11k      naive_bayes            100%    .46      .016         .031
    gmsc             logistic_regression    100%    .11      .012         .008
    gmsc             naive_bayes             95%    .10      .017         .008
    simulated covariate shift                97%    .06
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import starmap
from operator import eq
from typing import Any, NamedTuple

import numpy as np

from engine.drift.detector import Floats
from engine.drift.expected import FIT_LABELS, POSITIVE, Errors, Hits
from engine.drift.hindsight import Hindsight
from engine.joined import Settlements
from engine.metrics.block import Ints, Kind
from engine.metrics.coding import truths
from engine.models.scores import Scores

WINDOW = 1000  # predictions that are judged; as many labelled ones
LABELS_MIN = 50
FRESH_MIN = 512  # predictions, or labels, at which all is judged anew at a turn
WIDE = 1.96  # standard errors on each side of the estimate
APART = 3.0  # standard errors by which a gap is more than chance
NAMES = {Kind.BINARY: "accuracy", Kind.MULTICLASS: "accuracy", Kind.REGRESSION: "mae"}


class Performance(NamedTuple):
    """What is known of it: the share that is right, of a regressor the mean absolute error.

    None: too few labels or predictions.
    """

    estimated: float | None = None  # of the latest `n` predictions
    low: float | None = None
    high: float | None = None
    realised: float | None = None  # of the latest `labels` labelled ones
    gap: float | None = None  # of these: how much better, or farther off, they were than expected before
    apart: bool = False  # whether that is more than chance
    n: int = 0
    labels: int = 0

    def gauges(self, kind: Kind) -> dict[str, float]:
        """What there is by the name of its metric.

        >>> Performance(0.75, 0.5, 1.0).gauges(Kind.BINARY)
        {'accuracy_estimated': 0.75, 'accuracy_low': 0.5, 'accuracy_high': 1.0}
        """
        told = {name: getattr(self, name) for name in ("estimated", "low", "high", "realised")}
        return {f"{NAMES[kind]}_{name}": value for name, value in told.items() if value is not None}


class Estimate:
    """Performance with and without labels. What it says changes at turns only.

    Parameters
    ----------
    kind
        What is predicted: classes or numbers. There is no estimate of anomalies, whose scores are no
        probabilities.

    Examples
    --------
    >>> estimate = Estimate(Kind.BINARY)
    >>> estimate.predicted(Scores(predictions=[True] * 600, scores=[0.75] * 600), last=599)
    >>> estimate.turn()
    >>> estimate.told().n, estimate.told().estimated
    (600, None)
    """

    def __init__(self, kind: Kind) -> None:
        if kind not in NAMES:
            raise ValueError(f"there is no estimate of the performance of {kind}")
        self.kind = kind
        self.expected: Hits | Errors = Errors() if kind is Kind.REGRESSION else Hits(kind is Kind.BINARY)
        self.values: list[Floats] = []  # predictions that wait for the turn,
        self.labelled: list[Floats] = []  # and labelled ones: value, outcome, that of a former label, offset
        self.last = -1  # offset of the newest prediction
        self.hindsight = Hindsight()
        self.window = np.zeros(0, np.uint8)  # bins of the latest predictions
        self.latest = np.zeros((2, 0))  # labelled ones: how good, and how much more than was expected

    def predicted(self, scores: Scores, last: int) -> None:
        """Take predictions, as they are made; `last` is the offset of the last one's event."""
        found = scores.predictions if self.kind is Kind.REGRESSION else scores.scores
        values = np.array(found, np.float64)  # None becomes NaN
        self.values.append(values)
        self.last = last

    def settled(self, settled: Settlements) -> None:
        """Take labels that came."""
        if not settled:
            return
        values = settled.predictions if self.kind is Kind.REGRESSION else settled.scores
        rows = np.full((4, len(settled)), np.nan)
        rows[0], rows[1] = np.array(values, np.float64), self._outcomes(settled, settled.labels)
        if settled.before.count(None) < len(settled):
            rows[2] = self._outcomes(settled, settled.before)
        rows[3] = settled.offsets
        self.labelled.append(rows)

    def _outcomes(self, settled: Settlements, labels: Sequence[Any]) -> Floats:
        """What became of each: whether it came true, or how far off it was; NaN where there is no label."""
        if self.kind is Kind.REGRESSION:
            with np.errstate(over="ignore", invalid="ignore"):
                off = np.array(labels, np.float64) - np.array(settled.predictions, np.float64)
            return np.abs(off)
        if self.kind is Kind.BINARY:
            found = truths(labels).astype(np.float64)
        else:
            pairs = zip(settled.predictions, labels, strict=True)
            found = np.fromiter(starmap(eq, pairs), np.float64, len(labels))
        if None in labels:
            found[[label is None for label in labels]] = np.nan
        return found

    def turn(self) -> None:
        """Take what came up to here, if there is enough of it."""
        if max(sum(map(len, self.values)), sum(rows.shape[1] for rows in self.labelled)) < FRESH_MIN:
            return
        values = _joined(self.values)
        values = values[np.isfinite(values)]
        if not self.expected.ready(values):
            self.values, self.labelled = [values], [rows[:, -WINDOW:] for rows in self._waiting()]
            return
        if len(values):
            bins = self.expected.place(values).astype(np.uint8)
            self.window = np.concatenate([self.window, bins])[-WINDOW:]
            said = float(self.expected.rate[bins].mean()) if self._is_known else math.nan
            self.hindsight.close(self.last, said)
        for rows in self._waiting():
            self._learn(rows)
        self.values, self.labelled = [], []

    def _waiting(self) -> list[Floats]:
        """What came of labels since the last turn: one block, or none."""
        return [np.concatenate(self.labelled, axis=1)] if self.labelled else []

    def _learn(self, rows: Floats) -> None:
        values, outcomes, before, offsets = rows[:, np.isfinite(rows[:2]).all(axis=0)]
        bins = self.expected.place(values)
        again = np.isfinite(before)
        if again.any():
            self.expected.correct(bins[again], outcomes[again] - before[again])
            bins, outcomes, offsets = bins[~again], outcomes[~again], offsets[~again]
        if not len(bins):
            return
        good = self._good(bins, outcomes)
        self.hindsight.meet(offsets.astype(np.int64), good)
        expected = self.expected.rate[bins] if self._is_known else np.full(len(good), np.nan)
        met = np.stack([good, good - expected])
        self.latest = np.concatenate([self.latest, met], axis=1)[:, -WINDOW:]
        self.expected.learn(bins, outcomes)

    @property
    def _is_known(self) -> bool:
        """Whether there is something to be expected at all."""
        return self.expected.labels >= FIT_LABELS

    def _good(self, bins: Ints, outcomes: Floats) -> Floats:
        """Whether predictions were right; of numbers, how far off they were."""
        if self.kind is not Kind.BINARY:
            return outcomes
        good: Floats = (outcomes == POSITIVE[bins]).astype(np.float64)
        return good

    def told(self) -> Performance:
        """How good the predictions were up to the last turn."""
        n, labels, here = len(self.window), self.latest.shape[1], self.expected
        if n == 0 or labels < LABELS_MIN:
            return Performance(n=n, labels=labels)
        share = np.bincount(self.window, minlength=len(here.rate)) / n
        estimated, spread = float((share * here.rate).sum()), float((share * here.spread).sum())
        doubt = float((share * share * here.doubt).sum())
        gap, noise = self._gap(spread, doubt)
        excess = self.hindsight.excess(spread)
        wide, sure = WIDE * math.sqrt(spread / n + doubt + excess), max(0.0, abs(gap) - WIDE * noise)
        low = max(0.0, estimated - wide - (sure if gap < 0 else 0.0))
        high = estimated + wide + (sure if gap > 0 else 0.0)
        high = high if self.kind is Kind.REGRESSION else min(1.0, high)
        realised, apart = float(self.latest[0].sum()) / labels, abs(gap) > APART * noise
        return Performance(estimated, low, high, realised, gap, apart, n, labels)

    def _gap(self, spread: float, doubt: float) -> tuple[float, float]:
        """How much more labelled predictions turned out than was expected, and the standard error of that."""
        gaps = self.latest[1][np.isfinite(self.latest[1])]
        n = len(gaps)
        if n < LABELS_MIN:
            return 0.0, math.inf
        gap = float(gaps.sum()) / n
        variance = max(float((gaps * gaps).sum()) / n - gap * gap, spread)
        return gap, math.sqrt(variance / n + doubt)

    def state(self) -> list[Any]:
        kept = [_joined(self.values), [*self._waiting()], self.window.copy(), self.latest.copy()]
        return [self.expected.state(), kept, self.last, self.hindsight.state()]

    def restore(self, state: list[Any]) -> None:
        expected, (values, waiting, window, latest), self.last, hindsight = state
        self.hindsight.restore(hindsight)
        self.expected.restore(expected)
        self.values = [values] if len(values) else []
        self.labelled = list(waiting)
        self.window, self.latest = window.copy(), latest.copy()


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)
