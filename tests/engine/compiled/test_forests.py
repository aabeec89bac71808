"""Compiled forests beside River: the same bits and draws, through drifts and trees that replace others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import drift, forest, metrics
from river.utils.random import poisson as rivers_poisson

from engine.models.compiled import adwin
from engine.models.compiled.block import LEARN
from engine.models.compiled.forest_random import poisson, sample, uniform
from engine.models.compiled.step import Unsupported
from engine.models.compiled.twin import Twin
from engine.state import digest
from tests.engine.compiled.growing import alone, beside, boxes, compiled, rows

ARF: Callable[..., Any] = forest.ARFClassifier

MODELS: dict[str, Callable[[], Any]] = {
    "default": lambda: ARF(n_models=4, seed=1),
    "majority": lambda: ARF(
        n_models=3, seed=2, leaf_prediction="mc", max_depth=4, disable_weighted_vote=True
    ),
    "bayes": lambda: ARF(
        n_models=3, seed=3, leaf_prediction="nb", max_features=0.6, grace_period=20, delta=0.1
    ),
    "all_features": lambda: ARF(n_models=2, seed=4, max_features=None, lambda_value=2),
    "nervous": lambda: ARF(
        n_models=3,
        seed=5,
        drift_detector=drift.ADWIN(delta=0.2, clock=8),
        warning_detector=drift.ADWIN(delta=0.5, clock=4, max_buckets=3, grace_period=5),
    ),
}


@pytest.mark.timeout(600)  # the first one compiles
@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_however_it_is_cut(name: str) -> None:
    """Random batches with round trips, and trees that drift, are replaced, and grow again."""
    model, river, left = beside(MODELS[name], boxes(2500, flip=500))
    assert model._rng.getstate() == river._rng.getstate()
    assert left <= 1  # the first event
    assert name != "nervous" or (river.n_drifts_detected() > 5 and river.n_warnings_detected() > 10)


@pytest.mark.parametrize("names", [(False, True), ("a", "b", "c", "d")])
def test_classes_that_come_late(names: tuple[Any, ...]) -> None:
    """Trees know different classes in different orders, and so do River's dicts."""
    beside(MODELS["nervous"], boxes(700, names=names[:2]) + boxes(800, seed=2, flip=200, names=names))


def test_trees_leave_their_place() -> None:
    """Nodes and slots of trees that were replaced are free again, and no other ones."""
    twin, _, _ = compiled(Twin(MODELS["nervous"]()), boxes(5000, flip=300))
    arena, model = twin.model.arena, twin.write_back()  # type: ignore[attr-defined]
    assert model.n_drifts_detected() > 20
    trees = [each for each in (*model.data, *model._background) if each is not None and each._root]
    nodes, _, slots, _, _, idle_nodes, idle_slots = arena.used.tolist()
    assert nodes - idle_nodes == sum(each.n_nodes for each in trees)
    assert slots - idle_slots == sum(each.n_active_leaves for each in trees)


def test_the_first_event_is_rivers() -> None:
    """It makes the trees; even if only a prediction is asked."""
    events = [(x, y, op) for (x, y, _), op in zip(boxes(40), [1] * 5 + [3] * 35, strict=True)]
    model, river = MODELS["default"](), MODELS["default"]()
    twin, said, left = compiled(Twin(model), events)
    assert said == alone(river, events)
    assert left == 1
    assert digest(twin.write_back()) == digest(river)


def test_river_estimates_the_size() -> None:
    """Which event that is depends on dice: they are thrown ahead."""
    events = boxes(600)
    river, model = (ARF(n_models=3, seed=1, memory_estimate_period=500) for _ in range(2))
    twin, said, left = compiled(Twin(model), events)
    assert said == alone(river, events)
    sized = [tree._active_leaf_size_estimate > 0 for tree in river.data]
    assert [tree._active_leaf_size_estimate > 0 for tree in twin.write_back().data] == sized
    assert left < 40


def test_it_stops_before_what_python_must_take() -> None:
    """An extreme value changes nothing, not even the dice."""
    events, river = boxes(300), MODELS["default"]()
    x, y, _ = events[200]
    events[200] = ({**x, "x0": math.inf}, y, LEARN)
    twin, _, _ = compiled(Twin(MODELS["default"]()), events[:100])
    ops = np.array([op for *_, op in events[100:]], np.uint8)
    _, done = twin.run(ops, rows(twin, events[100:]), twin.model.labels([y for _, y, _ in events[100:]]))
    alone(river, events[:200])
    assert done == 100
    assert digest(twin.write_back()) == digest(river)


def test_what_has_no_form_says_why() -> None:
    """Metrics and detectors."""
    for model, said in (
        (ARF(seed=1, metric=metrics.F1()), "metric"),
        (ARF(seed=1, drift_detector=drift.KSWIN()), "KSWIN"),
        (ARF(seed=1, warning_detector=drift.NoDrift()), "NoDrift"),
        (ARF(seed=1, split_criterion="gini"), "split_criterion"),
    ):
        with pytest.raises(Unsupported, match=said):
            Twin(model)


@pytest.mark.parametrize("seed", range(4))
def test_adwin_is_rivers(seed: int) -> None:
    """Every detection, and every byte of the state, on numbers and on errors; and through round trips."""
    rng, detector = random.Random(seed), drift.ADWIN(delta=0.05, clock=7 + seed)
    windows, parameters = adwin.empty(2, 5), np.zeros((2, 5))
    parameters[1] = adwin.parameters_of(detector)
    adwin.load(windows, 1, detector)
    found, level = 0, 0.2
    for t in range(5000):
        level = rng.random() if t % 700 == 0 else level
        x = float(rng.random() < level) if seed % 2 else rng.gauss(level, 0.5)
        theirs = detector._helper.update(x)
        assert adwin.update(windows, 1, x, parameters, 1) == theirs
        found += theirs
        if t % 97 == 0:
            made = adwin.build(windows, 1, detector)
            assert made._helper.__getstate__() == detector._helper.__getstate__()
            adwin.load(windows, 1, made)
    assert found > 3


def test_dice_are_pythons() -> None:
    """Uniform numbers, samples small and large, and River's Poisson, draw by draw."""
    rng = random.Random(42)
    state = np.array(rng.getstate()[1], np.int64)
    pool, out = np.zeros((1, 400), np.int64), np.zeros((1, 400), np.int64)
    for n, k in ((8, 3), (8, 8), (1, 1), (30, 2), (400, 7), (300, 16), (30, 20)):
        pool[0, :n] = np.arange(n)
        sample(state, pool, 0, n, k, out, 0, 0)
        assert out[0, :k].tolist() == rng.sample(range(n), k)
        assert uniform(state) == rng.random()
        assert poisson(state, math.exp(-6)) == rivers_poisson(6, rng)
    assert state.tolist() == list(rng.getstate()[1])
