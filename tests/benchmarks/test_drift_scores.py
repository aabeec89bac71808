"""The scores of real streams are those that their authors give to the same alarms."""

from __future__ import annotations

import doctest

import pytest

from benchmarks import drift_scores
from benchmarks.drift_scores import PROFILES, covering, f1, nab, near, normalised, segments

STANDARD, WINDOW = PROFILES["standard"], (500, 599)


def test_examples() -> None:
    """What stands in the docstrings holds."""
    found = doctest.testmod(drift_scores)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize(
    ("annotated", "alarms", "score"),
    [
        ([[10, 20], [11, 20], [10], [0, 5]], [10, 20], 1.0),
        ([[], [10], [50]], [10], 0.9090909),
        ([[], [10], [50]], [], 0.8),
    ],
)
def test_f1(annotated: list[list[int]], alarms: list[int], score: float) -> None:
    """The examples of the Turing benchmark's own code."""
    assert f1({str(i): points for i, points in enumerate(annotated)}, alarms) == pytest.approx(score)


@pytest.mark.parametrize(
    ("annotated", "alarms", "score"),
    [
        ([[10, 20], [10], [0, 5]], [10, 20], 0.7962963),
        ([[], [10], [40]], [10], 0.7954145),
        ([[], [10], [40]], [], 0.8189300),
    ],
)
def test_covering(annotated: list[list[int]], alarms: list[int], score: float) -> None:
    """The examples of the Turing benchmark's own code."""
    points = {str(i): each for i, each in enumerate(annotated)}
    assert covering(points, alarms, 45) == pytest.approx(score)


def test_one_alarm_for_one_point() -> None:
    """An alarm is spent when it has found a point; alarms outside of a series make no segments."""
    assert near({10, 12}, {11}) == 1
    assert segments([0, 45, 99, -3], 45) == [range(45)]


def test_a_window() -> None:
    """Found at once it earns 1, in its middle less, at its end next to nothing; only the first counts."""
    worth = [nab(1_000, [WINDOW], [at], STANDARD).score for at in (500, 550, 599)]
    assert worth == pytest.approx([1.0, 0.8598, 0.0253], abs=1e-4)
    assert nab(1_000, [WINDOW], range(500, 600), STANDARD).score == pytest.approx(1.0)


@pytest.mark.parametrize(("at", "costs"), [(200, 0.11), (609, 0.027), (700, 0.10855), (999, 0.11)])
def test_false_alarms(at: int, costs: float) -> None:
    """The full price before any window and far behind one, less close behind it."""
    quiet = nab(1_000, [WINDOW], [], STANDARD).score
    assert quiet - nab(1_000, [WINDOW], [at], STANDARD).score == pytest.approx(costs, abs=1e-3)


def test_probation() -> None:
    """In the first 15 % nothing counts, of long series not in the first 750 rows."""
    assert nab(1_000, [WINDOW], range(150), STANDARD).false_alarms == 0
    assert nab(100_000, [], [749, 750], STANDARD).false_alarms == 1
    assert nab(1_000, [(0, 50)], [20], STANDARD).silence == 0


def test_normalised() -> None:
    """Silence gets 0, perfection 100, in every profile."""
    for profile in PROFILES.values():
        assert normalised([nab(1_000, [WINDOW], [], profile)]) == 0
        assert normalised([nab(1_000, [WINDOW], [500], profile)]) == pytest.approx(100)
