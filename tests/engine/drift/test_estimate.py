"""Performance without labels: right about inputs that moved, silent about relations that did, and says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine.drift.detector import Floats
from engine.drift.estimate import WINDOW, Estimate, Performance
from engine.drift.expected import Hits
from engine.joined import Settlements
from engine.metrics.block import Kind
from engine.models.scores import Scores
from engine.state import digest

N, LATE, TURN = 16_000, 2_000, 1_024
MOVES: dict[str, Callable[[Floats], Floats]] = {
    "suddenly": lambda t: np.where(t < 0.5, 2.5, 0.5),
    "slowly": lambda t: 3 - 3 * t,
    "for the better": lambda t: np.where(t < 0.5, 0.3, 3.0),
}


def settlements(scores: Any, predictions: Any, labels: Any, first: int = 0) -> Settlements:
    n = len(labels)
    found = Settlements(index=list(range(n)), offsets=list(range(first, first + n)), before=[None] * n)
    found.scores, found.predictions, found.labels = list(scores), list(predictions), list(labels)
    return found


def run(estimate: Estimate, columns: list[list[Any]], cut: int = TURN) -> Iterator[tuple[int, Performance]]:
    """Scores, predictions and labels in turns; labels come 2,000 events late."""
    for end in range(TURN, N + 1, TURN):
        for start in range(end - TURN, end, cut):
            stop = min(end, start + cut)
            scores, predictions, _ = (column[start:stop] for column in columns)
            estimate.predicted(Scores(predictions=predictions, scores=scores), stop - 1)
            late = slice(max(0, start - LATE), max(0, stop - LATE))
            scores, predictions, labels = (column[late] for column in columns)
            estimate.settled(settlements(scores, predictions, labels, late.start))
        estimate.turn()
        yield end, estimate.told()


def classes(move: Callable[[Floats], Floats], sure: float, seed: int) -> tuple[list[list[Any]], Floats]:
    """Inputs move as told; the model is as much too sure of itself; and the chance that it is right."""
    rng = np.random.default_rng(seed)
    x = rng.normal(move(np.arange(N) / N), 1.5)
    p, says = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-sure * x))
    columns = [says.tolist(), (says > 0.5).tolist(), (rng.random(N) < p).tolist()]
    return columns, np.where(says > 0.5, p, 1 - p)


@pytest.mark.parametrize("sure", [1.0, 3.0, 0.4])
@pytest.mark.parametrize("move", MOVES)
def test_it_follows_inputs_that_move(move: str, sure: float) -> None:
    """True and labelled accuracy lie in the band in 90 of 100 cases, though labels are 2,000 events late."""
    inside, realised, wide = [], [], []
    for seed in range(4):
        columns, right = classes(MOVES[move], sure, seed)
        hits = np.equal(columns[1], columns[2])
        for end, told in run(Estimate(Kind.BINARY), columns):
            if told.estimated is not None and told.low is not None and told.high is not None:
                here = slice(end - 1000, end)
                inside.append(told.low <= right[here].mean() <= told.high)
                realised.append(told.low <= hits[here].mean() <= told.high)
                wide.append(told.high - told.low)
    assert np.mean(inside) >= 0.9
    assert np.mean(realised) >= 0.85
    assert np.mean(wide) < 0.08


def test_a_relation_that_changes_is_told_apart() -> None:
    """Until labels come the estimate stays, though accuracy fell; then the gap shows, and only then."""
    columns, right = classes(lambda t: np.full_like(t, 2.0), 1.0, 1)
    flipped = np.random.default_rng(2).random(N) < 0.4
    columns[2] = (np.array(columns[2]) ^ (flipped & (np.arange(N) >= N / 2))).tolist()
    told = dict(run(Estimate(Kind.BINARY), columns))
    blind, seen = told[N // 2 // TURN * TURN + 2 * TURN], told[N // 2 // TURN * TURN + 4 * TURN]
    assert blind.estimated == pytest.approx(right.mean(), abs=0.03)
    assert not any(each.apart for end, each in told.items() if end < N / 2 + LATE)
    assert seen.apart
    assert seen.realised is not None
    assert seen.realised < 0.7


def test_what_no_estimate_sees_widens_the_band() -> None:
    """Where the relation changes to and fro, the band is as wide as estimates were off in the end."""
    columns, _ = classes(lambda t: np.full_like(t, 2.0), 1.0, 1)
    flipped = np.random.default_rng(2).random(N) < 0.4 * (np.arange(N) // 1_000 % 2)
    quiet = [told for _, told in run(Estimate(Kind.BINARY), columns)]
    steady = [told.high - told.low for told in quiet if told.low and told.high]
    columns[2] = (np.array(columns[2]) ^ flipped).tolist()
    *_, last = [told for _, told in run(Estimate(Kind.BINARY), columns)]
    assert last.low is not None
    assert last.high is not None
    assert last.high - last.low > 3 * max(steady)


def test_numbers() -> None:
    """The mean absolute error is estimated where inputs move to where the model is worse."""
    rng = np.random.default_rng(3)
    wide = rng.uniform(size=N)
    says = (0.2 + 2 * np.where(np.arange(N) < N / 2, wide**2, wide**0.5)).tolist()
    labels = [p + rng.normal(0, p) for p in says]
    off = np.abs(np.array(says) - labels)
    told = run(Estimate(Kind.REGRESSION), [says, says, labels])
    found = [(t.low <= off[end - 1000 : end].mean() <= t.high) for end, t in told if t.low and t.high]
    assert np.mean(found) >= 0.85
    assert off[: N // 2].mean() * 1.4 < off[N // 2 :].mean()


def test_classes_with_names() -> None:
    """Of many classes the score is the predicted one's."""
    rng = np.random.default_rng(4)
    score = rng.uniform(0.3, 1.0, N)
    labels = np.where(rng.random(N) < score**2, "a", "b").tolist()
    *_, (_, told) = run(Estimate(Kind.MULTICLASS), [score.tolist(), ["a"] * N, labels])
    assert told.estimated == pytest.approx((score**2).mean(), abs=0.03)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.REGRESSION])
def test_it_does_not_matter_how_it_is_cut(kind: Kind) -> None:
    """Told and state are the same, with the state saved and loaded on the way or not."""
    columns, _ = classes(MOVES["slowly"], 1.0, 5)
    columns[2] = columns[2] if kind is Kind.BINARY else [float(y) for y in columns[2]]
    columns[1] = columns[1] if kind is Kind.BINARY else columns[0]
    whole, cut = Estimate(kind), Estimate(kind)
    for (_, one), (_, two) in zip(run(whole, columns), run(cut, columns, 100), strict=True):
        assert one == two
        assert digest(whole.state()) == digest(cut.state())
        cut.restore(whole.state())


def test_what_it_cannot_use() -> None:
    """Predictions before the first class, numbers without end, and labels without a prediction."""
    estimate = Estimate(Kind.REGRESSION)
    for values in ([None] * 600, [math.inf, math.nan] * 300, [0.5] * 300, [1.0] * 300):
        estimate.predicted(Scores(predictions=values, scores=values), 599)
        estimate.settled(settlements(values, values, [2.0] * len(values)))
        estimate.turn()
    assert estimate.told().n == estimate.told().labels == 600
    assert estimate.told().estimated == pytest.approx(1.25, abs=0.01)


def test_what_waits_is_bounded() -> None:
    """While there are too few predictions, the labels of the same few do not pile up."""
    estimate = Estimate(Kind.REGRESSION)
    for _ in range(10):
        estimate.settled(settlements([1.0] * 600, [1.0] * 600, [2.0] * 600))
        estimate.turn()
    assert estimate.state()[1][1][0].shape == (4, WINDOW)


def test_corrections() -> None:
    """A label that is put right counts as if it had come so."""
    first, put_right = Hits(True), Hits(True)
    bins = first.place(np.array([0.9] * 100))
    first.learn(bins, np.zeros(100))
    put_right.learn(bins, np.ones(100))
    put_right.correct(bins, np.full(100, -1.0))
    assert first.rate[bins[0]] == put_right.rate[bins[0]] < 0.5


def test_anomalies() -> None:
    """Scores that are no probabilities promise nothing."""
    with pytest.raises(ValueError, match="no estimate"):
        Estimate(Kind.ANOMALY)
