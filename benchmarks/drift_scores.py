"""How the collections of real streams score detectors, by their own rules.

The Numenta Anomaly Benchmark (Lavin and Ahmad, 2015) has windows around anomalies. The first alarm in a
window earns the more the earlier it is; each alarm outside costs, less so shortly behind a window; a window
without an alarm costs. The first 15 % of a series (750 rows at most) are not scored. 0 is what silence gets,
100 is perfection, and there are three profiles of costs.

The Turing Change Point Dataset (van den Burg and Williams, 2020) has five annotators or more for each
series. Covering says how well the segments between alarms overlap with each annotator's; F1 asks whether
alarms lie within 5 rows of what was annotated, precision among the points of all annotators, recall for each
of them. The first row counts as a change point of everybody.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import mean
from typing import NamedTuple

PROBATION, PROBATION_ROWS_MAX = 0.15, 750
FAR = 3.0  # widths behind a window from which on an alarm costs all
MARGIN = 5


class Profile(NamedTuple):
    """What a false alarm and a missed window cost; a window that is found at once earns 1."""

    false_alarm: float
    missed: float


PROFILES = {
    "standard": Profile(0.11, 1.0),
    "low_fp": Profile(0.22, 1.0),
    "low_fn": Profile(0.11, 2.0),
}


def sigmoid(position: float) -> float:
    """From 1 at a window's beginning (-1) over 0 at its end to -1 far behind.

    >>> round(sigmoid(-1.0), 5), sigmoid(0.0), sigmoid(3.0)
    (0.98661, 0.0, -1.0)
    """
    return -1.0 if position >= FAR else 2 / (1 + math.exp(5 * position)) - 1


def windows(marks: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last row of each run of marks.

    >>> windows([False, True, True, False, True])
    [(1, 2), (4, 4)]
    """
    starts = [i for i, mark in enumerate(marks) if mark and not (i and marks[i - 1])]
    ends = [i for i, mark in enumerate(marks) if mark and not (i + 1 < len(marks) and marks[i + 1])]
    return list(zip(starts, ends, strict=True))


class Nab(NamedTuple):
    """The raw score of a series, and what silence and perfection would get."""

    score: float
    silence: float
    perfect: float
    found: int  # windows
    false_alarms: int


def nab(rows: int, there: Sequence[tuple[int, int]], alarms: Iterable[int], profile: Profile) -> Nab:
    """The score of alarms on one series.

    Parameters
    ----------
    rows
        How long it is.
    there
        Its windows, in their order.
    alarms
        At which rows there was one.
    profile
        What mistakes cost.
    """
    first = min(math.floor(PROBATION * rows), PROBATION_ROWS_MAX)
    scored = [window for window in there if window[1] >= first]
    best, lost, false = dict.fromkeys(scored, -profile.missed), 0.0, 0
    for alarm in sorted({alarm for alarm in alarms if alarm >= first}):
        window = next((each for each in there if each[0] <= alarm <= each[1]), None)
        if window is not None:
            start, end = window
            worth = sigmoid(-(end - alarm + 1) / (end - start + 1)) / sigmoid(-1.0)
            best[window] = max(best[window], worth)
            continue
        false += 1
        before = [each for each in there if each[1] < alarm]
        behind = FAR
        if before:
            start, end = before[-1]
            behind = (alarm - end) / max(1, end - start)
        lost += sigmoid(behind) * profile.false_alarm
    found = sum(worth > -profile.missed for worth in best.values())
    return Nab(sum(best.values()) + lost, -profile.missed * len(scored), float(len(there)), found, false)


def normalised(scores: Iterable[Nab]) -> float:
    """The score of all series: 0 for silence, 100 for perfection.

    >>> normalised([Nab(0.0, -1.0, 1.0, 1, 0)])
    50.0
    """
    each = list(scores)
    total, silence = sum(one.score for one in each), sum(one.silence for one in each)
    perfect = sum(one.perfect for one in each)
    return 100 * (total - silence) / (perfect - silence)


# -- the Turing change point dataset -----------------------------------------------------------------------


def near(points: Collection[int], alarms: Collection[int], margin: int = MARGIN) -> int:
    """How many of the points have an alarm of their own close by.

    >>> near({1, 10, 20, 23}, {1, 3, 8, 20})
    3
    """
    left, found = set(alarms), 0
    for point in sorted(points):
        close = min(left, key=lambda alarm: (abs(alarm - point), alarm), default=None)
        if close is not None and abs(close - point) <= margin:
            left.remove(close)
            found += 1
    return found


def f1(annotated: Mapping[str, Collection[int]], alarms: Collection[int]) -> float:
    """Precision among the points of all, recall for each annotator.

    >>> round(f1({"a": [], "b": [10], "c": [50]}, [10]), 4)
    0.9091
    """
    said, truth = {0, *alarms}, [{0, *points} for points in annotated.values()]
    precision = near(set().union(*truth), said) / len(said)
    recall = mean(near(points, said) / len(points) for points in truth)
    return 2 * precision * recall / (precision + recall)


def covering(annotated: Mapping[str, Collection[int]], alarms: Collection[int], rows: int) -> float:
    """How well segments overlap with the best of the alarms' segments, by rows, in the mean of annotators.

    >>> round(covering({"a": [10, 20], "b": [10], "c": [0, 5]}, [10, 20], 45), 4)
    0.7963
    """
    made = segments(alarms, rows)
    return mean(
        sum(len(each) * max(overlap(each, other) for other in made) for each in segments(points, rows)) / rows
        for points in annotated.values()
    )


def segments(points: Collection[int], rows: int) -> list[range]:
    """
    >>> segments([3, 5], 8)
    [range(0, 3), range(3, 5), range(5, 8)]
    """
    inside = sorted({point for point in points if 0 < point < rows})
    return [range(a, b) for a, b in zip([0, *inside], [*inside, rows], strict=True)]


def overlap(one: range, other: range) -> float:
    """Rows that both have, of those that any has."""
    both = max(0, min(one.stop, other.stop) - max(one.start, other.start))
    return both / (len(one) + len(other) - both)
