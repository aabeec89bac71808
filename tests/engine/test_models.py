"""Models: by name or by the user's own function, and what happens when they raise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import ModelError
from engine.models import MODELS, build
from engine.models.river import RiverModel
from engine.models.scores import Task
from engine.shard import Shard
from tests.engine.cases import Feed, batch, event, label, reasons, rows, spec

LABELS: dict[Task, Any] = {Task.CLASSIFY: True, Task.REGRESS: 1.5, Task.ANOMALY: None}


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].tasks != ("forecasting",)])
def test_every_ready_model_predicts_learns_and_survives_a_snapshot(name: str) -> None:
    """Numbers, a category and missing features; restored from a snapshot it goes on with the same bytes."""
    fields = {"x": {"type": "number"}, "y": {"type": "number", "required": False}, "c": {"type": "category"}}
    wanted = spec(events={"fields": fields}, labels={"in_event": "label"}, model={"use": name})
    task = RiverModel(build(name, {}, True)).task
    rng = random.Random(5)
    records = []
    for i in range(600):
        x = rng.gauss(0, 1)
        y = None if task is Task.ANOMALY else x > 0 if task is Task.CLASSIFY else 2 * x
        records.append({"x": x, "y": rng.random() if i % 5 else None, "c": rng.choice("ab"), "label": y})
    live = Shard(wanted, 0)
    out = live.walk(batch("p.events", records[:400]))
    assert len(out.predictions) == 400
    assert not reasons(out)
    restored = Shard.thaw(wanted, 0, b"".join(live.freeze()))
    assert restored.digest() == live.digest()
    rest = batch("p.events", records[400:], 400)
    assert restored.walk(rest).predictions.values == live.walk(rest).predictions.values
    assert restored.digest() == live.digest()


def test_a_models_error_leaves_no_trace() -> None:
    """The event is a dead letter, and the model is as if it had never seen it."""
    with_it = Feed(
        labels={"in_event": "y"}, model={"use": "tests.engine.cases:Picky", "with": {"learn_fails": 7}}
    )
    without = Feed(labels={"in_event": "y"}, model={"use": "tests.engine.cases:Picky"})
    good = [event(str(i), float(i % 5), y=True) for i in range(20)]
    out = with_it("events", *good[:10], event("bad", 7.0, y=True), *good[10:])
    assert reasons(out) == ["model_error"]
    assert [r["score"] for r in rows(out.predictions)] == [
        r["score"] for r in rows(without("events", *good).predictions)
    ]
    assert with_it.shard.model.model.learned == without.shard.model.model.learned


def test_an_error_while_learning_a_late_label() -> None:
    """The label is the dead letter; its event waits on."""
    feed = Feed(model={"use": "tests.engine.cases:Picky", "with": {"learn_fails": 7}})
    feed("events", event("a", 7.0), event("b"))
    out = feed("labels", label("a"), label("b"))
    assert reasons(out) == ["model_error"]
    assert [row["event_id"] for row in rows(out.outcomes)] == ["b"]
    assert feed.shard.join.ledger.find("a") is not None
    assert feed.shard.join.counts.joined == 1


def test_a_failed_event_may_come_again() -> None:
    """Its id is not taken for a duplicate, and its early label still waits for it."""
    feed = Feed(model={"use": "tests.engine.cases:Picky", "with": {"predict_fails": 7}})
    feed("labels", label("a"))
    assert reasons(feed("events", event("a", 7.0))) == ["model_error"]
    out = feed("events", event("a", 1.0))
    assert (len(out.predictions), len(out.outcomes)) == (1, 1)


class Infinite:
    """A regressor that runs away."""

    def predict_one(self, x: dict[str, float]) -> float:
        return math.inf

    def learn_one(self, x: dict[str, float], y: float) -> None: ...


def test_a_prediction_that_is_no_number_is_an_error() -> None:
    """Infinity and NaN never reach a consumer."""
    out = Feed(model={"use": "tests.engine.test_models:Infinite"})("events", event("a"))
    assert reasons(out) == ["model_error"]


def unpicklable() -> Any:
    model = RiverModel.__new__(RiverModel)
    model.predict_proba_one = lambda x: {}  # type: ignore[attr-defined]
    model.learn_one = lambda x, y: None  # type: ignore[attr-defined]
    return model


@pytest.mark.parametrize(
    ("use", "arguments", "said"),
    [
        ("logistic_regresion", {}, 'did you mean "logistic_regression"?'),
        ("no_such_module:build", {}, "can't import 'no_such_module'"),
        ("tests.engine.cases:nothing", {}, "has no 'nothing'"),
        ("logistic_regression", {"rate": 1}, "learning_rate"),
        ("tests.engine.cases:Picky", {"wrong": 1}, "predict_fails"),
        ("builtins:dict", {}, "neither a classifier"),
        ("river.forest:ARFClassifier", {}, "seed is not set"),
        ("tests.engine.test_models:unpicklable", {}, "can't be pickled"),
        ("builtins:int", {"x": 1}, "raised TypeError"),
        ("nearest_neighbours", {"task": "binary"}, "multiple values"),
    ],
)
def test_models_that_can_not_be(use: str, arguments: dict[str, Any], said: str) -> None:
    """The message says what was wrong and what there is."""
    with pytest.raises(ModelError, match=said.replace("?", r"\?")):
        Shard(spec(model={"use": use, "with": arguments}), 0)


def test_weights_reach_models_that_can_weigh() -> None:
    """A label's weight is given to `learn_one` where it has a parameter `w`."""
    heavy, light = (Feed(model={"use": "logistic_regression"}) for _ in range(2))
    for feed, weight in ((heavy, 5.0), (light, 0.0)):
        feed("events", event("a", 2.0), event("b", 3.0))
        feed("labels", label("b", weight=weight))
    scores = [rows(feed("events", event("c", 4.0)).predictions)[0]["score"] for feed in (heavy, light)]
    assert scores[0] > scores[1] == 0.5


@pytest.mark.parametrize(
    ("name", "task"),
    [(name, task) for name, ready in MODELS.items() for task in ready.tasks if task != "forecasting"],
)
def test_every_ready_model_does_its_tasks(name: str, task: str) -> None:
    """It learns labels of the task's type, and its predictions are of that type."""
    fields = {"x": {"type": "number"}, "c": {"type": "category"}}
    label: Callable[[float], Any] = {
        "binary": lambda x: x > 0,
        "multiclass": lambda x: "low" if x < -0.5 else "high" if x > 0.5 else "mid",
        "regression": lambda x: 2 * x,
        "anomaly": lambda x: None,
    }[task]
    wanted = spec(events={"fields": fields}, labels={"in_event": "label"}, model={"use": name, "task": task})
    rng = random.Random(3)
    values = [rng.gauss(0, 1) for _ in range(400)]
    out = Shard(wanted, 0).walk(batch("p.events", [{"x": x, "c": "a", "label": label(x)} for x in values]))
    assert not reasons(out)
    last = [row["prediction"] for row in rows(out.predictions)][-100:]
    found = {"binary": bool, "multiclass": str, "regression": float, "anomaly": type(None)}[task]
    assert {type(prediction) for prediction in last} == {found}


@pytest.mark.parametrize(
    ("model", "labels", "said"),
    [
        (
            {"use": "logistic_regression", "task": "multiclass"},
            {},
            "for that there are auto, softmax_regression",
        ),
        ({"use": "logistic_regression"}, {"type": "category"}, "is for binary, not for multiclass"),
        ({"use": "naive_bayes", "task": "regression"}, {}, "not for regression"),
        (
            {"use": "naive_bayes", "task": "binary"},
            {"type": "category"},
            "labels of binary are of type boolean",
        ),
        ({"use": "tests.engine.cases:Picky", "task": "regression"}, {}, "made a model for classify"),
    ],
)
def test_a_task_that_the_model_can_not_do(model: Any, labels: Any, said: str) -> None:
    """Is refused before anything runs, with the models that can."""
    with pytest.raises(ModelError, match=said):
        Shard(spec(model=model, labels=labels), 0)


def test_the_gaussian_scorers_are_calibrated() -> None:
    """On independent Gaussian numbers one event in a hundred scores above 0.99, however many numbers."""
    rng, scorers = random.Random(1), build("gaussian_scorer", {}, False)
    found = []
    for _ in range(4000):
        x = {name: rng.gauss(3, 2) for name in "abcde"}
        found.append(scorers.score_one(x))
        scorers.learn_one(x)
    assert 0.005 < sum(score > 0.99 for score in found[1000:]) / 3000 < 0.02
