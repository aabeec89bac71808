"""What a model hands to the walk: its task, its predictions as columns, and what it failed on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, overload

from engine.errors import ModelError


class Task(StrEnum):
    CLASSIFY = "classify"
    REGRESS = "regress"
    ANOMALY = "anomaly"

    @property
    def label_kind(self) -> str:
        return "number" if self is Task.REGRESS else "boolean"


# What a spec calls a task, what the engine does for it, and what its labels are.
TASKS = {
    "binary": Task.CLASSIFY,
    "multiclass": Task.CLASSIFY,
    "regression": Task.REGRESS,
    "anomaly": Task.ANOMALY,
    "forecasting": Task.REGRESS,
}
LABEL_KINDS = {
    "binary": "boolean",
    "multiclass": "category",
    "regression": "number",
    "anomaly": "boolean",
    "forecasting": "number",
}


@dataclass(slots=True)
class Failure:
    """What the model raised on one row."""

    index: int
    exception: str
    message: str


class Odds(Sequence[dict[str, float]]):
    """Probabilities of false and true: two columns, and a dict for those who ask for one.

    >>> list(Odds([0.75], [0.25]))
    [{'false': 0.75, 'true': 0.25}]
    """

    def __init__(self, no: list[float], yes: list[float]) -> None:
        self.no, self.yes = no, yes

    @overload
    def __getitem__(self, at: int) -> dict[str, float]: ...
    @overload
    def __getitem__(self, at: slice) -> Odds: ...
    def __getitem__(self, at: int | slice) -> dict[str, float] | Odds:
        if isinstance(at, slice):
            return Odds(self.no[at], self.yes[at])
        return {"false": self.no[at], "true": self.yes[at]}

    def __iter__(self) -> Iterator[dict[str, float]]:
        return ({"false": no, "true": yes} for no, yes in zip(self.no, self.yes, strict=True))

    def __len__(self) -> int:
        return len(self.yes)


@dataclass(slots=True)
class Scores:
    """Predictions as columns, one row an event; a failed row holds None."""

    predictions: Sequence[Any] = ()
    scores: Sequence[float | None] = ()
    probabilities: Sequence[dict[str, float] | None] = ()
    failures: list[Failure] = field(default_factory=list)
    intervals: Sequence[tuple[float, float] | None] | None = None  # where the spec asks for them,
    sets: Sequence[Sequence[Any] | None] | None = None  # or these
    forecasts: Sequence[Sequence[float] | None] | None = None  # of a series, the values to come

    def pick(self, rows: Sequence[int]) -> Scores:
        intervals, sets, forecasts = self.intervals, self.sets, self.forecasts
        return Scores(
            [self.predictions[row] for row in rows],
            [self.scores[row] for row in rows],
            [self.probabilities[row] for row in rows],
            intervals=None if intervals is None else [intervals[row] for row in rows],
            sets=None if sets is None else [sets[row] for row in rows],
            forecasts=None if forecasts is None else [forecasts[row] for row in rows],
        )


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
        no, yes = float(found[False]), float(found[True])  # River's sigmoid returns the integers 0 and 1
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
