"""Page-Hinkley (Page 1954), as River has it: sums of what lies off the mean so far.

It is CUSUM with a mean that goes on being learned. Values are standardised by the reference and count as at
most `clip` deviations. River's `threshold` is found by simulation, so it is no option. Nor is `alpha`, by
which its sums fade: the further they fell the more of them fades, so in time nothing is left of `delta`,
and alarms come ever oftener (at a run length of 10,000, twice as often as simulated). And `delta`, what a
value may lie off the mean, can't be as small as River's .005: no simulation that ends soon enough is
long enough for sums that grow so slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Entry
from engine.drift.detectors import charts_kernel
from engine.drift.detectors.charts import Chart, Charts, warm
from engine.drift.detectors.options import read

OPTIONS = {"delta": 0.1, "clip": 4.0, "reference": 1000}
BOUNDS = {"delta": (0.05, 2.0), "clip": (1.0, 10.0), "reference": (50, 1_000_000)}
SETTLED = 20.0  # times 1 / delta^2 values, and sums of what is less delta are what they will be


def build(signals: int, given: Mapping[str, Any]) -> Charts:
    """For so many signals, with the options that a spec gives."""
    o = read("page_hinkley", OPTIONS, BOUNDS, given)
    stretch = 2048
    while stretch < SETTLED / o["delta"] ** 2:
        stretch *= 2
    options = np.array([o["delta"], 1.0])
    chart = Chart(charts_kernel.PAGE_HINKLEY, options, 12, o["clip"], primed=True, stretch=stretch)
    return Charts(signals, chart, o["reference"])


ENTRY = Entry(build, ("numbers", "shares"), "simulated", OPTIONS, warm=warm)
