"""River's `GaussianScorer` for every number of an event, and one score for the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from river import anomaly, base


class GaussianScorers(base.Base):
    """How far the farthest of an event's numbers lies from where it usually lies.

    Each number's own score is uniform on [0, 1] as long as the number is Gaussian. The event's score is
    the largest of its `m`, to the power `m`: so it is uniform, too, however many numbers there are, if these
    are independent; 0.99 means one event in a hundred.

    Parameters
    ----------
    window_size
        How many recent values a number is compared with.
    grace_period
        How many values of a number are needed before it counts.

    Examples
    --------
    >>> scorers = GaussianScorers(grace_period=10)
    >>> for i in range(100):
    ...     scorers.learn_one({"x": float(i % 10), "y": 1.0 + i % 3})
    >>> scorers.score_one({"x": 4.0, "y": 2.0}) < 0.5
    True
    >>> scorers.score_one({"x": 40.0, "y": 2.0}) > 0.999
    True
    """

    def __init__(self, window_size: int = 1000, grace_period: int = 100) -> None:
        self.window_size = window_size
        self.grace_period = grace_period
        self.scorers: dict[str, anomaly.GaussianScorer] = {}

    def learn_one(self, x: Mapping[str, Any]) -> None:
        for name, value in x.items():
            if isinstance(value, str):
                continue
            scorer = self.scorers.get(name)
            if scorer is None:
                scorer = self.scorers[name] = anomaly.GaussianScorer(self.window_size, self.grace_period)
            scorer.learn_one(None, value)

    def score_one(self, x: Mapping[str, Any]) -> float:
        found = [
            float(self.scorers[name].score_one(None, value))
            for name, value in x.items()
            if name in self.scorers
        ]
        return float(max(found) ** len(found)) if found else 0.0
