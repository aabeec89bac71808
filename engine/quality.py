"""How good the predictions were, as outcomes tell: prequential, over the whole life of a shard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.joined import Settled
from engine.models.scores import Task


@dataclass(slots=True)
class Quality:
    """Sums over outcomes; a correction takes the former label's part out again."""

    task: Task
    labelled: int = 0
    correct: int = 0
    absolute_error: float = 0.0
    squared_error: float = 0.0

    def state(self) -> dict[str, Any]:
        return asdict(self)

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def update(self, settled: Sequence[Settled]) -> None:
        regress = self.task is Task.REGRESS
        for s in settled:
            prediction, label = s.entry[4], s.label
            if prediction is None:
                continue
            if regress or s.before is not None:
                self._add(prediction, label, s.before)
            else:
                self.labelled += 1
                self.correct += prediction == label

    def _add(self, prediction: Any, label: Any, before: Any) -> None:
        """Count an outcome that is an error or a correction."""
        for given, sign in ((before, -1), (label, 1)):
            if given is None:
                continue
            self.labelled += sign
            if self.task is Task.REGRESS:
                gap = given - prediction
                self.absolute_error += sign * abs(gap)
                self.squared_error += sign * gap * gap
            else:
                self.correct += sign * (prediction == given)

    def __add__(self, other: Quality) -> Quality:
        """Two shards' outcomes together."""
        return Quality(
            self.task,
            self.labelled + other.labelled,
            self.correct + other.correct,
            self.absolute_error + other.absolute_error,
            self.squared_error + other.squared_error,
        )

    def report(self) -> dict[str, float | int | None]:
        """The metrics by name; None while there is no label.

        >>> Quality(Task.CLASSIFY, labelled=4, correct=3).report()
        {'labelled': 4, 'accuracy': 0.75}
        """
        n = self.labelled
        if self.task is Task.REGRESS:
            mean = None if n == 0 else self.absolute_error / n
            root = None if n == 0 else math.sqrt(max(0.0, self.squared_error / n))
            return {"labelled": n, "mae": mean, "rmse": root}
        return {"labelled": n, "accuracy": None if n == 0 else self.correct / n}
