"""A River model under the walk: rows and labels in, scores out, event by event.

What the walk needs of a model is `run` and `learn` over columns; a compiled model fits in here with the
same two, and nobody else changes.

An event on which the model raises leaves no trace in it. River models have no undo, so a pickle of the
model is kept with what it has learned since; after an error the pickle is loaded and those lessons are
given again. That costs 1/1000 of a pickle per lesson, and nothing depends on when the pickle was taken.
"""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.errors import ModelError
from engine.fold import Features, Rows
from engine.models.chain import Learn, Predict, calls

LESSONS_MIN = 1024  # between two pickles; more when the pickle is large
PICKLE_BYTES_PER_LESSON = 512


class Task(StrEnum):
    CLASSIFY = "classify"
    REGRESS = "regress"
    ANOMALY = "anomaly"

    @property
    def label_kind(self) -> str:
        return "number" if self is Task.REGRESS else "boolean"


@dataclass(slots=True)
class Failure:
    """What the model raised on one row."""

    index: int
    exception: str
    message: str


@dataclass(slots=True)
class Scores:
    """Predictions as columns, one row an event; a failed row holds None."""

    predictions: Sequence[Any] = ()
    scores: Sequence[float | None] = ()
    probabilities: Sequence[dict[str, float] | None] = ()
    failures: list[Failure] = field(default_factory=list)

    def pick(self, rows: Sequence[int]) -> Scores:
        columns = (self.predictions, self.scores, self.probabilities)
        return Scores(*([column[row] for row in rows] for column in columns))  # type: ignore[arg-type]


def task_of(model: Any) -> Task:
    """What a model does, by the methods that it has.

    >>> from river import linear_model
    >>> task_of(linear_model.LinearRegression()).value
    'regress'
    """
    from river import base

    last = model
    while hasattr(last, "_last_step"):
        last = last._last_step
    if isinstance(last, base.Classifier):
        return Task.CLASSIFY
    if isinstance(last, base.Regressor):
        return Task.REGRESS
    for method, task in (
        ("score_one", Task.ANOMALY),
        ("predict_proba_one", Task.CLASSIFY),
        ("predict_one", Task.REGRESS),
    ):
        if hasattr(last, method) and hasattr(last, "learn_one"):
            return task
    raise ModelError(
        f"{type(last).__name__} is neither a classifier, a regressor nor an anomaly detector: "
        "it needs learn_one, and predict_proba_one, predict_one or score_one"
    )


def takes_weight(model: Any) -> bool:
    """Whether `learn_one` of the model, or of a pipeline's last step, has a parameter `w`."""
    last = getattr(model, "_last_step", model)
    return "w" in inspect.signature(last.learn_one).parameters


class RiverModel:
    """Runs a River model event by event.

    Parameters
    ----------
    model
        A River classifier, regressor or anomaly detector, or anything with their methods.
    """

    def __init__(self, model: Any) -> None:
        self.task = task_of(model)
        self.weighs = takes_weight(model)
        self.judge = JUDGES[self.task]
        self._use(model)
        self._keep()

    def run(self, rows: Rows, labels: Sequence[Any]) -> Scores:
        """Predict each row, then learn from it where its label is not None.

        An anomaly detector learns from every row, since it needs no label.
        """
        judge, always = self.judge, self.task is Task.ANOMALY
        verdicts, failures = list[Verdict](), list[Failure]()
        predict, learn, lessons = self._predict, self._learn, self._lessons
        for i, (x, y) in enumerate(zip(rows.dicts(), labels, strict=True)):
            try:
                verdict = judge(predict(x))
                if always or y is not None:
                    learn(x, y)
                    lessons.append((x, y, None))
            except Exception as exc:  # noqa: BLE001 - the model is the user's: anything may come
                failures.append(self._failed(i, exc))
                predict, learn, lessons = self._predict, self._learn, self._lessons
                verdict = NONE
            verdicts.append(verdict)
        self._keep_when_due()
        if not verdicts:
            return Scores()
        predictions, scores, odds = zip(*verdicts, strict=True)
        return Scores(predictions, scores, odds, failures)

    def learn(self, rows: Rows, labels: Sequence[Any], weights: Sequence[float | None]) -> list[Failure]:
        """Learn from rows whose labels came later; return what failed."""
        failures: list[Failure] = []
        if self.task is Task.ANOMALY:
            return failures
        for i, (x, y, w) in enumerate(zip(rows.dicts(), labels, weights, strict=True)):
            try:
                self._teach(x, y, w)
                self._lessons.append((x, y, w))
            except Exception as exc:  # noqa: BLE001 - the model is the user's: anything may come
                failures.append(self._failed(i, exc))
        self._keep_when_due()
        return failures

    # -- learning that can be taken back -------------------------------------------------------------

    def _use(self, model: Any) -> None:
        """Make `model` the one that predicts and learns."""
        self.model = model
        self._predict: Predict
        self._learn: Learn
        if self.task is Task.ANOMALY:
            self._predict, self._learn = model.score_one, lambda x, y: model.learn_one(x)
        else:
            method = "predict_proba_one" if self.task is Task.CLASSIFY else "predict_one"
            self._predict, self._learn = calls(model, method)

    def _teach(self, x: Features, y: Any, w: float | None) -> None:
        if w is not None and self.weighs:
            self.model.learn_one(x, y, w=w)
        else:
            self._learn(x, y)

    def _keep_when_due(self) -> None:
        if len(self._lessons) >= self._lessons_max:
            self._keep()

    def _keep(self) -> None:
        try:
            self._kept = pickle.dumps(self.model, pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as exc:
            name = type(self.model).__name__
            raise ModelError(f"the model {name} can't be pickled, so there is no snapshot: {exc}") from exc
        self._lessons: list[tuple[Features, Any, float | None]] = []
        self._lessons_max = max(LESSONS_MIN, len(self._kept) // PICKLE_BYTES_PER_LESSON)

    def _failed(self, index: int, exc: Exception) -> Failure:
        """Undo whatever the failed call has done to the model."""
        self._use(pickle.loads(self._kept))
        for lesson in self._lessons:
            self._teach(*lesson)
        self._keep()
        return Failure(index, type(exc).__name__, str(exc))


Verdict = tuple[Any, float | None, dict[str, float] | None]  # prediction, score, probabilities by name
NONE: Verdict = (None, None, None)


def finite(value: Any) -> float:
    number = float(value)
    if not -math.inf < number < math.inf:
        raise ValueError(f"the model returned {number}")
    return number


def a_class(found: dict[Any, float]) -> Verdict:
    """Judge what a classifier returned.

    The score is the probability of True, or of the predicted class where there are several.

    >>> a_class({False: 0.25, True: 0.75})
    (True, 0.75, {'false': 0.25, 'true': 0.75})
    >>> a_class({"a": 0.75, "b": 0.25})
    ('a', 0.75, {'a': 0.75, 'b': 0.25})
    >>> a_class({})
    (None, None, None)
    """
    if len(found) == 2 and True in found and False in found:
        no, yes = found[False], found[True]
        if not -math.inf < no + yes < math.inf:
            raise ValueError(f"the model returned {found}")
        return yes > no, yes, {"false": no, "true": yes}
    if not found:
        return NONE
    best = max(found, key=found.__getitem__)
    score = finite(found[True]) if True in found else finite(found[best])
    named = {str(k).lower() if isinstance(k, bool) else str(k): finite(v) for k, v in found.items()}
    return best, score, named


def a_number(found: Any) -> Verdict:
    """Judge what a regressor returned."""
    value = finite(found)
    return value, value, None


def a_score(found: Any) -> Verdict:
    """Judge what an anomaly detector returned."""
    return None, finite(found), None


JUDGES = {Task.CLASSIFY: a_class, Task.REGRESS: a_number, Task.ANOMALY: a_score}
