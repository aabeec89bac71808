"""What became of intervals and sets, and of calibrated probabilities, when the labels came."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

EDGE = 1e-6  # a probability is never counted as nearer to 0 or 1


@dataclass(slots=True)
class Coverage:
    """How many labels lay inside, and how large intervals or sets were."""

    labels: int = 0
    covered: int = 0
    recent: float = 0.0  # the share that was covered lately
    regions: int = 0
    size: float = 0.0

    def met(self, inside: bool, before: bool | None, window: int) -> None:
        """Count a label; `before` tells the same of the label that it corrects, if there was one."""
        if before is not None:
            self.covered += inside - before
            return
        self.labels += 1
        self.covered += inside
        self.recent += (inside - self.recent) / min(self.labels, window)

    def report(self, wanted: float) -> dict[str, float | int | None]:
        """The figures by name.

        >>> Coverage(labels=4, covered=3, recent=0.8, regions=2, size=3.0).report(0.9)
        {'coverage_wanted': 0.9, 'coverage': 0.75, 'coverage_recent': 0.8, 'mean_size': 1.5}
        """
        there = self.labels > 0
        return {
            "coverage_wanted": wanted,
            "coverage": self.covered / self.labels if there else None,
            "coverage_recent": self.recent if there else None,
            "mean_size": self.size / self.regions if self.regions else None,
        }


@dataclass(slots=True)
class Losses:
    """Log loss and Brier score of the model's own probabilities, and of the calibrated ones."""

    labels: int = 0
    log_raw: float = 0.0
    log_calibrated: float = 0.0
    brier_raw: float = 0.0
    brier_calibrated: float = 0.0

    def met(self, raw: float, calibrated: float, true: bool) -> None:
        self.labels += 1
        self.log_raw += log_loss(raw, true)
        self.log_calibrated += log_loss(calibrated, true)
        self.brier_raw += (raw - true) ** 2
        self.brier_calibrated += (calibrated - true) ** 2

    def report(self) -> dict[str, float | int | None]:
        """The means by name; None while there is no label."""
        sums = {name: value for name, value in asdict(self).items() if name != "labels"}
        return {name: value / self.labels if self.labels else None for name, value in sums.items()}


def log_loss(p: float, true: bool) -> float:
    q = p if true else 1 - p
    return -math.log(q if EDGE <= q <= 1 else min(max(q, EDGE), 1.0))
