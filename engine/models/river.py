"""A River model under the walk: rows and labels in, scores out, event by event.

What the walk needs of a model is `run` and `learn` over columns; a compiled model fits in here with the
same two, and nobody else changes.

An event on which the model raises leaves no trace in it. River models have no undo, so a pickle of the
model is kept with what it was asked and taught since; after an error the pickle is loaded and all of that
is done again. That costs 1/1000 of a pickle per lesson, and nothing depends on when the pickle was taken.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Sequence
from typing import Any

from engine.errors import ModelError
from engine.fold import Features, Rows
from engine.models.chain import Learn, Predict, calls, planned
from engine.models.scores import JUDGES, NONE, Failure, Scores, Task, Verdict, task_of

PREDICTED, TAUGHT = 1, 2
Lesson = tuple[Features, Any, float | None, int]  # with what was done: some models change as they predict

LESSONS_MIN = 1024  # between two pickles; more when the pickle is large
PICKLE_BYTES_PER_LESSON = 512


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
        self.learns = True  # until the model has grown too large
        self._use(model)
        self._keep()

    def run(self, rows: Rows, labels: Sequence[Any]) -> Scores:
        """Predict each row, then learn from it where its label is not None.

        An anomaly detector learns from every row, since it needs no label.
        """
        judge, always = self.judge, self.task is Task.ANOMALY and self.learns
        labels = labels if self.learns else [None] * len(labels)
        verdicts, failures = list[Verdict](), list[Failure]()
        predict, learn, lessons = self._predict, self._learn, self._lessons
        for i, (x, y) in enumerate(zip(rows.dicts(), labels, strict=True)):
            try:
                verdict = judge(predict(x))
                taught = always or y is not None
                if taught:
                    learn(x, y)
                lessons.append((x, y, None, PREDICTED | TAUGHT if taught else PREDICTED))
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
        if self.task is Task.ANOMALY or not self.learns:
            return failures
        for i, (x, y, w) in enumerate(zip(rows.dicts(), labels, weights, strict=True)):
            try:
                self._teach(x, y, w, late=True)
                self._lessons.append((x, y, w, TAUGHT))
            except Exception as exc:  # noqa: BLE001 - the model is the user's: anything may come
                failures.append(self._failed(i, exc))
        self._keep_when_due()
        return failures

    def state(self) -> Any:
        """The River model as it is now, for a snapshot."""
        return self.model

    def restore(self, model: Any) -> None:
        self._use(model)
        self._keep()

    def drop(self) -> None:
        """Give back the memory of what can be taken back; `restore` comes before anything else."""
        self._kept = b""
        self._lessons.clear()

    # -- learning that can be taken back -------------------------------------------------------------

    def _use(self, model: Any) -> None:
        """Make `model` the one that predicts and learns."""
        self.model = planned(model)
        self._predict: Predict
        self._learn: Learn
        if self.task is Task.ANOMALY:
            self._predict, self._learn = model.score_one, lambda x, y: model.learn_one(x)
        else:
            method = "predict_proba_one" if self.task is Task.CLASSIFY else "predict_one"
            self._predict, self._learn = calls(model, method)

    def _teach(self, x: Features, y: Any, w: float | None, late: bool) -> None:
        if w is not None and self.weighs:
            self.model.learn_one(x, y, w=w)
        elif late and hasattr(self.model, "learn_late_one"):
            self.model.learn_late_one(x, y)
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
        self._lessons: list[Lesson] = []
        self._lessons_max = max(LESSONS_MIN, len(self._kept) // PICKLE_BYTES_PER_LESSON)

    def _failed(self, index: int, exc: Exception) -> Failure:
        """Undo whatever the failed call has done to the model."""
        self._use(pickle.loads(self._kept))
        for x, y, w, what in self._lessons:
            if what & PREDICTED:
                self._predict(x)
            if what & TAUGHT:
                self._teach(x, y, w, late=not what & PREDICTED)
        self._keep()
        return Failure(index, type(exc).__name__, str(exc))
