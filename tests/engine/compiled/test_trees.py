"""Compiled trees beside River: the same bits, and the same state written back, through splits and sleep."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import tree

from engine.models.compiled.block import LEARN
from engine.models.compiled.hoeffding import FEATURES_MAX
from engine.models.compiled.hoeffding_arena import SHAPES, sized, sizes_of, with_room
from engine.models.compiled.labels import CLASSES_MAX, Classes
from engine.models.compiled.step import Unsupported
from engine.models.compiled.twin import Twin
from engine.state import digest
from tests.engine.compiled.growing import alone, beside, boxes, compiled, rows

HT = tree.HoeffdingTreeClassifier

MODELS: dict[str, Callable[[], Any]] = {
    "default": HT,
    "quick": lambda: HT(grace_period=50, delta=0.01),
    "majority": lambda: HT(grace_period=50, delta=0.01, leaf_prediction="mc", max_depth=3),
    "bayes": lambda: HT(grace_period=30, delta=0.1, leaf_prediction="nb", nb_threshold=20),
    "eager": lambda: HT(grace_period=20, delta=0.5, merit_preprune=False, max_share_to_split=0.9),
    "wide": lambda: HT(grace_period=40, tau=0.3, min_branch_fraction=0.1, binary_split=True),
    "fine": lambda: HT(grace_period=40, tau=0.3, splitter=tree.splitter.GaussianSplitter(n_splits=25)),
}


@pytest.mark.timeout(600)  # the first one compiles
@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_however_it_is_cut(name: str) -> None:
    """Random batches with round trips, and trees that split."""
    model, _, left = beside(MODELS[name], boxes(4000))
    assert model.n_nodes > 1 or name == "default"
    assert left == 0


@pytest.mark.parametrize("names", [(False, True), (1, 2, 3), ("a", "b", "c", "d")])
def test_labels(names: tuple[Any, ...]) -> None:
    """True and false, numbers, texts; classes that come late."""
    late = boxes(1500, names=names[:2]) + boxes(1500, seed=2, names=names)
    beside(MODELS["quick"], late)


def test_weights() -> None:
    """Lessons may weigh more or less than others; one that weighs nothing is River's."""
    events = [(x, y, LEARN) for x, y, _ in boxes(1500)]
    weights = np.array([math.nan, 0.5, 2.0, 3.25] * 375)
    twin, river = Twin(MODELS["quick"]()), MODELS["quick"]()
    labels, ops = twin.model.labels([y for _, y, _ in events]), np.full(len(events), LEARN, np.uint8)
    _, done = twin.run(ops, rows(twin, events), labels, weights)
    for (x, y, _), w in zip(events, weights.tolist(), strict=True):
        river.learn_one(x, y, **({} if math.isnan(w) else {"w": w}))
    assert done == len(events)
    assert river.n_nodes > 1
    assert digest(twin.write_back()) == digest(river)
    assert twin.run(ops[:1], rows(twin, events[:1]), labels[:1], np.zeros(1))[1] == 0


def test_a_label_of_another_kind_is_rivers() -> None:
    """1 equals True in a dict: River knows which of them it keeps."""
    twin = Twin(MODELS["quick"]())
    twin, _, _ = compiled(twin, boxes(100, names=(False, True)))
    assert np.isnan(twin.model.labels([1, "a", None, float("nan")])).all()


def test_too_many_classes_are_rivers() -> None:
    """Arrays over classes are bounded."""
    classes = Classes()
    known = classes.encode([f"k{n}" for n in range(CLASSES_MAX + 1)])
    assert np.flatnonzero(np.isnan(known)).tolist() == [CLASSES_MAX]


def test_too_many_features_are_rivers() -> None:
    """Arrays over features are bounded: what comes up later is handed over, and then stays with River."""
    twin = Twin(MODELS["quick"]())
    twin, _, _ = compiled(twin, boxes(50))
    wide = [({f"y{j}": 1.0 for j in range(FEATURES_MAX)}, "k1", LEARN)]
    assert twin.run(np.array([LEARN], np.uint8), rows(twin, wide), twin.model.labels(["k1"]))[1] == 0
    with pytest.raises(Unsupported, match="features"):
        Twin(twin.write_back(), twin.names)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e160, 1e-160])
def test_it_stops_before_what_python_must_take(value: float) -> None:
    """An extreme value changes nothing in the arrays."""
    events, river = boxes(1000), MODELS["quick"]()
    x, y, _ = events[900]
    events[900] = ({**x, "x0": value}, y, LEARN)
    twin = Twin(MODELS["quick"]())
    ops = np.array([op for *_, op in events], np.uint8)
    _, done = twin.run(ops, rows(twin, events), twin.model.labels([y for _, y, _ in events]))
    alone(river, events[:900])
    assert done == 900
    assert digest(twin.write_back()) == digest(river)


def test_a_tree_with_huge_values_stays_with_river() -> None:
    """What it has seen might overflow at any later event."""
    model = HT()
    model.learn_one({"x": 1e200}, True)
    with pytest.raises(Unsupported, match="values beyond"):
        Twin(model)


def test_river_estimates_the_size() -> None:
    """The event on which it does is River's. It counts Python's objects, so it can't be equal to the bit."""
    events = boxes(2500)
    river, model = (HT(memory_estimate_period=1000, leaf_prediction="mc") for _ in range(2))
    twin, said, left = compiled(Twin(model), events)
    assert said == alone(river, events)
    assert left == 2
    twin.write_back()
    assert model._active_leaf_size_estimate == pytest.approx(river._active_leaf_size_estimate, rel=0.2)


def test_a_tree_near_its_limit_of_size_is_rivers() -> None:
    """Only River knows which leaves it would put to sleep."""
    model = HT(memory_estimate_period=500, grace_period=50, delta=0.1, tau=0.3, max_size=0.1)
    alone(model, boxes(1000))
    twin = Twin(model)
    _, done = twin.run(np.array([LEARN], np.uint8), rows(twin, boxes(1)), twin.model.labels(["k1"]))
    assert done == 0


def test_what_has_no_form_says_why() -> None:
    """Parameters, splitters and labels."""
    nominal = HT()
    nominal.learn_one({"x": "text"}, True)
    for model, said in (
        (HT(split_criterion="gini"), "split_criterion"),
        (HT(nominal_attributes=["x"]), "nominal_attributes"),
        (HT(splitter=tree.splitter.HistogramSplitter()), "splitter"),
        (nominal, "NominalSplitterClassif"),
    ):
        with pytest.raises(Unsupported, match=said):
            Twin(model)


def test_the_arena_grows_by_doubling() -> None:
    """What it holds stays where it is."""
    sizes = {"node": 4, "slot": 2, "feature": 3, "class": 2, "watch": 3, "chosen": 1, "tree": 1}
    arena = sized(sizes)
    arena.facts[3, 2] = 7.0
    more = with_room(arena, node=5)
    assert sizes_of(more) == {**sizes, "node": 8}
    assert more.facts[3, 2] == 7.0
    assert all(getattr(more, name).dtype == getattr(arena, name).dtype for name in SHAPES)
