"""Models that answer nonsense or raise anything: the event is a dead letter, and nothing else notices."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.shard import Shard
from tests.engine.cases import Feed, batch, event, reasons, rows, spec

ODDS: dict[str, Any] = {
    "NaN": {False: 0.5, True: math.nan},
    "infinity": {False: -math.inf, True: math.inf},
    "NaN among names": {"a": 0.5, "b": math.nan, "c": 0.5},
    "texts": {False: "low", True: "high"},
    "nothing": None,
    "a number": 0.5,
    "a list": [0.5, 0.5],
    "nothing for a class": {"a": 0.5, "b": None},
    "complex numbers": {"a": 1j, "b": 2j},
}
NUMBERS: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": math.inf,
    "nothing": None,
    "a text": "much",
    "beyond a float": 10**400,
    "a complex number": 1j,
    "odds": {True: 1.0},
}
RAISED: dict[str, BaseException] = {
    "an error": ValueError("no"),
    "out of memory": MemoryError(),
    "too deep": RecursionError(),
    "an end": StopIteration(),
    "arithmetic": ZeroDivisionError(),
    "not there": KeyError("amount"),
    "a claim": AssertionError(),
}
ODD = 13.0  # the amount on which they are odd


class OddClassifier:
    """Answers or raises, on one amount, what it is told by name."""

    def __init__(self, answer: str = "", raises: str = "", learning: bool = False) -> None:
        self.answer, self.raises, self.learning, self.learned = answer, raises, learning, 0

    def predict_proba_one(self, x: dict[str, float]) -> Any:
        if x["amount"] == ODD and not self.learning:
            if self.raises:
                raise RAISED[self.raises]
            return ODDS[self.answer]
        return {False: 0.25, True: 0.75}

    def learn_one(self, x: dict[str, float], y: Any) -> None:
        self.learned += 1
        if x["amount"] == ODD and self.learning:
            raise RAISED[self.raises]


class OddRegressor:
    """The same for numbers."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def predict_one(self, x: dict[str, float]) -> Any:
        return NUMBERS[self.answer] if x["amount"] == ODD else 1.0

    def learn_one(self, x: dict[str, float], y: Any) -> None: ...


def met(use: str, **told: Any) -> tuple[list[str], int, Any]:
    """Reasons, predictions and the model, after three events of which the second is odd."""
    sure = {"coverage": 0.9}
    feed = Feed(model={"use": f"{__name__}:{use}", "with": told}, labels={"in_event": "y"}, confidence=sure)
    y: Any = 1.0 if "Regressor" in use else True
    out = feed("events", *(event(str(i), amount, y=y) for i, amount in enumerate([1.0, ODD, 2.0])))
    return reasons(out), len(out.predictions), feed.shard.model.model


@pytest.mark.parametrize("answer", ODDS)
def test_odds_that_are_none(answer: str) -> None:
    """What can't be said as probabilities of classes is an error of the model."""
    assert met("OddClassifier", answer=answer)[:2] == (["model_error"], 2)


@pytest.mark.parametrize("answer", NUMBERS)
def test_numbers_that_are_none(answer: str) -> None:
    """What is not a finite number is an error of the model."""
    assert met("OddRegressor", answer=answer)[:2] == (["model_error"], 2)


@pytest.mark.parametrize("learning", [False, True])
@pytest.mark.parametrize("name", RAISED)
def test_whatever_is_raised(name: str, learning: bool) -> None:
    """While predicting or learning: the model is as it was before, and goes on."""
    found, predictions, model = met("OddClassifier", raises=name, learning=learning)
    assert (found, predictions, model.learned) == (["model_error"], 2, 2)


@pytest.mark.parametrize("use", ["logistic_regression", "linear_regression"])
def test_a_compiled_model_that_runs_away(use: str) -> None:
    """Weights that overflow: River and its compiled form refuse the same events, and end up alike."""
    given = {"labels": {"in_event": "y"}, "model": {"use": use, "with": {"learning_rate": 1e300}}}
    number = use == "linear_regression"
    river, compiled = Shard(spec(**given), 0), Shard(spec(**given), 0)
    assert compiled.model.switch()
    records = [event(str(i), float(i % 7), y=1e300 if number else i % 2 == 0) for i in range(60)]
    wanted, found = (shard.walk(batch("p.events", records)) for shard in (river, compiled))
    assert found.lanes() == wanted.lanes()
    assert compiled.digest() == river.digest()
    if number:
        assert "model_error" in reasons(wanted)
    assert all(row["score"] is not None for row in rows(wanted.predictions))
