"""Calibration: right where the model was wrong, harmless where it was right, and quick to learn anew."""

from __future__ import annotations

import gzip
import math
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.confidence.beta import logs, sigmoid, solve
from engine.confidence.calibration import Calibrator
from engine.confidence.isotonic import Isotonic, rising
from engine.models import build

BLOCK = 256
STREAMS = Path(os.environ.get("DRIFTLINE_STREAMS", "../shared/streams"))

Pairs = list[tuple[float, bool]]


def made(n: int, says: Callable[[float], float], seed: int = 1) -> Pairs:
    """What a model says of events whose true probability is known, and whether they came true."""
    rng = random.Random(seed)
    truths = [rng.betavariate(0.7, 0.9) for _ in range(n)]
    return [(says(p), rng.random() < p) for p in truths]


def trained(pairs: Pairs, calibrator: Calibrator) -> Pairs:
    """What is said after calibration, the labels of a block being learned at its end."""
    said: Pairs = []
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        said += [(calibrator(p), label) for p, label in block]
        calibrator.learn(block)
    return said


def log_loss(pairs: Pairs) -> float:
    return -sum(math.log(min(max(p if y else 1 - p, 1e-6), 1.0)) for p, y in pairs) / len(pairs)


def brier(pairs: Pairs) -> float:
    return sum((p - y) ** 2 for p, y in pairs) / len(pairs)


def error(pairs: Pairs, bins: int = 15) -> float:
    """The expected calibration error."""
    parts: list[Pairs] = [[] for _ in range(bins)]
    for p, y in pairs:
        parts[min(bins - 1, int(p * bins))].append((p, y))
    return sum(abs(sum(p for p, _ in part) - sum(y for _, y in part)) for part in parts) / len(pairs)


def overconfident(p: float) -> float:
    return sigmoid(4 * (logs(p)[0] - logs(p)[1]))


def biased(p: float) -> float:
    return sigmoid(logs(p)[0] - logs(p)[1] - 2)


@pytest.mark.parametrize("says", [overconfident, biased, lambda p: 0.4 + p / 5, lambda p: float(p > 0.5)])
def test_it_puts_right(says: Callable[[float], float]) -> None:
    """Whatever way the probabilities are bent, log loss and calibration error go down, and order holds."""
    raw = made(20_000, says)
    calibrator = Calibrator()
    said = trained(raw, calibrator)
    assert log_loss(said) < log_loss(raw)
    assert error(said) < min(0.03, error(raw) / 2)
    curve = [calibrator(i / 100) for i in range(101)]
    assert curve == sorted(curve)


def test_it_does_no_harm() -> None:
    """Where nothing is wrong, next to nothing is lost: in log loss 0.1 percent, in Brier's score 0.001."""
    raw = made(20_000, lambda p: p)
    said = trained(raw, Calibrator())
    assert log_loss(said) < 1.001 * log_loss(raw)
    assert brier(said) < brier(raw) + 0.001


def test_nothing_changes_before_the_first_label() -> None:
    """A probability is passed on as it is, to the bit."""
    calibrator = Calibrator()
    calibrator.learn([])
    assert [calibrator(p) for p in (0.0, 0.1, 1.0)] == [0.0, 0.1, 1.0]


def test_it_learns_anew() -> None:
    """A model that becomes biased half-way is put right again."""
    before, after = made(10_000, lambda p: p), made(10_000, biased, seed=2)
    calibrator = Calibrator()
    trained(before, calibrator)
    assert log_loss(trained(after, calibrator)) < log_loss(after) - 0.1


def test_a_restored_one_goes_on_alike() -> None:
    """Its state is all there is of it."""
    pairs = made(3_000, biased)
    live, restored = Calibrator(), Calibrator()
    trained(pairs[:1500], live)
    restored.restore(live.state())
    assert trained(pairs[1500:], restored) == trained(pairs[1500:], live)


def test_extreme_answers_are_survived() -> None:
    """Models that say 0 and 1, and are wrong: finite numbers, inside 0 and 1."""
    calibrator = Calibrator()
    for label in (True, False) * 50:
        calibrator.learn([(1.0, label), (0.0, label)] * 20)
    assert all(0 < calibrator(p) < 1 for p in (0.0, 1e-300, 0.5, 1.0))


def test_equations_are_solved() -> None:
    """The answer, put back in, gives the right side."""
    m, g = (4.0, 1.0, 0.5, 3.0, 0.25, 2.0), (1.0, 2.0, 3.0)
    x, y, z = solve(m, g)
    sides = (4 * x + y + 0.5 * z, x + 3 * y + 0.25 * z, 0.5 * x + 0.25 * y + 2 * z)
    assert sides == pytest.approx(g)


def test_pooled_heights_rise() -> None:
    """Neighbours that fall have one height, and the weighted sum stays."""
    heights, weights = [0.9, 0.1, 0.5, 0.4, 0.95], [1.0, 2.0, 3.0, 4.0, 5.0]
    found = rising(heights, weights)
    assert found == sorted(found)
    total = sum(h * w for h, w in zip(heights, weights, strict=True))
    assert sum(h * w for h, w in zip(found, weights, strict=True)) == pytest.approx(total)


def test_the_curve_has_ends() -> None:
    """Beyond what it has seen the curve goes on level."""
    drawn = Isotonic(1.0)
    drawn.at, drawn.height = [-1.0, 1.0], [0.25, 0.75]
    assert [drawn((x, 0.0)) for x in (-5.0, 0.0, 5.0)] == [0.25, 0.5, 0.75]


@pytest.mark.skipif(not STREAMS.exists(), reason="the recorded streams are not here")
@pytest.mark.parametrize("name", ["logistic_regression", "alma", "naive_bayes"])
def test_on_a_real_stream(name: str) -> None:
    """Elec2: log loss, Brier score and calibration error are no worse than the model's own."""
    model, raw = build(name, {}, False), list[tuple[float, bool]]()
    with gzip.open(STREAMS / "elec2.csv.gz", "rt") as file:
        columns = next(file).strip().split(",")
        for line, _ in zip(file, range(10_000), strict=False):
            *values, label = line.strip().split(",")
            x = dict(zip(columns, map(float, values), strict=False))
            raw.append((model.predict_proba_one(x).get(True, 0.5), label == "UP"))
            model.learn_one(x, label == "UP")
    said = trained(raw, Calibrator())
    assert log_loss(said) < log_loss(raw) + 0.001
    assert brier(said) < brier(raw) + 0.001
    assert error(said) < error(raw)
