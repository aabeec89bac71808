"""ADWIN (Bifet and Gavalda 2007), as River has it: a window that is cut where its parts differ.

Values are standardised by the reference and count as at most `clip` deviations, so that their scale does
not matter and one value is no drift; the reference is the window's first part. Every `clock` values all
cuts are looked at. River's `delta` is found by simulation; its own bound holds for values from 0 to 1, at
one moment, not at all moments to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Entry
from engine.drift.detectors import adwin_kernel, charts_kernel
from engine.drift.detectors.charts import Chart, Charts, warm
from engine.drift.detectors.options import read

OPTIONS = {"clock": 32, "clip": 4.0, "reference": 1000}
BOUNDS = {"clock": (1, 1024), "clip": (1.0, 10.0), "reference": (50, 1_000_000)}


def build(signals: int, given: Mapping[str, Any]) -> Charts:
    """For so many signals, with the options that a spec gives."""
    o = read("adwin", OPTIONS, BOUNDS, given)
    options = np.array([float(o["clock"])])
    chart = Chart(charts_kernel.ADWIN, options, adwin_kernel.REALS, o["clip"], primed=True)
    return Charts(signals, chart, o["reference"])


ENTRY = Entry(build, ("numbers", "shares"), "simulated", OPTIONS, warm=warm)
