"""A model that grows without end stops at its bound, at the same record whoever walks."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from engine.growth import EVERY, NUMBER, Growth, weigh
from engine.models import MODELS
from engine.models.scores import Task
from engine.shard import Shard
from tests.engine.cases import batch, event, rows, spec


class Hoarder:
    """A classifier that keeps all it ever saw."""

    def __init__(self) -> None:
        self.kept: list[tuple[float, Any]] = []

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        share = len(self.kept) / (len(self.kept) + 1)
        return {False: 1 - share, True: share}

    def learn_one(self, x: dict[str, float], y: Any) -> None:
        self.kept.append((x["amount"], y))


class HoardingDetector(Hoarder):
    """An anomaly detector that does the same."""

    def score_one(self, x: dict[str, float]) -> float:
        return 0.5

    def learn_one(self, x: dict[str, float], y: Any = None) -> None:
        self.kept.append((x["amount"], y))


def shard(most: int, use: str = "Hoarder") -> Shard:
    model = {"use": f"{__name__}:{use}", "task": "anomaly" if "Detector" in use else None}
    return Shard(spec(labels={"in_event": "y"}, model=model, limits={"model_bytes_max": most}), 0)


def records(n: int) -> list[dict[str, Any]]:
    return [event(str(i), float(i % 10), y=i % 2 == 0) for i in range(n)]


@pytest.mark.parametrize("use", ["Hoarder", "HoardingDetector"])
def test_it_stops_at_the_bound(use: str) -> None:
    """It goes on predicting with what it knows, and outcomes go on telling how well."""
    limited = shard(1_000_000, use)
    n = 3 * EVERY
    out = limited.walk(batch("p.events", records(n)))
    assert limited.growth.reached
    assert 1_000_000 < limited.growth.bytes < 4_000_000
    kept = len(limited.model.model.kept)
    assert kept < n
    assert kept % EVERY == 0
    assert len(out.predictions) == n
    assert len(out.outcomes) == n
    if use == "Hoarder":
        assert len({row["score"] for row in rows(out.predictions)[kept + 1 :]}) == 1


def test_late_labels_teach_it_no_more() -> None:
    """Their outcomes come as ever."""
    limited = shard(100)
    limited.walk(batch("p.events", records(EVERY)))
    assert limited.growth.reached
    limited.walk(batch("p.events", [event("new", 1.0)], EVERY))
    kept = len(limited.model.model.kept)
    out = limited.walk(batch("p.labels", [{"event_id": "new", "label": True}]))
    assert len(out.outcomes) == 1
    assert len(limited.model.model.kept) == kept


def test_the_same_record_whoever_walks() -> None:
    """Cut anyhow, or thawed on the way: the same predictions, an equal state."""
    wanted = shard(1_000_000)
    all_of = batch("p.events", records(2 * EVERY))
    whole = wanted.walk(all_of)
    rng, again, found = random.Random(2), shard(1_000_000), []
    start = 0
    while start < len(all_of):
        stop = min(len(all_of), start + rng.choice([1, 100, 3_000]))
        found += again.walk(all_of.cut(start, stop)).predictions.values
        again = Shard.thaw(again.spec, 0, b"".join(again.freeze())) if rng.random() < 0.2 else again
        start = stop
    assert found == whole.predictions.values
    assert again.digest() == wanted.digest()
    assert again.growth.reached


def test_no_bound_is_met_by_what_does_not_grow() -> None:
    """A linear model is looked at, and goes on learning."""
    small = Shard(spec(labels={"in_event": "y"}, model={"use": "logistic_regression"}), 0)
    small.walk(batch("p.events", records(EVERY)))
    assert 0 < small.growth.bytes < 10_000
    assert not small.growth.reached


@pytest.mark.parametrize("name", ["logistic_regression", "half_space_trees", "hoeffding_tree"])
def test_a_compiled_model_stops_alike(name: str) -> None:
    """River and kernels: the same predictions before and after, from labels in events and later ones."""
    given: dict[str, Any] = {"model": {"use": name}, "limits": {"model_bytes_max": 100}}
    wanted = spec(labels={"in_event": "y"}, **given)
    river, compiled = Shard(wanted, 0), Shard(wanted, 0)
    assert compiled.model.switch()
    for each in (batch("p.events", records(EVERY)), batch("p.events", records(EVERY + 600)[EVERY:], EVERY)):
        assert compiled.walk(each).lanes() == river.walk(each).lanes()
    late = batch("p.labels", [{"event_id": str(EVERY + 1), "label": (EVERY + 1) % 2 != 0}])
    assert compiled.walk(late).lanes() == river.walk(late).lanes()
    assert compiled.growth.reached
    assert compiled.digest() == river.digest()


@pytest.mark.parametrize("name", MODELS)
def test_equal_models_weigh_the_same(name: str) -> None:
    """Live, thawed, or handed to its compiled form and back: one size, whatever the history."""
    fields = {"x": {"type": "number"}, "z": {"type": "number"}}
    asked: dict[str, Any] = {"labels": {"in_event": "y"}}
    if "forecasting" in MODELS[name].tasks[:1]:
        asked = {"forecast": {"of": "x"}}
    live = Shard(spec(events={"fields": fields}, model={"use": name}, **asked), 0)
    rng = random.Random(4)
    made = [{"x": rng.gauss(0, 1), "z": rng.random()} for _ in range(400)]
    number = live.model.task is Task.REGRESS
    given = [{**r, "y": 2 * r["x"] if number else r["x"] > 0} for r in made]
    live.walk(batch("p.events", given))
    size = weigh(live.model.state())
    assert size > 0
    assert weigh(pickle.loads(pickle.dumps(live.model.state()))) == size
    live.model.switch()
    assert weigh(live.model.state()) == size


def test_a_number_is_a_number_wherever_it_is() -> None:
    """In lists, objects and dicts alike; what is held twice counts once, and circles have an end."""
    held = [1.0, 2.0]
    circle: list[Any] = [held, held]
    circle.append(circle)
    assert weigh(circle) == 2 * NUMBER
    one = Hoarder()
    one.kept = [(1.0, True)]
    assert weigh(one) == weigh({"kept": [(1.0, True)]}) == 2 * NUMBER


def test_it_looks_more_seldom_the_larger_and_sooner_the_faster() -> None:
    """A large model that stands still is left alone; one that nears the bound is not."""
    still = Growth(10**9)
    still.look([0.0] * 100_000, EVERY)
    assert still.next > 10 * EVERY
    near = Growth(15_000_000)
    near.look([0.0] * 100_000, EVERY)
    assert near.next == 2 * EVERY
