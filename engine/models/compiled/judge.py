"""What compiled models answer, as the walk's columns: the very values that River's answers would become."""

from __future__ import annotations

from collections.abc import Hashable
from operator import gt

from engine.models.compiled.block import Answers
from engine.models.scores import NONE, Odds, Scores, Task, Verdict

FEW = 16


def judged(task: Task, answers: Answers, size: int) -> Scores:
    """The first `size` answers as predictions, scores and probabilities.

    >>> import numpy as np
    >>> found = judged(Task.CLASSIFY, Answers(np.array([0.25, 0.75])), 1)
    >>> found.predictions, found.scores, list(found.probabilities)
    ([False], [0.25], [{'false': 0.75, 'true': 0.25}])
    """
    values = answers.values[:size]
    if task is not Task.CLASSIFY:
        numbers = values.tolist()
        none = [None] * size
        return Scores(none if task is Task.ANOMALY else numbers, numbers, none)
    if answers.classes is None or answers.kinds is None:
        yes = values.tolist()
        return _binary([1.0 - share for share in yes] if size < FEW else (1.0 - values).tolist(), yes)
    kinds = answers.kinds[:size]
    if size and (kinds == kinds[0]).all():
        classes = answers.classes[int(kinds[0])]
        if len(classes) == 2 and True in classes and False in classes:
            return _binary(*(values[:, classes.index(each)].tolist() for each in (False, True)))
    readers = [_Reader(classes) for classes in answers.classes]
    pairs = zip(kinds.tolist(), values.tolist(), strict=True)
    verdicts = [readers[kind].verdict(row) for kind, row in pairs]
    predictions, scores, odds = zip(*verdicts, strict=True) if verdicts else ((), (), ())
    return Scores(list(predictions), list(scores), list(odds))


def _binary(no: list[float], yes: list[float]) -> Scores:
    return Scores(list(map(gt, yes, no)), yes, Odds(no, yes))


class _Reader:
    """Judges rows of numbers that belong to these classes, as `scores.a_class` judges River's dicts."""

    def __init__(self, classes: tuple[Hashable, ...]) -> None:
        self.classes, self.size = classes, len(classes)
        self.named = [str(c).lower() if isinstance(c, bool) else str(c) for c in classes]
        self.true = classes.index(True) if True in classes else None
        self.both = self.size == 2 and self.true is not None and False in classes

    def verdict(self, row: list[float]) -> Verdict:
        if not self.size:
            return NONE
        row = row[: self.size]
        if self.both and self.true is not None:
            no, yes = row[1 - self.true], row[self.true]
            return yes > no, yes, {"false": no, "true": yes}
        best = row.index(max(row))
        score = row[best if self.true is None else self.true]
        return self.classes[best], score, dict(zip(self.named, row, strict=True))
