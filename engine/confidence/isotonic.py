"""Isotonic calibration, online: how often each level of probability came true, made to rise.

Labels are counted in bins of the log-odds, and the counts fade. A bin is drawn towards what `Beta` says of it
until it has labels of its own; neighbours that fall are pooled (Ayer and others, 1955); between the bins'
means the curve is straight in the log-odds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from engine.confidence.beta import EDGE, Beta, Logs

BINS = 28  # of width 1, from log-odds -14 to 14
PRIOR = 10.0  # labels that `Beta` counts for in each bin


class Isotonic:
    """Faded counts by bin, and the curve through them."""

    def __init__(self, keep: float) -> None:
        self.keep = keep
        self.seen, self.true, self.sum = [0.0] * BINS, [0.0] * BINS, [0.0] * BINS
        self.at: list[float] = []  # the curve: log-odds,
        self.height: list[float] = []  # and the probability there

    def __call__(self, p: Logs) -> float:
        x, at, height = p[0] - p[1], self.at, self.height
        i = bisect_right(at, x)
        if i == 0 or i == len(at):
            return height[max(0, i - 1)]
        left, low = at[i - 1], height[i - 1]
        return low + (x - left) / (at[i] - left) * (height[i] - low)

    def learn(self, block: Sequence[tuple[Logs, bool]], prior: Beta) -> None:
        """Count a block of labels, and draw the curve anew."""
        fade = self.keep ** len(block)
        self.seen, self.true, self.sum = (
            [fade * n for n in column] for column in (self.seen, self.true, self.sum)
        )
        seen, true, total, middle = self.seen, self.true, self.sum, BINS / 2
        for p, label in block:
            x = p[0] - p[1]
            i = int(x + middle)  # log-odds are not as far out as the bins reach
            seen[i] += 1
            true[i] += label
            total[i] += x
        self._draw(prior)

    def _draw(self, prior: Beta) -> None:
        self.at, heights, weights = [], list[float](), list[float]()
        for seen, true, total in zip(self.seen, self.true, self.sum, strict=True):
            if seen < 1:
                continue
            x = total / seen
            expected = prior((-math.log1p(math.exp(-x)), -math.log1p(math.exp(x))))
            self.at.append(x)
            heights.append((true + PRIOR * expected) / (seen + PRIOR))
            weights.append(seen + PRIOR)
        self.height = [min(max(h, EDGE), 1 - EDGE) for h in rising(heights, weights)]

    def state(self) -> list[Any]:
        return [self.seen, self.true, self.sum, self.at, self.height]

    def restore(self, state: list[Any]) -> None:
        self.seen, self.true, self.sum, self.at, self.height = state


def rising(heights: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest heights that never fall: neighbours that do are pooled.

    >>> rising([0.25, 0.75, 0.25], [1.0, 1.0, 1.0])
    [0.25, 0.5, 0.5]
    """
    pools: list[tuple[float, float, int]] = []
    for height, weight in zip(heights, weights, strict=True):
        pool = (height, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            h, w, n = pools.pop()
            pool = ((h * w + pool[0] * pool[1]) / (w + pool[1]), w + pool[1], n + pool[2])
        pools.append(pool)
    return [height for height, _, n in pools for _ in range(n)]
