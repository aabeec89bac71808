"""The drift detection method (Gama and others 2004), as River has it: errors, against the fewest there were.

For shares: zeros and ones, such as errors of a classifier. It looks at the mean of all values since it began,
so the longer it runs the slower it is; and it sees only what rises. River's `drift_threshold`, 3, is found
by simulation instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Entry
from engine.drift.detectors import charts_kernel
from engine.drift.detectors.charts import Chart, Charts, warm
from engine.drift.detectors.options import read

OPTIONS = {"reference": 1000}
BOUNDS = {"reference": (50, 1_000_000)}


def build(signals: int, given: Mapping[str, Any]) -> Charts:
    """For so many signals, with the options that a spec gives."""
    o = read("ddm", OPTIONS, BOUNDS, given)
    chart = Chart(charts_kernel.DDM, np.zeros(1), 8, None, primed=True)
    return Charts(signals, chart, o["reference"])


ENTRY = Entry(build, ("shares",), "simulated", OPTIONS, warm=warm)
