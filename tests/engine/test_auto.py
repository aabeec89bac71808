"""`use: auto`: the same bits with and without a compiler, bounds that hold, a stream where it does well."""

from __future__ import annotations

import csv
import gzip
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest

from engine.fold import Rows
from engine.models import build
from engine.models.auto.classifier import AutoClassifier
from engine.models.auto.regressor import AutoRegressor
from engine.models.hybrid import Hybrid
from engine.models.river import RiverModel
from engine.state import digest

STREAMS = Path(os.environ.get("DRIFTLINE_STREAMS", "../shared/streams"))
NAMES = ("a", "b", "c", "d")
Row = tuple[Any, ...]


def small() -> AutoClassifier:
    """One whose trees, columns and classes are soon full."""
    return AutoClassifier(trees=3, nodes_max=40, columns_max=9, classes_max=4)


def events(seed: int, count: int, labels: list[Any]) -> tuple[list[Row], list[Any]]:
    """Numbers of many scales and texts, a third of them missing, and labels that depend on them."""
    rng = random.Random(seed)
    rows, found = list[Row](), list[Any]()
    for i in range(count):
        a, text = rng.gauss(1e9, 3), rng.choice("uvwxyz"[: 2 + i // 50])
        row = (a, rng.choice([True, 7, -1e-3, 1e40]), text, rng.choice([text + text, 5.5]))
        rows.append(tuple(None if rng.random() < 0.3 else value for value in row))
        found.append(labels[min(int(a > 1e9) + (text > "w"), len(labels) - 1)])
    return rows, found


@pytest.mark.timeout(600)  # the first case compiles it
@pytest.mark.parametrize("labels", [[False, True], ["x", "y", "z"], ["p", "q", 3, "r", "one too many"]])
def test_the_same_bits_with_and_without_a_compiler(labels: list[Any]) -> None:
    """In any batches, with labels at once, late or never, through snapshots, to the last bit of the state."""
    rng = random.Random(4)
    rows, found = events(7, 240, labels)
    if len(labels) > 4:
        found[100:200:10] = labels * 2
    fast, slow = Hybrid(small()), RiverModel(small())
    assert fast.switch()
    start = 0
    while start < len(rows):
        stop = start + rng.choice([1, 2, 17, 60])
        some = Rows(NAMES, rows[start:stop])
        given = [y if rng.random() < 0.7 else None for y in found[start:stop]]
        one, other = fast.run(some, given), slow.run(some, given)
        assert list(one.predictions) == list(other.predictions)
        assert list(one.probabilities) == list(other.probabilities)
        assert [failure.index for failure in one.failures] == [failure.index for failure in other.failures]
        if rng.random() < 0.3:
            late = found[start:stop]
            fast.learn(some, late, [None] * len(late))
            slow.learn(some, late, [None] * len(late))
        if rng.random() < 0.2:
            fast.restore(pickle.loads(pickle.dumps(fast.state())))
        assert digest(fast.state()) == digest(slow.state())
        start = stop


def test_what_is_full_is_bounded_and_counted() -> None:
    """Trees begin anew, texts beyond the first share a column, and further features are counted."""
    model = small()
    for i in range(300):
        model.learn_one({"n": float(i * 7919 % 101), "t": f"text {i}"}, i * 7919 % 101 > 50)
    assert model.mind.forest.used.max() <= 40
    assert len(model.places) == 9
    assert model.unseen == 300 - 8


def test_a_class_too_many_is_an_error() -> None:
    """And changes nothing."""
    model = small()
    for y in "abcd":
        model.learn_one({"n": 1.0}, y)
    before = digest(model)
    with pytest.raises(ValueError, match="classes_max is 4"):
        model.learn_one({"n": 1.0}, "e")
    assert digest(model) == before


def test_nothing_is_claimed_before_the_first_label() -> None:
    """After it true and false are both known."""
    model = small()
    assert model.predict_proba_one({"n": 1.0}) == {}
    model.learn_one({"n": 1.0}, True)
    assert list(model.predict_proba_one({"n": 1.0})) == [False, True]


def test_the_last_label_counts_only_where_labels_come_at_once() -> None:
    """A label that seldom changes is foretold by the last; where labels come late, that expert abstains."""
    shares = []
    for learn in ("learn_one", "learn_late_one"):
        model = small()
        for i in range(200):
            getattr(model, learn)({"n": float(i % 3)}, i % 40 < 20)
        shares.append(model.predict_proba_one({"n": 1.0})[False])
        experts = model.work.said[-2:]
        assert (len(set(experts[0].tolist())) == 1) == (learn == "learn_late_one")
    assert shares[0] > shares[1]


def elec2(hybrid: Hybrid) -> float:
    """Prequential accuracy on 45,312 half hours of electricity prices, eight features."""
    with gzip.open(STREAMS / "elec2.csv.gz", "rt") as lines:
        header, *lists = csv.reader(lines)
    rows = [tuple(map(float, values[:-1])) for values in lists]
    labels = [values[-1] == "UP" for values in lists]
    right = 0
    for start in range(0, len(rows), 256):
        given = labels[start : start + 256]
        scores = hybrid.run(Rows(tuple(header[:-1]), rows[start : start + 256], complete=True), given)
        right += sum(map(bool.__eq__, map(bool, scores.predictions), given))
    return right / len(rows)


@pytest.mark.skipif(not (STREAMS / "elec2.csv.gz").exists(), reason="needs the streams")
def test_elec2() -> None:
    """Above what is published for any single model."""
    hybrid = Hybrid(build("auto", {}, False))
    hybrid.switch()
    assert elec2(hybrid) >= 0.915


def test_a_number_is_foretold_better_than_by_its_mean() -> None:
    """From numbers and texts, some missing; one absurd value does not throw it off for good."""
    rng, model = random.Random(6), AutoRegressor()
    errors, spread = list[float](), list[float]()
    for i in range(500):
        a, c = rng.gauss(0, 1) if i != 250 else 1e12, rng.choice("uv")
        x = {"a": a, "c": c, "b": rng.random()}
        if i % 7 == 0:
            del x["b"]
        y = 5 * min(a, 3.0) + 10 * (c == "u") + rng.gauss(0, 0.1)
        errors.append(abs(model.predict_one(x) - y))
        spread.append(abs(y - 5))
        model.learn_one(x, y)
    assert sum(errors[100:250]) < 0.3 * sum(spread[100:250])
    assert sum(errors[400:]) < 0.9 * sum(spread[400:])


def test_a_numbers_last_label_counts_only_where_labels_come_at_once() -> None:
    """A label that jumps once in a while, whatever the features, is followed at once; late ones are not."""
    errors = dict[str, float]()
    for learn in ("learn_one", "learn_late_one"):
        model, errors[learn] = AutoRegressor(), 0.0
        for i in range(400):
            x, y = {"a": float(i * 7919 % 13)}, float(i // 20 * 7919 % 50)
            errors[learn] += abs(model.predict_one(x) - y)
            getattr(model, learn)(x, y)
    assert errors["learn_one"] < 0.7 * errors["learn_late_one"]
