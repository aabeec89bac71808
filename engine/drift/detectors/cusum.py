"""Cumulative sums (Page 1954): of what lies beyond an allowance on either side of the mean.

The quickest way there is to find a change of the mean of a known size, `shift` standard deviations: half of
it is the allowance. Values count as at most `clip` deviations, so that a single one is never a drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Entry
from engine.drift.detectors import charts_kernel
from engine.drift.detectors.charts import Chart, Charts, warm
from engine.drift.detectors.options import read

OPTIONS = {"shift": 1.0, "clip": 4.0, "reference": 1000}
BOUNDS = {"shift": (0.2, 4.0), "clip": (1.0, 10.0), "reference": (50, 1_000_000)}


def build(signals: int, given: Mapping[str, Any]) -> Charts:
    """For so many signals, with the options that a spec gives."""
    o = read("cusum", OPTIONS, BOUNDS, given)
    chart = Chart(charts_kernel.CUSUM, np.array([o["shift"] / 2]), 9, o["clip"], primed=False)
    return Charts(signals, chart, o["reference"])


ENTRY = Entry(build, ("numbers", "shares"), "simulated", OPTIONS, warm=warm)
