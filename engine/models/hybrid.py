"""The model of a shard: River's, event by event, or its compiled twin, a batch at a time.

Nobody can tell from the outputs which of the two ran, nor from the state. A model begins with River, and
goes over to its twin when somebody calls `switch`, who has seen to it that the kernels are compiled
(`warm`), since that takes seconds. A model without a compiled form stays with River.

An event that the twin can't take, because River would raise on it or because its values have no exact form
in arrays, is handed to River with the state it would have had. That costs about as much as a pickle of the
model: where it comes too often, River goes on alone for a while.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.fold import Rows
from engine.models.compiled import Unsupported
from engine.models.compiled.block import LEARN, PREDICT, Answers, Bytes, Names
from engine.models.compiled.encode import encode
from engine.models.compiled.judge import judged
from engine.models.river import RiverModel
from engine.models.scores import Failure, Scores, Task

if TYPE_CHECKING:
    from engine.models.compiled.twin import Twin

HANDED_COST = 20  # one event in so many may be handed over
CREDIT_MAX = 10 * HANDED_COST
ASKED, BOTH = np.full(4096, PREDICT, np.uint8), np.full(4096, PREDICT | LEARN, np.uint8)
REST_EVENTS = 2_000  # how long River goes on alone


class Hybrid:
    """Runs a model as the walk wants it.

    Parameters
    ----------
    model
        A River classifier, regressor or anomaly detector, or anything with their methods.

    Attributes
    ----------
    without
        Why there is no compiled form, once `switch` has found that out.

    Examples
    --------
    >>> from river import linear_model, preprocessing
    >>> model = Hybrid(preprocessing.StandardScaler() | linear_model.LogisticRegression())
    >>> rows = Rows(("x",), [(1.0,), (2.0,), (3.0,)])
    >>> model.run(rows, [False, True, True]).predictions
    (False, False, True)
    >>> model.switch()
    True
    >>> model.run(rows, [None, None, None]).predictions
    [False, True, True]
    """

    def __init__(self, model: Any) -> None:
        self.river = RiverModel(model)
        self.task = self.river.task
        self.twin: Twin | None = None
        self.without: str | None = None
        self._names: Names | None = None
        self._credit, self._rest = CREDIT_MAX, 0
        self.switched = False  # whether somebody asked for the compiled form

    @property
    def model(self) -> Any:
        """The River model as it is now."""
        return self.state()

    @property
    def compiled(self) -> bool:
        """Whether kernels run it."""
        return self.twin is not None

    def switch(self) -> bool:
        """Go over to the compiled form; False if there is none."""
        if self.twin is None and self.without is None:
            self.switched, self._rest = True, 0
            self._compile()
        return self.compiled

    def stop_learning(self) -> None:
        """From now on only predict."""
        self.river.learns = False

    # -- what the walk asks for ------------------------------------------------------------------------

    def run(self, rows: Rows, labels: Sequence[Any]) -> Scores:
        """Predict each row, then learn from it where its label is not None.

        An anomaly detector learns from every row, since it needs no label.
        """
        if self.twin is None:
            return self._by_river(rows, labels)
        labels = labels if self.river.learns else [None] * len(labels)
        ops = self._ops(labels)
        found, start = list[Scores](), 0
        while start < len(labels) and self.twin is not None:
            rest = rows if not start else replace(rows, rows=rows.rows[start:])
            answers, done = self._advance(rest, labels[start:] if start else labels, ops[start:], None)
            found.append(judged(self.task, answers, done))
            start += done
            if start < len(labels):
                one = replace(rows, rows=rows.rows[start : start + 1])
                found.append(self._hand_over().run(one, labels[start : start + 1]))
                self._take_back()
                start += 1
        if start < len(labels):  # handed over too often
            found.append(self._by_river(replace(rows, rows=rows.rows[start:]), labels[start:]))
        return found[0] if len(found) == 1 else _joined(found)

    def learn(self, rows: Rows, labels: Sequence[Any], weights: Sequence[float | None]) -> list[Failure]:
        """Learn from rows whose labels came later; return what failed."""
        if not self.compiled or self.task is Task.ANOMALY or not self.river.learns:
            failures = self.river.learn(rows, labels, weights)
            self._rested(len(labels))
            return failures
        ops, failures, start = np.full(len(labels), LEARN, np.uint8), [], 0
        weighed = self.river.weighs and weights.count(None) < len(weights)
        while start < len(labels):
            part = replace(rows, rows=rows.rows[start:])
            if handed := self.compiled:
                given = weights[start:] if weighed else None
                start += self._advance(part, labels[start:], ops[start:], given)[1]
                part = replace(rows, rows=rows.rows[start : start + 1])
            if part.rows:
                stop = start + len(part.rows)
                river = self._hand_over() if handed else self.river
                some = river.learn(part, labels[start:stop], weights[start:stop])
                failures += [replace(failure, index=start + failure.index) for failure in some]
                self._take_back() if handed else self._rested(len(part.rows))
                start = stop
        return failures

    def state(self) -> Any:
        """The River model as it is now, for a snapshot."""
        return self.river.state() if self.twin is None else self.twin.write_back()

    def restore(self, model: Any) -> None:
        self.twin = None
        self.river.restore(model)
        if self.switched:
            self._compile()

    def _ops(self, labels: Sequence[Any]) -> Bytes:
        size = len(labels)
        if size > len(ASKED):
            return np.concatenate([self._ops(labels[: len(ASKED)]), self._ops(labels[len(ASKED) :])])
        missing = 0 if self.task is Task.ANOMALY and self.river.learns else labels.count(None)
        if not missing:
            return BOTH[:size]
        if missing == size:
            return ASKED[:size]
        return np.array([PREDICT if y is None else PREDICT | LEARN for y in labels], np.uint8)

    # -- between the two -------------------------------------------------------------------------------

    def _compile(self) -> None:
        from engine.models.compiled.twin import Twin

        names = None if self._names is None or self._names.crowded else self._names
        try:
            self.twin = Twin(self.river.model, names)
        except Unsupported as exc:
            self.without, self.twin = str(exc), None
            self.river.restore(self.river.model)
            return
        self._names = self.twin.names
        self.river.drop()

    def _advance(
        self, rows: Rows, labels: Sequence[Any], ops: Bytes, weights: Sequence[float | None] | None
    ) -> tuple[Answers, int]:
        assert self.twin is not None
        ragged = encode(self.twin.names, rows.names, rows.rows, rows.flat())
        if (size := len(ragged.layouts)) < len(labels):
            labels, ops = labels[:size], ops[:size]
        numbers = self.twin.model.labels(labels)
        shares = None if weights is None else np.array(weights[:size], np.float64)
        answers, done = self.twin.run(ops, ragged, numbers, shares)
        self._credit = min(CREDIT_MAX, self._credit + done)
        if self.twin.names.crowded:
            self.twin.write_back()
            self._compile()
        return answers, done

    def _hand_over(self) -> RiverModel:
        """River with the state as it is now, and able to take back what it is about to do."""
        assert self.twin is not None
        self.river.restore(self.twin.write_back())
        self._credit -= HANDED_COST
        return self.river

    def _take_back(self) -> None:
        if self._credit < 0:
            self.twin, self._rest = None, REST_EVENTS
        else:
            self._compile()

    def _by_river(self, rows: Rows, labels: Sequence[Any]) -> Scores:
        scores = self.river.run(rows, labels)
        self._rested(len(labels))
        return scores

    def _rested(self, events: int) -> None:
        if self._rest > 0:
            self._rest -= events
            if self._rest <= 0:
                self._credit = CREDIT_MAX
                self._compile()


def _joined(found: list[Scores]) -> Scores:
    """Scores of consecutive rows as one."""
    whole = Scores([], [], [])
    for part in found:
        at = len(whole.predictions)
        whole.failures += [replace(failure, index=at + failure.index) for failure in part.failures]
        whole.predictions = [*whole.predictions, *part.predictions]
        whole.scores = [*whole.scores, *part.scores]
        whole.probabilities = [*whole.probabilities, *part.probabilities]
    return whole


def warm(model: Any, rows: Rows, labels: Sequence[Any]) -> None:
    """Compile every kernel that a model needs, on a copy of it; raise Unsupported if it has no form.

    Parameters
    ----------
    model
        The River model.
    rows, labels
        Some of the kind that it will see: two at least, with different labels.
    """
    twin = Hybrid(pickle.loads(pickle.dumps(model)))
    if not twin.switch():
        raise Unsupported(twin.without or "")
    for _ in range(2):  # some are made by their first event
        twin.run(rows, labels)
    twin.learn(rows, labels, [None] * len(labels))
    if twin.twin is not None:
        twin.twin.warm()
