"""Drift by bounds on means (Frias-Blanco and others 2015), as River has it: HDDM_A and HDDM_W.

For values from 0 to 1, such as errors of a classifier. HDDM_A compares the mean up to the best cut with
that of all values, HDDM_W a fading mean there with one that began at the cut, in which the newest value
weighs `weight`. `confidence` is River's `drift_confidence` where it places the cut; where it makes an alarm
it is found by simulation. Falling shares count as well unless `two_sided: false`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.drift.detector import Entry
from engine.drift.detectors import charts_kernel
from engine.drift.detectors.charts import Chart, Charts, warm
from engine.drift.detectors.options import read

OPTIONS_A = {"confidence": 0.001, "two_sided": True, "reference": 1000}
OPTIONS_W = {"confidence": 0.001, "two_sided": True, "weight": 0.05, "reference": 1000}
BOUNDS = {"confidence": (1e-9, 0.5), "weight": (0.001, 0.5), "reference": (50, 1_000_000)}


def build_a(signals: int, given: Mapping[str, Any]) -> Charts:
    """HDDM_A for so many signals, with the options that a spec gives."""
    o = read("hddm_a", OPTIONS_A, BOUNDS, given)
    options = np.array([math.log(1.0 / o["confidence"]), float(o["two_sided"])])
    return Charts(signals, Chart(charts_kernel.HDDM_A, options, 10, None, primed=True), o["reference"])


def build_w(signals: int, given: Mapping[str, Any]) -> Charts:
    """HDDM_W for so many signals, with the options that a spec gives."""
    o = read("hddm_w", OPTIONS_W, BOUNDS, given)
    options = np.array([math.log(1.0 / o["confidence"]), float(o["two_sided"]), o["weight"]])
    return Charts(signals, Chart(charts_kernel.HDDM_W, options, 19, None, primed=True), o["reference"])


ENTRY_A = Entry(build_a, ("shares",), "simulated", OPTIONS_A, warm=warm)
ENTRY_W = Entry(build_w, ("shares",), "simulated", OPTIONS_W, warm=warm)
