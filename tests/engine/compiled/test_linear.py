"""Linear models beside River: the same bits, and the same state written back."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import linear_model as lm
from river import optim
from river import preprocessing as pp

from engine.models.compiled.block import LEARN, PREDICT, Ragged
from engine.models.compiled.step import Unsupported
from engine.models.compiled.twin import Twin
from engine.state import digest

MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: pp.StandardScaler() | lm.LogisticRegression(),
    "bare": lambda: lm.LogisticRegression(optim.SGD(0.001)),
    "no_std": lambda: pp.StandardScaler(with_std=False) | lm.LogisticRegression(optim.SGD(0.001)),
    "twice": lambda: pp.StandardScaler() | pp.StandardScaler() | lm.LogisticRegression(),
    "l2": lambda: pp.StandardScaler() | lm.LogisticRegression(l2=0.01, clip_gradient=0.5),
    "l1": lambda: pp.StandardScaler() | lm.LogisticRegression(l1=0.001),
    "l1_adam": lambda: pp.StandardScaler() | lm.LinearRegression(optim.Adam(0.01), l1=0.001),
    "adam": lambda: pp.StandardScaler() | lm.LogisticRegression(optim.Adam(0.01), l2=0.001),
    "adagrad": lambda: pp.StandardScaler() | lm.LogisticRegression(optim.AdaGrad(0.1)),
    "rmsprop": lambda: pp.StandardScaler() | lm.LogisticRegression(optim.RMSProp(0.01)),
    "weighted": lambda: pp.StandardScaler() | lm.LogisticRegression(loss=optim.losses.Log(3.0, 0.5)),
    "hinge": lambda: pp.StandardScaler() | lm.LogisticRegression(loss=optim.losses.Hinge(1.0)),
    "linear": lambda: pp.StandardScaler() | lm.LinearRegression(intercept_lr=0.001),
    "perceptron": lambda: pp.StandardScaler() | lm.Perceptron(),
}


def stream(size: int, seed: int = 0, width: int = 8) -> list[tuple[dict[str, float], bool, int]]:
    """Rows with missing, permuted and late features and some integers; labels; operations."""
    rng, found = random.Random(seed), []
    for t in range(size):
        names = [f"f{j}" for j in range(width if t < size // 2 else 2 * width) if rng.random() > 0.15]
        if rng.random() < 0.1:
            rng.shuffle(names)
        x: dict[str, float] = {n: rng.gauss(0, 3) if n != "f3" else rng.randint(-3, 9) for n in names}
        op = PREDICT | LEARN if rng.random() < 0.7 else rng.choice((PREDICT, LEARN))
        found.append((x, sum(x.values()) + rng.gauss(0, 2) > 0, op))
    return found


def alone(model: Any, events: list[tuple[dict[str, float], bool, int]]) -> list[float]:
    """What River says, event by event; 0 where nothing is asked."""
    said = []
    binary = hasattr(model, "predict_proba_one") and not isinstance(
        list(_steps(model))[-1], lm.LinearRegression
    )
    for x, y, op in events:
        said.append(0.0)
        if op & PREDICT:
            said[-1] = float(model.predict_proba_one(x)[True] if binary else model.predict_one(x))
        if op & LEARN:
            model.learn_one(x, y)
    return said


def _steps(model: Any) -> Any:
    return model.steps.values() if hasattr(model, "steps") else [model]


def compiled(twin: Twin, events: list[tuple[dict[str, float], bool, int]]) -> list[float]:
    """What the twin says to the same events, as one block."""
    ops = np.array([op for _, _, op in events], np.uint8)
    layouts = np.array([twin.names.layout(tuple(x)) for x, _, _ in events], np.int64)
    values = np.array([v for x, _, _ in events for v in x.values()], np.float64)
    answers, done = twin.run(ops, Ragged(layouts, values), twin.model.labels([y for _, y, _ in events]))
    assert done == len(events)
    said: list[float] = np.where(ops & PREDICT, answers.values, 0.0).tolist()
    return said


@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_however_it_is_cut(name: str) -> None:
    """Random batches, and a round trip through River after some of them."""
    events, rng = stream(6000), random.Random(1)
    reference, model = MODELS[name](), MODELS[name]()
    said, start, twin = list[float](), 0, Twin(model)
    while start < len(events):
        part = events[start : start + rng.choice((1, 2, 16, 256, 999))]
        if rng.random() < 0.2:
            said += alone(twin.write_back(), part)
            twin = Twin(twin.river)
        else:
            said += compiled(twin, part)
        start += len(part)
    assert list(map(float.hex, said)) == list(map(float.hex, alone(reference, events)))
    assert digest(twin.write_back()) == digest(reference)


@pytest.mark.parametrize("name", ["logistic", "l1_adam", "adagrad"])
def test_it_stops_before_what_python_must_take(name: str) -> None:
    """A value that overflows changes nothing, neither in the scaler nor in the weights."""
    events = stream(50)
    twin, reference = Twin(MODELS[name]()), MODELS[name]()
    compiled(twin, events)
    alone(reference, events)
    more = [*stream(3, seed=1), ({"f0": 1e308, "f1": -1e308, "f2": 1e308}, True, 3), *stream(3, seed=2)]
    ops = np.array([op for _, _, op in more], np.uint8)
    rows = Ragged(
        np.array([twin.names.layout(tuple(x)) for x, _, _ in more]),
        np.array([v for x, _, _ in more for v in x.values()]),
    )
    _, done = twin.run(ops, rows, np.ones(len(more)))
    alone(reference, [(x, True, op) for x, _, op in more[:done]])
    assert done < len(more)
    assert digest(twin.write_back()) == digest(reference)


def test_what_has_no_form_says_why() -> None:
    """The message names the part."""
    for model, said in (
        (lm.LogisticRegression(optim.Momentum(0.1)), "optimizer Momentum"),
        (lm.LogisticRegression(intercept_lr=optim.schedulers.Optimal(optim.losses.Log())), "intercept_lr"),
        (pp.StandardScaler(window_size=3) | lm.LogisticRegression(), "window_size"),
        (pp.RobustScaler() | lm.LogisticRegression(), "RobustScaler has no compiled form"),
        (type("Own", (lm.LogisticRegression,), {})(), "Own has no compiled form"),
    ):
        with pytest.raises(Unsupported, match=said):
            Twin(model)
